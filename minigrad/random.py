"""The library's own source of random numbers; NumPy's global state is never touched."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import numpy as np

from minigrad.engine.interrupts import Locked, Revertible

__all__ = ["Generator", "default_generator", "draw_apart", "drawing", "manual_seed"]

_generator = np.random.default_rng()
Result = TypeVar("Result")


class _Here(threading.local):
    generator: np.random.Generator | None = None


_here = _Here()


def manual_seed(seed: int) -> np.random.Generator:
    """Start the default generator anew, so that a run can be repeated bit for bit on one machine; gives the generator.

    >>> import minigrad as mg
    >>> _ = mg.manual_seed(0)
    >>> first = mg.rand(3)
    >>> _ = mg.manual_seed(0)
    >>> bool((mg.rand(3) == first).all())
    True
    """
    global _generator
    _generator = np.random.default_rng(seed)
    _here.generator = None
    return _generator


class Generator(np.random.Generator):
    """A source of random numbers under PyTorch's name: a NumPy Generator that can be started anew.

    >>> import minigrad as mg
    >>> g = mg.Generator().manual_seed(0)
    >>> bool((mg.rand(2, generator=g) == mg.rand(2, generator=g.manual_seed(0))).all())
    True
    """

    def __init__(self, device: object = None) -> None:
        super().__init__(np.random.PCG64())

    def manual_seed(self, seed: int) -> Generator:
        """Start anew, as ``np.random.default_rng(seed)``; gives the generator itself."""
        self.bit_generator.state = np.random.PCG64(seed).state
        return self


def default_generator() -> np.random.Generator:
    """What draws wherever no `generator` is given: one for all threads, unless this one is `drawing` from another."""
    return _here.generator or _generator


class drawing(Revertible):
    """Draw from a generator that starts at a state, in this thread, for a ``with`` block."""

    def __init__(self, state: Any):
        super().__init__()
        self.generator = np.random.Generator(np.random.PCG64(0))
        self.generator.bit_generator.state = state

    def __enter__(self) -> np.random.Generator:
        self._undo += (partial(setattr, _here, "generator", _here.generator),)
        _here.generator = self.generator
        return self.generator


def draw_apart(run: Callable[[Any], Result]) -> Result:
    """Call ``run(state)``, where this thread draws what it would anyway, from that state on, undisturbed by others.

    They go on from a place far ahead meanwhile. If none of them has drawn, the default generator ends where it would have.
    """
    source = default_generator().bit_generator
    with Locked(source.lock):
        start = source.state
        source.state = ahead = source.jumped().state  # type: ignore[attr-defined]
    own = drawing(start)
    try:
        with own:
            return run(start)
    finally:
        with Locked(source.lock):
            if source.state == ahead:
                source.state = own.generator.bit_generator.state
