"""Pooling layers; what each computes stands with its function. They differ in their number of axes alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from minigrad.kernels.geometry import per_axis
from minigrad.nn import functional as F
from minigrad.nn.module import Module
from minigrad.tensors.tensor import Tensor

__all__ = [
    "AdaptiveAvgPool1d", "AdaptiveAvgPool2d", "AdaptiveAvgPool3d", "AdaptiveMaxPool1d", "AdaptiveMaxPool2d",
    "AdaptiveMaxPool3d", "AvgPool1d", "AvgPool2d", "AvgPool3d", "MaxPool1d", "MaxPool2d", "MaxPool3d",
]  # fmt: skip


class _Pool(Module):
    _axes: ClassVar[int]
    _function: ClassVar[Callable[..., Any]]


class _MaxPool(_Pool):
    def __init__(
        self,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        dilation: Any = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ):
        super().__init__()
        self.kernel_size, self.stride = kernel_size, kernel_size if stride is None else stride
        self.padding, self.dilation = padding, dilation
        self.return_indices, self.ceil_mode = return_indices, ceil_mode
        for name, least in [("kernel_size", 1), ("stride", 1), ("padding", 0), ("dilation", 1)]:
            per_axis(type(self).__name__, name, getattr(self, name), self._axes, least)

    def forward(self, x: Tensor) -> Any:
        pool = type(self)._function
        return pool(x, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode, self.return_indices)

    def extra_repr(self) -> str:
        return (
            f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, dilation={self.dilation}, "
            f"ceil_mode={self.ceil_mode}"
        )


class MaxPool1d(_MaxPool):
    """The maximum of each window of sequences; the stride is the window unless given."""

    _axes, _function = 1, F.max_pool1d


class MaxPool2d(_MaxPool):
    """The maximum of each window of images; the stride is the window unless given."""

    _axes, _function = 2, F.max_pool2d


class MaxPool3d(_MaxPool):
    """The maximum of each window of volumes; the stride is the window unless given."""

    _axes, _function = 3, F.max_pool3d


class _AvgPool(_Pool):
    def __init__(
        self,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ):
        super().__init__()
        self.kernel_size, self.stride = kernel_size, kernel_size if stride is None else stride
        self.padding, self.ceil_mode = padding, ceil_mode
        self.count_include_pad, self.divisor_override = count_include_pad, divisor_override
        for name, least in [("kernel_size", 1), ("stride", 1), ("padding", 0)]:
            per_axis(type(self).__name__, name, getattr(self, name), self._axes, least)

    def forward(self, x: Tensor) -> Tensor:
        options = {} if self._axes == 1 else {"divisor_override": self.divisor_override}
        pool = type(self)._function
        return pool(x, self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad, **options)

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class AvgPool1d(_AvgPool):
    """The mean of each window of sequences; the stride is the window unless given."""

    _axes, _function = 1, F.avg_pool1d

    def __init__(
        self, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False, count_include_pad: bool = True
    ):
        super().__init__(kernel_size, stride, padding, ceil_mode, count_include_pad)
        for name in ("kernel_size", "stride", "padding"):  # as PyTorch shows them
            setattr(self, name, per_axis("AvgPool1d", name, getattr(self, name), 1, 0))


class AvgPool2d(_AvgPool):
    """The mean of each window of images; the stride is the window unless given."""

    _axes, _function = 2, F.avg_pool2d


class AvgPool3d(_AvgPool):
    """The mean of each window of volumes; the stride is the window unless given."""

    _axes, _function = 3, F.avg_pool3d


class _AdaptivePool(_Pool):
    def __init__(self, output_size: Any):
        super().__init__()
        self.output_size = output_size

    def forward(self, x: Tensor) -> Any:
        return type(self)._function(x, self.output_size)

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}"


class AdaptiveAvgPool1d(_AdaptivePool):
    """The means of `output_size` windows that cover a sequence evenly."""

    _axes, _function = 1, F.adaptive_avg_pool1d


class AdaptiveAvgPool2d(_AdaptivePool):
    """The means of `output_size` windows, an int or a pair, that cover an image evenly; None keeps a size."""

    _axes, _function = 2, F.adaptive_avg_pool2d


class AdaptiveAvgPool3d(_AdaptivePool):
    """The means of `output_size` windows, an int or a triple, that cover a volume evenly; None keeps a size."""

    _axes, _function = 3, F.adaptive_avg_pool3d


class _AdaptiveMaxPool(_AdaptivePool):
    def __init__(self, output_size: Any, return_indices: bool = False):
        super().__init__(output_size)
        self.return_indices = return_indices

    def forward(self, x: Tensor) -> Any:
        return type(self)._function(x, self.output_size, self.return_indices)


class AdaptiveMaxPool1d(_AdaptiveMaxPool):
    """The maxima of `output_size` windows that cover a sequence evenly."""

    _axes, _function = 1, F.adaptive_max_pool1d


class AdaptiveMaxPool2d(_AdaptiveMaxPool):
    """The maxima of `output_size` windows, an int or a pair, that cover an image evenly; None keeps a size."""

    _axes, _function = 2, F.adaptive_max_pool2d


class AdaptiveMaxPool3d(_AdaptiveMaxPool):
    """The maxima of `output_size` windows, an int or a triple, that cover a volume evenly; None keeps a size."""

    _axes, _function = 3, F.adaptive_max_pool3d
