"""Scans along one axis: cumulative sums, products and extrema, differences, and the linear recurrence."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from minigrad.arrays import Array, Axis, Shape, array_of, shape_of
from minigrad.engine.composite import composite, separate
from minigrad.engine.primitive import Casting, primitive
from minigrad.engine.promotion import floating, promoting
from minigrad.engine.registry import register
from minigrad.kernels.axes import every_axis, one_axis
from minigrad.kernels.checks import check_at_least, check_choice
from minigrad.kernels.errstate import errstate
from minigrad.ops.elementwise import isnan, not_equal, subtract, where
from minigrad.ops.indexing import index_axis, take_along_axis
from minigrad.ops.joining import concatenate
from minigrad.ops.rearrange import flip
from minigrad.ops.shape import broadcast_to, reshape

__all__ = ["cummax", "cummin", "cumprod", "cumsum", "diff", "gradient", "logcumsumexp", "nancumprod", "nancumsum"]


class Extremum(NamedTuple):
    """Values chosen along an axis, and the index of each."""

    values: Any
    indices: Any


@register(np.cumsum)
@promoting("x")
@Casting
def cumsum(x: Array, axis: int | None = None) -> Array:
    """Return the cumulative sums along `axis`; without it, of the flattened array.

    >>> import numpy as np
    >>> cumsum(np.array([1.0, 2.0, 3.0]))
    array([1., 3., 6.])
    """
    return _scanned("cumsum", np.add, x, axis)


@cumsum.gradient("x")
def _(g: Any, shape: Shape, axis: int | None) -> Any:
    at = 0 if axis is None else axis
    gx = flip(cumsum(flip(g, at), at), at)
    return reshape(gx, shape) if axis is None else gx


@register(np.cumprod)
@promoting("x")
@Casting
def cumprod(x: Array, axis: int | None = None) -> Array:
    """Return the cumulative products along `axis`; without it, of the flattened array.

    The gradient does not divide by elements: it is exact with any number of zeros.

    >>> import numpy as np
    >>> cumprod(np.array([2.0, 3.0, 0.0]))
    array([2., 6., 0.])
    """
    return _scanned("cumprod", np.multiply, x, axis)


@cumprod.gradient("x")
def _(g: Any, x: Any, out: Any, shape: Shape, axis: int | None) -> Any:
    # The product of the elements before i, times r[i] = g[i] + x[i+1] * r[i+1].
    if axis is None:
        x, axis = reshape(x, (-1,)), 0
    before = shifted(out, axis, 1)
    after = flip(recurrence(flip(shifted(x, axis, -1), axis), flip(g, axis), axis), axis)
    return reshape(before * after, shape)


@primitive
def recurrence(decay: Array, x: Array, axis: int) -> Array:
    """Compute h[i] = decay[i] * h[i-1] + x[i] along `axis`, from h = 0; decay[0] has no effect.

    It takes log2(n) steps, each of which doubles the number of former elements in each sum (Hillis and Steele, 1986).

    >>> import numpy as np
    >>> recurrence(np.array([9.0, 2.0, 2.0]), np.array([1.0, 1.0, 1.0]), 0)
    array([1., 3., 7.])
    """
    h, decay = x.copy(order="K"), decay.copy(order="K")
    if not h.ndim:
        return h
    hs, ds = np.moveaxis(h, axis, 0), np.moveaxis(decay, axis, 0)
    reach = 1
    while reach < len(hs):
        hs[reach:] += ds[reach:] * hs[:-reach]
        ds[reach:] *= ds[:-reach].copy()
        reach *= 2
    return h


@recurrence.gradient("x")
def _(g: Any, decay: Any, axis: int) -> Any:
    return _carried_back(g, decay, axis)


@recurrence.gradient("decay")
def _(g: Any, decay: Any, out: Any, axis: int) -> Any:
    former = shifted(out, axis, 1, 0.0)
    return _carried_back(g, decay, axis) * former


@floating("x")
@primitive
def logcumsumexp(x: Array, axis: int) -> Array:
    """Compute log(cumsum(exp(x))) along `axis` without overflow, and accurate even far below the maximum.

    >>> import numpy as np
    >>> logcumsumexp(np.array([-1e4, 1e4, 1e4]), 0).round(4)
    array([-10000.    ,  10000.    ,  10000.6931])
    """
    with errstate(invalid="ignore"):
        return _scanned("logcumsumexp", np.logaddexp, x, axis)


@logcumsumexp.gradient("x")
def _(g: Any, x: Any, out: Any, axis: int) -> Any:
    # The sum of g[i] exp(x[j] - out[i]) for j <= i, as exp(x[j] - out[j]) r[j], r[j] = g[j] + exp(out[j] - out[j+1]) r[j+1]:
    # no exponential exceeds 1. Where all elements so far are -inf, so is out; there the gradient is 0.
    least = float(np.finfo(out.dtype).min) / 4
    out = where(out < least, least, out)  # NaN stays
    decay = np.exp(out - shifted(out, axis, -1, -least))
    return np.exp(x - out) * flip(recurrence(flip(decay, axis), flip(g, axis), axis), axis)


@register(np.nancumsum)
@promoting("x")
@composite
def nancumsum(x: Any, axis: int | None = None) -> Any:
    """Compute `cumsum` with 0 for NaN."""
    return cumsum(where(isnan(x), 0, x), axis)


@register(np.nancumprod)
@composite
def nancumprod(x: Any, axis: int | None = None) -> Any:
    """Compute `cumprod` with 1 for NaN."""
    return cumprod(where(isnan(x), 1, x), axis)


@composite
def cummax(x: Any, axis: int) -> Extremum:
    """Return (values, indices) of the cumulative maxima along `axis`, with the index of the last of equal ones.

    NaN counts as larger than any number. The gradient goes to the element at the index.

    >>> import numpy as np
    >>> cummax(np.array([1, 3, 2, 3]), 0)
    Extremum(values=array([1, 3, 3, 3]), indices=array([0, 1, 1, 3]))
    """
    return _extrema(x, axis, np.maximum)


@composite
def cummin(x: Any, axis: int) -> Extremum:
    """Return (values, indices) of the cumulative minima along `axis`. See `cummax`."""
    return _extrema(x, axis, np.minimum)


@primitive
def where_cumulative(x: Array, axis: int, extremum: np.ufunc) -> Array:
    """Return the indices of the cumulative maxima or minima: those at which a new or an equal one was found last."""
    axis = one_axis("cummax" if extremum is np.maximum else "cummin", axis, x.ndim)
    if not x.ndim:
        return np.zeros((), np.intp)
    found = (x == extremum.accumulate(x, axis)) | np.isnan(x)
    index = np.arange(x.shape[axis]).reshape(-1, *[1] * (x.ndim - 1 - axis))
    return np.maximum.accumulate(np.where(found, index, 0), axis)


@register(np.diff)
@composite
@separate
def diff(x: Any, n: int = 1, axis: int = -1, prepend: Any = None, append: Any = None) -> Any:
    """Return the differences of neighbors along `axis`, taken `n` times, after `prepend` and `append` were joined to `x`.

    Numbers among these stand for a slice of one element each. Raises ValueError for a negative `n`.

    >>> import numpy as np
    >>> diff(np.array([1, 4, 9])), diff(np.array([1, 4, 9]), prepend=0)
    (array([3, 5]), array([1, 3, 5]))
    """
    check_at_least("diff", "n", n, 0)
    shape = shape_of(x)
    axis = one_axis("diff", axis, len(shape))
    one = (*shape[:axis], 1, *shape[axis + 1 :])
    parts = [e if e is None or shape_of(e) else broadcast_to(np.asarray(e, x.dtype), one) for e in (prepend, append)]
    if n:
        x = concatenate([part for part in (parts[0], x, parts[1]) if part is not None], axis)
    minus = not_equal if x.dtype.kind == "b" else subtract
    for _ in range(n):
        x = minus(index_axis(x, axis, slice(1, None)), index_axis(x, axis, slice(None, -1)))
    return x


@floating("x")
@composite
def gradient(x: Any, *, spacing: Any = 1, dim: Axis = None, edge_order: int = 1) -> tuple[Any, ...]:
    """Return estimates of the derivatives of sampled values along each axis, or along those in `dim`.

    Inside they are central differences, exact for parabolas, at the ends one-sided, exact for lines, or for parabolas with
    `edge_order` 2. `spacing` is the distance of neighbors, or one for each axis, or a tuple or list of the coordinates along
    each axis, which are constants. Raises ValueError for an axis of at most `edge_order` elements.

    >>> import numpy as np
    >>> gradient(np.array([0.0, 1.0, 4.0, 9.0]))
    (array([1., 2., 4., 5.]),)
    """
    check_choice("gradient", "edge_order", edge_order, 1, 2)
    axes = every_axis("gradient", dim, len(shape_of(x)))
    spacing = 1 if spacing is None else spacing  # as PyTorch takes it
    spacings = spacing if isinstance(spacing, tuple | list) else [spacing] * len(axes)
    if len(spacings) != len(axes):
        raise ValueError(f"gradient: needs a spacing for each of {len(axes)} axes, got {len(spacings)}")
    return tuple([_slopes(x, axis, array_of(h), edge_order) for axis, h in zip(axes, spacings, strict=True)])


def _slopes(x: Any, axis: int, spacing: Array, edge_order: int) -> Any:
    """Compute `gradient` along one axis."""
    n = shape_of(x)[axis]
    if n <= edge_order or spacing.shape not in ((), (n,)):
        raise ValueError(
            f"gradient: axis {axis} needs more than {edge_order} elements, and a number or {n} coordinates as spacing, "
            f"got shape {shape_of(x)} and spacing of shape {spacing.shape}"
        )
    h = np.diff(spacing) if spacing.ndim else np.full(n - 1, spacing)
    h = h.astype(x.dtype).reshape(-1, *[1] * (len(shape_of(x)) - 1 - axis))
    steps = diff(x, 1, axis) / h
    left, right = index_axis(steps, axis, slice(None, -1)), index_axis(steps, axis, slice(1, None))
    inside = (h[1:] * left + h[:-1] * right) / (h[1:] + h[:-1])
    first, last = index_axis(steps, axis, slice(1)), index_axis(steps, axis, slice(-1, None))
    if edge_order == 2:  # the slope of the parabola through three points, which is linear
        first = first + (first - index_axis(steps, axis, slice(1, 2))) * (h[0] / (h[0] + h[1]))
        last = last + (last - index_axis(steps, axis, slice(-2, -1))) * (h[-1] / (h[-1] + h[-2]))
    return concatenate([first, inside, last], axis)


def shifted(x: Any, axis: int, by: int, fill: float = 1.0) -> Any:
    """Return `x` shifted by one position, to the right (1) or left (-1), with `fill` in the position that becomes free."""
    shape = list(shape_of(x))
    if not shape:
        return np.full((), fill, x.dtype)
    axis %= len(shape)
    if shape[axis] == 0:
        return x
    shape[axis] = 1
    free = np.full(shape, fill, x.dtype)
    if by == 1:
        return concatenate([free, index_axis(x, axis, slice(None, -1))], axis)
    return concatenate([index_axis(x, axis, slice(1, None)), free], axis)


def _extrema(x: Any, axis: int, extremum: np.ufunc) -> Extremum:
    """Return the cumulative extrema and their indices."""
    indices = where_cumulative(x, axis, extremum)
    return Extremum(take_along_axis(x, indices, axis) if shape_of(x) else reshape(x, ()), indices)


def _carried_back(g: Any, decay: Any, axis: int) -> Any:
    """Compute r[i] = g[i] + decay[i+1] * r[i+1]: a recurrence from the other end."""
    return flip(recurrence(flip(shifted(decay, axis, -1), axis), flip(g, axis), axis), axis)


def _scanned(op: str, ufunc: Any, x: Array, axis: int | None) -> Array:
    """Apply ``ufunc.accumulate`` along an axis or to the flattened array, in int64 for integers and booleans, as PyTorch."""
    if axis is not None:
        axis = one_axis(op, axis, np.ndim(x))
    if axis is None or not np.ndim(x):
        shape = np.shape(x) if axis is not None else (-1,)
        return np.reshape(_scanned(op, ufunc, np.reshape(x, -1), 0), shape)
    return ufunc.accumulate(x, axis, dtype=None if np.asarray(x).dtype.kind == "f" else np.int64)
