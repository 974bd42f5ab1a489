"""Equality of arrays up to a tolerance."""

from __future__ import annotations

import numpy as np

from minigrad.arrays import Array

__all__ = ["is_close"]


def is_close(x: Array, y: Array, rtol: float, atol: float, equal_nan: bool) -> Array:
    """Return the mask ``|x - y| <= atol + rtol * |y|``. Raises ValueError for a negative tolerance."""
    for name, tolerance in (("rtol", rtol), ("atol", atol)):
        if not tolerance >= 0:
            raise ValueError(f"isclose: {name} must be at least 0, got {tolerance}")
    return np.asarray(np.isclose(x, y, rtol, atol, equal_nan))
