"""Mutators: each turns a right gradient rule into a wrong one, with a common mistake.

A mutator takes the right rule as a function of the incoming gradient, the incoming gradient g, and the values that were
saved for the rule. It returns the result of the wrong rule, or NotImplemented if the mistake makes no difference here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad.arrays import Array

__all__ = ["BUFFERS", "OF_MEMORY", "ON_RULES"]

Run = Callable[[Array], Any]


def scale(run: Run, g: Array, saved: list[Any]) -> Any:
    """Scale the gradient by 1 + 1e-5."""
    return run(g) * (1 + 1e-5)


def negate(run: Run, g: Array, saved: list[Any]) -> Any:
    """Negate the gradient."""
    return -run(g)


def ignore_g(run: Run, g: Array, saved: list[Any]) -> Any:
    """Replace the incoming gradient by ones."""
    return run(np.ones_like(g))


def zero(run: Run, g: Array, saved: list[Any]) -> Any:
    """Return zeros."""
    return run(g) * 0


def transpose(run: Run, g: Array, saved: list[Any]) -> Any:
    """Exchange the last two axes if they have the same size."""
    gx = np.asarray(run(g))
    return gx.mT if gx.ndim > 1 and gx.shape[-1] == gx.shape[-2] else gx


def roll(run: Run, g: Array, saved: list[Any]) -> Any:
    """Move every element to the next position."""
    return np.roll(run(g), 1)


def reverse(run: Run, g: Array, saved: list[Any]) -> Any:
    """Reverse the order of the elements."""
    gx = np.asarray(run(g))
    return gx.ravel()[::-1].reshape(gx.shape)


def drop_last(run: Run, g: Array, saved: list[Any]) -> Any:
    """Set the last element to zero."""
    gx = np.array(run(g))
    gx[(-1,) * gx.ndim] = 0
    return gx


def cast(run: Run, g: Array, saved: list[Any]) -> Any:
    """Round through the next smaller float: from float64, right to seven digits."""
    gx = np.asarray(run(g))
    return gx.astype(np.float32 if gx.dtype == np.float64 else np.float16).astype(gx.dtype)


def alias_g(run: Run, g: Array, saved: list[Any]) -> Any:
    """Return the right values, written over g to save memory."""
    gx = np.asarray(run(g))
    if gx.shape != g.shape or np.array_equal(gx, g):
        return NotImplemented
    g[...] = gx
    return g


def add_into_g(run: Run, g: Array, saved: list[Any]) -> Any:
    """Return the right values, but change g."""
    gx = np.array(run(g))
    g += 1
    return gx


def one_buffer(run: Run, g: Array, saved: list[Any]) -> Any:
    """Return the right values, always in the same memory."""
    gx = np.asarray(run(g))
    buffer = BUFFERS.setdefault((gx.shape, gx.dtype), np.empty(gx.shape, gx.dtype))
    buffer[...] = gx
    return buffer


def view_of_saved(run: Run, g: Array, saved: list[Any]) -> Any:
    """Return the right values, written over an array that the forward saved."""
    gx = np.asarray(run(g))
    for array in saved:
        if isinstance(array, np.ndarray) and (array.shape, array.dtype) == (gx.shape, gx.dtype):
            array.setflags(write=array.base is None or array.base.flags.writeable)
            array[...] = gx
            return array[...]
    return NotImplemented


def numpy_scalar(run: Run, g: Array, saved: list[Any]) -> Any:
    """Return a NumPy scalar, as its reductions do; the sum if there are several values."""
    return np.sum(run(g))


def read_only(run: Run, g: Array, saved: list[Any]) -> Any:
    """Return the right values, in a read-only array."""
    gx = np.array(run(g))
    gx.setflags(write=False)
    return gx


BUFFERS: dict[Any, Array] = {}  # of `one_buffer`
ON_RULES = {
    "scale": scale, "negate": negate, "ignore g": ignore_g, "zero": zero, "transpose": transpose, "roll": roll,
    "reverse": reverse, "drop last": drop_last, "cast": cast, "alias g": alias_g, "add into g": add_into_g,
    "one buffer": one_buffer, "view of saved": view_of_saved, "NumPy scalar": numpy_scalar, "read-only": read_only,
}  # fmt: skip
# These return the right values, but not in a new array.
OF_MEMORY = ("alias g", "add into g", "one buffer", "view of saved", "NumPy scalar", "read-only")
