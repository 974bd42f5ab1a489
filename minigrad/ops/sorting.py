"""Sorting and searching. Values have gradients, indices have none."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from minigrad.arrays import Array, shape_of
from minigrad.engine.composite import composite
from minigrad.engine.primitive import primitive
from minigrad.engine.registry import register
from minigrad.errors import ShapeError
from minigrad.kernels.axes import one_axis
from minigrad.kernels.checks import check_choice
from minigrad.ops.indexing import frozen_index, select, take_along_axis
from minigrad.ops.shape import atleast_1d, reshape

__all__ = [
    "argpartition", "argsort", "argwhere", "bucketize", "flatnonzero", "kthvalue", "msort", "nonzero", "partition",
    "searchsorted", "sort", "topk", "unique", "unique_consecutive",
]  # fmt: skip


class Sorted(NamedTuple):
    """Result of `sort`, `topk` and `kthvalue`: the values, and the index of each in the input."""

    values: Any
    indices: Any


@primitive
def argsort(x: Array, axis: int = -1, descending: bool = False, stable: bool = False) -> Array:
    """Return the indices that sort `x` along an axis; NaN counts as the largest.

    Equal elements keep their order if `stable`, which takes several times longer.

    >>> import numpy as np
    >>> argsort(np.array([30, 10, 20])), argsort(np.array([30, 10, 20]), descending=True)
    (array([1, 2, 0]), array([0, 2, 1]))
    """
    if not x.ndim:
        one_axis("argsort", axis, 1)
        return np.zeros((), np.intp)
    axis = one_axis("argsort", axis, x.ndim)
    if not descending:
        return np.argsort(x, axis, stable=stable)
    # Sorted from the other end, so that reversing the result leaves equal elements in their order.
    return x.shape[axis] - 1 - np.flip(np.argsort(np.flip(x, axis), axis, stable=stable), axis)


@composite
def sort(x: Any, axis: int = -1, descending: bool = False, stable: bool = False) -> Sorted:
    """Return (values, indices) sorted along an axis, as in PyTorch; the gradient of a value goes to its element.

    ``np.sort(tensor)`` returns the values alone. See `argsort` for equal elements and NaN.

    >>> import numpy as np
    >>> sort(np.array([30, 10, 20]))
    Sorted(values=array([10, 20, 30]), indices=array([1, 2, 0]))
    """
    order = argsort(x, axis, descending, stable)
    return Sorted(take_along_axis(x, order, axis) if shape_of(x) else x, order)


@composite
def msort(x: Any) -> Any:
    """Return the values of `sort` along axis 0.

    >>> import numpy as np
    >>> msort(np.array([[2, 1], [1, 3]]))
    array([[1, 1],
           [2, 3]])
    """
    return sort(x, 0).values


@register(np.sort)
def numpy_sort(x: Any, axis: int | None = -1, kind: Any = None, order: Any = None, *, stable: bool | None = None) -> Any:
    """Return the values of `sort`; with axis None, of the flattened array."""
    x, axis = (reshape(x, (-1,)), 0) if axis is None else (x, axis)
    return take_along_axis(x, numpy_argsort(x, axis, kind, order, stable=stable), axis)


@register(np.argsort)
def numpy_argsort(x: Any, axis: int | None = -1, kind: Any = None, order: Any = None, *, stable: bool | None = None) -> Any:
    """Apply `argsort` with NumPy's arguments."""
    if order is not None:
        raise TypeError("argsort: order names the fields of structured arrays, which tensors do not have")
    x, axis = (reshape(x, (-1,)), 0) if axis is None else (x, axis)
    return argsort(x, axis, False, bool(stable) or kind in ("stable", "mergesort"))


@register(np.argpartition)
@primitive
def argpartition(x: Array, kth: Any, axis: int = -1) -> Array:
    """Return the indices that partition `x` along an axis.

    The element of rank `kth` is in place, smaller ones before it, larger ones after.
    """
    return np.argpartition(x, kth, one_axis("argpartition", axis, x.ndim))


@register(np.partition)
@composite
def partition(x: Any, kth: Any, axis: int = -1) -> Any:
    """Reorder along an axis so that the `kth` element is that of the sorted array, after smaller and before larger ones."""
    return take_along_axis(x, argpartition(x, kth, axis), axis)


@composite
def topk(x: Any, k: int, axis: int = -1, largest: bool = True, sorted: bool = True) -> Sorted:
    """Return (values, indices) of the `k` largest elements along an axis, or the smallest, in order.

    The result is always in order, whatever `sorted` is. Raises ValueError unless `k` is within 0 and the size of the axis.

    >>> import numpy as np
    >>> topk(np.array([5, 9, 7, 8]), 2)
    Sorted(values=array([9, 8]), indices=array([1, 3]))
    """
    shape = shape_of(x) or (1,)
    n = shape[one_axis("topk", axis, len(shape))]
    if not 0 <= k <= n:
        raise ValueError(f"topk: k must be within 0 and {n}, the size of axis {axis} of shape {shape}, got {k}")
    if not shape_of(x):
        return Sorted(x, argsort(x))
    indices = top_indices(x, k, axis, largest)
    return Sorted(take_along_axis(x, indices, axis), indices)


@primitive
def top_indices(x: Array, k: int, axis: int, largest: bool) -> Array:
    """Return the indices of `topk`: these k are sorted after a partition, 30 times faster than sorting all."""
    n = x.shape[axis]
    if not 0 < k < n:
        return np.take(argsort(x, axis, largest), np.arange(k), axis)
    parted = np.argpartition(x, n - k if largest else k - 1, axis)
    few = np.take(parted, np.arange(n - k, n) if largest else np.arange(k), axis)
    return np.take_along_axis(few, argsort(np.take_along_axis(x, few, axis), axis, largest), axis)


@composite
def kthvalue(x: Any, k: int, axis: int = -1, keepdims: bool = False) -> Sorted:
    """Return (value, index) of the k-th smallest element along an axis, counted from 1.

    >>> import numpy as np
    >>> kthvalue(np.array([5, 9, 7, 8]), 2)
    Sorted(values=array(7), indices=array(2))
    """
    if not shape_of(x):
        one_axis("kthvalue", axis, 1)
        return topk(x, k) if k == 1 else kthvalue(reshape(x, (1,)), k)
    n = shape_of(x)[one_axis("kthvalue", axis, len(shape_of(x)))]
    if not 1 <= k <= n:
        raise ValueError(f"kthvalue: k must be within 1 and {n}, the size of axis {axis} of shape {shape_of(x)}, got {k}")
    values, indices = topk(x, k, axis, largest=False)
    at = np.array([k - 1]) if keepdims else k - 1
    return Sorted(select(values, axis, at), select(indices, axis, at))


@register(np.argwhere)
@primitive
def argwhere(x: Array) -> Array:
    """Return the indices of the elements that are not zero, one row each."""
    return np.argwhere(x)


@composite
def nonzero(x: Any, as_tuple: bool = False) -> Any:
    """Return the indices of the elements that are not zero, one row each; with `as_tuple` a tuple of the columns.

    The tuple is an index of `x`; ``np.nonzero(tensor)`` returns it.

    >>> import numpy as np
    >>> nonzero(np.array([[1, 0], [0, 2]]))
    array([[0, 0],
           [1, 1]])
    """
    rows = argwhere(atleast_1d(x) if as_tuple else x)
    return tuple(rows[:, i] for i in range(rows.shape[1])) if as_tuple else rows


@register(np.flatnonzero)
@composite
def flatnonzero(x: Any) -> Any:
    """Return the indices of the elements that are not zero in the flattened array."""
    return argwhere(reshape(x, (-1,)))[:, 0]


@composite
def searchsorted(
    sorted_sequence: Any,
    values: Any,
    right: bool = False,
    side: str | None = None,
    *,
    out_int32: bool = False,
    sorter: Any = None,
) -> Any:
    """Return the indices at which `values` can be inserted to keep a sequence sorted.

    They are before equal elements, or with `right` or `side` "right" behind them. A sequence of several axes is sorted along
    the last, and the values have the same leading axes. `sorter` holds the indices that sort the sequence, if it is not
    sorted; with `out_int32` the result is int32. Raises ValueError for `right` beside `side` "left".

    >>> import numpy as np
    >>> searchsorted(np.array([1, 3, 5]), np.array([3, 4])), searchsorted(np.array([1, 3, 5]), 3, right=True)
    (array([1, 2]), np.int64(2))
    """
    check_choice("searchsorted", "side", side, None, "left", "right")
    if right and side == "left":
        raise ValueError("searchsorted: right=True and side='left' contradict each other: give one of them")
    if sorter is not None:
        sorted_sequence = take_along_axis(sorted_sequence, sorter, -1)
    found = insertion_indices(sorted_sequence, values, "right" if right or side == "right" else "left")
    return found.astype(np.int32) if out_int32 else found


@composite
def bucketize(x: Any, boundaries: Any, *, out_int32: bool = False, right: bool = False) -> Any:
    """Return for each element the index of its bucket: bucket i lies between boundaries i - 1 and i, a sorted vector.

    A boundary itself belongs to the lower bucket, or with `right` to the upper one, as in `searchsorted`.

    >>> import numpy as np
    >>> bucketize(np.array([0, 1, 4]), np.array([1, 3]))
    array([0, 0, 2])
    """
    if len(shape_of(boundaries)) != 1:
        raise ShapeError(f"bucketize: boundaries must be a vector, got shape {shape_of(boundaries)}")
    return searchsorted(boundaries, x, right, out_int32=out_int32)


@primitive
def insertion_indices(sequence: Array, values: Array, side: Any, sorter: Any = None) -> Array:
    """Compute `searchsorted` with NumPy's arguments."""
    if np.ndim(sequence) == 1:
        return np.searchsorted(sequence, values, side, sorter)
    if sequence.shape[:-1] != np.shape(values)[:-1]:
        raise ShapeError(
            f"searchsorted: the leading axes of the sequences, shape {sequence.shape}, and of the values, shape "
            f"{np.shape(values)}, must be the same"
        )
    found = np.empty(np.shape(values), np.intp)
    for row in np.ndindex(sequence.shape[:-1]):
        found[row] = np.searchsorted(sequence[row], values[row], side)
    return found


@composite
def unique(
    x: Any, sorted: bool = True, return_inverse: bool = False, return_counts: bool = False, axis: int | None = None
) -> Any:
    """Return the distinct elements, sorted, or the distinct slices along an axis; not differentiable.

    `return_inverse` adds for each element its index among them, `return_counts` how often each occurs. The arguments are
    PyTorch's, but the result is always sorted, whatever `sorted` is; ``np.unique(tensor)`` has NumPy's.

    >>> import numpy as np
    >>> unique(np.array([3, 1, 3]), return_counts=True)
    (array([1, 3]), array([1, 2]))
    """
    return numpy_unique(x, False, return_inverse, return_counts, axis)


@composite
def unique_consecutive(x: Any, return_inverse: bool = False, return_counts: bool = False, axis: int | None = None) -> Any:
    """Return the elements without those that equal the one before; or the slices along an axis; not differentiable.

    `return_inverse` adds for each element its index in the result, `return_counts` the length of each run.

    >>> import numpy as np
    >>> unique_consecutive(np.array([3, 3, 1, 3]), return_counts=True)
    (array([3, 1, 3]), array([2, 1, 1]))
    """
    array = frozen_index(x)
    rows = np.moveaxis(array, axis, 0) if axis is not None else array.reshape(-1)
    differ = (rows[1:] != rows[:-1]).any(tuple(range(1, rows.ndim)))
    starts = np.flatnonzero(np.concatenate([[True] * (len(rows) > 0), differ]))
    found = [np.moveaxis(rows[starts], 0, axis or 0)]
    if return_inverse:
        inverse = np.cumsum(np.concatenate([[0] * (len(rows) > 0), differ]), dtype=np.int64)
        found.append(inverse if axis is not None else inverse.reshape(array.shape))
    if return_counts:
        found.append(np.diff(starts, append=len(rows)))
    parts = tuple(nondifferentiable(x, part) for part in found)
    return parts if len(parts) > 1 else parts[0]


@register(np.unique)
def numpy_unique(x: Any, *args: Any, **options: Any) -> Any:
    """Apply `unique` with NumPy's arguments."""
    found = np.unique(frozen_index(x), *args, **options)
    return tuple(nondifferentiable(x, part) for part in found) if isinstance(found, tuple) else nondifferentiable(x, found)


@primitive
def nondifferentiable(x: Array, result: Array) -> Array:
    """Return a result that is piecewise constant in `x`, as a tensor without a gradient if `x` is a tensor."""
    return result


nondifferentiable.zero_gradient("x")


register(np.nonzero)(lambda a: nonzero(a, as_tuple=True))
register(np.searchsorted)(lambda a, v, side="left", sorter=None: insertion_indices(a, v, side, sorter))
