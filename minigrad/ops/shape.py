"""Operations that move elements and compute nothing; each is linear, and its rule is its adjoint."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from minigrad.errors import ShapeError
from minigrad.kernels.broadcasting import broadcast, sum_to
from minigrad.primitive import Array, composite, primitive, register, shape_of

__all__ = [
    "broadcast_to", "concatenate", "crop", "expand", "flatten", "pad", "permute", "reshape", "squeeze", "stack",
    "transpose", "unbroadcast", "unsqueeze",
]  # fmt: skip

Shape = tuple[int, ...]


@register(np.broadcast_to)
@primitive
def broadcast_to(x: Array, shape: Shape) -> Array:
    """Repeat `x` along new leading axes and axes of size 1, as NumPy broadcasts; adjoint of `unbroadcast`.

    >>> import numpy as np
    >>> broadcast_to(np.array([1, 2]), (2, 2))
    array([[1, 2],
           [1, 2]])
    """
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


@register(np.reshape)
@primitive
def reshape(x: Array, shape: Shape | int, order: str = "C") -> Array:
    """The same elements, in row-major order, under another shape; one size may be -1.

    Raises ShapeError if the sizes do not multiply to the number of elements.

    >>> import numpy as np
    >>> reshape(np.arange(4), (2, -1))
    array([[0, 1],
           [2, 3]])
    """
    if order != "C":
        raise ValueError(f"reshape: only order='C' is supported, got {order!r}")
    try:
        return np.reshape(x, shape)
    except ValueError:
        sizes = (shape,) if isinstance(shape, int) else tuple(shape)
        if sizes.count(-1) > 1:
            raise ValueError(f"reshape: only one size can be -1, got {sizes}") from None
        raise ShapeError(f"reshape: {np.size(x)} elements of shape {shape_of(x)} do not fit shape {sizes}") from None


@reshape.gradient("x")
def _(g: Any, shape: Shape) -> Any:
    return reshape(g, shape)


@register(np.transpose, np.permute_dims)
@primitive
def permute(x: Array, axes: Shape | None = None) -> Array:
    """Put the axes in another order; without `axes`, reverse them.

    >>> import numpy as np
    >>> permute(np.zeros((2, 3, 4)), (2, 0, 1)).shape
    (4, 2, 3)
    """
    return np.transpose(x, axes)


@permute.gradient("x")
def _(g: Any, axes: Shape | None) -> Any:
    return permute(g, None if axes is None else tuple(np.argsort([axis % len(axes) for axis in axes]).tolist()))


@primitive
def concatenate_along(axis: int, *arrays: Array) -> Array:
    """`concatenate` with the arrays last, as a variadic primitive has them."""
    return np.concatenate(arrays, axis)


@concatenate_along.gradient("arrays")
def _(g: Any, axis: int, position: int, shapes: list[Shape]) -> Any:
    start = sum(shape[axis] for shape in shapes[:position])
    window = [slice(None)] * len(shapes[0])
    window[axis] = slice(start, start + shapes[position][axis])
    return g[tuple(window)]


@primitive
def pad_zeros(x: Array, widths: Sequence[tuple[int, int]]) -> Array:
    """A border of zeros, (before, after) for each axis; adjoint of `crop`."""
    out = np.zeros([before + n + after for n, (before, after) in zip(x.shape, widths, strict=True)], x.dtype)
    out[_inner(out.shape, widths)] = x
    return out


@primitive
def crop(x: Array, widths: Sequence[tuple[int, int]]) -> Array:
    """Cut (before, after) elements off each axis; adjoint of `pad` with zeros.

    >>> import numpy as np
    >>> crop(np.arange(5), [(1, 2)])
    array([1, 2])
    """
    return x[_inner(x.shape, widths)]


@pad_zeros.gradient("x")
def _(g: Any, widths: Sequence[tuple[int, int]]) -> Any:
    return crop(g, widths)


@crop.gradient("x")
def _(g: Any, widths: Sequence[tuple[int, int]]) -> Any:
    return pad_zeros(g, widths)


def transpose(x: Any, *axes: Any) -> Any:
    """Swap two axes, as PyTorch's ``transpose(x, dim0, dim1)``; with none, or with all of them, NumPy's transpose.

    >>> import numpy as np
    >>> transpose(np.zeros((2, 3, 4)), 0, 1).shape, transpose(np.zeros((2, 3, 4)), 2, 0, 1).shape
    ((3, 2, 4), (4, 2, 3))
    """
    if len(axes) == 1 and (axes[0] is None or isinstance(axes[0], tuple | list)):
        return permute(x, None if axes[0] is None else tuple(axes[0]))
    if len(axes) == 2 and len(shape_of(x)) >= 2:
        order = list(range(len(shape_of(x))))
        first, second = (_axis("transpose", axis, len(shape_of(x))) for axis in axes)
        order[first], order[second] = second, first
        return permute(x, tuple(order))
    return permute(x, axes or None)


@register(np.concatenate)
@composite
def concatenate(arrays: Sequence[Any], axis: int = 0) -> Any:
    """Join arrays along an axis they already have; the other sizes agree.

    Raises ValueError for no arrays, ShapeError for arrays that do not fit, naming the first.

    >>> import numpy as np
    >>> concatenate([np.array([1, 2]), np.array([3])])
    array([1, 2, 3])
    """
    arrays = _listed("concatenate", arrays)
    first = shape_of(arrays[0])
    if not first:
        raise ShapeError("concatenate: 0-d arrays have no axis to join along; use stack")
    axis = _axis("concatenate", axis, len(first))
    for i, array in enumerate(arrays):
        shape = shape_of(array)
        if len(shape) != len(first) or shape[:axis] + shape[axis + 1 :] != first[:axis] + first[axis + 1 :]:
            raise ShapeError(
                f"concatenate: array {i} has shape {shape}, array 0 has {first}\n"
                f"  rule    all sizes agree except on axis {axis}"
            )
    return concatenate_along(axis, *arrays)


@register(np.stack)
@composite
def stack(arrays: Sequence[Any], axis: int = 0) -> Any:
    """Join arrays of one shape along a new axis.

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
    return concatenate([unsqueeze(array, axis) for array in arrays], axis)


@register(np.pad)
def pad(x: Any, pad_width: Any, mode: str = "constant", constant_values: float = 0) -> Any:
    """A border of one value around an array; `pad_width` as NumPy has it: an int, (before, after), or one for each axis.

    >>> import numpy as np
    >>> pad(np.array([1, 2]), (1, 2))
    array([0, 1, 2, 0, 0])
    """
    if mode != "constant":
        raise ValueError(f"pad: mode must be 'constant', got {mode!r}")
    widths = [(int(a), int(b)) for a, b in np.broadcast_to(pad_width, (len(shape_of(x)), 2))]
    if any(width < 0 for pair in widths for width in pair):
        raise ValueError(f"pad: widths must be at least 0, got {pad_width}")
    padded = pad_zeros(x, widths)
    if constant_values == 0:
        return padded
    border = np.full(padded.shape, constant_values, x.dtype)
    border[_inner(padded.shape, widths)] = 0
    return padded + border


@register(np.squeeze)
@composite
def squeeze(x: Any, axis: int | Shape | None = None) -> Any:
    """Drop axes of size 1: all of them, or those named; a named axis of another size stays, as in PyTorch.

    >>> import numpy as np
    >>> squeeze(np.zeros((1, 3, 1))).shape, squeeze(np.zeros((1, 3, 1)), 0).shape
    ((3,), (3, 1))
    """
    shape = shape_of(x)
    axes = range(len(shape)) if axis is None else (axis,) if isinstance(axis, int) else axis
    drop = {_axis("squeeze", a, len(shape)) for a in axes}
    return reshape(x, tuple(n for i, n in enumerate(shape) if n != 1 or i not in drop))


@register(np.expand_dims)
@composite
def unsqueeze(x: Any, axis: int) -> Any:
    """A new axis of size 1 at `axis`.

    >>> import numpy as np
    >>> unsqueeze(np.zeros(3), -1).shape
    (3, 1)
    """
    shape = shape_of(x)
    at = _axis("unsqueeze", axis, len(shape) + 1)
    return reshape(x, (*shape[:at], 1, *shape[at:]))


def flatten(x: Any, start_dim: int = 0, end_dim: int = -1) -> Any:
    """Merge the axes from `start_dim` to `end_dim` into one.

    >>> import numpy as np
    >>> flatten(np.zeros((2, 3, 4)), 1).shape
    (2, 12)
    """
    shape = shape_of(x)
    if not shape:
        return reshape(x, (1,))
    start, end = _axis("flatten", start_dim, len(shape)), _axis("flatten", end_dim, len(shape))
    if start > end:
        raise ValueError(f"flatten: start_dim {start_dim} comes after end_dim {end_dim}")
    return reshape(x, (*shape[:start], math.prod(shape[start : end + 1]), *shape[end + 1 :]))


def expand(x: Any, *sizes: Any) -> Any:
    """`broadcast_to` with PyTorch's -1 for a size that stays.

    >>> import numpy as np
    >>> expand(np.zeros((3, 1)), -1, 4).shape
    (3, 4)
    """
    sizes = tuple(sizes[0]) if len(sizes) == 1 and not isinstance(sizes[0], int) else sizes
    shape = (None,) * (len(sizes) - len(shape_of(x))) + shape_of(x)
    if len(shape) > len(sizes) or any(n == -1 and old is None for n, old in zip(sizes, shape, strict=False)):
        raise ShapeError(f"expand: shape {shape_of(x)} does not expand to {sizes}")
    return broadcast_to(x, tuple(old if n == -1 else n for n, old in zip(sizes, shape, strict=True)))


def _inner(shape: Shape, widths: Sequence[tuple[int, int]]) -> tuple[slice, ...]:
    # n - after, not -after: a slice up to -0 would be empty
    return tuple(slice(before, n - after) for n, (before, after) in zip(shape, widths, strict=True))


def _axis(name: str, axis: int, ndim: int) -> int:
    """`axis` counted from the front; raises IndexError (NumPy's AxisError) where there is no such axis."""
    if not -ndim <= axis < ndim:
        raise np.exceptions.AxisError(axis, ndim, name)
    return axis % ndim


def _listed(name: str, arrays: Sequence[Any]) -> list[Any]:
    arrays = list(arrays)
    if not arrays:
        raise ValueError(f"{name}: needs at least one array, got none")
    return arrays
