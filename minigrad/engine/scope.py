"""Where an operation is called: in which call of which module, in which function, in which derivative.

Pictures draw their boxes from this, and nothing else reads it. A scope is a plain tuple (outer scope, what, data): made once
for a call, shared by the nodes made during it. It names modules weakly, and of arrays that need no gradient, which have no
node, it knows no more than shape and dtype: so it keeps nothing alive and closes no cycle.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from minigrad.engine.interrupts import Revertible

__all__ = ["Derivative", "Scope", "derivative", "here", "in_this_thread", "untracked", "watch", "watchers"]

# (outer Scope or None, a weak reference to a Module | a composite | Derivative, shapes and dtypes as `untracked` gives them)
Scope = tuple[Any, Any, tuple[Any, ...]]


class Derivative(NamedTuple):
    """The rule of a node is running, recorded by the walk of an n-th derivative."""

    order: int
    source: int  # the number of the node whose rule it is


class _Here(threading.local):
    scope: Scope | None = None


here = _Here()
# Called as watcher(op, args, out, node) after every operation on tensors. All threads share the list, so that asking whether
# it is empty costs next to nothing; whoever calls what is in it iterates over a copy, as another thread may change it.
watchers: list[Callable[..., None]] = []


def untracked(args: tuple[Any, ...]) -> tuple[Any, ...]:
    """(shape, dtype, id) of each argument that is an array or tensor without a node; None for every other.

    The id tells apart arrays of one shape while they live, and only then: nothing here keeps them.
    """
    return tuple([
        (array.shape, array.dtype, id(array))
        if isinstance(array := getattr(arg, "array", arg), np.ndarray) and getattr(arg, "node", None) is None
        else None
        for arg in args
    ])  # fmt: skip


def derivative(scope: Scope | None) -> Derivative | None:
    """The innermost derivative around a scope; None in an ordinary forward."""
    while scope is not None:
        scope, what, _ = scope
        if type(what) is Derivative:
            return what
    return None


def in_this_thread(watcher: Callable[..., None]) -> Callable[..., None]:
    """Return a watcher that leaves out what other threads do."""
    thread = threading.get_ident()

    def mine(*event: Any) -> None:
        if threading.get_ident() == thread:
            watcher(*event)

    return mine


class watch(Revertible):
    """Call a watcher after every operation on tensors that this thread runs in a ``with`` block, recorded or not."""

    def __init__(self, watcher: Callable[..., None]):
        super().__init__()
        self.watcher = watcher

    def __enter__(self) -> None:
        watcher, watched = in_this_thread(self.watcher), watchers
        self._undo += (partial(watched.remove, watcher),)
        watched += (watcher,)
