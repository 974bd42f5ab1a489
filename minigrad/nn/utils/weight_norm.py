"""Weight normalization by a hook: the weight is computed from its length and direction before each forward."""

from __future__ import annotations

from typing import TypeVar

from minigrad.nn.module import Module
from minigrad.nn.parameter import Parameter
from minigrad.nn.utils.weight_hook import WeightHook
from minigrad.ops import sqrt
from minigrad.tensors.tensor import Tensor

__all__ = ["lengths", "remove_weight_norm", "weight_norm"]

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
    """Make a weight an ordinary parameter again, of its present value; raise ValueError if it is not normalized."""
    _WeightNorm.remove(module, name)
    return module


def lengths(v: Tensor, dim: int | None) -> Tensor:
    """Return the 2-norms of the slices of `v` along `dim`, with axes of size 1 for the others; of all elements for None."""
    if dim is None or dim == -1:  # PyTorch's word for None
        return sqrt((v * v).sum())
    return sqrt((v * v).sum(tuple(axis for axis in range(v.ndim) if axis != dim % v.ndim), keepdim=True))


class _WeightNorm(WeightHook):
    suffixes = ("g", "v")

    def __init__(self, name: str, dim: int | None = 0):
        super().__init__(name)
        self.dim = dim

    def compute(self, module: Module, training: bool) -> Tensor:
        v = getattr(module, f"{self.name}_v")
        return v * (getattr(module, f"{self.name}_g") / lengths(v, self.dim))

    def split(self, module: Module, weight: Parameter) -> None:
        module.register_parameter(f"{self.name}_g", Parameter(lengths(weight.detach(), self.dim)))
        module.register_parameter(f"{self.name}_v", Parameter(weight))
