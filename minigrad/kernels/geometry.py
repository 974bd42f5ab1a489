"""Validation of the sizes of images and windows, and the arithmetic of output sizes."""

from __future__ import annotations

import math
from typing import Any

from minigrad.arrays import shape_of
from minigrad.errors import ShapeError
from minigrad.kernels.checks import whole
from minigrad.kernels.windows import Padding, Sizes

__all__ = [
    "IMAGES", "KERNELS", "TUPLES", "both_sides", "image_shape", "output_size", "output_sizes", "per_axis", "same_padding",
    "window_padding",
]  # fmt: skip

IMAGES = {1: "(N, C, L)", 2: "(N, C, H, W)", 3: "(N, C, D, H, W)"}
KERNELS = {1: "K", 2: "KH, KW", 3: "KD, KH, KW"}
TUPLES = {1: "a tuple of one", 2: "a pair of ints", 3: "a triple of ints"}


def image_shape(op: str, n: int, x: Any) -> Sizes:
    """Return the shape of a batch with `n` spatial axes. Raises ShapeError for anything else."""
    shape = shape_of(x)
    if len(shape) == n + 2:
        return shape
    raise ShapeError(f"{op}: input must be {IMAGES[n]} or {IMAGES[n].replace('N, ', '')}, got shape {shape}")


def per_axis(op: str, name: str, value: Any, n: int, least: int) -> Sizes:
    """Return an int, or a tuple of one int for each of `n` axes or for all, as a tuple.

    Raises TypeError for anything else, ValueError for too many, too few, or less than `least`.

    >>> per_axis("conv2d", "stride", 2, 2, 1)
    (2, 2)
    """
    given = value if isinstance(value, tuple | list) else [value]
    values = [v for each in given if (v := whole(each)) is not None]
    if len(values) != len(given):
        raise TypeError(f"{op}: {name} must be an int or {TUPLES[n]}, got {value!r}")
    if len(values) == 1:
        values = values * n
    if len(values) != n:
        raise ValueError(f"{op}: {name} must be an int or {TUPLES[n]}, got {len(values)} of them: {value!r}")
    if min(values) < least:
        raise ValueError(f"{op}: {name} must be at least {least}, got {value!r}")
    return tuple(values)


def both_sides(padding: Sizes) -> Padding:
    """Return the same padding before and after each axis."""
    return tuple((p, p) for p in padding)


def same_padding(kernel: Sizes, dilation: Sizes) -> Padding:
    """Return the padding that keeps the size of images if the stride is 1; an odd element goes to the end."""
    extents = [d * (k - 1) for k, d in zip(kernel, dilation, strict=True)]
    return tuple((extent // 2, extent - extent // 2) for extent in extents)


def window_padding(op: str, n: int, padding: Any, size: Sizes, stride: Sizes, dilation: Sizes) -> Padding:
    """Return padding as (before, after) for each axis, from an int, a tuple, "valid" or "same"."""
    if not isinstance(padding, str):
        return both_sides(per_axis(op, "padding", padding, n, 0))
    if padding == "valid":
        return ((0, 0),) * n
    if padding != "same":
        raise ValueError(f'{op}: padding must be "same", "valid", an int or {TUPLES[n]}, got {padding!r}')
    if max(stride) > 1:
        raise ValueError(f'{op}: padding="same" needs stride 1, got {stride}')
    return same_padding(size, dilation)


def output_sizes(
    op: str, size: Sizes, window: Sizes, stride: Sizes, padding: Padding, dilation: Sizes, rounding: str = "floor"
) -> Sizes:
    """Return `output_size` for each axis."""
    return tuple(
        output_size(n, k, s, max(p), d, rounding, op)
        for n, k, s, p, d in zip(size, window, stride, padding, dilation, strict=True)
    )


def output_size(
    size: int, kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1, rounding: str = "floor", op: str = "conv2d"
) -> int:
    """Return the number of windows along an axis: (size + 2*padding - dilation*(kernel-1) - 1) / stride + 1.

    `rounding` is "floor", "ceil" or "exact"; `op` names the operation in errors. Raises ShapeError if the window does not
    fit once, and with "exact" if the last window does not end at the border; the error names the nearest sizes that fit.

    >>> output_size(28, 5), output_size(7, 3, stride=2, padding=1)
    (24, 4)
    """
    if rounding not in ("floor", "ceil", "exact"):
        raise ValueError(f'{op}: rounding must be "floor", "ceil" or "exact", got {rounding!r}')
    if kernel < 1:
        raise ShapeError(f"{op}: the window has size {kernel}; it must be at least 1")
    if size < 1:
        raise ShapeError(f"{op}: the input has size 0")
    extent = dilation * (kernel - 1) + 1
    room = size + 2 * padding - extent
    if room < 0:
        span = f"\n  window  {kernel} with dilation {dilation} spans {extent}" if dilation > 1 else ""
        raise ShapeError(f"{op}: the window is larger than the padded input: {extent} > {size} + 2*{padding}{span}")
    if rounding == "exact" and room % stride:
        fits = f"{size - room % stride} or {size - room % stride + stride}"
        raise ShapeError(
            f"{op}: ({size} + 2*{padding} - {extent})/{stride} + 1 = {room / stride + 1:g} is not an integer\n"
            f"  hint: a size of {fits} fits, or another kernel, padding or stride"
        )
    count = math.ceil(room / stride) + 1 if rounding == "ceil" else room // stride + 1
    # As in PyTorch, the last window of "ceil" must start inside the input or its left border.
    return count - 1 if rounding == "ceil" and (count - 1) * stride >= size + padding else count
