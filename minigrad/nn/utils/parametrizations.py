"""Parametrizations of weights: weight normalization and spectral normalization."""

from __future__ import annotations

from typing import Any, TypeVar

from minigrad.nn import functional as F
from minigrad.nn.module import Module
from minigrad.nn.utils.normalized_weights import as_matrix, lengths, power_iteration, transposed, unit_vector
from minigrad.nn.utils.parametrize import register_parametrization
from minigrad.tensors.tensor import Tensor

__all__ = ["spectral_norm", "weight_norm"]

AnyModule = TypeVar("AnyModule", bound=Module)


def weight_norm(module: AnyModule, name: str = "weight", dim: int | None = 0) -> AnyModule:
    """Compute a parameter from its lengths, `original0`, and its directions, `original1`: g v / |v|; return the module.

    The lengths are those of the slices along `dim`, or with None that of the whole. Salimans and Kingma (2016).

    >>> from minigrad import nn
    >>> list(nn.utils.parametrizations.weight_norm(nn.Linear(4, 3)).state_dict())
    ['bias', 'parametrizations.weight.original0', 'parametrizations.weight.original1']
    """
    register_parametrization(module, name, _WeightNorm(dim), unsafe=True)
    return module


def spectral_norm(
    module: AnyModule, name: str = "weight", n_power_iterations: int = 1, eps: float = 1e-12, dim: int | None = None
) -> AnyModule:
    """Divide a parameter by its largest singular value whenever it is read; return the module.

    The singular value is estimated by a power iteration, `n_power_iterations` steps for each reading in training. The
    parameter counts as a matrix whose rows lie along `dim`, by default 0, or 1 for transposed convolutions; a vector is
    divided by its length. Miyato et al. (2018).

    >>> from minigrad import nn
    >>> layer = nn.utils.parametrizations.spectral_norm(nn.Linear(4, 3), n_power_iterations=50)
    >>> round(float(nn.utils.parametrizations.spectral_norm(layer).weight.norm(2).item()), 3) >= 1
    True
    """
    if n_power_iterations < 1:
        raise ValueError(f"spectral_norm: n_power_iterations must be at least 1, got {n_power_iterations}")
    dim = transposed(module) if dim is None else dim
    register_parametrization(module, name, _SpectralNorm(getattr(module, name), n_power_iterations, dim, eps))
    return module


class _WeightNorm(Module):
    def __init__(self, dim: int | None):
        super().__init__()
        self.dim = dim

    def forward(self, g: Tensor, v: Tensor) -> Tensor:
        return v * (g / lengths(v, self.dim))

    def right_inverse(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        return lengths(weight, self.dim), weight


class _SpectralNorm(Module):
    def __init__(self, weight: Tensor, steps: int, dim: int, eps: float):
        super().__init__()
        self.steps, self.dim, self.eps = steps, dim, eps
        if weight.ndim > 1:
            matrix = as_matrix(weight.array, dim)
            u, v = (unit_vector(size, weight.dtype, eps) for size in matrix.shape)
            u, v = power_iteration(matrix, u, v, 15, eps)
            self.register_buffer("_u", Tensor.from_array(u))
            self.register_buffer("_v", Tensor.from_array(v))

    def forward(self, weight: Tensor) -> Tensor:
        if weight.ndim == 1:
            return F.normalize(weight, dim=0, p=2.0, eps=self.eps)
        matrix: Any = as_matrix(weight, self.dim)
        vectors: Any = [self._buffers["_u"], self._buffers["_v"]]
        u, v = (vector.array for vector in vectors)
        if self.training:
            u, v = power_iteration(matrix.array, u, v, self.steps, self.eps)
            for vector, array in zip(vectors, (u, v), strict=True):
                vector.replace_array(array)
        return weight / (u @ (matrix @ v))

    def right_inverse(self, value: Tensor) -> Tensor:
        return value
