"""Parameter: a tensor that a module owns and an optimizer changes."""

from __future__ import annotations

from typing import Any

from minigrad.arrays import DType
from minigrad.tensors.tensor import Tensor

__all__ = ["Parameter"]


class Parameter(Tensor):
    """A tensor that registers itself when it becomes an attribute of a Module; it requires a gradient unless told not to.

    >>> from minigrad import nn
    >>> nn.Parameter([1.0, 2.0])
    Parameter containing:
    tensor([1., 2.], requires_grad=True)
    """

    __slots__ = ()

    def __init__(self, data: Any, requires_grad: bool = True, dtype: DType = None):
        if isinstance(data, Tensor) and data.is_leaf:  # nothing is lost: a leaf of its own is what is asked for
            data = data.detach()
        super().__init__(data, dtype, requires_grad)

    def __repr__(self) -> str:
        return f"Parameter containing:\n{super().__repr__()}"
