"""The windows of images as matrices and columns, and their adjoints, which add up where windows overlap."""

from __future__ import annotations

import math
from typing import Any

from minigrad.arrays import Array, shape_of
from minigrad.engine.composite import composite
from minigrad.engine.primitive import primitive
from minigrad.errors import ShapeError
from minigrad.kernels import windows as kernel
from minigrad.kernels.geometry import IMAGES, both_sides, image_shape, output_size, output_sizes, per_axis
from minigrad.kernels.windows import Padding, Sizes
from minigrad.ops.shape import permute, reshape

__all__ = ["col2im", "fold", "im2col", "output_size", "unfold"]


@primitive
def windows(x: Array, size: Sizes, stride: Sizes, padding: Padding, dilation: Sizes) -> Array:
    """Every window of images (N, C, *S) over zeros, as (C, *K, *O, N); adjoint of `overlap_add`."""
    return kernel.gather_windows(x, size, stride, padding, dilation)


@primitive
def overlap_add(cols: Array, size: Sizes, stride: Sizes, padding: Padding, dilation: Sizes) -> Array:
    """Add windows (C, *K, *O, N) up into images (N, C, *size); adjoint of `windows`."""
    return kernel.overlap_add(cols, size, stride, padding, dilation)


@windows.gradient("x")
def _(g: Any, shape: Sizes, stride: Sizes, padding: Padding, dilation: Sizes) -> Any:
    return overlap_add(g, shape[2:], stride, padding, dilation)


@overlap_add.gradient("cols")
def _(g: Any, shape: Sizes, stride: Sizes, padding: Padding, dilation: Sizes) -> Any:
    return windows(g, shape[1 : 1 + len(stride)], stride, padding, dilation)


@composite
def unfold(x: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Any:
    """The windows of images (N, C, H, W) as columns: (N, C*KH*KW, OH*OW). Adjoint of `fold`; see also `im2col`.

    >>> import numpy as np
    >>> unfold(np.arange(6.0).reshape(1, 1, 2, 3), 2)
    array([[[0., 1.],
            [1., 2.],
            [3., 4.],
            [4., 5.]]])
    """
    op = "unfold"
    shape = image_shape(op, 2, x)
    size, stride = per_axis(op, "kernel_size", kernel_size, 2, 1), per_axis(op, "stride", stride, 2, 1)
    dilation = per_axis(op, "dilation", dilation, 2, 1)
    pads = both_sides(per_axis(op, "padding", padding, 2, 0))
    output_sizes(op, shape[2:], size, stride, pads, dilation)
    cols = windows(x, size, stride, pads, dilation)
    C, KH, KW, OH, OW, N = cols.shape
    return reshape(permute(cols, (5, 0, 1, 2, 3, 4)), (N, C * KH * KW, OH * OW))


@composite
def fold(x: Any, output_size: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Any:
    """Columns (N, C*KH*KW, OH*OW) added up into images (N, C, *output_size), where windows overlap; adjoint of `unfold`.

    >>> import numpy as np
    >>> fold(np.ones((1, 4, 2)), (2, 3), 2)
    array([[[[1., 2., 1.],
             [1., 2., 1.]]]])
    """
    op = "fold"
    shape, images = shape_of(x), per_axis(op, "output_size", output_size, 2, 1)
    size, stride = per_axis(op, "kernel_size", kernel_size, 2, 1), per_axis(op, "stride", stride, 2, 1)
    dilation = per_axis(op, "dilation", dilation, 2, 1)
    pads = both_sides(per_axis(op, "padding", padding, 2, 0))
    O = output_sizes(op, images, size, stride, pads, dilation)
    places, positions = math.prod(size), math.prod(O)
    if len(shape) != 3 or shape[1] % places or shape[2] != positions:
        raise ShapeError(
            f"{op}: input must be (N, C*{places}, {positions}) for {size} windows of {images} images, got shape {shape}"
        )
    cols = permute(reshape(x, (shape[0], shape[1] // places, *size, *O)), (1, 2, 3, 4, 5, 0))
    return overlap_add(cols, images, stride, pads, dilation)


@composite
def im2col(x: Any, filter_h: int, filter_w: int, stride: Any = 1, pad: Any = 0) -> Any:
    """Images (N, C, H, W) as the matrix of the literature: a row per window (n, oh, ow), a column per (c, kh, kw).

    As in "Deep Learning from Scratch", 7.4.3. Adjoint of `col2im`.

    >>> import numpy as np
    >>> im2col(np.ones((1, 3, 7, 7)), 5, 5).shape, im2col(np.ones((10, 3, 7, 7)), 5, 5).shape
    ((9, 75), (90, 75))
    """
    op = "im2col"
    shape = image_shape(op, 2, x)
    size, stride = per_axis(op, "filter size", (filter_h, filter_w), 2, 1), per_axis(op, "stride", stride, 2, 1)
    pads = both_sides(per_axis(op, "pad", pad, 2, 0))
    output_sizes(op, shape[2:], size, stride, pads, (1, 1))
    cols = windows(x, size, stride, pads, (1, 1))
    C, KH, KW, OH, OW, N = cols.shape
    return reshape(permute(cols, (5, 3, 4, 0, 1, 2)), (N * OH * OW, C * KH * KW))


@composite
def col2im(col: Any, input_shape: Sizes, filter_h: int, filter_w: int, stride: Any = 1, pad: Any = 0) -> Any:
    """Add the rows of an `im2col` matrix up into images of `input_shape`, where windows overlap; adjoint of `im2col`.

    >>> import numpy as np
    >>> col2im(np.ones((4, 4)), (1, 1, 3, 3), 2, 2)[0, 0]
    array([[1., 2., 1.],
           [2., 4., 2.],
           [1., 2., 1.]])
    """
    op = "col2im"
    size, stride = per_axis(op, "filter size", (filter_h, filter_w), 2, 1), per_axis(op, "stride", stride, 2, 1)
    pads = both_sides(per_axis(op, "pad", pad, 2, 0))
    if len(input_shape) != 4:
        raise ShapeError(f"{op}: input_shape must be {IMAGES[2]}, got {tuple(input_shape)}")
    N, C, *S = input_shape
    O = output_sizes(op, tuple(S), size, stride, pads, (1, 1))
    wanted = N * math.prod(O), C * math.prod(size)
    if shape_of(col) != wanted:
        raise ShapeError(
            f"{op}: the matrix of {N} images of {(C, *S)} with {size[0]}x{size[1]} windows is {wanted}, "
            f"got shape {shape_of(col)}"
        )
    cols = permute(reshape(col, (N, *O, C, *size)), (3, 4, 5, 1, 2, 0))
    return overlap_add(cols, tuple(S), stride, pads, (1, 1))
