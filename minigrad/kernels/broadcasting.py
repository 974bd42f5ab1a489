"""Broadcasting and its adjoint, summation."""

from __future__ import annotations

import numpy as np

from minigrad.arrays import Array
from minigrad.kernels.summation import add_up

__all__ = ["broadcast", "sum_to"]


def broadcast(x: Array, shape: tuple[int, ...]) -> Array:
    """Return a view of `x` broadcast to `shape`."""
    if x.ndim == 0:  # np.broadcast_to takes 3 us, this 0.5: the gradient of every full sum comes through here
        return np.ndarray(shape, x.dtype, np.asarray(x), 0, (0,) * len(shape))
    return np.broadcast_to(x, shape)


def sum_to(x: Array, shape: tuple[int, ...]) -> Array:
    """Sum `x` over the axes along which an array of `shape` was broadcast to it: the adjoint of `broadcast`."""
    lead = x.ndim - len(shape)
    stretched = tuple(lead + i for i, n in enumerate(shape) if n == 1 and x.shape[lead + i] != 1)
    half = x.dtype.char == "e"  # float16 sums overflow, and round at every step
    out = add_up(x.astype(np.float32) if half else x, (*range(lead), *stretched))
    return np.reshape(out.astype(x.dtype) if half else out, shape)
