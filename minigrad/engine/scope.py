"""Scopes: the module, the function and the derivative in which an operation is called.

Only pictures read them, to draw boxes. A scope is a plain tuple (outer scope, what, data), created once for a call and
shared by the nodes created during it. It refers to modules weakly, and describes arrays without a node by shape and dtype
alone, so it keeps nothing alive and closes no reference cycle.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from minigrad.engine.interrupts import Revertible

__all__ = ["Derivative", "Scope", "derivative", "here", "in_this_thread", "untracked", "watch", "watchers"]

# (outer Scope or None, a weak reference to a Module | a composite | Derivative, shapes and dtypes of `untracked`)
Scope = tuple[Any, Any, tuple[Any, ...]]


class Derivative(NamedTuple):
    """The scope of a gradient rule recorded by the walk of an n-th derivative."""

    order: int
    source: int  # the number of the node whose rule it is


class _Here(threading.local):
    scope: Scope | None = None


here = _Here()
# Called as watcher(op, args, out, node) after every operation on tensors. All threads share the list, which makes the test
# for an empty list cheap; iterate over a copy, because another thread may change it.
watchers: list[Callable[..., None]] = []


def untracked(args: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return (shape, dtype, id) of each argument that is an array or tensor without a node; None for any other.

    The id distinguishes arrays of one shape while they are alive; they are not kept alive here.
    """
    return tuple([
        (array.shape, array.dtype, id(array))
        if isinstance(array := getattr(arg, "array", arg), np.ndarray) and getattr(arg, "node", None) is None
        else None
        for arg in args
    ])  # fmt: skip


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

    return mine


class watch(Revertible):
    """Call a watcher after every operation on tensors, recorded or not, that this thread runs in a ``with`` block."""

    def __init__(self, watcher: Callable[..., None]):
        super().__init__()
        self.watcher = watcher

    def __enter__(self) -> None:
        watcher, watched = in_this_thread(self.watcher), watchers
        self._undo += (partial(watched.remove, watcher),)
        watched += (watcher,)
