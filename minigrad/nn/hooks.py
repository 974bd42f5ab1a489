"""Hooks of a module: functions called around its forward, and when the gradients of its outputs and inputs are complete."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Protocol

import numpy as np

from minigrad.arrays import Array
from minigrad.engine.primitive import primitive
from minigrad.errors import ShapeError
from minigrad.tensors.tensor import Tensor, tensor

__all__ = ["HookedModule", "Hooks"]

Gradients = tuple[Tensor | None, ...]


class HookedModule(Protocol):
    """The method of a module that hooks are called around."""

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the outputs."""


class Hooks:
    """The hooks of one module, by kind, in the order in which they are called."""

    def __init__(self) -> None:
        self.before: dict[int, tuple[Callable[..., Any], bool]] = {}  # (hook, with_kwargs)
        self.after: dict[int, tuple[Callable[..., Any], bool, bool]] = {}  # (hook, with_kwargs, always_call)
        self.gradient_before: dict[int, Callable[..., Any]] = {}
        self.gradient: dict[int, Callable[..., Any]] = {}
        self.before_state: dict[int, Callable[..., Any]] = {}
        self.after_state: dict[int, Callable[..., Any]] = {}
        self.before_load: dict[int, Callable[..., Any]] = {}
        self.after_load: dict[int, Callable[..., Any]] = {}

    def call(self, module: HookedModule, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run the module's forward with all of its hooks."""
        for hook, with_kwargs in list(self.before.values()):
            if with_kwargs:
                changed = hook(module, args, kwargs)
                if changed is not None:
                    args, kwargs = changed
            else:
                changed = hook(module, args)
                if changed is not None:
                    args = _as_tuple(changed)
        backward = _BackwardHooks(self, module) if self.gradient or self.gradient_before else None
        if backward is not None:
            args = backward.attach_to_inputs(args)
        out, waiting = None, dict(self.after)
        try:
            out = module.forward(*args, **kwargs)
            for key, (hook, with_kwargs, _) in self.after.copy().items():
                waiting.pop(key, None)  # None: registered since, by another thread
                changed = hook(module, args, kwargs, out) if with_kwargs else hook(module, args, out)
                if changed is not None:
                    out = changed
        except Exception:
            for hook, with_kwargs, always_call in waiting.values():
                if always_call:
                    with suppress(Exception):  # the first error is the one to report
                        hook(module, args, kwargs, out) if with_kwargs else hook(module, args, out)
            raise
        return out if backward is None else backward.attach_to_outputs(out)


class _BackwardHooks:
    """The backward hooks of one call: they run when the gradients of all outputs, and then of all inputs, are complete."""

    def __init__(self, hooks: Hooks, module: HookedModule):
        self.hooks, self.module = hooks, module
        self.grad_output: Gradients = ()
        self.has_inputs = False  # True if an input requires a gradient

    def attach_to_inputs(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        self.has_inputs = any(isinstance(arg, Tensor) and arg.requires_grad for arg in args)
        return tuple(_barrier(args, self.run))

    def attach_to_outputs(self, out: Any) -> Any:
        def outputs_complete(gradients: Gradients) -> Gradients:
            for hook in list(self.hooks.gradient_before.values()):
                changed = hook(self.module, gradients)
                if changed is not None:
                    gradients = _as_tuple(changed)
            self.grad_output = gradients
            if not self.has_inputs:
                self.run((None,))
            return gradients

        if not isinstance(out, tuple | list):
            return _barrier([out], outputs_complete)[0]
        return type(out)(_barrier(out, outputs_complete))

    def run(self, grad_input: Gradients) -> Gradients:
        """Call the hooks with the gradients of all inputs; return the gradients that are passed on."""
        grad_output, self.grad_output = self.grad_output, ()
        for hook in list(self.hooks.gradient.values()):
            changed = hook(self.module, grad_input, grad_output)
            if changed is not None:
                changed = _as_tuple(changed)
                if len(changed) != len(grad_input):
                    raise ShapeError(f"backward hook: returned {len(changed)} gradients for {len(grad_input)} inputs")
                grad_input = changed
        return grad_input


class _Meeting:
    """The gradients of several values, collected until all are complete: `arrived`, and then `leaving`."""

    def __init__(self, count: int):
        self.arrived: list[Any] = [None] * count
        self.leaving: list[Any] = []  # of the inputs of the gate alone


@primitive
def gate(meeting: _Meeting, *tensors: Array) -> Array:
    """Return an empty array; its node is older than those of `outlet`, so that a walk reaches it after all of them."""
    return np.empty(0, tensors[0].dtype)


@gate.gradient("tensors")
def _(g: Any, meeting: _Meeting, position: int) -> Any:
    leaving, meeting.leaving[position] = meeting.leaving[position], None
    return leaving


@primitive
def outlet(x: Array, entrance: Array, meeting: _Meeting, place: int) -> Array:
    """Return `x`; its gradient passes through the gate."""
    return x


@outlet.gradient("x")
def _(g: Any) -> None:
    return None


@outlet.gradient("entrance")
def _(g: Any, entrance: Any, meeting: _Meeting, place: int) -> Any:
    meeting.arrived[place] = g
    return entrance


def _barrier(values: Sequence[Any], complete: Callable[[Gradients], Gradients]) -> list[Any]:
    """Return the same values, with tensors that require a gradient behind a gate.

    During backward `complete` is called once, with the gradients of all values, and returns those that are passed on. The
    gradient is None for a tensor that the result does not depend on, and for every other value.
    """
    out, count = list(values), len(values)
    places = [i for i, value in enumerate(out) if isinstance(value, Tensor) and value.requires_grad]
    if not places:
        return out
    meeting = _Meeting(count)
    entrance = gate(meeting, *[out[i] for i in places])
    if not entrance.requires_grad:  # nothing is recorded
        return out

    def all_arrived(_: Tensor) -> None:  # hangs on a node, and must hold no tensor that holds the node
        arrived, meeting.arrived = meeting.arrived, [None] * count
        recorded = any(isinstance(g, Tensor) for g in arrived)
        changed = complete(tuple([g if g is None or isinstance(g, Tensor) else tensor(g) for g in arrived]))
        meeting.leaving = [g if g is None or recorded else g.array for g in (changed[i] for i in places)]

    entrance.register_hook(all_arrived)
    for i in places:
        out[i] = outlet(out[i], entrance, meeting, i)
    return out


def _as_tuple(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)
