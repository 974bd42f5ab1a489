"""The tape: nodes, what is recorded on them, and the walk backwards.

Every value that needs a gradient has a node; a node knows the primitive that made the value, the nodes of its inputs and
the arrays that its gradient rules asked for. Creation order is a topological order, so the walk visits newest first.
Nothing here recurses: a chain of 100,000 operations is walked, and freed, like one of ten.
"""

from __future__ import annotations

import itertools
import threading
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter
from typing import Any, Protocol

import numpy as np

from minigrad.config import get_default_dtype
from minigrad.errors import DTypeError, GraphError, ShapeError
from minigrad.grad_mode import mode
from minigrad.kernels.conversion import kept, native, to_array
from minigrad.ops.elementwise import astype
from minigrad.ops.shape import unbroadcast
from minigrad.primitive import Array, Plan, Primitive, Traced, primitive
from minigrad.promotion import SINGLE, WIDE, converted, narrowed
from minigrad.scope import Derivative, derivative, here, watchers

__all__ = ["Node", "Walk", "backward", "open_leaves", "record"]

Gradient = Any  # an ndarray; a Tensor where the walk itself is recorded (create_graph=True)
_count = itertools.count()
_newest = attrgetter("number")


class Node:
    """One value on the tape that needs a gradient: the result of an operation, or a leaf that asked for one."""

    __slots__ = (
        "__weakref__", "dtype", "hooks", "number", "parents", "plan", "primitive", "receiver", "saved", "scope", "shape",
        "written",
    )  # fmt: skip

    def __init__(self, array: Array, primitive: Primitive | None, plan: Plan, parents: Sequence[Node | None], saved: Any):
        self.primitive = primitive  # None for a leaf
        self.plan = plan
        self.parents = parents  # by argument position; None where an argument needs no gradient
        self.saved = saved  # the values named by plan.saves; None once freed
        self.written = 0  # of a leaf: the count at which it was last written to; newer than a node that saved it: stale
        self.shape = array.shape
        self.dtype = array.dtype
        self.number = next(_count)
        self.scope = here.scope  # the module and function that made it, for pictures
        self.hooks: dict[object, Callable[[Any], Any]] | None = None
        self.receiver: weakref.ref[Receiver] | None = None  # the tensor that wants `.grad`; weak, so nothing cycles

    @property
    def name(self) -> str:
        return self.primitive.__name__ if self.primitive else "leaf"

    def __repr__(self) -> str:
        return f"<{title(self.name) if self.primitive else 'AccumulateGrad'}>"

    @property
    def next_functions(self) -> tuple[tuple[Node | None, int], ...]:
        """The nodes of the inputs, each with 0, the number of the output: PyTorch's way to walk a graph.

        None stands for an input that needs no gradient. The node of a leaf is an AccumulateGrad, which has a `variable`.
        """
        op = self.primitive
        places = [i for i, p in enumerate(self.parents) if p is not None or (op is not None and op._name(i) in op.rules)]
        return tuple([(self.parents[i], 0) for i in places])

    @property
    def variable(self) -> Any:
        """The tensor that receives the gradient, of a leaf; None once it is gone."""
        if self.primitive is not None:
            raise AttributeError(f"{self!r} has no variable; only the node of a leaf, AccumulateGrad, has one")
        return None if self.receiver is None else self.receiver()


def title(name: str) -> str:
    """The name of an operation as a tensor's repr shows it: `max_pool2d` is MaxPool2d."""
    return "".join(word[:1].upper() + word[1:] for word in name.split("_"))


class Receiver(Protocol):
    """A tensor that a walk leaves a gradient with."""

    _node: Node | None
    _grad: Any

    def _receive(self, g: Gradient, fresh: bool) -> None: ...


PLAIN = {float, int, bool, str, type(None)}  # arguments that need no second look
REAL = frozenset("?bBhHiIlLqQefdg")  # the characters of dtypes that a tensor may have
FLOATS = frozenset("efdg")
NO_PLAN = Plan((), (), False)


def leaf(array: Array, receiver: Any) -> Node:
    """The node of a tensor that is no operation's result and wants a gradient."""
    node = Node(array, None, NO_PLAN, (), ())
    retain(node, receiver)
    return node


def mark_written(node: Node) -> None:
    """Remember that a leaf's value was replaced, so that a node that saved the old one refuses to go backward."""
    node.written = next(_count)


def retain(node: Node, receiver: Any) -> None:
    """Let a result receive its gradient, too."""
    node.receiver = weakref.ref(receiver)


def hand_over(former: Node, node: Node | None, receiver: Any) -> None:
    """A result was changed in place: what retained the gradient of its former value retains that of the new one."""
    if former.receiver is not None and former.receiver() is receiver:
        former.receiver = None
        if node is not None:
            retain(node, receiver)


def record(op: Primitive, args: Sequence[Any]) -> tuple[Array, Node | None]:
    """Call a primitive on tensors and arrays; gives the result and, where one is needed, its node."""
    arrays: list[Any] = []
    parents: list[Node | None] = []
    tracked = mixed = False
    dtype: Any = None
    for arg in args:
        if isinstance(arg, Traced):
            array = arg._array
            arrays.append(array)
            parents.append(arg._node)
            if arg._node is not None:
                tracked = True
            if array.dtype is not dtype:
                if dtype is not None:
                    mixed = True
                dtype = array.dtype
        else:
            cls = type(arg)
            if cls not in PLAIN and (op.elementwise or _is_operand(op, len(arrays))):
                if cls is tuple or cls is list:  # a rule compares it with numbers
                    arg = to_array(arg, None, get_default_dtype())
                arg = native(op.__name__, arg)
                if arg is not args[len(arrays)]:
                    args = (*args[: len(arrays)], arg, *args[len(arrays) + 1 :])
                mixed = True  # perhaps: an array, or NumPy's number
            arrays.append(arg)
            parents.append(None)
    half = False
    operands = op.operands
    # Where the first argument is no operand, as of where(mask, 1.0, 0.0), its dtype says nothing of those that are.
    if operands is not None and (mixed or (dtype is not SINGLE and dtype.char not in WIDE) or operands.places[0]):
        (*arrays,), half = converted(op.__name__, operands, arrays, weak=True)
    try:
        out = op.forward(*arrays)
    except (ValueError, TypeError, AttributeError) as error:
        op.explain(error, args)
    if type(out) is not np.ndarray:
        out = np.asarray(out)  # a NumPy scalar: what NumPy makes of 0-d arrays
    char = out.dtype.char
    if char not in REAL:
        raise DTypeError(f"{op.__name__}: the result is of dtype {out.dtype}; a tensor holds real numbers or booleans")
    node = None
    if tracked and mode.enabled and char in FLOATS:  # integers and booleans have no gradient
        plan = op.plan(tuple([parent is not None for parent in parents]))
        if plan.calls:
            saved = []
            for kind, at in plan.saves:
                if kind == "arg":
                    value = arrays[at]
                    # The caller's own array, or list: they may write into it before backward.
                    saved.append(kept(value) if value is args[at] and type(value) not in PLAIN else value)
                elif kind == "out":
                    saved.append(out)
                else:
                    saved.append(_fact(kind, at, arrays))
            node = Node(out, op, plan, parents, saved)
    if half:
        out = narrowed(out)
        if node is not None:
            node.dtype = out.dtype
    if watchers:
        for watcher in tuple(watchers):
            watcher(op, args, out, node)
    return out, node


def backward(
    seeds: Sequence[tuple[Node, Gradient]],
    wrap: Callable[[Array, Node | None], Any],
    *,
    targets: Sequence[Node] | None = None,
    leave: bool = False,
    retain_graph: bool,
    create_graph: bool,
) -> list[Gradient | None]:
    """Walk the tape from the seeds, newest node first.

    With targets, only the nodes between seeds and targets are visited, and the targets' gradients are returned. Without, or
    with `leave`, the gradients go to the tensors that wait for them, all at once when the walk has succeeded.
    `wrap(array, node)` makes a tensor: with create_graph the rules get tensors, and are recorded.
    """
    nodes = _reachable(seeds, targets)
    order = 1 + max(map(_order, nodes), default=0) if create_graph else 0
    within = None if targets is None else set(nodes)
    _check(nodes, within)
    walk = walking.walks[-1](wrap, create_graph, within)
    wanted, leaves = set(targets or ()), leave or targets is None
    outer = mode.enabled, here.scope
    mode.enabled = create_graph
    try:
        # An infinite gradient is a value here (sqrt at 0), not a warning.
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            for node, g in seeds:
                walk.add(node, g if create_graph or not isinstance(g, Traced) else g._array)
            found, arrived = _run(walk, nodes, wanted, leaves, order, retain_graph)
    finally:
        mode.enabled, here.scope = outer
    deliver(arrived)
    return [found.get(node) for node in targets or ()]


def deliver(arrived: Sequence[tuple[Receiver, Gradient, bool]]) -> None:
    """Add gradients to the `.grad` of tensors: to all or, after an interrupt, to none; several threads one after another.

    Interrupts come after calls and when loops jump back (interrupts.py), so the one call that begins the handler undoes what
    was done, and the lock is acquired by an assignment, after which `held` is right. It is reentrant for signal handlers.
    """
    if not arrived:
        return
    tensors, _, _ = zip(*arrived, strict=True)
    held: list[bool] = []
    undo: Iterable[None] = ()
    try:
        held += map(_acquire, BLOCKING)
        undo = map(setattr, tensors, GRAD, list(map(FORMER, tensors)))
        for tensor, g, fresh in arrived:
            tensor._receive(g, fresh)
    except BaseException:
        deque(undo, maxlen=0)
        raise
    finally:
        if held:
            _delivery.release()


_delivery = threading.RLock()
_acquire, BLOCKING, GRAD, FORMER = _delivery.acquire, (True,), itertools.repeat("_grad"), attrgetter("_grad")


class Walk:
    """The table of gradients on their way, and what it takes to run one node's rules."""

    def __init__(self, wrap: Callable[[Array, Node | None], Any], create_graph: bool, within: set[Node] | None):
        self.wrap = wrap
        self.create_graph = create_graph
        self.within = within  # the only nodes whose gradients are wanted; None: all
        self.table: dict[Node, Gradient] = {}
        self.owned: set[Node] = set()  # nodes whose gradient is a buffer that this walk made

    def add(self, node: Node, g: Gradient) -> None:
        """Add to a node's gradient: out of place the first time, in place into our own buffer after that."""
        former = self.table.get(node)
        if former is None:
            self.table[node] = g
        elif self.create_graph or node not in self.owned:
            self.table[node] = former + g
            self.owned.add(node)
        else:
            former += g
            self.table[node] = former

    def visit(self, node: Node, g: Gradient) -> bool:
        """Run the rules of one node and hand the results to its parents; tells whether any ran."""
        ran = False
        joint = node.plan.joint
        if joint is not None:
            results = joint(node, g, self.create_graph)
        saved = self.tensors(node) if self.create_graph else node.saved
        for position, rule, slots in node.plan.calls:
            parent = node.parents[position]
            if parent is None or (self.within is not None and parent not in self.within):
                continue
            ran = True
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
            if self.create_graph and rule is not None and slots and getattr(gx, "_node", None) is None:
                gx = self.piecewise(gx, [saved[slot] for slot in slots])
            try:
                if gx.shape != parent.shape:
                    gx = _fitted(node, position, gx, parent.shape)
                if gx.dtype != parent.dtype:
                    gx = _cast(node, position, gx, parent.dtype)
            except AttributeError:
                raise GraphError(
                    f"{node.name}: the gradient rule of {_input(node, position)!r} returned "
                    f"{type(gx).__name__}\n  rule    a gradient is an array, or None for zero"
                ) from None
            if parent in self.table:
                self.add(parent, gx)
            else:
                self.table[parent] = gx
        return ran

    def piecewise(self, g: Gradient, values: Sequence[Any]) -> Gradient:
        """A gradient that steps alone depend on, as that of relu: differentiated again it gives zeros, and no error."""
        tracked = [value for value in values if isinstance(value, Traced) and value._node is not None]
        return self.wrap(*record(steps, (g, *tracked))) if tracked else g

    def tensors(self, node: Node) -> list[Any]:
        """The saved values as the rules want them when they are recorded: fresh handles on the tape's nodes."""
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
        for hook in list((node.hooks or {}).values()):
            # A handle of its own: a hook may change what it is given in place, and others may have been given g, too.
            tensor = self.wrap(g._array, g._node) if isinstance(g, Traced) else self.wrap(np.asarray(g), None)
            changed = hook(tensor)
            if changed is None:
                continue
            if not isinstance(changed, Traced):
                changed = self.wrap(np.asarray(changed), None)
            if changed._array.shape != node.shape:
                raise ShapeError(
                    f"hook: the gradient it returned has shape {changed._array.shape}, the tensor has {node.shape}"
                )
            changed = astype(changed, node.dtype)
            g = changed if self.create_graph else changed._array
            self.owned.discard(node)  # the hook's caller may keep what it returned
        return g


@primitive
def steps(g: Array, *values: Array) -> Array:
    """`g`, which is a piecewise constant function of the values."""
    return g


@steps.gradient("values")
def _(g: Any, shape: tuple[int, ...]) -> Any:
    return np.zeros(shape, g.dtype)


def open_leaves(nodes: Sequence[Node]) -> set[Node]:
    """The leaves below some nodes whose tensors still wait for a gradient."""
    return {n for n in _below(nodes) if n.primitive is None and (t := n.variable) is not None and t._node is n}


class _Walking(threading.local):
    def __init__(self) -> None:
        # The last makes the walks of this thread; `detect_anomaly` appends one that looks at what arrives.
        self.walks: list[Callable[..., Walk]] = [Walk]


walking = _Walking()


def _below(nodes: Sequence[Node]) -> list[Node]:
    """The nodes that some depend on, and these themselves, each once, in no order."""
    seen = set(nodes)
    stack = list(seen)
    while stack:
        for parent in stack.pop().parents:
            if parent is not None and parent not in seen:
                seen.add(parent)
                stack.append(parent)
    return list(seen)


def _reachable(seeds: Sequence[tuple[Node, Gradient]], targets: Sequence[Node] | None) -> list[Node]:
    """The nodes below the seeds, newest first; with targets, only those on a way from a seed to a target."""
    nodes = _below([node for node, _ in seeds])
    nodes.sort(key=_newest, reverse=True)
    if targets is None:
        return nodes
    wanted = set(targets)
    between: set[Node] = set()
    for node in reversed(nodes):
        if node in wanted or any(parent in between for parent in node.parents):
            between.add(node)
    return [node for node in nodes if node in between]


def _check(nodes: Sequence[Node], within: set[Node] | None) -> None:
    """Refuse a graph that was freed, or whose saved inputs were written to, before any rule runs."""
    for node in nodes:
        if within is not None and not any(parent in within for parent in node.parents):
            continue  # a target: its own rules will not run
        if node.saved is None:
            raise GraphError(
                f"{node.name}: backward through a graph that was already freed\n"
                "  hint: pass retain_graph=True to the first backward, or compute the result again"
            )
        for parent in node.parents:
            if parent is not None and parent.written > node.number and _saves(node, parent):
                raise GraphError(
                    f"{node.name}: an input of shape {parent.shape}, saved for the gradient, was written to afterwards\n"
                    "  hint: call backward() before optimizer.step(), copy_() or load_state_dict(), or compute again"
                )


def _run(
    walk: Walk, nodes: Sequence[Node], wanted: set[Node], leaves: bool, order: int, retain_graph: bool
) -> tuple[dict[Node, Gradient], list[tuple[Receiver, Gradient, bool]]]:
    """Visit the nodes; gives the gradients of those that are wanted, and what arrived at tensors.

    This is a function of its own so that an interrupt of the loop reaches the `finally` of `backward` (interrupts.py).
    """
    ndarray = np.ndarray  # looked up for each node
    found: dict[Node, Gradient] = {}
    arrived: list[tuple[Receiver, Gradient, bool]] = []
    for node in nodes:
        g = walk.table.pop(node, None)
        if g is None:
            continue
        if type(g) is not ndarray and isinstance(g, np.generic):
            g = np.asarray(g)  # what NumPy makes of sums and products of 0-d arrays
        if node.hooks:
            g = walk.run_hooks(node, g)
        if node.receiver is not None and leaves:
            tensor = node.receiver()
            if tensor is not None and (node.primitive is not None or tensor._node is node):  # no frozen leaf
                arrived.append((tensor, g, node in walk.owned))
        if wanted and node in wanted:
            found[node] = g
        if walk.create_graph:
            here.scope = node.scope, Derivative(order, node.number), ()
        if walk.visit(node, g) and not retain_graph and node.plan.holds_arrays:
            saved = node.saved  # what saved numbers alone can be walked again; it is no list in a checkpoint
            if type(saved) is not list or type(saved[0]) is ndarray or ndarray in map(type, saved):
                node.saved = None
    return found, arrived


def _order(node: Node) -> int:
    """Which derivative a node belongs to: 0 in a forward, n in what the walk of an n-th derivative recorded."""
    inside = derivative(node.scope)
    return inside.order if inside else 0


def _is_operand(op: Primitive, position: int) -> bool:
    """Whether an argument is made of numbers: it is brought to a dtype with others, or a gradient flows to it."""
    return (op.operands is not None and position in op.operands.places) or op._name(position) in op.rules


def _saves(node: Node, parent: Node) -> bool:
    return any(kind == "arg" and node.parents[at] is parent for kind, at in node.plan.saves)


def _fitted(node: Node, position: int, gx: Gradient, shape: tuple[int, ...]) -> Gradient:
    """A gradient summed back to the shape of a broadcast input; any other mismatch is an error of the rule."""
    op = node.primitive
    if op is not None and op.elementwise and gx.shape == node.shape:
        return unbroadcast(gx, shape)
    raise GraphError(
        f"{node.name}: the gradient rule of {_input(node, position)!r} returned shape {gx.shape}, "
        f"the input has shape {shape}"
    )


def _cast(node: Node, position: int, gx: Gradient, dtype: np.dtype[Any]) -> Gradient:
    """A gradient in the dtype of its input; booleans and complex numbers are an error of the rule."""
    if gx.dtype.kind not in "fiu":
        raise GraphError(f"{node.name}: the gradient rule of {_input(node, position)!r} returned dtype {gx.dtype}")
    return astype(gx, dtype)


def _input(node: Node, position: int) -> str:
    return node.primitive._name(position) if node.primitive else ""


def _fact(kind: str, at: int, arrays: Sequence[Any]) -> Any:
    """What a rule may ask for beside values: shape, order, position, shapes (see primitive.py)."""
    if kind == "shape":
        return arrays[at].shape
    if kind == "order":
        flags = arrays[at].flags
        return "F" if flags.f_contiguous and not flags.c_contiguous else "C"
    if kind == "position":
        return at
    return [array.shape for array in arrays[at:]]
