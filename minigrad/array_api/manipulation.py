"""Manipulation of shapes, and indexing, by the array API standard."""

from __future__ import annotations

from collections.abc import Sequence

from minigrad import ops
from minigrad.array_api.dtypes import operands
from minigrad.kernels.axes import every_axis
from minigrad.ops import broadcast_to, flip, moveaxis, roll, take_along_axis, tile
from minigrad.ops import permute as permute_dims
from minigrad.tensors.functions import broadcast_shapes
from minigrad.tensors.tensor import Tensor

__all__ = [
    "broadcast_arrays", "broadcast_shapes", "broadcast_to", "concat", "expand_dims", "flip", "matrix_transpose", "moveaxis",
    "permute_dims", "repeat", "reshape", "roll", "squeeze", "stack", "take", "take_along_axis", "tile", "unstack",
]  # fmt: skip

Axes = int | tuple[int, ...]


def broadcast_arrays(*arrays: Tensor) -> list[Tensor]:
    """Return the tensors in the shape to which they broadcast together."""
    shape = broadcast_shapes(*[x.shape for x in arrays])
    return [broadcast_to(x, shape) for x in arrays]


def concat(arrays: Sequence[Tensor], /, *, axis: int | None = 0) -> Tensor:
    """Join tensors along an axis, or flattened if that is None, in their common dtype."""
    return ops.concatenate(operands("concat", *arrays), axis)


def stack(arrays: Sequence[Tensor], /, *, axis: int = 0) -> Tensor:
    """Join tensors of one shape along a new axis, in their common dtype."""
    return ops.stack(operands("stack", *arrays), axis)


def unstack(x: Tensor, /, *, axis: int = 0) -> tuple[Tensor, ...]:
    """Return the slices along an axis.

    >>> import minigrad.array_api as xp
    >>> xp.unstack(xp.asarray([[1, 2], [3, 4]]), axis=1)
    (tensor([1, 3]), tensor([2, 4]))
    """
    return ops.unbind(x, axis)


def expand_dims(x: Tensor, /, axis: Axes = 0) -> Tensor:
    """Insert axes of size 1."""
    return ops.expand_dims(x, axis)


def squeeze(x: Tensor, /, axis: Axes) -> Tensor:
    """Remove axes of size 1. Raises ValueError for another size, AxisError for an axis that does not exist."""
    axes = every_axis("squeeze", axis, x.ndim)
    for at in axes:
        if x.shape[at] != 1:
            raise ValueError(f"squeeze: axis {at} of shape {tuple(x.shape)} has size {x.shape[at]}, not 1")
    return ops.squeeze(x, axes) if axes else x


def matrix_transpose(x: Tensor, /) -> Tensor:
    """Exchange the last two axes."""
    return ops.swapaxes(x, -1, -2)


def reshape(x: Tensor, /, shape: tuple[int, ...], *, copy: bool | None = None) -> Tensor:
    """Return the elements in another shape; with `copy` False only as a view, with True never."""
    if copy is False:
        return x.view(shape)
    return ops.reshape(x.clone() if copy else x, shape)


def repeat(x: Tensor, repeats: int | Tensor, /, *, axis: int | None = None) -> Tensor:
    """Repeat each element of the flattened tensor, or each slice along an axis."""
    return ops.repeat_interleave(x, repeats, axis)


def take(x: Tensor, indices: Tensor, /, *, axis: int | None = None) -> Tensor:
    """Return the elements of a vector, or the slices along an axis, at `indices`."""
    if axis is None and x.ndim != 1:
        raise ValueError(f"take: without axis, x must be a vector, got shape {tuple(x.shape)}")
    return ops.take(x, indices, 0 if axis is None else axis)
