"""Convolution in one, two and three dimensions, and its transpose.

One trilinear form, T(x, w, y) = sum over w[f, c, k] x[n, c, o*S + k*D - P] y[n, f, o], gives three operations: `convolution`
is its derivative by y, `transposed_convolution` by x, `weight_convolution` by w. So the gradient rules of each are the other
two, and every order of derivative follows. Memory is batch innermost throughout (kernels/windows.py).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.arrays import Array, shape_of
from minigrad.engine.composite import composite
from minigrad.engine.primitive import primitive
from minigrad.engine.promotion import promoting
from minigrad.errors import ShapeError
from minigrad.kernels import convolution as kernel
from minigrad.kernels.geometry import IMAGES, KERNELS, TUPLES, both_sides, image_shape, output_sizes, per_axis
from minigrad.kernels.windows import Padding, Sizes
from minigrad.ops.reduction import sum
from minigrad.ops.shape import reshape

__all__ = ["conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d"]


@promoting("x", "weight", "bias")
@primitive
def convolution(
    x: Array, weight: Array, bias: Array | None, stride: Sizes, padding: Padding, dilation: Sizes, groups: int
) -> Array:
    """Slide weights (F, C/groups, *K) over images (N, C, *S): (N, F, *O), plus a bias (F,)."""
    return kernel.convolve(x, weight, bias, stride, padding, dilation, groups)


@promoting("y", "weight")
@primitive
def transposed_convolution(
    y: Array, weight: Array, size: Sizes, stride: Sizes, padding: Padding, dilation: Sizes, groups: int
) -> Array:
    """Add weights (F, C/groups, *K), times y (N, F, *O), up into images (N, C, *size)."""
    return kernel.convolve_transposed(y, weight, size, stride, padding, dilation, groups)


@promoting("x", "y")
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
    output_sizes(op, shape[2:], tuple(size), stride, pads, dilation, rounding)
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


def _padding(op: str, n: int, padding: Any, size: Sizes, stride: Sizes, dilation: Sizes) -> Padding:
    """Padding as (before, after) for each axis, from an int, a tuple, "valid" or "same"."""
    if not isinstance(padding, str):
        return both_sides(per_axis(op, "padding", padding, n, 0))
    if padding == "valid":
        return ((0, 0),) * n
    if padding != "same":
        raise ValueError(f'{op}: padding must be "same", "valid", an int or {TUPLES[n]}, got {padding!r}')
    if max(stride) > 1:
        raise ValueError(f'{op}: padding="same" needs stride 1, got {stride}')
    extents = [d * (k - 1) for k, d in zip(size, dilation, strict=True)]
    return tuple((extent // 2, extent - extent // 2) for extent in extents)


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
