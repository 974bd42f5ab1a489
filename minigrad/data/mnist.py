"""MNIST and Fashion-MNIST: 70,000 images of 28x28 in ten classes, read from a folder, the cache, or a mirror.

MNIST: handwritten digits (Y. LeCun, C. Cortes, C. Burges, 1998). Fashion-MNIST: clothes (H. Xiao, K. Rasul, R. Vollgraf,
2017).
"""

from __future__ import annotations

import hashlib
import os
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from minigrad.arrays import Array
from minigrad.data.download import download
from minigrad.data.idx import read_idx
from minigrad.data.preparation import Split, prepared
from minigrad.errors import DatasetFileError

__all__ = ["FASHION", "MNIST", "Source", "find_file", "load_mnist", "read_images"]


class File(NamedTuple):
    """A file of a dataset: its name without ".gz", and a SHA-256 of the decompressed or of the compressed file."""

    name: str
    decompressed: str | None = None
    compressed: str | None = None


class Source(NamedTuple):
    """A dataset in MNIST's format: its locations and its files."""

    name: str
    folders: tuple[str, ...]  # in a root or the cache: ours, and torchvision's
    mirrors: tuple[str, ...]
    files: dict[str, tuple[File, File]]  # images and labels of each part
    largest: int  # upper bound for the bytes of a compressed file


MNIST = Source(
    "MNIST",
    ("mnist", "MNIST/raw"),
    ("https://ossci-datasets.s3.amazonaws.com/mnist/", "https://storage.googleapis.com/cvdf-datasets/mnist/"),
    {
        "train": (
            File("train-images-idx3-ubyte", "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"),
            File("train-labels-idx1-ubyte", "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"),
        ),
        "test": (
            File("t10k-images-idx3-ubyte", "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"),
            File("t10k-labels-idx1-ubyte", "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"),
        ),
    },
    20_000_000,
)
FASHION = Source(
    "FashionMNIST",
    ("fashion", "FashionMNIST/raw"),
    (
        "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    ),
    {
        "train": (
            File("train-images-idx3-ubyte", None, "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"),
            File("train-labels-idx1-ubyte", None, "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"),
        ),
        "test": (
            File("t10k-images-idx3-ubyte", None, "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"),
            File("t10k-labels-idx1-ubyte", None, "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"),
        ),
    },
    40_000_000,
)
Root = str | os.PathLike[str] | None


def load_mnist(
    normalize: bool = True, flatten: bool = True, one_hot_label: bool = False, root: Root = None
) -> tuple[Split, Split]:
    """Return MNIST as ``(x_train, t_train), (x_test, t_test)``, 60,000 and 10,000 images, as the book's function does.

    Images have shape (N, 784), or (N, 1, 28, 28) without `flatten`; they are float32 in 0..1 with `normalize`, otherwise
    uint8. Labels are int64 classes (N,), or one-hot rows (N, 10) with `one_hot_label`.

    The files, compressed or not, are read from `root`. Without a root they are read from $MINIGRAD_DATA or the cache, and
    missing files are downloaded into the cache. Their checksums are verified each time. Raises FileNotFoundError with the
    folders that were searched, and DatasetFileError for a file that is not the original one.

    >>> (x_train, t_train), (x_test, t_test) = load_mnist()  # doctest: +SKIP
    >>> x_train.shape, t_test.shape  # doctest: +SKIP
    ((60000, 784), (10000,))
    """
    parts = []
    for part in ("train", "test"):
        images, labels = read_images(MNIST, part, root, fetch=root is None)
        parts.append(prepared(images, labels, 255, normalize, flatten, one_hot_label))
    return parts[0], parts[1]


def read_images(source: Source, part: str, root: Root = None, fetch: bool = False) -> tuple[Array, Array]:
    """Return images (N, H, W) and labels (N,) of one part ("train" or "test"), uint8, strictly checked.

    See `load_mnist` for the folders. With `fetch`, missing files are downloaded: into `root` in torchvision's layout, or
    into the cache.
    """
    paths = [find_file(source, file, root) or _missing(source, file, root, fetch) for file in source.files[part]]
    images, labels = (read_idx(path, file.decompressed) for path, file in zip(paths, source.files[part], strict=True))
    if images.ndim != 3 or labels.ndim != 1 or len(images) != len(labels):
        raise DatasetFileError(f"{paths[0]}: images {images.shape} and labels {labels.shape} do not belong together")
    if images.dtype != np.uint8 or labels.dtype != np.uint8 or labels.max(initial=0) > 9:
        raise DatasetFileError(f"{paths[1]}: expected bytes, and classes 0..9, got up to {labels.max(initial=0)}")
    return images, labels


def find_file(source: Source, file: File, root: Root = None) -> Path | None:
    """Return the path of a file, or None if it is missing."""
    names = (file.name, f"{file.name}.gz")
    candidates = (folder / name for folder in _places(source, root) for name in names)
    return next((path for path in candidates if path.is_file()), None)


def _missing(source: Source, file: File, root: Root, fetch: bool) -> Path:
    """Download a missing file and return its path; raise FileNotFoundError with the folders that were searched."""
    home, folder = (_cache(), source.folders[0]) if root is None else (Path(root), source.folders[1])
    if fetch and home is None:
        problem = f"{file.name}.gz is not here, and there is no home folder to download it to"
    elif fetch and home is not None:
        target = home / folder / f"{file.name}.gz"
        try:
            download([f"{mirror}{target.name}" for mirror in source.mirrors], target, partial(_check, file), source.largest)
            return target
        except OSError as error:
            problem = f"{file.name}.gz is not here and could not be downloaded\n  {error}"
    else:
        where = root if root is not None else "$MINIGRAD_DATA, nor in the cache"
        problem = f"{file.name}[.gz] is not in {where}"
    looked = "\n  ".join(f"looked in {place}" for place in _places(source, root))
    raise FileNotFoundError(
        f"{source.name}: {problem}\n  {looked}\n"
        "  hint: put the four files in a folder and pass root=, set MINIGRAD_DATA, or pass download=True to the dataset"
    )


def _check(file: File, path: Path) -> None:
    """Raise DatasetFileError unless the file at `path` is the original one."""
    if file.compressed is not None:
        found = hashlib.sha256(path.read_bytes()).hexdigest()
        if found != file.compressed:
            raise DatasetFileError(f"{file.name}.gz: SHA-256: expected {file.compressed}, got {found}")
    read_idx(path, file.decompressed)


def _places(source: Source, root: Root) -> list[Path]:
    """Return the folders to search: those in `root`, or those in $MINIGRAD_DATA and the cache."""
    environment = os.environ.get("MINIGRAD_DATA")
    homes = [Path(root)] if root is not None else [Path(home) for home in (environment, _cache()) if home]
    return [place for home in homes for place in (home, *(home / folder for folder in source.folders))]


def _cache() -> Path | None:
    """Return the folder for downloads, or None for a user without a home folder."""
    try:
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "minigrad"
    except RuntimeError:
        return None
