"""Batch normalization makes a network indifferent to the scale of its initial weights (6.3.3).

Six layers learn 1,000 digits, from weights of nine standard deviations. Without normalization only one scale learns
well; with it nearly all do.

    python examples/book/batch_norm.py     draws batch_norm.png; needs matplotlib
"""

from contextlib import suppress
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import minigrad as mg
from minigrad import nn
from minigrad.training import Trainer

SCALES = np.logspace(0, -4, 9)


def network(std, normalized):
    layers, width = [], 64
    for _ in range(5):
        layers += [nn.Linear(width, 100), *([nn.BatchNorm1d(100)] if normalized else []), nn.ReLU()]
        width = 100
    net = nn.Sequential(*layers, nn.Linear(width, 10))
    for layer in net:
        if isinstance(layer, nn.Linear):
            nn.init.normal_(layer.weight, std=std)
            nn.init.zeros_(layer.bias)
    return net


def accuracies(std, normalized, images=1000, epochs=20):
    """The accuracy on the training images in each epoch; training ends early where the loss is no longer finite."""
    (x, t), (x_test, t_test) = mg.data.load_digits()
    mg.manual_seed(0)
    options = {"optimizer": "SGD", "optimizer_param": {"lr": 0.02}, "verbose": False}
    trainer = Trainer(network(std, normalized), x[:images], t[:images], x_test, t_test, epochs, 100, **options)
    with suppress(FloatingPointError), np.errstate(over="ignore"):  # the Trainer refuses to go on
        trainer.train()
    return trainer.train_acc_list


def draw(results):
    figure, grid = plt.subplots(3, 3, figsize=(9, 7), sharex=True, sharey=True, layout="constrained")
    for axes, (std, curves) in zip(grid.flat, results.items(), strict=True):
        for name, curve in curves.items():
            axes.plot(range(1, len(curve) + 1), curve, "-" if name.startswith("with b") else "--", label=name)
        axes.set(title=f"weights of {std:.2g}", ylim=(0, 1.02))
    figure.legend(*axes.get_legend_handles_labels(), loc="outside upper center", ncols=2)
    figure.supxlabel("epoch")
    figure.supylabel("accuracy")
    return figure


if __name__ == "__main__":
    cases = {"with batch normalization": True, "without": False}
    figure = draw({std: {name: accuracies(std, on) for name, on in cases.items()} for std in SCALES})
    figure.savefig(Path(__file__).with_suffix(".png"), dpi=100)
