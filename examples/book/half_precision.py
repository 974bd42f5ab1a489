"""A network in half precision (8.3.5): weights and images of 16 bits, and almost no answer changes.

A network trained in float32 is copied, and the copy converted with `half()`. Its scores differ by some thousandths; the
classes, which depend only on the largest score, hardly ever. The weights take half of the memory.

    python examples/book/half_precision.py     draws half_precision.png; needs matplotlib
"""

import copy
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import minigrad as mg
from minigrad.training import Trainer


def compare(epochs=15):
    """Scores of the test images in float32 and in float16, their classes, and the bytes of both networks' weights."""
    train, (x, t) = mg.data.load_digits(flatten=False)
    mg.manual_seed(0)
    net = mg.models.SimpleConvNet((1, 8, 8), {"filter_num": 16, "filter_size": 3}, hidden_size=50, weight_init_std="he")
    Trainer(net, *train, x, t, epochs=epochs, optimizer_param={"lr": 0.003}, verbose=False).train()
    half = copy.deepcopy(net).half()
    size = [sum(p.nbytes for p in each.parameters()) for each in (net, half)]
    return net.predict(x), half.predict(x.astype(np.float16)), t, size


def draw(single, half, t, size):
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4.2), layout="constrained")
    left.plot(single.ravel(), half.ravel(), ".", markersize=2)
    left.set(xlabel="score in float32", ylabel="score in float16", title=f"{size[0]:,} and {size[1]:,} bytes of weights")
    right.hist(np.log10(abs(half - single).ravel() + 1e-6), 40, color="tab:orange")
    right.set(xlabel="log10 of the difference between two scores", yticks=[])
    both = [float((scores.argmax(1) == t).mean()) for scores in (single, half)]
    changed = int((single.argmax(1) != half.argmax(1)).sum())
    right.set_title(f"accuracy {both[0]:.2%} and {both[1]:.2%}; {changed} of {len(t)} classes differ")
    return figure


if __name__ == "__main__":
    draw(*compare()).savefig(Path(__file__).with_suffix(".png"), dpi=100)
