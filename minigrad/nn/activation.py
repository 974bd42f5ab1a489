"""Activation layers; the function of each layer documents the computation.

With `inplace`, as in PyTorch, the input tensor takes the result; this saves no memory.
"""

from __future__ import annotations

from typing import Any

from minigrad.arrays import DType
from minigrad.errors import ShapeError
from minigrad.nn import functional as F
from minigrad.nn.function_layer import FunctionLayer
from minigrad.nn.init import constant_
from minigrad.nn.layer_setup import count, parameter
from minigrad.nn.module import Module
from minigrad.tensors.tensor import Tensor

__all__ = [
    "CELU", "ELU", "GELU", "GLU", "Hardshrink", "Hardsigmoid", "Hardswish", "Hardtanh", "LeakyReLU", "LogSigmoid",
    "LogSoftmax", "Mish", "PReLU", "RReLU", "ReLU", "ReLU6", "SELU", "Sigmoid", "SiLU", "Softmax", "Softmax2d", "Softmin",
    "Softplus", "Softshrink", "Softsign", "Tanh", "Tanhshrink", "Threshold",
]  # fmt: skip


class _Activation(FunctionLayer):
    inplace = False

    def _keep(self, inplace: bool = False, **options: Any) -> None:
        super()._keep(**options)
        self.inplace = inplace

    def forward(self, x: Tensor) -> Tensor:
        options = [getattr(self, name) for name in self._options]
        return type(self)._function(x, *options, inplace=True) if self.inplace else type(self)._function(x, *options)

    def extra_repr(self) -> str:
        shown = [f"{name}={getattr(self, name)!r}" for name in self._options]
        return ", ".join([*shown, "inplace=True"] if self.inplace else shown)


class _InPlace(_Activation):
    def __init__(self, inplace: bool = False):
        super().__init__()
        self._keep(inplace)


class ReLU(_InPlace):
    """ReLU: max(x, 0)."""

    _function = F.relu


class ReLU6(_InPlace):
    """ReLU6: min(max(x, 0), 6)."""

    _function = F.relu6


class SELU(_InPlace):
    """SELU: an ELU with a scale that drives mean and variance to 0 and 1: Klambauer et al. (2017)."""

    _function = F.selu


class SiLU(_InPlace):
    """SiLU, also called swish: x * sigmoid(x)."""

    _function = F.silu


class Mish(_InPlace):
    """Mish: x * tanh(softplus(x)): Misra (2019)."""

    _function = F.mish


class Hardsigmoid(_InPlace):
    """Piecewise linear sigmoid: clip(x / 6 + 1/2, 0, 1)."""

    _function = F.hardsigmoid


class Hardswish(_InPlace):
    """Hardswish: x * hardsigmoid(x): Howard et al. (2019)."""

    _function = F.hardswish


class Sigmoid(_Activation):
    """Logistic sigmoid: 1 / (1 + exp(-x))."""

    _function = F.sigmoid


class Tanh(_Activation):
    """Hyperbolic tangent."""

    _function = F.tanh


class LogSigmoid(_Activation):
    """Log-sigmoid: log(sigmoid(x))."""

    _function = F.logsigmoid


class Softsign(_Activation):
    """Softsign: x / (1 + abs(x))."""

    _function = F.softsign


class Tanhshrink(_Activation):
    """Tanhshrink: x - tanh(x)."""

    _function = F.tanhshrink


class LeakyReLU(_Activation):
    """Leaky ReLU: x above zero, negative_slope * x below."""

    _function = F.leaky_relu

    def __init__(self, negative_slope: float = 0.01, inplace: bool = False):
        super().__init__()
        self._keep(inplace, negative_slope=negative_slope)


class ELU(_Activation):
    """ELU: x above zero, alpha * (exp(x) - 1) below: Clevert et al. (2016)."""

    _function = F.elu

    def __init__(self, alpha: float = 1.0, inplace: bool = False):
        super().__init__()
        self._keep(inplace, alpha=alpha)


class CELU(_Activation):
    """CELU: x above zero, alpha * (exp(x / alpha) - 1) below: Barron (2017)."""

    _function = F.celu

    def __init__(self, alpha: float = 1.0, inplace: bool = False):
        super().__init__()
        self._keep(inplace, alpha=alpha)


class Hardtanh(_Activation):
    """Hard tanh: x clipped to [min_val, max_val]."""

    _function = F.hardtanh

    def __init__(self, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False):
        super().__init__()
        self._keep(inplace, min_val=min_val, max_val=max_val)


class Threshold(_Activation):
    """Threshold: x where x > `threshold`, `value` elsewhere."""

    _function = F.threshold

    def __init__(self, threshold: float, value: float, inplace: bool = False):
        super().__init__()
        self._keep(inplace, threshold=threshold, value=value)


class RReLU(_Activation):
    """Leaky ReLU with slopes drawn uniformly from `lower` to `upper`: Xu et al. (2015).

    In evaluation mode the slope is their mean.
    """

    def __init__(self, lower: float = 1 / 8, upper: float = 1 / 3, inplace: bool = False):
        super().__init__()
        self._keep(inplace, lower=lower, upper=upper)

    def forward(self, x: Tensor) -> Tensor:
        return F.rrelu(x, self.lower, self.upper, self.training, inplace=self.inplace)


class GELU(_Activation):
    """GELU: x times the standard normal distribution function at x: Hendrycks and Gimpel (2016).

    `approximate` is "none", or "tanh" for the approximation with tanh.
    """

    _function = F.gelu

    def __init__(self, approximate: str = "none"):
        super().__init__()
        self._keep(approximate=approximate)


class Softplus(_Activation):
    """Softplus, a smooth ReLU: log(1 + exp(beta * x)) / beta, or x where beta * x is above `threshold`."""

    _function = F.softplus

    def __init__(self, beta: float = 1.0, threshold: float = 20.0):
        super().__init__()
        self._keep(beta=beta, threshold=threshold)


class _Shrink(_Activation):
    def __init__(self, lambd: float = 0.5):
        super().__init__()
        self._keep(lambd=lambd)

    def extra_repr(self) -> str:
        return f"{self.lambd}"


class Softshrink(_Shrink):
    """Soft shrinkage: x moved toward zero by `lambd`; zero where abs(x) <= lambd."""

    _function = F.softshrink


class Hardshrink(_Shrink):
    """Hard shrinkage: x; zero where abs(x) <= lambd."""

    _function = F.hardshrink


class _Along(_Activation):
    """Base of layers along the axis `dim`; if it is None, along the last of at most two axes, as in PyTorch."""

    def __init__(self, dim: int | None = None):
        super().__init__()
        self._keep(dim=dim)

    def forward(self, x: Tensor) -> Tensor:
        if self.dim is None and x.ndim > 2:
            raise ValueError(f"{type(self).__name__}: dim must be given for an input of {x.ndim} axes, shape {x.shape}")
        return type(self)._function(x, -1 if self.dim is None else self.dim)


class Softmax(_Along):
    """Softmax: exp(x) / sum(exp(x)) along the axis `dim`."""

    _function = F.softmax


class Softmax2d(_Activation):
    """Softmax over the channels of images (N, C, H, W), or (C, H, W)."""

    def forward(self, x: Tensor) -> Tensor:
        if x.ndim not in (3, 4):
            raise ShapeError(f"Softmax2d: input must be (N, C, H, W) or (C, H, W), got shape {x.shape}")
        return F.softmax(x, -3)


class LogSoftmax(_Along):
    """Log-softmax: log(softmax(x)) along the axis `dim`."""

    _function = F.log_softmax


class Softmin(_Along):
    """Softmin: softmax(-x) along the axis `dim`."""

    _function = F.softmin


class GLU(_Along):
    """Gated linear unit: the first half of x along `dim` times the sigmoid of the second: Dauphin et al. (2017)."""

    _function = F.glu

    def __init__(self, dim: int = -1):
        super().__init__(dim)


class PReLU(Module):
    """PReLU: x above zero, weight * x below, with a learned weight: He et al. (2015).

    `num_parameters` is 1, or the number of channels for one weight each; `init` is the initial weight.
    """

    def __init__(self, num_parameters: int = 1, init: float = 0.25, device: Any = None, dtype: DType = None):
        super().__init__()
        self.num_parameters = count("PReLU", "num_parameters", num_parameters)
        self.init = init
        self.weight = parameter((num_parameters,), init, dtype)

    def reset_parameters(self) -> None:
        """Set the weights to their initial value."""
        constant_(self.weight, self.init)

    def forward(self, x: Tensor) -> Tensor:
        return F.prelu(x, self.weight)

    def extra_repr(self) -> str:
        return f"num_parameters={self.num_parameters}"
