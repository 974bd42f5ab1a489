"""The IDX format of the MNIST files, read strictly: nothing is guessed, and no header is trusted before an allocation.

The length of the file bounds the memory: an uncompressed file must be as long as its header says, and a compressed one may
expand to `expansion_limit`.

Format: http://yann.lecun.com/exdb/mnist (Y. LeCun): two zero bytes, a type code, the number of axes, each size as a
big-endian 32-bit integer, then the elements, big-endian, the last axis fastest.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import struct
import zlib
from pathlib import Path
from typing import IO, Any

import numpy as np

from minigrad.arrays import Array
from minigrad.errors import DatasetFileError
from minigrad.serialization.raw import MOST_AXES, check_shape, expansion_limit, from_bytes, read_exactly

__all__ = ["read_idx"]

TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
GZIP = b"\x1f\x8b"


def read_idx(path: str | os.PathLike[str], sha256: str | None = None) -> Array:
    """Return the array of an IDX file, uncompressed or gzip-compressed, in native byte order.

    `sha256` is the expected checksum of the decompressed bytes, as hexadecimal digits; None: not checked. Raises
    FileNotFoundError, or DatasetFileError naming the file, the field, the expected and the actual value.

    >>> import pathlib, tempfile
    >>> import minigrad as mg
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder) / "labels"
    ...     _ = path.write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 3, 7, 2, 1]))
    ...     mg.data.read_idx(path)
    array([7, 2, 1], dtype=uint8)
    """
    path = Path(path)
    with path.open("rb") as raw:
        length = os.fstat(raw.fileno()).st_size
        compressed = raw.read(2) == GZIP
        raw.seek(0)
        file: Any = gzip.GzipFile(fileobj=raw) if compressed else raw
        try:
            return _read(path, file, sha256, length, compressed)
        except (zlib.error, EOFError, gzip.BadGzipFile, struct.error) as error:
            raise DatasetFileError(f"{path}: damaged gzip data: {error}") from None


def _read(path: Path, file: IO[bytes], sha256: str | None, length: int, compressed: bool) -> Array:
    magic = file.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0":
        raise DatasetFileError(
            f"{path}: magic number: expected two zero bytes, a type and a count, got {magic.hex() or 'nothing'}"
        )
    code, ndim = magic[2], magic[3]
    if code not in TYPES:
        raise DatasetFileError(
            f"{path}: type code: expected one of {', '.join(f'0x{t:02X}' for t in TYPES)}, got 0x{code:02X}"
        )
    if not 1 <= ndim <= MOST_AXES:
        raise DatasetFileError(f"{path}: number of axes: expected 1 to {MOST_AXES}, got {ndim}")
    header = file.read(4 * ndim)
    if len(header) < 4 * ndim:
        raise DatasetFileError(f"{path}: sizes: expected {4 * ndim} bytes for {ndim} axes, got {len(header)}")
    shape = tuple(int(n) for n in np.frombuffer(header, ">u4"))
    dtype = np.dtype(TYPES[code])
    try:
        wanted = check_shape(shape, dtype)
    except ValueError as error:
        raise DatasetFileError(f"{path}: sizes: {error}") from None
    most = expansion_limit(length) if compressed else length - 4 - len(header)
    if compressed and wanted > most:
        raise DatasetFileError(
            f"{path}: sizes: {wanted} bytes for shape {shape}, expected at most {most} of a gzip file of this length\n"
            "  hint: decompress it first, if you trust it: uncompressed files of any size are read"
        )
    try:
        if wanted > most:
            raise ValueError(f"expected {wanted} bytes for shape {shape}, got only {most}")
        data = read_exactly(file, wanted, shape)
    except ValueError as error:
        raise DatasetFileError(f"{path}: elements: {error}") from None
    if sha256 is not None:
        digest = hashlib.sha256(magic + header)
        digest.update(data.data)
        if digest.hexdigest() != sha256:
            raise DatasetFileError(f"{path}: SHA-256: expected {sha256}, got {digest.hexdigest()}")
    return from_bytes(data, dtype, shape)
