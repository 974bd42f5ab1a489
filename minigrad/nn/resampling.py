"""Layers that change the resolution of images, or split them into windows."""

from __future__ import annotations

from minigrad.engine.spatial import Size
from minigrad.nn import functional as F
from minigrad.nn.module import Module
from minigrad.nn.spatial import SpatialLayer
from minigrad.tensors.tensor import Tensor

__all__ = [
    "ChannelShuffle", "Fold", "PixelShuffle", "PixelUnshuffle", "Unfold", "Upsample", "UpsamplingBilinear2d",
    "UpsamplingNearest2d",
]  # fmt: skip


class Upsample(Module):
    """Resampling of images (N, C, *S) to `size`, or by `scale_factor`; the options are those of `functional.interpolate`.

    >>> import minigrad as mg
    >>> from minigrad import nn
    >>> nn.Upsample(scale_factor=2)(mg.tensor([[[1.0, 3.0]]]))
    tensor([[[1., 1., 3., 3.]]])
    """

    def __init__(
        self,
        size: Size | None = None,
        scale_factor: float | tuple[float, ...] | None = None,
        mode: str = "nearest",
        align_corners: bool | None = None,
        recompute_scale_factor: bool | None = None,
    ):
        super().__init__()
        self.size, self.mode, self.align_corners = size, mode, align_corners
        if scale_factor is not None:
            scale_factor = tuple(map(float, scale_factor)) if isinstance(scale_factor, tuple | list) else float(scale_factor)
        self.scale_factor, self.recompute_scale_factor = scale_factor, recompute_scale_factor

    def forward(self, x: Tensor) -> Tensor:
        return F.interpolate(x, self.size, self.scale_factor, self.mode, self.align_corners, self.recompute_scale_factor)

    def extra_repr(self) -> str:
        how = f"size={self.size}" if self.scale_factor is None else f"scale_factor={self.scale_factor}"
        return f"{how}, mode={self.mode!r}"


class UpsamplingNearest2d(Upsample):
    """Resampling of images (N, C, H, W) by the nearest pixel."""

    def __init__(self, size: Size | None = None, scale_factor: float | tuple[float, ...] | None = None):
        super().__init__(size, scale_factor, "nearest")


class UpsamplingBilinear2d(Upsample):
    """Resampling of images (N, C, H, W) by bilinear interpolation; the corners keep their values."""

    def __init__(self, size: Size | None = None, scale_factor: float | tuple[float, ...] | None = None):
        super().__init__(size, scale_factor, "bilinear", align_corners=True)


class PixelShuffle(SpatialLayer):
    """Channels rearranged into pixels: (N, C*r*r, H, W) to (N, C, H*r, W*r), with r = `upscale_factor`."""

    _displayed = ("upscale_factor",)

    def __init__(self, upscale_factor: int):
        super().__init__()
        self.upscale_factor = upscale_factor

    def forward(self, x: Tensor) -> Tensor:
        return F.pixel_shuffle(x, self.upscale_factor)


class PixelUnshuffle(SpatialLayer):
    """Pixels rearranged into channels: (N, C, H*r, W*r) to (N, C*r*r, H, W), with r = `downscale_factor`."""

    _displayed = ("downscale_factor",)

    def __init__(self, downscale_factor: int):
        super().__init__()
        self.downscale_factor = downscale_factor

    def forward(self, x: Tensor) -> Tensor:
        return F.pixel_unshuffle(x, self.downscale_factor)


class ChannelShuffle(SpatialLayer):
    """Channels of (N, C, ...) taken in turn from each of `groups` groups: Zhang et al. (2018)."""

    _displayed = ("groups",)

    def __init__(self, groups: int):
        super().__init__()
        self.groups = groups

    def forward(self, x: Tensor) -> Tensor:
        return F.channel_shuffle(x, self.groups)


class Unfold(SpatialLayer):
    """Windows of images as columns: (N, C, H, W) to (N, C*KH*KW, OH*OW). The options are those of `functional.unfold`."""

    _displayed = "kernel_size", "dilation", "padding", "stride"

    def __init__(self, kernel_size: Size, dilation: Size = 1, padding: Size = 0, stride: Size = 1):
        super().__init__()
        self.kernel_size, self.dilation, self.padding, self.stride = kernel_size, dilation, padding, stride

    def forward(self, x: Tensor) -> Tensor:
        return F.unfold(x, self.kernel_size, self.dilation, self.padding, self.stride)


class Fold(SpatialLayer):
    """Columns accumulated into images: (N, C*KH*KW, OH*OW) to (N, C, *output_size). See `functional.fold`."""

    _displayed = "output_size", "kernel_size", "dilation", "padding", "stride"

    def __init__(self, output_size: Size, kernel_size: Size, dilation: Size = 1, padding: Size = 0, stride: Size = 1):
        super().__init__()
        self.output_size, self.kernel_size = output_size, kernel_size
        self.dilation, self.padding, self.stride = dilation, padding, stride

    def forward(self, x: Tensor) -> Tensor:
        return F.fold(x, self.output_size, self.kernel_size, self.dilation, self.padding, self.stride)
