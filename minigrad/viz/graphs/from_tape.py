"""Read the tape: every operation below the outputs, its arguments, and the data that has no node.

A node knows its parents, and the values that its rules save. Facts that are not on the tape may be in a recording; and of
data that was passed to a module or a composite function, the scope remembers the shape. So a drawing starts at the image,
not at the first weight.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from minigrad.arrays import Array, Traced
from minigrad.engine.scope import Scope, derivative
from minigrad.engine.tape import Node
from minigrad.nn import Module
from minigrad.tensors.tensor import Tensor
from minigrad.viz.graphs.from_forward import Recording
from minigrad.viz.graphs.groups import Groups, parameter_name
from minigrad.viz.graphs.numbers import number, option
from minigrad.viz.graphs.saved_bytes import arrays_in, buffer_of, leaf_of

__all__ = ["Data", "Origin", "Slot", "TapeReader", "is_operation", "key_of", "lane_of", "variables"]

UNKNOWN = object()  # an argument that neither tape nor recording holds
Origin = Any  # of a value: Node | Call | Data


@dataclass(eq=False, slots=True)
class Data:
    """An array that is not the result of an operation of the graph and requires no gradient."""

    shape: tuple[int, ...]
    dtype: Any
    name: str = ""
    scope: Scope | None = None  # of the call that it was passed to
    position: int = 0  # among the arguments of that call
    identity: int = 0  # of its array, which may be gone


class Slot(NamedTuple):
    """One argument of an operation that is drawn as an edge."""

    name: str
    source: Origin
    tracked: bool


class TapeReader:
    """The graph below some outputs; it holds arrays, and so lives only while a picture is being made.

    The array of an output is not read unless it is `known`.
    """

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
        self.arrays: dict[int, Array] = {}  # by id of an origin: its value, where it still exists
        self.owners: dict[int, tuple[str, str]] = {}  # by id of a buffer: kind and name of the model's tensor that it is
        self._data: dict[Any, Data] = {}
        self._loose: list[tuple[Origin, str]] = []  # arguments of which not even the shape is known
        self.nodes = _tape(outputs)
        self.groups = Groups(lanes=any(derivative(node.scope) for node in self.nodes))
        self._scopes: dict[int, Scope] = {}  # every call with an operation in it, and those around it
        every: list[Origin] = [*self.nodes, *self.recording.calls]
        for origin in every:
            self.groups.group_of(origin.scope, lane_of(origin))
            scope = origin.scope
            while scope is not None and id(scope) not in self._scopes:
                self._scopes[id(scope)] = scope
                scope = scope[0]
        for root in dict.fromkeys([*([model] if model is not None else []), *self.groups.roots]):
            self._add_owners(root)
        self.origins = self._walk(outputs)
        if known:
            self.arrays |= {id(self.origin_of(output)): output.array for output in outputs}
        self._attach_unused_data()
        self._sort()

    def origin_of(self, output: Tensor) -> Origin:
        """Return the origin of an output; if no operation made it, the data that it is, which may be a call's argument."""
        array = output.array
        if output.node is None and id(array) not in self.recording.by_array:
            for data in (data for scope in self._scopes.values() for data in self._around(scope)):
                if data.identity == id(array) and _fits(data, array):
                    return data
        return self._sources(output, None)[0]

    def _add_owners(self, root: Module) -> None:
        prefix = f"{type(root).__name__}." if len(self.groups.roots) > 1 else ""
        for kind, named in (("parameter", root.named_parameters()), ("buffer", root.named_buffers())):
            for name, tensor in named:
                self.owners.setdefault(id(buffer_of(tensor.array)), (kind, prefix + name))

    def _walk(self, outputs: Sequence[Tensor]) -> list[Origin]:
        found: dict[int, Origin] = {}
        stack = [self.origin_of(output) for output in outputs]
        while stack:
            origin = stack.pop()
            if id(origin) in found:
                continue
            found[id(origin)] = origin
            if is_operation(origin):
                self._read(origin)
                stack.extend(slot.source for slot in self.slots[id(origin)])
            elif isinstance(origin, Node) and (leaf := leaf_of(origin)) is not None:
                self.arrays[id(origin)] = leaf.array
        return list(found.values())

    def _read(self, origin: Origin) -> None:
        """Read the arguments of an operation: edges, or text."""
        call = self.recording.by_number.get(origin.number) if isinstance(origin, Node) else origin
        op = origin.primitive
        slots: list[Slot] = []
        texts = []
        if call is not None:
            self.arrays[id(origin)] = call.out
        for position, parent in enumerate(origin.parents):
            name = op.input_name(position)
            given = call.args[position] if call is not None else _saved(origin, ("arg", position))
            arg = given.array if isinstance(given, Traced) else given
            if parent is not None:
                slots.append(Slot(name, parent, True))
                if arg is not UNKNOWN:
                    self.arrays.setdefault(id(parent), arg)
            elif name not in op.rules:  # an option: an index, an axis
                texts.append("" if arg is UNKNOWN else option(name, arg))
                for array in arrays_in(arg):
                    slots.extend(Slot(name, data, False) for data in _matching(self._around(origin.scope), array))
            elif arg is UNKNOWN:
                self._loose.append((origin, name))
            elif isinstance(arg, np.ndarray) and arg.ndim:
                slots.extend(Slot(name, source, False) for source in self._sources(given, origin.scope))
            else:
                texts.append(f"{name}={number(arg)}")
        if isinstance(origin, Node) and (out := _saved(origin, ("out", 0))) is not UNKNOWN:
            self.arrays.setdefault(id(origin), out)
        self.slots[id(origin)] = slots
        self.options[id(origin)] = ", ".join(filter(None, texts))

    def _sources(self, arg: Any, scope: Scope | None) -> list[Origin]:
        """Return the origins of an array: its node, or else the recorded operation, the tensor of the model, or data."""
        if isinstance(arg, Traced) and arg.node is not None:
            return [arg.node]
        array = arg.array if isinstance(arg, Traced) else arg
        if id(array) in self.recording.by_array:
            return [self.recording.by_array[id(array)]]
        if id(buffer_of(array)) not in self.owners:
            around = self._around(scope)
            matching = _matching(around, array)
            if matching:
                self.arrays.setdefault(id(matching[0]), array)
                return matching
            if around:  # computed from them by operations that were not recorded
                return around
        data = self._data.setdefault(id(array), Data(array.shape, array.dtype))
        self.arrays[id(data)] = array
        return [data]

    def _around(self, scope: Scope | None) -> list[Data]:
        """Return the arguments without a node of the innermost call around an operation, as the outermost call had them."""
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
                named = outer[0] is None  # the names of arguments of inner functions say nothing
                self._data[key] = Data(shape, dtype, parameter_name(outer, at) if named else "", outer, at, identity)
            if self._data[key] not in found:
                found.append(self._data[key])
        return found

    def _attach_unused_data(self) -> None:
        """Attach an argument of a call that no operation was seen to use to the operation that most likely does."""
        used = {id(slot.source) for slots in self.slots.values() for slot in slots}
        inside: dict[int, list[Origin]] = {}
        for origin in filter(is_operation, self.origins):
            if origin.scope is not None and any(origin.scope[2]):
                inside.setdefault(id(origin.scope), []).append(origin)
        for members in sorted(inside.values(), key=lambda members: -_depth(members[0].scope)):  # innermost calls first
            scope = members[0].scope
            for data in self._around(scope):
                if id(data) in used or any(_fits(other, data) for other in self._used_by(members)):
                    continue
                loose = [(origin, name) for origin, name in self._loose if origin.scope is scope]
                origin, name = loose[0] if loose else (max(members, key=_creation), data.name)
                self.slots[id(origin)].append(Slot(name, data, False))
                self.origins.append(data)
                used.add(id(data))

    def _used_by(self, members: Sequence[Origin]) -> list[Data]:
        return [slot.source for origin in members for slot in self.slots[id(origin)] if isinstance(slot.source, Data)]

    def _sort(self) -> None:
        """Sort the origins, oldest first; data before the call that it was passed to, or else before its first use."""
        passed: dict[int, list[Data]] = {}
        for origin in self.origins:
            if isinstance(origin, Data) and origin.scope is not None:
                passed.setdefault(id(origin.scope), []).append(origin)
        placed: dict[int, Origin] = {}
        for origin in sorted((origin for origin in self.origins if not isinstance(origin, Data)), key=_creation):
            scope = origin.scope
            while scope is not None:
                for data in sorted(passed.pop(id(scope), ()), key=lambda data: data.position):
                    placed.setdefault(id(data), data)
                scope = scope[0]
            for slot in self.slots.get(id(origin), ()):
                if isinstance(slot.source, Data):
                    placed.setdefault(id(slot.source), slot.source)
            placed[id(origin)] = origin
        for origin in self.origins:  # an output that is nothing but data
            placed.setdefault(id(origin), origin)
        self.origins = list(placed.values())


def lane_of(origin: Origin) -> int:
    """Return the order of the derivative that recorded an operation or leaf; 0 in a forward."""
    inside = derivative(origin.scope)
    return inside.order if inside else 0


def is_operation(origin: Origin) -> bool:
    """Return whether the origin is a node or call of an operation, and not a leaf or data."""
    return getattr(origin, "primitive", None) is not None


def key_of(tensor: Tensor) -> int:
    """Return the id by which `variables` knows a tensor."""
    return id(tensor.array if tensor.node is None else tensor.node)


def variables(names: Mapping[str, Any]) -> dict[int, str]:
    """Return, by id of a node or an array, the name of a variable with the tensor; names with an underscore are left out."""
    found: dict[int, str] = {}
    for name, value in names.items():
        if isinstance(value, Tensor) and not name.startswith("_"):
            found.setdefault(key_of(value), name)
    return found


def _tape(outputs: Sequence[Tensor]) -> list[Node]:
    """Return every node below the outputs, oldest first."""
    stack = [output.node for output in outputs if output.node is not None]
    seen = set(stack)
    while stack:
        for parent in stack.pop().parents:
            if parent is not None and parent not in seen:
                seen.add(parent)
                stack.append(parent)
    return sorted(seen, key=lambda node: node.number)


def _saved(node: Node, entry: tuple[str, int]) -> Any:
    """Return a value that a node saved, as an entry of `Plan.saves`; UNKNOWN if it did not, or after backward freed it."""
    saves = node.plan.saves
    return node.saved[saves.index(entry)] if node.saved and entry in saves else UNKNOWN


def _creation(origin: Origin) -> tuple[int, ...]:
    """Return a key for creation order: an operation without a node comes after the newest node at its time."""
    return (origin.number,) if isinstance(origin, Node) else (origin.after, origin.position)


def _depth(scope: Scope | None) -> int:
    depth = 0
    while scope is not None:
        scope, depth = scope[0], depth + 1
    return depth


def _same(known: tuple[Any, ...], others: Sequence[Any]) -> int | None:
    """Return the position of the same array among the arguments of an outer call.

    By identity, else the only one of that shape and dtype.
    """
    if known in others:
        return others.index(known)
    alike = [i for i, other in enumerate(others) if other is not None and other[:2] == known[:2]]
    return alike[0] if len(alike) == 1 else None


def _matching(around: Sequence[Data], array: Any) -> list[Data]:
    """Return the data around a call that matches an array: by identity, else the only one of that shape and dtype."""
    alike = [data for data in around if _fits(data, array)]
    same = [data for data in alike if data.identity == id(array)]
    return same[:1] or (alike if len(alike) == 1 else [])


def _fits(data: Data, array: Any) -> bool:
    return (data.shape, data.dtype) == (array.shape, array.dtype)
