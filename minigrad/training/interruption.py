"""Ctrl-C as a wish that is granted between two batches."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["Interruption", "between_batches"]


class Interruption:
    """Whether somebody has pressed Ctrl-C."""

    wanted = False


@contextmanager
def between_batches() -> Iterator[Interruption]:
    """For a ``with`` block, the first Ctrl-C only says so; the second raises KeyboardInterrupt at once, as ever.

    Outside the main thread, or where the program has a handler of its own, nothing is changed.
    """
    interruption = Interruption()
    before = signal.getsignal(signal.SIGINT)
    ours = threading.current_thread() is threading.main_thread() and before is signal.default_int_handler

    def remember(*event: object) -> None:
        interruption.wanted = True
        signal.signal(signal.SIGINT, before)

    try:
        if ours:
            signal.signal(signal.SIGINT, remember)
        yield interruption
    finally:
        if ours:
            signal.signal(signal.SIGINT, before)
