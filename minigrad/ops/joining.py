"""Joining and splitting arrays. Each piece of a split is adjoint to its position in a concatenation."""

from __future__ import annotations

import itertools
import operator
from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Any

import numpy as np

from minigrad.arrays import Array, shape_of
from minigrad.engine.composite import composite, separate
from minigrad.engine.primitive import primitive
from minigrad.engine.promotion import common_dtype
from minigrad.engine.registry import register
from minigrad.errors import ShapeError
from minigrad.kernels.axes import Shapes, one_axis
from minigrad.ops.indexing import getitem, index_axis
from minigrad.ops.shape import atleast_1d, atleast_2d, atleast_3d, meshgrid, reshape, unsqueeze

__all__ = [
    "array_split", "block_diag", "cartesian_prod", "cat", "chunk", "column_stack", "combinations", "concat",
    "concatenate", "dsplit", "dstack", "hsplit", "hstack", "row_stack", "split", "split_with_sizes", "stack",
    "tensor_split", "unbind", "vsplit", "vstack",
]  # fmt: skip

Sections = int | Sequence[int]


@primitive
def concatenate_along(axis: int, *arrays: Array) -> Array:
    """Concatenate arrays, which are the last arguments, as a variadic primitive has them."""
    return np.concatenate(arrays, axis, dtype=common_dtype(arrays, weak=False))


@concatenate_along.gradient("arrays")
def _(g: Any, axis: int, position: int, shapes: Shapes) -> Any:
    ends = shapes.ends(axis)
    return index_axis(g, axis, slice(ends[position] - shapes[position][axis], ends[position]))


@register(np.concatenate)
@composite
def concatenate(arrays: Sequence[Any], axis: int | None = 0) -> Any:
    """Join arrays along an existing axis; the other sizes agree. With axis None, join them flattened.

    An empty vector, of shape (0,), fits any other arrays, so that a collection can start as ``tensor([])``. Raises
    ValueError for no arrays, ShapeError, naming the first, for arrays that do not fit.

    >>> import numpy as np
    >>> concatenate([np.array([1, 2]), np.array([3])])
    array([1, 2, 3])
    """
    arrays = _listed("concatenate", arrays)
    if axis is None:
        arrays, axis = [reshape(array, (-1,)) for array in arrays], 0
    at, first = next(((i, shape) for i, array in enumerate(arrays) if (shape := shape_of(array)) != (0,)), (0, (0,)))
    if not first:
        raise ShapeError("concatenate: 0-d arrays have no axis to join along\n  hint: use stack")
    axis = one_axis("concatenate", axis, len(first))
    for i, array in enumerate(arrays):
        shape = shape_of(array)
        if shape == (0,) != first:
            arrays[i] = reshape(array, (*first[:axis], 0, *first[axis + 1 :]))
        elif len(shape) != len(first) or shape[:axis] + shape[axis + 1 :] != first[:axis] + first[axis + 1 :]:
            raise ShapeError(
                f"concatenate: array {i} has shape {shape}, array {at} has {first}\n"
                f"  rule    all sizes agree except on axis {axis}"
            )
    return concatenate_along(axis, *arrays)


@register(np.stack)
@composite
@separate
def stack(arrays: Sequence[Any], axis: int = 0) -> Any:
    """Join arrays of one shape along a new axis.

    Raises ValueError for no arrays, ShapeError, naming the first, for an array of another shape.

    >>> import numpy as np
    >>> stack([np.array([1, 2]), np.array([3, 4])], 1)
    array([[1, 3],
           [2, 4]])
    """
    arrays = _listed("stack", arrays)
    first = shape_of(arrays[0])
    for i, array in enumerate(arrays):
        if shape_of(array) != first:
            raise ShapeError(f"stack: array {i} has shape {shape_of(array)}, array 0 has {first}")
    axis = one_axis("stack", axis, len(first) + 1)
    if axis == len(first):
        return concatenate([unsqueeze(array, axis) for array in arrays], axis)
    joined = concatenate_along(axis, *arrays)  # then one reshape, not one for each array
    return reshape(joined, (*first[:axis], len(arrays), *first[axis:]))


@register(np.hstack)
@composite
def hstack(arrays: Sequence[Any]) -> Any:
    """Join side by side: along axis 1, vectors along axis 0."""
    arrays = [atleast_1d(array) for array in _listed("hstack", arrays)]
    return concatenate(arrays, 0 if len(shape_of(arrays[0])) == 1 else 1)


@register(np.vstack)
@composite
def vstack(arrays: Sequence[Any]) -> Any:
    """Join one above the other: along axis 0, vectors as rows.

    >>> import numpy as np
    >>> vstack([np.array([1, 2]), np.array([3, 4])])
    array([[1, 2],
           [3, 4]])
    """
    return concatenate([atleast_2d(array) for array in _listed("vstack", arrays)], 0)


@register(np.dstack)
@composite
def dstack(arrays: Sequence[Any]) -> Any:
    """Join one behind the other: along axis 2, after `atleast_3d`."""
    return concatenate([atleast_3d(array) for array in _listed("dstack", arrays)], 2)


@register(np.column_stack)
@composite
def column_stack(arrays: Sequence[Any]) -> Any:
    """Join side by side, vectors as columns.

    >>> import numpy as np
    >>> column_stack([np.array([1, 2]), np.array([3, 4])])
    array([[1, 3],
           [2, 4]])
    """
    arrays = _listed("column_stack", arrays)
    return concatenate([x if len(shape_of(x)) > 1 else reshape(x, (-1, 1)) for x in arrays], 1)


@composite
def block_diag(*arrays: Any) -> Any:
    """Return one matrix with the given ones along its diagonal, and zeros elsewhere.

    A vector counts as a row, a number as a matrix of one element. Raises ShapeError for more than two axes.

    >>> import numpy as np
    >>> block_diag(np.array([[1, 2]]), 3)
    array([[1, 2, 0],
           [0, 0, 3]])
    """
    for i, x in enumerate(arrays):
        if len(shape_of(x)) > 2:
            raise ShapeError(f"block_diag: argument {i} has shape {shape_of(x)}, which is not a matrix")
    blocks = [reshape(x, (-1, shape_of(x)[-1] if shape_of(x) else 1)) if len(shape_of(x)) < 2 else x for x in arrays]
    widths = [shape_of(x)[1] for x in blocks]
    rows = []
    for i, x in enumerate(blocks):
        sides = [np.zeros((shape_of(x)[0], n), x.dtype) for n in (sum(widths[:i]), sum(widths[i + 1 :]))]
        rows.append(concatenate([sides[0], x, sides[1]], 1))
    return concatenate(rows, 0)


@composite
def cartesian_prod(*arrays: Any) -> Any:
    """Return all combinations of an element of each vector, one row each, the last varying fastest; one vector unchanged.

    >>> import numpy as np
    >>> cartesian_prod(np.array([1, 2]), np.array([3, 4]))
    array([[1, 3],
           [1, 4],
           [2, 3],
           [2, 4]])
    """
    for i, array in enumerate(arrays):
        if len(shape_of(array)) != 1:
            raise ShapeError(f"cartesian_prod: needs vectors, argument {i} has shape {shape_of(array)}")
    return stack([reshape(grid, (-1,)) for grid in meshgrid(*arrays)], 1) if len(arrays) != 1 else arrays[0]


@composite
def combinations(x: Any, r: int = 2, with_replacement: bool = False) -> Any:
    """Return all choices of `r` elements of a vector, one row each; with replacement, an element may be chosen again.

    >>> import numpy as np
    >>> combinations(np.array([1, 2, 3]))
    array([[1, 2],
           [1, 3],
           [2, 3]])
    """
    if len(shape_of(x)) != 1:
        raise ShapeError(f"combinations: needs a vector, got shape {shape_of(x)}")
    choices = itertools.combinations_with_replacement if with_replacement else itertools.combinations
    at = np.array(list(choices(range(len(x)), r)), np.intp)
    return getitem(x, at.reshape(-1, r) if r else np.zeros(0, np.intp))


@register(np.append)
def append(arr: Any, values: Any, axis: int | None = None) -> Any:
    """Append `values` to `arr` along `axis`, or both flattened, as ``np.append``."""
    return concatenate([arr, values], axis)


@composite
def split(x: Any, split_size_or_sections: Sections, dim: int = 0) -> tuple[Any, ...]:
    """Split along `dim` into pieces of one size, of which the last may be smaller, or of the sizes in a list.

    This is PyTorch's split. ``np.split(tensor, ...)`` keeps NumPy's meaning: a number of equal pieces, or the indices at
    which to split. Raises ShapeError for sizes that do not add up to the axis, ValueError for a size below 1.

    >>> import numpy as np
    >>> split(np.arange(5), 2), split(np.arange(5), [1, 4])
    ((array([0, 1]), array([2, 3]), array([4])), (array([0]), array([1, 2, 3, 4])))
    """
    dim, n = _along("split", x, dim)
    sizes: Any = split_size_or_sections
    if not isinstance(sizes, list | tuple):
        size = operator.index(sizes)
        if size < 0 or (size == 0 and n):
            raise ValueError(f"split: a piece must have a size of at least 1, got {size}")
        sizes = [min(size, n - start) for start in range(0, n, size)] if n else [0]
    elif any(size < 0 for size in sizes) or sum(sizes) != n:
        raise ShapeError(f"split: sizes {list(sizes)} must add up to {n}, the size of axis {dim} of shape {shape_of(x)}")
    return _pieces(x, dim, list(accumulate(sizes, initial=0)))


split_with_sizes = split  # into pieces of given sizes


@composite
def chunk(x: Any, chunks: int, dim: int = 0) -> tuple[Any, ...]:
    """Split along `dim` into at most `chunks` pieces, all of one size but the last; see `tensor_split` for exactly so many.

    >>> import numpy as np
    >>> chunk(np.arange(5), 4)
    (array([0, 1]), array([2, 3]), array([4]))
    """
    dim, n = _along("chunk", x, dim)
    if operator.index(chunks) < 1:
        raise ValueError(f"chunk: chunks must be at least 1, got {chunks}")
    return split(x, -(-n // chunks) or [0] * chunks, dim)


@composite
def tensor_split(x: Any, indices_or_sections: Sections, dim: int = 0) -> tuple[Any, ...]:
    """Split along `dim` into a number of pieces, the first ones longer by one if needed, or before each of some indices.

    ``np.array_split`` does the same.

    >>> import numpy as np
    >>> tensor_split(np.arange(5), 2), tensor_split(np.arange(5), [1, 3])
    ((array([0, 1, 2]), array([3, 4])), (array([0]), array([1, 2]), array([3, 4])))
    """
    dim, n = _along("tensor_split", x, dim)
    if np.ndim(indices_or_sections):
        cuts = [slice(int(cut)).indices(n)[1] for cut in indices_or_sections]  # type: ignore[union-attr]
        return _pieces(x, dim, [0, *cuts, n])
    count = operator.index(indices_or_sections)  # type: ignore[arg-type]
    if count < 1:
        raise ValueError(f"tensor_split: sections must be at least 1, got {count}")
    size, longer = divmod(n, count)
    return _pieces(x, dim, [i * size + min(i, longer) for i in range(count + 1)])


@register(np.array_split)
@composite
def array_split(x: Any, indices_or_sections: Sections, axis: int = 0) -> list[Any]:
    """Return the pieces of `tensor_split` in a list."""
    return list(tensor_split(x, indices_or_sections, axis))


@register(np.split)
def numpy_split(x: Any, indices_or_sections: Sections, axis: int = 0) -> list[Any]:
    """Apply `array_split`; raise ValueError for a number of pieces into which the axis does not divide."""
    axis, n = _along("split", x, axis)
    count = None if np.ndim(indices_or_sections) else operator.index(indices_or_sections)  # type: ignore[arg-type]
    if count is not None and (count < 1 or n % count):
        raise ValueError(f"split: {n}, the size of axis {axis}, does not divide into {indices_or_sections} equal pieces")
    return array_split(x, indices_or_sections, axis)


@composite
def hsplit(x: Any, indices_or_sections: Sections) -> tuple[Any, ...]:
    """Split into equal pieces, or before indices, along axis 1, a vector along axis 0; the inverse of `hstack`."""
    ndim = len(shape_of(x))
    return _split_at_least("hsplit", x, indices_or_sections, 0 if ndim == 1 else 1, 1)


@composite
def vsplit(x: Any, indices_or_sections: Sections) -> tuple[Any, ...]:
    """Split into equal pieces, or before indices, along axis 0; the inverse of `vstack`."""
    return _split_at_least("vsplit", x, indices_or_sections, 0, 2)


@composite
def dsplit(x: Any, indices_or_sections: Sections) -> tuple[Any, ...]:
    """Split into equal pieces, or before indices, along axis 2; the inverse of `dstack`."""
    return _split_at_least("dsplit", x, indices_or_sections, 2, 3)


@composite
def unbind(x: Any, dim: int = 0) -> tuple[Any, ...]:
    """Return the slices along an axis, without that axis, as iterating over a tensor does.

    >>> import numpy as np
    >>> unbind(np.array([[1, 2], [3, 4]]), 1)
    (array([1, 3]), array([2, 4]))
    """
    dim, n = _along("unbind", x, dim)
    return tuple(index_axis(x, dim, i) for i in range(n))


cat = concat = concatenate
row_stack = vstack

register(np.hsplit)(lambda ary, indices_or_sections: list(hsplit(ary, indices_or_sections)))
register(np.vsplit)(lambda ary, indices_or_sections: list(vsplit(ary, indices_or_sections)))
register(np.dsplit)(lambda ary, indices_or_sections: list(dsplit(ary, indices_or_sections)))
if hasattr(np, "unstack"):  # NumPy 2.1
    register(np.unstack)(lambda x, /, *, axis=0: unbind(x, axis))


def _listed(name: str, arrays: Sequence[Any]) -> list[Any]:
    """Return the operands in a list, each a tensor or an array; raise ValueError for none."""
    arrays = [array if hasattr(array, "shape") else np.asarray(array) for array in arrays]
    if not arrays:
        raise ValueError(f"{name}: needs at least one array, got none")
    return arrays


def _along(name: str, x: Any, dim: int) -> tuple[int, int]:
    """Return an axis, counted from the front, and its size."""
    dim = one_axis(name, dim, len(shape_of(x)))
    return dim, shape_of(x)[dim]


def _pieces(x: Any, dim: int, cuts: Sequence[int]) -> tuple[Any, ...]:
    """Return the slices between neighboring cuts."""
    return tuple(index_axis(x, dim, slice(start, stop)) for start, stop in pairwise(cuts))


def _split_at_least(name: str, x: Any, sections: Sections, axis: int, ndim: int) -> tuple[Any, ...]:
    """Apply `numpy_split`; raise ShapeError for fewer than `ndim` axes."""
    if len(shape_of(x)) < ndim:
        raise ShapeError(f"{name}: needs at least {ndim} axes, got shape {shape_of(x)}")
    return tuple(numpy_split(x, sections, axis))
