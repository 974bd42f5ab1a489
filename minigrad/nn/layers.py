"""Layers: functions with parameters or options of their own. What each computes stands with its function."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad.config import get_default_dtype
from minigrad.errors import ShapeError
from minigrad.nn import functional as F
from minigrad.nn import init
from minigrad.nn.module import Module
from minigrad.nn.parameter import Parameter
from minigrad.ops.convolution import per_axis
from minigrad.ops.shape import flatten
from minigrad.tensor import Tensor

__all__ = ["AvgPool2d", "Conv2d", "Dropout", "Flatten", "Linear", "MaxPool2d", "ReLU", "Sigmoid", "Tanh"]


class Linear(Module):
    """``x @ weight.T + bias``: (..., in_features) to (..., out_features).

    Weight and bias start uniform in +-1/sqrt(in_features), as PyTorch's.

    >>> import minigrad as mg
    >>> from minigrad import nn
    >>> nn.Linear(20, 30)(mg.zeros(4, 20)).shape
    (4, 30)
    """

    bias: Parameter | None

    def __init__(self, in_features: int, out_features: int, bias: bool = True):
        super().__init__()
        self.in_features = _count("Linear", "in_features", in_features)
        self.out_features = _count("Linear", "out_features", out_features)
        self.weight = _uniform((out_features, in_features), in_features)
        self.register_parameter("bias", _uniform((out_features,), in_features) if bias else None)

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight, self.bias)

    def extra_repr(self) -> str:
        bias = self.bias is not None
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={bias}"


class Conv2d(Module):
    """Kernels slid over images: (N, in_channels, H, W) to (N, out_channels, OH, OW).

    OH = floor((H + 2*padding - dilation*(KH - 1) - 1) / stride) + 1; sizes are an int or a pair (height, width). Weight and
    bias start uniform in +-1/sqrt(in_channels*KH*KW), as PyTorch's. With ``rounding="exact"`` an input that the windows do
    not fill to its border is a ShapeError instead of being cut off.

    >>> import minigrad as mg
    >>> from minigrad import nn
    >>> nn.Conv2d(1, 30, 5)(mg.zeros(2, 1, 28, 28)).shape
    (2, 30, 24, 24)
    """

    bias: Parameter | None

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int, int],
        stride: int | tuple[int, int] = 1,
        padding: int | tuple[int, int] = 0,
        dilation: int | tuple[int, int] = 1,
        bias: bool = True,
        *,
        rounding: str = "floor",
    ):
        super().__init__()
        self.in_channels = _count("Conv2d", "in_channels", in_channels)
        self.out_channels = _count("Conv2d", "out_channels", out_channels)
        self.kernel_size = per_axis("Conv2d", "kernel_size", kernel_size, 2, 1)
        self.stride = per_axis("Conv2d", "stride", stride, 2, 1)
        self.padding = per_axis("Conv2d", "padding", padding, 2, 0)
        self.dilation = per_axis("Conv2d", "dilation", dilation, 2, 1)
        self.rounding = rounding
        fan_in = in_channels * math.prod(self.kernel_size)
        self.weight = _uniform((out_channels, in_channels, *self.kernel_size), fan_in)
        self.register_parameter("bias", _uniform((out_channels,), fan_in) if bias else None)

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.weight, self.bias, self.stride, self.padding, self.dilation, rounding=self.rounding)

    def extra_repr(self) -> str:
        text = f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"
        if self.padding != (0, 0):
            text += f", padding={self.padding}"
        if self.dilation != (1, 1):
            text += f", dilation={self.dilation}"
        return text if self.bias is not None else f"{text}, bias=False"


class MaxPool2d(Module):
    """The maximum of each window of images; the stride is the window unless given."""

    def __init__(self, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False):
        super().__init__()
        self.kernel_size, self.stride = kernel_size, kernel_size if stride is None else stride
        self.padding, self.dilation, self.ceil_mode = padding, dilation, ceil_mode

    def forward(self, x: Tensor) -> Tensor:
        return F.max_pool2d(x, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode)

    def extra_repr(self) -> str:
        return (
            f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, dilation={self.dilation}, "
            f"ceil_mode={self.ceil_mode}"
        )


class AvgPool2d(Module):
    """The mean of each window of images; the stride is the window unless given."""

    def __init__(self, kernel_size: Any, stride: Any = None, padding: Any = 0, *, count_include_pad: bool = True):
        super().__init__()
        self.kernel_size, self.stride = kernel_size, kernel_size if stride is None else stride
        self.padding, self.count_include_pad = padding, count_include_pad

    def forward(self, x: Tensor) -> Tensor:
        return F.avg_pool2d(x, self.kernel_size, self.stride, self.padding, count_include_pad=self.count_include_pad)

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class ReLU(Module):
    """max(x, 0)."""

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x)


class Sigmoid(Module):
    """1 / (1 + exp(-x))."""

    def forward(self, x: Tensor) -> Tensor:
        return F.sigmoid(x)


class Tanh(Module):
    """The hyperbolic tangent."""

    def forward(self, x: Tensor) -> Tensor:
        return F.tanh(x)


class Flatten(Module):
    """Merge the axes from `start_dim` to `end_dim`: by default all but the batch."""

    def __init__(self, start_dim: int = 1, end_dim: int = -1):
        super().__init__()
        self.start_dim, self.end_dim = start_dim, end_dim

    def forward(self, x: Tensor) -> Tensor:
        return flatten(x, self.start_dim, self.end_dim)

    def extra_repr(self) -> str:
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"


class Dropout(Module):
    """In training, zero each element with probability `p` and scale the others by 1/(1 - p)."""

    def __init__(self, p: float = 0.5, generator: np.random.Generator | None = None):
        super().__init__()
        if not 0 <= p <= 1:
            raise ValueError(f"Dropout: p must be within [0, 1], got {p}")
        self.p = p
        self.generator = generator

    def forward(self, x: Tensor) -> Tensor:
        return F.dropout(x, self.p, self.training, self.generator)

    def extra_repr(self) -> str:
        return f"p={self.p}"


def _uniform(shape: tuple[int, ...], fan_in: int) -> Parameter:
    bound = 1 / math.sqrt(fan_in)
    parameter = Parameter(np.zeros(shape, get_default_dtype()))
    init.uniform_(parameter, -bound, bound)
    return parameter


def _count(layer: str, name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise TypeError(f"{layer}: {name} must be an int, got {value!r}")
    if value < 1:
        raise ShapeError(f"{layer}: {name} must be at least 1, got {value}")
    return int(value)
