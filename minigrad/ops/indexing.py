"""Reading and writing elements by index; reading and adding up are each other's adjoint."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.errors import DTypeError, ShapeError
from minigrad.kernels import scatter as kernel
from minigrad.ops.elementwise import where
from minigrad.ops.shape import reshape, unbroadcast
from minigrad.primitive import Array, Traced, composite, primitive, register

__all__ = ["add_at", "getitem", "setitem", "take_along_axis"]

Shape = tuple[int, ...]


@primitive
def getitem(x: Array, index: Any) -> Array:
    """``x[index]`` with NumPy's basic, advanced and boolean indexing; adjoint of `add_at`.

    Repeated indices are read once for each time they occur, and their gradients accumulate. Raises IndexError for an index
    out of bounds, for too many, and for any that are not integers, slices, None, ... or booleans.
    """
    try:
        return x[index]
    except IndexError as error:
        raise _explained("getitem", error, index, x.shape) from None


@primitive
def add_at(g: Array, index: Any, size: Shape) -> Array:
    """Zeros of shape `size` with `g` added at `index`, where repeated indices accumulate; adjoint of `getitem`.

    >>> import numpy as np
    >>> add_at(np.array([1, 2, 3]), np.array([0, 2, 0]), (4,))
    array([4, 0, 2, 0])
    """
    return kernel.add_at(g, index, size)


@getitem.gradient("x")
def _(g: Any, index: Any, shape: Shape) -> Any:
    return add_at(g, index, shape)


@add_at.gradient("g")
def _(g: Any, index: Any) -> Any:
    return getitem(g, index)


@primitive
def setitem(x: Array, index: Any, value: Any) -> Array:
    """A copy of `x` in which ``x[index] = value``; the old elements get no gradient, the new ones all of it.

    `value` is cast to the dtype of `x` and broadcast to ``x[index]``. Of several values for one element the last one stays,
    as in NumPy, and it alone gets the gradient. Raises IndexError as `getitem`, ShapeError for a value that does not
    broadcast, DTypeError for one that would be cut to an integer.

    >>> import numpy as np
    >>> setitem(np.zeros(3), np.array([0, 2, 0]), np.array([1.0, 2.0, 3.0]))
    array([3., 0., 2.])
    """
    dtype = np.asarray(value).dtype
    if dtype.kind == "f" and x.dtype.kind != "f":
        raise DTypeError(f"setitem: a value of dtype {dtype} would be cut to {x.dtype}\n  hint: cast it with .astype")
    out = x.copy("K")
    try:
        chosen = out[index].shape
    except IndexError as error:
        raise _explained("setitem", error, index, x.shape) from None
    try:
        if not kernel.touches_once(index):
            value = np.reshape(value, np.shape(value)[_surplus(np.shape(value), chosen) :])
            value = np.ascontiguousarray(np.broadcast_to(value, chosen))  # written in the order that last_writes counts in
        out[index] = value
    except ValueError:
        raise ShapeError(
            f"setitem: a value of shape {np.shape(value)} does not broadcast to x[index] of shape {chosen}"
        ) from None
    return out


@setitem.gradient("x")
def _(g: Any, index: Any) -> Any:
    return setitem(g, index, 0)


@setitem.gradient("value")
def _(g: Any, index: Any, shape: Shape) -> Any:
    read = getitem(g, index)
    stays = kernel.last_writes(index, g.shape)
    if stays is not None:
        read = where(stays, read, 0)
    return reshape(unbroadcast(read, shape[_surplus(shape, read.shape) :]), shape)


@register(np.take_along_axis)
@composite
def take_along_axis(x: Any, indices: Any, axis: int) -> Any:
    """The elements of `x` at `indices` along one axis, as ``np.take_along_axis``."""
    plain = plain_index(indices)
    grid = list(np.ogrid[tuple(slice(n) for n in plain.shape)])
    grid[axis] = plain
    return getitem(x, tuple(grid))


def plain_index(index: Any) -> Any:
    """An index without tensors, and without arrays that the caller could write into before backward."""
    if isinstance(index, tuple):
        return tuple(plain_index(part) for part in index)
    if isinstance(index, Traced):
        return index._array
    if isinstance(index, list):
        return np.array(index, None if index else np.intp)  # an empty list means no elements, not floats
    return index.copy() if isinstance(index, np.ndarray) else index


def _surplus(value: Shape, chosen: Shape) -> int:
    """How many leading axes of a value, of size 1, an assignment drops."""
    return max(len(value) - len(chosen), 0)


def _explained(name: str, error: IndexError, index: Any, shape: Shape) -> IndexError:
    """NumPy's refusal of an index, with the operation, the shape, and what was not an integer."""
    for part in index if isinstance(index, tuple) else (index,):
        if not isinstance(part, int | slice | np.integer | None) and part is not Ellipsis:
            dtype = np.asarray(part).dtype
            if dtype.kind not in "iub":
                given = f"{type(part).__name__} of dtype {dtype}"
                return IndexError(f"{name}: an index is integers, booleans, slices, None or ..., got {given}")
    return IndexError(f"{name}: {error}\n  shape   {shape}")
