"""Convolutional layers; what each computes stands with its function. They differ in their number of axes alone."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, ClassVar

from minigrad.arrays import DType
from minigrad.errors import ShapeError
from minigrad.kernels.geometry import per_axis
from minigrad.nn import functional as F
from minigrad.nn.layer_setup import count, uniform_parameter
from minigrad.nn.module import Module
from minigrad.nn.parameter import Parameter
from minigrad.tensors.tensor import Tensor

__all__ = ["Conv1d", "Conv2d", "Conv3d", "ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d"]

PADDING_MODES = ("zeros", "reflect", "replicate", "circular")


class _Convolution(Module):
    _axes: ClassVar[int]
    _function: ClassVar[Callable[..., Any]]
    _transposed = False
    padding: Any  # one number for each axis, or a name
    bias: Parameter | None

    def _prepare(
        self, in_channels: int, out_channels: int, kernel_size: Any, stride: Any, padding: Any, output_padding: Any,
        dilation: Any, groups: int, bias: bool, padding_mode: str, dtype: DType,
    ) -> None:  # fmt: skip
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
        fan_in = math.prod(shape[1:])
        self.weight = uniform_parameter(shape, fan_in, dtype)
        self.register_parameter("bias", uniform_parameter((out_channels,), fan_in, dtype) if bias else None)

    def extra_repr(self) -> str:
        text = f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"
        for name, usual in [("padding", 0), ("dilation", 1), ("output_padding", 0)]:
            value = getattr(self, name)
            if value != (usual,) * self._axes:
                text += f", {name}={value}"
        if self.groups != 1:
            text += f", groups={self.groups}"
        if self.bias is None:
            text += ", bias=False"
        return text if self.padding_mode == "zeros" else f"{text}, padding_mode={self.padding_mode}"


class _Conv(_Convolution):
    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int, ...],
        stride: int | tuple[int, ...] = 1,
        padding: int | tuple[int, ...] | str = 0,
        dilation: int | tuple[int, ...] = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
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
        convolve = type(self)._function
        return convolve(x, self.weight, self.bias, self.stride, padding, self.dilation, self.groups, rounding=self.rounding)

    def _border(self) -> tuple[int, ...]:
        """What `F.pad` is to add: a pair for each axis, the last axis first."""
        if self.padding == "same":
            totals = [d * (k - 1) for d, k in zip(self.dilation, self.kernel_size, strict=True)]
        else:
            totals = [0 if self.padding == "valid" else 2 * p for p in self.padding]
        return tuple(width for total in reversed(totals) for width in (total // 2, total - total // 2))


class Conv1d(_Conv):
    """Kernels slid over sequences: (N, in_channels, L) to (N, out_channels, OL). See `Conv2d`."""

    _axes, _function = 1, F.conv1d


class Conv2d(_Conv):
    """Kernels slid over images: (N, in_channels, H, W) to (N, out_channels, OH, OW).

    OH = floor((H + 2*padding - dilation*(KH - 1) - 1) / stride) + 1; sizes are an int or a pair (height, width), padding
    also "valid" or "same". Weight (out_channels, in_channels/groups, KH, KW) and bias start uniform in +-1/sqrt(fan_in), as
    PyTorch's. `padding_mode` is "zeros", "reflect", "replicate" or "circular". With ``rounding="exact"`` an input that the
    windows do not fill to its border is a ShapeError instead of being cut off.

    >>> import minigrad as mg
    >>> from minigrad import nn
    >>> nn.Conv2d(1, 30, 5)(mg.zeros(2, 1, 28, 28)).shape
    (2, 30, 24, 24)
    """

    _axes, _function = 2, F.conv2d


class Conv3d(_Conv):
    """Kernels slid over volumes: (N, in_channels, D, H, W) to (N, out_channels, OD, OH, OW). See `Conv2d`."""

    _axes, _function = 3, F.conv3d


class _ConvTranspose(_Convolution):
    _transposed = True

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int, ...],
        stride: int | tuple[int, ...] = 1,
        padding: int | tuple[int, ...] = 0,
        output_padding: int | tuple[int, ...] = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: int | tuple[int, ...] = 1,
        padding_mode: str = "zeros",
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
        """`output_size`, the spatial sizes wanted, takes the place of `output_padding`."""
        extra = self.output_padding if output_size is None else self._extra(x.shape[2:], tuple(output_size)[-self._axes :])
        convolve = type(self)._function
        return convolve(x, self.weight, self.bias, self.stride, self.padding, extra, self.groups, self.dilation)

    def _extra(self, size: tuple[int, ...], wanted: tuple[int, ...]) -> tuple[int, ...]:
        """The output padding that makes an input of `size` give `wanted`."""
        per = zip(size, self.stride, self.padding, self.dilation, self.kernel_size, strict=True)
        least = [(n - 1) * s - 2 * p + d * (k - 1) + 1 for n, s, p, d, k in per]
        most = [n + s - 1 for n, s in zip(least, self.stride, strict=True)]
        if not all(a <= w <= b for a, w, b in zip(least, wanted, most, strict=True)):
            raise ShapeError(
                f"{type(self).__name__}: output_size must be within {tuple(least)} and {tuple(most)} "
                f"for an input of {tuple(size)}, got {wanted}"
            )
        return tuple(w - n for w, n in zip(wanted, least, strict=True))


class ConvTranspose1d(_ConvTranspose):
    """The adjoint of `Conv1d`: (N, in_channels, L) to (N, out_channels, OL). See `ConvTranspose2d`."""

    _axes, _function = 1, F.conv_transpose1d


class ConvTranspose2d(_ConvTranspose):
    """The adjoint of `Conv2d`, which makes images larger: (N, in_channels, H, W) to (N, out_channels, OH, OW).

    OH = (H-1)*stride - 2*padding + dilation*(KH-1) + output_padding + 1; the weight is (in_channels, out_channels/groups,
    KH, KW).

    >>> import minigrad as mg
    >>> from minigrad import nn
    >>> nn.ConvTranspose2d(8, 3, 4, stride=2, padding=1)(mg.zeros(2, 8, 7, 7)).shape
    (2, 3, 14, 14)
    """

    _axes, _function = 2, F.conv_transpose2d


class ConvTranspose3d(_ConvTranspose):
    """The adjoint of `Conv3d`: (N, in_channels, D, H, W) to (N, out_channels, OD, OH, OW). See `ConvTranspose2d`."""

    _axes, _function = 3, F.conv_transpose3d
