"""Numerical gradients: the book's `common/gradient.py`."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from minigrad.arrays import Array
from minigrad.models.book_network import numerical_gradient

__all__ = ["numerical_gradient", "numerical_gradient_2d"]


def numerical_gradient_2d(f: Callable[[Array], float], X: Array) -> Array:
    """Return the gradients of `f` at each row of X, or at X itself if it is a vector.

    >>> numerical_gradient_2d(lambda x: float((x**2).sum()), np.array([[3.0, 4.0], [0.0, 2.0]])).round(6)
    array([[6., 8.],
           [0., 4.]])
    """
    return numerical_gradient(f, X) if X.ndim == 1 else np.array([numerical_gradient(f, x) for x in X])
