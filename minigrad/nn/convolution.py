"""Convolutional layers, written once for one, two and three spatial axes."""

from __future__ import annotations

import math
from typing import Any

from minigrad.arrays import DType
from minigrad.engine.spatial import Size
from minigrad.errors import ShapeError
from minigrad.kernels.geometry import both_sides, per_axis, same_padding
from minigrad.nn import functional as F
from minigrad.nn.layer_setup import count, draw_uniformly, parameter
from minigrad.nn.parameter import Parameter
from minigrad.nn.spatial import SpatialLayer
from minigrad.tensors.tensor import Tensor

__all__ = ["Conv1d", "Conv2d", "Conv3d", "ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d"]

PADDING_MODES = ("zeros", "reflect", "replicate", "circular")


class _ConvNd(SpatialLayer):
    _transposed = False
    padding: Any  # one number for each axis, or a name
    bias: Parameter | None

    def _prepare(
        self, in_channels: int, out_channels: int, kernel_size: Any, stride: Any, padding: Any, output_padding: Any,
        dilation: Any, groups: int, bias: bool, padding_mode: str, dtype: DType,
    ) -> None:  # fmt: skip
        """Check and keep the options, and create the parameters."""
        layer, n = type(self).__name__, self._axes
        self.in_channels = count(layer, "in_channels", in_channels)
        self.out_channels = count(layer, "out_channels", out_channels)
        self.groups = count(layer, "groups", groups)
        if in_channels % groups or out_channels % groups:
            raise ShapeError(f"{layer}: groups={groups} must divide the channels, {in_channels} and {out_channels}")
        self.kernel_size = per_axis(layer, "kernel_size", kernel_size, n, 1)
        self.stride = per_axis(layer, "stride", stride, n, 1)
        self.padding = padding if isinstance(padding, str) else per_axis(layer, "padding", padding, n, 0)
        self.output_padding = per_axis(layer, "output_padding", output_padding, n, 0)
        self.dilation = per_axis(layer, "dilation", dilation, n, 1)
        modes = PADDING_MODES[:1] if self._transposed else PADDING_MODES
        if padding_mode not in modes:
            raise ValueError(f"{layer}: padding_mode must be {' or '.join(modes)}, got {padding_mode!r}")
        if isinstance(padding, str) and padding not in ("valid", "same"):
            raise ValueError(f'{layer}: padding must be "valid", "same" or numbers, got {padding!r}')
        self.padding_mode = padding_mode
        outer, inner = (in_channels, out_channels) if self._transposed else (out_channels, in_channels)
        shape = (outer, inner // groups, *self.kernel_size)
        self.weight = parameter(shape, 0.0, dtype)
        self.register_parameter("bias", parameter((out_channels,), 0.0, dtype) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the initial values of weight and bias again."""
        draw_uniformly(math.prod(self.weight.shape[1:]), (self.weight, self.bias))

    def extra_repr(self) -> str:
        zeros, ones = (0,) * self._axes, (1,) * self._axes
        usual = {
            "padding": zeros, "dilation": ones, "output_padding": zeros, "groups": 1, "bias": True, "padding_mode": "zeros",
        }  # fmt: skip
        options = {name: getattr(self, name) for name in usual} | {"bias": self.bias is not None}
        text = f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"
        return text + "".join(f", {name}={value}" for name, value in options.items() if value != usual[name])


class _Conv(_ConvNd):
    _functions = F.conv1d, F.conv2d, F.conv3d

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        stride: Size = 1,
        padding: Size | str = 0,
        dilation: Size = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: DType = None,
        *,
        rounding: str = "floor",
    ):
        super().__init__()
        self.rounding = rounding
        self._prepare(
            in_channels, out_channels, kernel_size, stride, padding, 0, dilation, groups, bias, padding_mode, dtype
        )

    def forward(self, x: Tensor) -> Tensor:
        padding = self.padding
        if self.padding_mode != "zeros":
            x, padding = F.pad(x, self._border(), self.padding_mode), 0
        return self._function(
            x, self.weight, self.bias, self.stride, padding, self.dilation, self.groups, rounding=self.rounding
        )

    def _border(self) -> tuple[int, ...]:
        """Return the widths for `F.pad`: a pair for each axis, the last axis first."""
        if self.padding == "same":
            pairs = same_padding(self.kernel_size, self.dilation)
        else:
            pairs = both_sides((0,) * self._axes if self.padding == "valid" else self.padding)
        return tuple(width for pair in reversed(pairs) for width in pair)


class Conv1d(_Conv, axes=1):
    """Convolution of sequences: (N, in_channels, L) to (N, out_channels, OL). The options are those of `Conv2d`."""


class Conv2d(_Conv, axes=2):
    """Convolution of images (cross-correlation): (N, in_channels, H, W) to (N, out_channels, OH, OW).

    OH = floor((H + 2*padding - dilation*(KH - 1) - 1) / stride) + 1. Sizes are an int or a pair (height, width).

    * `kernel_size`: the size of the kernels, (KH, KW)
    * `stride`: the distance between windows
    * `padding`: the width of the border on either side; "valid": none; "same" (stride 1 only): keeps the size
    * `dilation`: the distance between the elements of a window
    * `groups`: the number of groups of channels, each convolved with separate kernels; groups=in_channels is depthwise
    * `bias`: whether to add a bias to each output channel
    * `padding_mode`: the content of the border, "zeros", "reflect", "replicate" or "circular"
    * `dtype`: the dtype of the parameters; None: the default dtype
    * `rounding`: "floor" ignores a border that no window reaches, "exact" refuses it with a ShapeError

    `weight` (out_channels, in_channels/groups, KH, KW) and `bias` (out_channels,) are initialized uniformly in
    +-1/sqrt(fan_in), as in PyTorch.

    >>> import minigrad as mg
    >>> from minigrad import nn
    >>> nn.Conv2d(1, 30, 5)(mg.zeros(2, 1, 28, 28)).shape
    (2, 30, 24, 24)
    """


class Conv3d(_Conv, axes=3):
    """Convolution of volumes: (N, in_channels, D, H, W) to (N, out_channels, OD, OH, OW). See `Conv2d` for the options."""


class _ConvTransposeNd(_ConvNd):
    _transposed = True
    _functions = F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        stride: Size = 1,
        padding: Size = 0,
        output_padding: Size = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Size = 1,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: DType = None,
    ):
        super().__init__()
        if isinstance(padding, str):
            raise TypeError(f"{type(self).__name__}: padding must be numbers, got {padding!r}")
        self._prepare(
            in_channels, out_channels, kernel_size, stride, padding, output_padding, dilation, groups, bias, padding_mode,
            dtype,
        )  # fmt: skip

    def forward(self, x: Tensor, output_size: tuple[int, ...] | None = None) -> Tensor:
        """Apply the layer; `output_size`, the spatial sizes of the result, replaces `output_padding`."""
        n, extra = self._axes, self.output_padding
        if output_size is not None:
            extra = self._extra(x.shape[-n:], tuple(output_size)[-n:])
        return self._function(x, self.weight, self.bias, self.stride, self.padding, extra, self.groups, self.dilation)

    def _extra(self, size: tuple[int, ...], wanted: tuple[int, ...]) -> tuple[int, ...]:
        """Return the output padding that leads from an input of `size` to an output of size `wanted`."""
        per = zip(size, self.stride, self.padding, self.dilation, self.kernel_size, strict=True)
        least = [(n - 1) * s - 2 * p + d * (k - 1) + 1 for n, s, p, d, k in per]
        most = [n + s - 1 for n, s in zip(least, self.stride, strict=True)]
        if not all(a <= w <= b for a, w, b in zip(least, wanted, most, strict=True)):
            raise ShapeError(
                f"{type(self).__name__}: output_size must be within {tuple(least)} and {tuple(most)} "
                f"for an input of {tuple(size)}, got {wanted}"
            )
        return tuple(w - n for w, n in zip(wanted, least, strict=True))


class ConvTranspose1d(_ConvTransposeNd, axes=1):
    """Transposed convolution: (N, in_channels, L) to (N, out_channels, OL). The options are those of `ConvTranspose2d`."""


class ConvTranspose2d(_ConvTransposeNd, axes=2):
    """Transposed convolution, the adjoint of `Conv2d`: (N, in_channels, H, W) to (N, out_channels, OH, OW).

    OH = (H - 1)*stride - 2*padding + dilation*(KH - 1) + output_padding + 1. Sizes are an int or a pair (height, width).

    * `kernel_size`, `stride`, `padding`, `groups`, `dilation`: those of the convolution; with a stride images grow
    * `output_padding`: extra size at the end of each axis, since several sizes convolve to one; less than stride or dilation
    * `bias`: whether to add a bias to each output channel
    * `padding_mode`: "zeros"
    * `dtype`: the dtype of the parameters; None: the default dtype

    `weight` (in_channels, out_channels/groups, KH, KW) and `bias` (out_channels,) are initialized uniformly in
    +-1/sqrt(fan_in), as in PyTorch.

    >>> import minigrad as mg
    >>> from minigrad import nn
    >>> nn.ConvTranspose2d(8, 3, 4, stride=2, padding=1)(mg.zeros(2, 8, 7, 7)).shape
    (2, 3, 14, 14)
    """


class ConvTranspose3d(_ConvTransposeNd, axes=3):
    """Transposed convolution of volumes: (N, in_channels, D, H, W) to (N, out_channels, OD, OH, OW).

    The options are those of `ConvTranspose2d`.
    """
