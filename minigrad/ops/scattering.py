"""Writing into parts of an array, and reducing the values that are written to one element. Results are new arrays."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad.arrays import Array, shape_of
from minigrad.engine.composite import composite
from minigrad.engine.primitive import primitive
from minigrad.errors import DTypeError, ShapeError
from minigrad.kernels.axes import every_axis, one_axis
from minigrad.kernels.checks import check_choice
from minigrad.kernels.errstate import errstate
from minigrad.ops.elementwise import astype, floor_divide, isnan
from minigrad.ops.indexing import (
    add_at,
    as_row,
    check_cast,
    covering_part,
    frozen_index,
    gathered_index,
    getitem,
    setitem,
    shaped,
    source_slices,
)  # fmt: skip
from minigrad.ops.reduction import prod
from minigrad.ops.shape import broadcast_to, moveaxis, reshape

__all__ = [
    "diagonal_scatter", "index_put", "index_reduce", "put", "scatter_reduce", "select_scatter", "slice_scatter",
]  # fmt: skip


@composite
def select_scatter(x: Any, src: Any, dim: int, index: int) -> Any:
    """Return `x` with `src` in the place of ``select(x, dim, index)``, whose shape it has.

    >>> import numpy as np
    >>> select_scatter(np.zeros((2, 2)), np.array([1.0, 2.0]), 0, 1)
    array([[0., 0.],
           [1., 2.]])
    """
    return _embedded("select_scatter", x, src, _along(one_axis("select_scatter", dim, len(shape_of(x))), index))


@composite
def slice_scatter(x: Any, src: Any, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1) -> Any:
    """Return `x` with `src` in the place of ``x[start:end:step]`` along `dim`, whose shape it has.

    >>> import numpy as np
    >>> slice_scatter(np.zeros(4), np.array([1.0, 2.0]), 0, 0, 4, 2)
    array([1., 0., 2., 0.])
    """
    dim = one_axis("slice_scatter", dim, len(shape_of(x)))
    if not step > 0:
        raise ValueError(f"slice_scatter: step must be at least 1, got {step}")
    return _embedded("slice_scatter", x, src, _along(dim, slice(start, end, step)))


@composite
def diagonal_scatter(x: Any, src: Any, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Any:
    """Return `x` with `src` in the place of ``diagonal(x, offset, dim1, dim2)``, whose shape it has.

    >>> import numpy as np
    >>> diagonal_scatter(np.zeros((2, 2)), np.array([1.0, 2.0]))
    array([[1., 0.],
           [0., 2.]])
    """
    axes = every_axis("diagonal_scatter", (dim1, dim2), len(shape_of(x)))
    rows, columns = max(-offset, 0), max(offset, 0)
    moved = moveaxis(x, axes, (-2, -1))
    steps = np.arange(max(min(shape_of(moved)[-2] - rows, shape_of(moved)[-1] - columns), 0))
    return moveaxis(_embedded("diagonal_scatter", moved, src, (..., rows + steps, columns + steps)), (-2, -1), axes)


@composite
def index_put(x: Any, indices: Any, values: Any, accumulate: bool = False) -> Any:
    """Return `x` with ``x[indices] = values``, for a tuple of index arrays; with `accumulate`, values are added instead.

    Of several values for one element the last stays, or all are added. Raises IndexError and ShapeError as `setitem`.

    >>> import numpy as np
    >>> index_put(np.zeros(3), (np.array([0, 2, 0]),), np.array([1.0, 2.0, 3.0]), accumulate=True)
    array([4., 0., 2.])
    """
    at = frozen_index(tuple(indices))
    if not accumulate:
        return setitem(x, at, values)
    check_cast("index_put", values, x.dtype)
    chosen = shape_of(getitem(np.broadcast_to(False, shape_of(x)), at))
    values = astype(values, x.dtype) if hasattr(values, "dtype") else np.asarray(values, x.dtype)
    return x + add_at(broadcast_to(values, chosen), at, shape_of(x))


@composite
def put(x: Any, index: Any, source: Any, accumulate: bool = False) -> Any:
    """Return `x` with the elements of `source` at `index` of the flattened `x`, written or with `accumulate` added.

    `take` reads there. Raises ShapeError unless there is one element of `source` for each index.

    >>> import numpy as np
    >>> put(np.zeros((2, 2)), np.array([3, 0]), np.array([1.0, 2.0]))
    array([[2., 0.],
           [0., 1.]])
    """
    at = np.reshape(frozen_index(index), -1)
    if math.prod(shape_of(source)) != at.size:
        raise ShapeError(f"put: source must have an element for each of {at.size} indices, got shape {shape_of(source)}")
    return reshape(index_put(reshape(x, (-1,)), (at,), reshape(source, (-1,)), accumulate), shape_of(x))


@composite
def scatter_reduce(x: Any, dim: int, index: Any, src: Any, reduce: str, *, include_self: bool = True) -> Any:
    """Return `x` with each element reduced with the elements of `src` that `scatter` would write there.

    `reduce` is "sum", "prod", "mean" (of integers rounded down), "amax" or "amin" (equal ones share the gradient). Without
    `include_self` the former value of an element that is written to does not count. A product takes memory for as many
    copies of `x` as one element has factors; its gradient is exact with any number of zeros. Raises as `scatter`.

    >>> import numpy as np
    >>> scatter_reduce(np.array([1.0, 2.0]), 0, np.array([0, 0]), np.array([3.0, 5.0]), "mean")
    array([3., 2.])
    >>> scatter_reduce(np.array([9.0, 2.0]), 0, np.array([0, 0]), np.array([3.0, 5.0]), "amax", include_self=False)
    array([5., 2.])
    """
    check_choice("scatter_reduce", "reduce", reduce, "sum", "prod", "mean", "amax", "amin")
    at = gathered_index("scatter_reduce", x, dim, index)
    out = _reduced("scatter_reduce", as_row(x), at, covering_part("scatter_reduce", src, index), reduce, include_self)
    return shaped(out, shape_of(x))


@composite
def index_reduce(x: Any, dim: int, index: Any, source: Any, reduce: str, *, include_self: bool = True) -> Any:
    """Return `x` with its slices along `dim` reduced with those of `source` at the positions in `index`, a vector.

    `reduce` is "prod", "mean", "amax" or "amin"; see `scatter_reduce`. For sums there is `index_add`.

    >>> import numpy as np
    >>> index_reduce(np.array([1.0, 2.0]), 0, np.array([0, 0]), np.array([3.0, 5.0]), "prod")
    array([15.,  2.])
    """
    check_choice("index_reduce", "reduce", reduce, "prod", "mean", "amax", "amin")
    at = source_slices("index_reduce", x, dim, index, source)
    return shaped(_reduced("index_reduce", as_row(x), at, as_row(source), reduce, include_self), shape_of(x))


@primitive
def extremum_of(x: Array, index: Any, src: Array, extremum: np.ufunc) -> Array:
    """Return the maximum or minimum of each element of `x` and all of `src` at `index`; equal ones share the gradient."""
    out = x.copy("K")
    with errstate(invalid="ignore"):  # NumPy warns of NaN
        extremum.at(out, index, src)
    return out


@extremum_of.gradient("x")
def _(g: Any, x: Any, index: Any, src: Any, out: Any) -> Any:
    return g * _same(x, out) / _ties(x, index, src, out)


@extremum_of.gradient("src")
def _(g: Any, x: Any, index: Any, src: Any, out: Any) -> Any:
    return getitem(g / _ties(x, index, src, out), index) * _same(src, getitem(out, index))


def _ties(x: Any, index: Any, src: Any, out: Any) -> Any:
    """Count the elements that equal each extremum."""
    return _same(x, out) + add_at(_same(src, getitem(out, index)).astype(out.dtype), index, shape_of(out))


def _same(x: Any, out: Any) -> Any:
    """Return where an element is the extremum, or both are NaN."""
    return (x == out) | (isnan(x) & isnan(out))


def _reduced(op: str, x: Any, at: Any, src: Any, reduce: str, include_self: bool) -> Any:
    """Compute `scatter_reduce` at an index."""
    if src.dtype != x.dtype:
        raise DTypeError(f"{op}: src must be of the dtype of x, {x.dtype}, got {src.dtype}\n  hint: cast it with .astype")
    shape = shape_of(x)
    if not include_self:
        x = setitem(x, at, _neutral(reduce, x.dtype))
    if reduce in ("amax", "amin"):
        return extremum_of(x, at, src, np.maximum if reduce == "amax" else np.minimum)
    if reduce == "sum":
        return x + add_at(src, at, shape)
    places = np.arange(math.prod(shape)).reshape(shape)[at]
    if reduce == "prod":
        turn = _turns(places)
        factors = np.ones((turn.max(initial=-1) + 1, *shape), x.dtype)
        return x * astype(prod(setitem(factors, (turn, *np.unravel_index(places, shape)), src), 0), x.dtype)
    total, counts = x + add_at(src, at, shape), np.bincount(places.ravel(), minlength=math.prod(shape)).reshape(shape)
    counts = np.maximum(counts + include_self, 1).astype(x.dtype)
    return total / counts if x.dtype.kind == "f" else floor_divide(total, counts)


def _turns(places: Array) -> Array:
    """Return for each of several writes how many earlier ones go to the same place."""
    flat = places.ravel()
    order = np.argsort(flat, kind="stable")
    ranked = flat[order]
    turns = np.empty(flat.size, np.intp)
    turns[order] = np.arange(flat.size) - np.searchsorted(ranked, ranked)
    return turns.reshape(places.shape)


def _neutral(reduce: str, dtype: np.dtype[Any]) -> Any:
    """Return the number that changes no result of a reduction, in a dtype."""
    if reduce in ("sum", "mean", "prod"):
        return int(reduce == "prod")
    if dtype.kind in "fb":
        least, most = (-np.inf, np.inf) if dtype.kind == "f" else (False, True)
        return least if reduce == "amax" else most
    return np.iinfo(dtype).min if reduce == "amax" else np.iinfo(dtype).max


def _along(axis: int, index: Any) -> tuple[Any, ...]:
    """Return an index of one axis, and of all before it."""
    return (slice(None),) * axis + (index,)


def _embedded(op: str, x: Any, src: Any, index: Any) -> Any:
    """Return `x` with `src` at an index; raise ShapeError unless it has exactly the shape of what is there."""
    wanted = shape_of(getitem(np.broadcast_to(False, shape_of(x)), index))
    if shape_of(src) != wanted:
        raise ShapeError(f"{op}: src must have the shape {wanted} of the part that it replaces, got {shape_of(src)}")
    return setitem(x, index, src)
