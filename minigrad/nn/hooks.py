"""Functions that a module calls around its forward, and around its part of a backward."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from minigrad.arrays import Array
from minigrad.engine.primitive import primitive
from minigrad.errors import ShapeError
from minigrad.tensors.tensor import Tensor

if TYPE_CHECKING:
    from minigrad.nn.module import Module

__all__ = ["Hooks"]

Gradients = list[Tensor | None]


class Hooks:
    """The hooks of one module, by kind, in the order in which they are called."""

    def __init__(self) -> None:
        self.before: dict[int, tuple[Callable[..., Any], bool]] = {}  # (hook, with_kwargs)
        self.after: dict[int, tuple[Callable[..., Any], bool]] = {}
        self.gradient_before: dict[int, Callable[..., Any]] = {}
        self.gradient: dict[int, Callable[..., Any]] = {}

    def call(self, module: Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The module's forward, with its hooks around it."""
        for hook, with_kwargs in list(self.before.values()):
            if with_kwargs:
                changed = hook(module, args, kwargs)
                if changed is not None:
                    args, kwargs = changed
            else:
                changed = hook(module, args)
                if changed is not None:
                    args = changed if isinstance(changed, tuple) else (changed,)
        backward = _Backward(self, module) if self.gradient or self.gradient_before else None
        if backward is not None:
            args = backward.behind_inputs(args)
        out = module.forward(*args, **kwargs)
        for hook, with_kwargs in list(self.after.values()):
            changed = hook(module, args, kwargs, out) if with_kwargs else hook(module, args, out)
            if changed is not None:
                out = changed
        return out if backward is None else backward.behind_outputs(out)


class _Backward:
    """The hooks of one call on its way back: the gradients of all outputs are awaited, then those of all inputs."""

    def __init__(self, hooks: Hooks, module: Module):
        self.hooks, self.module = hooks, module
        self.grad_output: tuple[Tensor | None, ...] = ()
        self.has_inputs = False

    def behind_inputs(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        places = [i for i, arg in enumerate(args) if isinstance(arg, Tensor) and arg.requires_grad]
        self.has_inputs = bool(places)
        count = len(args)  # `react` hangs on a node, and must hold no tensor that holds the node

        def react(gradients: Gradients) -> Gradients:
            found: list[Tensor | None] = [None] * count
            for place, gradient in zip(places, gradients, strict=True):
                found[place] = gradient
            changed = self.run(tuple(found))
            return [changed[place] for place in places]

        through = iter(_barrier([args[i] for i in places], react))
        return tuple([next(through) if i in places else arg for i, arg in enumerate(args)])

    def behind_outputs(self, out: Any) -> Any:
        outs = list(out) if isinstance(out, tuple | list) else [out]
        places = [i for i, o in enumerate(outs) if isinstance(o, Tensor) and o.requires_grad]
        count = len(outs)

        def react(gradients: Gradients) -> Gradients:
            found: list[Tensor | None] = [None] * count
            for place, gradient in zip(places, gradients, strict=True):
                found[place] = gradient
            self.grad_output = tuple(found)
            for hook in list(self.hooks.gradient_before.values()):
                changed = hook(self.module, self.grad_output)
                if changed is not None:
                    self.grad_output = changed if isinstance(changed, tuple) else (changed,)
            going = [self.grad_output[place] for place in places]
            if not self.has_inputs:
                self.run((None,))
            return going

        through = iter(_barrier([outs[i] for i in places], react))
        outs = [next(through) if i in places else o for i, o in enumerate(outs)]
        return type(out)(outs) if isinstance(out, tuple | list) else outs[0]

    def run(self, grad_input: tuple[Tensor | None, ...]) -> tuple[Tensor | None, ...]:
        grad_output, self.grad_output = self.grad_output, ()
        for hook in list(self.hooks.gradient.values()):
            changed = hook(self.module, grad_input, grad_output)
            if changed is not None:
                changed = changed if isinstance(changed, tuple) else (changed,)
                if len(changed) != len(grad_input):
                    raise ShapeError(f"backward hook: gave {len(changed)} gradients for {len(grad_input)} inputs")
                grad_input = changed
        return grad_input


class _Meeting:
    """Where the gradients of several tensors wait for each other."""

    def __init__(self, count: int):
        self.arrived: list[Any] = [None] * count
        self.leaving: list[Any] = []


@primitive
def gate(meeting: _Meeting, *tensors: Array) -> Array:
    """Nothing: an empty array whose node is older than those of `outlet`, so that a walk comes to it after all of them."""
    return np.empty(0, tensors[0].dtype)


@gate.gradient("tensors")
def _(g: Any, meeting: _Meeting, position: int) -> Any:
    leaving, meeting.leaving[position] = meeting.leaving[position], None
    return leaving


@primitive
def outlet(x: Array, entrance: Array, meeting: _Meeting, place: int) -> Array:
    """`x`; its gradient goes by way of the gate."""
    return x


@outlet.gradient("x")
def _(g: Any) -> None:
    return None


@outlet.gradient("entrance")
def _(g: Any, entrance: Any, meeting: _Meeting, place: int) -> Any:
    meeting.arrived[place] = g
    return entrance


def _barrier(tensors: Sequence[Tensor], react: Callable[[Gradients], Gradients]) -> list[Any]:
    """The same tensors; going backward, `react` is called once, with the gradients of all, and gives those that go on.

    The gradient of a tensor that the result does not depend on is None.
    """
    if not tensors or not any(t.requires_grad for t in tensors):
        return list(tensors)
    meeting = _Meeting(len(tensors))
    entrance = gate(meeting, *tensors)
    if not entrance.requires_grad:  # nothing is recorded
        return list(tensors)

    count = len(tensors)

    def all_here(_: Tensor) -> None:
        arrived, meeting.arrived = meeting.arrived, [None] * count
        recorded = any(isinstance(g, Tensor) for g in arrived)
        changed = react([g if g is None or isinstance(g, Tensor) else Tensor(g) for g in arrived])
        meeting.leaving = [g if g is None or recorded else g.array for g in changed]

    entrance.register_hook(all_here)
    return [outlet(t, entrance, meeting, i) for i, t in enumerate(tensors)]
