"""Modules as functions: calls with replaced parameters, stacked parameters, and batch norms without running averages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from minigrad import ops
from minigrad.engine.interrupts import at_once, in_turn
from minigrad.nn.module import Module
from minigrad.nn.normalization import BatchNorm1d, BatchNorm2d, BatchNorm3d
from minigrad.tensors.tensor import Tensor, tensor

__all__ = ["functional_call", "replace_all_batch_norm_modules_", "stack_module_state"]


def functional_call(
    module: Module,
    parameter_and_buffer_dicts: dict[str, Any] | Sequence[dict[str, Any]],
    args: Any = None,
    kwargs: dict[str, Any] | None = None,
    *,
    strict: bool = False,
) -> Any:
    """Return ``module(*args, **kwargs)`` with some parameters and buffers replaced, by their names in the state dict.

    `parameter_and_buffer_dicts` maps names to tensors, arrays or numbers, in one dict or in several; `args` is a tuple, or a
    single argument. A shared parameter is replaced everywhere. The module itself does not change. Raises KeyError for a name
    that the module does not have and, with `strict`, for one of the module's that is not given.

    >>> import minigrad as mg
    >>> net = mg.nn.Linear(1, 1)
    >>> loss = lambda p: mg.func.functional_call(net, p, mg.tensor([3.0])).sum()
    >>> mg.grad(loss)({"weight": mg.tensor([[2.0]]), "bias": mg.tensor([1.0])})
    {'weight': tensor([[3.]]), 'bias': tensor([1.])}
    """
    given = parameter_and_buffer_dicts
    parameters = given if isinstance(given, Mapping) else {name: value for part in given for name, value in part.items()}
    registries = [registry for m in module.modules() for registry in (m._parameters, m._buffers)]
    known = {**dict(module.named_parameters(remove_duplicate=False)), **dict(module.named_buffers(remove_duplicate=False))}
    unknown = [name for name in parameters if name not in known]
    if unknown:
        raise KeyError(f"functional_call: {type(module).__name__} has no {', '.join(unknown)}; it has {', '.join(known)}")
    shared = {id(known[name]) for name in parameters}
    missing = [name for name, t in known.items() if id(t) not in shared]
    if strict and missing:
        raise KeyError(f"functional_call: strict needs a value for {', '.join(missing)} of {type(module).__name__}")
    new = {id(known[name]): value if isinstance(value, Tensor) else tensor(value) for name, value in parameters.items()}
    put_back = in_turn(*[partial(registry.update, dict(registry)) for registry in registries])  # written in C
    changed = [{name: new[id(t)] for name, t in registry.items() if id(t) in new} for registry in registries]
    try:
        at_once(dict.update, registries, changed)
        return module(*(args if isinstance(args, tuple) else () if args is None else (args,)), **(kwargs or {}))
    finally:
        put_back()


def replace_all_batch_norm_modules_(root: Module) -> Module:
    """Let the batch norms of a module use the statistics of the batch alone, without running averages; return the module.

    Under `vmap` each example would update the running averages.

    >>> from minigrad import nn
    >>> net = replace_all_batch_norm_modules_(nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3)))
    >>> net[1].running_mean is None
    True
    """
    for m in root.modules():
        if isinstance(m, BatchNorm1d | BatchNorm2d | BatchNorm3d):
            m.running_mean = m.running_var = m.num_batches_tracked = None
            m.track_running_stats = False
    return root


def stack_module_state(models: Sequence[Module]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Return the parameters of several modules of one class, stacked by name, and their buffers: for `vmap` over modules.

    The stacked parameters are new leaves that require gradients. Raises ValueError for no module, for different classes or
    modes, and where some of the parameters of one name require a gradient and others do not.

    >>> import minigrad as mg
    >>> nets = [mg.nn.Linear(2, 3) for _ in range(4)]
    >>> parameters, buffers = mg.func.stack_module_state(nets)
    >>> call = lambda p, x: mg.func.functional_call(nets[0], p, x)
    >>> parameters["weight"].shape, mg.func.vmap(call, in_dims=(0, None))(parameters, mg.ones(5, 2)).shape
    ((4, 3, 2), (4, 5, 3))
    """
    models = list(models)
    if len({(type(m), m.training) for m in models}) != 1:
        listed = ", ".join(f"{type(m).__name__} in {'training' if m.training else 'evaluation'}" for m in models)
        raise ValueError(f"stack_module_state: needs modules of one class and one mode, got {listed or 'none'}")
    parameters = {}
    for name, _ in models[0].named_parameters():
        column = [dict(m.named_parameters())[name] for m in models]
        if len({p.requires_grad for p in column}) > 1:
            raise ValueError(f"stack_module_state: {name} requires a gradient in some of the modules only")
        parameters[name] = ops.stack([p.detach() for p in column]).requires_grad_(column[0].requires_grad)
    buffers = {name: ops.stack([dict(m.named_buffers())[name] for m in models]) for name, _ in models[0].named_buffers()}
    return parameters, buffers
