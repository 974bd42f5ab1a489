"""Parameter: a tensor that a module registers and an optimizer updates."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import repeat
from typing import Any

import numpy as np

from minigrad.arrays import DType
from minigrad.engine.interrupts import at_once
from minigrad.tensors.tensor import Tensor, copied

__all__ = ["Parameter"]


class Parameter(Tensor):
    """A tensor that is registered when it is assigned to an attribute of a Module.

    `data` is anything that `tensor` takes; a copy is made. `requires_grad` is True by default.

    >>> from minigrad import nn
    >>> nn.Parameter([1.0, 2.0])
    Parameter containing:
    tensor([1., 2.], requires_grad=True)
    """

    __slots__ = ()

    def __init__(self, data: Any, requires_grad: bool = True, dtype: DType = None):
        if isinstance(data, Tensor) and data.is_leaf:  # a new leaf, without the warning that no gradient flows back
            data = data.detach()
        self.array = copied("Parameter", data, dtype)
        self.node = None
        self.stored_grad = None
        if requires_grad:
            self.requires_grad_()

    def __repr__(self) -> str:
        return f"Parameter containing:\n{super().__repr__()}"


def clear_gradients(parameters: Iterable[Tensor], set_to_none: bool = True) -> None:
    """Remove the gradients of all parameters, or with ``set_to_none=False`` set them to zero; a signal finds all or none."""
    given = list(parameters)
    zeros = [None if set_to_none or p.stored_grad is None else Tensor.from_array(np.zeros_like(p.array)) for p in given]
    at_once(setattr, given, repeat("stored_grad"), zeros)
