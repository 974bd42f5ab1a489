"""Defer Ctrl-C to the end of the current batch."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["Interruption", "between_batches"]


class Interruption:
    """A record of Ctrl-C: `wanted` becomes true when it is pressed."""

    wanted = False


@contextmanager
def between_batches() -> Iterator[Interruption]:
    """Record the first Ctrl-C within a ``with`` block; the second raises KeyboardInterrupt at once, as usual.

    Outside of the main thread, and if the program has installed another handler, nothing is changed.
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
