"""The tape: nodes, and the recording of operations.

Every value that needs a gradient has a node; a node knows the primitive that made the value, the nodes of its inputs and
the arrays that its gradient rules name. Nothing here recurses: a chain of 100,000 operations is recorded, and freed, like
one of ten.
"""

from __future__ import annotations

import itertools
import threading
import weakref
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np

from minigrad.arrays import Array, Traced
from minigrad.config import get_default_dtype
from minigrad.engine.grad_mode import mode
from minigrad.engine.interrupts import Locked
from minigrad.engine.primitive import Plan, Primitive
from minigrad.engine.promotion import SINGLE, WIDE, converted, narrowed
from minigrad.engine.scope import CONSTANTS, constants, here, watchers
from minigrad.errors import DTypeError
from minigrad.kernels.axes import Shapes
from minigrad.kernels.conversion import native, snapshot, to_array

__all__ = [
    "Gradient", "Node", "Receiver", "hooks_after", "hooks_of", "leaf", "leaves_with_hooks", "mark_written", "move_receiver",
    "record", "retain", "run_hooks_after", "title",
]  # fmt: skip

Gradient = Any  # an ndarray; a Tensor where the walk itself is recorded (create_graph=True)
_count = itertools.count()
_creating = threading.RLock()
leaves_with_hooks: weakref.WeakSet[Node] = weakref.WeakSet()  # those that have had hooks after accumulation


class Node:
    """A value on the tape that needs a gradient: the result of an operation, or a leaf that requires one.

    >>> import minigrad as mg
    >>> x = mg.tensor([1.0, 2.0], requires_grad=True)
    >>> node = x.exp().grad_fn
    >>> node, node.operation, node.shape, node.next_functions
    (<Exp>, 'exp', (2,), ((<AccumulateGrad>, 0),))
    """

    __slots__ = {
        "__weakref__": None,
        "_metadata": None,
        "constants": "What pictures need of each argument that `plan.constants` names; see `scope.constant`.",
        "dtype": "The dtype of the value.",
        "hooks": "Functions of the gradient, by number.",
        "hooks_after": "Of a leaf: functions that are called after its gradient was accumulated.",
        "number": "The place on the tape: later nodes have higher numbers.",
        "parents": "The nodes of the arguments, by position; None where an argument needs no gradient.",
        "plan": "What the call saved, and which rules run.",
        "primitive": "The operation; None for a leaf.",
        "receiver": "Of a leaf: the tensor that receives `.grad`, weakly, to avoid a cycle.",
        "saved": "The values listed by `plan.saves`; None once freed.",
        "scope": "The module and function that made the value, for pictures.",
        "shape": "The shape of the value.",
        "written": "Of a leaf: the count at its last write; nodes that saved it with a lower number are stale.",
    }
    hooks_after: dict[int, Callable[[Any], None]]  # set at first use, as the metadata
    _metadata: dict[Any, Any]
    constants: Sequence[Any]  # where plan.constants names arguments

    def __init__(self, array: Array, primitive: Primitive | None, plan: Plan, parents: Sequence[Node | None], saved: Any):
        self.primitive = primitive
        self.plan = plan
        self.parents = parents
        self.saved = saved
        self.written = 0
        self.shape = array.shape
        self.dtype = array.dtype
        self.number = next(_count)
        self.scope = here.scope
        self.hooks: dict[int, Callable[[Any], Any]] | None = None
        self.receiver: weakref.ref[Receiver] | None = None

    @property
    def operation(self) -> str:
        """The name of the operation; "leaf" for a leaf."""
        return self.primitive.__name__ if self.primitive else "leaf"

    def name(self) -> str:
        """Return the name that the repr of a tensor shows: MaxPool2d for max_pool2d, AccumulateGrad for a leaf."""
        return title(self.operation) if self.primitive else "AccumulateGrad"

    def __repr__(self) -> str:
        return f"<{self.name()}>"

    @property
    def metadata(self) -> dict[Any, Any]:
        """A dict for whatever programs note about this node."""
        if not hasattr(self, "_metadata"):
            self._metadata = {}
        return self._metadata

    @property
    def next_functions(self) -> tuple[tuple[Node | None, int], ...]:
        """The nodes of the inputs, each with 0, its output number, as in PyTorch.

        None stands for an input that needs no gradient. The node of a leaf is an AccumulateGrad, with a `variable`.
        """
        op = self.primitive
        places = [
            i for i, p in enumerate(self.parents) if p is not None or (op is not None and op.input_name(i) in op.rules)
        ]
        return tuple([(self.parents[i], 0) for i in places])

    @property
    def variable(self) -> Any:
        """The tensor of a leaf, which receives the gradient; None once it is deleted."""
        if self.primitive is not None:
            raise AttributeError(f"{self!r} has no variable; only the node of a leaf, AccumulateGrad, has one")
        return None if self.receiver is None else self.receiver()


def title(name: str) -> str:
    """Return the name of an operation in CamelCase, as the repr of a tensor shows it: `max_pool2d` is MaxPool2d."""
    return "".join(word[:1].upper() + word[1:] for word in name.split("_"))


class Receiver(Protocol):
    """A tensor that receives a gradient."""

    node: Node | None
    stored_grad: Any

    def accumulate_grad(self, g: Gradient, fresh: bool) -> None: ...


REAL = frozenset("?bBhHiIlLqQefdg")  # the dtype characters of tensors
FLOATS = frozenset("efdg")
NO_PLAN = Plan((), (), False)


def leaf(array: Array, receiver: Any) -> Node:
    """Return a new node for a leaf that requires a gradient."""
    node = Node(array, None, NO_PLAN, (), ())
    retain(node, receiver)
    return node


def hooks_of(node: Node) -> dict[int, Callable[[Any], Any]]:
    """Return the hooks of a node, created at the first call, once for all threads."""
    with Locked(_creating):
        if node.hooks is None:
            node.hooks = {}
    return node.hooks


def hooks_after(node: Node) -> dict[int, Callable[[Any], None]]:
    """Return the hooks of a leaf that run when its gradient has been added to `.grad`."""
    with Locked(_creating):
        if not hasattr(node, "hooks_after"):
            node.hooks_after = {}
            leaves_with_hooks.add(node)
    return node.hooks_after


def run_hooks_after(tensors: Sequence[Receiver]) -> None:
    """Call the hooks of leaves whose gradients have been added to `.grad`, each with its tensor."""
    for tensor in tensors:
        node = tensor.node
        for hook in list(node.hooks_after.values()) if node is not None and node in leaves_with_hooks else ():
            hook(tensor)


def mark_written(node: Node) -> None:
    """Mark a leaf as written to: nodes that saved its former value refuse to go backward."""
    node.written = next(_count)


def retain(node: Node, receiver: Any) -> None:
    """Make a tensor the receiver of its node's gradient."""
    node.receiver = weakref.ref(receiver)


def move_receiver(former: Node, node: Node | None, receiver: Any) -> None:
    """After an in-place change of a result that retains its gradient, retain that of its new node instead."""
    if former.receiver is not None and former.receiver() is receiver:
        former.receiver = None
        if node is not None:
            retain(node, receiver)


def record(op: Primitive, args: Sequence[Any]) -> tuple[Array, Node | None]:
    """Call a primitive on tensors and arrays; return the result and, if it needs a gradient, its node.

    One function, although long: split in three it takes 3 to 4 % more of a chain of small operations.
    """
    arrays: list[Any] = []
    parents: list[Node | None] = []
    tracked = mixed = False
    plain = True  # whether arguments without a node are numbers and text
    dtype: Any = None
    for arg in args:
        if isinstance(arg, Traced):
            array = arg.array
            arrays.append(array)
            parents.append(arg.node)
            if arg.node is not None:
                tracked = True
            else:
                plain = False
            if array.dtype is not dtype:
                if dtype is not None:
                    mixed = True
                dtype = array.dtype
        else:
            cls = type(arg)
            if cls not in CONSTANTS:
                plain = False
                if op.elementwise or _is_operand(op, len(arrays)):
                    if cls is tuple or cls is list:  # a rule compares it with numbers
                        arg = to_array(arg, None, get_default_dtype())
                    arg = native(op.__name__, arg)
                    if arg is not args[len(arrays)]:
                        args = (*args[: len(arrays)], arg, *args[len(arrays) + 1 :])
                    mixed = True  # perhaps: an array or a NumPy scalar
            arrays.append(arg)
            parents.append(None)
    half = False
    operands = op.operands
    # Where the first argument is not an operand, as in where(mask, 1.0, 0.0), its dtype tells nothing about the operands.
    if operands is not None and (mixed or (dtype is not SINGLE and dtype.char not in WIDE) or operands.places[0]):
        (*arrays,), half = converted(op.__name__, operands, arrays, weak=True)
    try:
        out = op.forward(*arrays)
    except (ValueError, TypeError, AttributeError) as error:
        op.explain(error, args)
    if type(out) is not np.ndarray:
        out = np.asarray(out)  # NumPy returns scalars for 0-d arrays
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
                    # An array or list of the caller, who may write into it before backward.
                    saved.append(snapshot(value) if value is args[at] and type(value) not in CONSTANTS else value)
                elif kind == "out":
                    saved.append(out)
                else:
                    saved.append(_fact(kind, at, arrays))
            node = Node(out, op, plan, parents, saved)
            if plan.constants:
                node.constants = plan.pick(args) if plain else constants(args, plan.constants)
    if half:
        out = narrowed(out)
        if node is not None:
            node.dtype = out.dtype
    if watchers:
        for watcher in tuple(watchers):
            watcher(op, args, out, node)
    return out, node


def _is_operand(op: Primitive, position: int) -> bool:
    """Return whether an argument holds numbers: it takes part in promotion, or it has a gradient rule."""
    return (op.operands is not None and position in op.operands.places) or op.input_name(position) in op.rules


def _fact(kind: str, at: int, arrays: Sequence[Any]) -> Any:
    """Return a fact that rules can name beside values: shape, order, position, shapes (see primitive.py)."""
    if kind == "shape":
        return arrays[at].shape
    if kind == "order":
        flags = arrays[at].flags
        return "F" if flags.f_contiguous and not flags.c_contiguous else "C"
    if kind == "position":
        return at
    return Shapes([array.shape for array in arrays[at:]])
