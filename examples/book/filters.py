"""Filters that a convolutional network has learned, and what they see in an image (7.6.1).

A layer of eight 5x5 filters learns the digits. Afterwards each is applied to an image with edges of all directions: it
answers where the image has the pattern of the filter, mostly an edge of one direction.

    python examples/book/filters.py     draws filters.png; needs matplotlib
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import minigrad as mg
from minigrad.nn import functional as F
from minigrad.training import Trainer


def enlarged(x):
    """Images of twice the size, in which a stroke is as wide as a filter."""
    return x.repeat(2, axis=2).repeat(2, axis=3)


def learned(epochs=15, filters=8):
    """The kernels (filters, 1, 5, 5) of a network's first layer after training on the digits."""
    (x, t), (x_test, t_test) = mg.data.load_digits(flatten=False)
    mg.manual_seed(0)
    net = mg.models.SimpleConvNet((1, 16, 16), {"filter_num": filters}, hidden_size=50, weight_init_std="he")
    options = {"optimizer_param": {"lr": 0.003, "weight_decay": 0.01}, "verbose": False}
    Trainer(net, enlarged(x), t, enlarged(x_test), t_test, epochs, **options).train()
    return net.conv1.weight.detach()


def scene(size=64):
    """A disk, a square that stands on its corner, and stripes, as (1, 1, size, size)."""
    y, x = np.mgrid[:size, :size] / size
    disk = np.hypot(x - 0.27, y - 0.3) < 0.2
    square = abs(x - 0.73) + abs(y - 0.3) < 0.22
    stripes = (y > 0.6) & (y < 0.92) & (abs(x - 0.5) < 0.42) & (np.sin(60 * x * (0.4 + x)) > 0)
    return mg.tensor(np.float32(disk | square | stripes))[None, None]


def draw(kernels, image):
    """Each filter, and beside it its answers: orange is positive, violet negative."""
    answers = F.conv2d(image, kernels)[0].numpy()
    figure = plt.figure(figsize=(12, 3.6), layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=(1, 4))
    axes = left.subplots()
    axes.imshow(image[0, 0], cmap="gray")
    axes.axis("off")
    grid = right.subplots(2, len(answers), width_ratios=(1, 2) * (len(answers) // 2)).reshape(-1, 2)
    for pair, kernel, answer in zip(grid, kernels[:, 0].numpy(), answers, strict=True):
        for axes, values in zip(pair, (kernel, answer), strict=True):
            axes.imshow(values, cmap="PuOr_r", vmin=-abs(values).max(), vmax=abs(values).max())
            axes.axis("off")
    return figure


if __name__ == "__main__":
    draw(learned(), scene()).savefig(Path(__file__).with_suffix(".png"), dpi=100)
