"""Rearranging elements: reversing, shifting, repeating and padding."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from minigrad.arrays import Array, Axis, Shape, shape_of
from minigrad.engine.composite import composite, separate
from minigrad.engine.primitive import primitive
from minigrad.engine.registry import register
from minigrad.errors import ShapeError
from minigrad.kernels.axes import every_axis, one_axis
from minigrad.kernels.checks import check_choice
from minigrad.kernels.conversion import check_numbers
from minigrad.ops.indexing import frozen_index, take
from minigrad.ops.shape import broadcast_to, reshape, swapaxes, unsqueeze
from minigrad.ops.sorting import nondifferentiable

__all__ = [
    "crop", "flip", "fliplr", "flipud", "pad", "repeat", "repeat_interleave", "roll", "rot90", "tile",
]  # fmt: skip

Widths = Sequence[tuple[int, int]]
MODES = {"edge": "edge", "replicate": "edge", "reflect": "reflect", "symmetric": "symmetric", "wrap": "wrap",
         "circular": "wrap"}  # fmt: skip


@register(np.flip)
@primitive
def flip(x: Array, axis: Axis = None) -> Array:
    """Reverse the order of the elements along one axis, several, or all of them.

    >>> import numpy as np
    >>> flip(np.array([[1, 2], [3, 4]]), 0)
    array([[3, 4],
           [1, 2]])
    """
    axes = every_axis("flip", axis, x.ndim)
    return x[tuple(slice(None, None, -1) if i in axes else slice(None) for i in range(x.ndim))]


@flip.gradient("x")
def _(g: Any, axis: Axis) -> Any:
    return flip(g, axis)


@register(np.roll)
@primitive
def roll(x: Array, shift: int | Shape, axis: Axis = None) -> Array:
    """Move the elements by `shift` positions along an axis, from the end back to the start.

    Without `axis`, this happens in the flattened array. Several shifts belong to several axes, one each.

    >>> import numpy as np
    >>> roll(np.arange(5), 2)
    array([3, 4, 0, 1, 2])
    """
    shifts = shift if isinstance(shift, tuple | list) else (shift,)
    axes = axis if isinstance(axis, tuple | list) else () if axis is None else (axis,)
    if not shifts:
        raise ValueError("roll: needs a shift, got none")
    for a in axes:  # may name an axis twice: np.roll adds up its shifts
        one_axis("roll", a, x.ndim)
    if not all(isinstance(s, int | np.integer) for s in shifts):
        raise TypeError(f"roll: a shift must be an int, got {shift!r}")
    axis = axis if axes else None
    if axes and not x.ndim:  # a 0-d array counts as one element along one axis
        return roll(x.reshape(1), shift, axis).reshape(())
    try:
        return np.roll(x, shift, axis)
    except ValueError:
        raise ValueError(f"roll: shifts {shift} and axes {axis} must be one each, or equally many") from None


@roll.gradient("x")
def _(g: Any, shift: int | Shape, axis: Axis) -> Any:
    return roll(g, tuple(-s for s in shift) if isinstance(shift, tuple | list) else -shift, axis)


@primitive
def pad_constant(x: Array, widths: Widths, value: Any = 0) -> Array:
    """Pad with a constant, (before, after) elements of each axis; adjoint of `crop`. `value` is as in ``np.pad``."""
    check_numbers("pad", "value", value)
    if np.ndim(value):
        return np.pad(x, widths, constant_values=value)
    out = np.full([before + n + after for n, (before, after) in zip(x.shape, widths, strict=True)], value, x.dtype)
    out[_inner(out.shape, widths)] = x
    return out


@primitive
def crop(x: Array, widths: Widths) -> Array:
    """Cut (before, after) elements off each axis; adjoint of `pad` with zeros.

    >>> import numpy as np
    >>> crop(np.arange(5), [(1, 2)])
    array([1, 2])
    """
    return x[_inner(x.shape, widths)]


@pad_constant.gradient("x")
def _(g: Any, widths: Widths) -> Any:
    return crop(g, widths)


@crop.gradient("x")
def _(g: Any, widths: Widths) -> Any:
    return pad_constant(g, widths)


@composite
def pad(x: Any, pad_width: Any, mode: str = "constant", constant_values: Any = 0) -> Any:
    """Pad an array; `pad_width` is as in NumPy: an int, (before, after), or one pair for each axis.

    `mode` says what the border consists of: `constant_values` ("constant"), or copies of elements inside: the nearest
    ("edge", or PyTorch's "replicate"), the mirror image ("reflect" about the outermost element, "symmetric" including it),
    or those at the other end ("wrap", or "circular"). A copied element gets the gradients of its copies. ``F.pad`` takes
    widths in PyTorch's order.

    >>> import numpy as np
    >>> pad(np.array([1, 2, 3]), (1, 2)), pad(np.array([1, 2, 3]), (1, 2), "reflect")
    (array([0, 1, 2, 3, 0, 0]), array([2, 1, 2, 3, 2, 1]))
    """
    widths = _widths(pad_width, len(shape_of(x)))
    if mode == "constant":
        return pad_constant(x, widths, constant_values)
    check_choice("pad", "mode", mode, "constant", *MODES)
    shape = shape_of(x)
    for axis, (n, width) in enumerate(zip(shape, widths, strict=True)):
        if width == (0, 0):
            continue
        if not n:
            raise ShapeError(f"pad: axis {axis} of shape {shape} is empty: there is nothing to copy in mode {mode!r}")
        x = take(x, np.pad(np.arange(n), width, MODES[mode]), axis)  # type: ignore[call-overload]
    return x


@register(np.pad)
def numpy_pad(array: Any, pad_width: Any, mode: str = "constant", **options: Any) -> Any:
    """Apply `pad` with NumPy's arguments, whose options depend on the mode."""
    return pad(array, pad_width, mode, **options)


@register(np.rot90)
@composite
@separate
def rot90(x: Any, k: int = 1, axes: tuple[int, int] = (0, 1)) -> Any:
    """Rotate by `k` quarter turns, from the first of two axes toward the second.

    >>> import numpy as np
    >>> rot90(np.array([[1, 2], [3, 4]]))
    array([[2, 4],
           [1, 3]])
    """
    if len(axes) != 2:
        raise ValueError(f"rot90: axes must be the two axes of the rotation, got {tuple(axes)}")
    first, second = every_axis("rot90", tuple(axes), len(shape_of(x)))
    match k % 4:
        case 0:
            return x
        case 1:
            return swapaxes(flip(x, second), first, second)
        case 2:
            return flip(x, (first, second))
    return flip(swapaxes(x, first, second), second)


@register(np.flipud)
@composite
def flipud(x: Any) -> Any:
    """Reverse along axis 0: upside down. Raises ShapeError for a number."""
    if not shape_of(x):
        raise ShapeError("flipud: needs at least one axis, got shape ()")
    return flip(x, 0)


@register(np.fliplr)
@composite
def fliplr(x: Any) -> Any:
    """Reverse along axis 1: left and right exchanged."""
    return flip(x, 1)


@register(np.tile)
@composite
@separate
def tile(x: Any, reps: int | Shape) -> Any:
    """Repeat the whole array `reps` times along each of the last axes; the gradient is the sum over the copies.

    >>> import numpy as np
    >>> tile(np.array([1, 2]), (2, 2))
    array([[1, 2, 1, 2],
           [1, 2, 1, 2]])
    """
    counts = tuple(operator.index(r) for r in (reps if isinstance(reps, tuple | list | np.ndarray) else (reps,)))
    if any(count < 0 for count in counts):
        raise ValueError(f"tile: a number of copies must be at least 0, got {counts}")
    shape = shape_of(x)
    ndim = max(len(shape), len(counts))
    shape, counts = (1,) * (ndim - len(shape)) + shape, (1,) * (ndim - len(counts)) + counts
    # (n0, n1) -> (1, n0, 1, n1) -> (r0, n0, r1, n1) -> (r0 n0, r1 n1)
    apart = reshape(x, tuple(size for n in shape for size in (1, n)))
    copies = broadcast_to(apart, tuple(size for r, n in zip(counts, shape, strict=True) for size in (r, n)))
    return reshape(copies, tuple(r * n for r, n in zip(counts, shape, strict=True)))


@composite
def repeat(x: Any, *sizes: Any, repeats: Any = None) -> Any:
    """Apply `tile` with a number of copies for every axis: PyTorch's ``x.repeat(2, 3)``.

    NumPy's repeat is `repeat_interleave`. Raises ShapeError for fewer numbers than axes.

    >>> import numpy as np
    >>> repeat(np.array([1, 2]), 2, 2).shape
    (2, 4)
    """
    sizes = sizes if repeats is None else (*sizes, repeats)
    counts = tuple(sizes[0]) if len(sizes) == 1 and isinstance(sizes[0], tuple | list) else sizes
    if len(counts) < len(shape_of(x)):
        raise ShapeError(f"repeat: needs a number for each axis of shape {shape_of(x)}, got {counts}\n  hint: use tile")
    return tile(x, counts)


@register(np.repeat)
@composite
@separate
def repeat_interleave(x: Any, repeats: Any = None, axis: int | None = None, *, output_size: int | None = None) -> Any:
    """Repeat each element in a row along `axis`, or without `axis` in the flattened array: NumPy's ``np.repeat``.

    `repeats` is one number, or one for each element along the axis. Given the repeats alone, as `x`, the result has index 0
    so many times, then 1 and so on. A given `output_size` must be the size of the result along the axis.

    >>> import numpy as np
    >>> repeat_interleave(np.array([1, 2, 3]), 2), repeat_interleave(np.array([1, 2, 3]), [1, 0, 2])
    (array([1, 1, 2, 2, 3, 3]), array([1, 3, 3]))
    """
    if repeats is None:
        if len(shape_of(x)) != 1:
            raise ShapeError(f"repeat_interleave: repeats alone must be a vector, got shape {shape_of(x)}")
        x, repeats = nondifferentiable(x, np.arange(len(x))), x
    if axis is None:
        return repeat_interleave(reshape(x, (-1,)), repeats, 0, output_size=output_size)
    axis = one_axis("repeat_interleave", axis, len(shape_of(x)))
    n, counts = shape_of(x)[axis], np.asarray(frozen_index(repeats))
    if counts.dtype.kind not in "iu" or counts.min(initial=0) < 0:
        raise ValueError(f"repeat_interleave: repeats must be integers of at least 0, got {repeats!r}")
    if counts.size not in (1, n) or counts.ndim > 1:
        raise ShapeError(f"repeat_interleave: repeats of shape {counts.shape} for {n} elements along axis {axis}")
    size = int(counts.sum()) * (n if counts.size == 1 else 1)
    if output_size not in (None, size):
        raise ValueError(f"repeat_interleave: the result has size {size} along axis {axis}, output_size is {output_size}")
    if counts.size == 1:  # (n,) -> (n, 1) -> (n, r) -> (n r,), whose adjoint is a sum
        shape, r = shape_of(x), int(counts.sum())
        copies = broadcast_to(unsqueeze(x, axis + 1), (*shape[: axis + 1], r, *shape[axis + 1 :]))
        return reshape(copies, (*shape[:axis], n * r, *shape[axis + 1 :]))
    return take(x, np.repeat(np.arange(n), counts), axis)


def _widths(pad_width: Any, ndim: int) -> list[tuple[int, int]]:
    """Return (before, after) for each axis, from any of the forms that ``np.pad`` accepts."""
    if isinstance(pad_width, dict):
        named = {one_axis("pad", axis, ndim): np.broadcast_to(width, 2) for axis, width in pad_width.items()}
        pad_width = [tuple(named.get(axis, (0, 0))) for axis in range(ndim)]
    given = np.asarray(frozen_index(pad_width))
    if given.dtype.kind not in "iu":
        raise TypeError(f"pad: widths must be integers, got {pad_width!r}")
    try:
        widths = [(int(before), int(after)) for before, after in np.broadcast_to(given, (ndim, 2))]
    except ValueError:
        raise ShapeError(f"pad: widths {pad_width} are not an int, a pair, or a pair for each of {ndim} axes") from None
    if given.size and given.min() < 0:
        raise ValueError(f"pad: widths must be at least 0, got {pad_width}")
    return widths


def _inner(shape: Shape, widths: Widths) -> tuple[slice, ...]:
    """Return the index of an array of `shape` without its border."""
    # n - after, not -after: a slice up to -0 would be empty
    return tuple(slice(before, n - after) for n, (before, after) in zip(shape, widths, strict=True))
