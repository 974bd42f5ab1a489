"""A random search for a learning rate and a weight decay (6.5).

Both are drawn on a logarithmic scale, each pair trains a network for a few epochs, and its accuracy on images held out for
the purpose is compared; the test images stay untouched. The learning rate decides nearly everything here, and one look at
the picture shows where to search next.

    python examples/book/hyperparameters.py     draws hyperparameters.png; needs matplotlib
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import minigrad as mg
from minigrad.training import Trainer

HELD_OUT = 100


def search(trials=40, images=500, epochs=15):
    """Return rows of learning rate, weight decay and validation accuracy."""
    (x, t), _ = mg.data.load_digits()
    x, t = x[:images], t[:images]
    mg.manual_seed(0)
    rows = []
    for _ in range(trials):
        lr, decay = 10 ** mg.empty(2).uniform_(-5, -0.5).numpy() * [1, 1e-2]
        net = mg.models.MultiLayerNet(64, [100] * 4, 10, weight_decay_lambda=float(decay))
        trainer = Trainer(
            net, x[HELD_OUT:], t[HELD_OUT:], x[:HELD_OUT], t[:HELD_OUT], epochs, optimizer="SGD",
            optimizer_param={"lr": float(lr)}, verbose=False,
        )  # fmt: skip
        trainer.train()
        rows.append((lr, decay, trainer.test_acc_list[-1]))
    return np.array(rows)


def draw(rows):
    lr, decay, accuracy = rows.T
    figure, axes = plt.subplots(figsize=(7, 4.5), layout="constrained")
    points = axes.scatter(lr, decay, 60, accuracy, vmin=0, vmax=1, edgecolor="0.5", linewidth=0.5)
    best = accuracy.argmax()
    axes.scatter(lr[best], decay[best], 220, facecolor="none", edgecolor="tab:red", linewidth=2)
    axes.set(xscale="log", yscale="log", xlabel="learning rate", ylabel="weight decay")
    axes.set_title(f"best of {len(rows)}: {accuracy[best]:.1%} with a rate of {lr[best]:.2g}", color="tab:red")
    figure.colorbar(points, label="accuracy on the images held out")
    return figure


if __name__ == "__main__":
    draw(search()).savefig(Path(__file__).with_suffix(".png"), dpi=100)
