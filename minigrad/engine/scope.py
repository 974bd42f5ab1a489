"""Scopes: the module, the function and the derivative in which an operation is called, and what its arguments were.

Only pictures read them, to draw boxes and operands. A scope is a plain tuple (outer scope, what, arguments), created once
for a call and shared by the nodes created during it. It refers to modules and arrays weakly, so it keeps nothing alive and
closes no reference cycle.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from types import EllipsisType
from typing import Any, NamedTuple
from weakref import ref

import numpy as np

from minigrad.arrays import Traced
from minigrad.engine.interrupts import Revertible

__all__ = [
    "CONSTANTS", "Constant", "Derivative", "Named", "Scope", "arguments", "composite_watchers", "constant", "constants",
    "derivative", "here", "in_this_thread", "watch", "watched", "watchers",
]  # fmt: skip

# (outer Scope or None, a weak reference to a Module | a composite | Derivative, `arguments` of the call)
Scope = tuple[Any, Any, tuple[Any, ...]]

CONSTANTS = {float, int, bool, str, type(None)}  # types of arguments that need no conversion and no copy
PLAIN = CONSTANTS | {slice, EllipsisType, type}  # and of options that hold no array


class Constant(NamedTuple):
    """An array or tensor without a node that was an argument. It may be gone; the weak reference is its identity.

    All weak references to one array are one object, and no later array has it, as one could have its address.
    """

    shape: tuple[int, ...]
    dtype: Any
    array: Any  # weakref.ref
    tensor: Any = None  # a weak reference, too: buffers have another array after each step
    value: Any = None  # of one without axes
    base: Any = None  # of a view (tensors/views.py): the Constant of the array of its memory,
    steps: tuple[Any, ...] = ()  # and the (operation, further arguments) that lead from there to the view


class Named(NamedTuple):
    """An argument given by name, as `arguments` remembers it."""

    name: str
    known: Any


class Derivative(NamedTuple):
    """The scope of a gradient rule recorded by the walk of an n-th derivative."""

    order: int
    source: int  # the number of the node whose rule it is


class _Here(threading.local):
    scope: Scope | None = None
    unfused = False  # whether composites are computed by their definition (engine/fused.py)


here = _Here()
# Called as watcher(op, args, out, node) after every operation on tensors. All threads share the list, which makes the test
# for an empty list cheap; iterate over a copy, because another thread may change it.
watchers: list[Callable[..., None]] = []
# Called as watcher(composite, args, options, out) after every call of a composite, in its scope.
composite_watchers: list[Callable[..., None]] = []


def constant(arg: Any) -> Any:
    """Return what is remembered of an argument without a node.

    That is a `Constant` for an array or a tensor, the value itself for numbers, text, slices and types, a tuple of these for
    a tuple or list, and None for anything else: nothing large is kept alive.
    """
    if isinstance(arg, Traced | np.ndarray):
        array = arg.array if isinstance(arg, Traced) else arg
        tensor = None if array is arg else ref(arg)
        place: Any = getattr(arg, "place", None)
        if array.ndim and place is None:
            return Constant(array.shape, array.dtype, ref(array), tensor)
        value = None if array.ndim else array[()]
        if place is None or not place.steps:
            return Constant(array.shape, array.dtype, ref(array), tensor, value)
        return Constant(array.shape, array.dtype, ref(array), tensor, value, constant(place.memory.array), place.steps)
    cls = type(arg)
    if cls is tuple or cls is list:
        return tuple(arg) if PLAIN.issuperset(map(type, arg)) else tuple(map(constant, arg))
    return arg if cls in PLAIN or isinstance(arg, np.generic | np.dtype) else None


def constants(args: Sequence[Any], places: Sequence[int]) -> list[Any]:
    """Return what is remembered of the arguments at some places; see `constant`."""
    return [arg if type(arg := args[at]) in CONSTANTS else constant(arg) for at in places]


def arguments(args: Iterable[Any], options: dict[str, Any]) -> tuple[Any, ...]:
    """Return what is remembered of the arguments of a call: of each the number of its node, a `Constant`, (scalar,) or None.

    Those given by name follow as `Named`.
    """
    known = []
    for arg in (*args, *options.values()) if options else args:  # one loop: a call for each takes 0.3 us of a sum
        if isinstance(arg, Traced):
            known.append(constant(arg) if arg.node is None else arg.node.number)
        elif type(arg) in CONSTANTS:
            known.append((arg,))
        else:
            known.append(constant(arg) if isinstance(arg, np.ndarray) else None)
    if options:
        first = len(known) - len(options)
        known[first:] = map(Named, options, known[first:])
    return tuple(known)


def derivative(scope: Scope | None) -> Derivative | None:
    """Return the innermost derivative around a scope; None in a forward."""
    while scope is not None:
        scope, what, _ = scope
        if type(what) is Derivative:
            return what
    return None


def in_this_thread(watcher: Callable[..., None]) -> Callable[..., None]:
    """Return a watcher that ignores the operations of other threads."""
    thread = threading.get_ident()

    def mine(*event: Any) -> None:
        if threading.get_ident() == thread:
            watcher(*event)

    mine.thread = thread  # type: ignore[attr-defined]
    return mine


def watched() -> bool:
    """Return whether a watcher looks at the operations of this thread."""
    return bool(watchers) and threading.get_ident() in [getattr(watcher, "thread", None) for watcher in tuple(watchers)]


class watch(Revertible):
    """Call a watcher after every operation on tensors, recorded or not, that this thread runs in a ``with`` block.

    With `watched=composite_watchers`, after every call of a composite.
    """

    def __init__(self, watcher: Callable[..., None], watched: list[Callable[..., None]] = watchers):
        super().__init__()
        self.watcher, self.watched = watcher, watched

    def __enter__(self) -> None:
        watcher, watched = in_this_thread(self.watcher), self.watched
        self._undo += (partial(watched.remove, watcher),)
        watched += (watcher,)
