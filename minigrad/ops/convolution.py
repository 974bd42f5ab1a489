"""Convolution in one, two and three dimensions, and its transpose.

The derivatives of one trilinear form, T(x, w, y) = sum over w[f, c, k] x[n, c, o*S + k*D - P] y[n, f, o], are three
operations: with respect to y, `convolution`; to x, `transposed_convolution`; to w, `weight_convolution`. So the gradient
rules of each are the other two, and derivatives of every order follow. Arrays are batch innermost in memory
(kernels/windows.py).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.arrays import Array, shape_of
from minigrad.engine.primitive import primitive
from minigrad.engine.promotion import promoting
from minigrad.engine.spatial import Size, Value, over_axes
from minigrad.errors import ShapeError
from minigrad.kernels import convolution as kernel
from minigrad.kernels.geometry import IMAGES, KERNELS, image_shape, output_sizes, per_axis, window_padding
from minigrad.kernels.windows import Padding, Sizes
from minigrad.ops.reduction import sum
from minigrad.ops.shape import reshape

__all__ = ["conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d"]


@promoting("x", "weight", "bias")
@primitive
def convolution(
    x: Array, weight: Array, bias: Array | None, stride: Sizes, padding: Padding, dilation: Sizes, groups: int
) -> Array:
    """Convolve images (N, C, *S) with weights (F, C/groups, *K) and add a bias (F,): (N, F, *O)."""
    return kernel.convolve(x, weight, bias, stride, padding, dilation, groups)


@promoting("y", "weight")
@primitive
def transposed_convolution(
    y: Array, weight: Array, size: Sizes, stride: Sizes, padding: Padding, dilation: Sizes, groups: int
) -> Array:
    """Accumulate weights (F, C/groups, *K), times y (N, F, *O), into images (N, C, *size)."""
    return kernel.convolve_transposed(y, weight, size, stride, padding, dilation, groups)


@promoting("x", "y")
@primitive
def weight_convolution(
    x: Array, y: Array, size: Sizes, stride: Sizes, padding: Padding, dilation: Sizes, groups: int
) -> Array:
    """Accumulate the windows of images x (N, C, *S), times y (N, F, *O), into weights (F, C/groups, *size)."""
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


def _conv(
    n: int,
    x: Value,
    weight: Any,
    bias: Any = None,
    stride: Size = 1,
    padding: Size | str = 0,
    dilation: Size = 1,
    groups: int = 1,
    *,
    rounding: str = "floor",
) -> Value:
    """Convolve images with kernels (cross-correlation): (N, C, H, W) to (N, F, OH, OW).

    OH = floor((H + 2*padding - dilation*(KH - 1) - 1) / stride) + 1. Sizes are an int or a pair (height, width).

    * `x`: images (N, C, H, W), or one image (C, H, W); also called `input`
    * `weight`: F kernels (F, C/groups, KH, KW)
    * `bias`: (F,), added to each channel of the result, or None
    * `stride`: the distance between windows
    * `padding`: the number of zeros on either side; "valid": none; "same" (stride 1 only): as many as keep the size, an odd
      one at the end
    * `dilation`: the distance between the elements of a window
    * `groups`: the number of groups of channels, each convolved with its F/groups kernels alone; groups=C is depthwise
    * `rounding`: "floor" ignores a border that no window reaches, "exact" refuses it with a ShapeError

    Raises ShapeError for shapes that do not fit together, ValueError or TypeError for sizes that are no positive ints.
    Dumoulin and Visin (2016), "A guide to convolution arithmetic for deep learning".

    >>> import numpy as np
    >>> conv1d(np.array([[[1.0, 2.0, 4.0]]]), np.array([[[-1.0, 1.0]]]))
    array([[[1., 2.]]])

    >>> import numpy as np
    >>> conv2d(np.ones((1, 1, 3, 3)), np.ones((1, 1, 2, 2)), stride=1)[0, 0]
    array([[4., 4.],
           [4., 4.]])

    >>> import numpy as np
    >>> conv3d(np.ones((1, 2, 5, 6, 7)), np.ones((4, 2, 3, 3, 3)), padding=1).shape
    (1, 4, 5, 6, 7)
    """
    op = f"conv{n}d"
    strides, dilations = per_axis(op, "stride", stride, n, 1), per_axis(op, "dilation", dilation, n, 1)
    images, size = _checked(op, n, x, weight, bias, groups, "F", "C")
    pads = window_padding(op, n, padding, size, strides, dilations)
    output_sizes(op, images, size, strides, pads, dilations, rounding)
    return convolution(x, weight, bias, strides, pads, dilations, groups)


def _conv_transpose(
    n: int,
    x: Value,
    weight: Any,
    bias: Any = None,
    stride: Size = 1,
    padding: Size = 0,
    output_padding: Size = 0,
    groups: int = 1,
    dilation: Size = 1,
) -> Value:
    """Apply the adjoint of a convolution, and add a bias: (N, C, H, W) to (N, F, OH, OW).

    OH = (H - 1)*stride - 2*padding + dilation*(KH - 1) + output_padding + 1. Sizes are an int or a pair (height, width).
    Zeiler et al. (2010), "Deconvolutional networks".

    * `x`: images (N, C, H, W), or one image (C, H, W); also called `input`
    * `weight`: (C, F/groups, KH, KW), the weight of the convolution from F to C channels
    * `bias`: (F,), added to each channel of the result, or None
    * `stride`, `padding`, `dilation`, `groups`: those of the convolution
    * `output_padding`: extra size at the end of each axis, since several sizes convolve to one; less than stride or dilation

    Raises ShapeError for shapes that do not fit together, ValueError or TypeError for sizes that are no positive ints.

    >>> import numpy as np
    >>> conv_transpose1d(np.array([[[1.0, 2.0]]]), np.array([[[1.0, 1.0, 1.0]]]))
    array([[[1., 3., 3., 2.]]])

    >>> import numpy as np
    >>> conv_transpose2d(np.ones((1, 1, 2, 2)), np.ones((1, 1, 2, 2)), stride=2).shape
    (1, 1, 4, 4)

    >>> import numpy as np
    >>> conv_transpose3d(np.ones((1, 4, 2, 2, 2)), np.ones((4, 3, 2, 2, 2)), stride=2).shape
    (1, 3, 4, 4, 4)
    """
    op = f"conv_transpose{n}d"
    strides, dilations = per_axis(op, "stride", stride, n, 1), per_axis(op, "dilation", dilation, n, 1)
    before, extras = per_axis(op, "padding", padding, n, 0), per_axis(op, "output_padding", output_padding, n, 0)
    images, size = _checked(op, n, x, weight, bias, groups, "C", "F")
    if 0 in images:
        raise ShapeError(f"{op}: the input has size 0: {shape_of(x)} = {IMAGES[n]}")
    out = []
    for i, k, s, p, extra, d in zip(images, size, strides, before, extras, dilations, strict=True):
        if extra >= max(s, d):
            raise ValueError(f"{op}: output_padding must be less than stride {s} or dilation {d}, got {output_padding}")
        out.append((i - 1) * s - 2 * p + d * (k - 1) + extra + 1)
        if out[-1] < 1:
            raise ShapeError(f"{op}: the output has no size: ({i}-1)*{s} - 2*{p} + {d}*({k}-1) + {extra} + 1 = {out[-1]}")
    pads = tuple((p, p - extra) for p, extra in zip(before, extras, strict=True))
    y = transposed_convolution(x, weight, tuple(out), strides, pads, dilations, groups)
    return y if bias is None else y + reshape(bias, (-1, *[1] * n))


conv1d, conv2d, conv3d = over_axes(_conv)
conv_transpose1d, conv_transpose2d, conv_transpose3d = [
    promoting("x", "weight", "bias")(over)  # type: ignore[type-var]
    for over in over_axes(_conv_transpose)
]


def _checked(op: str, n: int, x: Any, weight: Any, bias: Any, groups: Any, outer: str, inner: str) -> tuple[Sizes, Sizes]:
    """Return the spatial sizes of images and kernels. Raises unless input, weight, bias and groups fit together.

    `outer` and `inner` name the first two axes of the weight: F and C, or C and F if the convolution is transposed.
    """
    shape, sizes = image_shape(op, n, x), shape_of(weight)
    names = (outer, inner if groups == 1 else f"{inner}/groups", *KERNELS[n].split(", "))
    axes = f"({', '.join(names)})"
    if len(sizes) != n + 2:
        raise ShapeError(f"{op}: weight must be {axes}, got shape {sizes}")
    if 0 in sizes:
        raise ShapeError(f"{op}: weight {sizes} = {axes} has no elements: {names[sizes.index(0)]} is 0")
    if isinstance(groups, bool) or not isinstance(groups, int | np.integer):
        raise TypeError(f"{op}: groups must be an int, got {groups!r}")
    if groups < 1:
        raise ValueError(f"{op}: groups must be at least 1, got {groups}")
    if sizes[0] % groups:
        kind = "kernels" if outer == "F" else "channels"
        raise ShapeError(f"{op}: the weight's {sizes[0]} {kind} do not divide into {groups} groups")
    channels = {outer: sizes[0], inner: sizes[1] * groups}
    if shape[1] != channels["C"]:
        each = "" if groups == 1 or outer == "C" else f"{sizes[1]} in each of {groups} groups, "
        raise ShapeError(
            f"{op}: input has {shape[1]} channels, the weight expects {each}{channels['C']}\n"
            f"  input   {shape}  = {IMAGES[n]}\n  weight  {sizes}  = {axes}"
        )
    if bias is not None and shape_of(bias) != (channels["F"],):
        raise ShapeError(f"{op}: bias must be ({channels['F']},) = (F,), got shape {shape_of(bias)}")
    return shape[2:], sizes[2:]
