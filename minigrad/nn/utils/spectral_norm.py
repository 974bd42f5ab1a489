"""Spectral normalization by a hook: the weight is divided by its largest singular value before each forward."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np

from minigrad.arrays import Array
from minigrad.nn.convolution import ConvTranspose1d, ConvTranspose2d, ConvTranspose3d
from minigrad.nn.module import Module
from minigrad.nn.parameter import Parameter
from minigrad.nn.utils.weight_hook import WeightHook
from minigrad.ops import moveaxis, reshape
from minigrad.random import default_generator
from minigrad.tensors.tensor import Tensor

__all__ = ["as_matrix", "power_iteration", "remove_spectral_norm", "spectral_norm", "transposed", "unit_vector"]

AnyModule = TypeVar("AnyModule", bound=Module)


def spectral_norm(
    module: AnyModule, name: str = "weight", n_power_iterations: int = 1, eps: float = 1e-12, dim: int | None = None
) -> AnyModule:
    """Replace a parameter by `NAME_orig`; before each forward the weight becomes that over its largest singular value.

    The singular value is estimated by a power iteration, which goes on from the vectors `NAME_u` and `NAME_v`,
    `n_power_iterations` steps for each forward in training. The weight counts as a matrix whose rows lie along `dim`, by
    default 0, or 1 for transposed convolutions. Returns the module. `nn.utils.parametrizations.spectral_norm` does the same
    whenever the weight is read. Miyato et al. (2018).

    >>> from minigrad import nn
    >>> list(nn.utils.spectral_norm(nn.Linear(4, 3)).state_dict())
    ['bias', 'weight_orig', 'weight_u', 'weight_v']
    """
    if n_power_iterations < 1:
        raise ValueError(f"spectral_norm: n_power_iterations must be at least 1, got {n_power_iterations}")
    _SpectralNorm(name, n_power_iterations, eps, transposed(module) if dim is None else dim).attach(module)
    return module


def remove_spectral_norm(module: AnyModule, name: str = "weight") -> AnyModule:
    """Make a weight an ordinary parameter again, of its present value; raise ValueError if it is not normalized."""
    _SpectralNorm.remove(module, name)
    return module


def transposed(module: Module) -> int:
    """Return the axis of the output channels of a layer's weight."""
    return int(isinstance(module, ConvTranspose1d | ConvTranspose2d | ConvTranspose3d))


def as_matrix(weight: Any, dim: int) -> Any:
    """Return a weight as the matrix whose rows lie along `dim`."""
    return reshape(moveaxis(weight, dim, 0), (weight.shape[dim], -1))


def power_iteration(matrix: Array, u: Array, v: Array, steps: int, eps: float) -> tuple[Array, Array]:
    """Return u and v after steps of u = M v / |M v|, v = M' u / |M' u|, which lead to the first singular vectors."""
    for _ in range(steps):
        u = _normalized(matrix @ v, eps)
        v = _normalized(matrix.T @ u, eps)
    return u, v


def unit_vector(size: int, dtype: Any, eps: float) -> Array:
    """Return a random vector of length 1."""
    return _normalized(default_generator().standard_normal(size).astype(dtype), eps)


def _normalized(x: Array, eps: float) -> Array:
    return x / max(np.sqrt(x @ x), x.dtype.type(eps))


class _SpectralNorm(WeightHook):
    suffixes = ("orig", "u", "v")

    def __init__(self, name: str, steps: int = 1, eps: float = 1e-12, dim: int = 0):
        super().__init__(name)
        self.steps, self.eps, self.dim = steps, eps, dim

    def compute(self, module: Module, training: bool) -> Tensor:
        weight, u, v = (getattr(module, f"{self.name}_{suffix}") for suffix in self.suffixes)
        matrix = as_matrix(weight, self.dim)
        if training:
            second, first = power_iteration(matrix.array.T, v.array, u.array, self.steps, self.eps)
            u.replace_array(first)
            v.replace_array(second)
        return weight / (u.array @ (matrix @ v.array))

    def split(self, module: Module, weight: Parameter) -> None:
        module.register_parameter(f"{self.name}_orig", weight)
        for suffix, size in zip("uv", as_matrix(weight.array, self.dim).shape, strict=True):
            module.register_buffer(f"{self.name}_{suffix}", Tensor.from_array(unit_vector(size, weight.dtype, self.eps)))
