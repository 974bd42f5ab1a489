"""The windows of images as columns or as a matrix, and the adjoints, which accumulate where windows overlap."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad.arrays import Array, shape_of
from minigrad.engine.composite import composite
from minigrad.engine.primitive import primitive
from minigrad.engine.spatial import Size, unbatched
from minigrad.errors import ShapeError
from minigrad.kernels import windows as kernel
from minigrad.kernels.axes import one_axis
from minigrad.kernels.geometry import IMAGES, both_sides, image_shape, output_size, output_sizes, per_axis
from minigrad.kernels.windows import Padding, Sizes
from minigrad.ops.indexing import add_at
from minigrad.ops.shape import moveaxis, permute, reshape

__all__ = ["col2im", "fold", "im2col", "output_size", "unfold"]


@primitive
def windows(x: Array, size: Sizes, stride: Sizes, padding: Padding, dilation: Sizes) -> Array:
    """Return every window of images (N, C, *S), padded with zeros, as (C, *K, *O, N); adjoint of `overlap_add`."""
    return kernel.gather_windows(x, size, stride, padding, dilation)


@primitive
def overlap_add(cols: Array, size: Sizes, stride: Sizes, padding: Padding, dilation: Sizes) -> Array:
    """Accumulate windows (C, *K, *O, N) into images (N, C, *size); adjoint of `windows`."""
    return kernel.overlap_add(cols, size, stride, padding, dilation)


@windows.gradient("x")
def _(g: Any, shape: Sizes, stride: Sizes, padding: Padding, dilation: Sizes) -> Any:
    return overlap_add(g, shape[2:], stride, padding, dilation)


@overlap_add.gradient("cols")
def _(g: Any, shape: Sizes, stride: Sizes, padding: Padding, dilation: Sizes) -> Any:
    return windows(g, shape[1 : 1 + len(stride)], stride, padding, dilation)


@primitive
def moving_windows(x: Array, dimension: int, size: int, step: int) -> Array:
    """Return the windows of `size` elements along one axis, `step` apart, in a new last axis, without a copy.

    >>> import numpy as np
    >>> moving_windows(np.arange(5), 0, 3, 2)
    array([[0, 1, 2],
           [2, 3, 4]])
    """
    axis = one_axis("unfold", dimension, x.ndim)
    row = x if x.ndim else x.reshape(1)
    n = row.shape[axis]
    if not 0 <= size <= n or not step > 0:
        raise ValueError(
            f"unfold: size must be within 0 and {n}, the size of axis {axis}, and step at least 1, "
            f"got size {size} and step {step}"
        )
    strided = np.lib.stride_tricks.sliding_window_view(row, size, axis)[(slice(None),) * axis + (slice(None, None, step),)]
    return strided if x.ndim else strided[0]


moving_windows.is_view = True


@moving_windows.gradient("x")
def _(g: Any, shape: Sizes, dimension: int, size: int, step: int) -> Any:
    axis, g = (dimension % len(shape), g) if shape else (0, reshape(g, (1, size)))
    at = np.arange(shape_of(g)[axis])[:, None] * step + np.arange(size)
    gx = add_at(moveaxis(g, -1, axis + 1), (slice(None),) * axis + (at,), shape or (1,))
    return gx if shape else reshape(gx, ())


@composite
def unfold(x: Any, kernel_size: Size, dilation: Size = 1, padding: Size = 0, stride: Size = 1) -> Any:
    """Return the windows of images as columns: (N, C, H, W) to (N, C*KH*KW, OH*OW). Adjoint of `fold`; see also `im2col`.

    `kernel_size` (KH, KW), `dilation`, `padding` and `stride` are an int or a pair (height, width), as in `conv2d`. One
    image (C, H, W) has columns (C*KH*KW, OH*OW).

    >>> import numpy as np
    >>> unfold(np.arange(6.0).reshape(1, 1, 2, 3), 2)
    array([[[0., 1.],
            [1., 2.],
            [3., 4.],
            [4., 5.]]])
    """
    cols = _gathered("unfold", x, *_options("unfold", kernel_size, stride, padding, dilation))
    C, KH, KW, OH, OW, N = cols.shape
    batch = (N,) if len(shape_of(x)) == 4 else ()
    return reshape(permute(cols, (5, 0, 1, 2, 3, 4)), (*batch, C * KH * KW, OH * OW))


@composite
def fold(x: Any, output_size: Size, kernel_size: Size, dilation: Size = 1, padding: Size = 0, stride: Size = 1) -> Any:
    """Accumulate columns (N, C*KH*KW, OH*OW) into images (N, C, *output_size); adjoint of `unfold`.

    The options are those of `unfold`; columns without the batch axis make one image. Elements add up where windows overlap.

    >>> import numpy as np
    >>> fold(np.ones((1, 4, 2)), (2, 3), 2)
    array([[[[1., 2., 1.],
             [1., 2., 1.]]]])
    """
    op = "fold"
    if len(shape_of(x)) == 2:
        return unbatched(fold, x, output_size, kernel_size, dilation, padding, stride)
    shape, images = shape_of(x), per_axis(op, "output_size", output_size, 2, 1)
    size, stride, pads, dilation = _options(op, kernel_size, stride, padding, dilation)
    O = output_sizes(op, images, size, stride, pads, dilation)
    places, positions = math.prod(size), math.prod(O)
    if len(shape) != 3 or shape[1] % places or shape[2] != positions:
        raise ShapeError(
            f"{op}: input must be (N, C*{places}, {positions}) for {size} windows of {images} images, got shape {shape}"
        )
    cols = permute(reshape(x, (shape[0], shape[1] // places, *size, *O)), (1, 2, 3, 4, 5, 0))
    return overlap_add(cols, images, stride, pads, dilation)


@composite
def im2col(x: Any, filter_h: int, filter_w: int, stride: Size = 1, pad: Size = 0) -> Any:
    """Return images (N, C, H, W) as a matrix: a row for each window (n, oh, ow), a column for each (c, kh, kw).

    `filter_h` and `filter_w` are ints, `stride` and `pad` an int or a pair (height, width). As in "Deep Learning from
    Scratch", 7.4.3. Adjoint of `col2im`.

    >>> import numpy as np
    >>> im2col(np.ones((1, 3, 7, 7)), 5, 5).shape, im2col(np.ones((10, 3, 7, 7)), 5, 5).shape
    ((9, 75), (90, 75))
    """
    op = "im2col"
    cols = _gathered(op, x, *_options(op, (filter_h, filter_w), stride, pad, names=("filter size", "pad")))
    C, KH, KW, OH, OW, N = cols.shape
    return reshape(permute(cols, (5, 3, 4, 0, 1, 2)), (N * OH * OW, C * KH * KW))


@composite
def col2im(col: Any, input_shape: Sizes, filter_h: int, filter_w: int, stride: Size = 1, pad: Size = 0) -> Any:
    """Accumulate the rows of an `im2col` matrix into images of `input_shape`, where windows overlap; adjoint of `im2col`.

    >>> import numpy as np
    >>> col2im(np.ones((4, 4)), (1, 1, 3, 3), 2, 2)[0, 0]
    array([[1., 2., 1.],
           [2., 4., 2.],
           [1., 2., 1.]])
    """
    op = "col2im"
    size, stride, pads, dilation = _options(op, (filter_h, filter_w), stride, pad, names=("filter size", "pad"))
    if len(input_shape) != 4:
        raise ShapeError(f"{op}: input_shape must be {IMAGES[2]}, got {tuple(input_shape)}")
    N, C, *S = input_shape
    O = output_sizes(op, tuple(S), size, stride, pads, dilation)
    wanted = N * math.prod(O), C * math.prod(size)
    if shape_of(col) != wanted:
        raise ShapeError(
            f"{op}: the matrix of {N} images of {(C, *S)} with {size[0]}x{size[1]} windows is {wanted}, "
            f"got shape {shape_of(col)}"
        )
    cols = permute(reshape(col, (N, *O, C, *size)), (3, 4, 5, 1, 2, 0))
    return overlap_add(cols, tuple(S), stride, pads, dilation)


def _options(
    op: str, size: Any, stride: Any, padding: Any, dilation: Any = 1, names: tuple[str, str] = ("kernel_size", "padding")
) -> tuple[Sizes, Sizes, Padding, Sizes]:
    """Return size, stride, padding and dilation for each axis; `names` are those of size and padding in errors."""
    size, stride = per_axis(op, names[0], size, 2, 1), per_axis(op, "stride", stride, 2, 1)
    return size, stride, both_sides(per_axis(op, names[1], padding, 2, 0)), per_axis(op, "dilation", dilation, 2, 1)


def _gathered(op: str, x: Any, size: Sizes, stride: Sizes, padding: Padding, dilation: Sizes) -> Any:
    """Return the windows of a batch of images, or of one. Raises ShapeError for anything else, or if no window fits."""
    x = reshape(x, (1, *shape_of(x))) if len(shape_of(x)) == 3 else x
    output_sizes(op, image_shape(op, 2, x)[2:], size, stride, padding, dilation)
    return windows(x, size, stride, padding, dilation)
