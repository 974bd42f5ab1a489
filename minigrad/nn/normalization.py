"""Normalization layers; the function of each layer documents the computation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np

from minigrad.arrays import DType
from minigrad.engine.spatial import unbatched
from minigrad.errors import ShapeError
from minigrad.nn import functional as F
from minigrad.nn import init
from minigrad.nn.layer_setup import count, parameter
from minigrad.nn.module import Module
from minigrad.nn.parameter import Parameter
from minigrad.tensors.tensor import Tensor, tensor

__all__ = [
    "BatchNorm1d", "BatchNorm2d", "BatchNorm3d", "GroupNorm", "InstanceNorm1d", "InstanceNorm2d", "InstanceNorm3d",
    "LayerNorm", "LocalResponseNorm", "RMSNorm", "SyncBatchNorm",
]  # fmt: skip

SHAPES = {2: "(N, C)", 3: "(N, C, L)", 4: "(N, C, H, W)", 5: "(N, C, D, H, W)"}


class _Affine(Module):
    """Base of normalizations that scale by a weight and shift by a bias, or have None instead."""

    weight: Parameter | None
    bias: Parameter | None

    def _register_affine(self, shape: tuple[int, ...], weight: bool, bias: bool, dtype: DType) -> None:
        self.register_parameter("weight", parameter(shape, 1.0, dtype) if weight else None)
        self.register_parameter("bias", parameter(shape, 0.0, dtype) if bias else None)

    def reset_parameters(self) -> None:
        """Set the weight to ones and the bias to zeros."""
        for name, fill in (("weight", init.ones_), ("bias", init.zeros_)):
            p = self._parameters.get(name)
            if p is not None:
                fill(p)


class _NormBase(_Affine):
    """Base of normalizations with running statistics: weight, bias, running mean and variance, number of batches seen."""

    _dimensions: ClassVar[tuple[int, ...]] = tuple(SHAPES)  # all, for bases that are extended directly
    _function: ClassVar[Callable[..., Any]]
    _later = ("num_batches_tracked",)  # state dicts have it since PyTorch 0.4.1

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: Any = None,
        dtype: DType = None,
        *,
        bias: bool = True,
    ):
        super().__init__()
        self.num_features = count(type(self).__name__, "num_features", num_features)
        self.eps, self.momentum, self.affine, self.track_running_stats = eps, momentum, affine, track_running_stats
        self._register_affine((num_features,), affine, affine and bias, dtype)
        self.register_buffer("running_mean", tensor([0.0] * num_features, dtype) if track_running_stats else None)
        self.register_buffer("running_var", tensor([1.0] * num_features, dtype) if track_running_stats else None)
        self.register_buffer("num_batches_tracked", tensor(0) if track_running_stats else None)
        self.reset_parameters()

    def reset_running_stats(self) -> None:
        """Set the running mean to zeros, the variance to ones, and the number of batches to 0."""
        if self.track_running_stats:
            self.running_mean.zero_()
            self.running_var.fill_(1)
            self.num_batches_tracked.zero_()

    def reset_parameters(self) -> None:
        """Set the weight to ones, the bias to zeros, and the running statistics to their initial values."""
        self.reset_running_stats()
        super().reset_parameters()

    def forward(self, x: Tensor) -> Tensor:
        if x.ndim not in self._dimensions:
            expected = " or ".join(SHAPES[n] for n in self._dimensions)
            raise ShapeError(f"{type(self).__name__}: input must be {expected}, got shape {x.shape}")
        from_input = self.training or not self.track_running_stats
        return type(self)._function(
            x, self.running_mean, self.running_var, self.weight, self.bias, from_input, self._factor(), self.eps
        )

    def _factor(self) -> float:
        """Return the weight of this batch in the running statistics: `momentum`, or 1 / number of batches if it is None."""
        if self.momentum is not None:
            return self.momentum
        return 1.0 / (self.num_batches_tracked.item() + 1) if self._updates_statistics() else 0.0

    def _updates_statistics(self) -> bool:
        return self.training and self.track_running_stats

    def extra_repr(self) -> str:
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"bias={self.bias is not None}, track_running_stats={self.track_running_stats}"
        )


class _BatchNorm(_NormBase):
    _function = F.batch_norm

    def forward(self, x: Tensor) -> Tensor:
        out = super().forward(x)
        if self._updates_statistics():
            self.num_batches_tracked.replace_array(np.asarray(self.num_batches_tracked.array + 1))
        return out


class BatchNorm1d(_BatchNorm):
    """Batch normalization of (N, C) or (N, C, L): see `BatchNorm2d`."""

    _dimensions = (2, 3)


class BatchNorm2d(_BatchNorm):
    """Batch normalization of images (N, C, H, W), channel by channel: (x - mean) / sqrt(var + eps) * weight + bias.

    In training, mean and variance are those of the batch, and the running statistics move toward them by the fraction
    `momentum`; if it is None, they are averages over all batches. In evaluation the running statistics are used; with
    `track_running_stats=False` there are none, and those of the batch are used always. The weight is initialized to one, the
    bias to zero; `affine=False` leaves out both. Ioffe and Szegedy (2015).

    >>> import minigrad as mg
    >>> from minigrad import nn
    >>> out = nn.BatchNorm2d(3)(mg.rand(8, 3, 4, 4))
    >>> bool(out.mean(dim=(0, 2, 3)).abs().max() < 1e-5)
    True
    """

    _dimensions = (4,)


class BatchNorm3d(_BatchNorm):
    """Batch normalization of volumes (N, C, D, H, W): see `BatchNorm2d`."""

    _dimensions = (5,)


class SyncBatchNorm(_BatchNorm):
    """Batch normalization over all processes of a group, of which there is one: `BatchNorm2d` for any number of axes."""

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        process_group: Any = None,
        device: Any = None,
        dtype: DType = None,
        *,
        bias: bool = True,
    ):
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype, bias=bias)

    @classmethod
    def convert_sync_batchnorm(cls, module: Module, process_group: Any = None) -> Module:
        """Return the module itself: its batch normalizations see all of the batch already."""
        return module


class _InstanceNorm(_NormBase):
    _function = F.instance_norm

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float = 0.1,
        affine: bool = False,
        track_running_stats: bool = False,
        device: Any = None,
        dtype: DType = None,
        *,
        bias: bool = True,
    ):
        super().__init__(num_features, eps, momentum, affine, track_running_stats, dtype=dtype, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        if x.ndim + 1 in self._dimensions:
            return unbatched(self.forward, x)
        if self.affine and x.ndim in self._dimensions and x.shape[1] != self.num_features:
            raise ShapeError(f"{type(self).__name__}: input must have {self.num_features} channels, got shape {x.shape}")
        return super().forward(x)


class InstanceNorm1d(_InstanceNorm):
    """Instance normalization of sequences (N, C, L) or (C, L): see `InstanceNorm2d`."""

    _dimensions = (3,)


class InstanceNorm2d(_InstanceNorm):
    """Instance normalization: each channel of each image by its mean and variance: Ulyanov et al. (2016).

    The input is (N, C, H, W), or one image (C, H, W). Options are those of `BatchNorm2d`; by default there is no weight and
    bias, and there are no running statistics.
    """

    _dimensions = (4,)


class InstanceNorm3d(_InstanceNorm):
    """Instance normalization of volumes (N, C, D, H, W) or (C, D, H, W): see `InstanceNorm2d`."""

    _dimensions = (5,)


class LayerNorm(_Affine):
    """Layer normalization over the last axes, whose sizes are `normalized_shape`: Ba et al. (2016).

    `elementwise_affine=False` leaves out weight and bias, `bias=False` the bias alone; both have shape `normalized_shape`.
    """

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        device: Any = None,
        dtype: DType = None,
    ):
        super().__init__()
        self.normalized_shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
        self.eps, self.elementwise_affine = eps, elementwise_affine
        self._register_affine(self.normalized_shape, elementwise_affine, elementwise_affine and bias, dtype)
        self.reset_parameters()

    def forward(self, x: Tensor) -> Tensor:
        return F.layer_norm(x, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        affine, has_bias = self.elementwise_affine, self.bias is not None
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={affine}, bias={has_bias}"


class RMSNorm(_Affine):
    """RMS normalization: division by the root mean square over the last axes, whose sizes are `normalized_shape`.

    Zhang and Sennrich (2019). `eps` is by default the machine epsilon of the dtype. `elementwise_affine=False` leaves out
    the weight.
    """

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float | None = None,
        elementwise_affine: bool = True,
        device: Any = None,
        dtype: DType = None,
    ):
        super().__init__()
        self.normalized_shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
        self.eps, self.elementwise_affine = eps, elementwise_affine
        self.register_parameter("weight", parameter(self.normalized_shape, 1.0, dtype) if elementwise_affine else None)
        self.reset_parameters()

    def forward(self, x: Tensor) -> Tensor:
        return F.rms_norm(x, self.normalized_shape, self.weight, self.eps)

    def extra_repr(self) -> str:
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"


class GroupNorm(_Affine):
    """Group normalization of (N, C, ...): each of `num_groups` groups of channels by its mean and variance.

    Wu and He (2018). `affine=False` leaves out weight and bias, `bias=False` the bias alone; their shape is (num_channels,).
    """

    def __init__(
        self,
        num_groups: int,
        num_channels: int,
        eps: float = 1e-5,
        affine: bool = True,
        device: Any = None,
        dtype: DType = None,
        *,
        bias: bool = True,
    ):
        super().__init__()
        self.num_groups = count("GroupNorm", "num_groups", num_groups)
        self.num_channels = count("GroupNorm", "num_channels", num_channels)
        if num_channels % num_groups:
            raise ShapeError(f"GroupNorm: {num_channels} channels do not divide into {num_groups} groups")
        self.eps, self.affine = eps, affine
        self._register_affine((num_channels,), affine, affine and bias, dtype)
        self.reset_parameters()

    def forward(self, x: Tensor) -> Tensor:
        return F.group_norm(x, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        has_bias = self.bias is not None
        return f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}, bias={has_bias}"


class LocalResponseNorm(Module):
    """Local response normalization of (N, C, ...): x / (k + alpha * mean(x**2))**beta, over `size` neighboring channels.

    Krizhevsky et al. (2012).
    """

    def __init__(self, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0):
        super().__init__()
        self.size, self.alpha, self.beta, self.k = size, alpha, beta, k

    def forward(self, x: Tensor) -> Tensor:
        return F.local_response_norm(x, self.size, self.alpha, self.beta, self.k)

    def extra_repr(self) -> str:
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"
