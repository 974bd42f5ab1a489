"""NumPy's handling of floating-point errors within a block, restored whatever interrupts the block.

`np.errstate` ends by a function written in Python, and a signal handler may raise before its first line: of the interrupts
that hit small calls of softmax 3 % left NumPy's warnings off for the rest of the program. Here the end is written in C.
"""

from __future__ import annotations

import functools
import io
import threading
from collections.abc import Callable
from contextvars import ContextVar, copy_context
from operator import not_
from typing import Any

import numpy as np

__all__ = ["Closing", "errstate", "numpy_errors"]

np.seterr()  # sets the variable
numpy_errors: ContextVar[Any] = next(
    (v for v in copy_context() if v.name == "numpy.ufunc.extobj"), ContextVar("not found", default=None)
)


class Closing(io.IOBase):
    """An object whose `__exit__`, inherited and written in C, only calls `close`."""

    closed = True  # otherwise it would be closed again when it is freed

    def __init__(self, close: Callable[[], Any]):
        self.close = close  # type: ignore[method-assign]


class _Here(threading.local):
    """The states to be restored in this thread, a stack, and the `__exit__` that restores the last of them."""

    def __init__(self) -> None:
        self.former: list[Any] = []
        restored = map(numpy_errors.set, iter(self.former.pop, None))
        self.exit = Closing(map(not_, restored).__next__).__exit__  # what it returns must suppress no exception


_here = _Here()


class errstate:
    """Context manager that handles floating-point errors like `np.errstate`.

    >>> with errstate(divide="ignore"):
    ...     np.log(np.zeros(1))
    array([-inf])
    """

    __slots__ = ("__exit__", "_former", "_state")

    def __init__(self, **kinds: str):
        self._former = numpy_errors.get()
        self._state = _changed(self._former, **kinds)
        self.__exit__ = _here.exit

    def __enter__(self) -> None:
        change = map(numpy_errors.set, (self._state,))
        _here.former += (self._former,)
        _ = [*change]  # a call could be interrupted after it


@functools.lru_cache(64)
def _changed(state: Any, **kinds: Any) -> Any:
    """Return a state with some kinds of errors handled in another way."""
    context = copy_context()
    context.run(numpy_errors.set, state)
    context.run(functools.partial(np.seterr, **kinds))
    return context[numpy_errors]
