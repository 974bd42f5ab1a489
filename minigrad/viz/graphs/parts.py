"""The parts of composites that a kernel computed in one go, for pictures: they show what a function is made of.

Such a call left one node on the tape (engine/fused.py). A picture shows its definition instead, as of any other composite:
the definition is called again, on what the node saved or, after backward, on zeros, and a copy of the tape holds its nodes
where the one node was. What the call saved for backward is that of the one node.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from minigrad.arrays import Array
from minigrad.engine.fused import Fused, unfused
from minigrad.engine.grad_mode import enable_grad
from minigrad.engine.scope import Constant, Named, Scope, here
from minigrad.engine.several import SELECTION
from minigrad.engine.tape import NO_PLAN, Node
from minigrad.kernels.errstate import errstate
from minigrad.tensors.tensor import Tensor

__all__ = ["Part", "below", "kept_by", "opened"]


class Part(Node):
    """A node of a definition; `fused` is the node of the call, and `results` its results, in the last one, else None."""

    __slots__ = ("fused", "results")
    fused: Node | None
    results: list[Part]


def opened(outputs: Sequence[Tensor], called: Mapping[int, str]) -> tuple[Sequence[Tensor], Mapping[int, str]]:
    """Return outputs of the same values whose tape has no fused nodes, and the names of nodes by the ids of the copies."""
    nodes = below([output.node for output in outputs if output.node is not None])
    if not any(isinstance(node.primitive, Fused) for node in nodes):
        return outputs, called
    copies: dict[Node | None, Any] = {None: None}
    results: dict[Node, list[Part]] = {}
    chosen: dict[int, float] = {}  # the numbers of the parts that are outputs of calls with several
    for node in nodes:
        twin: Any = node
        if node.primitive is not None and node.plan is not SELECTION:
            twin = copy.copy(node)
            twin.parents = [copies[parent] for parent in node.parents]
        if isinstance(node.primitive, Fused):
            if node.plan is SELECTION:
                twin = results[node.parents[0]][node.saved[0]]  # type: ignore[index]
                twin.hooks, twin.receiver = node.hooks, node.receiver
                chosen[node.number] = twin.number
            else:
                results[node] = _results(twin)
                twin = results[node][0]
        copies[node] = twin
    names = dict(called)
    for former, twin in copies.items():
        if id(former) in called:
            names[id(twin)] = called[id(former)]
    scopes: dict[int, Scope] = {}
    for drawn in below([copies[output.node] for output in outputs if output.node is not None]) if chosen else ():
        if drawn.primitive is not None:
            drawn.scope = _translated(drawn.scope, lambda arg: chosen.get(arg, arg) if isinstance(arg, int) else arg, scopes)
    return [Tensor.from_array(output.array, copies[output.node]) for output in outputs], names


def below(nodes: Sequence[Node]) -> list[Node]:
    """Return some nodes and every node below them, oldest first."""
    stack, seen = list(nodes), set(nodes)
    while stack:
        for parent in stack.pop().parents:
            if parent is not None and parent not in seen:
                seen.add(parent)
                stack.append(parent)
    return sorted(seen, key=lambda node: node.number)


def kept_by(fused: Node) -> Iterator[tuple[Array, int | None]]:
    """Yield arrays of the shapes of those that a kernel kept, each with the number of the result that it is, or None."""
    op: Any = fused.primitive
    out, kept = op.kernel(*_arguments(fused))
    outs = [id(array) for array in (out if op.outputs > 1 else (out,))]
    yield from ((array, outs.index(id(array)) if id(array) in outs else None) for array in kept)


def _results(fused: Node) -> list[Part]:
    """Call the definition of a fused node again; return its results on the tape, above the parents of the node."""
    op: Any = fused.primitive
    args = _arguments(fused)
    inputs: dict[Node | None, Node | None] = {None: None}
    for at, parent in enumerate(fused.parents):
        stand_in = None
        if parent is not None:
            stand_in = Node(args[at], None, NO_PLAN, (), ())
            stand_in.number = parent.number
            inputs[stand_in] = parent
        if isinstance(args[at], np.ndarray):
            args[at] = Tensor.from_array(args[at], stand_in)
    outer = here.scope
    here.scope = fused.scope
    try:
        with unfused(), enable_grad(), errstate(all="ignore"):
            out = op.definition(*args)
    finally:
        here.scope = outer
    outs = [y.node for y in (out if op.outputs > 1 else (out,))]
    steps = [node for node in below(outs) if node not in inputs]
    numbers = {node.number: fused.number - 1 + (i + 1) / len(steps) for i, node in enumerate(steps)}
    known = {id(arg.array): fact for arg, fact in zip(args, _facts(fused), strict=True) if isinstance(arg, Tensor)}

    def told(arg: Any) -> Any:
        """Return the number of a part, and of a constant what the call remembers of it."""
        if isinstance(arg, Constant):
            return known.get(id(arg.array()), arg)
        return numbers.get(arg, arg) if isinstance(arg, int) else arg

    parts: dict[Node | None, Any] = dict(inputs)
    scopes: dict[int, Scope] = {id(fused.scope): fused.scope} if fused.scope is not None else {}
    for node in steps:
        part: Any = _part(node, fused)
        parts[node] = part
        part.number = numbers[node.number]  # between its neighbors on the tape
        part.parents = [parts[parent] for parent in node.parents]
        part.scope = _translated(node.scope, told, scopes)
        if node.plan.constants:
            part.constants = [told(c) if isinstance(c, Constant) else c for c in node.constants]
    last: Part = parts[steps[-1]]
    last.fused, last.results = fused, [parts[node] for node in outs]
    if op.outputs == 1:
        last.hooks, last.receiver, last.number = fused.hooks, fused.receiver, fused.number
    return last.results


def _part(node: Node, fused: Node) -> Part:
    part = Part.__new__(Part)
    for name in ("primitive", "plan", "written", "shape", "dtype"):
        setattr(part, name, getattr(node, name))
    part.saved = None if fused.saved is None else node.saved
    part.hooks = part.receiver = part.fused = None
    return part


def _translated(scope: Scope | None, told: Callable[[Any], Any], done: dict[int, Scope]) -> Scope | None:
    """Return a scope with other numbers and constants among its arguments, and those around it."""
    if scope is None or id(scope) in done:
        return None if scope is None else done[id(scope)]
    outer, what, args = scope
    changed = [Named(arg.name, told(arg.known)) if isinstance(arg, Named) else told(arg) for arg in args]
    done[id(scope)] = new = _translated(outer, told, done), what, tuple(changed)
    done[id(new)] = scope  # alive as long as its id is a key
    return new


def _facts(fused: Node) -> list[Any]:
    """Return what the tape knows of each argument: a node, or what is remembered of a constant."""
    constants = dict(zip(fused.plan.constants, fused.constants, strict=True))
    return [constants.get(at) if parent is None else parent for at, parent in enumerate(fused.parents)]


def _arguments(fused: Node) -> list[Any]:
    """Return the arguments of the call: what it saved, or what the tape remembers, with an array for an array."""
    if fused.saved is not None:
        return list(fused.saved[: len(fused.parents)])
    return [_stand_in(fact) if isinstance(fact, Node | Constant) else fact for fact in _facts(fused)]


def _stand_in(fact: Node | Constant) -> Array:
    """Return an array that is still alive, or one of its shape: zeros, or a mask that hides nothing."""
    array = fact.array() if isinstance(fact, Constant) else None
    return np.full(fact.shape, fact.dtype == bool, fact.dtype) if array is None else array
