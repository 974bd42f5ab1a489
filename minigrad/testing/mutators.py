"""Mutators: each makes a wrong gradient rule of a right one, in a way that is easy to get wrong.

A mutator gets the right rule as a function of what flows in, what flows in, and the values that were saved for it. It gives
what the wrong rule gives, or NotImplemented where it has no occasion.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad.arrays import Array

__all__ = ["BUFFERS", "OF_MEMORY", "ON_RULES"]

Run = Callable[[Array], Any]


def scale(run: Run, g: Array, saved: list[Any]) -> Any:
    """Five parts in a million too much."""
    return run(g) * (1 + 1e-5)


def negate(run: Run, g: Array, saved: list[Any]) -> Any:
    """The wrong sign."""
    return -run(g)


def ignore_g(run: Run, g: Array, saved: list[Any]) -> Any:
    """Ones instead of what flows in."""
    return run(np.ones_like(g))


def zero(run: Run, g: Array, saved: list[Any]) -> Any:
    """No gradient."""
    return run(g) * 0


def transpose(run: Run, g: Array, saved: list[Any]) -> Any:
    """The last two axes exchanged, where they have one size."""
    gx = np.asarray(run(g))
    return gx.mT if gx.ndim > 1 and gx.shape[-1] == gx.shape[-2] else gx


def roll(run: Run, g: Array, saved: list[Any]) -> Any:
    """Every element in its neighbour's place."""
    return np.roll(run(g), 1)


def reverse(run: Run, g: Array, saved: list[Any]) -> Any:
    """The elements in reverse."""
    gx = np.asarray(run(g))
    return gx.ravel()[::-1].reshape(gx.shape)


def drop_last(run: Run, g: Array, saved: list[Any]) -> Any:
    """Zero in the last place."""
    gx = np.array(run(g))
    gx[(-1,) * gx.ndim] = 0
    return gx


def cast(run: Run, g: Array, saved: list[Any]) -> Any:
    """Through the next smaller float: right to seven digits."""
    gx = np.asarray(run(g))
    return gx.astype(np.float32 if gx.dtype == np.float64 else np.float16).astype(gx.dtype)


def alias_g(run: Run, g: Array, saved: list[Any]) -> Any:
    """The right values, written over g to save memory."""
    gx = np.asarray(run(g))
    if gx.shape != g.shape or np.array_equal(gx, g):
        return NotImplemented
    g[...] = gx
    return g


def add_into_g(run: Run, g: Array, saved: list[Any]) -> Any:
    """The right values, and g is not what it was."""
    gx = np.array(run(g))
    g += 1
    return gx


def one_buffer(run: Run, g: Array, saved: list[Any]) -> Any:
    """The right values, always in the same memory."""
    gx = np.asarray(run(g))
    buffer = BUFFERS.setdefault((gx.shape, gx.dtype), np.empty(gx.shape, gx.dtype))
    buffer[...] = gx
    return buffer


def view_of_saved(run: Run, g: Array, saved: list[Any]) -> Any:
    """The right values, written over an array that the forward saved."""
    gx = np.asarray(run(g))
    for array in saved:
        if isinstance(array, np.ndarray) and (array.shape, array.dtype) == (gx.shape, gx.dtype):
            array.setflags(write=array.base is None or array.base.flags.writeable)
            array[...] = gx
            return array[...]
    return NotImplemented


def numpy_scalar(run: Run, g: Array, saved: list[Any]) -> Any:
    """A scalar where there is one value, as NumPy's reductions give it; else a sum."""
    return np.sum(run(g))


def read_only(run: Run, g: Array, saved: list[Any]) -> Any:
    """The right values, in an array that cannot be written to."""
    gx = np.array(run(g))
    gx.setflags(write=False)
    return gx


BUFFERS: dict[Any, Array] = {}  # of `one_buffer`
ON_RULES = {
    "scale": scale, "negate": negate, "ignore g": ignore_g, "zero": zero, "transpose": transpose, "roll": roll,
    "reverse": reverse, "drop last": drop_last, "cast": cast, "alias g": alias_g, "add into g": add_into_g,
    "one buffer": one_buffer, "view of saved": view_of_saved, "NumPy scalar": numpy_scalar, "read-only": read_only,
}  # fmt: skip
# These give the right values, but not an array of their own.
OF_MEMORY = ("alias g", "add into g", "one buffer", "view of saved", "NumPy scalar", "read-only")
