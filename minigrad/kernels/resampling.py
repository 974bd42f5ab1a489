"""Reading along an axis at positions that never go back, and the adjoint, which adds up where positions repeat.

Positions are taken in turns: the first occurrence of each, then the second, and so on, so that no turn meets a place twice
and whole slices can be read, written and added. Scaling by a whole number makes every turn a plain slice.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from minigrad.arrays import Array

__all__ = ["add_along", "read_along"]


def read_along(x: Array, positions: Array, axis: int) -> Array:
    """``np.take(x, positions, axis)`` for positions that never decrease."""
    before = (slice(None),) * axis
    out = np.empty_like(x, shape=(*x.shape[:axis], len(positions), *x.shape[axis + 1 :]))
    for at, place in _turns(positions):
        out[(*before, at)] = x[(*before, place)]
    return out


def add_along(y: Array, positions: Array, axis: int, size: int) -> Array:
    """Add `y` up at positions along an axis of `size`: the adjoint of `read_along`."""
    before = (slice(None),) * axis
    out = np.zeros_like(y, shape=(*y.shape[:axis], size, *y.shape[axis + 1 :]))
    for at, place in _turns(positions):
        out[(*before, place)] += y[(*before, at)]
    return out


def _turns(positions: Array) -> Iterator[tuple[Any, Any]]:
    """For each turn: where in the result, and which position; slices where they are evenly spaced."""
    turn = np.arange(len(positions)) - np.searchsorted(positions, positions)
    for i in range(int(turn.max(initial=-1)) + 1):
        at = np.flatnonzero(turn == i)
        yield _as_slice(at), _as_slice(positions[at])


def _as_slice(index: Array) -> Any:
    """An increasing index as a slice, if it is evenly spaced."""
    first, last = int(index[0]), int(index[-1])
    step = max(1, (last - first) // max(1, len(index) - 1))
    even = np.array_equal(index, np.arange(first, last + 1, step))
    return slice(first, last + 1, step) if even else index
