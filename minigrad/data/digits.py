"""The 1,797 handwritten digits that are bundled with the package.

8x8 images with 17 gray levels, by 13 writers: the test set of "Optical Recognition of Handwritten Digits", E. Alpaydin and
C. Kaynak, UCI Machine Learning Repository (1998), https://doi.org/10.24432/C50P49, license CC BY 4.0. scikit-learn
distributes the same 1,797 images as `load_digits`; ``python -m minigrad.data.digits`` rebuilds `digits.npz` from there
(the same bytes each time, with one zlib).
"""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import IO

import numpy as np

from minigrad.arrays import Array
from minigrad.data.preparation import Split, prepared
from minigrad.serialization import load_npz, write_atomically

__all__ = ["load_digits", "read_digits"]

FILE = Path(__file__).with_name("digits.npz")
TRAIN = 1437  # of 1,797: a fifth is the test set


def load_digits(normalize: bool = True, flatten: bool = True, one_hot_label: bool = False) -> tuple[Split, Split]:
    """Return the bundled 8x8 digits as ``(x_train, t_train), (x_test, t_test)``: 1,437 and 360 images.

    Images have shape (N, 64), or (N, 1, 8, 8) without `flatten`; they are float32 in 0..1 with `normalize`, otherwise uint8
    in 0..16. Labels are int64 classes (N,), or one-hot rows (N, 10) with `one_hot_label`. The split is always the same.

    >>> (x_train, t_train), (x_test, t_test) = load_digits(flatten=False)
    >>> x_train.shape, x_test.shape, x_train.dtype
    ((1437, 1, 8, 8), (360, 1, 8, 8), dtype('float32'))
    """
    images, labels = read_digits()
    order = np.random.default_rng(0).permutation(len(images))
    train, test = order[:TRAIN], order[TRAIN:]
    options = (16, normalize, flatten, one_hot_label)
    return prepared(images[train], labels[train], *options), prepared(images[test], labels[test], *options)


def read_digits() -> tuple[Array, Array]:
    """Return all images (1797, 8, 8) in 0..16 and their classes, both uint8, in the order of the original file."""
    arrays = load_npz(FILE)
    return arrays["images"], arrays["labels"]


def _rebuild() -> None:
    from sklearn.datasets import load_digits as original  # type: ignore[import-untyped,import-not-found,unused-ignore]

    digits = original()
    arrays = {"images": digits.images.astype(np.uint8), "labels": digits.target.astype(np.uint8)}

    def write(file: IO[bytes]) -> None:
        with zipfile.ZipFile(file, "w") as archive:
            for name, array in arrays.items():
                data = io.BytesIO()
                np.save(data, array, allow_pickle=False)
                member = zipfile.ZipInfo(f"{name}.npy", date_time=(1998, 7, 1, 0, 0, 0))  # a fixed date: the same bytes
                archive.writestr(member, data.getvalue(), zipfile.ZIP_DEFLATED, compresslevel=9)

    write_atomically(FILE, write)


if __name__ == "__main__":
    _rebuild()
