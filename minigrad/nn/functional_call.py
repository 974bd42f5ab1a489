"""Call a module with other parameters than its own."""

from __future__ import annotations

from typing import Any

from minigrad.engine.interrupts import at_once
from minigrad.nn.module import Module
from minigrad.tensors.tensor import Tensor

__all__ = ["functional_call"]


def functional_call(module: Module, parameters: dict[str, Any], args: Any = (), kwargs: dict[str, Any] | None = None) -> Any:
    """``module(*args, **kwargs)`` with other tensors in the place of some parameters and buffers, named as in a state dict.

    What modules share is replaced everywhere. Raises KeyError for a name that the module does not have.

    >>> import minigrad as mg
    >>> net = mg.nn.Linear(1, 1)
    >>> loss = lambda p: mg.func.functional_call(net, p, mg.tensor([3.0])).sum()
    >>> mg.grad(loss)({"weight": mg.tensor([[2.0]]), "bias": mg.tensor([1.0])})
    {'weight': tensor([[3.]]), 'bias': tensor([1.])}
    """
    registries = [registry for m in module.modules() for registry in (m._parameters, m._buffers)]
    known = {**dict(module.named_parameters(remove_duplicate=False)), **dict(module.named_buffers(remove_duplicate=False))}
    unknown = [name for name in parameters if name not in known]
    if unknown:
        raise KeyError(f"functional_call: {type(module).__name__} has no {', '.join(unknown)}; it has {', '.join(known)}")
    instead = {id(known[name]): value if isinstance(value, Tensor) else Tensor(value) for name, value in parameters.items()}
    former = [dict(registry) for registry in registries]
    changed = [{name: instead[id(t)] for name, t in registry.items() if id(t) in instead} for registry in registries]
    try:
        at_once(dict.update, registries, changed)
        return module(*(args if isinstance(args, tuple) else (args,)), **(kwargs or {}))
    finally:
        at_once(dict.update, registries, former)
