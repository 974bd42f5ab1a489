"""Hooks of a module: functions called around its forward, and when the gradients of its outputs and inputs are complete."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Protocol

from minigrad.arrays import Array
from minigrad.engine.grad_mode import is_grad_enabled
from minigrad.engine.primitive import Call, Plan, primitive
from minigrad.engine.scope import watchers
from minigrad.engine.several import Several, select
from minigrad.engine.tape import Node
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


@primitive
def gate(*tensors: Array) -> Array:
    """Return the values that backward hooks wait for. A call is a node of several outputs, each of which is an `outlet`."""
    return tensors[0]


@primitive
def outlet(x: Array) -> Array:
    """Return `x`; its gradient passes through the gate."""
    return x


def _barrier(values: Sequence[Any], complete: Callable[[Gradients], Gradients]) -> list[Any]:
    """Return the same values, with tensors that require a gradient behind a gate.

    During backward `complete` is called once, with the gradients of all values, and returns those that are passed on. The
    gradient is None for a tensor that the result does not depend on, and for every other value.
    """
    out, count = list(values), len(values)
    places = [i for i, value in enumerate(out) if isinstance(value, Tensor) and value.requires_grad]
    if not places or not is_grad_enabled():
        return out

    def pass_on(node: Node, g: Several, wrap: Any) -> list[Any]:
        arrived = [g.parts.get(i) for i in range(count)]
        changed = complete(tuple([part if part is None or isinstance(part, Tensor) else tensor(part) for part in arrived]))
        return [part if part is None or wrap is not None else part.array for part in (changed[i] for i in places)]

    plan = Plan(tuple([Call(at, None, ()) for at in range(len(places))]), (), False, pass_on)
    entrance: Any = Several({})
    meeting = Node(entrance, gate, plan, [out[i].node for i in places], ())
    for i in places:
        x = out[i]
        out[i] = Tensor.from_array(x.array, select(outlet, meeting, i, x.array))
        for watcher in tuple(watchers):
            watcher(outlet, (x,), x.array, out[i].node)
    return out


def _as_tuple(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)
