"""Image datasets under torchvision's names: ``dataset[i]`` is an image and its class."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from minigrad.arrays import Array
from minigrad.data.digits import load_digits
from minigrad.data.mnist import FASHION, Root, Source, read_images
from minigrad.data.mnist import MNIST as DIGITS
from minigrad.data.picture_files import read_picture

__all__ = ["MNIST", "Digits", "FashionMNIST", "ImageFolder"]

PICTURES = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp")

Transform = Callable[[Any], Any]


class _Images:
    """Base class: `data` (N, H, W) of uint8 and `targets` (N,) in memory; items are transformed when they are read."""

    highest = 255
    classes = [str(digit) for digit in range(10)]

    def __init__(self, data: Array, targets: Array, transform: Transform | None, target_transform: Transform | None):
        self.data, self.targets = data, targets
        self.transform, self.target_transform = transform, target_transform

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        """Return the image as float32 (1, H, W) in 0..1 and its class as an int, each after its transform, if any."""
        image: Any = self.data[index][np.newaxis].astype(np.float32) / np.float32(self.highest)
        target: Any = int(self.targets[index])
        return (
            image if self.transform is None else self.transform(image),
            target if self.target_transform is None else self.target_transform(target),
        )


class Digits(_Images):
    """The bundled 8x8 digits; see `load_digits` for the split.

    >>> dataset = Digits(train=False)
    >>> len(dataset), dataset[0][0].shape
    (360, (1, 8, 8))
    """

    highest = 16

    def __init__(self, train: bool = True, transform: Transform | None = None, target_transform: Transform | None = None):
        x, t = load_digits(normalize=False, flatten=False)[0 if train else 1]
        super().__init__(x[:, 0], t, transform, target_transform)


class MNIST(_Images):
    """Handwritten digits, 28x28: 60,000 for training, 10,000 for testing.

    The files are read from `root`, from its `mnist/`, or from torchvision's `MNIST/raw/` in it; without a root, from
    $MINIGRAD_DATA or the cache. `download` fetches missing files. Raises FileNotFoundError, and DatasetFileError for files
    that are not the original ones.

    >>> dataset = MNIST(download=True)  # doctest: +SKIP
    >>> len(dataset), dataset[0][0].shape, dataset[0][1]  # doctest: +SKIP
    (60000, (1, 28, 28), 5)
    """

    source: Source = DIGITS

    def __init__(
        self,
        root: Root = None,
        train: bool = True,
        transform: Transform | None = None,
        target_transform: Transform | None = None,
        download: bool = False,
    ):
        images, labels = read_images(self.source, "train" if train else "test", root, download)
        super().__init__(images, labels.astype(np.int64), transform, target_transform)


class FashionMNIST(MNIST):
    """Images of clothes in the format of MNIST, read from `root`, its `fashion/`, or its `FashionMNIST/raw/`.

    Downloaded files must be the original ones; other files under the same names are read if their format is right.

    >>> import pathlib, tempfile
    >>> import minigrad as mg
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     images, labels = (pathlib.Path(folder) / f"t10k-{kind}-ubyte" for kind in ("images-idx3", "labels-idx1"))
    ...     _ = images.write_bytes(bytes([0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2, 0, 255]))
    ...     _ = labels.write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 1, 9]))
    ...     dataset = mg.data.datasets.FashionMNIST(folder, train=False)
    >>> dataset[0], dataset.classes[9]
    ((array([[[0., 1.]]], dtype=float32), 9), 'Ankle boot')
    """

    source = FASHION
    classes = ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"]


class ImageFolder:
    """The pictures below a folder, which has a folder for each class: `root`/cat/1.png, `root`/dog/a/2.jpg, ...

    * `loader`: a function of a path that returns the image; None: by Pillow, as float32 (3, H, W) within 0..1, turned as the
      EXIF orientation says, where torchvision returns a picture of Pillow's.
    * `is_valid_file`: a function of a path that decides which files are pictures; None: by their endings.

    Items are read when they are asked for. `classes` holds the sorted names of the folders, `class_to_idx` their numbers,
    `samples` (path, class) pairs, also named `imgs`, and `targets` the classes. Raises FileNotFoundError for a root without
    folders, or a folder without pictures, ImportError without Pillow when an item is read.

    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name in ("cat", "dog"):
    ...         pathlib.Path(folder, name).mkdir()
    ...         _ = pathlib.Path(folder, name, "1.ppm").write_bytes(b"P6 2 1 255 " + bytes(6))  # two black pixels
    ...     dataset = ImageFolder(folder)
    >>> dataset.classes, dataset.targets
    (['cat', 'dog'], [0, 1])
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        transform: Transform | None = None,
        target_transform: Transform | None = None,
        loader: Callable[[str], Any] | None = None,
        is_valid_file: Callable[[str], bool] | None = None,
    ):
        self.root = os.fspath(root)
        self.transform, self.target_transform = transform, target_transform
        self.loader = read_picture if loader is None else loader
        self.classes = sorted(entry.name for entry in os.scandir(self.root) if entry.is_dir())
        if not self.classes:
            raise FileNotFoundError(f"ImageFolder: {self.root} has no folders, one for each class")
        self.class_to_idx = {name: number for number, name in enumerate(self.classes)}
        wanted = _is_picture if is_valid_file is None else is_valid_file
        self.samples = [
            (path, number)
            for name, number in self.class_to_idx.items()
            for path in _files(Path(self.root, name))
            if wanted(path)
        ]
        self.targets = [number for _, number in self.samples]
        empty = sorted(set(self.classes) - {self.classes[number] for number in self.targets})
        if empty:
            endings = "" if is_valid_file is not None else f"\n  hint: files that end in {', '.join(PICTURES)} are pictures"
            raise FileNotFoundError(f"ImageFolder: no picture in {', '.join(empty)}, of {self.root}{endings}")
        self.imgs = self.samples

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        """Return the picture and its class, each after its transform, if any."""
        path, target = self.samples[index]
        image = self.loader(path)
        return (
            image if self.transform is None else self.transform(image),
            target if self.target_transform is None else self.target_transform(target),
        )


def _is_picture(path: str) -> bool:
    return path.lower().endswith(PICTURES)


def _files(folder: Path) -> list[str]:
    """Return the paths of all files below a folder, those of a folder before those of the folders in it, sorted."""
    found = sorted(os.walk(folder, followlinks=True))
    return [os.path.join(where, name) for where, _, names in found for name in sorted(names)]
