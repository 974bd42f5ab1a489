"""Arrays from raw bytes, with everything that a file says of them checked first."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from minigrad.arrays import Array

__all__ = ["check_shape", "from_bytes"]

MOST_AXES = 64  # NumPy's limit


def check_shape(shape: Sequence[Any], dtype: np.dtype[Any]) -> int:
    """The number of bytes of such an array; raises ValueError for a shape that no array can have.

    NumPy limits the sizes that are not 0 even where one is 0.
    """
    if len(shape) > MOST_AXES:
        raise ValueError(f"declares shape of {len(shape)} axes, at most {MOST_AXES} are possible")
    for size in shape:
        if type(size) is not int or not 0 <= size < 2**63:
            raise ValueError("declares shape with a size that is no whole number within 0..2**63")
    if math.prod(size or 1 for size in shape) * dtype.itemsize >= 2**63:
        raise ValueError(f"declares shape {tuple(shape)} of {dtype}, beyond 2**63 bytes")
    return math.prod(shape) * dtype.itemsize


def from_bytes(data: bytes | bytearray | memoryview, dtype: np.dtype[Any], shape: Sequence[Any], order: str = "C") -> Array:
    """A new array in native byte order; raises ValueError unless the bytes are exactly those of such an array."""
    wanted = check_shape(shape, dtype)
    if len(data) != wanted:
        raise ValueError(f"{len(data)} bytes for shape {tuple(shape)} of {dtype}, expected {wanted}")
    if dtype.kind == "b" and np.frombuffer(data, np.uint8).max(initial=0) > 1:
        raise ValueError("a truth value that is neither 0 nor 1")
    array = np.frombuffer(data, dtype).reshape(tuple(shape), order="F" if order == "F" else "C")
    return np.array(array, dtype.newbyteorder("="), order="K")
