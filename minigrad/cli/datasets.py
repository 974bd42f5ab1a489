"""The datasets that commands know by name, and the network that fits each."""

from __future__ import annotations

import hashlib
import sys
from typing import Any, NamedTuple

import numpy as np

from minigrad.data import load_digits, load_mnist
from minigrad.errors import DatasetFileError
from minigrad.models import SimpleConvNet
from minigrad.primitive import Array
from minigrad.training import Run

__all__ = ["NAMES", "Data", "load", "network", "restore"]

NAMES = ("digits", "mnist")


class Data(NamedTuple):
    """Images (N, C, H, W) in 0..1 and their classes, for training and for testing."""

    x_train: Array
    t_train: Array
    x_test: Array
    t_test: Array
    source: str

    @property
    def classes(self) -> int:
        return int(max(self.t_train.max(), self.t_test.max())) + 1

    @property
    def checksum(self) -> str:
        """SHA-256 over the four arrays: two runs with the same one saw the same data."""
        digest = hashlib.sha256()
        for array in self[:4]:
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()


def load(name: str, root: str | None = None, limit_train: int | None = None, limit_test: int | None = None) -> Data:
    """The dataset of that name, or as many of its first images as the limits say."""
    if name == "mnist":
        (x_train, t_train), (x_test, t_test) = load_mnist(flatten=False, root=root)
        source = "MNIST (Y. LeCun, C. Cortes, C. Burges)"
    else:
        (x_train, t_train), (x_test, t_test) = load_digits(flatten=False)
        source = "bundled (UCI optical digits)"
    return Data(x_train[:limit_train], t_train[:limit_train], x_test[:limit_test], t_test[:limit_test], source)


def restore(saved: Run, root: str | None) -> tuple[Data, SimpleConvNet]:
    """The data of a run, from `root` if they are not where they were, and a network of its shape."""
    config = saved.config
    try:
        about, given = config["data"], config["arguments"]
        data = load(about["name"], root or given["root"], given["limit_train"], given["limit_test"])
        fitting = network(about["shape"], about["classes"])
        checksum = about["sha256"]
    except (KeyError, TypeError) as error:
        raise DatasetFileError(f"{saved.folder / 'config.json'}: not the configuration of a run: {error}") from None
    if data.checksum != checksum:
        print("minigrad: the data differ from those of the run", file=sys.stderr)
    return data, fitting


def network(input_dim: tuple[int, ...], classes: int) -> SimpleConvNet:
    """The network for images of that shape."""
    options: dict[str, Any] = {"input_dim": tuple(input_dim), "output_size": classes}
    return SimpleConvNet(**options)
