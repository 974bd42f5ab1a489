"""The tape: nodes, and what is recorded on them.

Every value that needs a gradient has a node; a node knows the primitive that made the value, the nodes of its inputs and
the arrays that its gradient rules name. Nothing here recurses: a chain of 100,000 operations is recorded, and freed, like
one of ten.
"""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np

from minigrad.arrays import Array, Traced
from minigrad.config import get_default_dtype
from minigrad.engine.grad_mode import mode
from minigrad.engine.primitive import Plan, Primitive
from minigrad.engine.promotion import SINGLE, WIDE, converted, narrowed
from minigrad.engine.scope import here, watchers
from minigrad.errors import DTypeError
from minigrad.kernels.conversion import native, snapshot, to_array

__all__ = ["Gradient", "Node", "Receiver", "hand_over", "leaf", "mark_written", "record", "retain", "title"]

Gradient = Any  # an ndarray; a Tensor where the walk itself is recorded (create_graph=True)
_count = itertools.count()


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
        self.hooks: dict[int, Callable[[Any], Any]] | None = None
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
        places = [
            i for i, p in enumerate(self.parents) if p is not None or (op is not None and op.input_name(i) in op.rules)
        ]
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

    node: Node | None
    stored_grad: Any

    def accumulate_grad(self, g: Gradient, fresh: bool) -> None: ...


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
            array = arg.array
            arrays.append(array)
            parents.append(arg.node)
            if arg.node is not None:
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
                    saved.append(snapshot(value) if value is args[at] and type(value) not in PLAIN else value)
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


def _is_operand(op: Primitive, position: int) -> bool:
    """Whether an argument is made of numbers: it is brought to a dtype with others, or a gradient flows to it."""
    return (op.operands is not None and position in op.operands.places) or op.input_name(position) in op.rules


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
