"""Reading elements by index, and its adjoint, which adds them up where they came from."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.primitive import Array, Traced, composite, primitive, register

__all__ = ["getitem", "scatter_add", "take_along_axis"]


@primitive
def getitem(x: Array, index: Any) -> Array:
    """``x[index]`` with NumPy's basic, advanced and boolean indexing; adjoint of `scatter_add`.

    Repeated indices are read once for each time they occur, and their gradients accumulate.
    """
    return x[index]


@primitive
def scatter_add(g: Array, index: Any, size: tuple[int, ...]) -> Array:
    """Zeros of shape `size` with `g` added at `index`, where repeated indices accumulate; adjoint of `getitem`.

    >>> import numpy as np
    >>> scatter_add(np.array([1, 2, 3]), np.array([0, 2, 0]), (4,))
    array([4, 0, 2, 0])
    """
    out = np.zeros(size, g.dtype)
    if _is_basic(index):  # slices and numbers touch each element once
        out[index] = g
    else:
        np.add.at(out, index, g)
    return out


@getitem.gradient("x")
def _(g: Any, index: Any, shape: tuple[int, ...]) -> Any:
    return scatter_add(g, index, shape)


@scatter_add.gradient("g")
def _(g: Any, index: Any) -> Any:
    return getitem(g, index)


@register(np.take_along_axis)
@composite
def take_along_axis(x: Any, indices: Any, axis: int) -> Any:
    """The elements of `x` at `indices` along one axis, as ``np.take_along_axis``."""
    plain = indices._array if isinstance(indices, Traced) else indices
    grid = list(np.ogrid[tuple(slice(n) for n in plain.shape)])
    grid[axis] = plain
    return getitem(x, tuple(grid))


def _is_basic(index: Any) -> bool:
    parts = index if isinstance(index, tuple) else (index,)
    return all(part is None or part is Ellipsis or isinstance(part, int | slice | np.integer) for part in parts)
