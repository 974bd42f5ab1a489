"""Read the tape: every operation below the outputs, its arguments, and the data that has no node.

A node knows its parents, and remembers of every other argument what it was: a number, or the shape, dtype and identity of an
array, and for a view the steps that lead to it (engine/scope.py). So does the scope, of the arguments of a call. Nothing is
guessed: an array of which no more is known is data without a name, and an argument of a call that no recorded operation
takes leads to steps that were not recorded.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from numbers import Number
from typing import Any, NamedTuple

import numpy as np

from minigrad.arrays import Array, Traced
from minigrad.engine.arguments import parameters_of
from minigrad.engine.primitive import Primitive
from minigrad.engine.scope import CONSTANTS, Constant, Named, Scope, constant, derivative
from minigrad.engine.tape import Node
from minigrad.nn import Module
from minigrad.tensors.tensor import Tensor
from minigrad.viz.graphs.from_forward import Call, Recording
from minigrad.viz.graphs.groups import Groups, Lane, parameter_name
from minigrad.viz.graphs.numbers import option, scalar
from minigrad.viz.graphs.parts import Part, below
from minigrad.viz.graphs.saved_bytes import leaf_of

__all__ = ["Data", "Origin", "Slot", "TapeReader", "Unrecorded", "View", "is_operation", "key_of", "variables"]

UNKNOWN = object()  # an argument that neither tape nor recording holds
Origin = Any  # of a value: Node | Call | Data | View | Unrecorded


@dataclass(eq=False, slots=True)
class Data:
    """An array that is not the result of an operation of the graph and requires no gradient."""

    shape: tuple[int, ...]
    dtype: Any
    array: Any  # a weak reference, its identity
    name: str = ""
    scope: Scope | None = None  # of the outermost call that it was passed to
    position: int = 0  # among the arguments of that call
    owner: tuple[str, str] = ("", "")  # kind and name of the model's tensor that it is, or was


@dataclass(eq=False, slots=True)
class View:
    """A step from data to a view of it: such as the reshape in ``net(x.reshape(5, -1))``, which has no node."""

    primitive: Primitive
    source: Origin
    rest: tuple[Any, ...]  # the further arguments
    shape: tuple[int, ...]
    dtype: Any
    scope: Scope | None
    call: Scope | None = None  # the outermost call that it was passed to
    position: int = 0


@dataclass(eq=False, slots=True)
class Unrecorded:
    """Steps of a call that were not recorded: those that take an argument which no recorded operation takes."""

    scope: Scope
    lane: Lane
    shape: tuple[int, ...] = ()
    dtype: str = ""


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
        modules: Mapping[int, str] | None = None,
    ):
        self.recording = recording or Recording()
        self.slots: dict[int, list[Slot]] = {}  # by id of an operation
        self.operands: dict[int, tuple[str, ...]] = {}  # "" for each slot, and the constants between them as text
        self.options: dict[int, str] = {}
        self.arrays: dict[int, Array] = {}  # by id of an origin: its value, where it still exists
        self.owners: dict[int, tuple[str, str]] = {}  # by id of a tensor and of its array: kind and name in the model
        self._data: dict[int, Data] = {}  # by id of a weak reference
        self._views: dict[tuple[int, ...], View] = {}  # by id of a weak reference to the base, and of the steps
        self._passed: dict[int, tuple[Scope, int]] = {}  # by id of a weak reference: the outermost call with it, and where
        self.nodes = below([output.node for output in outputs if output.node is not None])
        self.by_number: dict[float, Node] = {node.number: node for node in self.nodes}
        every: list[Origin] = sorted([*self.nodes, *self.recording.calls], key=_creation)
        self.lanes: dict[int, int] = {}  # by id of an operation or leaf; see `_lane`
        for origin in every:
            self.lanes[id(origin)] = self._lane(origin)
        self.turns = self._turns(every)
        self.groups = Groups(any(self.lanes.values()), bool(self.turns), modules or {})
        self.scopes: dict[int, Scope] = {}  # every call with an operation in it, and those around it, these first
        for origin in every:
            self.groups.group_of(origin.scope, self.lane_of(origin))
            for scope in reversed(_chain(origin.scope)):
                if id(scope) not in self.scopes:
                    self.scopes[id(scope)] = scope
                    for position, argument in enumerate(scope[2]):
                        argument = argument.known if isinstance(argument, Named) else argument
                        if isinstance(argument, Constant):
                            self._passed.setdefault(id(argument.array), (scope, position))
        for root in dict.fromkeys([*([model] if model is not None else []), *self.groups.roots]):
            self._add_owners(root)
        self.origins: list[Origin] = []
        self._found: set[int] = set()
        for output in outputs:
            self._walk(self.origin_of(output))
        if known:
            self.arrays |= {id(self.origin_of(output)): output.array for output in outputs}
        self._add_unrecorded()
        self._homes = self._homes_of_data()
        self._sort()

    def origin_of(self, output: Tensor) -> Origin:
        """Return the origin of an output; if no operation made it, the data that it is, which may be a call's argument."""
        return output.node if output.node is not None else self.source_of(constant(output), None)

    def arguments_of(self, scope: Scope) -> Iterator[tuple[str, Any]]:
        """Yield the arguments of a call of a function: name, and an origin, or (value,) of one that is no array.

        The further values of ``*axes`` are one tuple. Values that are defaults are left out.
        """
        names, defaults, variadic, _ = parameters_of(scope[1])
        last = _first_of_many(scope[1]) if variadic else len(names) - 1
        many: list[Any] = []
        for i, argument in enumerate((*scope[2], Named("", None))):
            name, known = argument if isinstance(argument, Named) else (names[min(i, last)], argument)
            if many and isinstance(argument, Named):
                yield names[last], (tuple(many) if many[1:] else many.pop(),)
                many = []
            if isinstance(known, Constant):
                known = self.source_of(known, scope[0])
            if variadic and name == names[last] and type(known) is tuple:
                many += known
            elif name and (type(known) is not tuple or not _is_default(defaults, name, known[0])):
                yield name, self.by_number.get(known) if isinstance(known, int | float) else known  # a float is a part

    def constants_of(self, node: Node) -> dict[str, list[Origin]]:
        """Return the origins of the arrays without a node among the arguments of a node, by name."""
        known = zip(node.plan.constants, node.constants, strict=True)
        op: Any = node.primitive
        return {op.input_name(at): [self.source_of(c, node.scope)] for at, c in known if isinstance(c, Constant)}

    def group_of(self, origin: Origin) -> int:
        """Return the group of an operation, a view or data; of the latter that of all operations that use it."""
        if isinstance(origin, Data):
            return self.groups.group_of(*self._homes.get(id(origin), (None, (0, 0))))
        return self.groups.group_of(origin.scope, self.lane_of(origin))

    def lane_of(self, origin: Origin) -> Lane:
        """Return the lane of an operation or of steps that were not recorded, and its turn; (0, 0) for others."""
        return (
            origin.lane if isinstance(origin, Unrecorded) else (self.lanes.get(id(origin), 0), self.turns.get(id(origin), 0))
        )

    def source_of(self, known: Constant, scope: Scope | None) -> Origin:
        """Return the origin of an array without a node: a recorded operation, the steps to a view, or data."""
        array = known.array()
        call = self.recording.by_array.get(id(array))
        if call is not None:
            return call
        if known.steps and known.base.array is not known.array and (array is None or id(array) not in self.owners):
            return self._view_of(known, scope)
        if id(known.array) not in self._data:
            scope, position = self._passed.get(id(known.array), (None, 0))
            named = scope is not None and scope[0] is None  # the names of arguments of inner functions say nothing
            name = parameter_name(scope, position) if named and scope is not None else ""
            tensor = None if known.tensor is None else known.tensor()
            owner = self.owners.get(id(array)) or self.owners.get(id(tensor)) or ("", "")
            data = Data(known.shape, known.dtype, known.array, name, scope, position, owner)
            self._data[id(known.array)] = data
            if array is not None:
                self.arrays[id(data)] = array
        return self._data[id(known.array)]

    def _view_of(self, known: Constant, scope: Scope | None) -> Origin:
        """Return the last step to a view, a `View`; it is outside the outermost call that the view was passed to."""
        base = known.base
        call, position = self._passed.get(id(known.array), (None, 0))
        if call is not None:
            scope = call[0]
        source = self.source_of(base, scope)
        shown = np.broadcast_to(np.zeros((), base.dtype), base.shape)
        key: tuple[int, ...] = (id(base.array),)
        for step in known.steps:
            op, rest = step
            key, shown = (*key, id(step)), op.forward(shown, *rest)
            if key not in self._views:
                self._views[key] = View(op, source, rest, shown.shape, known.dtype, scope)
            source = self._views[key]
        if isinstance(source, View):
            source.call, source.position = call, position
        if (array := known.array()) is not None:
            self.arrays.setdefault(id(source), array)
        return source

    def _add_owners(self, root: Module) -> None:
        prefix = f"{self.groups.root_names().get(id(root), type(root).__name__)}." if len(self.groups.roots) > 1 else ""
        for kind, named in (("parameter", root.named_parameters()), ("buffer", root.named_buffers())):
            for name, tensor in named:
                for one in (tensor.array, tensor):
                    self.owners.setdefault(id(one), (kind, prefix + name))

    def _walk(self, origin: Origin) -> None:
        """Read an origin and everything that it was made of."""
        stack = [origin]
        while stack:
            origin = stack.pop()
            if id(origin) in self._found:
                continue
            self._found.add(id(origin))
            self.origins.append(origin)
            if isinstance(origin, View):
                name = origin.primitive.input_name
                self.slots[id(origin)] = [Slot(name(0), origin.source, False)]
                self.operands[id(origin)] = ("",)
                self.options[id(origin)] = _texts(option(name(i), value) for i, value in enumerate(origin.rest, 1))
            elif is_operation(origin):
                self._read(origin)
            elif isinstance(origin, Node) and (leaf := leaf_of(origin)) is not None:
                self.arrays[id(origin)] = leaf.array
            stack.extend(slot.source for slot in self.slots.get(id(origin), ()))

    def _read(self, origin: Node | Call) -> None:
        """Read the arguments of an operation: edges and constants in their order, and options."""
        call = self.recording.by_number.get(origin.number) if isinstance(origin, Node) else origin
        op: Any = origin.primitive
        slots: list[Slot] = []
        operands, texts = [], []
        usual = op.tails[min(op.tails)]
        defaults = dict(zip(op.names[len(op.names) - len(usual) :], usual, strict=True))
        if call is not None:
            self.arrays[id(origin)] = call.out
        if isinstance(origin, Part) and origin.fused is not None:
            for parent, value in zip(origin.fused.parents, origin.fused.saved or (), strict=False):
                if parent is not None:
                    self.arrays.setdefault(id(parent), value)
        for position, parent in enumerate(origin.parents):
            name = op.input_name(position)
            value = _value(origin, call, position)
            if parent is not None:
                slots.append(Slot(name, parent, True))
                operands.append("")
                if isinstance(value, np.ndarray):
                    self.arrays.setdefault(id(parent), value)
                continue
            known = _argument(origin, call, position)
            node = known.node if isinstance(known, Traced) else None
            if isinstance(known, Traced):  # of an operation that was not recorded
                known = constant(known)
            if known is UNKNOWN:
                operands += ["?"] if name in op.rules else []
            elif name in op.rules and (isinstance(known, Number | np.generic) or getattr(known, "shape", None) == ()):
                source = None if not isinstance(known, Constant) else node or self._named(known, origin.scope)
                operands.append(scalar(known.value if isinstance(known, Constant) else known) if source is None else "")
                slots += [] if source is None else [Slot(name, source, False)]
            else:
                for part in _constants(known):
                    source = self.source_of(part, origin.scope) if node is None else node
                    slots.append(Slot(name, source, False))
                    operands.append("")
                    if isinstance(value, np.ndarray) and isinstance(known, Constant):
                        self.arrays[id(source)] = value  # as it was then, if the rule saved it
                if not isinstance(known, Constant) and not _is_default(defaults, name, known):
                    texts.append(option(name, known))
        if isinstance(origin, Node) and (out := _saved(origin, ("out", 0))) is not UNKNOWN:
            self.arrays.setdefault(id(origin), out)
        self.slots[id(origin)] = slots
        self.operands[id(origin)] = tuple(operands)
        self.options[id(origin)] = _texts(texts)

    def _named(self, known: Constant, scope: Scope | None) -> Origin | None:
        """Return the origin of an operand without axes, if it is an argument or belongs to a model; else it is text."""
        array = known.array()
        ids = self.owners.keys() | self.recording.by_array.keys()
        return self.source_of(known, scope) if id(known.array) in self._passed or id(array) in ids else None

    def _lane(self, origin: Node | Call) -> int:
        """Return twice the order of the derivative that recorded an operation; 0 in a forward, and one more after it.

        So what is computed from the first derivative is in lane 3, below it.
        """
        inside = derivative(origin.scope)
        if inside:
            return 2 * inside.order
        before = max((self.lanes.get(id(source), 0) for source in self._made_of(origin)), default=0)
        return before | 1 if before else 0

    def _made_of(self, origin: Node | Call) -> Iterator[Node | Call]:
        sources: list[Any] = list(origin.parents)
        if isinstance(origin, Call):
            sources = [
                arg.node or self.recording.by_array.get(id(arg.array)) for arg in origin.args if isinstance(arg, Traced)
            ]
        return (source for source in sources if source is not None)

    def _turns(self, every: Sequence[Node | Call]) -> dict[int, int]:
        """Return, by id of an operation, how often derivatives and other operations have taken turns before it.

        Empty, unless a derivative takes from what follows a later one, as in each step of Newton's method. Lanes would then
        run in circles; turns cannot, because they are in the order of creation.
        """
        if all(self.lanes.get(id(s), 0) <= self.lanes[id(origin)] for origin in every for s in self._made_of(origin)):
            return {}
        found: dict[int, int] = {}
        former, turn = -1, 0
        for origin in every:
            if origin.primitive is not None:
                lane = self.lanes[id(origin)]
                inside = 0 if lane % 2 else lane
                former, turn = inside, turn + (inside != former)
                found[id(origin)] = turn
        return found

    def _add_unrecorded(self) -> None:
        """Add to each call its steps that were not recorded, if no recorded one takes an argument that it was given."""
        used: dict[int, set[int]] = {key: set() for key in self.scopes}
        lanes: dict[int, Lane] = {}
        for origin in self.origins:
            sources = {id(source) for slot in self.slots.get(id(origin), ()) for source in _and_bases(slot.source)}
            for scope in _chain(origin.scope) if sources else ():
                used[id(scope)] |= sources
                lanes[id(scope)] = max(self.lane_of(origin), lanes.get(id(scope), (0, 0)))
        for scope in reversed(self.scopes.values()):  # inner calls first
            missing = []
            for argument in scope[2]:
                known = argument.known if isinstance(argument, Named) else argument
                if isinstance(known, Constant) and known.shape:
                    source = self.source_of(known, scope[0])
                    if id(source) not in used[id(scope)]:
                        missing.append(Slot("", source, False))
                        for around in _chain(scope):
                            used[id(around)] |= set(map(id, _and_bases(source)))
            if missing and id(scope) in lanes:
                steps = Unrecorded(scope, lanes[id(scope)])
                self.slots[id(steps)] = missing
                self._walk(steps)

    def _homes_of_data(self) -> dict[int, tuple[Scope | None, Lane]]:
        """Return, by id of data, call and lane of all operations that use it, outside calls that it is an argument of."""
        homes: dict[int, tuple[Scope | None, Lane]] = {}
        for origin in self.origins:
            for slot in self.slots.get(id(origin), ()):
                data = slot.source
                if isinstance(data, Data):
                    lane = self.lane_of(origin)
                    outside = origin.scope if data.scope is None else data.scope[0]
                    scope, former = homes.get(id(data), (outside, lane))
                    common = {id(around) for around in _chain(origin.scope)}
                    scope = next((around for around in _chain(scope) if id(around) in common), None)
                    homes[id(data)] = (scope, lane) if lane == former else (None, (0, 0))
        return homes

    def _sort(self) -> None:
        """Sort the origins, oldest first; data before the call that it was passed to, or else before its first use."""
        passed: dict[int, list[Origin]] = {}
        for origin in self.origins:
            call = origin.call if isinstance(origin, View) else getattr(origin, "scope", None)
            if isinstance(origin, Data | View | Unrecorded) and call is not None:
                passed.setdefault(id(call), []).append(origin)
        placed: dict[int, Origin] = {}

        def place(origin: Origin) -> None:
            """Place the sources of views and of steps that were not recorded before these."""
            stack = [origin]
            while stack:
                last = stack[-1]
                open_ = [slot.source for slot in self.slots.get(id(last), ()) if id(slot.source) not in placed]
                if open_ and isinstance(last, View | Unrecorded):
                    stack.extend(reversed(open_))
                else:
                    placed.setdefault(id(stack.pop()), last)

        def order(origin: Origin) -> tuple[bool, int]:
            return isinstance(origin, Unrecorded), getattr(origin, "position", 0)

        for origin in sorted((o for o in self.origins if isinstance(o, Node | Call)), key=_creation):
            for scope in reversed(_chain(origin.scope)):
                for item in sorted(passed.pop(id(scope), ()), key=order):
                    place(item)
            for slot in self.slots.get(id(origin), ()):
                if isinstance(slot.source, Data | View):
                    place(slot.source)
            placed[id(origin)] = origin
        for origin in self.origins:  # an output that is nothing but data
            place(origin)
        self.origins = list(placed.values())


def is_operation(origin: Origin) -> bool:
    """Return whether the origin is an operation, and not a leaf, data, or steps that were not recorded."""
    return getattr(origin, "primitive", None) is not None


def key_of(tensor: Tensor) -> int:
    """Return the id by which `variables` knows a tensor."""
    return id(tensor.array if tensor.node is None else tensor.node)


def variables(names: Mapping[str, Any]) -> dict[int, str]:
    """Return, by id of a node, an array or a module, the name of a variable; names with an underscore are left out."""
    found: dict[int, str] = {}
    for name, value in names.items():
        if isinstance(value, Tensor | Module) and not name.startswith("_"):
            found.setdefault(key_of(value) if isinstance(value, Tensor) else id(value), name)
    return found


def _saved(node: Node, entry: tuple[str, int]) -> Any:
    """Return a value that a node saved, as an entry of `Plan.saves`; UNKNOWN if it did not, or after backward freed it."""
    saves = node.plan.saves
    return node.saved[saves.index(entry)] if node.saved and entry in saves else UNKNOWN


def _creation(origin: Origin) -> tuple[int, ...]:
    """Return a key for creation order: an operation without a node comes after the newest node at its time."""
    return (origin.number,) if isinstance(origin, Node) else (origin.after, origin.position)


def _chain(scope: Scope | None) -> list[Scope]:
    """Return a scope and those around it, innermost first."""
    found = []
    while scope is not None:
        found.append(scope)
        scope = scope[0]
    return found


def _and_bases(origin: Origin) -> list[Origin]:
    """Return an origin and, of a view, what it is a view of."""
    found = [origin]
    while isinstance(found[-1], View):
        found.append(found[-1].source)
    return found


def _argument(origin: Origin, call: Call | None, position: int) -> Any:
    """Return an argument without a node: a tensor or a constant; UNKNOWN if neither tape nor recording holds it."""
    if call is not None:
        given = call.args[position]
        return given if isinstance(given, Traced) and given.node is not None else constant(given)
    places = origin.plan.constants
    return origin.constants[places.index(position)] if position in places else UNKNOWN


def _value(origin: Origin, call: Call | None, position: int) -> Any:
    """Return the array that an argument was when the operation ran, if it is still known."""
    if call is not None:
        given = call.args[position]
        return given.array if isinstance(given, Traced) else given
    return _saved(origin, ("arg", position))


def _is_default(defaults: Mapping[str, Any], name: str, value: Any) -> bool:
    """Return whether an option has the value that it has if it is not given."""
    return name in defaults and type(value) in CONSTANTS and bool(defaults[name] == value)


def _first_of_many(function: Any) -> int:
    """Return the place of ``*args`` among the parameters."""
    kinds = [parameter.kind for parameter in inspect.signature(function).parameters.values()]
    return kinds.index(inspect.Parameter.VAR_POSITIONAL)


def _constants(known: Any) -> list[Constant]:
    """Return the arrays in what is remembered of an argument: itself, or parts of an index."""
    if isinstance(known, Constant):
        return [known]
    return [part for part in known if isinstance(part, Constant)] if type(known) is tuple else []


def _texts(parts: Iterable[str]) -> str:
    return ", ".join(filter(None, parts))
