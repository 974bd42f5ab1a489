"""The datasets that commands load by name."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from minigrad.arrays import Array
from minigrad.data import load_digits, load_mnist
from minigrad.data.datasets import FashionMNIST
from minigrad.data.mnist import FASHION, read_images
from minigrad.data.preparation import prepared

__all__ = ["CLASSES", "DIGITS", "NAMES", "SHAPES", "Data", "load"]

SHAPES = {"digits": (1, 8, 8), "mnist": (1, 28, 28), "fashion": (1, 28, 28)}  # of an image
NAMES = tuple(SHAPES)
DIGITS = {"digits": 8, "mnist": 20}  # pixels of the longer side of a digit
CLASSES = 10  # of each dataset


class Data(NamedTuple):
    """Images (N, C, H, W) in 0..1 and their classes, for training and for testing."""

    x_train: Array
    t_train: Array
    x_test: Array
    t_test: Array
    source: str
    names: Sequence[str]  # of the classes

    @property
    def checksum(self) -> str:
        """The SHA-256 of the four arrays, to recognize the same data."""
        digest = hashlib.sha256()
        for array in self[:4]:
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()


def load(name: str, root: str | None = None, limit_train: int | None = None, limit_test: int | None = None) -> Data:
    """Load the dataset of that name, or so many of its first images; `root` is the folder of its files."""
    names: Sequence[str] = [str(digit) for digit in range(10)]
    if name == "mnist":
        train, test = load_mnist(flatten=False, root=root)
        source = "MNIST (Y. LeCun, C. Cortes, C. Burges)"
    elif name == "fashion":
        parts = (read_images(FASHION, part, root, fetch=root is None) for part in ("train", "test"))
        train, test = (prepared(*part, 255, normalize=True, flatten=False, one_hot_label=False) for part in parts)
        source, names = "Fashion-MNIST (H. Xiao, K. Rasul, R. Vollgraf)", FashionMNIST.classes
    else:
        train, test = load_digits(flatten=False)
        source = "bundled (UCI optical digits)"
    (x_train, t_train), (x_test, t_test) = train, test
    return Data(x_train[:limit_train], t_train[:limit_train], x_test[:limit_test], t_test[:limit_test], source, names)
