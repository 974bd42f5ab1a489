"""Diagonals and triangles of matrices. Reading a diagonal and writing one into zeros are adjoint to each other."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from minigrad.arrays import Array, Shape, shape_of
from minigrad.engine.composite import composite, separate
from minigrad.engine.primitive import primitive
from minigrad.engine.registry import register
from minigrad.errors import ShapeError
from minigrad.kernels.axes import every_axis
from minigrad.kernels.checks import check_matrices
from minigrad.ops.elementwise import where
from minigrad.ops.reduction import sum
from minigrad.ops.shape import reshape

__all__ = ["diag", "diag_embed", "diagflat", "diagonal", "trace", "tril", "triu"]


@register(np.diagonal)
@primitive
def diagonal(x: Array, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Array:
    """Return the diagonal of the matrices in two axes, as the last axis.

    `offset` counts diagonals upwards from the main one. Raises AxisError for axes that do not exist or are the same.

    >>> import numpy as np
    >>> diagonal(np.array([[1, 2], [3, 4]])), diagonal(np.array([[1, 2], [3, 4]]), 1)
    (array([1, 4]), array([2]))
    """
    every_axis("diagonal", (axis1, axis2), x.ndim)
    return np.diagonal(x, offset, axis1, axis2)


diagonal.is_view = True


@primitive
def write_diagonal(g: Array, size: Shape, offset: int, axis1: int, axis2: int) -> Array:
    """Return zeros of shape `size` with `g` on a diagonal; adjoint of `diagonal`."""
    out = np.zeros(size, g.dtype)
    rows, columns = max(-offset, 0), max(offset, 0)
    steps = np.arange(g.shape[-1])
    np.moveaxis(out, (axis1, axis2), (-2, -1))[..., rows + steps, columns + steps] = g
    return out


@diagonal.gradient("x")
def _(g: Any, shape: Shape, offset: int, axis1: int, axis2: int) -> Any:
    return write_diagonal(g, shape, offset, axis1, axis2)


@write_diagonal.gradient("g")
def _(g: Any, offset: int, axis1: int, axis2: int) -> Any:
    return diagonal(g, offset, axis1, axis2)


@composite
def diag_embed(x: Any, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Any:
    """Return matrices of zeros, in the new axes `dim1` and `dim2`, with the last axis of `x` on a diagonal.

    `offset` counts diagonals upwards from the main one. Raises ShapeError for a 0-d array.

    >>> import numpy as np
    >>> diag_embed(np.array([1, 2]), 1)
    array([[0, 1, 0],
           [0, 0, 2],
           [0, 0, 0]])
    """
    shape = shape_of(x)
    if not shape:
        raise ShapeError("diag_embed: needs at least one axis, got a 0-d array")
    first, second = every_axis("diag_embed", (dim1, dim2), len(shape) + 1)
    size = list(shape[:-1])
    for axis in sorted((first, second)):
        size.insert(axis, shape[-1] + abs(offset))
    return write_diagonal(x, tuple(size), offset, first, second)


@register(np.diag)
@composite
@separate
def diag(x: Any, k: int = 0) -> Any:
    """Return the matrix with a vector on its k-th diagonal, or the k-th diagonal of a matrix.

    >>> import numpy as np
    >>> diag(np.array([1, 2])), diag(np.array([[1, 2], [3, 4]]))
    (array([[1, 0],
           [0, 2]]), array([1, 4]))
    """
    ndim = len(shape_of(x))
    if ndim not in (1, 2):
        raise ShapeError(f"diag: needs a vector or a matrix, got shape {shape_of(x)}\n  hint: use diagonal or diag_embed")
    return diag_embed(x, k) if ndim == 1 else diagonal(x, k)


@register(np.diagflat)
@composite
def diagflat(x: Any, k: int = 0) -> Any:
    """Return the matrix with the elements of `x`, flattened, on its k-th diagonal."""
    return diag_embed(reshape(x, (-1,)), k)


@register(np.trace)
@composite
def trace(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """Return the sum of the diagonal of the matrices in two axes.

    >>> import numpy as np
    >>> trace(np.array([[1, 2], [3, 4]]))
    np.int64(5)
    """
    return sum(diagonal(x, offset, axis1, axis2), -1)


@register(np.tril)
@composite
def tril(x: Any, k: int = 0) -> Any:
    """Return the lower triangle of the last two axes, up to the k-th diagonal; above it zeros, even for inf or NaN.

    >>> import numpy as np
    >>> tril(np.array([[1, 2], [3, 4]]))
    array([[1, 0],
           [3, 4]])
    """
    return where(np.tri(*check_matrices("tril", x), operator.index(k), bool), x, np.zeros((), x.dtype))


@register(np.triu)
@composite
def triu(x: Any, k: int = 0) -> Any:
    """Return the upper triangle of the last two axes, from the k-th diagonal; below it zeros, even for inf or NaN.

    >>> import numpy as np
    >>> triu(np.array([[1, 2], [3, 4]]))
    array([[1, 2],
           [0, 4]])
    """
    return where(np.tri(*check_matrices("triu", x), operator.index(k) - 1, bool), np.zeros((), x.dtype), x)


@composite
def diagonal_of_matrices(x: Any, *, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Any:
    """Apply `diagonal` to the last two axes: PyTorch's ``linalg.diagonal``."""
    return diagonal(x, offset, dim1, dim2)


register(np.linalg.diagonal)(lambda x, /, *, offset=0: diagonal(x, offset, -2, -1))
register(np.linalg.trace)(lambda x, /, *, offset=0, dtype=None: trace(x, offset, -2, -1))
