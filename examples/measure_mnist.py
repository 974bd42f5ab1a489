"""Measure the networks of the tutorial on MNIST: ``python examples/measure_mnist.py TABLE [--root DIR]``.

TABLE is "simple-convnet" (chapter 5), "lenet" or "alexnet" (chapter 7); "filters" makes the picture of chapter 5 instead.
DIR holds the four files of MNIST; without it they are taken from $MINIGRAD_DATA or the cache, or downloaded. A row is the
mean of its seeds, with the lowest and the highest result. The tests run this on a few images.
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
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import minigrad as mg
from minigrad import nn
from minigrad.data import DataLoader, TensorDataset
from minigrad.models import AlexNetSmall, LeNet5, SimpleConvNet
from minigrad.nn.inference import scores

PICTURE = Path(__file__).parents[1] / "docs" / "images" / "mnist_filters.png"


class Row(NamedTuple):
    """A network, and how it is trained: on the first `images` of MNIST, for `epochs` of batches of `batch`, with Adam."""

    name: str
    make: Callable[[], nn.Module]
    images: int
    epochs: int
    batch: int = 100
    seeds: int = 3


def main(wanted: str, data: Any) -> None:
    """Print a table, below a line each for the command and for the machine; or make the picture."""
    if wanted == "filters":
        filters(TABLES["simple-convnet"][0], data, PICTURE)
        return
    threads = os.environ.get("OPENBLAS_NUM_THREADS", "all")
    print(f"python examples/measure_mnist.py {wanted}")
    print(f"{date.today()}, {processor()}, threads: {threads}, Python {platform.python_version()}, NumPy {np.__version__}\n")
    for line in table(TABLES[wanted], data):
        print(line, flush=True)


def table(rows: list[Row], data: Any) -> Iterator[str]:
    """Yield the lines of a table in Markdown, each as soon as its networks are trained."""
    yield "| network | images | epochs | % of training images | % of test images | CPU seconds |"
    yield "|---|--:|--:|--:|--:|--:|"
    for row in rows:
        train, test, seconds = zip(*(measure(row, data, seed) for seed in range(row.seeds)), strict=True)
        time_each = f"{np.mean(seconds):.0f}"
        yield f"| {row.name} | {row.images:,} | {row.epochs} | {percent(train)} | {percent(test)} | {time_each} |"


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
    optimizer = mg.optim.Adam(net.parameters(), lr=0.001)
    loader = DataLoader(TensorDataset(x[: row.images], t[: row.images]), row.batch, shuffle=True)
    for _ in range(row.epochs):
        for images, labels in loader:
            optimizer.zero_grad()
            nn.functional.cross_entropy(net(images), labels).backward()
            optimizer.step()
    return net


def filters(row: Row, data: Any, path: Path) -> None:
    """Save a picture of the first layer, before and after."""
    mg.manual_seed(0)
    before = row.make()  # of the same seed as the trained one
    mg.viz.filters(train(row, *data[0], seed=0), initial=before).savefig(path)


def accuracy(net: nn.Module, x: Any, t: Any) -> float:
    return float((scores(net, x).argmax(1) == t).mean())


def percent(shares: tuple[float, ...]) -> str:
    """Write the mean of some shares in percent, and where there are several also the lowest and the highest."""
    mean, low, high = (f"{100 * f(shares):.1f}" for f in (np.mean, min, max))
    return mean if len(shares) == 1 else f"{mean} ({low} to {high})"


def alexnet(norm: bool, dropout: float) -> nn.Module:
    """Return the small AlexNet, with or without local response normalization."""
    net = AlexNetSmall(dropout=dropout)
    for i, layer in enumerate(net.features):
        if isinstance(layer, nn.LocalResponseNorm) and not norm:
            net.features[i] = nn.Identity()
    return net


def processor() -> str:
    """Return the processor's name where the system tells it."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            return next(line.split(":")[1].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def lenet(activation: str, subsampling: str) -> Row:
    make = partial(LeNet5, activation=activation, subsampling=subsampling)
    return Row(f"{activation}, {subsampling} pooling", make, images=5_000, epochs=10)


TABLES = {
    "simple-convnet": [
        Row("SimpleConvNet", SimpleConvNet, images=5_000, epochs=20),
        Row("SimpleConvNet", SimpleConvNet, images=60_000, epochs=10, seeds=1),
    ],
    "lenet": [lenet(*both) for both in itertools.product(("sigmoid", "tanh", "relu"), ("average", "max"))],
    "alexnet": [
        Row(name, partial(alexnet, norm, dropout), images=1_000, epochs=15, batch=50)
        for name, norm, dropout in (
            ("as it is", True, 0.5),
            ("without dropout", True, 0.0),
            ("without normalization", False, 0.5),
            ("without both", False, 0.0),
        )
    ],
}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("table", choices=[*TABLES, "filters"])
    parser.add_argument("--root", help="the folder with MNIST's files")
    options = parser.parse_args()
    main(options.table, mg.data.load_mnist(flatten=False, root=options.root))
