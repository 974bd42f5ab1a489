"""Convolution in one, two and three dimensions, its transpose, and the windows both are made of.

One trilinear form, T(x, w, y) = sum over w[f, c, k] x[n, c, o*S + k*D - P] y[n, f, o], gives three operations: `convolution`
is its derivative by y, `transposed_convolution` by x, `weight_convolution` by w. So the gradient rules of each are the other
two, and every order of derivative follows. Memory is batch innermost throughout (kernels/windows.py).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad.errors import ShapeError
from minigrad.kernels import convolution as kernel
from minigrad.kernels import windows as gather
from minigrad.kernels.windows import Padding, Sizes
from minigrad.ops.reduction import sum
from minigrad.ops.shape import permute, reshape
from minigrad.primitive import Array, composite, primitive, shape_of

__all__ = [
    "col2im", "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d", "fold", "im2col",
    "output_size", "unfold",
]  # fmt: skip

IMAGES = {1: "(N, C, L)", 2: "(N, C, H, W)", 3: "(N, C, D, H, W)"}
KERNELS = {1: "K", 2: "KH, KW", 3: "KD, KH, KW"}
TUPLES = {1: "a tuple of one", 2: "a pair of ints", 3: "a triple of ints"}


@primitive
def convolution(
    x: Array, weight: Array, bias: Array | None, stride: Sizes, padding: Padding, dilation: Sizes, groups: int
) -> Array:
    """Slide weights (F, C/groups, *K) over images (N, C, *S): (N, F, *O), plus a bias (F,)."""
    return kernel.convolve(x, weight, bias, stride, padding, dilation, groups)


@primitive
def transposed_convolution(
    y: Array, weight: Array, size: Sizes, stride: Sizes, padding: Padding, dilation: Sizes, groups: int
) -> Array:
    """Add weights (F, C/groups, *K), times y (N, F, *O), up into images (N, C, *size)."""
    return kernel.convolve_transposed(y, weight, size, stride, padding, dilation, groups)


@primitive
def weight_convolution(
    x: Array, y: Array, size: Sizes, stride: Sizes, padding: Padding, dilation: Sizes, groups: int
) -> Array:
    """Add the windows of images x (N, C, *S), times y (N, F, *O), up into weights (F, C/groups, *size)."""
    return kernel.convolve_for_weight(x, y, size, stride, padding, dilation, groups)


@convolution.gradient("x")
def _(g: Any, weight: Any, shape: Sizes, stride: Sizes, padding: Padding, dilation: Sizes, groups: int) -> Any:
    return transposed_convolution(g, weight, shape[2:], stride, padding, dilation, groups)


@convolution.gradient("weight")
def _(g: Any, x: Any, shape: Sizes, stride: Sizes, padding: Padding, dilation: Sizes, groups: int) -> Any:
    return weight_convolution(x, g, shape[2:], stride, padding, dilation, groups)


@convolution.gradient("bias")
def _(g: Any) -> Any:
    return sum(g, (0, *range(2, g.ndim)))


@transposed_convolution.gradient("y")
def _(g: Any, weight: Any, stride: Sizes, padding: Padding, dilation: Sizes, groups: int) -> Any:
    return convolution(g, weight, None, stride, padding, dilation, groups)


@transposed_convolution.gradient("weight")
def _(g: Any, y: Any, shape: Sizes, stride: Sizes, padding: Padding, dilation: Sizes, groups: int) -> Any:
    return weight_convolution(g, y, shape[2:], stride, padding, dilation, groups)


@weight_convolution.gradient("x")
def _(g: Any, y: Any, shape: Sizes, stride: Sizes, padding: Padding, dilation: Sizes, groups: int) -> Any:
    return transposed_convolution(y, g, shape[2:], stride, padding, dilation, groups)


@weight_convolution.gradient("y")
def _(g: Any, x: Any, stride: Sizes, padding: Padding, dilation: Sizes, groups: int) -> Any:
    return convolution(x, g, None, stride, padding, dilation, groups)


@primitive
def windows(x: Array, size: Sizes, stride: Sizes, padding: Padding, dilation: Sizes) -> Array:
    """Every window of images (N, C, *S) over zeros, as (C, *K, *O, N); adjoint of `overlap_add`."""
    return gather.gather_windows(x, size, stride, padding, dilation)


@primitive
def overlap_add(cols: Array, size: Sizes, stride: Sizes, padding: Padding, dilation: Sizes) -> Array:
    """Add windows (C, *K, *O, N) up into images (N, C, *size); adjoint of `windows`."""
    return gather.overlap_add(cols, size, stride, padding, dilation)


@windows.gradient("x")
def _(g: Any, shape: Sizes, stride: Sizes, padding: Padding, dilation: Sizes) -> Any:
    return overlap_add(g, shape[2:], stride, padding, dilation)


@overlap_add.gradient("cols")
def _(g: Any, shape: Sizes, stride: Sizes, padding: Padding, dilation: Sizes) -> Any:
    return windows(g, shape[1 : 1 + len(stride)], stride, padding, dilation)


@composite
def conv1d(
    x: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
    *,
    rounding: str = "floor",
) -> Any:
    """Slide kernels (F, C/groups, K) over sequences (cross-correlation): (N, C, L) to (N, F, OL). See `conv2d`.

    >>> import numpy as np
    >>> conv1d(np.array([[[1.0, 2.0, 4.0]]]), np.array([[[-1.0, 1.0]]]))
    array([[[1., 2.]]])
    """
    return _convolved("conv1d", 1, x, weight, bias, stride, padding, dilation, groups, rounding)


@composite
def conv2d(
    x: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
    *,
    rounding: str = "floor",
) -> Any:
    """Slide kernels over images (cross-correlation): (N, C, H, W) to (N, F, OH, OW).

    `weight` is (F, C/groups, KH, KW), `bias` (F,); stride, padding and dilation are an int or a pair (height, width).
    OH = floor((H + 2P - D(KH-1) - 1) / S) + 1. Padding "valid" is none; "same", with stride 1, is as much as keeps the
    size, the odd one behind. Channels in `groups` see only the kernels of their group; groups = C is depthwise.

    Raises ShapeError where shapes do not fit, and with ``rounding="exact"`` also where windows would leave a border of the
    input uncovered; ValueError or TypeError for options that are not positive ints. Dumoulin and Visin (2016), "A guide to
    convolution arithmetic for deep learning".

    >>> import numpy as np
    >>> conv2d(np.ones((1, 1, 3, 3)), np.ones((1, 1, 2, 2)), stride=1)[0, 0]
    array([[4., 4.],
           [4., 4.]])
    """
    return _convolved("conv2d", 2, x, weight, bias, stride, padding, dilation, groups, rounding)


@composite
def conv3d(
    x: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
    *,
    rounding: str = "floor",
) -> Any:
    """Slide kernels (F, C/groups, KD, KH, KW) over volumes: (N, C, D, H, W) to (N, F, OD, OH, OW). See `conv2d`.

    >>> import numpy as np
    >>> conv3d(np.ones((1, 2, 5, 6, 7)), np.ones((4, 2, 3, 3, 3)), padding=1).shape
    (1, 4, 5, 6, 7)
    """
    return _convolved("conv3d", 3, x, weight, bias, stride, padding, dilation, groups, rounding)


@composite
def conv_transpose1d(
    x: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Any:
    """The adjoint of `conv1d`, plus a bias: (N, C, L) and weights (C, F/groups, K) to (N, F, OL). See `conv_transpose2d`.

    >>> import numpy as np
    >>> conv_transpose1d(np.array([[[1.0, 2.0]]]), np.array([[[1.0, 1.0, 1.0]]]))
    array([[[1., 3., 3., 2.]]])
    """
    return _transposed("conv_transpose1d", 1, x, weight, bias, stride, padding, output_padding, groups, dilation)


@composite
def conv_transpose2d(
    x: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Any:
    """The adjoint of `conv2d`, plus a bias: (N, C, H, W) and weights (C, F/groups, KH, KW) to (N, F, OH, OW).

    OH = (H-1)*S - 2P + D(KH-1) + output_padding + 1. A stride makes several sizes convolve to one: `output_padding`, less
    than stride or dilation, tells which is meant. Raises as `conv2d` does. Zeiler et al. (2010).

    >>> import numpy as np
    >>> conv_transpose2d(np.ones((1, 1, 2, 2)), np.ones((1, 1, 2, 2)), stride=2).shape
    (1, 1, 4, 4)
    """
    return _transposed("conv_transpose2d", 2, x, weight, bias, stride, padding, output_padding, groups, dilation)


@composite
def conv_transpose3d(
    x: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Any:
    """The adjoint of `conv3d`, plus a bias: (N, C, D, H, W) and weights (C, F/groups, KD, KH, KW) to (N, F, OD, OH, OW).

    See `conv_transpose2d`.

    >>> import numpy as np
    >>> conv_transpose3d(np.ones((1, 4, 2, 2, 2)), np.ones((4, 3, 2, 2, 2)), stride=2).shape
    (1, 3, 4, 4, 4)
    """
    return _transposed("conv_transpose3d", 3, x, weight, bias, stride, padding, output_padding, groups, dilation)


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
    pads = _both_sides(per_axis(op, "padding", padding, 2, 0))
    _sizes(op, shape[2:], size, stride, pads, dilation)
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
    pads = _both_sides(per_axis(op, "padding", padding, 2, 0))
    O = _sizes(op, images, size, stride, pads, dilation)
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
    pads = _both_sides(per_axis(op, "pad", pad, 2, 0))
    _sizes(op, shape[2:], size, stride, pads, (1, 1))
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
    pads = _both_sides(per_axis(op, "pad", pad, 2, 0))
    if len(input_shape) != 4:
        raise ShapeError(f"{op}: input_shape must be {IMAGES[2]}, got {tuple(input_shape)}")
    N, C, *S = input_shape
    O = _sizes(op, tuple(S), size, stride, pads, (1, 1))
    wanted = N * math.prod(O), C * math.prod(size)
    if shape_of(col) != wanted:
        raise ShapeError(
            f"{op}: the matrix of {N} images of {(C, *S)} with {size[0]}x{size[1]} windows is {wanted}, "
            f"got shape {shape_of(col)}"
        )
    cols = permute(reshape(col, (N, *O, C, *size)), (3, 4, 5, 1, 2, 0))
    return overlap_add(cols, tuple(S), stride, pads, (1, 1))


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
    if size < 1:
        raise ShapeError(f"{op}: the input has size 0")
    extent = dilation * (kernel - 1) + 1
    room = size + 2 * padding - extent
    if room < 0:
        raise ShapeError(
            f"{op}: the window is larger than the padded input: {extent} > {size} + 2*{padding}\n"
            f"  window  {kernel} with dilation {dilation} spans {extent}"
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


def per_axis(op: str, name: str, value: Any, n: int, least: int) -> Sizes:
    """An int, or a tuple of one for each of `n` axes, as a tuple; raises TypeError or ValueError for anything else.

    >>> per_axis("conv2d", "stride", 2, 2, 1)
    (2, 2)
    """
    values = [value] * n if isinstance(value, int | np.integer) else value
    if not isinstance(values, tuple | list) or any(
        isinstance(v, bool) or not isinstance(v, int | np.integer) for v in values
    ):
        raise TypeError(f"{op}: {name} must be an int or {TUPLES[n]}, got {value!r}")
    if len(values) != n:
        raise ValueError(f"{op}: {name} must be an int or {TUPLES[n]}, got {len(values)} of them: {value!r}")
    if min(values) < least:
        raise ValueError(f"{op}: {name} must be at least {least}, got {value!r}")
    return tuple([int(v) for v in values])


def image_shape(op: str, n: int, x: Any) -> Sizes:
    """The shape of a batch with `n` spatial axes; raises ShapeError for anything else."""
    shape = shape_of(x)
    if len(shape) == n + 2:
        return shape
    hint = f"\n  hint: one without its batch axis is x[None], {(1, *shape)}" if len(shape) == n + 1 else ""
    raise ShapeError(f"{op}: input must be {IMAGES[n]}, got shape {shape}{hint}")


def _convolved(
    op: str,
    n: int,
    x: Any,
    weight: Any,
    bias: Any,
    stride: Any,
    padding: Any,
    dilation: Any,
    groups: int,
    rounding: str,
) -> Any:
    stride, dilation = per_axis(op, "stride", stride, n, 1), per_axis(op, "dilation", dilation, n, 1)
    shape, (F, C, *size) = image_shape(op, n, x), _weight_shape(op, n, weight, "F", "C", groups)
    pads = _padding(op, n, padding, tuple(size), stride, dilation)
    _check_groups(op, groups, F, "kernels")
    if shape[1] != C * groups:
        rule = f"{C}" if groups == 1 else f"{C} in each of {groups} groups, {C * groups}"
        raise ShapeError(
            f"{op}: input has {shape[1]} channels, the weight expects {rule}\n"
            f"  input   {shape}  = {IMAGES[n]}\n  weight  {shape_of(weight)}  = {_axes(n, 'F', 'C', groups)}"
        )
    _check_bias(op, bias, F)
    _sizes(op, shape[2:], tuple(size), stride, pads, dilation, rounding)
    return convolution(x, weight, bias, stride, pads, dilation, groups)


def _transposed(
    op: str,
    n: int,
    x: Any,
    weight: Any,
    bias: Any,
    stride: Any,
    padding: Any,
    output_padding: Any,
    groups: int,
    dilation: Any,
) -> Any:
    stride, dilation = per_axis(op, "stride", stride, n, 1), per_axis(op, "dilation", dilation, n, 1)
    padding, behind = per_axis(op, "padding", padding, n, 0), per_axis(op, "output_padding", output_padding, n, 0)
    shape, (C, F, *size) = image_shape(op, n, x), _weight_shape(op, n, weight, "C", "F", groups)
    _check_groups(op, groups, C, "channels")
    if shape[1] != C:
        raise ShapeError(
            f"{op}: input has {shape[1]} channels, the weight expects {C}\n"
            f"  input   {shape}  = {IMAGES[n]}\n  weight  {shape_of(weight)}  = {_axes(n, 'C', 'F', groups)}"
        )
    _check_bias(op, bias, F * groups)
    if 0 in shape[2:]:
        raise ShapeError(f"{op}: the input has size 0: {shape} = {IMAGES[n]}")
    out = []
    for i, k, s, p, extra, d in zip(shape[2:], size, stride, padding, behind, dilation, strict=True):
        if extra >= max(s, d):
            raise ValueError(f"{op}: output_padding must be less than stride {s} or dilation {d}, got {output_padding}")
        out.append((i - 1) * s - 2 * p + d * (k - 1) + extra + 1)
        if out[-1] < 1:
            raise ShapeError(f"{op}: the output has no size: ({i}-1)*{s} - 2*{p} + {d}*({k}-1) + {extra} + 1 = {out[-1]}")
    pads = tuple((p, p - extra) for p, extra in zip(padding, behind, strict=True))
    y = transposed_convolution(x, weight, tuple(out), stride, pads, dilation, groups)
    return y if bias is None else y + reshape(bias, (F * groups, *[1] * n))


def _sizes(
    op: str, size: Sizes, window: Sizes, stride: Sizes, padding: Padding, dilation: Sizes, rounding: str = "floor"
) -> Sizes:
    """How many windows fit along each axis; raises ShapeError where none does."""
    return tuple(
        output_size(n, k, s, max(p), d, rounding, op)
        for n, k, s, p, d in zip(size, window, stride, padding, dilation, strict=True)
    )


def _padding(op: str, n: int, padding: Any, size: Sizes, stride: Sizes, dilation: Sizes) -> Padding:
    """Padding as (before, after) for each axis, from an int, a tuple, "valid" or "same"."""
    if not isinstance(padding, str):
        return _both_sides(per_axis(op, "padding", padding, n, 0))
    if padding == "valid":
        return ((0, 0),) * n
    if padding != "same":
        raise ValueError(f'{op}: padding must be "same", "valid", an int or {TUPLES[n]}, got {padding!r}')
    if max(stride) > 1:
        raise ValueError(f'{op}: padding="same" needs stride 1, got {stride}')
    extents = [d * (k - 1) for k, d in zip(size, dilation, strict=True)]
    return tuple((extent // 2, extent - extent // 2) for extent in extents)


def _both_sides(padding: Sizes) -> Padding:
    return tuple((p, p) for p in padding)


def _weight_shape(op: str, n: int, weight: Any, first: str, second: str, groups: int) -> Sizes:
    shape, axes = shape_of(weight), _axes(n, first, second, groups)
    if len(shape) != n + 2:
        raise ShapeError(f"{op}: weight must be {axes}, got shape {shape}")
    if 0 in shape:
        name = axes.strip("()").split(", ")[shape.index(0)]
        raise ShapeError(f"{op}: weight {shape} = {axes} has no elements: {name} is 0")
    return shape


def _axes(n: int, first: str, second: str, groups: int) -> str:
    return f"({first}, {second}{'/groups' if groups != 1 else ''}, {KERNELS[n]})"


def _check_groups(op: str, groups: Any, count: int, of_what: str) -> None:
    if isinstance(groups, bool) or not isinstance(groups, int | np.integer):
        raise TypeError(f"{op}: groups must be an int, got {groups!r}")
    if groups < 1:
        raise ValueError(f"{op}: groups must be at least 1, got {groups}")
    if count % groups:
        raise ShapeError(f"{op}: the weight's {count} {of_what} do not divide into {groups} groups")


def _check_bias(op: str, bias: Any, F: int) -> None:
    if bias is not None and shape_of(bias) != (F,):
        raise ShapeError(f"{op}: bias must be ({F},) = (F,), got shape {shape_of(bias)}")
