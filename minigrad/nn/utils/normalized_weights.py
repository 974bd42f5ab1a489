"""Weight and spectral normalization by a hook: a weight is computed from other parameters before each forward."""

from __future__ import annotations

from typing import Any, Self, TypeVar

import numpy as np

from minigrad.arrays import Array
from minigrad.engine.grad_mode import no_grad
from minigrad.nn.convolution import ConvTranspose1d, ConvTranspose2d, ConvTranspose3d
from minigrad.nn.module import Module
from minigrad.nn.parameter import Parameter
from minigrad.ops import moveaxis, reshape, sqrt
from minigrad.random import default_generator
from minigrad.tensors.tensor import Tensor

__all__ = [
    "as_matrix", "lengths", "power_iteration", "remove_spectral_norm", "remove_weight_norm", "spectral_norm", "transposed",
    "unit_vector", "weight_norm",
]  # fmt: skip

AnyModule = TypeVar("AnyModule", bound=Module)


def weight_norm(module: AnyModule, name: str = "weight", dim: int | None = 0) -> AnyModule:
    """Replace a parameter by `NAME_g`, its lengths, and `NAME_v`, its directions: weight = g v / |v|; return the module.

    The lengths are those of the slices along `dim`, or with None that of the whole. The weight is computed before each
    forward. `nn.utils.parametrizations.weight_norm` does the same whenever it is read. Salimans and Kingma (2016).

    >>> from minigrad import nn
    >>> list(nn.utils.weight_norm(nn.Linear(4, 3)).state_dict())
    ['bias', 'weight_g', 'weight_v']
    """
    _WeightNorm(name, dim).attach(module)
    return module


def remove_weight_norm(module: AnyModule, name: str = "weight") -> AnyModule:
    """Make a weight an ordinary parameter again, of its present value; raise ValueError if it is not normalized.

    >>> from minigrad import nn
    >>> layer = nn.utils.weight_norm(nn.Linear(4, 3))
    >>> list(nn.utils.remove_weight_norm(layer).state_dict())
    ['bias', 'weight']
    """
    _WeightNorm.remove(module, name)
    return module


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
    """Make a weight an ordinary parameter again, of its present value; raise ValueError if it is not normalized.

    >>> from minigrad import nn
    >>> layer = nn.utils.spectral_norm(nn.Linear(4, 3))
    >>> list(nn.utils.remove_spectral_norm(layer).state_dict())
    ['bias', 'weight']
    """
    _SpectralNorm.remove(module, name)
    return module


def lengths(v: Tensor, dim: int | None) -> Tensor:
    """Return the 2-norms of the slices of `v` along `dim`, with axes of size 1 for the others; of all elements for None."""
    if dim is None or dim == -1:  # PyTorch's word for None
        return sqrt((v * v).sum())
    return sqrt((v * v).sum(tuple(axis for axis in range(v.ndim) if axis != dim % v.ndim), keepdim=True))


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


class _WeightHook:
    """A forward pre-hook that computes a weight from other parameters of its module, and keeps it as a plain attribute."""

    kind: str
    suffixes: tuple[str, ...]  # of the parameters and buffers that are there instead of the weight

    def __init__(self, name: str):
        self.name = name

    def compute(self, module: Module, training: bool) -> Tensor:
        """Return the weight; in training a subclass may improve what it estimates."""
        raise NotImplementedError

    def split(self, module: Module, weight: Parameter) -> None:
        """Register parameters and buffers from which the weight is computed."""
        raise NotImplementedError

    def __call__(self, module: Module, args: object) -> None:
        setattr(module, self.name, self.compute(module, module.training))

    def attach(self, module: Module) -> None:
        """Replace the weight of a module; raise RuntimeError if that is done already."""
        if self._key(module) is not None:
            raise RuntimeError(f"{self.kind}: {self.name!r} of {type(module).__name__} is normalized already")
        weight = getattr(module, self.name)
        delattr(module, self.name)
        self.split(module, weight)
        setattr(module, self.name, self.compute(module, False))
        module.register_forward_pre_hook(self)

    @classmethod
    def remove(cls, module: Module, name: str) -> None:
        """Make the weight an ordinary parameter again, of its present value; raise ValueError if it was not replaced."""
        key = cls(name)._key(module)
        if key is None:
            raise ValueError(f"remove_{cls.kind}: {name!r} of {type(module).__name__} is not normalized")
        hook: Self = module._hooks.before.pop(key)[0]  # type: ignore[union-attr,assignment]
        with no_grad():
            weight = hook.compute(module, False)
        for each in (name, *(f"{name}_{suffix}" for suffix in cls.suffixes)):
            delattr(module, each)
        module.register_parameter(name, Parameter(weight))

    def _key(self, module: Module) -> int | None:
        hooks = {} if module._hooks is None else module._hooks.before
        return next((k for k, (h, _) in hooks.items() if isinstance(h, type(self)) and h.name == self.name), None)


class _WeightNorm(_WeightHook):
    kind, suffixes = "weight_norm", ("g", "v")

    def __init__(self, name: str, dim: int | None = 0):
        super().__init__(name)
        self.dim = dim

    def compute(self, module: Module, training: bool) -> Tensor:
        v = getattr(module, f"{self.name}_v")
        return v * (getattr(module, f"{self.name}_g") / lengths(v, self.dim))

    def split(self, module: Module, weight: Parameter) -> None:
        module.register_parameter(f"{self.name}_g", Parameter(lengths(weight.detach(), self.dim)))
        module.register_parameter(f"{self.name}_v", Parameter(weight))


class _SpectralNorm(_WeightHook):
    kind, suffixes = "spectral_norm", ("orig", "u", "v")

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
