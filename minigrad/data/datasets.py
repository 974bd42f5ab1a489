"""Datasets by index: ``dataset[i]`` is an image and its class."""

from __future__ import annotations

import os
from collections.abc import Callable, Sized
from typing import Any, Protocol

import numpy as np

from minigrad.data.digits import load_digits
from minigrad.data.mnist import find_images, folders, load_mnist
from minigrad.errors import ShapeError
from minigrad.primitive import Array
from minigrad.tensor import Tensor

__all__ = ["MNIST", "Dataset", "Digits", "FashionMNIST", "TensorDataset"]

Transform = Callable[[Any], Any]


class Dataset(Sized, Protocol):
    """Anything with a length whose items can be had by index."""

    def __getitem__(self, index: Any) -> Any: ...


class TensorDataset:
    """Arrays or tensors of one length; item i is the tuple of their i-th elements.

    >>> import numpy as np
    >>> TensorDataset(np.zeros((3, 2)), np.array([5, 6, 7]))[1]
    (array([0., 0.]), np.int64(6))
    """

    def __init__(self, *tensors: Any):
        if not tensors:
            raise ValueError("TensorDataset: needs at least one array")
        self.arrays = [t.detach()._array if isinstance(t, Tensor) else np.asarray(t) for t in tensors]
        lengths = [len(a) if a.ndim else None for a in self.arrays]
        if None in lengths or len(set(lengths)) > 1:
            raise ShapeError(f"TensorDataset: arrays must have one length, got {', '.join(map(str, lengths))}")

    def __len__(self) -> int:
        return len(self.arrays[0])

    def __getitem__(self, index: Any) -> tuple[Any, ...]:
        return tuple(array[index] for array in self.arrays)


class _Images:
    """Images in memory: `data` (N, H, W) of uint8, `targets` (N,), and what `dataset[i]` makes of them."""

    highest = 255
    classes = [str(digit) for digit in range(10)]

    def __init__(self, data: Array, targets: Array, transform: Transform | None, target_transform: Transform | None):
        self.data, self.targets = data, targets
        self.transform, self.target_transform = transform, target_transform

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        """The image as float32 (1, H, W) in 0..1 and its class as an int, transformed if asked for."""
        image: Any = self.data[index][np.newaxis].astype(np.float32) / np.float32(self.highest)
        target: Any = int(self.targets[index])
        return (
            image if self.transform is None else self.transform(image),
            target if self.target_transform is None else self.target_transform(target),
        )


class Digits(_Images):
    """The bundled 8x8 digits; see `load_digits`.

    >>> dataset = Digits(train=False)
    >>> len(dataset), dataset[0][0].shape
    (360, (1, 8, 8))
    """

    highest = 16

    def __init__(self, train: bool = True, transform: Transform | None = None, target_transform: Transform | None = None):
        x, t = load_digits(normalize=False, flatten=False)[0 if train else 1]
        super().__init__(x[:, 0], t, transform, target_transform)


class MNIST(_Images):
    """MNIST; `root` as in `load_mnist`."""

    def __init__(
        self,
        root: str | os.PathLike[str] | None = None,
        train: bool = True,
        transform: Transform | None = None,
        target_transform: Transform | None = None,
    ):
        x, t = load_mnist(normalize=False, flatten=False, root=root)[0 if train else 1]
        super().__init__(x[:, 0], t, transform, target_transform)


class FashionMNIST(_Images):
    """Fashion-MNIST (H. Xiao, K. Rasul, R. Vollgraf, 2017) from a folder of its files; there is no download.

    `root` or $MINIGRAD_DATA holds the four files, directly, in `fashion/`, or in `FashionMNIST/raw/`.
    """

    classes = ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"]

    def __init__(
        self,
        root: str | os.PathLike[str] | None = None,
        train: bool = True,
        transform: Transform | None = None,
        target_transform: Transform | None = None,
    ):
        images, labels = find_images(folders(root, "fashion"), "train" if train else "test")
        super().__init__(images, labels.astype(np.int64), transform, target_transform)
