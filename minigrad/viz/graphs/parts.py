"""The parts of composites that a kernel computed in one go, for pictures: they show what a function is made of.

Such a call left one node on the tape (engine/fused.py). A picture shows its definition instead, as of any other composite:
the definition is called again, on what the node saved or, after backward, on zeros, and a copy of the tape holds its nodes
where the one node was. What the call saved for backward is that of the one node.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from minigrad.arrays import Array
from minigrad.engine.fused import Fused, unfused
from minigrad.engine.grad_mode import enable_grad
from minigrad.engine.scope import Constant, Named, Scope, here
from minigrad.engine.tape import NO_PLAN, Node
from minigrad.tensors.tensor import Tensor

__all__ = ["Part", "below", "kept_by", "opened"]


class Part(Node):
    """A node of a definition; `fused` is the node of the call where it is the result, and else None."""

    __slots__ = ("fused",)
    fused: Node | None


def opened(outputs: Sequence[Tensor], called: Mapping[int, str]) -> tuple[Sequence[Tensor], Mapping[int, str]]:
    """Return outputs of the same values whose tape has no fused nodes, and the names of nodes by the ids of the copies."""
    nodes = below([output.node for output in outputs if output.node is not None])
    if not any(isinstance(node.primitive, Fused) for node in nodes):
        return outputs, called
    copies: dict[Node | None, Node | None] = {None: None}
    for node in nodes:
        twin: Any = node
        if node.primitive is not None:
            twin = copy.copy(node)
            twin.parents = [copies[parent] for parent in node.parents]
        copies[node] = _result(twin) if isinstance(node.primitive, Fused) else twin
    names = dict(called)
    for former, drawn in copies.items():
        if id(former) in called:
            names[id(drawn)] = called[id(former)]
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


def kept_by(fused: Node) -> Sequence[Array]:
    """Return the arrays that the kernel of a fused node kept beside its arguments; after backward, of their shapes."""
    op: Any = fused.primitive
    return fused.saved[len(fused.parents) :] if fused.saved is not None else op.kernel(*_arguments(fused))[1]


def _result(fused: Node) -> Part:
    """Call the definition of a fused node again; return its result on the tape, above the parents of the node."""
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
        with unfused(), enable_grad(), np.errstate(all="ignore"):
            out = op.definition(*args)
    finally:
        here.scope = outer
    steps = [node for node in below([out.node]) if node not in inputs]
    numbers = {node.number: fused.number - 1 + (i + 1) / len(steps) for i, node in enumerate(steps)}
    known = {id(arg.array): fact for arg, fact in zip(args, _facts(fused), strict=True) if isinstance(arg, Tensor)}
    parts: dict[Node | None, Any] = dict(inputs)
    scopes: dict[int, Scope] = {id(fused.scope): fused.scope} if fused.scope is not None else {}
    for node in steps:
        part: Any = _part(node, fused)
        parts[node] = part
        part.number = numbers[node.number]  # between its neighbors on the tape
        part.parents = [parts[parent] for parent in node.parents]
        part.scope = _renumbered(node.scope, numbers, scopes)
        if node.plan.constants:
            part.constants = [known.get(id(c.array()), c) if isinstance(c, Constant) else c for c in node.constants]
    last: Part = parts[out.node]
    last.fused, last.hooks, last.receiver, last.number = fused, fused.hooks, fused.receiver, fused.number
    return last


def _part(node: Node, fused: Node) -> Part:
    part = Part.__new__(Part)
    for name in ("primitive", "plan", "written", "shape", "dtype"):
        setattr(part, name, getattr(node, name))
    part.saved = None if fused.saved is None else node.saved
    part.hooks = part.receiver = part.fused = None
    return part


def _renumbered(scope: Scope | None, numbers: Mapping[int, float], done: dict[int, Scope]) -> Scope | None:
    """Return a scope of a part with the numbers of parts among its arguments, and those around it."""
    if scope is None or id(scope) in done:
        return None if scope is None else done[id(scope)]
    outer, what, args = scope
    done[id(scope)] = new = _renumbered(outer, numbers, done), what, tuple([_number(arg, numbers) for arg in args])
    done[id(new)] = scope  # alive as long as its id is a key
    return new


def _number(arg: Any, numbers: Mapping[int, float]) -> Any:
    if isinstance(arg, Named):
        return Named(arg.name, _number(arg.known, numbers))
    return numbers.get(arg, arg) if isinstance(arg, int) else arg


def _facts(fused: Node) -> list[Any]:
    """Return what the tape knows of each argument: a node, or what is remembered of a constant."""
    constants = dict(zip(fused.plan.constants, fused.constants, strict=True))
    return [constants.get(at) if parent is None else parent for at, parent in enumerate(fused.parents)]


def _arguments(fused: Node) -> list[Any]:
    """Return the arguments of the call: what it saved, or what the tape remembers, with zeros for arrays."""
    if fused.saved is not None:
        return list(fused.saved[: len(fused.parents)])
    return [np.zeros(fact.shape, fact.dtype) if isinstance(fact, Node | Constant) else fact for fact in _facts(fused)]
