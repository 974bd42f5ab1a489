"""Overfitting, with dropout and without it (6.3).

A network learns 400 digits, a quarter of which have labels drawn at random. Without dropout it learns all of them by heart,
the wrong ones, too, and is right less and less often about digits that it has not seen. With dropout it cannot rely on
single neurons: it does not learn what has no rule, and is better on new digits than on those it was trained on.

    python examples/book/dropout.py     draws dropout.png; needs matplotlib
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import minigrad as mg
from minigrad import nn
from minigrad.training import Trainer


def network(dropout):
    """Two hidden layers of 200 neurons, each followed by dropout."""
    net = nn.Sequential(
        nn.Linear(64, 200), nn.ReLU(), nn.Dropout(dropout),
        nn.Linear(200, 200), nn.ReLU(), nn.Dropout(dropout),
        nn.Linear(200, 10),
    )  # fmt: skip
    for layer in net:
        if isinstance(layer, nn.Linear):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    return net


def digits(images, wrong=0.25):
    """The first training images, with some labels replaced by random ones, and the test images."""
    (x, t), test = mg.data.load_digits()
    x, t = x[:images], t[:images].copy()
    rng = np.random.default_rng(0)
    chosen = rng.random(images) < wrong
    t[chosen] = rng.integers(0, 10, chosen.sum())
    return (x, t), test


def accuracies(dropout, images=400, epochs=150):
    """Return the accuracies on the training images and on the test images after each epoch."""
    train, test = digits(images)
    mg.manual_seed(0)
    trainer = Trainer(
        network(dropout), *train, *test, epochs, mini_batch_size=50, optimizer="SGD", optimizer_param={"lr": 0.1},
        evaluate_sample_num_per_epoch=images, verbose=False,
    )  # fmt: skip
    trainer.train()
    return trainer.train_acc_list, trainer.test_acc_list


def draw(results):
    figure, row = plt.subplots(1, len(results), figsize=(10, 4), sharey=True, layout="constrained")
    for axes, (dropout, (train, test)) in zip(row, results.items(), strict=True):
        axes.plot(train, label="training images, some with wrong labels")
        axes.plot(test, label="test images")
        axes.set(xlabel="epoch", ylim=(0, 1.02), title=f"dropout of {dropout:.0%}" if dropout else "without dropout")
        axes.text(len(train), 0.05, f"test images at the end: {test[-1]:.1%}", ha="right")
    row[0].set_ylabel("accuracy")
    row[0].legend(loc=(0.2, 0.3))
    return figure


if __name__ == "__main__":
    figure = draw({dropout: accuracies(dropout) for dropout in (0.0, 0.5)})
    figure.savefig(Path(__file__).with_suffix(".png"), dpi=100)
