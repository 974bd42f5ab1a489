"""Changes of shape: reshaping, reordering and adding axes, broadcasting. All are linear; each rule is the adjoint."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minigrad.arrays import Array, Axis, Shape, shape_of
from minigrad.engine.composite import composite
from minigrad.engine.primitive import primitive
from minigrad.engine.registry import register
from minigrad.errors import ShapeError
from minigrad.kernels.axes import every_axis, one_axis
from minigrad.kernels.broadcasting import broadcast, sum_to
from minigrad.kernels.checks import broadcast_shapes, check_choice

__all__ = [
    "adjoint", "atleast_1d", "atleast_2d", "atleast_3d", "broadcast_tensors", "broadcast_to", "expand", "expand_dims",
    "flatten", "meshgrid", "moveaxis", "movedim", "permute", "ravel", "reshape", "rollaxis", "squeeze", "swapaxes",
    "swapdims", "t", "transpose", "unbroadcast", "unflatten", "unsqueeze",
]  # fmt: skip


@register(np.broadcast_to)
@primitive
def broadcast_to(x: Array, shape: Shape) -> Array:
    """Repeat `x` along new leading axes and axes of size 1, as in NumPy; adjoint of `unbroadcast`.

    Raises ShapeError where `x` does not broadcast to the shape.

    >>> import numpy as np
    >>> broadcast_to(np.array([1, 2]), (2, 2))
    array([[1, 2],
           [1, 2]])
    """
    shape = (shape,) if isinstance(shape, int) else shape
    try:
        return broadcast(x, shape)
    except ValueError:
        raise ShapeError(f"broadcast_to: shape {shape_of(x)} does not broadcast to {tuple(shape)}") from None


@primitive
def unbroadcast(x: Array, shape: Shape) -> Array:
    """Sum `x` over the axes along which an array of `shape` was broadcast to it; adjoint of `broadcast_to`.

    >>> import numpy as np
    >>> unbroadcast(np.ones((3, 2)), (1, 2))
    array([[3., 3.]])
    """
    return sum_to(x, shape)


@broadcast_to.gradient("x")
def _(g: Any, shape: Shape) -> Any:
    return unbroadcast(g, shape)


@unbroadcast.gradient("x")
def _(g: Any, shape: Shape) -> Any:
    return broadcast_to(g, shape)


@primitive
def reshape(x: Array, shape: Shape | int) -> Array:
    """Return the same elements, in row-major order, in another shape; one size may be -1.

    Raises ShapeError if the product of the sizes is not the number of elements, ValueError if -1 is not determined.

    >>> import numpy as np
    >>> reshape(np.arange(4), (2, -1))
    array([[0, 1],
           [2, 3]])
    """
    sizes = (shape,) if isinstance(shape, int | np.integer) else tuple(shape)
    try:
        out = np.reshape(x, shape)
        if out.shape == sizes or min(sizes) >= -1:  # NumPy reads any negative size as -1
            return out
    except ValueError:
        if sizes.count(-1) > 1:
            raise ValueError(f"reshape: only one size can be -1, got {sizes}") from None
        if -1 in sizes and 0 in sizes:
            raise ValueError(f"reshape: -1 could be any size beside a size of 0, got {sizes}") from None
    raise ShapeError(f"reshape: {np.size(x)} elements of shape {shape_of(x)} do not fit shape {sizes}")


@reshape.gradient("x")
def _(g: Any, shape: Shape) -> Any:
    return reshape(g, shape)


@register(np.reshape)
def numpy_reshape(x: Any, shape: Shape | int, order: str = "C", *, copy: bool | None = None) -> Any:
    """Apply `reshape`, also in column-major order ("F"). Tensors are values: `copy` has no effect."""
    check_choice("reshape", "order", order, "C", "F")
    if order == "C":
        return reshape(x, shape)
    return permute(reshape(permute(x), (shape,) if isinstance(shape, int) else tuple(shape)[::-1]))


@register(np.transpose, np.permute_dims)
@primitive
def permute(x: Array, axes: Shape | None = None) -> Array:
    """Put the axes in another order; without `axes`, reverse them.

    Raises ValueError for axes that are not a permutation of those of `x`.

    >>> import numpy as np
    >>> permute(np.zeros((2, 3, 4)), (2, 0, 1)).shape
    (4, 2, 3)
    """
    try:
        return np.transpose(x, axes)
    except ValueError:
        message = f"permute: {axes} is not a permutation of the {np.ndim(x)} axes of shape {shape_of(x)}"
        raise ValueError(message) from None


@permute.gradient("x")
def _(g: Any, axes: Shape | None) -> Any:
    axes = (axes,) if isinstance(axes, int | np.integer) else axes  # of a vector
    return permute(g, None if axes is None else tuple(np.argsort([axis % len(axes) for axis in axes]).tolist()))


@composite
def transpose(x: Any, *axes: Any, dim0: Any = None, dim1: Any = None) -> Any:
    """Swap two axes, as PyTorch's ``transpose(x, dim0, dim1)``; given no axes, or all, permute them as NumPy's transpose.

    >>> import numpy as np
    >>> transpose(np.zeros((2, 3, 4)), 0, 1).shape, transpose(np.zeros((2, 3, 4)), 2, 0, 1).shape
    ((3, 2, 4), (4, 2, 3))
    """
    if dim0 is not None or dim1 is not None:
        if len(axes) + (dim0 is not None) + (dim1 is not None) != 2 or (axes and dim0 is not None):
            raise TypeError("transpose: needs the two axes to swap, dim0 and dim1, each given once")
        axes = (*axes, *(dim for dim in (dim0, dim1) if dim is not None))
    if len(axes) == 1 and (axes[0] is None or isinstance(axes[0], tuple | list)):
        return permute(x, None if axes[0] is None else tuple(axes[0]))
    if len(axes) == 2:
        return _swapped("transpose", x, *axes)
    return permute(x, axes or None)


@composite
def t(x: Any) -> Any:
    """Return the transpose of a matrix; vectors and numbers unchanged. Raises ShapeError for more than two axes.

    >>> import numpy as np
    >>> t(np.zeros((2, 3))).shape
    (3, 2)
    """
    if len(shape_of(x)) > 2:
        raise ShapeError(f"t: needs at most 2 axes, got shape {shape_of(x)}\n  hint: use .mT or .transpose(0, 1)")
    return permute(x)


@composite
def swapaxes(x: Any, axis0: int, axis1: int) -> Any:
    """Swap two axes.

    >>> import numpy as np
    >>> swapaxes(np.zeros((2, 3, 4)), 0, -1).shape
    (4, 3, 2)
    """
    return _swapped("swapaxes", x, axis0, axis1)


@register(np.swapaxes)
def numpy_swapaxes(a: Any, axis1: int, axis2: int) -> Any:
    """Apply `swapaxes` with NumPy's names of the axes."""
    return swapaxes(a, axis1, axis2)


@register(np.matrix_transpose, np.linalg.matrix_transpose)
@composite
def matrix_transpose(x: Any) -> Any:
    """Swap the last two axes."""
    return _swapped("matrix_transpose", x, -2, -1)


@register(np.moveaxis)
@composite
def moveaxis(x: Any, source: int | Shape, destination: int | Shape) -> Any:
    """Move one axis, or several, to new positions; the others keep their order.

    >>> import numpy as np
    >>> moveaxis(np.zeros((2, 3, 4)), 0, -1).shape, moveaxis(np.zeros((2, 3, 4)), (0, 1), (1, 2)).shape
    ((3, 4, 2), (4, 2, 3))
    """
    ndim = len(shape_of(x))
    source, destination = every_axis("moveaxis", source, ndim), every_axis("moveaxis", destination, ndim)
    if len(source) != len(destination):
        raise ValueError(f"moveaxis: {len(source)} axes {source} cannot move to {len(destination)} positions {destination}")
    order = [axis for axis in range(ndim) if axis not in source]
    for to, axis in sorted(zip(destination, source, strict=True)):
        order.insert(to, axis)
    return permute(x, tuple(order))


@register(np.rollaxis)
@composite
def rollaxis(x: Any, axis: int, start: int = 0) -> Any:
    """Move an axis before the one that is at `start` now; `moveaxis` is easier to read."""
    ndim = len(shape_of(x))
    axis, start = one_axis("rollaxis", axis, ndim), ndim if start == ndim else one_axis("rollaxis", start, ndim)
    return moveaxis(x, axis, start - (axis < start))


@composite
def squeeze(x: Any, axis: Axis = None) -> Any:
    """Remove axes of size 1: all of them, or those named; a named axis of another size stays, as in PyTorch.

    ``np.squeeze(tensor, axis)`` refuses an axis of another size, as NumPy does.

    >>> import numpy as np
    >>> squeeze(np.zeros((1, 3, 1))).shape, squeeze(np.zeros((1, 3, 1)), 0).shape
    ((3,), (3, 1))
    """
    shape = shape_of(x)
    drop = every_axis("squeeze", axis, len(shape))
    return reshape(x, tuple(n for i, n in enumerate(shape) if n != 1 or i not in drop))


@register(np.squeeze)
def numpy_squeeze(x: Any, axis: Axis = None) -> Any:
    """Apply `squeeze`; raise ShapeError for a named axis of a size other than 1."""
    shape = shape_of(x)
    for a in () if axis is None else every_axis("squeeze", axis, len(shape)):
        if shape[a] != 1:
            raise ShapeError(f"squeeze: axis {a} of shape {shape} has size {shape[a]}, not 1")
    return squeeze(x, axis)


@register(np.expand_dims)
@composite
def unsqueeze(x: Any, axis: int | Shape) -> Any:
    """Insert an axis of size 1 at `axis`, or several at several positions, counted in the result.

    >>> import numpy as np
    >>> unsqueeze(np.zeros(3), -1).shape, unsqueeze(np.zeros(3), (0, 2)).shape
    ((3, 1), (1, 3, 1))
    """
    shape = list(shape_of(x))
    count = len(axis) if isinstance(axis, tuple | list) else 1
    for at in sorted(every_axis("unsqueeze", axis, len(shape) + count)):
        shape.insert(at, 1)
    return reshape(x, tuple(shape))


@composite
def flatten(x: Any, start_dim: int = 0, end_dim: int = -1) -> Any:
    """Merge the axes from `start_dim` to `end_dim` into one.

    >>> import numpy as np
    >>> flatten(np.zeros((2, 3, 4)), 1).shape
    (2, 12)
    """
    shape = shape_of(x)
    start, end = one_axis("flatten", start_dim, len(shape)), one_axis("flatten", end_dim, len(shape))
    if not shape:
        return reshape(x, (1,))
    if start > end:
        raise ValueError(f"flatten: start_dim {start_dim} comes after end_dim {end_dim}")
    return reshape(x, (*shape[:start], math.prod(shape[start : end + 1]), *shape[end + 1 :]))


@composite
def unflatten(x: Any, dim: int, sizes: Sequence[int]) -> Any:
    """Split an axis into several of the given sizes, one of which may be -1.

    Raises ShapeError if the product of the sizes is not that of the axis.

    >>> import numpy as np
    >>> unflatten(np.zeros((2, 12)), 1, (3, -1)).shape
    (2, 3, 4)
    """
    shape, sizes = shape_of(x), (sizes,) if isinstance(sizes, int) else tuple(sizes)
    dim = one_axis("unflatten", dim, len(shape))
    n, known = shape[dim], math.prod(size for size in sizes if size != -1)
    if sizes.count(-1) == 1 and known and n % known == 0:
        sizes = tuple(n // known if size == -1 else size for size in sizes)
    elif -1 in sizes or known != n or not sizes:
        raise ShapeError(f"unflatten: sizes {sizes} do not multiply to {n}, the size of axis {dim} of shape {shape}")
    return reshape(x, (*shape[:dim], *sizes, *shape[dim + 1 :]))


@register(np.ravel)
@composite
def ravel(x: Any, order: str = "C") -> Any:
    """Return all elements in a vector, in row-major order, or in column-major order with `order` "F".

    >>> import numpy as np
    >>> ravel(np.array([[1, 2], [3, 4]]))
    array([1, 2, 3, 4])
    """
    return numpy_reshape(x, (-1,), order)


@composite
def expand(x: Any, *sizes: Any, size: Any = None) -> Any:
    """Apply `broadcast_to`, with -1 for a size that stays, as in PyTorch.

    >>> import numpy as np
    >>> expand(np.zeros((3, 1)), -1, 4).shape
    (3, 4)
    """
    sizes = sizes if size is None else (*sizes, size)
    sizes = tuple(sizes[0]) if len(sizes) == 1 and not isinstance(sizes[0], int) else sizes
    shape = (None,) * (len(sizes) - len(shape_of(x))) + shape_of(x)
    if len(shape) > len(sizes) or any(n == -1 and old is None for n, old in zip(sizes, shape, strict=True)):
        raise ShapeError(f"expand: shape {shape_of(x)} does not expand to {sizes}")
    return broadcast_to(x, tuple(old if n == -1 else n for n, old in zip(sizes, shape, strict=True)))


@composite
def broadcast_tensors(*arrays: Any) -> tuple[Any, ...]:
    """Broadcast arrays to their common shape; raises ShapeError where there is none.

    >>> import numpy as np
    >>> [a.shape for a in broadcast_tensors(np.zeros((3, 1)), np.zeros(2))]
    [(3, 2), (3, 2)]
    """
    shapes = [shape_of(array) for array in arrays]
    shape = broadcast_shapes(f"broadcast_tensors: shapes {', '.join(map(str, shapes))} do not broadcast", *shapes)
    return tuple(array if shape_of(array) == shape else broadcast_to(array, shape) for array in arrays)


@register(np.broadcast_arrays)
def broadcast_arrays(*arrays: Any, subok: bool = False) -> tuple[Any, ...]:
    """Apply `broadcast_tensors` under NumPy's name; tensors have no subclasses, so `subok` has no effect."""
    return broadcast_tensors(*arrays)


@composite
def meshgrid(*arrays: Any, indexing: str = "ij") -> tuple[Any, ...]:
    """Return the coordinates of a grid, one array for each given vector, each in the shape of the grid.

    With `indexing` "ij", PyTorch's default, the first vector varies along axis 0; with "xy", the default of
    ``np.meshgrid(tensor, ...)``, along axis 1.

    >>> import numpy as np
    >>> meshgrid(np.array([1, 2]), np.array([3, 4]))[0]
    array([[1, 1],
           [2, 2]])
    """
    return _grid(arrays[0] if len(arrays) == 1 and isinstance(arrays[0], tuple | list) else arrays, indexing, sparse=False)


@register(np.meshgrid)
def numpy_meshgrid(*arrays: Any, copy: bool = True, sparse: bool = False, indexing: str = "xy") -> tuple[Any, ...]:
    """Apply `meshgrid` with NumPy's defaults; `sparse` leaves sizes at 1. Tensors are values: `copy` has no effect."""
    return _grid(arrays, indexing, sparse)


@register(np.atleast_1d)
@composite
def atleast_1d(*arrays: Any) -> Any:
    """Return scalars as vectors of one element; a tuple for several arguments."""
    return _each(arrays, lambda shape: shape or (1,))


@register(np.atleast_2d)
@composite
def atleast_2d(*arrays: Any) -> Any:
    """Return scalars as (1, 1), vectors as one row; a tuple for several arguments.

    >>> import numpy as np
    >>> atleast_2d(np.array([1, 2]))
    array([[1, 2]])
    """
    return _each(arrays, _row)


@register(np.atleast_3d)
@composite
def atleast_3d(*arrays: Any) -> Any:
    """Return scalars as (1, 1, 1), vectors (n,) as (1, n, 1), matrices (m, n) as (m, n, 1); a tuple for several of them."""
    return _each(arrays, lambda shape: shape if len(shape) > 2 else (*_row(shape), 1))


expand_dims, swapdims, movedim, adjoint = unsqueeze, swapaxes, moveaxis, matrix_transpose

for _op in (broadcast_to, permute, reshape):
    _op.is_view = True


def _swapped(name: str, x: Any, axis1: int, axis2: int) -> Any:
    """Swap two axes."""
    ndim = len(shape_of(x))
    order = list(range(ndim))
    first, second = one_axis(name, axis1, ndim), one_axis(name, axis2, ndim)
    if ndim:  # axis 0 of a 0-d array is accepted, but there is nothing to swap
        order[first], order[second] = second, first
    return permute(x, tuple(order))


def _each(arrays: Sequence[Any], wanted: Callable[[Shape], Shape]) -> Any:
    """Reshape each argument, or each part of a tuple that is the only one, to the shape wanted for its shape."""
    single = len(arrays) == 1 and not isinstance(arrays[0], tuple | list)
    given = arrays if single or len(arrays) != 1 else arrays[0]
    found = tuple(reshape(x, wanted(shape_of(x))) for x in given)
    return found[0] if single else found


def _row(shape: Shape) -> Shape:
    return (1,) * (2 - len(shape)) + shape


def _grid(vectors: Sequence[Any], indexing: str, sparse: bool) -> tuple[Any, ...]:
    """Compute `meshgrid`."""
    check_choice("meshgrid", "indexing", indexing, "ij", "xy")
    for i, vector in enumerate(vectors):
        if len(shape_of(vector)) > 1:
            raise ShapeError(f"meshgrid: needs vectors, argument {i} has shape {shape_of(vector)}")
    count = len(vectors)
    axes = list(range(count))
    if indexing == "xy" and count > 1:
        axes[:2] = 1, 0
    spread = [reshape(v, tuple(-1 if i == axis else 1 for i in range(count))) for v, axis in zip(vectors, axes, strict=True)]
    return tuple(spread) if sparse else broadcast_tensors(*spread)
