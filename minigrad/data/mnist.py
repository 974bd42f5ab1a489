"""MNIST: 70,000 handwritten digits of 28x28 (Y. LeCun, C. Cortes, C. Burges), from a folder, the cache, or a mirror."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from minigrad.data.idx import read_idx
from minigrad.data.preparation import Split, prepared
from minigrad.errors import DatasetFileError
from minigrad.primitive import Array
from minigrad.serialization import write_atomically

__all__ = ["FILES", "find_images", "load_mnist"]

# Images and labels of each part, and the SHA-256 of the decompressed files.
FILES = {
    "train": (
        ("train-images-idx3-ubyte", "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"),
        ("train-labels-idx1-ubyte", "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"),
    ),
    "test": (
        ("t10k-images-idx3-ubyte", "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"),
        ("t10k-labels-idx1-ubyte", "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"),
    ),
}
MIRRORS = ("https://ossci-datasets.s3.amazonaws.com/mnist/", "https://storage.googleapis.com/cvdf-datasets/mnist/")
TIMEOUT, LARGEST = 30, 20_000_000  # seconds without an answer; bytes of the largest file, compressed, with room


def load_mnist(
    normalize: bool = True, flatten: bool = True, one_hot_label: bool = False, root: str | os.PathLike[str] | None = None
) -> tuple[Split, Split]:
    """MNIST as ``(x_train, t_train), (x_test, t_test)``: 60,000 and 10,000 images, with the book's interface.

    Shapes (N, 784), or (N, 1, 28, 28) unless `flatten`; float32 in 0..1 with `normalize`, else uint8. Labels are int64
    classes (N,), or one-hot rows (N, 10).

    The files, compressed or not, are looked for in `root`, or else in $MINIGRAD_DATA and the cache; where they are in
    neither, they are downloaded into the cache. Their checksums are verified each time. Raises FileNotFoundError, saying
    where it looked, and DatasetFileError for a file that is not the original one.
    """
    parts = []
    for part in ("train", "test"):
        images, labels = (_original(name, sha256, root) for name, sha256 in FILES[part])
        parts.append(prepared(images, labels, 255, normalize, flatten, one_hot_label))
    return parts[0], parts[1]


def find_images(folders: list[Path], part: str) -> tuple[Array, Array]:
    """Images (N, H, W) and labels (N,) of files named like MNIST's, in the first folder that has them, checked."""
    names = [name for name, _ in FILES[part]]
    found = [_find(folders, name) for name in names]
    for name, path in zip(names, found, strict=True):
        if path is None:
            raise FileNotFoundError(f"{name}[.gz] is in none of {', '.join(map(str, folders))}")
    images, labels = (read_idx(path) for path in found if path is not None)
    if images.ndim != 3 or labels.ndim != 1 or len(images) != len(labels):
        raise DatasetFileError(f"{found[0]}: images {images.shape} and labels {labels.shape} do not belong together")
    if images.dtype != np.uint8 or labels.dtype != np.uint8 or labels.max(initial=0) > 9:
        raise DatasetFileError(f"{found[1]}: expected bytes, and classes 0..9, got up to {labels.max(initial=0)}")
    return images, labels


def folders(root: str | os.PathLike[str] | None, name: str) -> list[Path]:
    """Where the files of a dataset may be: in the folder named, or in $MINIGRAD_DATA and the cache."""
    homes = [Path(root)] if root is not None else [*_from_environment(), _cache()]
    inner = {"mnist": "MNIST/raw", "fashion": "FashionMNIST/raw"}[name]  # torchvision's layout
    return [folder for home in homes for folder in (home, home / name, home / inner)]


def _original(name: str, sha256: str, root: str | os.PathLike[str] | None) -> Array:
    path = _find(folders(root, "mnist"), name)
    if path is None:
        if root is not None:
            raise FileNotFoundError(f"MNIST: {name}[.gz] is not in {root}")
        path = _download(name, sha256)
    return read_idx(path, sha256)


def _find(places: list[Path], name: str) -> Path | None:
    candidates = (folder / f"{name}{suffix}" for folder in places for suffix in ("", ".gz"))
    return next((path for path in candidates if path.is_file()), None)


def _download(name: str, sha256: str) -> Path:
    """Fetch one file from the first mirror that has it, verify it, and only then put it in the cache."""
    from urllib.error import URLError
    from urllib.request import urlopen

    target = _cache() / "mnist" / f"{name}.gz"
    problems = []
    for mirror in MIRRORS:
        print(f"MNIST: downloading {mirror}{name}.gz", file=sys.stderr, flush=True)
        try:
            with urlopen(f"{mirror}{name}.gz", timeout=TIMEOUT) as answer:
                data = answer.read(LARGEST)
            target.parent.mkdir(parents=True, exist_ok=True)
            checked = target.with_name(f".{target.name}.{os.getpid()}.unverified")
            try:
                checked.write_bytes(data)
                read_idx(checked, sha256)
            finally:
                checked.unlink(missing_ok=True)
            write_atomically(target, lambda file, data=data: file.write(data))  # type: ignore[misc]
            return target
        except (URLError, OSError, DatasetFileError) as error:
            problems.append(f"{mirror}: {error}")
    listed = "\n  ".join([f"looked in {place}" for place in folders(None, "mnist")] + problems)
    raise FileNotFoundError(
        f"MNIST: {name}.gz is not here and could not be downloaded\n  {listed}\n"
        "  hint: put the four files in a folder and pass root=, or set MINIGRAD_DATA"
    )


def _from_environment() -> Iterator[Path]:
    if os.environ.get("MINIGRAD_DATA"):
        yield Path(os.environ["MINIGRAD_DATA"])


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "minigrad"
