"""Changes of state that signals cannot interrupt halfway.

CPython runs a signal handler, such as the one that raises KeyboardInterrupt, in the main thread at certain points only: at
the start of a Python function, after a call has returned, and when a loop jumps back; never between plain assignments, never
inside a function written in C. So state is computed first, then changed by assignments or by one call into C. What changes
for a ``with`` block is restored by an `__exit__` written in C: one written in Python, also under
``contextlib.contextmanager``, can be interrupted before its first line.

Since Python 3.12 a loop that ends with an ``if`` jumps back from an instruction that the surrounding ``try`` or ``with``
does not cover (https://github.com/python/cpython/issues/130279): an interrupt there skips the ``finally``. Where a
``finally`` restores state, such a loop, or a comprehension with an ``if``, is put into a separate function or before the
``try``.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from functools import partial
from operator import call
from typing import Any

from minigrad.kernels.errstate import Closing

__all__ = ["Locked", "Revertible", "at_once", "in_turn"]


def at_once(function: Callable[..., Any], *columns: Iterable[Any]) -> None:
    """Call a function written in C, such as setattr, on each row of the columns, without interruption."""
    deque(map(function, *columns), maxlen=0)


def in_turn(*functions: Callable[[], Any]) -> Callable[[], None]:
    """Return a callable written in C that calls several functions, once."""
    return partial(deque(maxlen=0).extend, map(call, functions))


class _Exit:
    """The `__exit__` of a `Revertible`: written in C for a ``with`` statement, a function for an ExitStack."""

    def __get__(self, manager: Revertible | None, owner: type) -> Callable[..., None]:
        return Revertible._revert if manager is None else manager._exit


class Revertible:
    """Base class of context managers whose exit cannot be interrupted.

    `__enter__` of a subclass appends to `_undo` a callable written in C that reverts the change (``self._undo += ...``,
    since a call could be interrupted), and then makes the change, by assignments alone.
    """

    def __init__(self) -> None:
        self._undo: list[Callable[[], Any]] = []  # a stack: one instance may be entered inside itself
        self._exit = Closing(map(call, iter(self._undo.pop, None)).__next__).__exit__

    def __enter__(self) -> Any:
        raise NotImplementedError

    def _revert(self, *exc: Any) -> None:
        self._exit(*exc)

    __exit__ = _Exit()


class Locked(Revertible):
    """Hold a lock during a ``with`` block.

    ``with lock`` leaves the lock held for good if a signal comes between its `__enter__` and the block, which Python 3.14
    allows.
    """

    def __init__(self, lock: Any):
        super().__init__()
        self.lock = lock

    def __enter__(self) -> None:
        self._undo += (self.lock.release,)
        _ = [*map(self.lock.acquire, (True,))]  # a separate call could be interrupted after it
