"""`.safetensors` files, through the library of that name, which is imported on first use."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from minigrad.arrays import Array
from minigrad.errors import WeightsFileError
from minigrad.serialization.atomic import write_atomically
from minigrad.serialization.raw import from_bytes

__all__ = ["load_safetensors", "save_safetensors"]

DTYPES = {
    "F64": "f8", "F32": "f4", "F16": "f2", "I64": "i8", "I32": "i4", "I16": "i2", "I8": "i1",
    "U64": "u8", "U32": "u4", "U16": "u2", "U8": "u1", "BOOL": "?", "BF16": "u2",
}  # fmt: skip
LARGEST_HEADER = 8 * 2**20  # bytes; the Python objects of a header take up to 15 times as many
CHECKSUM = "minigrad.sha256"  # in the metadata of files written here: the format itself has no checksum


def save_safetensors(
    path: str | os.PathLike[str], arrays: Mapping[str, Any], metadata: Mapping[str, str] | None = None
) -> None:
    """Write named arrays of numbers and a checksum to a `.safetensors` file, atomically.

    `metadata` is stored in the header. An interrupted save leaves an older file as it was. Raises ImportError if the library
    is missing, TypeError for an array that is not numeric, ValueError for a header too long to be read again.

    >>> save_safetensors("net.safetensors", {"w": np.array([1.0, 2.0])}, {"epoch": "3"})  # doctest: +SKIP
    """
    library = _library()
    # Copied into contiguous memory: the library (0.8.0) writes wrong values for views.
    numeric = {name: np.array(array, order="C") for name, array in arrays.items()}
    for name, array in numeric.items():
        if array.dtype.kind not in "fiub" or array.dtype.itemsize > 8:
            raise TypeError(f"save_safetensors: {name} has dtype {array.dtype}, expected numbers")
        numeric[name] = array.astype(array.dtype.newbyteorder("="), copy=False)
    about = {**(metadata or {}), CHECKSUM: _checksum(numeric)}
    data = library.numpy.save(numeric, about)
    if int.from_bytes(data[:8], "little") > LARGEST_HEADER:
        raise ValueError(
            f"save_safetensors: names and metadata take more than {LARGEST_HEADER} bytes, which would not be read again\n"
            "  hint: save to a .npz file"
        )
    write_atomically(path, lambda file: file.write(data))


def load_safetensors(path: str | os.PathLike[str]) -> tuple[dict[str, Array], dict[str, str]]:
    """Return the arrays and the metadata of a `.safetensors` file; bfloat16 becomes float32.

    Raises FileNotFoundError, ImportError if the library is missing, or WeightsFileError for a damaged file.

    >>> arrays, metadata = load_safetensors("net.safetensors")  # doctest: +SKIP
    >>> arrays["w"], metadata["epoch"]  # doctest: +SKIP
    (array([1., 2.]), '3')
    """
    library, path = _library(), Path(path)
    data = path.read_bytes()
    try:
        size = int.from_bytes(data[:8], "little")
        if LARGEST_HEADER < size <= len(data):
            raise ValueError(f"a header of {size} bytes, expected at most {LARGEST_HEADER}")
        entries = library.deserialize(data)
        metadata = json.loads(data[8 : 8 + size], object_pairs_hook=_metadata)
    except (library.SafetensorError, ValueError, OverflowError, RecursionError, MemoryError) as error:
        raise WeightsFileError(f"{path}: damaged, or not a .safetensors file of {len(data)} bytes: {error}") from None
    arrays = {}
    for name, entry in entries:
        try:
            arrays[name] = _array(entry)
        except ValueError as error:
            raise WeightsFileError(f"{path}: {name}: {error}") from None
    if CHECKSUM in metadata and metadata[CHECKSUM] != (found := _checksum(arrays)):
        raise WeightsFileError(f"{path}: SHA-256: expected {metadata[CHECKSUM]}, got {found}")
    return arrays, metadata


def _array(entry: Mapping[str, Any]) -> Array:
    kind = entry["dtype"]
    if kind not in DTYPES:
        raise ValueError(f"has dtype {kind}, expected one of {', '.join(DTYPES)}")
    array = from_bytes(entry["data"], np.dtype(DTYPES[kind]).newbyteorder("<"), entry["shape"])
    return (array.astype(np.uint32) << 16).view(np.float32) if kind == "BF16" else array  # the upper half of a float32


def _metadata(pairs: list[tuple[str, Any]]) -> dict[str, str]:
    """Object hook for the header's JSON: return the metadata as a dict of strings, and nothing for a tensor's entry."""
    for name, value in pairs:
        if name == "__metadata__" and not isinstance(value, str):
            return value or {}
    return {} if any(isinstance(value, list) for _, value in pairs) else dict(pairs)


def _checksum(arrays: Mapping[str, Array]) -> str:
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(f"{name} {array.dtype.str} {array.shape};".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def _library() -> Any:
    try:
        import safetensors
        import safetensors.numpy
    except ImportError as error:
        raise ImportError(".safetensors files need the safetensors library: pip install safetensors") from error
    return safetensors
