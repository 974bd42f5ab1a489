"""Three models that read Shakespeare: what comes next, after one character, after a summary, after all of them?

    python examples/gpt.py --steps 500

A table of pairs, an LSTM and a small GPT (Radford et al., 2018) learn from 20 sonnets and are judged on four others. The
loss is in nats for each character: 4.08 knows nothing, each 0.69 less is one yes-or-no question less.
"""

import argparse
import math
import time

import minigrad as mg
import minigrad.nn.functional as F
from minigrad import nn, optim

TEXT = mg.data.load_sonnets()
CHARS = sorted(set(TEXT))
HELD_OUT = 4  # sonnets


def encode(text):
    return mg.tensor([CHARS.index(c) for c in text])


class Pairs(nn.Module):
    """The logarithm of how often each character followed each: a table that is counted, not trained."""

    context = 1

    def __init__(self, data):
        super().__init__()
        counts = mg.full((len(CHARS), len(CHARS)), 0.1)  # nothing is impossible
        counts.index_put_((data[:-1], data[1:]), mg.tensor(1.0), accumulate=True)
        self.table = nn.Parameter(counts.log())

    def forward(self, x):
        return self.table[x]


class Recurrent(nn.Module):
    """An LSTM: a summary of what came before, renewed at each character."""

    context = 48

    def __init__(self, width=80):
        super().__init__()
        self.embedding = nn.Embedding(len(CHARS), width)
        self.lstm = nn.LSTM(width, width, batch_first=True)
        self.out = nn.Linear(width, len(CHARS))

    def forward(self, x):
        return self.out(self.lstm(self.embedding(x))[0])


class Block(nn.Module):
    """Attention to what came before, then two layers; both add to what passes."""

    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.mix = nn.Linear(width, 3 * width), nn.Linear(width, width)
        wide = nn.Linear(width, 4 * width), nn.GELU("tanh"), nn.Linear(4 * width, width)
        self.mlp = nn.Sequential(*wide)

    def forward(self, x):
        N, T, C = x.shape
        qkv = self.qkv(self.norm1(x)).reshape(N, T, 3, self.heads, C // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)  # each (N, heads, T, C / heads)
        attended = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.mix(attended.permute(0, 2, 1, 3).reshape(N, T, C))
        return x + self.mlp(self.norm2(x))


class GPT(nn.Module):
    """Characters and their places, blocks of attention, scores of what comes next."""

    context = 48

    def __init__(self, width=48, heads=4, depth=2):
        super().__init__()
        self.embedding = nn.Embedding(len(CHARS), width)
        self.place = nn.Parameter(mg.zeros(self.context, width))
        self.blocks = nn.Sequential(*[Block(width, heads) for _ in range(depth)])
        self.norm, self.out = nn.LayerNorm(width), nn.Linear(width, len(CHARS))

    def forward(self, x):
        x = self.embedding(x) + self.place[: x.shape[1]]
        return self.out(self.norm(self.blocks(x)))


def batch(data, context, size=16):
    starts = mg.randint(len(data) - context, (size,)).tolist()
    x = mg.stack([data[s : s + context] for s in starts])
    t = mg.stack([data[s + 1 : s + context + 1] for s in starts])
    return x, t


def loss_of(net, x, t):
    return F.cross_entropy(net(x).reshape(-1, len(CHARS)), t.reshape(-1))


def train(net, data, steps, lr):
    optimizer = optim.AdamW(net.parameters(), lr=lr, weight_decay=0.1)
    schedule = optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    history = []
    for _ in range(steps):
        loss = loss_of(net, *batch(data, net.context))
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        history.append(loss.item())
    return history


@mg.no_grad()
def measure(net, data):
    """The mean loss on all of a text, in pieces of the context's length."""
    n = (len(data) - 1) // net.context * net.context
    return loss_of(net, data[:n].reshape(-1, net.context), data[1 : n + 1].reshape(-1, net.context)).item()


@mg.no_grad()
def write(net, start="\n", length=300, temperature=0.8):
    """Continue a text, a character at a time."""
    text = start
    for _ in range(length):
        scores = net(encode(text[-net.context :])[None])[0, -1]
        text += CHARS[mg.multinomial(F.softmax(scores / temperature, 0), 1).item()]
    return text


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=500)
    steps = parser.parse_args(arguments).steps
    sonnets = TEXT.split("\n\n")
    data, held_out = encode("\n\n".join(sonnets[:-HELD_OUT])), encode("\n\n".join(sonnets[-HELD_OUT:]))
    print("| model | parameters | training | held out | CPU seconds |\n|---|---|---|---|---|")
    print(f"| a guess | 0 | {math.log(len(CHARS)):.2f} | {math.log(len(CHARS)):.2f} | 0 |")
    for name, make, lr in (("pairs", lambda: Pairs(data), 0), ("LSTM", Recurrent, 0.005), ("GPT", GPT, 0.02)):
        mg.manual_seed(0)
        net, start = make(), time.process_time()
        if lr:
            train(net, data, steps, lr)
        seconds, count = time.process_time() - start, sum(p.numel() for p in net.parameters())
        print(f"| {name} | {count:,} | {measure(net, data):.2f} | {measure(net, held_out):.2f} | {seconds:.0f} |")
    print("\n" + write(net).strip())


if __name__ == "__main__":
    main()
