"""The backward walk: run gradient rules from the newest node to the oldest, and deliver gradients to tensors.

Creation order is a topological order, so the walk visits newest first. Nothing here recurses: a chain of 100,000 operations
is walked like one of ten.
"""

from __future__ import annotations

import itertools
import sys
import threading
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter
from os.path import dirname
from typing import Any

import numpy as np

from minigrad.arrays import Array, Traced
from minigrad.engine.arrivals import announce, awaited, early
from minigrad.engine.grad_mode import mode
from minigrad.engine.primitive import primitive
from minigrad.engine.scope import Derivative, derivative, here
from minigrad.engine.tape import Gradient, Node, Receiver, leaves_with_hooks, record, run_hooks_after
from minigrad.errors import GraphError, ShapeError, blame
from minigrad.kernels.broadcasting import sum_to
from minigrad.kernels.errstate import errstate, numpy_errors

__all__ = ["Walk", "backward", "deliver", "open_leaves", "walking"]

_newest = attrgetter("number")
PACKAGE = dirname(dirname(__file__))


def backward(
    seeds: Sequence[tuple[Node, Gradient]],
    wrap: Callable[[Array, Node | None], Any],
    *,
    targets: Sequence[Node] | None = None,
    leave: bool = False,
    retain_graph: bool,
    create_graph: bool,
) -> list[Gradient | None]:
    """Walk the tape from the seeds, (node, gradient) pairs, newest node first.

    With targets, only nodes between seeds and targets are visited, and the targets' gradients are returned. Without targets,
    or with `leave`, the gradients are added to the tensors that receive them, all at once after the walk has succeeded.
    `wrap(array, node)` creates a tensor: with create_graph the rules are called with tensors, and recorded.
    """
    nodes = _reachable(seeds, targets)
    order = 1 + max(map(_order, nodes), default=0) if create_graph else 0
    within = None if targets is None else set(nodes)
    _check(nodes, within)
    walk = walking.walks[-1](wrap, create_graph, within)
    wanted, leaves = set(targets or ()), leave or targets is None
    outer, settings = (mode.enabled, here.scope), numpy_errors.get()
    mode.enabled = create_graph
    try:
        # An infinite gradient is a valid value (sqrt at 0) and raises no warning.
        with errstate(divide="ignore", invalid="ignore", over="ignore"):
            for node, g in seeds:
                walk.add(node, g if create_graph or not isinstance(g, Traced) else g.array)
            found, arrived = _run(walk, nodes, wanted, leaves, order, retain_graph)
    except Exception as error:
        blame(error, seeds=seeds)
        raise
    finally:
        mode.enabled, here.scope = outer
        numpy_errors.set(settings)
    deliver(arrived)
    if leaves_with_hooks:
        mode.enabled = create_graph
        try:
            run_hooks_after([tensor for tensor, _ in arrived])
        finally:
            mode.enabled = outer[0]
    return [found.get(node) for node in targets or ()]


def deliver(arrived: Sequence[tuple[Receiver, Gradient]]) -> None:
    """Add gradients to the `.grad` of tensors: to all of them or, after an interrupt, to none; one thread at a time.

    Interrupts come after calls and when loops jump back (interrupts.py). So the one call that begins the handler undoes all
    changes, and the lock is acquired within an assignment, after which `held` is correct. It is reentrant because a signal
    handler may run a backward, too.
    """
    if not arrived:
        return
    tensors = [tensor for tensor, _ in arrived]
    held: list[bool] = []
    undo: Iterable[None] = ()
    try:
        held += map(_acquire, BLOCKING)
        undo = map(setattr, tensors, GRAD, list(map(FORMER, tensors)))
        for pair in arrived:
            fresh = _is_free(pair, 1)  # before the call, whose argument holds it, too
            pair[0].accumulate_grad(pair[1], fresh)
    except BaseException:
        deque(undo, maxlen=0)
        raise
    finally:
        if held:
            _delivery.release()


_delivery = threading.RLock()
_acquire, BLOCKING, GRAD, FORMER = _delivery.acquire, (True,), itertools.repeat("stored_grad"), attrgetter("stored_grad")


class Walk:
    """The gradients of nodes not yet visited, and the execution of one node's rules."""

    def __init__(self, wrap: Callable[[Array, Node | None], Any], create_graph: bool, within: set[Node] | None):
        self.wrap = wrap
        self.create_graph = create_graph
        self.within = within  # the only nodes whose gradients are computed; None: all
        self.table: dict[Node, Gradient] = {}

    def add(self, node: Node, g: Gradient) -> None:
        """Add to a node's gradient: in place where nothing else holds its array."""
        table = self.table
        if node not in table:
            table[node] = g
        elif not self.create_graph and _is_free(table, node):
            table[node] += g
        else:
            table[node] = table[node] + g

    def visit(self, node: Node, g: Gradient) -> bool:
        """Run the rules of one node and add the results to its parents' gradients; return whether any rule ran.

        One function, although long: split in three it takes 3 % more of a chain of small operations.
        """
        ran = False
        position = rule = None
        try:
            joint = node.plan.joint
            if joint is not None:
                results = joint(node, g, self.wrap if self.create_graph else None)
            saved = self.tensors(node) if self.create_graph else node.saved
            for position, rule, slots, kernel in node.plan.calls:
                parent = node.parents[position]
                if parent is None or (self.within is not None and parent not in self.within):
                    continue
                ran = True
                if kernel is not None and not self.create_graph:
                    rule = kernel
                if rule is None:
                    gx = results[position]
                elif not slots:
                    gx = rule(g)
                elif len(slots) == 1:
                    gx = rule(g, saved[slots[0]])
                else:
                    gx = rule(g, *[saved[slot] for slot in slots])
                if gx is None:  # zero
                    continue
                if self.create_graph and rule is not None and slots and getattr(gx, "node", None) is None:
                    gx = self.piecewise(gx, [saved[slot] for slot in slots])
                try:
                    if gx.shape != parent.shape:
                        gx = _fitted(node, position, gx, parent.shape)
                    if gx.dtype != parent.dtype:
                        gx = _cast(node, position, gx, parent.dtype)
                except AttributeError:
                    raise GraphError(
                        f"{node.operation}: the gradient rule of {_input(node, position)!r} returned "
                        f"{type(gx).__name__}\n  rule    a gradient is an array, or None for zero"
                    ) from None
                if parent in self.table:
                    self.add(parent, gx)
                else:
                    self.table[parent] = gx
        except Exception as error:
            blame(error, node=node, position=position)
            error.add_note(_rule_note(error, node, position, rule))
            raise
        return ran

    def piecewise(self, g: Gradient, values: Sequence[Any]) -> Gradient:
        """Record a gradient that is piecewise constant in the values, as that of relu: its own derivative is zero."""
        tracked = [value for value in values if isinstance(value, Traced) and value.node is not None]
        return self.wrap(*record(steps, (g, *tracked))) if tracked else g

    def tensors(self, node: Node) -> list[Any]:
        """Return the saved values for a recorded walk: inputs and results as new tensors on their nodes."""
        if node.saved is None or node.primitive is None:
            return []
        handles = []
        for (kind, at), value in zip(node.plan.saves, node.saved, strict=True):
            if kind == "out":
                handles.append(self.wrap(value, node))
            elif kind == "arg" and (parent := node.parents[at]) is not None:
                handles.append(self.wrap(value, parent))
            else:
                handles.append(value)
        return handles

    def run_hooks(self, node: Node, g: Gradient) -> Gradient:
        """Return the gradient as changed by the hooks of a node."""
        for hook in list((node.hooks or {}).values()):
            # A separate tensor: a hook may change it in place, and other nodes may hold g, too.
            tensor = self.wrap(g.array, g.node) if isinstance(g, Traced) else self.wrap(np.asarray(g), None)
            changed = hook(tensor)
            if changed is None:
                continue
            if not isinstance(changed, Traced):
                changed = self.wrap(np.asarray(changed), None)
            if changed.array.shape != node.shape:
                raise ShapeError(
                    f"hook: the gradient it returned has shape {changed.array.shape}, the tensor has {node.shape}"
                )
            if changed.dtype != node.dtype:
                changed = changed.astype(node.dtype)
            g = changed if self.create_graph else changed.array
        return g


@primitive
def steps(g: Array, *values: Array) -> Array:
    """Return `g`, a piecewise constant function of the values."""
    return g


@steps.gradient("values")
def _(g: Any, shape: tuple[int, ...]) -> Any:
    return np.zeros(shape, g.dtype)


def open_leaves(nodes: Sequence[Node]) -> set[Node]:
    """Return the leaves below some nodes whose tensors still require a gradient."""
    return {n for n in _below(nodes) if n.primitive is None and (t := n.variable) is not None and t.node is n}


class _Walking(threading.local):
    def __init__(self) -> None:
        # The last one creates the walks of this thread; `detect_anomaly` appends one that checks gradients.
        self.walks: list[Callable[..., Walk]] = [Walk]


walking = _Walking()


def _below(nodes: Sequence[Node]) -> list[Node]:
    """Return some nodes and all nodes that they depend on, each once, in no order."""
    seen = set(nodes)
    stack = list(seen)
    while stack:
        for parent in stack.pop().parents:
            if parent is not None and parent not in seen:
                seen.add(parent)
                stack.append(parent)
    return list(seen)


def _reachable(seeds: Sequence[tuple[Node, Gradient]], targets: Sequence[Node] | None) -> list[Node]:
    """Return the nodes below the seeds, newest first; with targets, only those on a path from a seed to a target."""
    nodes = _below([node for node, _ in seeds])
    nodes.sort(key=_newest, reverse=True)
    nodes = early(nodes) if awaited else nodes
    if targets is None:
        return nodes
    wanted = set(targets)
    between: set[Node] = set()
    for node in reversed(nodes):
        if node in wanted or not between.isdisjoint(node.parents):
            between.add(node)
    return [node for node in nodes if node in between]


def _check(nodes: Sequence[Node], within: set[Node] | None) -> None:
    """Raise GraphError, before any rule runs, for a graph that was freed or whose saved inputs were written to."""
    for node in nodes:
        if within is not None and within.isdisjoint(node.parents):
            continue  # a target: its own rules will not run
        if node.saved is None:
            raise GraphError(
                f"{node.operation}: backward through a graph that was already freed\n"
                "  hint: pass retain_graph=True to the first backward, or compute the result again"
            )
        if type(node.saved) is not list and (check := getattr(node.saved, "check", None)) is not None:  # of a checkpoint
            check()
        for parent in node.parents:
            if parent is not None and parent.written > node.number and _saves(node, parent):
                raise GraphError(
                    f"{node.operation}: an input of shape {parent.shape}, saved for the gradient, was written to "
                    "afterwards\n"
                    "  hint: call backward() before optimizer.step(), copy_() or load_state_dict(), or compute again"
                )


def _run(
    walk: Walk, nodes: Sequence[Node], wanted: set[Node], leaves: bool, order: int, retain_graph: bool
) -> tuple[dict[Node, Gradient], list[tuple[Receiver, Gradient]]]:
    """Visit the nodes; return the gradients of the wanted nodes, and those to deliver to tensors.

    This loop is not part of `backward` because an interrupt in it must reach the `finally` there (interrupts.py).
    """
    ndarray, hooked = np.ndarray, len(awaited) > 0  # looked up for each node
    found: dict[Node, Gradient] = {}
    arrived: list[tuple[Receiver, Gradient]] = []
    for node in nodes:
        g = walk.table.pop(node, None)
        if g is None:
            continue
        if type(g) is not ndarray and isinstance(g, np.generic):
            g = np.asarray(g)  # NumPy returns scalars for sums and products of 0-d arrays
        if node.hooks:
            g = walk.run_hooks(node, g)
        if node.receiver is not None and leaves:
            tensor = node.receiver()
            if tensor is not None and (node.primitive is not None or tensor.node is node):  # no frozen leaf
                arrived.append((tensor, g))
                if hooked:
                    announce(node, g)
        if wanted and node in wanted:
            found[node] = g
            if walk.within is not None and walk.within.isdisjoint(node.parents):
                continue  # its own rules are not run
        if node.saved is None:  # since: by a backward in a hook, or in another thread
            _check((node,), walk.within)
        if walk.create_graph:
            here.scope = node.scope, Derivative(order, node.number), ()
        if walk.visit(node, g) and not retain_graph and node.plan.holds_arrays:
            saved = node.saved  # numbers alone are kept for another walk; in a checkpoint it is not a list
            if type(saved) is not list or type(saved[0]) is ndarray or ndarray in map(type, saved):
                node.saved = None
            saved = None  # else these arrays live while the next node is visited
    return found, arrived


def _is_free(container: Any, key: Any) -> bool:
    """Return whether ``container[key]`` is an array with memory of its own that nothing but the container holds.

    A rule may return g itself, a view, or an array that a node or the user keeps: those have other holders.
    """
    alone, g = _references(container[key]) == _ALONE, container[key]
    return alone and type(g) is np.ndarray and g.base is None and g.flags.writeable


_references = getattr(sys, "getrefcount", lambda array: 0)
_ALONE = next(_references(held[0]) for held in [[np.empty(0)]]) or -1  # -1: where Python does not count, nothing is free


def _order(node: Node) -> int:
    """Return the order of the derivative during which a node was recorded; 0 in a forward."""
    inside = derivative(node.scope)
    return inside.order if inside else 0


def _saves(node: Node, parent: Node) -> bool:
    return any(kind == "arg" and node.parents[at] is parent for kind, at in node.plan.saves)


def _fitted(node: Node, position: int, gx: Gradient, shape: tuple[int, ...]) -> Gradient:
    """Sum a gradient to the shape of a broadcast input; raise GraphError for any other mismatch."""
    op = node.primitive
    if op is not None and op.elementwise and gx.shape == node.shape:
        return gx.sum_to_size(shape) if isinstance(gx, Traced) else sum_to(gx, shape)
    raise GraphError(
        f"{node.operation}: the gradient rule of {_input(node, position)!r} returned shape {gx.shape}, "
        f"the input has shape {shape}"
    )


def _cast(node: Node, position: int, gx: Gradient, dtype: np.dtype[Any]) -> Gradient:
    """Convert a gradient to the dtype of its input; raise GraphError for booleans and complex numbers."""
    if gx.dtype.kind not in "fiu":
        raise GraphError(f"{node.operation}: the gradient rule of {_input(node, position)!r} returned dtype {gx.dtype}")
    return gx.astype(dtype)


def _rule_note(error: Exception, node: Node, position: int | None, rule: Callable[..., Any] | None) -> str:
    """Return the operation and the input whose gradient rule failed, with the line of the rule, if it is known."""
    code = getattr(rule, "__code__", None)
    line = f"{code.co_filename}:{code.co_firstlineno}" if code else ""
    for frame, number in traceback.walk_tb(error.__traceback__):
        name = frame.f_code.co_filename
        if frame.f_code is code or (code is None and not name.startswith(PACKAGE)):  # a Function: the user's backward
            line = f"{name}:{number}"
            break
    of = f" of {_input(node, position)!r}" if position is not None and rule is not None else ""
    return f"in the gradient rule{of} of {node.operation}" + (f", {line}" if line else "")


def _input(node: Node, position: int) -> str:
    return node.primitive.input_name(position) if node.primitive else ""
