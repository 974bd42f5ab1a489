"""Activations and losses of arrays, computed by minigrad's operations: the book's `common/functions.py`.

Its programs take NumPy from here, too: ``from common.functions import *`` is all that some of them import.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad.arrays import Array
from minigrad.autograd import grad
from minigrad.engine.grad_mode import enable_grad
from minigrad.nn import functional as F
from minigrad.tensors.tensor import Tensor, tensor

__all__ = [
    "cross_entropy_error", "identity_function", "np", "relu", "relu_grad", "sigmoid", "sigmoid_grad", "softmax",
    "softmax_loss", "step_function", "sum_squared_error",
]  # fmt: skip

TINY = 1e-7  # the book adds it to a probability before the logarithm


def identity_function(x: Any) -> Any:
    """Return x itself: the activation of an output layer for regression (3.5.1).

    >>> identity_function(2.5)
    2.5
    """
    return x


def step_function(x: Any) -> Array:
    """Return 1 where x > 0, else 0, as integers (3.2.3).

    >>> step_function(np.array([-1.0, 0.0, 2.0]))
    array([0, 0, 1])
    """
    return np.array(np.asarray(x) > 0, dtype=int)


def sigmoid(x: Any) -> Array:
    """Return 1 / (1 + exp(-x)) (3.2.4); no size of x overflows.

    >>> sigmoid(np.array([-1000.0, 0.0, 1000.0]))
    array([0. , 0.5, 1. ])
    """
    return F.sigmoid(tensor(floats(x))).array


def sigmoid_grad(x: Any) -> Array:
    """Return the derivative of `sigmoid` at x, (1 - sigmoid(x)) * sigmoid(x).

    >>> sigmoid_grad(np.array([0.0, 2.0])).round(4)
    array([0.25 , 0.105])
    """
    return _slope(F.sigmoid, x)


def relu(x: Any) -> Array:
    """Return max(x, 0) (3.2.7).

    >>> relu(np.array([-1.0, 0.0, 2.0]))
    array([0., 0., 2.])
    """
    return F.relu(tensor(floats(x))).array


def relu_grad(x: Any) -> Array:
    """Return 1 where x >= 0, else 0.

    At 0 this is the book's convention; the derivative of `minigrad.nn.functional.relu` is 0 there, and so is that of the
    book's layer.

    >>> relu_grad(np.array([-1.0, 0.0, 2.0]))
    array([0., 1., 1.])
    """
    return (floats(x) >= 0).astype(floats(x).dtype)


def softmax(x: Any) -> Array:
    """Return exp(x) divided by its sum over the last axis (3.5): the probabilities of the classes.

    >>> softmax([0.3, 2.9, 4.0]).round(3)
    array([0.018, 0.245, 0.737])
    >>> softmax([1010, 1000, 990]).round(3)
    array([1., 0., 0.])
    """
    return F.softmax(tensor(floats(x)), -1).array


def sum_squared_error(y: Any, t: Any) -> float:
    """Return half of the sum of (y - t)**2 (4.2.1).

    >>> sum_squared_error([0.1, 0.6, 0.3], [0, 1, 0])
    0.13
    """
    return 0.5 * F.mse_loss(tensor(floats(y)), tensor(floats(t)), reduction="sum").item()


def cross_entropy_error(y: Any, t: Any) -> float:
    """Return the mean of -log(y + 1e-7) at the right classes (4.2.2).

    `y` holds the probabilities of one sample (C,) or of a batch (N, C), `t` the classes or one-hot rows.

    >>> y = np.array([0.1, 0.05, 0.6, 0.25])
    >>> round(cross_entropy_error(y, np.array([0, 0, 1, 0])), 4), round(cross_entropy_error([y, y], [2, 0]), 4)
    (0.5108, 1.4067)
    """
    probabilities, given = np.atleast_2d(floats(y)), np.asarray(t)
    one_hot = given.size == probabilities.size
    classes = given.reshape(probabilities.shape).argmax(1) if one_hot else given.reshape(-1)
    return F.nll_loss((tensor(probabilities) + TINY).log(), tensor(classes)).item()


def softmax_loss(X: Any, t: Any) -> float:
    """Return `cross_entropy_error` of `softmax`, for scores X.

    >>> round(softmax_loss(np.zeros((1, 2)), np.array([0])), 4)
    0.6931
    """
    return cross_entropy_error(softmax(X), t)


def floats(x: Any) -> Array:
    """Return an array of floats: one of integers, or a list, becomes float64, as in NumPy's arithmetic."""
    given = np.asarray(x)
    return given if given.dtype.kind == "f" else given.astype(np.float64)


def _slope(f: Callable[[Tensor], Tensor], x: Any) -> Array:
    with enable_grad():
        t = tensor(floats(x), requires_grad=True)
        (slope,) = grad(f(t).sum(), t)
    return slope.array
