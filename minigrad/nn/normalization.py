"""Layers that normalise; what each computes stands with its function."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from minigrad.arrays import DType
from minigrad.config import get_default_dtype
from minigrad.errors import ShapeError
from minigrad.nn import functional as F
from minigrad.nn.layer_setup import count, parameter
from minigrad.nn.module import Module
from minigrad.nn.parameter import Parameter
from minigrad.tensors.tensor import Tensor

__all__ = [
    "BatchNorm1d", "BatchNorm2d", "BatchNorm3d", "GroupNorm", "InstanceNorm1d", "InstanceNorm2d", "InstanceNorm3d",
    "LayerNorm", "LocalResponseNorm", "RMSNorm",
]  # fmt: skip

SHAPES = {2: "(N, C)", 3: "(N, C, L)", 4: "(N, C, H, W)", 5: "(N, C, D, H, W)"}


class _Running(Module):
    """What normalisations that remember share: weight and bias, running statistics, and how many batches made them."""

    _dimensions: ClassVar[tuple[int, ...]]
    _later = ("num_batches_tracked",)  # since PyTorch 0.4.1
    weight: Parameter | None
    bias: Parameter | None

    def __init__(
        self,
        num_features: int,
        eps: float,
        momentum: float | None,
        affine: bool,
        track_running_stats: bool,
        dtype: DType,
        bias: bool,
    ):
        super().__init__()
        self.num_features = count(type(self).__name__, "num_features", num_features)
        self.eps, self.momentum, self.affine, self.track_running_stats = eps, momentum, affine, track_running_stats
        shape = (num_features,)
        self.register_parameter("weight", parameter(shape, 1.0, dtype) if affine else None)
        self.register_parameter("bias", parameter(shape, 0.0, dtype) if affine and bias else None)
        dtype = dtype or get_default_dtype()
        self.register_buffer("running_mean", Tensor([0.0] * num_features, dtype) if track_running_stats else None)
        self.register_buffer("running_var", Tensor([1.0] * num_features, dtype) if track_running_stats else None)
        self.register_buffer("num_batches_tracked", Tensor(0) if track_running_stats else None)

    def _factor(self) -> float:
        """How much of the running statistics this batch makes: `momentum`, or without one an equal share of all batches."""
        if self.momentum is not None:
            return self.momentum
        return 1.0 / (self.num_batches_tracked.item() + 1) if self._remembers() else 0.0

    def _remembers(self) -> bool:
        return self.training and self.track_running_stats

    def _check(self, x: Tensor) -> None:
        if x.ndim not in self._dimensions:
            expected = " or ".join(SHAPES[n] for n in self._dimensions)
            raise ShapeError(f"{type(self).__name__}: input must be {expected}, got shape {x.shape}")

    def extra_repr(self) -> str:
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"bias={self.bias is not None}, track_running_stats={self.track_running_stats}"
        )


class _BatchNorm(_Running):
    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        dtype: DType = None,
        *,
        bias: bool = True,
    ):
        super().__init__(num_features, eps, momentum, affine, track_running_stats, dtype, bias)

    def forward(self, x: Tensor) -> Tensor:
        self._check(x)
        of_batch = self.training or not self.track_running_stats
        out = F.batch_norm(
            x, self.running_mean, self.running_var, self.weight, self.bias, of_batch, self._factor(), self.eps
        )
        if self._remembers():
            self.num_batches_tracked.replace_array(np.asarray(self.num_batches_tracked.array + 1))
        return out


class BatchNorm1d(_BatchNorm):
    """`BatchNorm2d` for (N, C) or (N, C, L)."""

    _dimensions = (2, 3)


class BatchNorm2d(_BatchNorm):
    """Each channel of images (N, C, H, W) normalised over the batch in training, by running statistics in evaluation.

    Those are moved by the share `momentum` towards each batch's, or, if it is None, are the means over all batches. Weight
    starts at one, bias at zero. Ioffe and Szegedy (2015).

    >>> import minigrad as mg
    >>> from minigrad import nn
    >>> out = nn.BatchNorm2d(3)(mg.rand(8, 3, 4, 4))
    >>> bool(out.mean(dim=(0, 2, 3)).abs().max() < 1e-5)
    True
    """

    _dimensions = (4,)


class BatchNorm3d(_BatchNorm):
    """`BatchNorm2d` for volumes (N, C, D, H, W)."""

    _dimensions = (5,)


class _InstanceNorm(_Running):
    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float = 0.1,
        affine: bool = False,
        track_running_stats: bool = False,
        dtype: DType = None,
        *,
        bias: bool = True,
    ):
        super().__init__(num_features, eps, momentum, affine, track_running_stats, dtype, bias)

    def forward(self, x: Tensor) -> Tensor:
        self._check(x)
        if self.affine and x.shape[1] != self.num_features:
            raise ShapeError(f"{type(self).__name__}: input must have {self.num_features} channels, got shape {x.shape}")
        of_instance = self.training or not self.track_running_stats
        return F.instance_norm(
            x, self.running_mean, self.running_var, self.weight, self.bias, of_instance, self._factor(), self.eps
        )


class InstanceNorm1d(_InstanceNorm):
    """`InstanceNorm2d` for sequences (N, C, L)."""

    _dimensions = (3,)


class InstanceNorm2d(_InstanceNorm):
    """Each channel of each image (N, C, H, W) normalised by itself: Ulyanov et al. (2016)."""

    _dimensions = (4,)


class InstanceNorm3d(_InstanceNorm):
    """`InstanceNorm2d` for volumes (N, C, D, H, W)."""

    _dimensions = (5,)


class LayerNorm(Module):
    """Each item normalised over its last axes, whose sizes are `normalized_shape`: Ba et al. (2016)."""

    weight: Parameter | None
    bias: Parameter | None

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        dtype: DType = None,
    ):
        super().__init__()
        self.normalized_shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
        self.eps, self.elementwise_affine = eps, elementwise_affine
        shape = self.normalized_shape
        self.register_parameter("weight", parameter(shape, 1.0, dtype) if elementwise_affine else None)
        self.register_parameter("bias", parameter(shape, 0.0, dtype) if elementwise_affine and bias else None)

    def forward(self, x: Tensor) -> Tensor:
        return F.layer_norm(x, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        affine, has_bias = self.elementwise_affine, self.bias is not None
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={affine}, bias={has_bias}"


class RMSNorm(Module):
    """Each item divided by its root mean square over its last axes, `normalized_shape`: Zhang and Sennrich (2019)."""

    weight: Parameter | None

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float | None = None,
        elementwise_affine: bool = True,
        dtype: DType = None,
    ):
        super().__init__()
        self.normalized_shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
        self.eps, self.elementwise_affine = eps, elementwise_affine
        self.register_parameter("weight", parameter(self.normalized_shape, 1.0, dtype) if elementwise_affine else None)

    def forward(self, x: Tensor) -> Tensor:
        return F.rms_norm(x, self.normalized_shape, self.weight, self.eps)

    def extra_repr(self) -> str:
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"


class GroupNorm(Module):
    """Each of `num_groups` groups of channels of each item normalised by itself: Wu and He (2018)."""

    weight: Parameter | None
    bias: Parameter | None

    def __init__(
        self,
        num_groups: int,
        num_channels: int,
        eps: float = 1e-5,
        affine: bool = True,
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
        self.register_parameter("weight", parameter((num_channels,), 1.0, dtype) if affine else None)
        self.register_parameter("bias", parameter((num_channels,), 0.0, dtype) if affine and bias else None)

    def forward(self, x: Tensor) -> Tensor:
        return F.group_norm(x, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        has_bias = self.bias is not None
        return f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}, bias={has_bias}"


class LocalResponseNorm(Module):
    """Each channel damped by what `size` neighbouring channels say at the same place: Krizhevsky et al. (2012)."""

    def __init__(self, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0):
        super().__init__()
        self.size, self.alpha, self.beta, self.k = size, alpha, beta, k

    def forward(self, x: Tensor) -> Tensor:
        return F.local_response_norm(x, self.size, self.alpha, self.beta, self.k)

    def extra_repr(self) -> str:
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"
