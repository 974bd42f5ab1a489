"""Call a module with replaced parameters."""

from __future__ import annotations

from typing import Any

from minigrad.engine.interrupts import at_once
from minigrad.nn.module import Module
from minigrad.tensors.tensor import Tensor, tensor

__all__ = ["functional_call"]


def functional_call(module: Module, parameters: dict[str, Any], args: Any = (), kwargs: dict[str, Any] | None = None) -> Any:
    """Return ``module(*args, **kwargs)`` with some parameters and buffers replaced, by their names in the state dict.

    `parameters` maps names to tensors, arrays or numbers; `args` is a tuple, or a single argument. A shared parameter is
    replaced everywhere. The module itself does not change. Raises KeyError for a name that the module does not have.

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
    new = {id(known[name]): value if isinstance(value, Tensor) else tensor(value) for name, value in parameters.items()}
    former = [dict(registry) for registry in registries]
    changed = [{name: new[id(t)] for name, t in registry.items() if id(t) in new} for registry in registries]
    try:
        at_once(dict.update, registries, changed)
        return module(*(args if isinstance(args, tuple) else (args,)), **(kwargs or {}))
    finally:
        at_once(dict.update, registries, former)
