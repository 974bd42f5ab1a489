"""Four optimizers, compared twice (6.1 of "Deep Learning from Scratch"): on a narrow valley, and on handwritten digits.

SGD zigzags across the valley, because the gradient does not point along it. Momentum overshoots and comes back; AdaGrad and
Adam take steps of a similar size in both directions. On the digits, too, the three leave SGD behind.

    python examples/book/optimizers.py     draws optimizers.png; needs matplotlib
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import minigrad as mg
from minigrad.nn import functional as F

OPTIMIZERS = {
    "SGD": lambda parameters, lr: mg.optim.SGD(parameters, lr),
    "Momentum": lambda parameters, lr: mg.optim.SGD(parameters, lr, momentum=0.9),
    "AdaGrad": lambda parameters, lr: mg.optim.Adagrad(parameters, lr),
    "Adam": lambda parameters, lr: mg.optim.Adam(parameters, lr),
}
VALLEY_RATES = {"SGD": 0.95, "Momentum": 0.1, "AdaGrad": 1.5, "Adam": 0.3}
DIGIT_RATES = {"SGD": 0.01, "Momentum": 0.01, "AdaGrad": 0.01, "Adam": 0.001}


def valley(x, y):
    return x**2 / 20 + y**2


def path(name, steps=30):
    """The points that an optimizer visits on its way down the valley, (steps + 1, 2)."""
    point = mg.tensor([-7.0, 2.0], requires_grad=True)
    optimizer = OPTIMIZERS[name]([point], VALLEY_RATES[name])
    visited = [point.tolist()]
    for _ in range(steps):
        optimizer.zero_grad()
        valley(*point).backward()
        optimizer.step()
        visited.append(point.tolist())
    return np.array(visited)


def losses(name, steps=300):
    """The loss on each batch while a network of five layers learns the digits."""
    (x, t), _ = mg.data.load_digits()
    mg.manual_seed(0)  # the same initial weights and the same batches for each optimizer
    net = mg.models.MultiLayerNet(64, [100, 100, 100, 100], 10)
    optimizer = OPTIMIZERS[name](net.parameters(), DIGIT_RATES[name])
    found = []
    for _ in range(steps):
        batch = mg.randint(len(x), (128,)).numpy()
        loss = F.cross_entropy(net(x[batch]), mg.tensor(t[batch]))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        found.append(loss.item())
    return found


def draw(paths, curves):
    figure = plt.figure(figsize=(11, 5), layout="constrained")
    left, right = figure.subfigures(1, 2)
    X, Y = np.meshgrid(np.linspace(-8, 8, 200), np.linspace(-4, 4, 200))
    for axes, (name, points) in zip(left.subplots(2, 2, sharex=True, sharey=True).flat, paths.items(), strict=True):
        axes.contour(X, Y, valley(X, Y), levels=np.arange(0.25, 8, 0.75), colors="0.8", linewidths=0.8)
        axes.plot(*points.T, "o-", markersize=3, linewidth=1, color="tab:red")
        axes.plot(0, 0, "+", color="black", markersize=10)
        axes.set_title(name)
    axes = right.subplots()
    for name, curve in curves.items():
        width = min(11, len(curve))
        axes.plot(np.convolve(curve, np.ones(width) / width, mode="valid"), label=name)
    axes.set(xlabel="step", ylabel="loss, averaged over 11 steps", title="1,437 digits, batches of 128", ylim=(0, None))
    axes.legend()
    return figure


if __name__ == "__main__":
    figure = draw({name: path(name) for name in OPTIMIZERS}, {name: losses(name) for name in OPTIMIZERS})
    figure.savefig(Path(__file__).with_suffix(".png"), dpi=100)
