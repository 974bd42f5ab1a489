"""Reductions, which remove axes, and the softmax family, which normalizes along one.

`axis` is None (all axes), an int or a tuple (an empty one means all, as in PyTorch); with `keepdims` the reduced axes stay
with size 1. PyTorch's names `dim` and `keepdim` are accepted everywhere. An axis that does not exist, is not an int or is
named twice raises AxisError, an IndexError.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from minigrad.arrays import Array, Axis, DType, Shape, Traced, array_of, shape_of
from minigrad.engine.composite import composite
from minigrad.engine.primitive import Casting, primitive
from minigrad.engine.promotion import floating, promoting
from minigrad.engine.registry import register
from minigrad.kernels import softmax as kernels
from minigrad.kernels.axes import one_axis, reduced_axes
from minigrad.kernels.errstate import errstate
from minigrad.kernels.summation import LARGE, add_up
from minigrad.ops.elementwise import astype, isnan, maximum, minimum, where
from minigrad.ops.indexing import index_axis, take_along_axis
from minigrad.ops.rearrange import flip
from minigrad.ops.scan import Extremum, cumprod, cumsum, diff, shifted
from minigrad.ops.shape import broadcast_to, reshape, squeeze, unsqueeze

__all__ = [
    "all", "amax", "amin", "aminmax", "any", "argmax", "argmin", "count_nonzero", "cumulative_trapezoid",
    "log_softmax", "logsumexp", "max", "min", "nanmax", "nanmin", "nanprod", "nansum", "prod", "ptp", "softmax", "sum",
    "trapezoid", "trapz",
]  # fmt: skip


class MinMax(NamedTuple):
    """Result of `aminmax`."""

    min: Any
    max: Any


@register(np.sum)
@primitive
def sum(x: Array, axis: Axis = None, keepdims: bool = False, dtype: DType = None) -> Array:
    """Return the sum over `axis`, in `dtype` if given; integers and booleans add up to int64.

    >>> import numpy as np
    >>> sum(np.array([[1.0, 2.0], [3.0, 4.0]]), 0)
    array([4., 6.])
    """
    if dtype is not None:
        return _reduce("sum", np.add, np.asarray(x).astype(dtype), axis, keepdims, dtype=dtype)
    if type(x) is np.ndarray and x.dtype.char in "fdl":
        if x.size >= LARGE:
            return add_up(x, reduced_axes("sum", axis, x.ndim), keepdims)
        return _reduce("sum", np.add, x, axis, keepdims)
    return _accumulated("sum", np.add, x, axis, keepdims)


@sum.gradient("x")
def _(g: Any, shape: Shape, axis: Axis, keepdims: bool) -> Any:
    return broadcast_to(_kept(g, shape, axis, keepdims), shape)


@register(np.nansum)
@composite
def nansum(x: Any, axis: Axis = None, keepdims: bool = False, *, dtype: DType = None) -> Any:
    """Return the sum over `axis` of all elements that are not NaN.

    >>> import numpy as np
    >>> nansum(np.array([1.0, np.nan, 2.0]))
    np.float64(3.0)
    """
    return sum(where(isnan(x), 0, x), axis, keepdims, dtype=dtype)


@register(np.prod)
@promoting("x")
@composite
def prod(x: Any, axis: Axis = None, keepdims: bool = False, *, dtype: DType = None) -> Any:
    """Return the product over `axis`; the gradient is the product of the other elements, exact with any number of zeros.

    >>> import numpy as np
    >>> prod(np.array([[1.0, 2.0], [3.0, 4.0]]), 0)
    array([3., 8.])
    """
    shape = shape_of(x)
    axes = reduced_axes("prod", axis, len(shape))
    x = x if dtype is None else astype(x, dtype)
    whole = len(axes) == len(shape)
    out = reshape(x, (-1,)) if whole else x
    for a in (0,) if whole else sorted(axes, reverse=True):
        out = product(out, a)
    if dtype is not None:
        out = astype(out, dtype)  # products of small integers are int64
    return reshape(out, tuple([1 if i in axes else n for i, n in enumerate(shape)])) if keepdims else out


@primitive
def product(x: Array, axis: int) -> Array:
    """Compute `prod` over a single axis."""
    return _accumulated("prod", np.multiply, x, axis, False)


@product.gradient("x")
def _(g: Any, x: Any, axis: int) -> Any:
    before = cumprod(shifted(x, axis, 1), axis)
    after = flip(cumprod(flip(shifted(x, axis, -1), axis), axis), axis)
    return unsqueeze(g, axis) * (before * after)


@register(np.max, np.amax)
@primitive
def amax(x: Array, axis: Axis = None, keepdims: bool = False) -> Array:
    """Return the maximum over `axis`; equal maxima share the gradient evenly. A NaN is the maximum, and gets the gradient.

    Raises ValueError for an empty axis: the maximum of no elements is undefined.

    >>> import numpy as np
    >>> amax(np.array([[1.0, 2.0], [3.0, 0.0]]), 1)
    array([2., 3.])
    """
    return _reduce("amax", np.maximum, x, axis, keepdims)


@register(np.min, np.amin)
@primitive
def amin(x: Array, axis: Axis = None, keepdims: bool = False) -> Array:
    """Return the minimum over `axis`; equal minima share the gradient evenly. See `amax`."""
    return _reduce("amin", np.minimum, x, axis, keepdims)


@amax.gradient("x")
@amin.gradient("x")
def _(g: Any, x: Any, out: Any, shape: Shape, axis: Axis, keepdims: bool) -> Any:
    ties = x == _kept(out, shape, axis, keepdims)
    if isnan(out).any():
        ties = ties | isnan(x)  # a NaN is the maximum and the minimum wherever it is
    count = sum(ties, axis, True)
    return ties * (_kept(g, shape, axis, keepdims) / count.astype(g.dtype))


@register(np.nanmax)
@composite
def nanmax(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """Return the maximum over `axis` of all elements that are not NaN; NaN where all are.

    >>> import numpy as np
    >>> nanmax(np.array([[1.0, np.nan, 2.0], [np.nan, np.nan, np.nan]]), 1)
    array([ 2., nan])
    """
    hidden = isnan(x)
    if _has_integers(x):
        return amax(x, axis, keepdims)
    return where(all(hidden, axis, keepdims), np.nan, amax(where(hidden, -np.inf, x), axis, keepdims))


@register(np.nanmin)
@composite
def nanmin(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """Return the minimum over `axis` of all elements that are not NaN; NaN where all are."""
    return amin(x, axis, keepdims) if _has_integers(x) else -nanmax(-x, axis, keepdims)


@register(np.nanprod)
@composite
def nanprod(x: Any, axis: Axis = None, keepdims: bool = False, *, dtype: DType = None) -> Any:
    """Return the product over `axis` of all elements that are not NaN."""
    return prod(where(isnan(x), 1, x), axis, keepdims, dtype=dtype)


@composite
def aminmax(x: Any, axis: Axis = None, keepdims: bool = False) -> MinMax:
    """Return the minimum and the maximum over `axis`."""
    return MinMax(amin(x, axis, keepdims), amax(x, axis, keepdims))


@register(np.ptp)
@composite
def ptp(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """Return the difference of the maximum and the minimum over `axis` ("peak to peak")."""
    return amax(x, axis, keepdims) - amin(x, axis, keepdims)


@composite
def max(x: Any, axis: Any = None, keepdims: bool = False, *, other: Any = None) -> Any:
    """Return the maximum of all elements; with `axis`, as in PyTorch, (values, indices) along it.

    Along an axis the whole gradient goes to the first maximum; over all elements, equal maxima share it evenly. If `axis` is
    a tensor or an array, or with `other`, the result is the elementwise `maximum`, as in PyTorch. ``np.max(tensor, axis)``
    returns the values alone, and equal maxima share the gradient.

    >>> import numpy as np
    >>> max(np.array([[1.0, 5.0, 5.0], [7.0, 0.0, 2.0]]), 1)
    Extremum(values=array([5., 7.]), indices=array([1, 0]))
    """
    if isinstance(axis, Traced | np.ndarray) or other is not None:
        return maximum(x, axis if other is None else other)
    return amax(x, None, keepdims) if axis is None else extremum_at(x, argmax(x, axis, True), axis, keepdims)


@composite
def min(x: Any, axis: Any = None, keepdims: bool = False, *, other: Any = None) -> Any:
    """Return the minimum of all elements; with `axis`, (values, indices) along it. See `max`."""
    if isinstance(axis, Traced | np.ndarray) or other is not None:
        return minimum(x, axis if other is None else other)
    return amin(x, None, keepdims) if axis is None else extremum_at(x, argmin(x, axis, True), axis, keepdims)


@register(np.argmax)
@primitive
def argmax(x: Array, axis: int | None = None, keepdims: bool = False) -> Array:
    """Return the index of the first maximum along `axis`, or without it in the flattened array."""
    return _argument("argmax", np.argmax, x, axis, keepdims)


@register(np.argmin)
@primitive
def argmin(x: Array, axis: int | None = None, keepdims: bool = False) -> Array:
    """Return the index of the first minimum along `axis`, or without it in the flattened array."""
    return _argument("argmin", np.argmin, x, axis, keepdims)


@register(np.any)
@primitive
def any(x: Array, axis: Axis = None, keepdims: bool = False) -> Array:
    """Return whether any element along `axis` is true."""
    return _reduce("any", np.logical_or, x, axis, keepdims)


@register(np.all)
@primitive
def all(x: Array, axis: Axis = None, keepdims: bool = False) -> Array:
    """Return whether all elements along `axis` are true."""
    return _reduce("all", np.logical_and, x, axis, keepdims)


@register(np.count_nonzero)
@primitive
def count_nonzero(x: Array, axis: Axis = None, keepdims: bool = False) -> Array:
    """Count the elements along `axis` that are not zero."""
    return _reduce("count_nonzero", np.add, np.not_equal(x, 0), axis, keepdims)


@register(np.trapezoid)
@floating("y", "x")
@composite
def trapezoid(y: Any, x: Any = None, dx: float = 1.0, axis: int = -1) -> Any:
    """Return the integral of `y` along `axis` by the trapezoidal rule, at the points `x`, or `dx` apart.

    >>> import numpy as np
    >>> trapezoid(np.array([0.0, 1.0, 4.0])), trapezoid(np.array([0.0, 1.0, 4.0]), np.array([0.0, 1.0, 3.0]))
    (np.float64(3.0), np.float64(5.5))
    """
    return sum(_strips("trapezoid", y, x, dx, axis), axis)


@floating("y", "x")
@composite
def cumulative_trapezoid(y: Any, x: Any = None, dx: float = 1.0, axis: int = -1) -> Any:
    """Return the integrals of `y` from its first point up to each other one, as `trapezoid`.

    >>> import numpy as np
    >>> cumulative_trapezoid(np.array([0.0, 1.0, 4.0]))
    array([0.5, 3. ])
    """
    return cumsum(_strips("cumulative_trapezoid", y, x, dx, axis), axis)


@floating("x")
@Casting
def softmax(x: Array, axis: int = -1) -> Array:
    """Compute exp(x) / sum(exp(x)) along `axis`, shifted by the maximum, so that no finite logit overflows.

    >>> import numpy as np
    >>> softmax(np.array([1e308, 1e308]))
    array([0.5, 0.5])
    """
    axis = _softmax_axis("softmax", axis, x)
    return kernels.softmax(x, axis) if x.size else x.copy()


@softmax.gradient("x", kernel=lambda g, out, axis: kernels.softmax_gradient(g, out, _softmax_axis("softmax", axis, out)))
def _(g: Any, out: Any, axis: int) -> Any:
    return out * (g - sum(g * out, axis, True))


@floating("x")
@Casting
def log_softmax(x: Array, axis: int = -1) -> Array:
    """Compute log(softmax(x)) along `axis`, shifted by the maximum, without the logarithm of a small number.

    >>> import numpy as np
    >>> log_softmax(np.array([0.0, -1e4]))
    array([     0., -10000.])
    """
    axis = _softmax_axis("log_softmax", axis, x)
    return kernels.log_softmax(x, axis) if x.size else x.copy()


@log_softmax.gradient(
    "x", kernel=lambda g, out, axis: kernels.log_softmax_gradient(g, out, _softmax_axis("log_softmax", axis, out))
)
def _(g: Any, out: Any, axis: int) -> Any:
    return g - np.exp(out) * sum(g, axis, True)


@floating("x")
@primitive
def logsumexp(x: Array, axis: Axis = None, keepdims: bool = False) -> Array:
    """Compute log(sum(exp(x))) over `axis`, shifted by the maximum.

    The result is -inf for an empty axis, and where all elements are -inf (the gradient is NaN there).

    >>> import numpy as np
    >>> float(logsumexp(np.array([1e308, -1e308]))), float(logsumexp(np.array([-np.inf])))
    (1e+308, -inf)
    """
    axes = reduced_axes("logsumexp", axis, x.ndim)
    with errstate(over="ignore", invalid="ignore", divide="ignore"):
        top = _reduce("logsumexp", np.maximum, x, axes, True, -np.inf)
        top = np.where(np.isfinite(top), top, 0)
        total = np.log(np.add.reduce(np.exp(x - top), axes, keepdims=True)) + top
    return total if keepdims else np.squeeze(total, axes)


@logsumexp.gradient("x")
def _(g: Any, x: Any, out: Any, shape: Shape, axis: Axis, keepdims: bool) -> Any:
    return _kept(g, shape, axis, keepdims) * np.exp(x - _kept(out, shape, axis, keepdims))


trapz = trapezoid


def _strips(op: str, y: Any, x: Any, dx: float, axis: int) -> Any:
    """Return the areas between neighboring points along an axis."""
    axis = one_axis(op, axis, len(shape_of(y)))
    width = dx if x is None else diff(x, 1, -1 if len(shape_of(x)) == 1 else axis)
    if x is not None and len(shape_of(x)) == 1:
        width = reshape(width, (-1, *[1] * (len(shape_of(y)) - 1 - axis)))
    return width * (index_axis(y, axis, slice(1, None)) + index_axis(y, axis, slice(None, -1))) / 2


def _accumulated(op: str, ufunc: Any, x: Array, axis: Axis, keepdims: bool) -> Array:
    """Apply ``ufunc.reduce``, to integers and booleans in int64, as in PyTorch, and to float16 in float32."""
    char = np.asarray(x).dtype.char
    if char == "e":
        return _reduce(op, ufunc, x, axis, keepdims, dtype=np.float32).astype(x.dtype)
    return _reduce(op, ufunc, x, axis, keepdims, dtype=np.int64 if char in "?BHILQ" else None)


def _reduce(
    op: str, ufunc: Any, x: Array, axis: Any, keepdims: bool, empty: float | None = None, dtype: DType = None
) -> Array:
    """Apply ``ufunc.reduce`` and explain its errors; `empty` is the result for an empty axis of a ufunc without identity."""
    given = axis
    if axis is not None and not _numpy_checks(axis, x):
        axis = reduced_axes(op, axis, len(shape_of(x)))
    try:
        return ufunc.reduce(x, axis, dtype, None, keepdims)
    except (TypeError, ValueError):
        shape = shape_of(x)
        axes = reduced_axes(op, axis, len(shape))
        if ufunc.identity is None and 0 in [shape[a] for a in axes]:
            if empty is not None:
                return ufunc.reduce(x, axes, dtype, None, keepdims, empty)
            raise ValueError(f"{op}: axis {given} of shape {shape} is empty, so there is no {ufunc.__name__}") from None
        raise


def _numpy_checks(axis: Any, x: Any) -> bool:
    """Return whether `axis` is an int or a tuple of ints, for which NumPy raises the right errors."""
    return bool(shape_of(x)) and (type(axis) is int or (type(axis) is tuple and set(map(type, axis)) == {int}))


def _argument(op: str, find: Any, x: Array, axis: Any, keepdims: bool) -> Array:
    """Apply ``np.argmax`` or ``np.argmin``; raise ValueError for an empty axis."""
    if axis is not None:
        at = one_axis(op, axis, np.ndim(x))
    if not (np.size(x) if axis is None or not np.ndim(x) else np.shape(x)[at]):
        raise ValueError(f"{op}: axis {axis} of shape {np.shape(x)} is empty")
    return find(x, axis if np.ndim(x) else None, keepdims=keepdims)


def _softmax_axis(op: str, axis: Any, x: Array) -> Any:
    """Return the axis of a softmax, or several of them; all if none is named, none for a 0-d array."""
    return one_axis(op, axis, x.ndim) if type(axis) is int and x.ndim else reduced_axes(op, axis, x.ndim)


def _has_integers(x: Any) -> bool:
    """Return whether `x` consists of integers or booleans, which cannot be NaN."""
    return array_of(x).dtype.kind in "iub"


def extremum_at(x: Any, indices: Any, axis: int, keepdims: bool) -> Extremum:
    """Return the element of `x` at one index along each slice of an axis, and the indices; without `keepdims`, squeezed."""
    if not shape_of(x):
        return Extremum(reshape(x, ()), indices)
    values = take_along_axis(x, indices, axis)
    return Extremum(values, indices) if keepdims else Extremum(squeeze(values, axis), squeeze(indices, axis))


def _kept(reduced: Any, shape: Shape, axis: Axis, keepdims: bool) -> Any:
    """Return the result of a reduction of `shape` with the reduced axes, of size 1, in place again."""
    if keepdims or axis is None or not shape:  # a 0-d array broadcasts to any shape as it is
        return reduced
    axes = [axis % len(shape)] if type(axis) is int else reduced_axes("", axis, len(shape))
    return reshape(reduced, tuple([1 if i in axes else n for i, n in enumerate(shape)]))
