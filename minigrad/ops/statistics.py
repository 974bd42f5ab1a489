"""Means, variances and order statistics.

Under the names of this module the defaults are PyTorch's (correction 1, the lower median); ``np.var(tensor)`` and similar
calls keep NumPy's (ddof 0, the mean of the two middle values).
"""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from minigrad.arrays import Array, Axis, DType, Shape, Traced, array_of, shape_of
from minigrad.engine.composite import composite
from minigrad.engine.primitive import primitive
from minigrad.engine.promotion import floating, promoting
from minigrad.engine.registry import register
from minigrad.errors import DTypeError, ShapeError
from minigrad.kernels.axes import every_axis, one_axis, reduced_axes
from minigrad.kernels.checks import check_choice
from minigrad.kernels.errstate import errstate
from minigrad.ops.diagonals import diagonal
from minigrad.ops.elementwise import astype, isnan, root, sqrt, square, where
from minigrad.ops.indexing import getitem, take_along_axis
from minigrad.ops.joining import concatenate
from minigrad.ops.linalg import matmul
from minigrad.ops.reduction import any as any_of
from minigrad.ops.reduction import extremum_at, nansum, sum
from minigrad.ops.scan import Extremum
from minigrad.ops.shape import atleast_2d, broadcast_to, expand_dims, permute, reshape

__all__ = [
    "average", "corrcoef", "cov", "mean", "median", "mode", "nanmean", "nanmedian", "nanquantile", "nanstd", "nanvar",
    "quantile", "std", "std_mean", "var", "var_mean",
]  # fmt: skip


@register(np.mean)
@promoting("x")
@composite
def mean(x: Any, axis: Axis = None, keepdims: bool = False, *, dtype: DType = None) -> Any:
    """Return the mean over `axis`; of integers, in the default float dtype.

    Raises ValueError for the mean of no elements, DTypeError unless `dtype` is one of floats.

    >>> import numpy as np
    >>> mean(np.array([[1.0, 2.0], [3.0, 4.0]]), 1)
    array([1.5, 3.5])
    """
    if dtype is not None and np.dtype(dtype).kind != "f":
        raise DTypeError(f"mean: a mean is no integer: dtype must be a float dtype, got {np.dtype(dtype)}")
    n = _count("mean", shape_of(x), axis)
    return sum(x, axis, keepdims, dtype=dtype) / n


@register(np.nanmean)
@floating("x")
@composite
def nanmean(x: Any, axis: Axis = None, keepdims: bool = False, *, dtype: DType = None) -> Any:
    """Return the mean over `axis` of all elements that are not NaN, computed in `dtype`; NaN where all are.

    >>> import numpy as np
    >>> nanmean(np.array([1.0, np.nan, 2.0]))
    np.float64(1.5)
    """
    x = x if dtype is None else astype(x, np.dtype(dtype))
    count = sum(isnan(x) == 0, axis, keepdims)
    with errstate(invalid="ignore"):
        return nansum(x, axis, keepdims) / count.astype(x.dtype)


@register(np.average)
@floating("x", "weights")
@composite
def average(x: Any, axis: Axis = None, weights: Any = None, returned: bool = False, keepdims: bool = False) -> Any:
    """Return the weighted mean over `axis`; with `returned` also the sum of the weights.

    `weights` has the shape of `x`, or is a vector along the one axis. Raises ShapeError for weights that do not fit,
    ZeroDivisionError if they sum to 0.

    >>> import numpy as np
    >>> average(np.array([1.0, 5.0]), weights=np.array([3.0, 1.0]))
    np.float64(2.0)
    """
    shape = shape_of(x)
    if weights is None:
        weights = np.ones((), x.dtype if x.dtype.kind == "f" else np.float64)
    elif shape_of(weights) != shape:
        at = one_axis("average", axis, len(shape))
        if shape_of(weights) != (shape[at],):
            raise ShapeError(f"average: weights of shape {shape_of(weights)} do not fit shape {shape} and axis {axis}")
        weights = reshape(weights, (-1, *[1] * (len(shape) - 1 - at)))
    total = sum(broadcast_to(weights, shape), axis, keepdims)
    if any_of(total == 0):
        raise ZeroDivisionError("average: the weights sum to 0")
    out = sum(x * weights, axis, keepdims) / total
    return (out, total) if returned else out


@floating("x")
@composite
def var(
    x: Any, axis: Any = None, unbiased: bool | None = None, keepdims: bool = False, *, correction: float | None = 1
) -> Any:
    """Return the variance over `axis`: sum((x - mean)**2) / (n - correction); unbiased by default, as in PyTorch.

    `unbiased` False is PyTorch's older name for a correction of 0; ``var(x, False)`` is that of all elements. Where n does
    not exceed the correction, the sum is divided by 0, with a RuntimeWarning. Raises ValueError for no elements.

    >>> import numpy as np
    >>> var(np.array([1.0, 2.0, 3.0]))
    np.float64(1.0)
    """
    axis, correction = _correction("var", axis, unbiased, correction)
    n = _count("var", shape_of(x), axis)
    return _by_freedom("var", sum(square(x - mean(x, axis, True)), axis, keepdims), n, correction)


@floating("x")
@composite
def std(
    x: Any, axis: Any = None, unbiased: bool | None = None, keepdims: bool = False, *, correction: float | None = 1
) -> Any:
    """Return the standard deviation over `axis`, the root of `var`; for equal elements it and its gradient are 0.

    >>> import numpy as np
    >>> float(std(np.array([1.0, 2.0, 3.0])))
    1.0
    """
    return root(var(x, axis, unbiased, keepdims, correction=correction))


@floating("x")
@composite
def var_mean(
    x: Any, axis: Any = None, unbiased: bool | None = None, keepdims: bool = False, *, correction: float | None = 1
) -> tuple[Any, Any]:
    """Return (`var`, `mean`)."""
    axis, correction = _correction("var_mean", axis, unbiased, correction)
    return var(x, axis, None, keepdims, correction=correction), mean(x, axis, keepdims)


@floating("x")
@composite
def std_mean(
    x: Any, axis: Any = None, unbiased: bool | None = None, keepdims: bool = False, *, correction: float | None = 1
) -> tuple[Any, Any]:
    """Return (`std`, `mean`)."""
    axis, correction = _correction("std_mean", axis, unbiased, correction)
    return std(x, axis, None, keepdims, correction=correction), mean(x, axis, keepdims)


@floating("x", "aweights")
@composite
def cov(x: Any, correction: float = 1, fweights: Any = None, aweights: Any = None) -> Any:
    """Return the covariances (V, V) of variables (V, N), of N observations each; of one variable (N,), its variance.

    They are sum((x_i - mean_i) * (x_j - mean_j)) / (N - correction); where N does not exceed the correction, the sum is
    divided by 0, with a RuntimeWarning. Each observation counts `fweights` times, an integer, and weighs `aweights`, as in
    ``np.cov``. Raises ShapeError for more than two axes or weights that are not one for each observation, ValueError for
    negative weights.

    >>> import numpy as np
    >>> cov(np.array([[1.0, 2.0, 3.0], [2.0, 4.0, 6.0]]))
    array([[1., 2.],
           [2., 4.]])
    """
    shape = shape_of(x)
    if len(shape) > 2:
        raise ShapeError(f"cov: needs variables of observations (V, N) or a vector, got shape {shape}")
    n = shape[-1] if shape else 1
    x = x if len(shape) == 2 else reshape(x, (1, n))
    frequencies, importances = _weights("fweights", fweights, n, x.dtype), _weights("aweights", aweights, n, x.dtype)
    if fweights is None and aweights is None:
        d = x - mean(x, -1, True)
        total, freedom = matmul(d, d.mT), n
    else:
        weights = importances if fweights is None else frequencies if aweights is None else frequencies * importances
        count = sum(weights)
        if not array_of(count):
            raise ValueError("cov: the weights sum to 0")
        d = x - sum(x * weights, -1, True) / count
        total = matmul(d * weights, d.mT)
        freedom = count - correction * (1 if aweights is None else sum(weights * importances) / count)
        correction = 0
    out = _by_freedom("cov", total, freedom, correction)
    return reshape(out, ()) if shape_of(out) == (1, 1) else out


@floating("x")
@composite
def corrcoef(x: Any) -> Any:
    """Return the correlations (V, V) of variables (V, N), of N observations each; of one variable (N,), 1.

    >>> import numpy as np
    >>> corrcoef(np.array([[1.0, 2.0, 3.0], [6.0, 4.0, 2.0]])).round(4)
    array([[ 1., -1.],
           [-1.,  1.]])
    """
    covariances = cov(x)
    if not shape_of(covariances):
        return covariances / covariances
    deviations = sqrt(diagonal(covariances))
    return covariances / (expand_dims(deviations, -1) * deviations)


@composite
def median(x: Any, axis: int | None = None, keepdims: bool = False) -> Any:
    """Return the median, of two middle elements the lower, as in PyTorch; with `axis`, (values, indices) along it.

    The index is that of the first of equal elements; the median is NaN if an element is. The gradient goes to the element at
    the index; without `axis`, evenly to all elements that equal the median. ``np.median(tensor)`` is the mean of the middle
    two.

    >>> import numpy as np
    >>> median(np.array([[1.0, 9.0, 5.0, 7.0]]), 1)
    Extremum(values=array([5.]), indices=array([2]))
    """
    if axis is None:
        value = middle(x)
        return reshape(value, (1,) * len(shape_of(x))) if keepdims else value
    row = x if shape_of(x) else reshape(x, (1,))
    axis = one_axis("median", axis, len(shape_of(x)))
    indices = order_statistic_indices(row, axis, ((shape_of(row)[axis] - 1) // 2,))
    return extremum_at(row, indices, axis, keepdims and row is x)


@composite
def nanmedian(x: Any, axis: int | None = None, keepdims: bool = False) -> Any:
    """Return the `median` of all elements that are not NaN; NaN where all are.

    >>> import numpy as np
    >>> nanmedian(np.array([1.0, np.nan, 3.0, 2.0]))
    np.float64(2.0)
    """
    hidden = np.isnan(array_of(x))
    if axis is None:
        value = middle(x if hidden.all() else getitem(x, ~hidden))
        return reshape(value, (1,) * len(shape_of(x))) if keepdims else value
    row, hidden = (x, hidden) if shape_of(x) else (reshape(x, (1,)), hidden.reshape(1))
    axis = one_axis("nanmedian", axis, len(shape_of(x)))
    ranks = np.maximum((~hidden).sum(axis, keepdims=True) - 1, 0) // 2
    return extremum_at(row, order_statistic_indices(row, axis, ranks, True), axis, keepdims and row is x)


@composite
def mode(x: Any, axis: int = -1, keepdims: bool = False) -> Extremum:
    """Return (values, indices) of the most frequent element along `axis`, of several the smallest.

    The index is that of its last occurrence, as in PyTorch, and the gradient goes there. Each NaN counts alone.

    >>> import numpy as np
    >>> mode(np.array([3, 1, 3, 1, 2]))
    Extremum(values=array(1), indices=array(3))
    """
    row = x if shape_of(x) else reshape(x, (1,))
    axis = one_axis("mode", axis, len(shape_of(x)))
    return extremum_at(row, mode_indices(row, axis), axis, keepdims and row is x)


@primitive
def mode_indices(x: Array, axis: int) -> Array:
    """Return the indices of `mode`: the end of the longest run of the sorted array, with a stable order."""
    if x.shape[axis] == 0:
        raise ValueError(f"mode: axis {axis} of shape {x.shape} is empty")
    order = np.moveaxis(np.argsort(x, axis, kind="stable"), axis, -1)
    ranked = np.take_along_axis(np.moveaxis(x, axis, -1), order, -1)
    at = np.arange(ranked.shape[-1])
    starts = np.where(np.diff(ranked, axis=-1, prepend=ranked[..., :1]) == 0, 0, at)
    longest = np.argmax(at - np.maximum.accumulate(starts, -1), -1, keepdims=True)
    return np.moveaxis(np.take_along_axis(order, longest, -1), -1, axis)


@primitive
def middle(x: Array) -> Array:
    """Return the lower median of all elements; those that equal it share the gradient."""
    at = order_statistic_indices(np.ravel(x), 0, ((np.size(x) - 1) // 2,))
    return np.ravel(x)[at[0]]


@middle.gradient("x")
def _(g: Any, x: Any, out: Any) -> Any:
    ties = isnan(x) if isnan(out).any() else x == out
    return ties * (g / sum(ties).astype(g.dtype))


@floating("x")
@composite
def quantile(x: Any, q: Any, axis: Axis = None, keepdims: bool = False, interpolation: str = "linear") -> Any:
    """Return the `q` quantile of the elements along `axis`, for q within [0, 1]; NaN if an element is NaN.

    Between two neighbors `interpolation` says which value is taken: linear, lower, higher, midpoint or nearest. For a vector
    `q` the first axis of the result is that of the fractions. With "linear" a fraction has a gradient: the slope between its
    neighbors. Raises ValueError for fractions outside [0, 1] or no elements.

    >>> import numpy as np
    >>> quantile(np.array([1.0, 2.0, 5.0]), np.array([0.5, 0.75]))
    array([2. , 3.5])
    """
    return _quantile("quantile", x, q, axis, keepdims, interpolation)


@floating("x")
@composite
def nanquantile(x: Any, q: Any, axis: Axis = None, keepdims: bool = False, interpolation: str = "linear") -> Any:
    """Return the `quantile` of all elements that are not NaN; NaN where all are.

    >>> import numpy as np
    >>> nanquantile(np.array([1.0, np.nan, 2.0]), 0.5)
    array(1.5)
    """
    return _quantile("nanquantile", x, q, axis, keepdims, interpolation)


def _quantile(op: str, x: Any, q: Any, axis: Axis, keepdims: bool, interpolation: str) -> Any:
    """Compute `quantile` or `nanquantile`."""
    fractions = array_of(q)
    if fractions.ndim > 1 or not ((fractions >= 0) & (fractions <= 1)).all():
        raise ValueError(f"{op}: q must be within [0, 1], a number or a list of them, got {q}")
    check_choice(op, "interpolation", interpolation, "linear", "lower", "higher", "midpoint", "nearest")
    shape = shape_of(x)
    axes = every_axis(op, axis, len(shape))
    others = [i for i in range(len(shape)) if i not in axes]
    x = reshape(permute(x, (*others, *axes)), (*[shape[i] for i in others], math.prod([shape[i] for i in axes])))
    last = np.asarray(shape_of(x)[-1] - 1)
    if op == "nanquantile":
        last = np.maximum((~np.isnan(array_of(x))).sum(-1, keepdims=True) - 1, 0)
    position = fractions.reshape(-1) * last
    lower, upper = np.floor(position).astype(np.intp), np.ceil(position).astype(np.intp)
    share = {"lower": 0.0, "higher": 1.0, "midpoint": 0.5, "nearest": np.rint(position) - lower, "linear": position - lower}
    ranks = [at if at.ndim > 1 else tuple(at.tolist()) for at in (lower, upper)]
    low, high = (take_along_axis(x, order_statistic_indices(x, -1, at, op == "nanquantile"), -1) for at in ranks)
    weight = np.asarray(share[interpolation], low.dtype if low.dtype.kind == "f" else np.float64)
    if interpolation == "linear" and isinstance(q, Traced):
        weight = astype(reshape(q, (-1,)) * last, weight.dtype) - lower.astype(weight.dtype)
    out = permute(low + weight * (high - low), (len(others), *range(len(others))))  # the axis of fractions comes first
    kept = [1 if i in axes else n for i, n in enumerate(shape)] if keepdims else [shape[i] for i in others]
    return reshape(out, (*fractions.shape, *kept))


@primitive
def order_statistic_indices(x: Array, axis: int, ranks: Any, skip_nan: bool = False) -> Array:
    """Return the indices of the elements with these ranks in ascending order along `axis`; of the first NaN, if any.

    `ranks` are a tuple, the same for all slices, or an array with the axes of `x`. With `skip_nan`, NaN is only the largest.
    """
    if x.shape[axis] == 0:
        raise ValueError(f"median, quantile: axis {axis} of shape {x.shape} is empty")
    order = np.argsort(x, axis, kind="stable")
    found = order.take(ranks, axis) if isinstance(ranks, tuple) else np.take_along_axis(order, ranks, axis)
    if skip_nan:
        return found
    nans = np.isnan(x)
    return np.where(nans.any(axis, keepdims=True), nans.argmax(axis, keepdims=True), found)


@register(np.var)
def numpy_var(x: Any, axis: Axis = None, ddof: float = 0, keepdims: bool = False, correction: float | None = None) -> Any:
    """Apply `var` with NumPy's `ddof` and its default, 0."""
    return var(x, axis, None, keepdims, correction=ddof if correction is None else correction)


@register(np.nanvar)
@floating("x")
@composite
def nanvar(x: Any, axis: Axis = None, ddof: float = 0, keepdims: bool = False) -> Any:
    """Return the variance over `axis` of all elements that are not NaN, with NumPy's `ddof`; NaN where too few remain.

    >>> import numpy as np
    >>> float(nanvar(np.array([1.0, np.nan, 3.0])))
    1.0
    """
    hidden = isnan(x)
    count = sum(hidden == 0, axis, keepdims).astype(x.dtype)
    squares = sum(square(where(hidden, 0, x - nanmean(x, axis, True))), axis, keepdims)
    return where(count > ddof, squares, np.nan) / where(count > ddof, count - ddof, 1)


@register(np.nanstd)
@floating("x")
@composite
def nanstd(x: Any, axis: Axis = None, ddof: float = 0, keepdims: bool = False) -> Any:
    """Return the root of `nanvar`; at 0 the gradient is 0."""
    return root(nanvar(x, axis, ddof, keepdims))


@register(np.std)
def numpy_std(x: Any, axis: Axis = None, ddof: float = 0, keepdims: bool = False, correction: float | None = None) -> Any:
    """Apply `std` with NumPy's `ddof` and its default, 0."""
    return std(x, axis, None, keepdims, correction=ddof if correction is None else correction)


@register(np.cov)
def numpy_cov(
    m: Any,
    y: Any = None,
    rowvar: bool = True,
    bias: bool = False,
    ddof: float | None = None,
    fweights: Any = None,
    aweights: Any = None,
) -> Any:
    """Apply `cov` with NumPy's options: `y` holds more variables; without `rowvar` they are columns; `bias` means ddof 0."""
    return cov(_variables(m, y, rowvar), (0 if bias else 1) if ddof is None else ddof, fweights, aweights)


@register(np.corrcoef)
def numpy_corrcoef(x: Any, y: Any = None, rowvar: bool = True) -> Any:
    """Apply `corrcoef` with NumPy's options: `y` holds more variables; without `rowvar` they are columns."""
    return corrcoef(_variables(x, y, rowvar))


@register(np.median)
def numpy_median(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """Return the mean of the two middle elements, or the middle one."""
    return quantile(x, 0.5, axis, keepdims)


@register(np.quantile)
def numpy_quantile(x: Any, q: Any, axis: Axis = None, method: str = "linear", keepdims: bool = False) -> Any:
    """Apply `quantile` with NumPy's name of the interpolation."""
    return quantile(x, q, axis, keepdims, method)


@register(np.percentile)
def numpy_percentile(x: Any, q: Any, axis: Axis = None, method: str = "linear", keepdims: bool = False) -> Any:
    """Apply `quantile` to percentages."""
    return quantile(x, np.true_divide(q, 100), axis, keepdims, method)


def _correction(op: str, axis: Any, unbiased: Any, correction: float | None) -> tuple[Any, float]:
    """Return the axis and the correction, given in either of PyTorch's two ways."""
    if isinstance(axis, bool) and unbiased is None:  # var(x, False)
        axis, unbiased = None, axis
    correction = 1 if correction is None else correction
    if unbiased is None:
        return axis, correction
    if not isinstance(unbiased, bool):
        raise TypeError(f"{op}: unbiased must be a bool, got {unbiased!r}\n  hint: pass the option by name, e.g. keepdim=")
    if correction != 1:
        raise TypeError(f"{op}: unbiased and correction mean the same: give one of them")
    return axis, int(unbiased)


def _by_freedom(op: str, total: Any, n: Any, correction: float) -> Any:
    """Return a sum over n values divided by n - correction, or by 0, with a RuntimeWarning, if that is less."""
    if array_of(n) > correction:
        return total / (n - correction)
    warnings.warn(
        f"{op}: {n} value(s) with correction {correction} leave no degree of freedom", RuntimeWarning, stacklevel=4
    )
    with errstate(divide="ignore", invalid="ignore"):
        return total / 0.0


def _variables(x: Any, y: Any, rowvar: bool) -> Any:
    """Return one set of variables, or two, in rows."""
    sets = [z if rowvar or len(shape_of(z)) < 2 else z.mT for z in (x, y) if z is not None]
    return sets[0] if y is None else concatenate([atleast_2d(z) for z in sets], 0)


def _weights(name: str, weights: Any, n: int, dtype: np.dtype[Any]) -> Any:
    """Return checked weights of n observations, in the dtype of these if they are floats; None for None."""
    if weights is None:
        return None
    values = array_of(weights)
    if name == "fweights" and values.dtype.kind not in "iu":
        raise TypeError(f"cov: fweights must be integers, got dtype {values.dtype}")
    if values.shape != (n,):
        raise ShapeError(f"cov: needs a weight for each of {n} observations, got shape {values.shape}")
    if values.min(initial=0) < 0:
        raise ValueError("cov: weights must be at least 0")
    weights = weights if isinstance(weights, Traced) else values
    return astype(weights, dtype) if dtype.kind == "f" and values.dtype != dtype else weights


def _count(op: str, shape: Shape, axis: Axis) -> int:
    """Return the number of elements in each mean over `axis`; raise ValueError for none."""
    axes = reduced_axes(op, axis, len(shape))
    n = math.prod([shape[a] for a in axes])
    if n == 0 and 0 not in [size for i, size in enumerate(shape) if i not in axes]:
        raise ValueError(f"{op}: the mean of 0 items: axis {axis} of shape {shape} is empty")
    return n
