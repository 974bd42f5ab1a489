"""`.npy`: one array after a header that says its dtype and its shape; read without trust.

Format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
"""

from __future__ import annotations

import ast
import os
import re
import warnings
from pathlib import Path
from typing import IO, Any

import numpy as np

from minigrad.errors import WeightsFileError
from minigrad.primitive import Array
from minigrad.serialization.raw import check_shape

__all__ = ["load_npy", "read_npy"]

MAGIC = b"\x93NUMPY"
LARGEST_HEADER = 10_000  # bytes; 64 axes take fewer than 2,000
PIECE = 1 << 20  # bytes read at a time, into the array itself
PYTHON_2 = re.compile(r"(\d)L\b")  # how Python 2 wrote the sizes of a shape


def load_npy(path: str | os.PathLike[str]) -> Array:
    """The array of a `.npy` file.

    Raises FileNotFoundError, or WeightsFileError for a file that is damaged or holds anything but numbers.
    """
    path = Path(path)
    with path.open("rb") as file:
        try:
            return read_npy(file, os.fstat(file.fileno()).st_size)
        except ValueError as error:
            raise WeightsFileError(f"{path}: {error}") from None


def read_npy(file: IO[bytes], length: int) -> Array:
    """The array of an open `.npy` file of `length` bytes, in native byte order; raises ValueError for anything else."""
    magic = file.read(8)
    if len(magic) < 8 or magic[:6] != MAGIC:
        raise ValueError(f"damaged, or not a .npy file: it begins with {magic!r}")
    version = magic[6], magic[7]
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"has .npy version {version}, expected 1.0 or 2.0")
    width = 2 if version == (1, 0) else 4
    size = int.from_bytes(file.read(width), "little")
    if size > LARGEST_HEADER:
        raise ValueError(f"declares a header of {size} bytes, expected at most {LARGEST_HEADER}")
    text = file.read(size)
    if len(text) < size:
        raise ValueError(f"damaged: a header of {len(text)} bytes, declared are {size}")
    dtype, fortran, shape = _header(text)
    # The length of the file bounds what is allocated: the header must agree with it first.
    wanted, there = check_shape(shape, dtype), length - len(magic) - width - size
    if wanted > there:
        raise ValueError(f"declares shape {shape}, {wanted} bytes, of {there}")
    flat = np.empty(wanted, np.uint8)
    view, found = flat.data, 0
    while found < wanted and (count := file.readinto(view[found : found + PIECE])):  # type: ignore[attr-defined]
        found += count
    if found < wanted or file.read(1):  # reading to the end also checks the CRC of a zip's member
        raise ValueError(f"expected {wanted} bytes for shape {shape}, got {f'only {found}' if found < wanted else 'more'}")
    if dtype.kind == "b" and flat.max(initial=0) > 1:
        raise ValueError("damaged: a truth value that is neither 0 nor 1")
    array: Array = flat.view(dtype).reshape(shape, order="F" if fortran else "C")
    return array if dtype.isnative else array.byteswap(inplace=True).view(dtype.newbyteorder("="))


def _header(text: bytes) -> tuple[np.dtype[Any], bool, tuple[int, ...]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of escapes in texts, and of dtypes by old names
        try:
            header = ast.literal_eval(PYTHON_2.sub(r"\1", text.decode("latin1")))
        except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
            raise ValueError("damaged: its header is not a dict of Python's") from None
        if type(header) is not dict or set(map(type, header)) != {str} or set(header) != {"descr", "fortran_order", "shape"}:
            raise ValueError("damaged: its header does not have descr, fortran_order and shape alone")
        code, fortran, shape = header["descr"], header["fortran_order"], header["shape"]
        try:
            dtype = np.dtype(code if type(code) is str and len(code) <= 8 else object)
        except (TypeError, ValueError, SyntaxError):
            raise ValueError(f"has dtype {code!r}, expected numbers") from None
    if dtype.kind not in "fiub":
        raise ValueError(f"has dtype {dtype}; objects are refused, only numbers are read")
    if type(fortran) is not bool or type(shape) is not tuple:
        raise ValueError("damaged: its header says no order and shape")
    check_shape(shape, dtype)
    return dtype, fortran, shape
