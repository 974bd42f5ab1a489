"""Parameter: a tensor that a module registers and an optimizer updates."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import repeat
from typing import Any, ClassVar, NoReturn

import numpy as np

from minigrad.arrays import DType
from minigrad.config import get_default_dtype
from minigrad.engine.interrupts import at_once
from minigrad.tensors.tensor import Tensor, copied

__all__ = ["Buffer", "Parameter", "UninitializedBuffer", "UninitializedParameter"]


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
        self.node = self.place = self.stored_grad = None
        if requires_grad:
            self.requires_grad_()

    def __repr__(self) -> str:
        return f"Parameter containing:\n{super().__repr__()}"


class Buffer(Tensor):
    """A tensor that is registered as a buffer when it is assigned to an attribute of a Module.

    `data` is anything that `tensor` takes; a copy is made. Without `persistent` it is not part of the state dict.

    >>> from minigrad import nn
    >>> module = nn.Module()
    >>> module.steps = nn.Buffer([0.0])
    >>> module.state_dict()
    {'steps': tensor([0.])}
    """

    __slots__ = {"persistent": "Whether the buffer is part of the state dict."}

    def __init__(self, data: Any = None, *, persistent: bool = True):
        self.array = copied("Buffer", np.zeros(0) if data is None else data, get_default_dtype() if data is None else None)
        self.node = self.place = self.stored_grad = None
        self.persistent = persistent


class UninitializedTensor(Tensor):
    """Base of tensors whose shape is not known yet: reading it raises RuntimeError until `materialize` sets it."""

    __slots__ = ()
    _later: ClassVar[type[Tensor]]

    def materialize(self, shape: Sequence[int], dtype: DType = None) -> None:
        """Become an ordinary tensor of this shape, filled with zeros."""
        zeros = np.zeros(tuple(shape), self.dtype if dtype is None else dtype)
        Tensor.__init__(self, zeros, dtype=zeros.dtype, requires_grad=self.requires_grad)  # with a node of that shape
        self.__class__ = self._later  # type: ignore[assignment]

    @property
    def shape(self) -> NoReturn:
        raise RuntimeError(f"{type(self).__name__}: the shape is not known yet\n  hint: call the module on data first")

    numel = nelement = size = dim = lambda self, *args: self.shape  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"


class UninitializedParameter(UninitializedTensor, Parameter):
    """A parameter of a lazy layer, whose shape is that of the first data: see `LazyLinear`.

    >>> weight = UninitializedParameter()
    >>> weight.materialize((2,))
    >>> weight
    Parameter containing:
    tensor([0., 0.], requires_grad=True)
    """

    __slots__ = ()
    _later = Parameter

    def __init__(self, requires_grad: bool = True, device: Any = None, dtype: DType = None):
        super().__init__(np.zeros(0, dtype or get_default_dtype()), requires_grad)


class UninitializedBuffer(UninitializedTensor):
    """A buffer of a lazy layer, whose shape is that of the first data.

    >>> from minigrad import nn
    >>> nn.LazyBatchNorm1d().running_mean
    <UninitializedBuffer>
    """

    __slots__ = ()
    _later = Tensor

    def __init__(self, requires_grad: bool = False, device: Any = None, dtype: DType = None):
        super().__init__(np.zeros(0), dtype=dtype, requires_grad=requires_grad)


def clear_gradients(parameters: Iterable[Tensor], set_to_none: bool = True) -> None:
    """Remove the gradients of all parameters, or with ``set_to_none=False`` set them to zero; a signal finds all or none."""
    given = list(parameters)
    zeros = [None if set_to_none or p.stored_grad is None else Tensor.from_array(np.zeros_like(p.array)) for p in given]
    at_once(setattr, given, repeat("stored_grad"), zeros)
