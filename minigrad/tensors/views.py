"""Views: several tensors that show the elements of one memory, as in PyTorch.

A tensor with views has a `Place`: the memory, an array shared by all that show it, and the steps, operations that select
what this tensor shows of it (getitem, reshape, permute, ...). A change through any of them changes the memory, and all of
them show it afterwards. Tensors without views have no place and cost nothing.

An array that anything else may still read, such as a node's saved values or an array returned by `numpy()`, is never
written to: the memory gets a changed copy, and each view is computed again by its steps. An array that only the tensors of
its memory hold, by its reference count, is written to in place.

In a recorded change the base, the tensor that a view was taken from first, becomes the result of a recorded `setitem`, and
its other views become results of their steps on it. A detached tensor shares the memory, but has no base.
"""

from __future__ import annotations

import sys
import threading
import weakref
from collections.abc import Sequence
from itertools import repeat
from typing import Any

import numpy as np

from minigrad import ops
from minigrad.arrays import Array, Traced
from minigrad.engine import tape
from minigrad.engine.interrupts import Locked, at_once
from minigrad.engine.primitive import Primitive
from minigrad.errors import GraphError
from minigrad.ops.indexing import getitem, setitem

__all__ = [
    "Memory", "Place", "change", "is_exclusive", "is_view", "join", "leave", "members", "move", "rebase", "repeats", "share",
    "show",
]  # fmt: skip

_creating = threading.RLock()

Steps = tuple[tuple[Primitive, tuple[Any, ...]], ...]


class Memory:
    """An array, and weak references to the tensors that show it."""

    __slots__ = ("_limit", "_shown", "array")

    def __init__(self, array: Array):
        self.array = array
        self._shown: list[weakref.ref[Traced]] = []
        self._limit = 64

    def add(self, tensor: Traced, base: Traced | None, steps: Steps) -> None:
        """Let a tensor show the memory through the steps."""
        tensor.place = Place(self, base, steps)
        self._shown.append(weakref.ref(tensor))
        if len(self._shown) > self._limit:  # weights are transposed in every forward: forget the dead ones now and then
            with Locked(_creating):
                count = len(self._shown)
                self._shown[:count] = [ref for ref in self._shown[:count] if ref() is not None]
                self._limit = 2 * len(self._shown) + 64

    def tensors(self) -> list[Traced]:
        """Return the tensors that show the memory now."""
        alive = [tensor for ref in self._shown if (tensor := ref()) is not None]
        return [tensor for tensor in alive if tensor.place is not None and tensor.place.memory is self]


class Place:
    """Where a tensor lies in a memory."""

    __slots__ = ("base", "memory", "steps")

    def __init__(self, memory: Memory, base: Traced | None, steps: Steps):
        self.memory = memory
        self.base = base  # the tensor that it is a view of; None for a base and for a detached tensor
        self.steps = steps  # from the array of the memory to that of the tensor


def show(view: Traced, source: Traced, op: Primitive, rest: tuple[Any, ...]) -> None:
    """Make a result a view of the first argument of `op`, if its array is one."""
    base = view.array.base
    if base is not None and (base is source.array or _overlaps(view.array, source.array)):
        join(view, source, op, rest)


def join(view: Traced, source: Traced, op: Primitive, rest: tuple[Any, ...]) -> None:
    """Make a result a view of the first argument of `op`, even if its array is a copy."""
    place = source.place
    if place is None:
        place = _placed(source)
    place.memory.add(view, source if place.base is None else place.base, (*place.steps, (op, rest)))


def share(tensor: Traced, source: Traced) -> None:
    """Let a tensor show the same elements as another, without a base: a change of one changes both, unrecorded."""
    place = source.place or _placed(source)
    place.memory.add(tensor, None, place.steps)


def leave(tensor: Traced) -> None:
    """Let a tensor show its memory no longer."""
    tensor.place = None


def is_view(result: Traced, tensor: Traced) -> bool:
    """Return whether a result shows the memory of a tensor."""
    return result.place is not None and tensor.place is not None and result.place.memory is tensor.place.memory


def move(tensor: Traced, result: Traced, name: str) -> None:
    """Let a tensor show what `result`, a view of it, shows; its own views would no longer know where they are."""
    place, other = tensor.place, result.place
    assert place is not None and other is not None
    if any(m is not result and m.place is not None and m.place.base is tensor for m in place.memory.tensors()):
        raise GraphError(
            f"{name}: the tensor has views, which follow its shape\n"
            f"  hint: change the shape before views are taken, or that of a copy: x.clone().{name}(...)"
        )
    tensor.place = Place(place.memory, place.base, other.steps)
    tensor.array = result.array


def members(tensor: Traced) -> list[Traced]:
    """Return all tensors whose values change with this one, itself among them."""
    return [tensor] if tensor.place is None else tensor.place.memory.tensors()


def is_exclusive(tensor: Traced) -> bool:
    """Return whether the array may be written to: nothing but the tensors of its memory holds it."""
    place = tensor.place
    if not tensor.array.flags.writeable:
        return False
    if place is None:
        return tensor.array.flags.owndata and _holders(tensor) == 1
    memory = place.memory
    if not memory.array.flags.owndata:
        return False
    shown = memory.tensors()
    for member in shown:
        if member.array is not memory.array and not (_overlaps(member.array, memory.array) and _holders(member) == 1):
            return False
    return _holders(memory) == 1 + len(shown)


def repeats(tensor: Traced) -> bool:
    """Return whether a view shows one element of its memory several times, as expand does."""
    place = tensor.place
    if place is None or not place.steps or not _has_repeats(tensor.array):
        return False
    return _has_repeats(_positions(place.steps, place.memory.array))


def change(tensors: Sequence[Traced], arrays: Sequence[Array]) -> None:
    """Replace the arrays of tensors, and with them those of all that show the same memories, all at once."""
    targets: list[Traced | Memory] = []
    values: list[Array] = []
    wholes: dict[int, tuple[Memory, Array]] = {}
    for tensor, array in zip(tensors, arrays, strict=True):
        place = tensor.place
        if place is None:
            targets.append(tensor)
            values.append(array)
        else:
            memory = place.memory
            _, whole = wholes.get(id(memory), (memory, memory.array))
            wholes[id(memory)] = memory, _with(whole, place.steps, array)
    for memory, whole in wholes.values():
        shown = memory.tensors()
        targets += [memory, *shown]
        values += [whole, *[_through(member.place.steps, whole) for member in shown if member.place is not None]]
    at_once(setattr, targets, repeat("array"), values)


def rebase(tensor: Traced, result: Traced) -> None:
    """Make `result` the value of a tensor, as a recorded change: the nodes of its base and of other views follow."""
    place = tensor.place
    assert place is not None
    memory = place.memory
    base = tensor if place.base is None else place.base
    first = () if base.place is None else base.place.steps
    if base is not tensor:
        result = _written(tensor.from_array(base.array, base.node), place.steps[len(first) :], result)
    untracked = base.node is None
    whole = _with(memory.array, first, result.array)
    shown = memory.tensors()
    arrays: list[Array] = [whole]
    nodes: list[Any] = []
    for member in shown:
        where = member.place
        assert where is not None
        own = member.node is not None and member.node.primitive is None
        if member is base:
            array, node = result.array, result.node
        elif where.base is base and not own and (untracked or member.node is not None or member is tensor):
            array, node = _derived(result, where.steps[len(first) :])
        else:
            array, node = _through(where.steps, whole), member.node
        arrays.append(array)
        nodes.append(node)
    before = [member.node for member in shown]
    at_once(setattr, [memory, *shown, *shown], ["array"] * len(arrays) + ["node"] * len(nodes), [*arrays, *nodes])
    for member, former, node in zip(shown, before, nodes, strict=True):
        if former is not None and former is not node:
            tape.move_receiver(former, node, member)
        elif former is not None and member is not tensor:
            tape.mark_written(former)


def _placed(tensor: Traced) -> Place:
    """Return the place of a tensor in a new memory, made once for all threads."""
    with Locked(_creating):
        if tensor.place is None:
            Memory(tensor.array).add(tensor, None, ())
    place: Place = tensor.place
    return place


def _through(steps: Steps, array: Array) -> Array:
    """Return what steps show of an array."""
    for op, rest in steps:
        array = op.forward(array, *rest)
    return array


def _derived(base: Traced, steps: Steps) -> tuple[Array, Any]:
    """Return what steps show of a tensor: an array and its node."""
    for op, rest in steps:
        base = base.from_array(*tape.record(op, (base, *rest)))
    return base.array, base.node


def _with(whole: Array, steps: Steps, value: Array) -> Array:
    """Return a copy of an array that holds `value` where the steps lead; `value` itself without steps."""
    if not steps:
        return value
    out = whole.copy("K")
    part = _through(steps, out)
    if _overlaps(part, out) and part.flags.writeable:
        part[...] = value
    else:
        out.flat[_positions(steps, whole).ravel()] = value.ravel()
    return out


def _written(base: Traced, steps: Steps, value: Traced) -> Traced:
    """Return a tensor with `value` where the steps lead, recorded."""
    written: Traced
    if len(steps) == 1 and steps[0][0] is getitem:
        written = base.record(setitem, (base, *steps[0][1], value))
        return written
    positions = _positions(steps, base.array).ravel()
    flat, values = base.record(ops.reshape, (base, (-1,))), base.record(ops.reshape, (value, (-1,)))
    written = base.record(ops.reshape, (base.record(setitem, (flat, positions, values)), base.array.shape))
    return written


def _positions(steps: Steps, array: Array) -> Array:
    """Return the positions in the flattened array of the elements that the steps show."""
    return _through(steps, np.arange(array.size).reshape(array.shape))


def _overlaps(part: Array, array: Array) -> bool:
    """Return whether an array is a view of another, or of the array that the other is a view of."""
    owner = array.base
    base: Any = part.base
    while base is not None:
        if base is array or base is owner:
            return True
        base = getattr(base, "base", None)
    return False


def _has_repeats(array: Array) -> bool:
    return 0 in [step for step, n in zip(array.strides, array.shape, strict=True) if n > 1]


def _holders(holder: Traced | Memory) -> int:
    """Return how many references there are to an array; many where Python does not count them."""
    return _references(holder.array) - _MORE


_references = getattr(sys, "getrefcount", lambda array: 1000)
_MORE = 0
_MORE = _holders(Memory(np.empty(0))) - 1 if hasattr(sys, "getrefcount") else 0  # those of the call itself
