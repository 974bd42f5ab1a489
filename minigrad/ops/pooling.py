"""Maxima and means of windows over images in one, two and three dimensions.

A window over several axes is one axis after another: the last axis first, so that the first of equal maxima along each is
the first in row-major order. One pair of adjoint operations moves maxima, one adds up.
"""

from __future__ import annotations

import math
from functools import reduce
from typing import Any

import numpy as np

from minigrad.arrays import Array
from minigrad.engine.composite import composite
from minigrad.engine.primitive import primitive
from minigrad.engine.promotion import floating, promoting
from minigrad.errors import ShapeError
from minigrad.kernels import pooling as kernel
from minigrad.kernels.geometry import image_shape, output_size, per_axis
from minigrad.kernels.pooling import Run, Windows

__all__ = [
    "adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d", "adaptive_max_pool1d", "adaptive_max_pool2d",
    "adaptive_max_pool3d", "avg_pool1d", "avg_pool2d", "avg_pool3d", "max_pool1d", "max_pool2d", "max_pool3d",
]  # fmt: skip

Sizes = tuple[int, ...]


@primitive
def max_windows(x: Array, along: Windows) -> Array:
    """The maximum of each window along one axis; the gradient goes to the first of equal maxima, or to the last NaN."""
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


@promoting("x")
@primitive
def sum_windows(x: Array, along: Windows) -> Array:
    """The sum of each window along one axis; adjoint of `spread_windows`."""
    return kernel.sum_windows(x, along)


@promoting("y")
@primitive
def spread_windows(y: Array, along: Windows, size: int) -> Array:
    """Each element of `y` added to every place of its window, along an axis of `size`; adjoint of `sum_windows`."""
    return kernel.spread_windows(y, along, size)


@sum_windows.gradient("x")
def _(g: Any, along: Windows, shape: Sizes) -> Any:
    return spread_windows(g, along, shape[along.axis])


@spread_windows.gradient("y")
def _(g: Any, along: Windows) -> Any:
    return sum_windows(g, along)


@composite
def max_pool1d(
    x: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """The maximum of each window of sequences (N, C, L). See `max_pool2d`.

    >>> import numpy as np
    >>> max_pool1d(np.array([[[1.0, 3.0, 2.0, 0.0]]]), 2)
    array([[[3., 2.]]])
    """
    return _max_pooled("max_pool1d", 1, x, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


@composite
def max_pool2d(
    x: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """The maximum of each window of images (N, C, H, W); sizes are an int or a pair, the stride is the window unless given.

    Padding never wins (it counts as -inf). Of equal maxima the first in row-major order gets the whole gradient; a NaN is
    larger than any number, and of several the last gets it, as in PyTorch. With `ceil_mode` a window may stick out at the
    far border; with `return_indices` the result is (maxima, where each lies in its flattened image). Raises ShapeError
    where the window does not fit, ValueError or TypeError for sizes that make no sense.

    >>> import numpy as np
    >>> max_pool2d(np.arange(16.0).reshape(1, 1, 4, 4), 2)[0, 0]
    array([[ 5.,  7.],
           [13., 15.]])
    """
    return _max_pooled("max_pool2d", 2, x, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


@composite
def max_pool3d(
    x: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """The maximum of each window of volumes (N, C, D, H, W). See `max_pool2d`.

    >>> import numpy as np
    >>> max_pool3d(np.arange(8.0).reshape(1, 1, 2, 2, 2), 2)
    array([[[[[7.]]]]])
    """
    return _max_pooled("max_pool3d", 3, x, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


@floating("x")
@composite
def avg_pool1d(
    x: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Any:
    """The mean of each window of sequences (N, C, L). See `avg_pool2d`.

    >>> import numpy as np
    >>> avg_pool1d(np.array([[[1.0, 3.0, 2.0, 0.0]]]), 2)
    array([[[2., 1.]]])
    """
    return _avg_pooled("avg_pool1d", 1, x, kernel_size, stride, padding, ceil_mode, count_include_pad, None)


@floating("x")
@composite
def avg_pool2d(
    x: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Any:
    """The mean of each window of images (N, C, H, W); sizes are an int or a pair, the stride is the window unless given.

    Padded zeros count unless told otherwise; what sticks out beyond them in `ceil_mode` never does. `divisor_override`
    takes the place of the count. Raises as `max_pool2d` does.

    >>> import numpy as np
    >>> avg_pool2d(np.arange(16.0).reshape(1, 1, 4, 4), 2)[0, 0]
    array([[ 2.5,  4.5],
           [10.5, 12.5]])
    """
    return _avg_pooled("avg_pool2d", 2, x, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)


@floating("x")
@composite
def avg_pool3d(
    x: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Any:
    """The mean of each window of volumes (N, C, D, H, W). See `avg_pool2d`.

    >>> import numpy as np
    >>> avg_pool3d(np.arange(8.0).reshape(1, 1, 2, 2, 2), 2)
    array([[[[[3.5]]]]])
    """
    return _avg_pooled("avg_pool3d", 3, x, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)


@composite
def adaptive_max_pool1d(x: Any, output_size: Any, return_indices: bool = False) -> Any:
    """The maxima of `output_size` windows that cover a sequence evenly: (N, C, L) to (N, C, OL). See `adaptive_avg_pool2d`.

    >>> import numpy as np
    >>> adaptive_max_pool1d(np.arange(5.0).reshape(1, 1, 5), 2)
    array([[[2., 4.]]])
    """
    return _adaptive_max_pooled("adaptive_max_pool1d", 1, x, output_size, return_indices)


@composite
def adaptive_max_pool2d(x: Any, output_size: Any, return_indices: bool = False) -> Any:
    """The maxima of OH x OW windows that cover an image evenly: (N, C, H, W) to (N, C, OH, OW). See `adaptive_avg_pool2d`.

    Ties, padding and `return_indices` are as in `max_pool2d`.

    >>> import numpy as np
    >>> adaptive_max_pool2d(np.arange(12.0).reshape(1, 1, 3, 4), 2)[0, 0]
    array([[ 5.,  7.],
           [ 9., 11.]])
    """
    return _adaptive_max_pooled("adaptive_max_pool2d", 2, x, output_size, return_indices)


@composite
def adaptive_max_pool3d(x: Any, output_size: Any, return_indices: bool = False) -> Any:
    """The maxima of OD x OH x OW windows that cover a volume evenly. See `adaptive_max_pool2d`.

    >>> import numpy as np
    >>> adaptive_max_pool3d(np.arange(24.0).reshape(1, 1, 2, 3, 4), (None, 1, 1)).ravel()
    array([11., 23.])
    """
    return _adaptive_max_pooled("adaptive_max_pool3d", 3, x, output_size, return_indices)


@floating("x")
@composite
def adaptive_avg_pool1d(x: Any, output_size: Any) -> Any:
    """The means of `output_size` windows that cover a sequence evenly: (N, C, L) to (N, C, OL). See `adaptive_avg_pool2d`.

    >>> import numpy as np
    >>> adaptive_avg_pool1d(np.arange(5.0).reshape(1, 1, 5), 2)
    array([[[1., 3.]]])
    """
    return _adaptive_avg_pooled("adaptive_avg_pool1d", 1, x, output_size)


@floating("x")
@composite
def adaptive_avg_pool2d(x: Any, output_size: Any) -> Any:
    """The means of OH x OW windows that cover an image evenly: (N, C, H, W) to (N, C, OH, OW).

    `output_size` is an int or a pair, and None keeps a size; 1 is the mean of the whole image. Window i of OH covers the
    rows from floor(i*H/OH) up to ceil((i+1)*H/OH), as in PyTorch. He et al. (2014), "Spatial pyramid pooling".

    >>> import numpy as np
    >>> adaptive_avg_pool2d(np.arange(12.0).reshape(1, 1, 3, 4), (2, 2))[0, 0]
    array([[2.5, 4.5],
           [6.5, 8.5]])
    """
    return _adaptive_avg_pooled("adaptive_avg_pool2d", 2, x, output_size)


@floating("x")
@composite
def adaptive_avg_pool3d(x: Any, output_size: Any) -> Any:
    """The means of OD x OH x OW windows that cover a volume evenly. See `adaptive_avg_pool2d`.

    >>> import numpy as np
    >>> adaptive_avg_pool3d(np.arange(24.0).reshape(1, 1, 2, 3, 4), (None, 1, 1)).ravel()
    array([ 5.5, 17.5])
    """
    return _adaptive_avg_pooled("adaptive_avg_pool3d", 3, x, output_size)


def _max_pooled(
    op: str,
    n: int,
    x: Any,
    size: Any,
    stride: Any,
    padding: Any,
    dilation: Any,
    ceil_mode: bool,
    return_indices: bool,
) -> Any:
    return _maxima(x, _windows(op, n, image_shape(op, n, x), size, stride, padding, dilation, ceil_mode), return_indices)


def _adaptive_max_pooled(op: str, n: int, x: Any, output_size: Any, return_indices: bool) -> Any:
    return _maxima(x, _even_windows(op, n, image_shape(op, n, x), output_size), return_indices)


def _maxima(x: Any, every: list[Windows], return_indices: bool) -> Any:
    """The maxima of the windows along each axis, and where they lie if asked for."""
    size = x.shape[2:]
    places: Any = np.broadcast_to(np.arange(math.prod(size)).reshape(size), x.shape) if return_indices else None
    for along in reversed(every):
        maxima = max_windows(x, along)
        if return_indices:
            places = pick(places, x, maxima, along)
        x = maxima
    return (x, places) if return_indices else x


def _avg_pooled(
    op: str,
    n: int,
    x: Any,
    size: Any,
    stride: Any,
    padding: Any,
    ceil_mode: bool,
    count_include_pad: bool,
    divisor_override: int | None,
) -> Any:
    if divisor_override is not None and not (isinstance(divisor_override, int | np.integer) and divisor_override):
        raise ValueError(f"{op}: divisor_override must be an int other than 0, got {divisor_override!r}")
    every = _windows(op, n, image_shape(op, n, x), size, stride, padding, 1, ceil_mode)
    counts = [_counts(along, x.shape[along.axis], count_include_pad) for along in every]
    return _sums(x, every) / (divisor_override or _products(counts, x.dtype))


def _adaptive_avg_pooled(op: str, n: int, x: Any, output_size: Any) -> Any:
    every = _even_windows(op, n, image_shape(op, n, x), output_size)
    counts = [_counts(along, x.shape[along.axis], False) for along in every]
    return _sums(x, every) / _products(counts, x.dtype)


def _sums(x: Any, every: list[Windows]) -> Any:
    for along in reversed(every):
        x = sum_windows(x, along)
    return x


def _counts(along: Windows, n: int, count_include_pad: bool) -> Array:
    """How many places of each window along an axis of size `n` lie inside it, or inside its padding."""
    counts = []
    for size, stride, padding, _, count in along.runs:
        start = np.arange(count) * stride - padding
        low, high = (start, n + padding) if count_include_pad else (np.maximum(start, 0), n)
        counts.append(np.minimum(start + size, high) - low)
    return np.concatenate(counts)


def _products(counts: list[Array], dtype: Any) -> Any:
    """How many elements each window has, from the counts along each axis: a number where all have the same."""
    if all((along == along[0]).all() for along in counts):
        return math.prod(int(along[0]) for along in counts)
    return reduce(np.multiply.outer, counts).astype(dtype)


def _windows(
    op: str, n: int, shape: Sizes, size: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool
) -> list[Windows]:
    """The windows along each spatial axis; raises where they make no sense."""
    size = per_axis(op, "kernel_size", size, n, 1)
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


def _even_windows(op: str, n: int, shape: Sizes, output_size: Any) -> list[Windows]:
    """The windows that cover each spatial axis evenly: a run of equal ones, or one by one where the size is no multiple."""
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
