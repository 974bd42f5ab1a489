"""Linear layers, and layers that only change the shape."""

from __future__ import annotations

from typing import Any

from minigrad.arrays import DType
from minigrad.nn import functional as F
from minigrad.nn.layer_setup import count, draw_uniformly, parameter
from minigrad.nn.module import Module
from minigrad.nn.parameter import Parameter
from minigrad.ops import flatten, unflatten
from minigrad.tensors.tensor import Tensor

__all__ = ["Bilinear", "Flatten", "Identity", "Linear", "Unflatten"]


class Linear(Module):
    """Linear layer: ``x @ weight.T + bias``, from (..., in_features) to (..., out_features).

    The weight has shape (out_features, in_features). Weight and bias are drawn uniformly from +-1/sqrt(in_features), as in
    PyTorch.

    >>> import minigrad as mg
    >>> from minigrad import nn
    >>> nn.Linear(20, 30)(mg.zeros(4, 20)).shape
    (4, 30)
    """

    bias: Parameter | None

    def __init__(self, in_features: int, out_features: int, bias: bool = True, device: Any = None, dtype: DType = None):
        super().__init__()
        self.in_features = count("Linear", "in_features", in_features)
        self.out_features = count("Linear", "out_features", out_features)
        self.weight = parameter((out_features, in_features), 0.0, dtype)
        self.register_parameter("bias", parameter((out_features,), 0.0, dtype) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the initial values of weight and bias again."""
        draw_uniformly(self.in_features, (self.weight, self.bias))

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight, self.bias)

    def extra_repr(self) -> str:
        bias = self.bias is not None
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={bias}"


class Identity(Module):
    """Return the input; a placeholder whose constructor accepts any arguments."""

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__()

    def forward(self, x: Any) -> Any:
        return x


class Bilinear(Module):
    """Bilinear layer: ``x1 @ weight[o] @ x2 + bias[o]``, of (..., in1_features) and (..., in2_features).

    Weight and bias are drawn uniformly from +-1/sqrt(in1_features).
    """

    bias: Parameter | None

    def __init__(
        self, in1_features: int, in2_features: int, out_features: int, bias: bool = True,
        device: Any = None, dtype: DType = None,
    ):  # fmt: skip
        super().__init__()
        self.in1_features = count("Bilinear", "in1_features", in1_features)
        self.in2_features = count("Bilinear", "in2_features", in2_features)
        self.out_features = count("Bilinear", "out_features", out_features)
        self.weight = parameter((out_features, in1_features, in2_features), 0.0, dtype)
        self.register_parameter("bias", parameter((out_features,), 0.0, dtype) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw weight and bias uniformly from +-1/sqrt(in1_features)."""
        draw_uniformly(self.in1_features, (self.weight, self.bias))

    def forward(self, x1: Tensor, x2: Tensor) -> Tensor:
        return F.bilinear(x1, x2, self.weight, self.bias)

    def extra_repr(self) -> str:
        sizes = f"in1_features={self.in1_features}, in2_features={self.in2_features}, out_features={self.out_features}"
        return f"{sizes}, bias={self.bias is not None}"


class Flatten(Module):
    """Merge the axes from `start_dim` to `end_dim`, by default all but the first: (N, ...) to (N, product of the others)."""

    def __init__(self, start_dim: int = 1, end_dim: int = -1):
        super().__init__()
        self.start_dim, self.end_dim = start_dim, end_dim

    def forward(self, x: Tensor) -> Tensor:
        return flatten(x, self.start_dim, self.end_dim)

    def extra_repr(self) -> str:
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"


class Unflatten(Module):
    """Split the axis `dim` into axes of the sizes `unflattened_size`."""

    def __init__(self, dim: int, unflattened_size: tuple[int, ...]):
        super().__init__()
        self.dim, self.unflattened_size = dim, tuple(unflattened_size)

    def forward(self, x: Tensor) -> Tensor:
        return unflatten(x, self.dim, self.unflattened_size)

    def extra_repr(self) -> str:
        return f"dim={self.dim}, unflattened_size={self.unflattened_size}"
