"""Measure the networks of the tutorial on MNIST: ``python examples/measure_mnist.py TABLE [--root DIR]``.

TABLE is "simple-convnet" (chapter 5), "lenet" or "alexnet" (chapter 7). DIR holds the four files of MNIST; without it they
are taken from $MINIGRAD_DATA or the cache, or downloaded. A row is the mean of its seeds, with the lowest and the highest
result. The tests run this on a few images, and compare the form of the tables.
"""

from __future__ import annotations

import argparse
import itertools
import os
import platform
import time
from collections.abc import Callable, Iterator
from datetime import date
from functools import partial
from typing import Any, NamedTuple

import numpy as np

import minigrad as mg
from minigrad import nn
from minigrad.data import DataLoader, TensorDataset
from minigrad.models import AlexNetSmall, LeNet5, SimpleConvNet
from minigrad.nn.inference import scores

ADAM = partial(mg.optim.Adam, lr=0.001)
SGD = partial(mg.optim.SGD, lr=0.1)


class Row(NamedTuple):
    """A network, and how it is trained: on the first `images` of MNIST, for `epochs` of batches of `batch`."""

    name: str
    make: Callable[[], nn.Module]
    images: int
    epochs: int
    batch: int = 100
    seeds: int = 3
    optimizer: Callable[..., mg.optim.Optimizer] = ADAM


def main(wanted: str, data: Any) -> None:
    """Print a table, below a line each for the command and for the machine."""
    threads = os.environ.get("OPENBLAS_NUM_THREADS", "all")
    print(f"python examples/measure_mnist.py {wanted}")
    print(f"{date.today()}, {processor()}, threads: {threads}, Python {platform.python_version()}, NumPy {np.__version__}\n")
    for line in table(TABLES[wanted], data):
        print(line, flush=True)


def table(rows: list[Row], data: Any) -> Iterator[str]:
    """Yield the lines of a table in Markdown, each as soon as its networks are trained."""
    yield "| network | % of training images | % of test images | CPU seconds |"
    yield "|---|--:|--:|--:|"
    for row in rows:
        train, test, seconds = zip(*(measure(row, data, seed) for seed in range(row.seeds)), strict=True)
        yield f"| {row.name} | {percent(train)} | {percent(test)} | {np.mean(seconds):.0f} |"


def measure(row: Row, data: Any, seed: int) -> tuple[float, float, float]:
    """Train a network; return its accuracy on the training images, on all test images, and CPU seconds."""
    (x, t), (x_test, t_test) = data
    start = time.process_time()
    net = train(row, x, t, seed)
    seconds = time.process_time() - start
    return accuracy(net, x[: row.images], t[: row.images]), accuracy(net, x_test, t_test), seconds


def train(row: Row, x: Any, t: Any, seed: int) -> nn.Module:
    mg.manual_seed(seed)
    net = row.make()
    optimizer = row.optimizer(net.parameters())
    loader = DataLoader(TensorDataset(x[: row.images], t[: row.images]), row.batch, shuffle=True)
    for _ in range(row.epochs):
        for images, labels in loader:
            optimizer.zero_grad()
            nn.functional.cross_entropy(net(images), labels).backward()
            optimizer.step()
    return net


def accuracy(net: nn.Module, x: Any, t: Any) -> float:
    return float((scores(net, x).argmax(1) == t).mean())


def percent(shares: tuple[float, ...]) -> str:
    """Write the mean of some shares in percent, and where there are several also the lowest and the highest."""
    mean, low, high = (f"{100 * f(shares):.1f}" for f in (np.mean, min, max))
    return mean if len(shares) == 1 else f"{mean} ({low} to {high})"


def alexnet(dropout: float = 0.5, normalization: nn.Module | None = None) -> nn.Module:
    """Return the small AlexNet, where wanted with another layer in the place of local response normalization."""
    net = AlexNetSmall(dropout=dropout)
    for i, layer in enumerate(net.features):
        if isinstance(layer, nn.LocalResponseNorm) and normalization is not None:
            net.features[i] = normalization
    return net


class Divide(nn.Module):
    """Division by 2 to the power of 0.75, which is what local response normalization of small values comes to."""

    def forward(self, x: mg.Tensor) -> mg.Tensor:
        return x / 2**0.75


def processor() -> str:
    """Return the processor's name where the system tells it."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            return next(line.split(":")[1].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def lenet(activation: str, subsampling: str, optimizer: str = "Adam") -> Row:
    name = f"{activation}, {subsampling} pooling, {optimizer}"
    make = partial(LeNet5, activation=activation, subsampling=subsampling)
    return Row(name, make, images=5_000, epochs=10, optimizer={"Adam": ADAM, "SGD": SGD}[optimizer])


TABLES = {
    "simple-convnet": [
        Row("5,000 images, 20 epochs", SimpleConvNet, images=5_000, epochs=20),
        Row("60,000 images, 10 epochs", SimpleConvNet, images=60_000, epochs=10, seeds=1),
    ],
    "lenet": [
        *(lenet(*both) for both in itertools.product(("sigmoid", "tanh", "relu"), ("average", "max"))),
        *(lenet(activation, "max", "SGD") for activation in ("sigmoid", "tanh", "relu")),
    ],
    "alexnet": [
        Row(name, make, images=1_000, epochs=15, batch=50)
        for name, make in {
            "as it is": alexnet,
            "without dropout": partial(alexnet, dropout=0.0),
            "without normalization": partial(alexnet, normalization=nn.Identity()),
            "without both": partial(alexnet, dropout=0.0, normalization=nn.Identity()),
            "divided by 1.68 instead of normalized": partial(alexnet, normalization=Divide()),
        }.items()
    ],
}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("table", choices=TABLES)
    parser.add_argument("--root", help="the folder with MNIST's files")
    options = parser.parse_args()
    main(options.table, mg.data.load_mnist(flatten=False, root=options.root))
