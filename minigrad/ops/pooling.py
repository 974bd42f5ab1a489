"""Maxima and means of windows over images."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.errors import ShapeError
from minigrad.kernels import pooling as kernel
from minigrad.kernels.pooling import Windows
from minigrad.ops.convolution import output_size, pair, windows
from minigrad.ops.reduction import sum
from minigrad.ops.shape import permute
from minigrad.primitive import Array, primitive, shape_of

__all__ = ["avg_pool2d", "max_pool2d"]


@primitive
def max_windows(x: Array, along: Windows) -> Array:
    """The maximum of each window along one axis; the whole gradient goes to the first of equal maxima."""
    return kernel.max_windows(x, along)


@primitive
def route(g: Array, x: Array, maximum: Array, along: Windows) -> Array:
    """Each element of `g` at the place of its window's first maximum in `x`; adjoint of `pick`."""
    return kernel.route(g, x, maximum, along)


@primitive
def pick(v: Array, x: Array, maximum: Array, along: Windows) -> Array:
    """The element of `v` at the place of each window's first maximum in `x`; adjoint of `route`."""
    return kernel.pick(v, x, maximum, along)


# Where the maximum lies is piecewise constant in x and in the maximum: only g and v carry a gradient on.
route.zero_gradient("x", "maximum")
pick.zero_gradient("x", "maximum")


@max_windows.gradient("x")
def _(g: Any, x: Any, out: Any, along: Windows) -> Any:
    return route(g, x, out, along)


@route.gradient("g")
def _(g: Any, x: Any, maximum: Any, along: Windows) -> Any:
    return pick(g, x, maximum, along)


@pick.gradient("v")
def _(g: Any, x: Any, maximum: Any, along: Windows) -> Any:
    return route(g, x, maximum, along)


def max_pool2d(
    x: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False
) -> Any:
    """The maximum of each window of images (N, C, H, W); the stride is the window unless given.

    Padding never wins (it counts as -inf). Of equal maxima the first in row-major order gets the whole gradient.

    >>> import numpy as np
    >>> max_pool2d(np.arange(16.0).reshape(1, 1, 4, 4), 2)[0, 0]
    array([[ 5.,  7.],
           [13., 15.]])
    """
    size, stride, padding, dilation, counts = _geometry(
        "max_pool2d", shape_of(x), kernel_size, stride, padding, dilation, ceil_mode
    )
    for axis in (3, 2):  # width, then height
        i = axis - 2
        x = max_windows(x, (axis, size[i], stride[i], padding[i], dilation[i], counts[i]))
    return x


def avg_pool2d(x: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, *, count_include_pad: bool = True) -> Any:
    """The mean of each window of images (N, C, H, W); padded zeros count, as in PyTorch, unless told otherwise.

    >>> import numpy as np
    >>> avg_pool2d(np.arange(16.0).reshape(1, 1, 4, 4), 2)[0, 0]
    array([[ 2.5,  4.5],
           [10.5, 12.5]])
    """
    size, stride, padding, dilation, _ = _geometry("avg_pool2d", shape_of(x), kernel_size, stride, padding, 1, False)
    total = permute(sum(windows(x, size, stride, padding, dilation), (1, 2)), (3, 0, 1, 2))
    if count_include_pad or not any(padding):
        return total / (size[0] * size[1])
    ones = np.ones((1, 1, *shape_of(x)[2:]), x.dtype)
    return total / windows(ones, size, stride, padding, dilation).sum((1, 2)).transpose(3, 0, 1, 2)


def _geometry(
    op: str, shape: tuple[int, ...], size: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool
) -> tuple[tuple[int, ...], ...]:
    """Size, stride, padding, dilation and number of windows, each as a pair; raises where they make no sense."""
    size = pair(op, "kernel_size", size, 1)
    stride = size if stride is None else pair(op, "stride", stride, 1)
    padding, dilation = pair(op, "padding", padding, 0), pair(op, "dilation", dilation, 1)
    if len(shape) != 4:
        raise ShapeError(f"{op}: input must be (N, C, H, W), got shape {shape}")
    for k, p in zip(size, padding, strict=True):
        if 2 * p > k:
            raise ValueError(f"{op}: padding must be at most half the window, got {p} for a window of {k}")
    counts = tuple(
        output_size(*numbers, "ceil" if ceil_mode else "floor", op)
        for numbers in zip(shape[2:], size, stride, padding, dilation, strict=True)
    )
    return size, stride, padding, dilation, counts
