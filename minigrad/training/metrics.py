"""Metrics of a classifier: loss, accuracy and gradient norms."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from minigrad.arrays import Array
from minigrad.errors import ShapeError
from minigrad.nn import Module
from minigrad.nn import functional as F
from minigrad.nn.inference import evaluating
from minigrad.tensors.tensor import Tensor, tensor

__all__ = ["count_right", "evaluate", "evaluate_batches", "gradient_norm", "gradient_norms", "labels", "totals"]

EVALUATED = 500  # images at a time


def evaluate(network: Module, x: Array, t: Array, batch_size: int = EVALUATED) -> tuple[float, float]:
    """Compute mean cross-entropy and accuracy (0..1) of a classifier on images `x`, in evaluation mode.

    `t` holds the classes (N,) of the images, or one-hot rows (N, C). Each image has the same weight, also in a smaller last
    batch.

    >>> from minigrad import nn
    >>> loss, accuracy = evaluate(nn.Identity(), np.array([[3.0, 1.0], [2.0, 0.0]]), np.array([0, 1]))
    >>> round(loss, 4), accuracy
    (1.1269, 0.5)
    """
    starts = range(0, len(x), batch_size)
    return evaluate_batches(network, ((x[at : at + batch_size], t[at : at + batch_size]) for at in starts))


def evaluate_batches(network: Module, batches: Iterable[Any]) -> tuple[float, float]:
    """Compute mean cross-entropy and accuracy over batches (images, classes); see `evaluate`."""
    loss, right, seen = totals(network, batches)
    if not seen:
        raise ValueError("evaluate: no images")
    return loss / seen, right / seen


def totals(network: Module, batches: Iterable[Any]) -> tuple[float, int, int]:
    """Return the sum of the losses of all images, how many are classified correctly, and how many there are."""
    loss, right, seen = 0.0, 0, 0
    with evaluating(network):
        for x, given in batches:
            t = labels(given)
            scores = network(x if isinstance(x, Tensor) else tensor(x))
            loss += F.cross_entropy(scores, t, reduction="sum").item()
            right += count_right(scores, t)
            seen += len(t)
    return loss, right, seen


def count_right(scores: Tensor, t: Any) -> int:
    """Return how many rows have their highest score at their label."""
    return int(np.count_nonzero(scores.array.argmax(1) == labels(t)))


def labels(t: Any) -> Array:
    """Return classes (N,), from an array or tensor of them, or from one-hot rows (N, C)."""
    array = t.detach().array if isinstance(t, Tensor) else np.asarray(t)
    if array.ndim == 2 and array.shape[1] > 1:
        return array.argmax(1)
    if array.ndim != 1:
        raise ShapeError(f"labels must be classes (N,), or one-hot rows (N, C), got shape {array.shape}")
    return array


def gradient_norms(network: Module) -> dict[str, float]:
    """Return the Euclidean norm of each gradient, by the name of its parameter; parameters without one are left out."""
    grads = {name: p.grad.array for name, p in network.named_parameters() if p.grad is not None}
    return {name: _norm(g) for name, g in grads.items()}


def _norm(g: Array) -> float:
    square = math.inf if g.dtype == np.float16 else float(np.vdot(g, g))
    if not math.isfinite(square):  # the squares overflow, the norm need not
        g = g.astype(np.float64)
        square = float(np.vdot(g, g))
    return math.sqrt(square)


def gradient_norm(network: Module) -> float:
    """Return the Euclidean norm of all gradients together."""
    return math.hypot(*gradient_norms(network).values())
