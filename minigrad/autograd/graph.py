"""Nodes of the tape, and hooks on the tensors that they save, under the names of `torch.autograd.graph`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minigrad.engine.grad_mode import no_grad
from minigrad.engine.scope import watch
from minigrad.engine.tape import Node
from minigrad.tensors.tensor import Tensor

__all__ = ["Node", "save_on_cpu", "saved_tensors_hooks"]


class saved_tensors_hooks(watch):
    """Pack what operations save for backward with ``pack_hook(tensor)``, during a ``with`` block of this thread.

    Backward reads it through ``unpack_hook(packed)``, which returns a tensor of the same shape and dtype, after the block,
    too. Every array that a gradient rule names is packed, inputs and results alike. Raises TypeError if the hook returns
    anything else than a tensor.

    >>> import minigrad as mg
    >>> x = mg.tensor([1.0, 2.0], requires_grad=True)
    >>> with mg.autograd.graph.saved_tensors_hooks(lambda t: (print("packs", t), t)[1], lambda t: t * 10):
    ...     y = x.exp().sum()
    packs tensor([2.7183, 7.3891])
    >>> y.backward()
    >>> x.grad
    tensor([27.1828, 73.8906])
    """

    def __init__(self, pack_hook: Callable[[Tensor], Any], unpack_hook: Callable[[Any], Tensor]):
        super().__init__(self._pack)
        self._hooks = pack_hook, unpack_hook

    def _pack(self, op: Any, args: Any, out: Any, node: Node | None) -> None:
        # The call of a Function of several outputs is the parent of the nodes that select one of them.
        if node is None:
            return
        for each in (*node.parents, node):
            if each is None or (each is not node and each.dtype is not None):
                continue
            if each.plan.holds_arrays and isinstance(each.saved, list):
                each.saved = _Packed(each.saved, *self._hooks)


class save_on_cpu(saved_tensors_hooks):
    """PyTorch's context that keeps saved tensors in main memory, where ours are: it changes nothing.

    >>> import minigrad as mg
    >>> x = mg.tensor(3.0, requires_grad=True)
    >>> with mg.autograd.graph.save_on_cpu():
    ...     y = x * x
    >>> y.backward()
    >>> x.grad
    tensor(6.)
    """

    def __init__(self, pin_memory: bool = False, device_type: str = "cuda"):
        super().__init__(lambda t: t, lambda t: t)


class _Packed(Sequence[Any]):
    """The saved values of a node; arrays are packed, and unpacked when they are read."""

    def __init__(self, saved: list[Any], pack: Callable[[Tensor], Any], unpack: Callable[[Any], Tensor]):
        self._unpack = unpack
        self._packed = [isinstance(value, np.ndarray) for value in saved]
        with no_grad():
            self._values = [pack(Tensor.from_array(v)) if p else v for p, v in zip(self._packed, saved, strict=True)]

    def __len__(self) -> int:
        return len(self._values)

    def __getitem__(self, slot: Any) -> Any:
        value = self._values[slot]
        if not self._packed[slot]:
            return value
        with no_grad():
            tensor = self._unpack(value)
        if not isinstance(tensor, Tensor):
            raise TypeError(f"saved_tensors_hooks: unpack_hook must return a tensor, got {type(tensor).__name__}")
        return tensor.array
