"""What a function uses beside its arguments: tensors, the parameters and buffers of modules, and random numbers."""

from __future__ import annotations

import dis
import functools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from types import CodeType, FunctionType, MethodType
from typing import Any

from minigrad.engine.grad_mode import enable_grad
from minigrad.nn.module import Module
from minigrad.pytree import flatten, leaves
from minigrad.random import default_generator, draws_from
from minigrad.tensors.tensor import Tensor, tensor

__all__ = ["Surroundings"]

Found = dict[int, tuple[str, Any]]  # by the id of an object: the name that leads to it, and the object


class Surroundings:
    """The modules and tensors that a function reaches: its own, those of its arguments, closure, globals and attributes.

    Their names are those of the variables and attributes that lead to them; those of the parameters of a module called by
    itself are their names in the module.
    """

    def __init__(self, function: Callable[..., Any], inputs: Any, options: dict[str, Any]):
        found: Found = {}
        _reach("", function, found)
        for module in (leaf for leaf in leaves(inputs) if isinstance(leaf, Module)):
            _reach("", module, found)
        for name, option in options.items():
            _reach(name, option, found)
        self.tensors = [(name, t) for name, t in found.values() if isinstance(t, Tensor)]
        self.modules = [m for _, m in found.values() if isinstance(m, Module)]
        self.random = default_generator().bit_generator.state
        self.draws = True  # until a run has shown that it draws nothing

    def closed_over(self, run: Callable[[], Sequence[Tensor]]) -> dict[str, Tensor]:
        """Return the tensors that require a gradient, by their names, with those on which the results of `run` depend.

        Such a tensor must be older than the run, and one that no variable leads to must be a leaf.
        """
        start = tensor(0.0, requires_grad=True).node.number
        with enable_grad(), self.with_values((), ()):
            stack = [y.node for y in run() if y.node is not None]
            self.draws = default_generator().bit_generator.state != self.random
        found = {t.node: name for name, t in self.tensors if t.node is not None}
        held: dict[Any, Any] = {t.node: t for _, t in self.tensors}
        seen = set(stack)
        while stack:
            node = stack.pop()
            if node.number < start:
                if node not in found and node.primitive is None and node.variable is not None:
                    found[node], held[node] = f"tensor {len(found)}", node.variable
                continue
            fresh = [parent for parent in node.parents if parent is not None and parent not in seen]
            seen.update(fresh)
            stack += fresh
        names = [*found.values()]
        return {
            name if names.count(name) == 1 else f"{name} ({n})": held[node] for n, (node, name) in enumerate(found.items())
        }

    @contextmanager
    def with_values(self, closed: Sequence[Tensor], values: Sequence[Tensor]) -> Iterator[None]:
        """Give tensors the values and nodes of others within a ``with`` block; put these, buffers and random state back."""
        former = [(t, t.array, t.node, t.place) for t in closed]
        modules = [m for root in self.modules for m in root.modules()]
        buffers = [(m, name, b, b.array) for m in modules for name, b in m.named_buffers("", False)]
        try:
            for t, value in zip(closed, values, strict=True):
                t.array, t.node, t.place = value.array, value.node, None
            with draws_from(self.random) if self.draws else nullcontext():
                yield
        finally:
            for t, array, node, place in former:
                t.array, t.node, t.place = array, node, place
            for module, name, buffer, array in buffers:
                buffer.array = array
                if getattr(module, name) is not buffer:
                    setattr(module, name, buffer)


def _reach(name: str, value: Any, found: Found) -> None:
    """Add the tensors and modules that are `value`, or that it leads to."""
    if id(value) in found:
        return
    found[id(value)] = name, value
    dotted = f"{name}." if name else ""
    if isinstance(value, Module):
        for path, parameter in value.named_parameters():
            found.setdefault(id(parameter), (dotted + path, parameter))
    elif isinstance(value, list | tuple | dict):
        for path, part in flatten(value)[0].items():
            _reach(name + path, part, found)
    elif isinstance(value, functools.partial):
        _reach(name, value.func, found)
        _reach(name, [*value.args], found)
        _reach("", [*value.keywords.values()], found)
    elif isinstance(value, MethodType):
        _reach("", value.__self__, found)
        _reach("", value.__func__, found)
    elif isinstance(value, FunctionType):
        if not (value.__module__ or "").startswith("minigrad."):
            for variable, held in _variables(value):
                _reach(variable, held, found)
    elif callable(value) and not isinstance(value, type) and not type(value).__module__.startswith("minigrad."):
        for attribute, held in getattr(value, "__dict__", {}).items():
            _reach(dotted + attribute, held, found)


def _variables(function: FunctionType) -> Iterator[tuple[str, Any]]:
    """Yield the variables of the closure, the defaults, and the globals that are tensors, modules or functions beside it."""
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            yield name, cell.cell_contents
        except ValueError:  # not assigned yet
            continue
    names = function.__code__.co_varnames[: function.__code__.co_argcount]
    yield from zip(reversed(names), reversed(function.__defaults__ or ()), strict=False)
    for name in dict.fromkeys(_globals_in(function.__code__)):
        held = function.__globals__.get(name)
        beside = getattr(held, "__globals__", None) is function.__globals__
        if beside or isinstance(held, Tensor | Module | list | tuple | dict):
            yield name, held


def _globals_in(code: CodeType) -> Iterator[str]:
    yield from (step.argval for step in dis.get_instructions(code) if step.opname == "LOAD_GLOBAL")
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _globals_in(constant)
