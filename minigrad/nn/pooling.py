"""Pooling layers; the functions of the same names in `nn.functional` document the computation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minigrad.engine.spatial import Size
from minigrad.kernels.geometry import per_axis
from minigrad.nn import functional as F
from minigrad.nn.spatial import SpatialLayer
from minigrad.tensors.tensor import Tensor

__all__ = [
    "AdaptiveAvgPool1d", "AdaptiveAvgPool2d", "AdaptiveAvgPool3d", "AdaptiveMaxPool1d", "AdaptiveMaxPool2d",
    "AdaptiveMaxPool3d", "AvgPool1d", "AvgPool2d", "AvgPool3d", "LPPool1d", "LPPool2d", "LPPool3d", "MaxPool1d",
    "MaxPool2d", "MaxPool3d", "MaxUnpool1d", "MaxUnpool2d", "MaxUnpool3d",
]  # fmt: skip


class _MaxPool(SpatialLayer):
    _functions = F.max_pool1d, F.max_pool2d, F.max_pool3d
    _displayed = "kernel_size", "stride", "padding", "dilation", "ceil_mode"

    def __init__(
        self,
        kernel_size: Size,
        stride: Size | None = None,
        padding: Size = 0,
        dilation: Size = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ):
        super().__init__()
        self.kernel_size, self.stride = kernel_size, kernel_size if stride is None else stride
        self.padding, self.dilation = padding, dilation
        self.return_indices, self.ceil_mode = return_indices, ceil_mode
        for name, least in [("kernel_size", 1), ("stride", 1), ("padding", 0), ("dilation", 1)]:
            per_axis(type(self).__name__, name, getattr(self, name), self._axes, least)

    def forward(self, x: Tensor) -> Tensor:  # two with return_indices, which type checkers unpack all the same
        return self._function(
            x, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode, self.return_indices
        )


class MaxPool1d(_MaxPool, axes=1):
    """Maximum of each window of sequences: (N, C, L) to (N, C, OL). The options are those of `MaxPool2d`."""


class MaxPool2d(_MaxPool, axes=2):
    """Maximum of each window of images: (N, C, H, W) to (N, C, OH, OW).

    OH = floor((H + 2*padding - dilation*(KH - 1) - 1) / stride) + 1. Sizes are an int or a pair (height, width).

    * `kernel_size`: the size of the windows, (KH, KW)
    * `stride`: the distance between windows; None: `kernel_size`
    * `padding`: the number of elements added on either side, at most half a window; they count as -inf
    * `dilation`: the distance between the elements of a window
    * `return_indices`: return (maxima, indices), the position of each maximum in its flattened image
    * `ceil_mode`: round OH up, so that the last window may reach beyond the far border

    >>> import minigrad as mg
    >>> from minigrad import nn
    >>> nn.MaxPool2d(2)(mg.tensor([[[[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0]]]]))
    tensor([[[[6., 8.]]]])
    """


class MaxPool3d(_MaxPool, axes=3):
    """Maximum of each window of volumes: (N, C, D, H, W) to (N, C, OD, OH, OW). The options are those of `MaxPool2d`."""


class _AvgPool(SpatialLayer):
    _functions = F.avg_pool1d, F.avg_pool2d, F.avg_pool3d
    _displayed = "kernel_size", "stride", "padding"

    def __init__(
        self,
        kernel_size: Size,
        stride: Size | None = None,
        padding: Size = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ):
        super().__init__()
        self.kernel_size, self.stride = kernel_size, kernel_size if stride is None else stride
        self.padding, self.ceil_mode = padding, ceil_mode
        self.count_include_pad, self.divisor_override = count_include_pad, divisor_override
        for name, least in [("kernel_size", 1), ("stride", 1), ("padding", 0)]:
            sizes = per_axis(type(self).__name__, name, getattr(self, name), self._axes, least)
            if self._axes == 1:  # as PyTorch shows them
                setattr(self, name, sizes)

    def forward(self, x: Tensor) -> Tensor:
        return self._function(
            x, self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad, self.divisor_override
        )


class AvgPool1d(_AvgPool, axes=1):
    """Mean of each window of sequences: (N, C, L) to (N, C, OL). The options are those of `AvgPool2d`."""


class AvgPool2d(_AvgPool, axes=2):
    """Mean of each window of images: (N, C, H, W) to (N, C, OH, OW).

    OH = floor((H + 2*padding - KH) / stride) + 1. Sizes are an int or a pair (height, width).

    * `kernel_size`: the size of the windows, (KH, KW)
    * `stride`: the distance between windows; None: `kernel_size`
    * `padding`: the number of zeros on either side, at most half a window
    * `ceil_mode`: round OH up, so that the last window may reach beyond the far border; what lies beyond never counts
    * `count_include_pad`: whether padded zeros count as elements of a window
    * `divisor_override`: divide the sums by this number instead of the number of elements

    >>> import minigrad as mg
    >>> from minigrad import nn
    >>> nn.AvgPool2d(2)(mg.tensor([[[[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0]]]]))
    tensor([[[[3.5000, 5.5000]]]])
    """


class AvgPool3d(_AvgPool, axes=3):
    """Mean of each window of volumes: (N, C, D, H, W) to (N, C, OD, OH, OW). The options are those of `AvgPool2d`."""


class _AdaptivePool(SpatialLayer):
    _displayed = ("output_size",)

    def __init__(self, output_size: int | tuple[int | None, ...]):
        super().__init__()
        self.output_size = output_size

    def forward(self, x: Tensor) -> Tensor:
        return self._function(x, self.output_size)


class _AdaptiveAvgPool(_AdaptivePool):
    _functions = F.adaptive_avg_pool1d, F.adaptive_avg_pool2d, F.adaptive_avg_pool3d


class AdaptiveAvgPool1d(_AdaptiveAvgPool, axes=1):
    """Means of `output_size` windows that cover a sequence evenly: (N, C, L) to (N, C, output_size)."""


class AdaptiveAvgPool2d(_AdaptiveAvgPool, axes=2):
    """Means of windows that cover an image evenly: (N, C, H, W) to (N, C, *output_size).

    `output_size` is an int or a pair (height, width), where None keeps a size; 1 is the mean of the whole image.
    """


class AdaptiveAvgPool3d(_AdaptiveAvgPool, axes=3):
    """Means of windows that cover a volume evenly: (N, C, D, H, W) to (N, C, *output_size).

    `output_size` is an int or a triple (depth, height, width), where None keeps a size; 1 is the mean of the whole volume.
    """


class _AdaptiveMaxPool(_AdaptivePool):
    _functions = F.adaptive_max_pool1d, F.adaptive_max_pool2d, F.adaptive_max_pool3d

    def __init__(self, output_size: int | tuple[int | None, ...], return_indices: bool = False):
        super().__init__(output_size)
        self.return_indices = return_indices

    def forward(self, x: Tensor) -> Tensor:  # two with return_indices, which type checkers unpack all the same
        return self._function(x, self.output_size, self.return_indices)


class AdaptiveMaxPool1d(_AdaptiveMaxPool, axes=1):
    """Maxima of `output_size` windows that cover a sequence evenly: (N, C, L) to (N, C, output_size).

    With `return_indices` the result is (maxima, indices), the position of each maximum in its sequence.
    """


class AdaptiveMaxPool2d(_AdaptiveMaxPool, axes=2):
    """Maxima of windows that cover an image evenly: (N, C, H, W) to (N, C, *output_size).

    `output_size` is an int or a pair (height, width), where None keeps a size. With `return_indices` the result is (maxima,
    indices), the position of each maximum in its flattened image.
    """


class AdaptiveMaxPool3d(_AdaptiveMaxPool, axes=3):
    """Maxima of windows that cover a volume evenly: (N, C, D, H, W) to (N, C, *output_size).

    `output_size` is an int or a triple (depth, height, width), where None keeps a size. With `return_indices` the result is
    (maxima, indices), the position of each maximum in its flattened volume.
    """


class _MaxUnpool(SpatialLayer):
    _functions = F.max_unpool1d, F.max_unpool2d, F.max_unpool3d
    _displayed = "kernel_size", "stride", "padding"

    def __init__(self, kernel_size: Size, stride: Size | None = None, padding: Size = 0):
        super().__init__()
        given = {"kernel_size": kernel_size, "stride": kernel_size if stride is None else stride, "padding": padding}
        for name, value in given.items():
            setattr(self, name, per_axis(type(self).__name__, name, value, self._axes, int(name != "padding")))

    def forward(self, x: Tensor, indices: Any, output_size: Sequence[int] | None = None) -> Tensor:
        return self._function(x, indices, self.kernel_size, self.stride, self.padding, output_size)


class MaxUnpool1d(_MaxUnpool, axes=1):
    """Maxima of sequences put back to their positions before `MaxPool1d`, among zeros. See `functional.max_unpool1d`.

    >>> import minigrad as mg
    >>> y, places = MaxPool1d(2, return_indices=True)(mg.tensor([[[1.0, 3.0, 4.0, 2.0]]]))
    >>> MaxUnpool1d(2)(y, places)
    tensor([[[0., 3., 4., 0.]]])
    """


class MaxUnpool2d(_MaxUnpool, axes=2):
    """Maxima of images put back to their positions before `MaxPool2d`, among zeros. See `functional.max_unpool2d`.

    >>> import minigrad as mg
    >>> y, places = MaxPool2d(2, return_indices=True)(mg.tensor([[[[1.0, 2.0], [4.0, 3.0]]]]))
    >>> MaxUnpool2d(2)(y, places)[0, 0]
    tensor([[0., 0.],
            [4., 0.]])
    """


class MaxUnpool3d(_MaxUnpool, axes=3):
    """Maxima of volumes put back to their positions before `MaxPool3d`, among zeros. See `functional.max_unpool3d`.

    >>> import minigrad as mg
    >>> y, places = MaxPool3d(2, return_indices=True)(mg.randn(1, 2, 4, 4, 4))
    >>> y.shape, MaxUnpool3d(2)(y, places).shape
    ((1, 2, 2, 2, 2), (1, 2, 4, 4, 4))
    """


class _LPPool(SpatialLayer):
    _functions = F.lp_pool1d, F.lp_pool2d, F.lp_pool3d
    _displayed = "norm_type", "kernel_size", "stride", "ceil_mode"

    def __init__(self, norm_type: float, kernel_size: Size, stride: Size | None = None, ceil_mode: bool = False):
        super().__init__()
        self.norm_type, self.kernel_size, self.stride, self.ceil_mode = norm_type, kernel_size, stride, ceil_mode

    def forward(self, x: Tensor) -> Tensor:
        return self._function(x, self.norm_type, self.kernel_size, self.stride, self.ceil_mode)


class LPPool1d(_LPPool, axes=1):
    """Power sum of each window of sequences, sum(x**p)**(1/p) with p = `norm_type`. See `functional.lp_pool1d`."""


class LPPool2d(_LPPool, axes=2):
    """Power sum of each window of images, sum(x**p)**(1/p) with p = `norm_type`. See `functional.lp_pool2d`."""


class LPPool3d(_LPPool, axes=3):
    """Power sum of each window of volumes, sum(x**p)**(1/p) with p = `norm_type`. See `functional.lp_pool3d`."""
