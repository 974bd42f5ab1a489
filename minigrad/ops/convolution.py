"""Convolution as a composition: gather the windows, multiply matrices, reshape.

There is no gradient rule for convolution itself: the windows' gather and the overlapping sum are adjoint, each the other's
rule, and so every order of derivative follows. Memory is batch innermost throughout (kernels/windows.py).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad.errors import ShapeError
from minigrad.kernels import windows as kernel
from minigrad.ops.linalg import matmul
from minigrad.ops.shape import permute, reshape
from minigrad.primitive import Array, primitive, shape_of

__all__ = ["col2im", "conv2d", "im2col", "output_size", "pair"]

Sizes = tuple[int, ...]


@primitive
def windows(x: Array, size: Sizes, stride: Sizes, padding: Sizes, dilation: Sizes) -> Array:
    """Every window of images (N, C, *S) over zeros, as (C, *K, *O, N); adjoint of `overlap_add`."""
    return kernel.gather_windows(x, size, stride, padding, dilation)


@primitive
def overlap_add(cols: Array, size: Sizes, stride: Sizes, padding: Sizes, dilation: Sizes) -> Array:
    """Add windows (C, *K, *O, N) up into images (N, C, *size); adjoint of `windows`."""
    return kernel.overlap_add(cols, size, stride, padding, dilation)


@windows.gradient("x")
def _(g: Any, shape: Sizes, stride: Sizes, padding: Sizes, dilation: Sizes) -> Any:
    return overlap_add(g, shape[2:], stride, padding, dilation)


@overlap_add.gradient("cols")
def _(g: Any, shape: Sizes, stride: Sizes, padding: Sizes, dilation: Sizes) -> Any:
    n = len(stride)
    return windows(g, shape[1 : 1 + n], stride, padding, dilation)


def conv2d(
    x: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    *,
    rounding: str = "floor",
) -> Any:
    """Slide kernels over images (cross-correlation): (N, C, H, W) to (N, F, OH, OW).

    `weight` is (F, C, KH, KW), `bias` (F,); stride, padding and dilation are an int or a pair (height, width).
    OH = floor((H + 2P - D(KH-1) - 1) / S) + 1. Raises ShapeError where shapes do not fit, and with ``rounding="exact"``
    also where windows would leave a border of the input uncovered.

    >>> import numpy as np
    >>> conv2d(np.ones((1, 1, 3, 3)), np.ones((1, 1, 2, 2)), stride=1)[0, 0]
    array([[4., 4.],
           [4., 4.]])
    """
    stride, padding, dilation = _geometry("conv2d", stride, padding, dilation)
    shape, (F, C, KH, KW) = shape_of(x), _weight_shape(weight)
    if len(shape) != 4:
        raise ShapeError(f"conv2d: input must be (N, C, H, W), got shape {shape}")
    if shape[1] != C:
        raise ShapeError(
            f"conv2d: input has {shape[1]} channels, the weight expects {C}\n"
            f"  input   {shape}  = (N, C, H, W)\n  weight  {(F, C, KH, KW)}  = (F, C, KH, KW)"
        )
    if bias is not None and shape_of(bias) != (F,):
        raise ShapeError(f"conv2d: bias must be ({F},) = (F,), got shape {shape_of(bias)}")
    _sizes("conv2d", shape[2:], (KH, KW), stride, padding, dilation, rounding)

    cols = windows(x, (KH, KW), stride, padding, dilation)
    _, _, _, OH, OW, N = cols.shape
    out = matmul(reshape(weight, (F, C * KH * KW)), reshape(cols, (C * KH * KW, OH * OW * N)))
    out = permute(reshape(out, (F, OH, OW, N)), (3, 0, 1, 2))  # memory stays (F, OH, OW, N)
    return out if bias is None else out + reshape(bias, (1, F, 1, 1))


def im2col(x: Any, filter_h: int, filter_w: int, stride: Any = 1, pad: Any = 0) -> Any:
    """Images (N, C, H, W) as the matrix of the literature: a row per window (n, oh, ow), a column per (c, kh, kw).

    As in "Deep Learning from Scratch", 7.4.3. Adjoint of `col2im`.

    >>> import numpy as np
    >>> im2col(np.ones((1, 3, 7, 7)), 5, 5).shape, im2col(np.ones((10, 3, 7, 7)), 5, 5).shape
    ((9, 75), (90, 75))
    """
    stride, padding, dilation = _geometry("im2col", stride, pad, 1)
    size = pair("im2col", "filter size", (filter_h, filter_w), 1)
    if len(shape_of(x)) != 4:
        raise ShapeError(f"im2col: input must be (N, C, H, W), got shape {shape_of(x)}")
    _sizes("im2col", shape_of(x)[2:], size, stride, padding, dilation)
    cols = windows(x, size, stride, padding, dilation)
    C, KH, KW, OH, OW, N = cols.shape
    return reshape(permute(cols, (5, 3, 4, 0, 1, 2)), (N * OH * OW, C * KH * KW))


def col2im(col: Any, input_shape: Sizes, filter_h: int, filter_w: int, stride: Any = 1, pad: Any = 0) -> Any:
    """Add the rows of an `im2col` matrix up into images of `input_shape`, where windows overlap; adjoint of `im2col`.

    >>> import numpy as np
    >>> col2im(np.ones((4, 4)), (1, 1, 3, 3), 2, 2)[0, 0]
    array([[1., 2., 1.],
           [2., 4., 2.],
           [1., 2., 1.]])
    """
    stride, padding, dilation = _geometry("col2im", stride, pad, 1)
    KH, KW = pair("col2im", "filter size", (filter_h, filter_w), 1)
    if len(input_shape) != 4:
        raise ShapeError(f"col2im: input_shape must be (N, C, H, W), got {tuple(input_shape)}")
    N, C, H, W = input_shape
    OH, OW = _sizes("col2im", (H, W), (KH, KW), stride, padding, dilation)
    if shape_of(col) != (N * OH * OW, C * KH * KW):
        raise ShapeError(
            f"col2im: the matrix of {N} images of {(C, H, W)} with {KH}x{KW} windows is "
            f"{(N * OH * OW, C * KH * KW)}, got shape {shape_of(col)}"
        )
    cols = permute(reshape(col, (N, OH, OW, C, KH, KW)), (3, 4, 5, 1, 2, 0))
    return overlap_add(cols, (H, W), stride, padding, dilation)


def output_size(
    size: int, kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1, rounding: str = "floor", op: str = "conv2d"
) -> int:
    """How many windows fit: (size + 2*padding - dilation*(kernel-1) - 1) / stride + 1.

    `rounding` is "floor", "ceil" or "exact". Raises ShapeError where the window does not fit once, and with "exact" where
    the last window does not end at the border, giving the nearest sizes that fit.

    >>> output_size(28, 5), output_size(7, 3, stride=2, padding=1)
    (24, 4)
    """
    if rounding not in ("floor", "ceil", "exact"):
        raise ValueError(f'{op}: rounding must be "floor", "ceil" or "exact", got {rounding!r}')
    if kernel < 1:
        raise ShapeError(f"{op}: the window has size {kernel}; it must be at least 1")
    extent = dilation * (kernel - 1) + 1
    room = size + 2 * padding - extent
    if size < 1 or room < 0:
        raise ShapeError(
            f"{op}: the window is larger than the padded input: {extent} > {size} + 2*{padding}"
            if size
            else f"{op}: the input has size 0"
        )
    if rounding == "exact" and room % stride:
        fits = f"{size - room % stride} or {size - room % stride + stride}"
        raise ShapeError(
            f"{op}: ({size} + 2*{padding} - {extent})/{stride} + 1 = {room / stride + 1:g} is not an integer\n"
            f"  hint: a size of {fits} fits, or another kernel, padding or stride"
        )
    count = math.ceil(room / stride) + 1 if rounding == "ceil" else room // stride + 1
    # As in PyTorch, the last window of "ceil" must start inside the input or its left border.
    return count - 1 if rounding == "ceil" and (count - 1) * stride >= size + padding else count


def pair(op: str, name: str, value: Any, least: int) -> tuple[int, int]:
    """An int, or a pair of them, as a pair; raises TypeError or ValueError for anything else, or for less than `least`.

    >>> pair("conv2d", "stride", 2, 1)
    (2, 2)
    """
    values = [value] * 2 if isinstance(value, int | np.integer) else value
    if not isinstance(values, tuple | list) or any(
        isinstance(v, bool) or not isinstance(v, int | np.integer) for v in values
    ):
        raise TypeError(f"{op}: {name} must be an int or a pair of ints, got {value!r}")
    if len(values) != 2:
        raise ValueError(f"{op}: {name} must be an int or a pair of ints, got {len(values)} of them: {value!r}")
    if min(values) < least:
        raise ValueError(f"{op}: {name} must be at least {least}, got {value!r}")
    return int(values[0]), int(values[1])


def _geometry(op: str, stride: Any, padding: Any, dilation: Any) -> tuple[Sizes, Sizes, Sizes]:
    return pair(op, "stride", stride, 1), pair(op, "padding", padding, 0), pair(op, "dilation", dilation, 1)


def _sizes(
    op: str, size: Sizes, window: Sizes, stride: Sizes, padding: Sizes, dilation: Sizes, rounding: str = "floor"
) -> Sizes:
    return tuple(
        output_size(n, k, s, p, d, rounding, op)
        for n, k, s, p, d in zip(size, window, stride, padding, dilation, strict=True)
    )


def _weight_shape(weight: Any) -> Sizes:
    shape = shape_of(weight)
    if len(shape) != 4:
        raise ShapeError(f"conv2d: weight must be (F, C, KH, KW), got shape {shape}")
    if 0 in shape:
        name = ["F", "C", "KH", "KW"][shape.index(0)]
        raise ShapeError(f"conv2d: weight {shape} = (F, C, KH, KW) has no elements: {name} is 0")
    return shape
