"""Lazy layers: the number of input features or channels is that of the first data."""

from __future__ import annotations

import inspect
from typing import Any, ClassVar

import numpy as np

from minigrad.nn import convolution, normalization
from minigrad.nn.linear import Linear
from minigrad.nn.module import Module
from minigrad.nn.parameter import UninitializedBuffer, UninitializedParameter, UninitializedTensor
from minigrad.nn.spatial import SpatialLayer
from minigrad.random import draws_from
from minigrad.tensors.tensor import Tensor

__all__ = [
    "LazyBatchNorm1d", "LazyBatchNorm2d", "LazyBatchNorm3d", "LazyConv1d", "LazyConv2d", "LazyConv3d",
    "LazyConvTranspose1d", "LazyConvTranspose2d", "LazyConvTranspose3d", "LazyInstanceNorm1d", "LazyInstanceNorm2d",
    "LazyInstanceNorm3d", "LazyLinear",
]  # fmt: skip


class LazyModuleMixin(Module):
    """A layer that becomes one of the class `cls_to_become` when it is first called."""

    cls_to_become: ClassVar[type[Module]]
    _first: ClassVar[str]  # the argument that is not given: in_features, in_channels or num_features
    _options: tuple[tuple[Any, ...], dict[str, Any]]

    def __init_subclass__(cls, **defaults: Any) -> None:
        super().__init_subclass__()
        if LazyModuleMixin in cls.__bases__:
            cls.cls_to_become = cls.__bases__[1]
            first, *others = inspect.signature(cls.cls_to_become).parameters.values()
            cls._first = first.name
            others = [each.replace(default=defaults.get(each.name, each.default)) for each in others]
            cls.__signature__ = inspect.Signature(others)  # type: ignore[attr-defined]

    def __init__(self, *args: Any, **options: Any):
        bound = inspect.signature(type(self)).bind(*args, **options)
        bound.apply_defaults()
        args, options = bound.args, bound.kwargs
        with draws_from(np.random.PCG64(0).state):  # the values are not used: the default generator stays as it was
            super().__init__(bound.arguments.get("groups", 1), *args, **options)  # type: ignore[call-arg]
        self._options = args, options
        setattr(self, self._first, 0)
        for name, parameter in self._parameters.items():
            if parameter is not None:
                self._parameters[name] = UninitializedParameter(parameter.requires_grad, dtype=parameter.dtype)
        for name, buffer in self._buffers.items():
            if buffer is not None and buffer.ndim:
                self._buffers[name] = UninitializedBuffer(dtype=buffer.dtype)

    def has_uninitialized_params(self) -> bool:
        """Return whether the shape of a parameter or buffer is not known yet."""
        return any(isinstance(t, UninitializedTensor) for t in [*self._parameters.values(), *self._buffers.values()])

    def initialize_parameters(self, input: Tensor) -> None:
        """Give parameters and buffers the shapes that fit the input, and initial values; loaded ones keep theirs."""
        args, options = self._options
        made: Any = self.cls_to_become(self._features(input), *args, **options)  # type: ignore[call-arg]
        setattr(self, self._first, getattr(made, self._first))
        for name, tensor in {**self._parameters, **self._buffers}.items():
            if isinstance(tensor, UninitializedTensor):
                value: Any = {**made._parameters, **made._buffers}[name]
                tensor.materialize(value.shape)
                tensor.replace_array(value.array.astype(tensor.dtype))

    def forward(self, *args: Any, **options: Any) -> Any:
        self.initialize_parameters(*args[:1])
        del self._options
        self.__class__ = self.cls_to_become  # type: ignore[assignment]
        return self.forward(*args, **options)

    def _features(self, x: Tensor) -> int:
        if isinstance(self, SpatialLayer):
            return x.shape[-self._axes - 1]
        return x.shape[-1 if isinstance(self, Linear) else 1]


class LazyLinear(LazyModuleMixin, Linear):
    """`Linear` whose `in_features` is the size of the last axis of the first input; from then on it is a Linear.

    Parameters have no shape before: a first call must come before anything that needs it. An optimizer may be made earlier.

    >>> import minigrad as mg
    >>> from minigrad import nn
    >>> layer = nn.LazyLinear(2)
    >>> layer.weight
    <UninitializedParameter>
    >>> _ = layer(mg.ones(4, 3))
    >>> layer
    Linear(in_features=3, out_features=2, bias=True)
    """


class LazyConv1d(LazyModuleMixin, convolution.Conv1d):
    """`Conv1d` whose `in_channels` is that of the first input; see `LazyLinear`."""


class LazyConv2d(LazyModuleMixin, convolution.Conv2d):
    """`Conv2d` whose `in_channels` is that of the first input; see `LazyLinear`."""


class LazyConv3d(LazyModuleMixin, convolution.Conv3d):
    """`Conv3d` whose `in_channels` is that of the first input; see `LazyLinear`."""


class LazyConvTranspose1d(LazyModuleMixin, convolution.ConvTranspose1d):
    """`ConvTranspose1d` whose `in_channels` is that of the first input; see `LazyLinear`."""


class LazyConvTranspose2d(LazyModuleMixin, convolution.ConvTranspose2d):
    """`ConvTranspose2d` whose `in_channels` is that of the first input; see `LazyLinear`."""


class LazyConvTranspose3d(LazyModuleMixin, convolution.ConvTranspose3d):
    """`ConvTranspose3d` whose `in_channels` is that of the first input; see `LazyLinear`."""


class LazyBatchNorm1d(LazyModuleMixin, normalization.BatchNorm1d):
    """`BatchNorm1d` whose `num_features` is that of the first input; see `LazyLinear`."""


class LazyBatchNorm2d(LazyModuleMixin, normalization.BatchNorm2d):
    """`BatchNorm2d` whose `num_features` is that of the first input; see `LazyLinear`."""


class LazyBatchNorm3d(LazyModuleMixin, normalization.BatchNorm3d):
    """`BatchNorm3d` whose `num_features` is that of the first input; see `LazyLinear`."""


class LazyInstanceNorm1d(LazyModuleMixin, normalization.InstanceNorm1d, affine=True, track_running_stats=True):
    """`InstanceNorm1d` whose `num_features` is that of the first input; see `LazyLinear`."""


class LazyInstanceNorm2d(LazyModuleMixin, normalization.InstanceNorm2d, affine=True, track_running_stats=True):
    """`InstanceNorm2d` whose `num_features` is that of the first input; see `LazyLinear`."""


class LazyInstanceNorm3d(LazyModuleMixin, normalization.InstanceNorm3d, affine=True, track_running_stats=True):
    """`InstanceNorm3d` whose `num_features` is that of the first input; see `LazyLinear`."""
