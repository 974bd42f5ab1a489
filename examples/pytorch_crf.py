"""Tags of the words of recipes by a bidirectional LSTM and a conditional random field, written for PyTorch.

The network scores each tag of each word; a matrix scores each step from tag to tag. The forward algorithm sums over all
paths, Viterbi's finds the best one (Lafferty et al. 2001; Huang et al. 2015). Impossible steps are forbidden by writing
-10000 into ``transitions.data``. Only the import lines differ; they were: import torch; import torch.nn as nn.
"""

import minigrad as torch
import minigrad.nn as nn

# B-Q I-Q: the words of a quantity; B-F I-F: those of a food; O: any other
RECIPES = """
melt/O two/B-Q spoons/I-Q of/O butter/B-F in/O a/O pan/O
add/O the/O chopped/O onion/B-F and/O a/B-Q pinch/I-Q of/O salt/B-F
beat/O three/B-Q eggs/B-F with/O half/B-Q a/I-Q cup/I-Q of/O brown/B-F sugar/I-F
fold/O in/O the/O flour/B-F and/O one/B-Q spoon/I-Q of/O baking/B-F powder/I-F
pour/O in/O a/B-Q glass/I-Q of/O white/B-F wine/I-F and/O stir/O
simmer/O for/O half/O a/O hour/O with/O two/B-Q bay/B-F leaves/I-F
serve/O with/O black/B-F pepper/I-F and/O a/B-Q spoon/I-Q of/O sour/B-F cream/I-F
boil/O the/O brown/B-F rice/I-F in/O three/B-Q cups/I-Q of/O water/B-F
peel/O four/B-Q tomatoes/B-F and/O cut/O a/O onion/B-F in/O half/O
whip/O a/B-Q cup/I-Q of/O cream/B-F with/O the/O sugar/B-F
"""
UNSEEN = """
add/O three/B-Q spoons/I-Q of/O brown/B-F sugar/I-F and/O a/B-Q glass/I-Q of/O water/B-F
beat/O two/B-Q eggs/B-F with/O the/O sour/B-F cream/I-F
simmer/O the/O tomatoes/B-F in/O half/B-Q a/I-Q glass/I-Q of/O white/B-F wine/I-F
"""
TAGS = ["O", "B-Q", "I-Q", "B-F", "I-F"]
START, STOP = len(TAGS), len(TAGS) + 1


def sentences(text):
    """Pairs of the words and the tags of each line."""
    lines = [[pair.rsplit("/", 1) for pair in line.split()] for line in text.strip().splitlines()]
    return [([word for word, _ in line], [TAGS.index(tag) for _, tag in line]) for line in lines]


class BiLSTM_CRF(nn.Module):
    def __init__(self, vocabulary, embedding_dim=10, hidden_dim=12):
        super().__init__()
        self.index = {word: i for i, word in enumerate(vocabulary)}
        self.word_embeds = nn.Embedding(len(vocabulary), embedding_dim)
        self.lstm = nn.LSTM(embedding_dim, hidden_dim // 2, bidirectional=True)
        self.hidden2tag = nn.Linear(hidden_dim, len(TAGS) + 2)
        # transitions[i, j] is the score of a step to tag i from tag j
        self.transitions = nn.Parameter(torch.randn(len(TAGS) + 2, len(TAGS) + 2))
        self.transitions.data[START, :] = -10000
        self.transitions.data[:, STOP] = -10000
        for kind in "QF":
            inside = TAGS.index(f"I-{kind}")
            for before in range(len(TAGS) + 2):  # "inside" goes on with what began
                if before not in (inside, TAGS.index(f"B-{kind}")):
                    self.transitions.data[inside][before] = -10000

    def features(self, words):
        """The score of each tag of each word: (len(words), tags)."""
        embeds = self.word_embeds(torch.tensor([self.index[word] for word in words])).view(len(words), 1, -1)
        lstm_out, _ = self.lstm(embeds)
        return self.hidden2tag(lstm_out.view(len(words), -1))

    def log_partition(self, feats):
        """The logarithm of the sum of exp(score) over all paths: the forward algorithm."""
        alpha = torch.full((len(TAGS) + 2,), -10000.0, dtype=feats.dtype)
        alpha[START] = 0.0
        for feat in feats:
            alpha = torch.logsumexp(alpha + self.transitions + feat.unsqueeze(1), dim=1)
        return torch.logsumexp(alpha + self.transitions[STOP], dim=0)

    def score(self, feats, tags):
        """The score of one path."""
        path = torch.tensor([START, *tags, STOP])
        return self.transitions[path[1:], path[:-1]].sum() + feats.gather(1, path[1:-1].unsqueeze(1)).sum()

    def loss(self, words, tags):
        feats = self.features(words)
        return self.log_partition(feats) - self.score(feats, tags)

    @torch.no_grad()
    def forward(self, words):
        """The path with the highest score, and its score: Viterbi's algorithm."""
        feats, pointers = self.features(words), []
        best = torch.full((len(TAGS) + 2,), -10000.0, dtype=feats.dtype)
        best[START] = 0.0
        for feat in feats:
            best, previous = (best + self.transitions).max(1)
            best += feat
            pointers.append(previous)
        score, last = (best + self.transitions[STOP]).max(0)
        path = [last.item()]
        for previous in reversed(pointers[1:]):
            path.append(previous[path[-1]].item())
        return score, path[::-1]


def main(epochs=30, seed=0):
    torch.manual_seed(seed)
    data, unseen = sentences(RECIPES), sentences(UNSEEN)
    model = BiLSTM_CRF(sorted({word for words, _ in data for word in words}))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.03)
    losses = []
    for _ in range(epochs):
        total = 0.0
        for words, tags in data:
            model.zero_grad()
            loss = model.loss(words, tags)
            loss.backward()
            optimizer.step()
            total += loss.item()
        losses.append(total / len(data))
    print(f"loss per sentence {losses[0]:.3f} -> {losses[-1]:.3f}")
    found = [(model(words)[1], tags) for words, tags in unseen]
    for (words, tags), (path, _) in zip(unseen, found, strict=True):
        marks = [TAGS[k] if k == t else f"{TAGS[k]}(not {TAGS[t]})" for k, t in zip(path, tags, strict=True)]
        print(*map("/".join, zip(words, marks, strict=True)))
    hits = [k == t for path, tags in found for k, t in zip(path, tags, strict=True)]
    print(f"tags of new sentences: {sum(hits)} of {len(hits)} right")
    return losses, sum(hits) / len(hits), model


if __name__ == "__main__":
    main()
