"""`.npy` files: a header with dtype and shape, then the elements of one array.

Format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
"""

from __future__ import annotations

import io
import os
from pathlib import Path
from tokenize import TokenError
from typing import IO, Any

import numpy as np

from minigrad.arrays import Array
from minigrad.errors import WeightsFileError
from minigrad.serialization.raw import check_shape, from_bytes, read_exactly

__all__ = ["load_npy", "read_npy"]

LARGEST_HEADER = 10_000  # bytes; 64 axes take fewer than 2,000
READERS: dict[bytes, tuple[Any, int]] = {  # by the first bytes of a file; and how many bytes hold the header's length
    b"\x93NUMPY\1\0": (np.lib.format.read_array_header_1_0, 2),
    b"\x93NUMPY\2\0": (np.lib.format.read_array_header_2_0, 4),
}


def load_npy(path: str | os.PathLike[str]) -> Array:
    """Return the array of a `.npy` file.

    Raises FileNotFoundError, or WeightsFileError for a file that is damaged or holds anything but numbers.
    """
    path = Path(path)
    with path.open("rb") as file:
        try:
            return read_npy(file, os.fstat(file.fileno()).st_size)
        except ValueError as error:
            raise WeightsFileError(f"{path}: {error}") from None


def read_npy(file: IO[bytes], length: int) -> Array:
    """Return the array of an open `.npy` file of `length` bytes, in native byte order; raise ValueError for other files."""
    start = file.tell()
    dtype, fortran, shape = _header(file)
    # The length of the file bounds what is allocated: the header must agree with it first.
    wanted, there = check_shape(shape, dtype), length - (file.tell() - start)
    if wanted > there:
        raise ValueError(f"declares shape {shape}, {wanted} bytes, of {there}")
    return from_bytes(read_exactly(file, wanted, shape), dtype, shape, "F" if fortran else "C")


def _header(file: IO[bytes]) -> tuple[np.dtype[Any], bool, tuple[int, ...]]:
    """Return the dtype, whether the order is Fortran's, and the shape, as NumPy's parser reads them.

    The header's length is checked first: NumPy trusts it, allocates up to 4 GiB, and raises almost any exception for a
    damaged header.
    """
    magic = file.read(8)
    read, width = READERS.get(magic, (None, 0))
    if read is None and magic.startswith(b"\x93NUMPY") and len(magic) == 8:
        raise ValueError(f"a .npy file of version {magic[6], magic[7]}, expected 1.0 or 2.0")
    if read is None:
        raise ValueError(f"damaged, or not a .npy file: it begins with {magic!r}")
    size = file.read(width)
    if int.from_bytes(size, "little") > LARGEST_HEADER:
        raise ValueError(f"declares a header of {int.from_bytes(size, 'little')} bytes, expected at most {LARGEST_HEADER}")
    text = io.BytesIO(size + file.read(int.from_bytes(size, "little")))
    try:
        shape, fortran, dtype = read(text, max_header_size=LARGEST_HEADER)
    except (ValueError, SyntaxError, TypeError, TokenError, RecursionError, MemoryError, OverflowError, Warning) as error:
        raise ValueError(f"damaged: {error}") from None
    if dtype.kind not in "fiub":
        raise ValueError(f"has dtype {dtype}; objects are refused, only numbers are read")
    return dtype, fortran, shape
