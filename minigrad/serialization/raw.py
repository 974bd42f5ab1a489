"""Arrays from raw bytes, after a check of everything that a file declares about them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import IO, Any

import numpy as np

from minigrad.arrays import Array

__all__ = ["MOST_AXES", "check_shape", "expansion_limit", "from_bytes", "read_exactly"]

MOST_AXES = 64  # NumPy's limit
PIECE = 1 << 20  # bytes read at a time, into the array itself


def expansion_limit(length: int) -> int:
    """Return the number of bytes to which a compressed file of `length` bytes may expand: 48 MiB plus 10 times its length.

    Deflate allows a factor of 1,032. Weights hardly shrink at all, MNIST's images to a fifth, masks perhaps to a fiftieth.
    """
    return 48 * 2**20 + 10 * length


def check_shape(shape: Sequence[Any], dtype: np.dtype[Any]) -> int:
    """Return the number of bytes of an array; raise ValueError for a shape that no array can have.

    NumPy limits the product of the nonzero sizes even if another size is 0.
    """
    if len(shape) > MOST_AXES:
        raise ValueError(f"declares shape of {len(shape)} axes, at most {MOST_AXES} are possible")
    for size in shape:
        if type(size) is not int or not 0 <= size < 2**63:
            raise ValueError("declares shape with a size that is not an integer within 0..2**63")
    if math.prod(size or 1 for size in shape) * dtype.itemsize >= 2**63:
        raise ValueError(f"declares shape {tuple(shape)} of {dtype}, beyond 2**63 bytes")
    return math.prod(shape) * dtype.itemsize


def read_exactly(file: IO[bytes], count: int, shape: Sequence[int]) -> Array:
    """Read the rest of a file, the `count` bytes of an array of that shape, as uint8; raise ValueError for fewer or more.

    `count` bytes are allocated, so the caller must have compared it with the length of the file.
    """
    data = np.empty(count, np.uint8)
    view, found = data.data, 0
    while found < count and (read := file.readinto(view[found : found + PIECE])):  # type: ignore[attr-defined]
        found += read
    more = file.read(1)  # reading to the end also checks the CRC of a zip's member
    if found < count or more:
        raise ValueError(f"expected {count} bytes for shape {tuple(shape)}, got {'more' if more else f'only {found}'}")
    return data


def from_bytes(data: Any, dtype: np.dtype[Any], shape: Sequence[Any], order: str = "C") -> Array:
    """Return bytes as an array in native byte order; raise ValueError unless they are exactly those of such an array.

    `data` is anything with a buffer. The array shares its memory if it may be written to, and is a copy otherwise.
    """
    wanted = check_shape(shape, dtype)
    if len(data) != wanted:
        raise ValueError(f"{len(data)} bytes for shape {tuple(shape)} of {dtype}, expected {wanted}")
    if dtype.kind == "b" and np.frombuffer(data, np.uint8).max(initial=0) > 1:
        raise ValueError("damaged: a boolean that is neither 0 nor 1")
    array: Array = np.frombuffer(data, dtype).reshape(tuple(shape), order="F" if order == "F" else "C")
    if not array.flags.writeable:
        array = array.copy(order="K")
    return array if dtype.isnative else array.byteswap(inplace=True).view(dtype.newbyteorder("="))
