"""Images and labels in the form of the book's loading functions ("Deep Learning from Scratch")."""

from __future__ import annotations

import numpy as np

from minigrad.arrays import Array

__all__ = ["Split", "prepared"]

Split = tuple[Array, Array]


def prepared(images: Array, labels: Array, highest: int, normalize: bool, flatten: bool, one_hot_label: bool) -> Split:
    """Return images (N, H, W) of uint8 up to `highest`, and their classes, converted by the options of `load_mnist`."""
    x = images.astype(np.float32) / np.float32(highest) if normalize else images
    x = x.reshape(len(x), -1) if flatten else x[:, np.newaxis]
    t = labels.astype(np.int64)
    return x, np.eye(10, dtype=np.int64)[t] if one_hot_label else t
