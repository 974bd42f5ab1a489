"""Reading along an axis at sorted positions, and the adjoint, which accumulates where positions repeat.

Positions are processed in rounds: the first occurrence of each, then the second, and so on. No round meets a position twice,
so that whole slices can be read, written and added. Scaling by an integer makes every round a slice.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from minigrad.arrays import Array

__all__ = ["add_along", "read_along"]


def read_along(x: Array, positions: Array, axis: int) -> Array:
    """Compute ``np.take(x, positions, axis)`` for positions in ascending order, repetitions included."""
    before = (slice(None),) * axis
    out = np.empty_like(x, shape=(*x.shape[:axis], len(positions), *x.shape[axis + 1 :]))
    for at, place in _rounds(positions):
        out[(*before, at)] = x[(*before, place)]
    return out


def add_along(y: Array, positions: Array, axis: int, size: int) -> Array:
    """Accumulate `y` at positions along an axis of `size`: the adjoint of `read_along`."""
    before = (slice(None),) * axis
    out = np.zeros_like(y, shape=(*y.shape[:axis], size, *y.shape[axis + 1 :]))
    for at, place in _rounds(positions):
        out[(*before, place)] += y[(*before, at)]
    return out


def _rounds(positions: Array) -> Iterator[tuple[Any, Any]]:
    """Yield, for each round, the indices in the result and the positions they read; slices if they are evenly spaced."""
    occurrence = np.arange(len(positions)) - np.searchsorted(positions, positions)
    for i in range(int(occurrence.max(initial=-1)) + 1):
        at = np.flatnonzero(occurrence == i)
        yield _as_slice(at), _as_slice(positions[at])


def _as_slice(index: Array) -> Any:
    """Return an increasing index as a slice if it is evenly spaced."""
    first, last = int(index[0]), int(index[-1])
    step = max(1, (last - first) // max(1, len(index) - 1))
    even = np.array_equal(index, np.arange(first, last + 1, step))
    return slice(first, last + 1, step) if even else index
