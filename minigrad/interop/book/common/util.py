"""Curves, shuffling, and windows of images: the book's `common/util.py`."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.arrays import Array
from minigrad.errors import ShapeError
from minigrad.kernels.geometry import output_size
from minigrad.ops import col2im, im2col
from minigrad.tensors.creation import randperm

__all__ = ["col2im", "conv_output_size", "im2col", "shuffle_dataset", "smooth_curve"]


def smooth_curve(x: Any) -> Array:
    """Return a curve averaged over 11 points with a Kaiser window, to plot a noisy loss; as long as `x`.

    The ends are continued by reflection.

    >>> smooth_curve([0.0] * 10 + [1.0] + [0.0] * 10).round(3)[8:13]
    array([0.107, 0.116, 0.12 , 0.116, 0.107])
    """
    window = np.kaiser(11, 2)
    left = np.pad(np.asarray(x, np.float64), (5, 0), mode="reflect")
    padded = np.pad(left, (0, 5), mode="symmetric")  # the last point counts twice, the first once: so in the book
    return np.convolve(padded, window / window.sum(), mode="valid")


def shuffle_dataset(x: Array, t: Array) -> tuple[Array, Array]:
    """Return images and labels in one random order, drawn from minigrad's generator (`minigrad.manual_seed`).

    Raises ShapeError if their numbers differ.

    >>> x, t = shuffle_dataset(np.arange(6).reshape(3, 2), np.arange(3))
    >>> bool((x[:, 0] == 2 * t).all())
    True
    """
    if len(x) != len(t):
        raise ShapeError(f"shuffle_dataset: x has {len(x)} images, t {len(t)} labels")
    order = randperm(len(x)).array
    return x[order], t[order]


def conv_output_size(input_size: int, filter_size: int, stride: int = 1, pad: int = 0) -> int:
    """Return the size of a convolution's output, (input_size + 2*pad - filter_size) / stride + 1, rounded down.

    Differs from the book, whose result is a float.

    >>> conv_output_size(28, 5), conv_output_size(7, 5, stride=2, pad=1)
    (24, 3)
    """
    return output_size(input_size, filter_size, stride, pad)
