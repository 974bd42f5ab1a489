"""Reading the tape: every operation below the outputs, what it was called with, and the data that has no node.

A node knows its parents, and the values that its rules asked for. What the tape does not know, a recording may; and of data
that was handed to a module or a composite function, the scope remembers the shape. So a drawing starts at the image, not at
the first weight.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from minigrad.arrays import Array, Traced
from minigrad.engine.scope import Scope, derivative
from minigrad.engine.tape import Node
from minigrad.nn import Module
from minigrad.tensors.tensor import Tensor
from minigrad.viz.graphs.from_forward import Call, Recording
from minigrad.viz.graphs.groups import Groups, parameter_name
from minigrad.viz.graphs.numbers import number, option
from minigrad.viz.graphs.saved_bytes import arrays_in, buffer_of, leaf_of

__all__ = ["Data", "Reading", "Slot"]

UNKNOWN = object()  # an argument that nobody kept
Made = Any  # Node | Call | Data


class Data:
    """An array that no operation of the graph made and that wants no gradient."""

    def __init__(
        self,
        shape: tuple[int, ...],
        dtype: Any,
        name: str = "",
        scope: Scope | None = None,
        position: int = 0,
        identity: int = 0,
    ):
        self.shape, self.dtype, self.name = shape, dtype, name
        self.scope, self.position = scope, position  # of the call that it was handed to, and among its arguments
        self.identity = identity  # of its array, which may be gone


class Slot(NamedTuple):
    """One argument of an operation that is drawn as an edge."""

    name: str
    source: Made
    tracked: bool


class Reading:
    """The graph below some outputs; it holds arrays, and so lives only while a picture is being made."""

    def __init__(
        self,
        outputs: Sequence[Tensor],
        model: Module | None = None,
        recording: Recording | None = None,
        known: bool = True,
    ):
        self.recording = recording or Recording()
        self.slots: dict[int, list[Slot]] = {}  # by id of an operation
        self.options: dict[int, str] = {}
        self.arrays: dict[int, Array] = {}  # by id: the value of what was made, where somebody still has it
        self.owners: dict[int, tuple[str, str]] = {}  # by id of a buffer: kind and name of the tensor of the model it is
        self._data: dict[Any, Data] = {}
        self._loose: list[tuple[Made, str]] = []  # arguments of which not even the shape is known
        nodes = tape(outputs)
        self.nodes = nodes
        self.groups = Groups(lanes=any(derivative(node.scope) for node in nodes))
        every: list[Made] = [*nodes, *self.recording.calls]
        self._scopes: dict[int, Scope] = {}  # every call there was an operation in, and those around it
        for made in every:
            self.groups.of(made.scope, lane_of(made))
            scope = made.scope
            while scope is not None and id(scope) not in self._scopes:
                self._scopes[id(scope)] = scope
                scope = scope[0]
        for root in dict.fromkeys([*([model] if model is not None else []), *self.groups.roots]):
            self._own(root)
        self.made = self._walk(outputs)
        if known:
            self.arrays |= {id(self.source_of(output)): output.array for output in outputs}
        self._attach_unused_data()
        self._sort()

    def source_of(self, output: Tensor) -> Made:
        """What made an output; if nothing did, the data that it is, which a call may have been handed."""
        array = output.array
        if output.node is None and id(array) not in self.recording.by_array:
            for data in (data for scope in self._scopes.values() for data in self._around(scope)):
                if data.identity == id(array) and _fits(data, array):
                    return data
        return self._sources(output, None)[0]

    def _own(self, root: Module) -> None:
        prefix = f"{type(root).__name__}." if len(self.groups.roots) > 1 else ""
        for kind, named in (("parameter", root.named_parameters()), ("buffer", root.named_buffers())):
            for name, tensor in named:
                self.owners.setdefault(id(buffer_of(tensor.array)), (kind, prefix + name))

    def _walk(self, outputs: Sequence[Tensor]) -> list[Made]:
        found: dict[int, Made] = {}
        stack: list[Made] = []
        for output in outputs:
            stack.append(self.source_of(output))
        while stack:
            made = stack.pop()
            if id(made) in found:
                continue
            found[id(made)] = made
            if is_operation(made):
                self._read(made)
                stack.extend(slot.source for slot in self.slots[id(made)])
            elif isinstance(made, Node) and (leaf := leaf_of(made)) is not None:
                self.arrays[id(made)] = leaf.array
        return list(found.values())

    def _read(self, made: Made) -> None:
        """The arguments of an operation: edges, or text."""
        call = self.recording.by_number.get(made.number) if isinstance(made, Node) else made
        op: Any = made.primitive if isinstance(made, Node) else made.op
        parents = made.parents if isinstance(made, Node) else [None] * len(made.args)
        slots: list[Slot] = []
        texts = []
        if call is not None:
            self.arrays[id(made)] = call.out
        for position, parent in enumerate(parents):
            name = op.input_name(position)
            kept = call.args[position] if call is not None else self._kept(made, position)
            arg = kept.array if isinstance(kept, Traced) else kept
            if parent is not None:
                slots.append(Slot(name, parent, True))
                if arg is not UNKNOWN:
                    self.arrays.setdefault(id(parent), arg)
            elif name not in op.rules:  # an option: an index, an axis
                texts.append("" if arg is UNKNOWN else option(name, arg))
                for array in arrays_in(arg):
                    slots.extend(Slot(name, data, False) for data in _exact(self._around(made.scope), array))
            elif arg is UNKNOWN:
                self._loose.append((made, name))
            elif isinstance(arg, np.ndarray) and arg.ndim:
                slots.extend(Slot(name, source, False) for source in self._sources(kept, made.scope))
            else:
                texts.append(f"{name}={number(arg)}")
        if isinstance(made, Node) and ("out", 0) in made.plan.saves and made.saved is not None:
            self.arrays.setdefault(id(made), made.saved[made.plan.saves.index(("out", 0))])
        self.slots[id(made)] = slots
        self.options[id(made)] = ", ".join(filter(None, texts))

    @staticmethod
    def _kept(node: Node, position: int) -> Any:
        saves = node.plan.saves
        return node.saved[saves.index(("arg", position))] if node.saved and ("arg", position) in saves else UNKNOWN

    def _sources(self, arg: Any, scope: Scope | None) -> list[Made]:
        """Where an array comes from. Of one that has no node: the recorded operation, the tensor of the model, or data."""
        if isinstance(arg, Traced) and arg.node is not None:
            return [arg.node]
        array = arg.array if isinstance(arg, Traced) else arg
        if id(array) in self.recording.by_array:
            return [self.recording.by_array[id(array)]]
        if id(buffer_of(array)) not in self.owners:
            around = self._around(scope)
            exact = _exact(around, array)
            if exact:
                self.arrays.setdefault(id(exact[0]), array)
                return exact
            if around:  # made of them by what was not recorded
                return around
        data = self._data.setdefault(id(array), Data(array.shape, array.dtype))
        self.arrays[id(data)] = array
        return [data]

    def _around(self, scope: Scope | None) -> list[Data]:
        """The arguments without a node of the innermost call around an operation, each as the outermost call had it."""
        found = []
        for position, known in enumerate(scope[2] if scope else ()):
            if known is None:
                continue
            outer: Any = scope
            at = position
            while outer[0] is not None and (further := _same(known, outer[0][2])) is not None:
                outer, at = outer[0], further
                known = outer[2][at]
            shape, dtype, identity = known
            key = id(outer), identity
            if key not in self._data:
                named = outer[0] is None  # what a function inside calls its argument says nothing
                self._data[key] = Data(shape, dtype, parameter_name(outer, at) if named else "", outer, at, identity)
            if self._data[key] not in found:
                found.append(self._data[key])
        return found

    def _attach_unused_data(self) -> None:
        """Give an array that a call was handed, and that no operation was seen to use, to the one that most likely does."""
        used = {id(slot.source) for slots in self.slots.values() for slot in slots}
        inside: dict[int, list[Made]] = {}
        for made in filter(is_operation, self.made):
            if made.scope is not None and any(made.scope[2]):
                inside.setdefault(id(made.scope), []).append(made)
        for members in sorted(inside.values(), key=lambda members: -_depth(members[0].scope)):  # innermost calls first
            for data in self._around(members[0].scope):
                if id(data) in used or any(_fits(other, data) for other in self._used_by(members)):
                    continue
                loose = [(made, name) for made, name in self._loose if made.scope is members[0].scope]
                made, name = loose[0] if loose else (max(members, key=self._place), data.name)
                self.slots[id(made)].append(Slot(name, data, False))
                self.made.append(data)
                used.add(id(data))

    def _used_by(self, members: Sequence[Made]) -> list[Data]:
        return [slot.source for made in members for slot in self.slots[id(made)] if isinstance(slot.source, Data)]

    def _place(self, made: Made) -> tuple[int, ...]:
        """Creation order: an operation without a node comes after the newest node there was."""
        return (made.number,) if isinstance(made, Node) else (made.after, self.recording.position(made))

    def _sort(self) -> None:
        """Oldest first; data before the call that it was handed to, or else before its first use."""
        handed: dict[int, list[Data]] = {}
        for made in self.made:
            if isinstance(made, Data) and made.scope is not None:
                handed.setdefault(id(made.scope), []).append(made)
        placed: dict[int, Made] = {}
        for made in sorted((made for made in self.made if not isinstance(made, Data)), key=self._place):
            scope = made.scope
            while scope is not None:
                for data in sorted(handed.pop(id(scope), ()), key=lambda data: data.position):
                    placed.setdefault(id(data), data)
                scope = scope[0]
            for slot in self.slots.get(id(made), ()):
                if isinstance(slot.source, Data):
                    placed.setdefault(id(slot.source), slot.source)
            placed[id(made)] = made
        for made in self.made:  # an output that is nothing but data
            placed.setdefault(id(made), made)
        self.made = list(placed.values())


def tape(outputs: Sequence[Tensor]) -> list[Node]:
    """Every node below the outputs, oldest first."""
    stack = [output.node for output in outputs if output.node is not None]
    seen = set(stack)
    while stack:
        for parent in stack.pop().parents:
            if parent is not None and parent not in seen:
                seen.add(parent)
                stack.append(parent)
    return sorted(seen, key=lambda node: node.number)


def lane_of(made: Made) -> int:
    """The order of the derivative that recorded it; 0 in a forward."""
    inside = derivative(made.scope) if not isinstance(made, Data) else None
    return inside.order if inside else 0


def is_operation(made: Made) -> bool:
    return isinstance(made, Call) or (isinstance(made, Node) and made.primitive is not None)


def variables(names: Mapping[str, Any]) -> dict[int, str]:
    """By id of a node or an array: the name of the variable that holds the tensor; names with an underscore do not count."""
    found: dict[int, str] = {}
    for name, value in names.items():
        if isinstance(value, Tensor) and not name.startswith("_"):
            found.setdefault(id(value.array if value.node is None else value.node), name)
    return found


def _depth(scope: Scope | None) -> int:
    depth = 0
    while scope is not None:
        scope, depth = scope[0], depth + 1
    return depth


def _same(known: tuple[Any, ...], others: Sequence[Any]) -> int | None:
    """Where an outer call had the same array: that very one, or else the only one of its shape and dtype."""
    if known in others:
        return others.index(known)
    alike = [i for i, other in enumerate(others) if other is not None and other[:2] == known[:2]]
    return alike[0] if len(alike) == 1 else None


def _exact(around: Sequence[Data], array: Any) -> list[Data]:
    """The one among the data around a call that an array is."""
    same = [data for data in around if data.identity == id(array) and _fits(data, array)]
    alike = [data for data in around if _fits(data, array)]
    return same[:1] or (alike if len(alike) == 1 else [])


def _fits(data: Data, array: Any) -> bool:
    return (data.shape, data.dtype) == (array.shape, array.dtype)
