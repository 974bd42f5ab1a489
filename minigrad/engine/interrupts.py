"""State that a signal finds changed or unchanged, never in between.

A signal handler, such as the one that raises KeyboardInterrupt, is Python code, which CPython runs in the main thread at
certain points only: at the start of a Python function, after a call has returned, and when a loop jumps back. Neither plain
assignments nor what a function written in C does can be cut in two. So state is computed first, then changed by assignments
or by one call into C, and what is changed for a ``with`` block is changed back by an `__exit__` written in C: one written in
Python can be interrupted before its first line, also under ``contextlib.contextmanager``.

Since Python 3.12 a loop that ends with an ``if`` jumps back from a place that the ``try`` or ``with`` around it does not
cover (https://github.com/python/cpython/issues/130279): an interrupt there passes by the ``finally``. So where a ``finally``
restores state, such a loop, or a comprehension with an ``if``, stands in a function of its own, or before the ``try``.
"""

from __future__ import annotations

import io
from collections import deque
from collections.abc import Callable, Iterable
from functools import partial
from operator import call
from typing import Any

__all__ = ["Locked", "Revertible", "at_once", "in_turn"]


def at_once(function: Callable[..., Any], *columns: Iterable[Any]) -> None:
    """Call a function written in C, such as setattr, on each row of the columns, and let no signal come in between."""
    deque(map(function, *columns), maxlen=0)


def in_turn(*functions: Callable[[], Any]) -> Callable[[], None]:
    """Return a callable written in C that calls several, once."""
    return partial(deque(maxlen=0).extend, map(call, functions))


class _Closing(io.IOBase):
    """An object whose `__exit__`, inherited and written in C, calls `close` and nothing else."""

    closed = True  # or it would be closed once more when it is freed

    def __init__(self, close: Callable[[], Any]):
        self.close = close  # type: ignore[method-assign]


class _Exit:
    """The `__exit__` of a `Revertible`: a ``with`` statement gets the one written in C, an ExitStack a function."""

    def __get__(self, manager: Revertible | None, owner: type) -> Callable[..., None]:
        return Revertible._revert if manager is None else manager._exit


class Revertible:
    """Base class of context managers whose end no signal can prevent.

    `__enter__` of a subclass appends to `_undo` a callable written in C that reverts the change (``self._undo += ...``,
    since a call could be interrupted), and then makes the change, by assignments alone.
    """

    def __init__(self) -> None:
        self._undo: list[Callable[[], Any]] = []  # a stack: one instance may be entered inside itself
        self._exit = _Closing(map(call, iter(self._undo.pop, None)).__next__).__exit__

    def __enter__(self) -> Any:
        raise NotImplementedError

    def _revert(self, *exc: Any) -> None:
        self._exit(*exc)

    __exit__ = _Exit()


class Locked(Revertible):
    """Hold a lock during a ``with`` block.

    ``with lock`` leaves it locked for good if a signal comes between its `__enter__` and the block, as it can since
    Python 3.14.
    """

    def __init__(self, lock: Any):
        super().__init__()
        self.lock = lock

    def __enter__(self) -> None:
        self._undo += (self.lock.release,)
        _ = [*map(self.lock.acquire, (True,))]  # a call of its own could be interrupted after it
