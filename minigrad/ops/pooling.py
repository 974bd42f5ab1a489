"""Pooling: maxima and means of windows over images in one, two and three dimensions.

Windows are reduced along one axis after another, the last axis first, so that the first of equal maxima along each axis is
the first in row-major order. There are two pairs of adjoint operations: scatter and gather at maxima, and sum and spread.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import reduce
from typing import Any

import numpy as np

from minigrad.arrays import Array, array_of
from minigrad.engine.primitive import primitive
from minigrad.engine.promotion import promoting
from minigrad.engine.spatial import Size, Value, over_axes
from minigrad.errors import ShapeError
from minigrad.kernels import pooling as kernel
from minigrad.kernels.geometry import image_shape, output_size, per_axis
from minigrad.kernels.pooling import Run, Windows
from minigrad.kernels.windows import Sizes
from minigrad.ops.indexing import setitem
from minigrad.ops.shape import reshape

__all__ = [
    "adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d", "adaptive_max_pool1d", "adaptive_max_pool2d",
    "adaptive_max_pool3d", "avg_pool1d", "avg_pool2d", "avg_pool3d", "lp_pool1d", "lp_pool2d", "lp_pool3d",
    "max_pool1d", "max_pool2d", "max_pool3d", "max_unpool1d", "max_unpool2d", "max_unpool3d",
]  # fmt: skip


@primitive
def max_windows(x: Array, along: Windows) -> Array:
    """Return the maximum of each window along an axis; the first of equal maxima, or the last NaN, gets its gradient."""
    return kernel.max_windows(x, along)


@primitive
def scatter_to_maxima(g: Array, x: Array, maximum: Array, along: Windows) -> Array:
    """Accumulate each element of `g` at the first maximum of its window of `x`; adjoint of `gather_at_maxima`."""
    return kernel.scatter_to_maxima(g, x, maximum, along)


@primitive
def gather_at_maxima(v: Array, x: Array, maximum: Array, along: Windows) -> Array:
    """Read `v` at the first maximum of each window of `x`; adjoint of `scatter_to_maxima`."""
    return kernel.gather_at_maxima(v, x, maximum, along)


# The position of a maximum is piecewise constant in x and in the maximum: only g and v pass a gradient on.
scatter_to_maxima.zero_gradient("x", "maximum")
gather_at_maxima.zero_gradient("x", "maximum")


@max_windows.gradient("x")
def _(g: Any, x: Any, out: Any, along: Windows) -> Any:
    return scatter_to_maxima(g, x, out, along)


@scatter_to_maxima.gradient("g")
def _(g: Any, x: Any, maximum: Any, along: Windows) -> Any:
    return gather_at_maxima(g, x, maximum, along)


@gather_at_maxima.gradient("v")
def _(g: Any, x: Any, maximum: Any, along: Windows) -> Any:
    return scatter_to_maxima(g, x, maximum, along)


@promoting("x")
@primitive
def sum_windows(x: Array, along: Windows) -> Array:
    """Return the sum of each window along one axis; adjoint of `spread_windows`."""
    return kernel.sum_windows(x, along)


@promoting("y")
@primitive
def spread_windows(y: Array, along: Windows, size: int) -> Array:
    """Add each element of `y` to all elements of its window, along an axis of `size`; adjoint of `sum_windows`."""
    return kernel.spread_windows(y, along, size)


@sum_windows.gradient("x")
def _(g: Any, along: Windows, shape: Sizes) -> Any:
    return spread_windows(g, along, shape[along.axis])


@spread_windows.gradient("y")
def _(g: Any, along: Windows) -> Any:
    return sum_windows(g, along)


def _max_pool(
    n: int,
    x: Value,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Size = 0,
    dilation: Size = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Value:  # with return_indices a pair, which unpacks as a tensor does
    """Compute the maximum of each window of images: (N, C, H, W) to (N, C, OH, OW).

    OH = floor((H + 2*padding - dilation*(KH - 1) - 1) / stride) + 1. Sizes are an int or a pair (height, width).

    * `x`: images (N, C, H, W), or one image (C, H, W); also called `input`
    * `kernel_size`: the size of the windows, (KH, KW)
    * `stride`: the distance between windows; None: `kernel_size`
    * `padding`: the number of elements added on either side, at most half a window; they count as -inf
    * `dilation`: the distance between the elements of a window
    * `ceil_mode`: round OH up, so that the last window may reach beyond the far border
    * `return_indices`: return (maxima, indices), the position of each maximum in its flattened image

    Of equal maxima the first in row-major order gets the whole gradient; a NaN is larger than any number, and of several the
    last gets it, as in PyTorch. Raises ShapeError if no window fits, ValueError or TypeError for sizes that are no positive
    ints.

    >>> import numpy as np
    >>> max_pool1d(np.array([[[1.0, 3.0, 2.0, 0.0]]]), 2)
    array([[[3., 2.]]])

    >>> import numpy as np
    >>> max_pool2d(np.arange(16.0).reshape(1, 1, 4, 4), 2)[0, 0]
    array([[ 5.,  7.],
           [13., 15.]])

    >>> import numpy as np
    >>> max_pool3d(np.arange(8.0).reshape(1, 1, 2, 2, 2), 2)
    array([[[[[7.]]]]])
    """
    return _maxima(x, _windows(f"max_pool{n}d", n, x, kernel_size, stride, padding, dilation, ceil_mode), return_indices)


def _avg_pool(
    n: int,
    x: Value,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Size = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Value:
    """Compute the mean of each window of images: (N, C, H, W) to (N, C, OH, OW).

    OH = floor((H + 2*padding - KH) / stride) + 1. Sizes are an int or a pair (height, width).

    * `x`: images (N, C, H, W), or one image (C, H, W); also called `input`
    * `kernel_size`: the size of the windows, (KH, KW)
    * `stride`: the distance between windows; None: `kernel_size`
    * `padding`: the number of zeros on either side, at most half a window
    * `ceil_mode`: round OH up, so that the last window may reach beyond the far border; what lies beyond never counts
    * `count_include_pad`: whether padded zeros count as elements of a window
    * `divisor_override`: divide the sums by this number instead of the number of elements

    Raises as `max_pool2d` does.

    >>> import numpy as np
    >>> avg_pool1d(np.array([[[1.0, 3.0, 2.0, 0.0]]]), 2)
    array([[[2., 1.]]])

    >>> import numpy as np
    >>> avg_pool2d(np.arange(16.0).reshape(1, 1, 4, 4), 2)[0, 0]
    array([[ 2.5,  4.5],
           [10.5, 12.5]])

    >>> import numpy as np
    >>> avg_pool3d(np.arange(8.0).reshape(1, 1, 2, 2, 2), 2)
    array([[[[[3.5]]]]])
    """
    op = f"avg_pool{n}d"
    if divisor_override is not None and not (isinstance(divisor_override, int | np.integer) and divisor_override):
        raise ValueError(f"{op}: divisor_override must be an int other than 0, got {divisor_override!r}")
    every = _windows(op, n, x, kernel_size, stride, padding, 1, ceil_mode)
    return _means(x, every, count_include_pad, divisor_override)


def _adaptive_max_pool(n: int, x: Value, output_size: Size | Sequence[int | None], return_indices: bool = False) -> Value:
    """Compute the maxima of OH x OW windows that cover images evenly: (N, C, H, W) to (N, C, OH, OW).

    * `x`: images (N, C, H, W), or one image (C, H, W); also called `input`
    * `output_size`: (OH, OW), an int or a pair (height, width); None keeps a size
    * `return_indices`: return (maxima, indices), the position of each maximum in its flattened image

    Windows are those of `adaptive_avg_pool2d`, ties and NaN are treated as in `max_pool2d`.

    >>> import numpy as np
    >>> adaptive_max_pool1d(np.arange(5.0).reshape(1, 1, 5), 2)
    array([[[2., 4.]]])

    >>> import numpy as np
    >>> adaptive_max_pool2d(np.arange(12.0).reshape(1, 1, 3, 4), 2)[0, 0]
    array([[ 5.,  7.],
           [ 9., 11.]])

    >>> import numpy as np
    >>> adaptive_max_pool3d(np.arange(24.0).reshape(1, 1, 2, 3, 4), (None, 1, 1)).ravel()
    array([11., 23.])
    """
    return _maxima(x, _even_windows(f"adaptive_max_pool{n}d", n, x, output_size), return_indices)


def _adaptive_avg_pool(n: int, x: Value, output_size: Size | Sequence[int | None]) -> Value:
    """Compute the means of OH x OW windows that cover images evenly: (N, C, H, W) to (N, C, OH, OW).

    * `x`: images (N, C, H, W), or one image (C, H, W); also called `input`
    * `output_size`: (OH, OW), an int or a pair (height, width); None keeps a size, 1 is the mean of the whole image

    Window i of OH covers the indices from floor(i*H/OH) up to ceil((i+1)*H/OH), as in PyTorch. He et al. (2014), "Spatial
    pyramid pooling in deep convolutional networks for visual recognition".

    >>> import numpy as np
    >>> adaptive_avg_pool1d(np.arange(5.0).reshape(1, 1, 5), 2)
    array([[[1., 3.]]])

    >>> import numpy as np
    >>> adaptive_avg_pool2d(np.arange(12.0).reshape(1, 1, 3, 4), (2, 2))[0, 0]
    array([[2.5, 4.5],
           [6.5, 8.5]])

    >>> import numpy as np
    >>> adaptive_avg_pool3d(np.arange(24.0).reshape(1, 1, 2, 3, 4), (None, 1, 1)).ravel()
    array([ 5.5, 17.5])
    """
    return _means(x, _even_windows(f"adaptive_avg_pool{n}d", n, x, output_size), False)


def _lp_pool(
    n: int, x: Value, norm_type: float, kernel_size: Size, stride: Size | None = None, ceil_mode: bool = False
) -> Value:
    """Compute the power mean without division, sum(x**p)**(1/p) with p = `norm_type`: (N, C, H, W) to (N, C, OH, OW).

    The other arguments are those of `avg_pool2d`. A window cut off by the border counts as a full one of the same mean, as
    in PyTorch. A sum below 0, of an odd power, has no root: NaN.

    >>> import numpy as np
    >>> lp_pool1d(np.array([[[3.0, 4.0]]]), 2, 2)
    array([[[5.]]])

    >>> import numpy as np
    >>> lp_pool2d(np.array([[[[3.0, 4.0]]]]), 2, (1, 2))
    array([[[[5.]]]])

    >>> import numpy as np
    >>> lp_pool3d(np.array([[[[[3.0, 4.0]]]]]), 2, (1, 1, 2))
    array([[[[[5.]]]]])
    """
    every = _windows(f"lp_pool{n}d", n, x, kernel_size, stride, 0, 1, ceil_mode)
    full = math.prod(along.runs[0].size for along in every)
    return (_means(x**norm_type, every, False) * full) ** (1 / norm_type)


def _max_unpool(
    n: int,
    x: Value,
    indices: Any,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Size = 0,
    output_size: Sequence[int] | None = None,
) -> Value:
    """Put maxima back to the positions that they had before `max_pool2d`, among zeros: (N, C, OH, OW) to (N, C, H, W).

    `indices` are those of ``max_pool2d(..., return_indices=True)``, `kernel_size`, `stride` and `padding` its options, and
    `output_size` the size before it, by default the smallest. Of several for one position the last is written, and alone has
    a gradient. Raises ShapeError for shapes that do not fit, IndexError for an index beyond an image.

    >>> import numpy as np
    >>> max_unpool1d(np.array([[[3.0, 5.0]]]), np.array([[[1, 2]]]), 2)
    array([[[0., 3., 5., 0.]]])

    >>> import numpy as np
    >>> max_unpool2d(np.array([[[[3.0]]]]), np.array([[[[2]]]]), 2)
    array([[[[0., 0.],
             [3., 0.]]]])

    >>> import numpy as np
    >>> max_unpool3d(np.array([[[[[3.0]]]]]), np.array([[[[[0]]]]]), (1, 1, 2))
    array([[[[[3., 0.]]]]])
    """
    op = f"max_unpool{n}d"
    shape, places = image_shape(op, n, x), array_of(indices)
    if places.shape != shape:
        raise ShapeError(f"{op}: indices must have the shape of the input, {shape}, got {places.shape}")
    size = per_axis(op, "kernel_size", kernel_size, n, 1)
    stride = size if stride is None else per_axis(op, "stride", stride, n, 1)
    padding = per_axis(op, "padding", padding, n, 0)
    least = [(o - 1) * s - 2 * p + k for o, s, p, k in zip(shape[2:], stride, padding, size, strict=True)]
    wanted = least if output_size is None else list(output_size)[-n:]
    if len(wanted) != n or any(abs(w - m) >= s for w, m, s in zip(wanted, least, stride, strict=True)):
        raise ShapeError(f"{op}: output_size must be within {stride} of {tuple(least)}, got {tuple(output_size or least)}")
    pixels = math.prod(wanted)
    if places.size and not (places.min() >= 0 and places.max() < pixels):
        raise IndexError(f"{op}: indices must be within 0..{pixels - 1}, got {int(places.min())} to {int(places.max())}")
    at = (*np.ogrid[: shape[0], : shape[1], :1][:2], places.reshape(*shape[:2], -1))
    zeros = np.zeros((*shape[:2], pixels), x.dtype)
    return reshape(setitem(zeros, at, reshape(x, (*shape[:2], -1))), (*shape[:2], *wanted))


max_pool1d, max_pool2d, max_pool3d = over_axes(_max_pool)
max_unpool1d, max_unpool2d, max_unpool3d = over_axes(_max_unpool, "x")
lp_pool1d, lp_pool2d, lp_pool3d = over_axes(_lp_pool, "x")
avg_pool1d, avg_pool2d, avg_pool3d = over_axes(_avg_pool, "x")
adaptive_max_pool1d, adaptive_max_pool2d, adaptive_max_pool3d = over_axes(_adaptive_max_pool)
adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d = over_axes(_adaptive_avg_pool, "x")


def _maxima(x: Any, every: list[Windows], return_indices: bool) -> Any:
    """Return the maxima of the windows along each axis, and their indices in the flattened image if requested."""
    size = x.shape[2:]
    indices: Any = np.broadcast_to(np.arange(math.prod(size)).reshape(size), x.shape) if return_indices else None
    for along in reversed(every):
        maxima = max_windows(x, along)
        if return_indices:
            indices = gather_at_maxima(indices, x, maxima, along)
        x = maxima
    return (x, indices) if return_indices else x


def _means(x: Any, every: list[Windows], count_include_pad: bool, divisor: int | None = None) -> Any:
    """Return the means of the windows along each axis, or their sums divided by `divisor`."""
    divisors = divisor or _products([_counts(along, x.shape[along.axis], count_include_pad) for along in every], x.dtype)
    for along in reversed(every):
        x = sum_windows(x, along)
    return x / divisors


def _counts(along: Windows, n: int, count_include_pad: bool) -> Array:
    """Return the number of elements of each window that lie inside an axis of size `n`, or inside its padding."""
    counts = []
    for size, stride, padding, _, count in along.runs:
        start = np.arange(count) * stride - padding
        low, high = (start, n + padding) if count_include_pad else (np.maximum(start, 0), n)
        counts.append(np.minimum(start + size, high) - low)
    return np.concatenate(counts)


def _products(counts: list[Array], dtype: Any) -> Any:
    """Return the number of elements of each window, given the counts along each axis: one number if all are equal."""
    if all((along == along[0]).all() for along in counts):
        return math.prod(int(along[0]) for along in counts)
    return reduce(np.multiply.outer, counts).astype(dtype)


def _windows(op: str, n: int, x: Any, size: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool) -> list[Windows]:
    """Return the windows along each spatial axis. Raises for invalid sizes."""
    shape, size = image_shape(op, n, x), per_axis(op, "kernel_size", size, n, 1)
    stride = size if stride is None else per_axis(op, "stride", stride, n, 1)
    padding, dilation = per_axis(op, "padding", padding, n, 0), per_axis(op, "dilation", dilation, n, 1)
    every = []
    for axis, (k, s, p, d) in enumerate(zip(size, stride, padding, dilation, strict=True), 2):
        if 2 * p > d * (k - 1) + 1:
            raise ValueError(
                f"{op}: padding must be at most half the window, got {p} for a window of {d * (k - 1) + 1}\n"
                "  rule    more would make windows of nothing but padding"
            )
        count = output_size(shape[axis], k, s, p, d, "ceil" if ceil_mode else "floor", op)
        every.append(Windows(axis, (Run(k, s, p, d, count),)))
    return every


def _even_windows(op: str, n: int, x: Any, output_size: Any) -> list[Windows]:
    """Return windows that cover each spatial axis evenly: a run of equal ones, or runs of one if the size is no multiple."""
    shape = image_shape(op, n, x)
    if isinstance(output_size, tuple | list) and len(output_size) == n:
        output_size = [size if wanted is None else wanted for wanted, size in zip(output_size, shape[2:], strict=True)]
    every = []
    for axis, count in enumerate(per_axis(op, "output_size", output_size, n, 1), 2):
        size = shape[axis]
        if size < 1:
            raise ShapeError(f"{op}: the input has size 0: shape {shape}")
        if size % count == 0:
            runs = [Run(size // count, size // count, 0, 1, count)]
        else:
            bounds = [(i * size // count, -(-(i + 1) * size // count)) for i in range(count)]
            runs = [Run(stop - start, 1, -start, 1, 1) for start, stop in bounds]
        every.append(Windows(axis, tuple(runs)))
    return every
