"""Recording on and off, in each thread for itself."""

from __future__ import annotations

import threading
from contextlib import ContextDecorator

__all__ = ["enable_grad", "inference_mode", "is_grad_enabled", "mode", "no_grad", "set_grad_enabled"]


class _Mode(threading.local):
    enabled = True


mode = _Mode()


class set_grad_enabled(ContextDecorator):
    """Switch recording on or off in this thread, for a ``with`` block or a decorated function.

    The former state comes back at the end, also after an exception.

    >>> import minigrad as mg
    >>> x = mg.tensor(3.0, requires_grad=True)
    >>> with mg.set_grad_enabled(False):
    ...     (x * x).requires_grad
    False
    """

    def __init__(self, enabled: bool):
        self.enabled = bool(enabled)
        self._outer: list[bool] = []  # a stack: one instance may be entered again inside itself

    def __enter__(self) -> None:
        self._outer.append(mode.enabled)
        mode.enabled = self.enabled

    def __exit__(self, *exc: object) -> None:
        mode.enabled = self._outer.pop()

    def _recreate_cm(self) -> set_grad_enabled:
        return set_grad_enabled(self.enabled)  # a decorated function may run in several threads at once


class inference_mode(set_grad_enabled):
    """PyTorch's name for `no_grad`; ``inference_mode(False)`` records."""

    def __init__(self, mode: bool = True) -> None:
        super().__init__(not mode)


class no_grad(set_grad_enabled):
    """Record nothing in this thread: ``with no_grad():`` or ``@no_grad()``.

    >>> import minigrad as mg
    >>> x = mg.tensor(3.0, requires_grad=True)
    >>> with mg.no_grad():
    ...     (x * x).requires_grad
    False
    """

    def __init__(self) -> None:
        super().__init__(False)


class enable_grad(set_grad_enabled):
    """Record again, inside a `no_grad` block: ``with enable_grad():`` or ``@enable_grad()``."""

    def __init__(self) -> None:
        super().__init__(True)


def is_grad_enabled() -> bool:
    """Whether operations are recorded in this thread."""
    return mode.enabled
