"""Variable: PyTorch's name of tensors that require gradients, from the time before tensors did that themselves."""

from __future__ import annotations

import warnings
from typing import Any

from minigrad.tensors.tensor import Tensor

__all__ = ["Variable"]


class _InstancesAreTensors(type):
    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, Tensor)


class Variable(metaclass=_InstancesAreTensors):
    """Return a tensor that shares the data of `data`, as a leaf of the graph; every tensor is an instance of Variable.

    Raises TypeError for data that is no tensor, DTypeError for integers with `requires_grad`. `volatile` has no effect any
    more, and warns, as in PyTorch.

    >>> import minigrad as mg
    >>> x = mg.autograd.Variable(mg.tensor([1.0, 2.0]), requires_grad=True)
    >>> x, isinstance(x, mg.autograd.Variable)
    (tensor([1., 2.], requires_grad=True), True)
    """

    def __new__(cls, data: Tensor | None = None, requires_grad: bool = False, volatile: bool = False) -> Any:
        if volatile:
            warnings.warn(
                "Variable: volatile has no effect any more\n  hint: use `with no_grad():` instead", UserWarning, stacklevel=2
            )
        if data is None:
            return Tensor([], requires_grad=requires_grad)
        if not isinstance(data, Tensor):
            raise TypeError(f"Variable: data must be a tensor, got {type(data).__name__}\n  hint: use tensor(data)")
        return data.detach().requires_grad_(requires_grad)
