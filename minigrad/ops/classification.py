"""Classification losses. Their targets, classes or class probabilities, are not differentiated."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.arrays import Array, Shape, Traced, array_of, shape_of
from minigrad.engine.averaging import averaging, averaging_before
from minigrad.engine.composite import composite
from minigrad.engine.promotion import floating
from minigrad.errors import DTypeError, GraphError, ShapeError, warn
from minigrad.kernels.checks import check_choice
from minigrad.ops.elementwise import where
from minigrad.ops.indexing import getitem, take_along_axis
from minigrad.ops.loss import check_items, check_reduction, reduce_loss, weighted
from minigrad.ops.reduction import log_softmax, sum
from minigrad.ops.shape import permute, reshape

__all__ = ["cross_entropy", "multi_margin_loss", "multilabel_margin_loss", "nll_loss"]


@floating("input")
@composite
@averaging_before("ignore_index")
def cross_entropy(
    input: Any,
    target: Any,
    weight: Any = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Any:
    """Compute the cross-entropy of softmax(input) with the target; finite for any finite logits.

    `input` holds logits (C,), (N, C) or (N, C, d1, ...). `target` holds integer classes (), (N,) or (N, d1, ...), or class
    probabilities of the shape of `input`. `weight` (C,) weighs classes; the mean over items is then a weighted mean. Items
    of class `ignore_index` do not count. `label_smoothing` is the share of the target that is spread over all classes.

    Raises IndexError for a class outside 0..C-1 that is not `ignore_index`, DTypeError for labels that are not integers,
    GraphError for a target or weights that require a gradient. Warns of probabilities that are negative or do not sum to 1.

    >>> import numpy as np
    >>> float(cross_entropy(np.zeros((2, 10)), np.array([3, 7])).round(4))
    2.3026
    """
    op = "cross_entropy"
    check_reduction(op, reduction)
    if not 0 <= label_smoothing <= 1:
        raise ValueError(f"{op}: label_smoothing must be within [0, 1], got {label_smoothing}")
    labels = _constant(op, target)
    shape = shape_of(input)
    if labels.dtype.kind == "f" and labels.shape == shape and shape:
        if ignore_index >= 0:
            raise ValueError(f"{op}: ignore_index={ignore_index} has no meaning for class probabilities")
        check_items(op, reduction, _labels_shape(shape))
        return _soft_cross_entropy(input, labels, weight, reduction, label_smoothing)
    _check_labels(op, labels, shape, ignore_index, reduction)
    log_p = log_softmax(input, min(1, len(shape) - 1))
    loss = _nll(op, log_p, labels, weight, ignore_index, reduction)
    if not isinstance(label_smoothing, Traced) and label_smoothing == 0:
        return loss
    rows, flat, weights, kept = _prepared(op, log_p, labels, weight, ignore_index)
    C = shape_of(rows)[1]
    uniform = -sum(rows if weights is None else rows * weights, 1) * (kept.astype(rows.dtype) / C)
    smooth = reduce_loss(reshape(uniform, labels.shape), reduction, _total(flat, weights, kept))
    return (1 - label_smoothing) * loss + label_smoothing * smooth


@floating("input")
@composite
@averaging_before("ignore_index")
def nll_loss(input: Any, target: Any, weight: Any = None, ignore_index: int = -100, reduction: str = "mean") -> Any:
    """Compute minus the log-probability of the target class; see `cross_entropy`.

    `input` holds log-probabilities (C,), (N, C) or (N, C, d1, ...).

    >>> import numpy as np
    >>> nll_loss(np.log(np.array([[0.5, 0.5]])), np.array([1])).round(4)
    np.float64(0.6931)
    """
    check_reduction("nll_loss", reduction)
    labels = _constant("nll_loss", target)
    _check_labels("nll_loss", labels, shape_of(input), ignore_index, reduction)
    return _nll("nll_loss", input, labels, weight, ignore_index, reduction)


@floating("input")
@composite
@averaging
def multi_margin_loss(
    input: Any, target: Any, p: int = 1, margin: float = 1.0, weight: Any = None, reduction: str = "mean"
) -> Any:
    """Compute the sum of max(0, margin - x[target] + x[i])**p over the other classes i, divided by the number of classes.

    `input` holds scores x (N, C) or (C,); `p` is 1 or 2. `weight` (C,) weighs an item by its class; the mean is over items.
    Crammer and Singer (2001).

    >>> import numpy as np
    >>> multi_margin_loss(np.array([[0.5, 0.0, 2.0]]), np.array([0]))
    np.float64(1.0)
    """
    op = "multi_margin_loss"
    check_reduction(op, reduction)
    check_choice(op, "p", p, 1, 2)
    labels, shape = _constant(op, target), shape_of(input)
    if len(shape) not in (1, 2):
        raise ShapeError(f"{op}: input must be (C,) or (N, C), got shape {shape}")
    _check_labels(op, labels, shape, None, reduction)
    C = shape[-1]
    rows, flat = reshape(input, (-1, C)), labels.reshape(-1)
    other = np.arange(C) != flat[:, None]
    loss = _hinge(margin - getitem(rows, (np.arange(flat.size), flat, None)) + rows, other)
    loss = sum(loss if p == 1 else loss * loss, 1) / C
    if weight is not None:
        loss = loss * _class_weights(op, weight, C).astype(loss.dtype, copy=False)[flat]
    return reduce_loss(reshape(loss, labels.shape), reduction)


@floating("input")
@composite
@averaging
def multilabel_margin_loss(input: Any, target: Any, reduction: str = "mean") -> Any:
    """Compute the sum of max(0, 1 - x[j] + x[i]) over the classes j of an item and all others i, divided by C.

    `input` holds scores x (N, C) or (C,), and `target`, of the same shape, lists the classes of each item, up to the first
    -1. Raises IndexError for a number that is not a class.

    >>> import numpy as np
    >>> multilabel_margin_loss(np.array([[0.5, 0.0, 2.0]]), np.array([[0, 2, -1]])).round(4)
    np.float64(0.1667)
    """
    op = "multilabel_margin_loss"
    check_reduction(op, reduction)
    labels, shape = _constant(op, target), shape_of(input)
    if len(shape) not in (1, 2) or labels.shape != shape:
        raise ShapeError(f"{op}: input and target must be (C,) or (N, C), both, got {shape} and {labels.shape}")
    check_items(op, reduction, shape)
    C = shape[-1]
    counted = np.logical_and.accumulate(labels != -1, -1)
    _check_classes(op, labels, counted, C)
    rows, listed, counted = reshape(input, (-1, C)), labels.reshape(-1, C), counted.reshape(-1, C)
    classes = np.where(counted, listed, 0)
    is_target = np.zeros(listed.shape, bool)
    is_target[np.nonzero(counted)[0], classes[counted]] = True
    margin = 1 - getitem(take_along_axis(rows, classes, 1), (..., None)) + getitem(rows, (slice(None), None))
    loss = _hinge(margin, counted[:, :, None] & ~is_target[:, None, :])  # (N, classes of the item, all classes)
    return reduce_loss(reshape(sum(loss, (1, 2)) / C, shape[:-1]), reduction)


def _hinge(margin: Any, counted: Array) -> Any:
    """Return max(margin, 0) where it counts, 0 elsewhere."""
    return where(counted & (array_of(margin) > 0), margin, 0)


def _soft_cross_entropy(x: Any, target: Array, weight: Any, reduction: str, label_smoothing: float) -> Any:
    """Compute the cross-entropy with class probabilities."""
    axis = min(1, target.ndim - 1)
    C = target.shape[axis]
    sums = target.sum(axis)
    wrong = (np.abs(sums - 1) > 1e-3) | (target < 0).any(axis)
    if wrong.any():
        row = tuple(np.argwhere(wrong)[0].tolist())
        warn(
            f"cross_entropy: the target probabilities at {row} sum to {float(sums[row]):.4g}, the least is "
            f"{float(target.min()):.4g}: they should be positive and sum to 1"
        )
    target = target.astype(x.dtype, copy=False) * (1 - label_smoothing) + label_smoothing / C
    if weight is not None:
        weights = _class_weights("cross_entropy", weight, C).astype(x.dtype, copy=False)
        target = target * weights.reshape(C, *[1] * (target.ndim - 2))
    return reduce_loss(-sum(weighted(log_softmax(x, axis), target), axis), reduction)


def _nll(op: str, x: Any, labels: Array, weight: Any, ignore_index: int, reduction: str) -> Any:
    """Compute `nll_loss` of checked labels."""
    rows, flat, weights, kept = _prepared(op, x, labels, weight, ignore_index)
    picked = -getitem(rows, (np.arange(flat.size), np.where(kept, flat, 0)))
    if weights is not None or not kept.all():
        scale = kept.astype(rows.dtype) if weights is None else weights[np.where(kept, flat, 0)] * kept
        picked = where(kept, weighted(picked, scale), 0)  # an ignored item may be infinite
    if reduction == "none":
        picked = reshape(picked, labels.shape)
    return reduce_loss(picked, reduction, _total(flat, weights, kept))


def _prepared(op: str, x: Any, labels: Array, weight: Any, ignore_index: int) -> tuple[Any, Array, Array | None, Array]:
    """Return rows (M, C), their labels (M,), the class weights or None, and a mask (M,) of the rows that count."""
    shape = shape_of(x)
    C = shape[min(1, len(shape) - 1)]
    if len(shape) > 2:  # (N, C, d1, ...) -> (N, d1, ..., C)
        x = permute(x, (0, *range(2, len(shape)), 1))
    weights = None if weight is None else _class_weights(op, weight, C).astype(x.dtype, copy=False)
    flat = labels.reshape(-1)
    return x if len(shape) == 2 else reshape(x, (-1, C)), flat, weights, flat != ignore_index


def _class_weights(op: str, weight: Any, C: int) -> Array:
    if shape_of(weight) != (C,):
        raise ShapeError(f"{op}: weight must be ({C},), one for each class, got shape {shape_of(weight)}")
    return _constant(op, weight, "weight")


def _total(flat: Array, weights: Array | None, kept: Array) -> float:
    """Return the divisor of a mean: the number of items that count, or the sum of their weights."""
    return int(np.count_nonzero(kept)) if weights is None else float((weights[np.where(kept, flat, 0)] * kept).sum())


def _constant(op: str, value: Any, name: str = "target") -> Array:
    if isinstance(value, Traced) and value.node is not None:
        raise GraphError(
            f"{op}: the {name} requires a gradient, but {name}s are not differentiated\n  hint: {name}.detach()"
        )
    return array_of(value)


def _check_classes(op: str, labels: Array, counted: Array, C: int) -> None:
    """Raise DTypeError for labels that are not integers, IndexError for one that counts and is not within 0..C-1."""
    if labels.dtype.kind not in "iu":
        raise DTypeError(f"{op}: labels must be integer classes, got {labels.dtype}\n  hint: target.astype(int)")
    wrong = counted & ((labels < 0) | (labels >= C))
    if wrong.any():
        position = tuple(np.argwhere(wrong)[0].tolist())
        raise IndexError(f"{op}: target {int(labels[position])} at position {position} is not a class; valid are 0..{C - 1}")


def _labels_shape(shape: Shape) -> Shape:
    return (shape[0], *shape[2:]) if len(shape) > 1 else ()


def _check_labels(op: str, labels: Array, shape: Shape, ignore_index: int | None, reduction: str) -> None:
    """Raise an error unless `labels` are integer classes, one for each row of an input of `shape`."""
    if len(shape) < 1:
        raise ShapeError(f"{op}: input must be (C,), (N, C) or (N, C, d1, ...), got shape {shape}")
    wanted = _labels_shape(shape)
    if labels.shape == shape and labels.dtype.kind in "iub" and len(shape) > 1:
        raise DTypeError(
            f"{op}: integer labels of shape {shape} look one-hot\n"
            "  hint: pass classes, target.argmax(1), or float probabilities"
        )
    if labels.shape != wanted and labels.dtype.kind in "iu":
        hint = "\n  hint: target.squeeze(-1)" if labels.shape == (*wanted, 1) else ""
        raise ShapeError(f"{op}: labels have shape {labels.shape}, input has shape {shape}: expected labels {wanted}{hint}")
    kept = labels != ignore_index
    _check_classes(op, labels, kept, shape[min(1, len(shape) - 1)])
    if reduction == "mean" and not kept.any():
        raise ValueError(f'{op}: the mean of 0 items\n  hint: use reduction="sum"')
