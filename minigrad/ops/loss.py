"""Losses: a number that says how far predictions are from their targets.

Targets are not differentiated. `reduction` is "mean", "sum" or "none", as in PyTorch.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.errors import DTypeError, GraphError, ShapeError
from minigrad.ops.elementwise import square
from minigrad.ops.indexing import getitem
from minigrad.ops.reduction import log_softmax, sum
from minigrad.ops.shape import permute, reshape
from minigrad.primitive import Array, Traced, shape_of

__all__ = ["cross_entropy", "mse_loss", "nll_loss"]


def cross_entropy(
    x: Any,
    target: Any,
    weight: Any = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Any:
    """Cross-entropy of softmax(x) with the target; finite for any finite logits.

    `x` holds logits (N, C) or (N, C, d1, ...). `target` holds integer classes (N,) or (N, d1, ...), or class
    probabilities of the shape of `x`. `weight` (C,) weighs classes; the mean is then a weighted mean.

    Raises IndexError for a class outside 0..C-1 that is not `ignore_index`, DTypeError for labels that are not integers,
    ShapeError for sizes that differ, ValueError for the mean of nothing.

    >>> import numpy as np
    >>> float(cross_entropy(np.zeros((2, 10)), np.array([3, 7])).round(4))
    2.3026
    """
    op = "cross_entropy"
    if not 0 <= label_smoothing <= 1:
        raise ValueError(f"{op}: label_smoothing must be within [0, 1], got {label_smoothing}")
    labels = _constant(op, target)
    shape = shape_of(x)
    if labels.dtype.kind == "f" and labels.shape == shape:
        return _soft_cross_entropy(x, labels, weight, reduction, label_smoothing)
    _check_labels(op, labels, shape)
    logp = log_softmax(x, 1)
    loss = nll_loss(logp, labels, weight, ignore_index, reduction)
    if label_smoothing == 0:
        return loss
    rows, flat, weights, kept = _prepared(op, logp, labels, weight, ignore_index)
    uniform = -sum(rows if weights is None else rows * weights, 1) * (kept.astype(rows.dtype) / shape[1])
    smooth = _reduced(uniform, labels.shape, reduction, _total(flat, weights, kept, rows.dtype))
    return (1 - label_smoothing) * loss + label_smoothing * smooth


def nll_loss(x: Any, target: Any, weight: Any = None, ignore_index: int = -100, reduction: str = "mean") -> Any:
    """Minus the log-probability that `x` (N, C) or (N, C, d1, ...) gives the target class; see `cross_entropy`.

    >>> import numpy as np
    >>> nll_loss(np.log(np.array([[0.5, 0.5]])), np.array([1])).round(4)
    np.float64(0.6931)
    """
    labels = _constant("nll_loss", target)
    _check_labels("nll_loss", labels, shape_of(x))
    rows, flat, weights, kept = _prepared("nll_loss", x, labels, weight, ignore_index)
    if reduction == "mean" and not kept.any():
        raise ValueError('nll_loss: the mean of 0 items\n  hint: use reduction="sum"')
    picked = -getitem(rows, (np.arange(flat.size), np.where(kept, flat, 0)))
    if weights is not None or not kept.all():
        scale = kept.astype(rows.dtype) if weights is None else weights[np.where(kept, flat, 0)] * kept
        picked = picked * scale
    return _reduced(picked, labels.shape, reduction, _total(flat, weights, kept, rows.dtype))


def mse_loss(x: Any, target: Any, reduction: str = "mean") -> Any:
    """The mean of (x - target)**2; the shapes must agree, as a broadcast here is nearly always a mistake.

    >>> import numpy as np
    >>> mse_loss(np.array([1.0, 2.0]), np.array([1.0, 4.0]))
    np.float64(2.0)
    """
    if shape_of(x) != shape_of(target):
        raise ShapeError(f"mse_loss: input has shape {shape_of(x)}, target {shape_of(target)}")
    return _reduced(square(x - target), shape_of(x), reduction, np.size(_plain(x)))


def _soft_cross_entropy(x: Any, target: Array, weight: Any, reduction: str, label_smoothing: float) -> Any:
    C = target.shape[1]
    target = target * (1 - label_smoothing) + label_smoothing / C
    if weight is not None:
        target = target * _plain(weight).reshape(C, *[1] * (target.ndim - 2))
    loss = -sum(log_softmax(x, 1) * target.astype(x.dtype, copy=False), 1)
    return _reduced(loss, shape_of(loss), reduction, target.size // C)


def _prepared(op: str, x: Any, labels: Array, weight: Any, ignore_index: int) -> tuple[Any, Array, Array | None, Array]:
    """Rows (M, C), their labels (M,), the class weights, and which rows count."""
    shape = shape_of(x)
    C = shape[1] if len(shape) > 1 else shape[0]
    flat = labels.reshape(-1)
    kept = flat != ignore_index
    wrong = np.flatnonzero(kept & ((flat < 0) | (flat >= C)))
    if wrong.size:
        position = tuple(int(i) for i in np.unravel_index(wrong[0], labels.shape)) if labels.ndim else ()
        raise IndexError(f"{op}: target {int(flat[wrong[0]])} at position {position} is not a class; valid are 0..{C - 1}")
    if len(shape) > 2:  # (N, C, d1, ...) -> (N, d1, ..., C)
        x = permute(x, (0, *range(2, len(shape)), 1))
    weights = None if weight is None else _plain(weight).astype(x.dtype, copy=False)
    if weights is not None and weights.shape != (C,):
        raise ShapeError(f"{op}: weight must be ({C},), one for each class, got shape {weights.shape}")
    return x if len(shape) == 2 else reshape(x, (-1, C)), flat, weights, kept


def _total(flat: Array, weights: Array | None, kept: Array, dtype: Any) -> Any:
    """What a mean divides by: the number of items that count, or the sum of their weights."""
    return int(np.count_nonzero(kept)) if weights is None else float((weights[np.where(kept, flat, 0)] * kept).sum())


def _reduced(loss: Any, shape: tuple[int, ...], reduction: str, total: float) -> Any:
    if reduction == "none":
        return loss if shape_of(loss) == shape else reshape(loss, shape)
    if reduction == "sum":
        return sum(loss)
    if reduction != "mean":
        raise ValueError(f'reduction must be "mean", "sum" or "none", got {reduction!r}')
    if 0 in shape:
        raise ValueError('the mean of 0 items\n  hint: use reduction="sum"')
    return sum(loss) / total


def _constant(op: str, target: Any) -> Array:
    if isinstance(target, Traced) and target._node is not None:
        raise GraphError(
            f"{op}: the target requires a gradient, but targets are not differentiated\n  hint: target.detach()"
        )
    return _plain(target)


def _plain(x: Any) -> Array:
    return x._array if isinstance(x, Traced) else np.asarray(x)


def _check_labels(op: str, labels: Array, shape: tuple[int, ...]) -> None:
    """Integer classes, one for each row of x; raises for anything else."""
    if len(shape) < 1:
        raise ShapeError(f"{op}: input must be (N, C) or (N, C, d1, ...), got shape {shape}")
    wanted = (shape[0], *shape[2:]) if len(shape) > 1 else ()
    if labels.shape == shape and labels.dtype.kind in "iub" and len(shape) > 1:
        raise DTypeError(
            f"{op}: integer labels of shape {shape} look one-hot\n"
            "  hint: pass classes, target.argmax(1), or float probabilities"
        )
    if labels.dtype.kind not in "iu":
        raise DTypeError(f"{op}: labels must be integer classes, got {labels.dtype}\n  hint: target.astype(int)")
    if labels.shape == wanted:
        return
    if labels.shape == (*wanted, 1):
        raise ShapeError(f"{op}: labels have shape {labels.shape}, expected {wanted}\n  hint: target.squeeze(-1)")
    raise ShapeError(f"{op}: labels have shape {labels.shape}, input has shape {shape}: expected labels {wanted}")
