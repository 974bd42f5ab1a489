"""Losses: a number that says how far predictions are from their targets; PyTorch's names, formulas and defaults.

`reduction` is "mean", "sum" or "none". Where PyTorch would broadcast the target, with a warning or without, the shapes must
agree: a broadcast here is nearly always a mistake. Every loss raises ShapeError for shapes that do not fit, and ValueError
for another reduction or for the mean of nothing, before it computes anything. Targets are differentiated, too, if they ask
for it. Those of classes stand in classification.py.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad.arrays import Array, Traced, shape_of
from minigrad.engine.composite import composite
from minigrad.engine.primitive import primitive
from minigrad.engine.promotion import floating
from minigrad.errors import ShapeError
from minigrad.ops.activation import softplus
from minigrad.ops.elementwise import absolute, clip, exp, log, sqrt, square, where
from minigrad.ops.norms import vector_norm
from minigrad.ops.reduction import sum
from minigrad.ops.shape import broadcast_tensors, squeeze, unsqueeze
from minigrad.ops.special import xlogy

__all__ = [
    "binary_cross_entropy", "binary_cross_entropy_with_logits", "cosine_embedding_loss", "cosine_similarity",
    "gaussian_nll_loss", "hinge_embedding_loss", "huber_loss", "kl_div", "l1_loss", "margin_ranking_loss", "mse_loss",
    "multilabel_soft_margin_loss", "pairwise_distance", "poisson_nll_loss", "smooth_l1_loss", "soft_margin_loss",
    "triplet_margin_loss",
]  # fmt: skip


# Probabilities


@floating("input", "target")
@composite
def binary_cross_entropy(input: Any, target: Any, weight: Any = None, reduction: str = "mean") -> Any:
    """-(target * log(input) + (1 - target) * log(1 - input)), of probabilities; the logarithms are at least -100.

    Raises ValueError for an input or a target outside [0, 1].

    >>> import numpy as np
    >>> binary_cross_entropy(np.array([0.5, 0.0]), np.array([1.0, 1.0]), reduction="none").round(4)
    array([  0.6931, 100.    ])
    """
    target = _checked("binary_cross_entropy", reduction, input, target)
    for name, p in (("input", plain(input)), ("target", plain(target))):
        wrong = np.flatnonzero((p < 0) | (p > 1))
        if wrong.size:
            raise ValueError(
                f"binary_cross_entropy: {name} must be within [0, 1], got {float(p.flat[wrong[0]])}"
                + ("\n  hint: for logits use binary_cross_entropy_with_logits" if name == "input" else "")
            )
    loss = bernoulli_nll(input, target)
    return reduced(loss if weight is None else loss * weight, reduction)


@primitive
def bernoulli_nll(p: Array, target: Array) -> Array:
    """`binary_cross_entropy` of each element."""
    with np.errstate(divide="ignore"):
        return -(target * np.maximum(np.log(p), -100) + (1 - target) * np.maximum(np.log1p(-p), -100))


bernoulli_nll.elementwise = True


@bernoulli_nll.gradient("p")
def _(g: Any, p: Any, target: Any) -> Any:
    return g * ((p - target) / np.maximum(p * (1 - p), 1e-12))


@bernoulli_nll.gradient("target")
def _(g: Any, p: Any) -> Any:
    return g * (np.maximum(np.log1p(-p), -100) - np.maximum(np.log(p), -100))


@floating("input", "target")
@composite
def binary_cross_entropy_with_logits(
    input: Any, target: Any, weight: Any = None, reduction: str = "mean", pos_weight: Any = None
) -> Any:
    """`binary_cross_entropy` of sigmoid(input), finite for any logits; `pos_weight` weighs the positive part.

    A logit may be infinite: on the right side of a certain target its loss is 0, on the wrong side infinite.

    >>> import numpy as np
    >>> binary_cross_entropy_with_logits(np.array([0.0, 1e4]), np.array([1.0, 0.0]), reduction="none").round(4)
    array([6.931e-01, 1.000e+04])
    """
    target = _checked("binary_cross_entropy_with_logits", reduction, input, target)
    positive = target if pos_weight is None else target * pos_weight
    loss = weighted(softplus(-input, threshold=math.inf), positive)
    loss = loss + weighted(softplus(input, threshold=math.inf), 1 - target)
    return reduced(loss if weight is None else loss * weight, reduction)


@primitive
def weighted(x: Array, weight: Array) -> Array:
    """x * weight, and 0 for a weight of 0, also of an infinite x: what is certain not to occur costs nothing.

    >>> import numpy as np
    >>> weighted(np.array([np.inf, 3.0]), np.array([0.0, 2.0]))
    array([0., 6.])
    """
    with np.errstate(invalid="ignore"):
        out = np.asarray(x * weight)
        if out.size and np.isnan(out.max()):
            out = np.where((weight == 0) & np.isinf(x), np.zeros((), out.dtype), out)
    return out


weighted.elementwise = True


@weighted.gradient("x")
def _(g: Any, weight: Any) -> Any:
    return g * weight


@weighted.gradient("weight")
def _(g: Any, x: Any) -> Any:
    return g * x


@floating("input", "target")
@composite
def kl_div(input: Any, target: Any, reduction: str = "mean", log_target: bool = False) -> Any:
    """target * (log(target) - input), for an input of log-probabilities, and a target of them with `log_target`.

    The divergence of distributions is their sum: reduction "batchmean" divides it by the size of the first axis.

    >>> import numpy as np
    >>> kl_div(np.log(np.array([[0.5, 0.5]])), np.array([[1.0, 0.0]]), "batchmean").round(4)
    np.float64(0.6931)
    """
    batch = reduction == "batchmean"
    target = _checked("kl_div", "mean" if batch else reduction, input, target)
    loss = weighted(target - input, exp(target)) if log_target else xlogy(target, target) - weighted(input, target)
    return sum(loss) / (shape_of(loss) or (1,))[0] if batch else reduced(loss, reduction)


@floating("input", "target", "var")
@composite
def gaussian_nll_loss(
    input: Any, target: Any, var: Any, full: bool = False, eps: float = 1e-6, reduction: str = "mean"
) -> Any:
    """(log(var) + (input - target)**2 / var) / 2, plus log(2 pi) / 2 if `full`; `var` is at least `eps`.

    `var` has the shape of `input`, but for a last axis that is 1 or missing, or is a number. As in PyTorch, its gradient
    passes where it was raised to `eps`. Raises ValueError if it is negative.

    >>> import numpy as np
    >>> gaussian_nll_loss(np.array([1.0, 2.0]), np.array([1.0, 4.0]), np.array([1.0, 1.0]))
    np.float64(1.0)
    """
    op = "gaussian_nll_loss"
    target = _checked(op, reduction, input, target)
    shape = shape_of(input)
    if shape_of(var) == shape[:-1] and shape:
        var = unsqueeze(var, -1)
    elif shape_of(var) not in ((), shape, (*shape[:-1], 1)):
        raise ShapeError(f"{op}: var has shape {shape_of(var)}, expected {shape} or {(*shape[:-1], 1)}")
    values = plain(var)
    if (values < 0).any():
        raise ValueError(f"{op}: var must be at least 0, got {float(values.min())}")
    var = var + np.maximum(eps - values, 0)
    loss = 0.5 * (log(var) + square(input - target) / var)
    return reduced(loss + 0.5 * math.log(2 * math.pi) if full else loss, reduction)


@floating("input", "target")
@composite
def poisson_nll_loss(
    input: Any, target: Any, log_input: bool = True, full: bool = False, eps: float = 1e-8, reduction: str = "mean"
) -> Any:
    """exp(input) - target * input, or with `log_input` False input - target * log(input + eps).

    `full` adds Stirling's approximation of log(target!) for targets above 1.

    >>> import numpy as np
    >>> poisson_nll_loss(np.array([0.0]), np.array([2.0]))
    np.float64(1.0)
    """
    target = _checked("poisson_nll_loss", reduction, input, target)
    loss = exp(input) - target * input if log_input else input - target * log(input + eps)
    if full:
        many = where(target > 1, target, 1)
        loss = loss + where(target > 1, many * log(many) - many + 0.5 * log(2 * math.pi * many), 0)
    return reduced(loss, reduction)


# Distances


@floating("input", "target")
@composite
def mse_loss(input: Any, target: Any, reduction: str = "mean") -> Any:
    """(input - target)**2.

    >>> import numpy as np
    >>> mse_loss(np.array([1.0, 2.0]), np.array([1.0, 4.0]))
    np.float64(2.0)
    """
    target = _checked("mse_loss", reduction, input, target)
    return reduced(square(input - target), reduction)


@floating("input", "target")
@composite
def l1_loss(input: Any, target: Any, reduction: str = "mean") -> Any:
    """|input - target|; the derivative of a perfect prediction is 0."""
    target = _checked("l1_loss", reduction, input, target)
    return reduced(absolute(input - target), reduction)


@floating("input", "target")
@composite
def huber_loss(input: Any, target: Any, reduction: str = "mean", delta: float = 1.0) -> Any:
    """d**2 / 2 for distances d = |input - target| up to `delta`, from there on a line of slope `delta`. Huber (1964).

    >>> import numpy as np
    >>> huber_loss(np.array([1.0, 3.0]), np.array([0.0, 0.0]), "none")
    array([0.5, 2.5])
    """
    target = _checked("huber_loss", reduction, input, target)
    if not delta > 0:
        raise ValueError(f"huber_loss: delta must be above 0, got {delta}")
    d = input - target
    near = clip(d, -delta, delta)  # rather than both pieces by a mask: the parabola of an infinite distance has no slope
    return reduced(0.5 * square(near) + delta * absolute(d - near), reduction)


@floating("input", "target")
@composite
def smooth_l1_loss(input: Any, target: Any, reduction: str = "mean", beta: float = 1.0) -> Any:
    """huber_loss / beta, with delta = beta: a parabola near 0, of slope 1 farther out. Girshick (2015).

    >>> import numpy as np
    >>> smooth_l1_loss(np.array([1.0, 3.0]), np.array([0.0, 0.0]), "none", beta=2.0)
    array([0.25, 2.  ])
    """
    if not beta >= 0:
        raise ValueError(f"smooth_l1_loss: beta must be at least 0, got {beta}")
    return l1_loss(input, target, reduction) if beta == 0 else huber_loss(input, target, reduction, beta) / beta


@floating("x1", "x2")
@composite
def cosine_similarity(x1: Any, x2: Any, axis: int = 1, eps: float = 1e-8) -> Any:
    """The cosine of the angle between vectors along `axis`; lengths below `eps` count as `eps`.

    >>> import numpy as np
    >>> cosine_similarity(np.array([[1.0, 0.0]]), np.array([[1.0, 1.0]])).round(4)
    array([0.7071])
    """
    x1, x2 = broadcast_tensors(x1, x2)  # the axis is one of both
    lengths = [clip(vector_norm(x, 2, axis, True), eps) for x in (x1, x2)]
    with np.errstate(over="ignore"):
        both = lengths[0] * lengths[1]
    if np.isfinite(both).all():
        return sum(x1 * x2, axis) / squeeze(both, axis)
    return sum((x1 / lengths[0]) * (x2 / lengths[1]), axis)  # no product overflows; at twice the time


@floating("x1", "x2")
@composite
def pairwise_distance(x1: Any, x2: Any, p: float = 2.0, eps: float = 1e-6, keepdims: bool = False) -> Any:
    """The p-norm of x1 - x2 + eps along the last axis.

    >>> import numpy as np
    >>> pairwise_distance(np.array([[0.0, 0.0]]), np.array([[3.0, 4.0]])).round(4)
    array([5.])
    """
    return vector_norm(x1 - x2 + eps, p, -1, keepdims)


# Margins


@floating("input", "target")
@composite
def hinge_embedding_loss(input: Any, target: Any, margin: float = 1.0, reduction: str = "mean") -> Any:
    """`input` where the target is 1, max(0, margin - input) where it is -1."""
    target = _checked("hinge_embedding_loss", reduction, input, target)
    return reduced(where(target != -1, input, 0) + where(target != 1, clip(margin - input, 0), 0), reduction)


@floating("input1", "input2", "target")
@composite
def margin_ranking_loss(input1: Any, input2: Any, target: Any, margin: float = 0.0, reduction: str = "mean") -> Any:
    """max(0, margin - target * (input1 - input2)): `input1` should rank higher where the target is 1, lower where -1.

    >>> import numpy as np
    >>> margin_ranking_loss(np.array([1.0]), np.array([3.0]), np.array([1.0]))
    np.float64(2.0)
    """
    target = _checked("margin_ranking_loss", reduction, input1, target)
    _same_shape("margin_ranking_loss", input1, input2, "input2")
    return reduced(clip(margin - target * (input1 - input2), 0), reduction)


@floating("input", "target")
@composite
def soft_margin_loss(input: Any, target: Any, reduction: str = "mean") -> Any:
    """log(1 + exp(-target * input)), for targets 1 and -1; without overflow."""
    target = _checked("soft_margin_loss", reduction, input, target)
    return reduced(softplus(-target * input, threshold=math.inf), reduction)


@floating("input", "target")
@composite
def multilabel_soft_margin_loss(input: Any, target: Any, weight: Any = None, reduction: str = "mean") -> Any:
    """The mean over classes, the last axis, of `binary_cross_entropy_with_logits`: any number of them may be present.

    `weight` weighs classes.

    >>> import numpy as np
    >>> multilabel_soft_margin_loss(np.array([[0.0, 0.0]]), np.array([[1, 0]])).round(4)
    np.float64(0.6931)
    """
    op = "multilabel_soft_margin_loss"
    target = _checked(op, reduction, input, target)
    shape = shape_of(input)
    if not shape:
        raise ShapeError(f"{op}: input must have an axis of classes, got shape ()")
    loss = binary_cross_entropy_with_logits(input, target, weight, "none")
    return reduced(sum(loss, -1) / shape[-1], reduction)


@floating("input1", "input2")
@composite
def cosine_embedding_loss(input1: Any, input2: Any, target: Any, margin: float = 0.0, reduction: str = "mean") -> Any:
    """1 - cos of the angle between vectors (N, D) where the target (N,) is 1, max(0, cos - margin) where it is -1."""
    op = "cosine_embedding_loss"
    check_reduction(op, reduction)
    _same_shape(op, input1, input2, "input2")
    target, shape = _numbers(target, input1), shape_of(input1)
    if shape_of(target) != shape[:-1] or len(shape) not in (1, 2):
        raise ShapeError(f"{op}: inputs must be (N, D) or (D,) and the target (N,) or (), got {shape}, {shape_of(target)}")
    check_items(op, reduction, shape[:-1])
    lengths = [sqrt(sum(square(x), -1) + 1e-12) for x in (input1, input2)]
    cos = sum(input1 * input2, -1) / lengths[0] / lengths[1]
    return reduced(where(target == 1, 1 - cos, 0) + where(target == -1, clip(cos - margin, 0), 0), reduction)


@floating("anchor", "positive", "negative")
@composite
def triplet_margin_loss(
    anchor: Any,
    positive: Any,
    negative: Any,
    margin: float = 1.0,
    p: float = 2.0,
    eps: float = 1e-6,
    swap: bool = False,
    reduction: str = "mean",
) -> Any:
    """max(0, margin + d(anchor, positive) - d(anchor, negative)), with d the `pairwise_distance`.

    With `swap`, d(positive, negative) if that is the smaller one. Balntas et al. (2016). Raises ValueError for a margin of 0
    or less, which equal distances would satisfy.

    >>> import numpy as np
    >>> a, b = np.array([[0.0, 0.0]]), np.array([[3.0, 4.0]])
    >>> triplet_margin_loss(a, b, a).round(4)
    np.float64(6.0)
    """
    op = "triplet_margin_loss"
    check_reduction(op, reduction)
    if not margin > 0:
        raise ValueError(f"{op}: margin must be above 0, got {margin}")
    _same_shape(op, anchor, positive, "positive")
    _same_shape(op, anchor, negative, "negative")
    check_items(op, reduction, shape_of(anchor)[:-1])
    apart = pairwise_distance(anchor, negative, p, eps)
    if swap:
        apart = np.minimum(apart, pairwise_distance(positive, negative, p, eps))
    return reduced(clip(margin + pairwise_distance(anchor, positive, p, eps) - apart, 0), reduction)


def reduced(loss: Any, reduction: str, total: float | None = None) -> Any:
    """The mean divides by the number of items, or by `total`."""
    if reduction == "none":
        return loss
    return sum(loss) if reduction == "sum" else sum(loss) / (math.prod(shape_of(loss)) if total is None else total)


def _checked(op: str, reduction: str, input: Any, target: Any) -> Any:
    """The target of a loss that compares element by element, in a float dtype, after all that can be refused."""
    check_reduction(op, reduction)
    _same_shape(op, input, target, "target")
    check_items(op, reduction, shape_of(input))
    return _numbers(target, input)


def check_reduction(op: str, reduction: str) -> None:
    """Raise ValueError for a reduction that is none."""
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f'{op}: reduction must be "mean", "sum" or "none", got {reduction!r}')


def check_items(op: str, reduction: str, shape: tuple[int, ...]) -> None:
    """Raise ValueError for the mean of losses of a shape that holds nothing."""
    if reduction == "mean" and 0 in shape:
        raise ValueError(f'{op}: the mean of 0 items\n  hint: use reduction="sum"')


def _same_shape(op: str, input: Any, other: Any, name: str) -> None:
    if shape_of(input) != shape_of(other):
        raise ShapeError(f"{op}: input has shape {shape_of(input)}, {name} {shape_of(other)}")


def _numbers(target: Any, input: Any) -> Any:
    """Integer targets in the dtype of the input, which they would take to float64 otherwise."""
    target = target if isinstance(target, Traced) else np.asarray(target)
    return target if target.dtype.kind == "f" else target.astype(input.dtype)


def plain(x: Any) -> Array:
    """The values of a tensor, an array or numbers: what is read, not differentiated."""
    return x.array if isinstance(x, Traced) else np.asarray(x)
