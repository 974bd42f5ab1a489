"""Characters from an LSTM: embeddings, a state carried from batch to batch, clipped gradients, sampling by temperature."""

import minigrad as torch
import minigrad.nn.functional as F
from minigrad import nn

TEXT = "hello world, this is a tiny corpus for a tiny model. " * 20


class CharRNN(nn.Module):
    def __init__(self, vocab, embedding=16, hidden=32, layers=2, dropout=0.1):
        super().__init__()
        self.hidden, self.layers = hidden, layers
        self.embedding = nn.Embedding(vocab, embedding)
        self.lstm = nn.LSTM(embedding, hidden, num_layers=layers, batch_first=True, dropout=dropout)
        self.drop = nn.Dropout(dropout)
        self.fc = nn.Linear(hidden, vocab)
        self.init_weights()

    def init_weights(self):
        self.embedding.weight.data.uniform_(-0.1, 0.1)
        self.fc.weight.data.uniform_(-0.1, 0.1)
        self.fc.bias.data.zero_()
        for name, param in self.lstm.named_parameters():
            if "bias" in name:
                nn.init.zeros_(param)
                n = param.size(0)
                param.data[n // 4 : n // 2].fill_(0.5)  # the forget gate: keep at first
            else:
                nn.init.orthogonal_(param)

    def init_hidden(self, batch):
        weight = next(self.parameters())
        return tuple(weight.new_zeros(self.layers, batch, self.hidden) for _ in range(2))

    def forward(self, x, state=None):
        out, state = self.lstm(self.embedding(x), state)
        return self.fc(self.drop(out)), state


def get_batch(data, block=16, batch=8):
    starts = torch.randint(len(data) - block - 1, (batch,))
    x = torch.stack([data[i : i + block] for i in starts])
    y = torch.stack([data[i + 1 : i + block + 1] for i in starts])
    return x, y


def train(model, data, steps):
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-2)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=50, gamma=0.5)
    hidden, losses = model.init_hidden(8), []
    model.train()
    for _ in range(steps):
        x, y = get_batch(data)
        hidden = tuple(h.detach() for h in hidden)  # gradients stop at the batch
        logits, hidden = model(x, hidden)
        loss = criterion(logits.view(-1, logits.size(-1)), y.view(-1))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), max_norm=1.0)
        optimizer.step()
        scheduler.step()
        losses.append(loss.item())
    return losses


@torch.no_grad()
def sample(model, chars, start="h", n=40, temperature=0.5):
    model.eval()
    index, state, text = torch.tensor([[chars.index(c) for c in start]]), None, start
    for _ in range(n):
        logits, state = model(index, state)
        probabilities = F.softmax(logits[:, -1, :] / temperature, dim=-1)
        index = torch.multinomial(probabilities, num_samples=1)
        text += chars[index.item()]
    return text


def main(steps=150):
    torch.manual_seed(0)
    chars = sorted(set(TEXT))
    data = torch.tensor([chars.index(c) for c in TEXT], dtype=torch.long)
    model = CharRNN(len(chars))
    losses = train(model, data, steps)
    print(f"loss {losses[0]:.3f} -> {losses[-1]:.3f}")
    print(sample(model, chars))
    return losses


if __name__ == "__main__":
    main()
