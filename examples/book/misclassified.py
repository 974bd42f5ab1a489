"""The digits that a network gets wrong (8.1): each with its class, and what the network saw, with its probability.

python examples/book/misclassified.py     draws misclassified.png; needs matplotlib
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import minigrad as mg
from minigrad.nn import functional as F
from minigrad.training import Trainer


def mistakes(epochs=15):
    """Train on the digits; return the test images that are misclassified, with their classes and probabilities."""
    train, (x, t) = mg.data.load_digits(flatten=False)
    mg.manual_seed(0)
    net = mg.models.SimpleConvNet((1, 8, 8), {"filter_num": 16, "filter_size": 3}, hidden_size=50, weight_init_std="he")
    Trainer(net, *train, x, t, epochs=epochs, optimizer_param={"lr": 0.003}, verbose=False).train()
    probabilities = F.softmax(mg.tensor(net.predict(x)), 1).numpy()
    wrong = np.flatnonzero(probabilities.argmax(1) != t)
    return x[wrong, 0], t[wrong], probabilities[wrong]


def draw(images, classes, probabilities, most=20):
    shown = min(most, len(images))
    figure, grid = plt.subplots(max(1, -(-shown // 5)), 5, figsize=(9, 2.2 * max(1, -(-shown // 5))), layout="constrained")
    for axes in grid.flat:
        axes.axis("off")
    for axes, image, right, p in zip(grid.flat, images[:shown], classes, probabilities, strict=False):
        axes.imshow(image, cmap="gray_r")
        axes.set_title(f"{right}, seen as {p.argmax()} ({p.max():.0%})", fontsize=10)
    figure.suptitle(f"{len(images)} of 360 test images are misclassified")
    return figure


if __name__ == "__main__":
    draw(*mistakes()).savefig(Path(__file__).with_suffix(".png"), dpi=100)
