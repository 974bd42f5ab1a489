"""The default random generator, shared by all threads; NumPy's global state is never touched."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from minigrad.engine.interrupts import Locked, Revertible
from minigrad.errors import ShapeError
from minigrad.kernels.errstate import errstate

if TYPE_CHECKING:
    from minigrad.generator import Generator as Generator

__all__ = ["Generator", "default_generator", "draw_categories", "draws_from", "isolate_draws", "manual_seed"]

_generator: np.random.Generator | None = None  # made at first use: numpy.random is slow to import
Result = TypeVar("Result")


class _Here(threading.local):
    generator: np.random.Generator | None = None


_here = _Here()


def manual_seed(seed: int) -> np.random.Generator:
    """Replace the default generator by one seeded with `seed`, and return it.

    A run then repeats bit for bit on one machine. The generator belongs to the process: all threads draw from it.

    >>> import minigrad as mg
    >>> _ = mg.manual_seed(0)
    >>> first = mg.rand(3)
    >>> _ = mg.manual_seed(0)
    >>> bool((mg.rand(3) == first).all())
    True
    """
    global _generator
    with errstate():  # as in draws_from
        _generator = np.random.default_rng(seed)
    _here.generator = None
    return _generator


def default_generator() -> np.random.Generator:
    """Return the generator used where no `generator` is given: the process's, or this thread's inside `draws_from`.

    >>> import minigrad as mg
    >>> first = mg.manual_seed(0).random()
    >>> _ = mg.manual_seed(0)
    >>> default_generator().random() == first
    True
    """
    global _generator
    if _generator is None:
        with errstate():
            _generator = np.random.default_rng()
    return _here.generator or _generator


def draw_categories(weights: Any, num_samples: int, replacement: bool, source: np.random.Generator) -> Any:
    """Draw indices with probabilities proportional to weights (C,) or (N, C); see `minigrad.multinomial`.

    >>> draw_categories(np.array([[0.0, 2.0], [3.0, 0.0]]), 2, True, default_generator())
    array([[1, 1],
           [0, 0]])
    """
    w = weights.astype(np.float64)
    if w.ndim not in (1, 2):
        raise ShapeError(f"multinomial: weights must be (C,) or (N, C), got shape {w.shape}")
    if not (np.isfinite(w).all() and (w >= 0).all() and w.any(-1).all()):
        raise ValueError("multinomial: weights must be finite, at least 0, and not all of a row 0")
    possible = int(np.count_nonzero(w, -1).min())
    if num_samples < 1 or (not replacement and num_samples > possible):
        raise ValueError(f"multinomial: num_samples must be 1 to {possible}, the weights above 0, got {num_samples}")
    if replacement:
        upto = np.cumsum(w, -1)
        drawn = source.random((*w.shape[:-1], num_samples)) * upto[..., -1:]
        return (drawn[..., None] >= upto[..., None, :]).sum(-1)
    with errstate(divide="ignore"):  # exponential race: arrival times of mean 1/weight
        return np.argsort(source.standard_exponential(w.shape) / w, -1)[..., :num_samples]


class draws_from(Revertible):
    """Context manager: this thread draws from a new generator, set to the given state of a bit generator.

    >>> import minigrad as mg
    >>> state = default_generator().bit_generator.state
    >>> with draws_from(state):
    ...     first = mg.rand(2)
    >>> mg.equal(mg.rand(2), first)
    True
    """

    def __init__(self, state: Any):
        super().__init__()
        with errstate():  # seeding has a block of np.errstate
            self.generator = np.random.Generator(np.random.PCG64(0))
        self.generator.bit_generator.state = state

    def __enter__(self) -> np.random.Generator:
        self._undo += (partial(setattr, _here, "generator", _here.generator),)
        _here.generator = self.generator
        return self.generator


def isolate_draws(run: Callable[[Any], Result]) -> Result:
    """Return ``run(state)``, where this thread draws the numbers that follow `state`, whatever other threads draw.

    `state` is the default generator's. Meanwhile other threads draw from a place far ahead in its sequence. If none of them
    has drawn, the default generator ends in the state it would have reached without the isolation.

    >>> import minigrad as mg
    >>> state = default_generator().bit_generator.state
    >>> first = isolate_draws(lambda start: mg.rand(2))
    >>> with draws_from(state):
    ...     mg.equal(mg.rand(2), first)
    True
    """
    source = default_generator().bit_generator
    with Locked(source.lock), errstate():  # jumping seeds a generator
        start = source.state
        source.state = ahead = source.jumped().state  # type: ignore[attr-defined]
    isolated = draws_from(start)
    try:
        with isolated:
            return run(start)
    finally:
        with Locked(source.lock):
            if source.state == ahead:
                source.state = isolated.generator.bit_generator.state


if not TYPE_CHECKING:

    def __getattr__(name):
        if name == "Generator":
            from minigrad.generator import Generator

            return Generator
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
