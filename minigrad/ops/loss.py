"""Loss functions, with PyTorch's names, formulas and defaults; those of classes are in classification.py.

`reduction` is "mean", "sum" or "none". Where PyTorch would broadcast the target, with a warning or without, the shapes must
agree: a broadcast here is nearly always a mistake. Every loss raises ShapeError for shapes that do not fit, and ValueError
for another reduction or for the mean of nothing, before it computes anything. Targets are differentiated, too, if they
require a gradient.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad.arrays import Array, Shape, Traced, array_of, shape_of
from minigrad.engine.averaging import averaging, averaging_before
from minigrad.engine.composite import composite
from minigrad.engine.primitive import primitive
from minigrad.engine.promotion import floating
from minigrad.errors import ShapeError
from minigrad.kernels.checks import check_at_least, check_choice
from minigrad.kernels.errstate import errstate
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
    "triplet_margin_loss", "triplet_margin_with_distance_loss",
]  # fmt: skip


# Probabilities


@floating("input", "target")
@composite
@averaging
def binary_cross_entropy(input: Any, target: Any, weight: Any = None, reduction: str = "mean") -> Any:
    """Compute -(target * log(input) + (1 - target) * log(1 - input)) of probabilities, with logarithms of at least -100.

    `weight` multiplies the loss of each element. Raises ValueError for an input or a target outside [0, 1].

    >>> import numpy as np
    >>> binary_cross_entropy(np.array([0.5, 0.0]), np.array([1.0, 1.0]), reduction="none").round(4)
    array([  0.6931, 100.    ])
    """
    target = _checked("binary_cross_entropy", reduction, input, target)
    for name, p in (("input", array_of(input)), ("target", array_of(target))):
        wrong = np.flatnonzero((p < 0) | (p > 1))
        if wrong.size:
            raise ValueError(
                f"binary_cross_entropy: {name} must be within [0, 1], got {float(p.flat[wrong[0]])}"
                + ("\n  hint: for logits use binary_cross_entropy_with_logits" if name == "input" else "")
            )
    loss = bernoulli_nll(input, target)
    return reduce_loss(loss if weight is None else loss * weight, reduction)


@primitive
def bernoulli_nll(p: Array, target: Array) -> Array:
    """Compute `binary_cross_entropy` of each element."""
    with errstate(divide="ignore"):
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
@averaging
def binary_cross_entropy_with_logits(
    input: Any, target: Any, weight: Any = None, reduction: str = "mean", pos_weight: Any = None
) -> Any:
    """Compute `binary_cross_entropy` of sigmoid(input), finite for any finite logits.

    `weight` multiplies the loss of each element, `pos_weight` the term of the target. The loss of an infinite logit is 0 on
    the right side of a target of 0 or 1, infinite on the wrong side.

    >>> import numpy as np
    >>> binary_cross_entropy_with_logits(np.array([0.0, 1e4]), np.array([1.0, 0.0]), reduction="none").round(4)
    array([6.931e-01, 1.000e+04])
    """
    target = _checked("binary_cross_entropy_with_logits", reduction, input, target)
    positive = target if pos_weight is None else target * pos_weight
    loss = weighted(softplus(-input, threshold=math.inf), positive)
    loss = loss + weighted(softplus(input, threshold=math.inf), 1 - target)
    return reduce_loss(loss if weight is None else loss * weight, reduction)


@primitive
def weighted(x: Array, weight: Array) -> Array:
    """Compute x * weight, and 0 for a weight of 0 even of an infinite x: an impossible outcome adds no loss.

    >>> import numpy as np
    >>> weighted(np.array([np.inf, 3.0]), np.array([0.0, 2.0]))
    array([0., 6.])
    """
    with errstate(invalid="ignore"):
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
@averaging
def kl_div(input: Any, target: Any, reduction: str = "mean", log_target: bool = False) -> Any:
    """Compute target * (log(target) - input), the terms of the Kullback-Leibler divergence.

    `input` holds log-probabilities, `target` probabilities, or with `log_target` log-probabilities. The divergence is the
    sum of the terms: reduction "batchmean" divides it by the size of the first axis.

    >>> import numpy as np
    >>> kl_div(np.log(np.array([[0.5, 0.5]])), np.array([[1.0, 0.0]]), reduction="batchmean").round(4)
    np.float64(0.6931)
    """
    batch = reduction == "batchmean"
    target = _checked("kl_div", "mean" if batch else reduction, input, target)
    loss = weighted(target - input, exp(target)) if log_target else xlogy(target, target) - weighted(input, target)
    return sum(loss) / (shape_of(loss) or (1,))[0] if batch else reduce_loss(loss, reduction)


@floating("input", "target", "var")
@composite
def gaussian_nll_loss(
    input: Any, target: Any, var: Any, full: bool = False, eps: float = 1e-6, reduction: str = "mean"
) -> Any:
    """Compute (log(var) + (input - target)**2 / var) / 2, plus log(2 pi) / 2 if `full`.

    `var` is a number or has the shape of `input`, except that its last axis may be 1 or missing. It is raised to `eps` where
    it is smaller; as in PyTorch, its gradient passes there. Raises ValueError if it is negative.

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
    values = array_of(var)
    if (values < 0).any():
        raise ValueError(f"{op}: var must be at least 0, got {float(values.min())}")
    var = var + np.maximum(eps - values, 0)
    loss = 0.5 * (log(var) + square(input - target) / var)
    return reduce_loss(loss + 0.5 * math.log(2 * math.pi) if full else loss, reduction)


@floating("input", "target")
@composite
@averaging_before("eps")
def poisson_nll_loss(
    input: Any, target: Any, log_input: bool = True, full: bool = False, eps: float = 1e-8, reduction: str = "mean"
) -> Any:
    """Compute exp(input) - target * input, or with `log_input` False input - target * log(input + eps).

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
    return reduce_loss(loss, reduction)


# Distances


@floating("input", "target")
@composite
@averaging
def mse_loss(input: Any, target: Any, reduction: str = "mean", weight: Any = None) -> Any:
    """Compute (input - target)**2.

    `reduction` is "mean", "sum", or "none" for the losses of all elements. `weight`, of the same shape, multiplies them; the
    mean is then divided by its sum.

    >>> import numpy as np
    >>> mse_loss(np.array([1.0, 2.0]), np.array([1.0, 4.0]))
    np.float64(2.0)
    """
    target = _checked("mse_loss", reduction, input, target, weight)
    return _weighed(square(input - target), weight, reduction)


@floating("input", "target")
@composite
@averaging
def l1_loss(input: Any, target: Any, reduction: str = "mean", weight: Any = None) -> Any:
    """Compute |input - target|; the derivative at equality is 0. `weight` as in `mse_loss`."""
    target = _checked("l1_loss", reduction, input, target, weight)
    return _weighed(absolute(input - target), weight, reduction)


@floating("input", "target")
@composite
def huber_loss(input: Any, target: Any, reduction: str = "mean", delta: float = 1.0, weight: Any = None) -> Any:
    """Compute d**2 / 2 for distances d = |input - target| up to `delta`, beyond it a line of slope `delta`. Huber (1964).

    `weight`, of the same shape, multiplies the losses; as in PyTorch, the mean is not divided by its sum. Raises ValueError
    unless `delta` is above 0.

    >>> import numpy as np
    >>> huber_loss(np.array([1.0, 3.0]), np.array([0.0, 0.0]), "none")
    array([0.5, 2.5])
    """
    target = _checked("huber_loss", reduction, input, target, weight)
    if not delta > 0:
        raise ValueError(f"huber_loss: delta must be above 0, got {delta}")
    d = input - target
    near = clip(d, -delta, delta)  # not both pieces by a mask: the slope of the parabola is infinite at infinity
    loss = 0.5 * square(near) + delta * absolute(d - near)
    return reduce_loss(loss if weight is None else loss * _as_floats(weight, loss), reduction)


@floating("input", "target")
@composite
@averaging
def smooth_l1_loss(input: Any, target: Any, reduction: str = "mean", beta: float = 1.0) -> Any:
    """Compute huber_loss / beta with delta = beta: a parabola near 0, of slope 1 farther out. Girshick (2015).

    >>> import numpy as np
    >>> smooth_l1_loss(np.array([1.0, 3.0]), np.array([0.0, 0.0]), reduction="none", beta=2.0)
    array([0.25, 2.  ])
    """
    check_at_least("smooth_l1_loss", "beta", beta, 0)
    return l1_loss(input, target, reduction=reduction) if beta == 0 else huber_loss(input, target, reduction, beta) / beta


@floating("x1", "x2")
@composite
def cosine_similarity(x1: Any, x2: Any, axis: int = 1, eps: float = 1e-8) -> Any:
    """Return the cosine of the angle between vectors along `axis`; norms below `eps` count as `eps`.

    >>> import numpy as np
    >>> cosine_similarity(np.array([[1.0, 0.0]]), np.array([[1.0, 1.0]])).round(4)
    array([0.7071])
    """
    x1, x2 = broadcast_tensors(x1, x2)  # so that the axis is the same in both
    lengths = [clip(vector_norm(x, 2, axis, True), eps) for x in (x1, x2)]
    with errstate(over="ignore"):
        both = lengths[0] * lengths[1]
    if np.isfinite(both).all():
        return sum(x1 * x2, axis) / squeeze(both, axis)
    return sum((x1 / lengths[0]) * (x2 / lengths[1]), axis)  # no product overflows, but it takes twice the time


@floating("x1", "x2")
@composite
def pairwise_distance(x1: Any, x2: Any, p: float = 2.0, eps: float = 1e-6, keepdims: bool = False) -> Any:
    """Return the p-norm of x1 - x2 + eps along the last axis.

    >>> import numpy as np
    >>> pairwise_distance(np.array([[0.0, 0.0]]), np.array([[3.0, 4.0]])).round(4)
    array([5.])
    """
    return vector_norm(x1 - x2 + eps, p, -1, keepdims)


# Margins


@floating("input", "target")
@composite
@averaging
def hinge_embedding_loss(input: Any, target: Any, margin: float = 1.0, reduction: str = "mean") -> Any:
    """Return `input` where the target is 1, max(0, margin - input) where it is -1."""
    target = _checked("hinge_embedding_loss", reduction, input, target)
    return reduce_loss(where(target != -1, input, 0) + where(target != 1, clip(margin - input, 0), 0), reduction)


@floating("input1", "input2", "target")
@composite
@averaging
def margin_ranking_loss(input1: Any, input2: Any, target: Any, margin: float = 0.0, reduction: str = "mean") -> Any:
    """Compute max(0, margin - target * (input1 - input2)).

    `input1` should rank higher than `input2` where the target is 1, lower where it is -1.

    >>> import numpy as np
    >>> margin_ranking_loss(np.array([1.0]), np.array([3.0]), np.array([1.0]))
    np.float64(2.0)
    """
    target = _checked("margin_ranking_loss", reduction, input1, target)
    _same_shape("margin_ranking_loss", input1, input2, "input2")
    return reduce_loss(clip(margin - target * (input1 - input2), 0), reduction)


@floating("input", "target")
@composite
@averaging
def soft_margin_loss(input: Any, target: Any, reduction: str = "mean") -> Any:
    """Compute log(1 + exp(-target * input)) without overflow, for targets 1 and -1."""
    target = _checked("soft_margin_loss", reduction, input, target)
    return reduce_loss(softplus(-target * input, threshold=math.inf), reduction)


@floating("input", "target")
@composite
@averaging
def multilabel_soft_margin_loss(input: Any, target: Any, weight: Any = None, reduction: str = "mean") -> Any:
    """Compute the mean of `binary_cross_entropy_with_logits` over the classes, the last axis.

    Any number of classes may be present: `target` holds 1 for each of them. `weight` weighs classes.

    >>> import numpy as np
    >>> multilabel_soft_margin_loss(np.array([[0.0, 0.0]]), np.array([[1, 0]])).round(4)
    np.float64(0.6931)
    """
    op = "multilabel_soft_margin_loss"
    target = _checked(op, reduction, input, target)
    shape = shape_of(input)
    if not shape:
        raise ShapeError(f"{op}: input must have an axis of classes, got shape ()")
    loss = binary_cross_entropy_with_logits(input, target, weight, reduction="none")
    return reduce_loss(sum(loss, -1) / shape[-1], reduction)


@floating("input1", "input2")
@composite
@averaging
def cosine_embedding_loss(input1: Any, input2: Any, target: Any, margin: float = 0.0, reduction: str = "mean") -> Any:
    """Compute 1 - cos of the angle between two vectors where the target is 1, max(0, cos - margin) where it is -1.

    `input1` and `input2` are (N, D) with a target (N,), or (D,) with a target ().
    """
    op = "cosine_embedding_loss"
    check_reduction(op, reduction)
    _same_shape(op, input1, input2, "input2")
    target, shape = _as_floats(target, input1), shape_of(input1)
    if shape_of(target) != shape[:-1] or len(shape) not in (1, 2):
        raise ShapeError(f"{op}: inputs must be (N, D) or (D,) and the target (N,) or (), got {shape}, {shape_of(target)}")
    check_items(op, reduction, shape[:-1])
    lengths = [sqrt(sum(square(x), -1) + 1e-12) for x in (input1, input2)]
    cos = sum(input1 * input2, -1) / lengths[0] / lengths[1]
    return reduce_loss(where(target == 1, 1 - cos, 0) + where(target == -1, clip(cos - margin, 0), 0), reduction)


@floating("anchor", "positive", "negative")
@composite
@averaging
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
    """Compute max(0, margin + d(anchor, positive) - d(anchor, negative)), where d is the `pairwise_distance`.

    With `swap`, d(positive, negative) replaces d(anchor, negative) where it is smaller. Balntas et al. (2016). Raises
    ValueError for a margin of 0 or less, which equal distances would satisfy.

    >>> import numpy as np
    >>> a, b = np.array([[0.0, 0.0]]), np.array([[3.0, 4.0]])
    >>> triplet_margin_loss(a, b, a).round(4)
    np.float64(6.0)
    """
    op, distance = "triplet_margin_loss", functools.partial(pairwise_distance, p=p, eps=eps)
    return _triplet_loss(op, anchor, positive, negative, distance, margin, swap, reduction)


@floating("anchor", "positive", "negative")
@composite
def triplet_margin_with_distance_loss(
    anchor: Any,
    positive: Any,
    negative: Any,
    *,
    distance_function: Callable[[Any, Any], Any] | None = None,
    margin: float = 1.0,
    swap: bool = False,
    reduction: str = "mean",
) -> Any:
    """Compute `triplet_margin_loss` with any function as distance, by default `pairwise_distance`.

    >>> import numpy as np
    >>> a, b = np.array([[0.0, 0.0]]), np.array([[3.0, 4.0]])
    >>> triplet_margin_with_distance_loss(a, b, a, distance_function=lambda x, y: abs(x - y).max(-1))
    np.float64(5.0)
    """
    op, distance = "triplet_margin_with_distance_loss", distance_function or pairwise_distance
    return _triplet_loss(op, anchor, positive, negative, distance, margin, swap, reduction)


def _triplet_loss(
    op: str, anchor: Any, positive: Any, negative: Any, distance: Any, margin: float, swap: bool, reduction: str
) -> Any:
    """Compute a triplet loss with a distance of two batches of vectors."""
    check_reduction(op, reduction)
    if not margin > 0:
        raise ValueError(f"{op}: margin must be above 0, got {margin}")
    _same_shape(op, anchor, positive, "positive")
    _same_shape(op, anchor, negative, "negative")
    check_items(op, reduction, shape_of(anchor)[:-1])
    apart = distance(anchor, negative)
    if swap:
        apart = np.minimum(apart, distance(positive, negative))
    return reduce_loss(clip(margin + distance(anchor, positive) - apart, 0), reduction)


def reduce_loss(loss: Any, reduction: str, total: Any = None) -> Any:
    """Apply a reduction to the losses of the items; a mean divides by their number, or by `total`."""
    if reduction == "none":
        return loss
    return sum(loss) if reduction == "sum" else sum(loss) / (math.prod(shape_of(loss)) if total is None else total)


def _weighed(loss: Any, weight: Any, reduction: str) -> Any:
    """Apply a reduction to losses times weights, if there are any; a mean divides by their sum."""
    if weight is None:
        return reduce_loss(loss, reduction)
    weight = _as_floats(weight, loss)
    return reduce_loss(loss * weight, reduction, sum(weight))


def _checked(op: str, reduction: str, input: Any, target: Any, weight: Any = None) -> Any:
    """Check the arguments of an elementwise loss; return the target in a float dtype."""
    check_reduction(op, reduction)
    _same_shape(op, input, target, "target")
    if weight is not None:
        _same_shape(op, input, weight, "weight")
    check_items(op, reduction, shape_of(input))
    return _as_floats(target, input)


def check_reduction(op: str, reduction: str) -> None:
    """Raise ValueError for an unknown reduction."""
    check_choice(op, "reduction", reduction, "mean", "sum", "none")


def check_items(op: str, reduction: str, shape: Shape) -> None:
    """Raise ValueError for the mean of losses of an empty shape."""
    if reduction == "mean" and 0 in shape:
        raise ValueError(f'{op}: the mean of 0 items\n  hint: use reduction="sum"')


def _same_shape(op: str, input: Any, other: Any, name: str) -> None:
    if shape_of(input) != shape_of(other):
        raise ShapeError(f"{op}: input has shape {shape_of(input)}, {name} {shape_of(other)}")


def _as_floats(target: Any, input: Any) -> Any:
    """Return a target, integers and booleans converted to the dtype of the input: they would promote it to float64."""
    target = target if isinstance(target, Traced) else np.asarray(target)
    return target if target.dtype.kind == "f" else target.astype(input.dtype)
