"""Run a call several times, with other sizes and values, and merge the recorded operations into one list of steps.

What an ONNX graph must compute is found by comparison: an int that changes with the size of an axis depends on it, and an
array that changes, although no recorded operation made it, cannot be a constant of the file.
"""

from __future__ import annotations

import inspect
import operator
import threading
import weakref
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from minigrad import pytree
from minigrad.arrays import Array, Traced
from minigrad.engine.primitive import Primitive
from minigrad.engine.scope import Scope, composite_watchers, here, watch
from minigrad.nn import Module, RNNBase
from minigrad.onnx.errors import Inexpressible, OnnxExporterError
from minigrad.random import default_generator

__all__ = ["Constant", "Differing", "Size", "Step", "Value", "merged", "recorded", "same_random_state"]


@dataclass(frozen=True)
class Value:
    """An input of the call or a result of a step; `number` tells it from the others."""

    number: int
    shape: tuple[Any, ...]  # ints and Sizes
    dtype: Any


@dataclass(frozen=True)
class Constant:
    """An array that no step made: one for each run."""

    arrays: tuple[Array, ...]
    shape: tuple[Any, ...]
    dtype: Any


class Differing:
    """A value that is another in each run. Whatever computes with it, or makes an attribute of it, fails."""

    def __init__(self, values: Sequence[Any]):
        self.values = tuple(values)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Differing) and other.values == self.values

    def __hash__(self) -> int:
        return hash(self.values)

    def refuse(self, *_: Any) -> Any:
        listed = " and ".join(map(str, list(dict.fromkeys(self.values))[:2]))
        raise Inexpressible(f"a value that the file would fix changes with the inputs: {listed}")

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __floordiv__ = __mod__ = __neg__ = refuse
    __lt__ = __gt__ = __le__ = __ge__ = __index__ = __bool__ = __float__ = refuse


class Size(Differing):
    """An int that depends on the sizes of dynamic axes."""


@dataclass
class Event:
    """One operation of one run, or one call that a single node may replace, with the operations inside it."""

    op: Any  # a primitive, a composite, or a recurrent layer
    arguments: dict[str, Any]
    outs: list[Array]
    scope: Scope | None
    parts: list[Event] = field(default_factory=list)


@dataclass
class Step:
    """One operation of all runs."""

    op: Any
    arguments: dict[str, Any]
    outs: list[Value]
    parts: list[Step] | None  # None if they differ
    path: str  # the name of the innermost module in which it ran, as in "features.0"
    place: str  # operation and module, as messages name them


def recorded(model: Module, call: Callable[[], Any], composites: Collection[Any]) -> tuple[list[Event], list[Array]]:
    """Run a call; return its operations, those of the `composites` and of recurrent layers nested, and its results."""
    events: list[Event] = []
    thread = threading.get_ident()

    def add(op: Any, arguments: dict[str, Any], out: Any) -> None:
        """Add an operation that ended; what ran inside its scope becomes its parts."""
        at = len(events)
        while at and _is_within(events[at - 1].scope, here.scope):
            at -= 1
        outs = [leaf.array for leaf in pytree.leaves(out) if isinstance(leaf, Traced)]
        if outs and at < len(events):
            events[at:] = [Event(op, arguments, outs, here.scope, events[at:])]

    def see(op: Primitive, args: tuple[Any, ...], out: Array, node: Any) -> None:
        names, args = op.names, tuple(map(_captured, args))
        if op.arity < 0:  # the last parameter is variadic
            args = (*args[: len(names) - 1], args[len(names) - 1 :])
        events.append(Event(op, dict(zip(names, args, strict=True)), [out], here.scope))

    def see_composite(op: Any, args: tuple[Any, ...], options: dict[str, Any], out: Any) -> None:
        if op in composites:
            bound = inspect.signature(op.__wrapped__).bind(*args, **options)
            bound.apply_defaults()
            add(op, {name: _captured(value) for name, value in bound.arguments.items()}, out)

    def see_layer(layer: RNNBase, args: tuple[Any, ...], options: dict[str, Any], out: Any) -> None:
        if threading.get_ident() == thread:
            bound = inspect.signature(layer.forward).bind(*args, **options)
            bound.apply_defaults()
            weights = {name: p.array for name, p in layer.named_parameters(recurse=False)}
            add(layer, {name: _captured(value) for name, value in bound.arguments.items()} | {"weights": weights}, out)

    with _unchanged(model), ExitStack() as stack:
        for module in model.modules():
            if isinstance(module, RNNBase):
                stack.enter_context(module.register_forward_hook(see_layer, prepend=True, with_kwargs=True))
        stack.enter_context(watch(see))
        stack.enter_context(watch(see_composite, composite_watchers))
        out = call()
    outs = []
    for leaf in pytree.leaves(out):
        if not isinstance(leaf, Traced | np.ndarray):
            raise OnnxExporterError(f"export: the model must return tensors, it returned a {type(leaf).__name__} among them")
        outs.append(_captured(leaf))
    return events, outs


def merged(
    runs: Sequence[tuple[list[Event], list[Array]]], inputs: Sequence[Sequence[Array]], model: Module
) -> tuple[list[Step], list[Value], list[Any]]:
    """Merge the runs of one call into steps; return them, the inputs, and the results: Values or Constants.

    Raises OnnxExporterError unless every run has the same operations.
    """
    merger = _Merger(len(runs), model)
    first = [merger.value(arrays) for arrays in zip(*inputs, strict=True)]
    steps = merger.steps([events for events, _ in runs])
    return steps, first, [merger.merge(outs) for outs in zip(*(outs for _, outs in runs), strict=True)]


@contextmanager
def same_random_state() -> Iterator[None]:
    """Restore the library's random numbers after a ``with`` block; the runs in it draw different ones."""
    generator = default_generator()
    state = generator.bit_generator.state
    try:
        yield
    finally:
        generator.bit_generator.state = state


@contextmanager
def _unchanged(model: Module) -> Iterator[None]:
    """Restore parameters and buffers after a ``with`` block; their arrays are held, so that none is written to in place."""
    held = [(tensor, tensor.array) for tensor in (*model.parameters(), *model.buffers())]
    try:
        yield
    finally:
        for tensor, array in held:
            if tensor.array is not array:
                tensor.replace_array(array)


class _Merger:
    """The numbers of the arrays that inputs and steps made, by their ids in each run."""

    def __init__(self, runs: int, model: Module):
        self.title = type(model).__name__
        self.modules = {id(module): (name, type(module).__name__) for name, module in model.named_modules()}
        self.numbers: list[dict[int, int]] = [{} for _ in range(runs)]
        self.count = 0

    def value(self, arrays: Sequence[Array]) -> Value:
        """Return the value that these arrays are, a new one unless they are known."""
        found = {known.setdefault(id(a), self.count) for known, a in zip(self.numbers, arrays, strict=True)}
        if len(found) > 1:
            raise OnnxExporterError(OTHER)
        self.count += 1
        return Value(found.pop(), self.merge([a.shape for a in arrays]), arrays[0].dtype)

    def steps(self, runs: Sequence[list[Event]]) -> list[Step]:
        for events in zip(*runs, strict=False):
            if len({id(event.op) for event in events}) > 1 or len({len(event.outs) for event in events}) > 1:
                places = dict.fromkeys(self.place(event)[1] for event in events)
                raise OnnxExporterError(f"{OTHER}\n  at      {', '.join(places)}")
        if len(set(map(len, runs))) > 1:
            least, most = min(map(len, runs)), max(runs, key=len)
            raise OnnxExporterError(f"{OTHER}\n  at      {self.place(most[least])[1]}, which not every run has")
        return [self._step(events) for events in zip(*runs, strict=True)]

    def _step(self, events: tuple[Event, ...]) -> Step:
        outs = [self.value(arrays) for arrays in zip(*(event.outs for event in events), strict=True)]
        arguments = self.merge([event.arguments for event in events])
        parts: list[Step] | None = None
        with suppress(OnnxExporterError):  # no matter where one node replaces them, as for a sequence of another length
            parts = self.steps([event.parts for event in events])
        return Step(events[0].op, arguments, outs, parts, *self.place(events[0]))

    def place(self, event: Event) -> tuple[str, str]:
        """Return the name of the module in which an operation ran, and operation and module as messages name them."""
        scope, path, kind = event.scope, "", ""
        while scope is not None and not path:
            scope, what, _ = scope
            path, kind = self.modules.get(id(what()), ("", "")) if isinstance(what, weakref.ref) else ("", "")
        name = event.op.__name__ if hasattr(event.op, "__name__") else type(event.op).__name__
        return path, f"{name} in {self.title}" + (f".{path} ({kind})" if path else "")

    def merge(self, values: Sequence[Any]) -> Any:
        """Return what one argument was in all runs."""
        first = values[0]
        if isinstance(first, np.ndarray):
            return self._array(values)
        if len(set(map(type, values))) > 1:
            return Differing(values)
        if isinstance(first, Mapping) and len({tuple(value) for value in values}) == 1:
            return {key: self.merge([value[key] for value in values]) for key in first}
        if isinstance(first, tuple | list) and len(set(map(len, values))) == 1:
            parts = [self.merge(part) for part in zip(*values, strict=True)]
            return type(first)(*parts) if hasattr(first, "_fields") else tuple(parts)
        if isinstance(first, slice):
            return slice(*(self.merge([getattr(v, name) for v in values]) for name in ("start", "stop", "step")))
        if all(value is first or bool(value == first) or value != value for value in values):
            return first
        whole = isinstance(first, int | np.integer) and not isinstance(first, bool)
        return Size([operator.index(v) for v in values]) if whole else Differing(values)

    def _array(self, arrays: Sequence[Any]) -> Value | Constant | Differing:
        if not all(isinstance(a, np.ndarray) for a in arrays):
            return Differing(arrays)
        found = {known.get(id(a)) for known, a in zip(self.numbers, arrays, strict=True)}
        if len(found) > 1:
            raise OnnxExporterError(OTHER)
        shape, number = self.merge([a.shape for a in arrays]), found.pop()
        if number is None:
            return Constant(tuple(arrays), shape, arrays[0].dtype)
        return Value(number, shape, arrays[0].dtype)


OTHER = (
    "export: the call runs other operations for other sizes or values of its inputs, and a file holds one list of them\n"
    "  hint: loops over an axis and `if` on values are written out as they ran; do not name that axis in dynamic_axes"
)


def _captured(value: Any) -> Any:
    """Return an argument with arrays instead of tensors, as they are now, and numbers instead of NumPy's scalars."""
    if isinstance(value, Traced):
        return value.array
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, tuple | list) and not hasattr(value, "_fields"):
        return tuple(map(_captured, value))
    return value


def _is_within(scope: Scope | None, around: Scope | None) -> bool:
    while scope is not None and scope is not around:
        scope = scope[0]
    return scope is around
