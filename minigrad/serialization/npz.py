"""`.npz` files: zip archives of `.npy` files, one for each named array."""

from __future__ import annotations

import io
import os
import struct
import zipfile
import zlib
from collections.abc import Mapping
from typing import IO, Any

import numpy as np

from minigrad.arrays import Array
from minigrad.errors import WeightsFileError
from minigrad.serialization.atomic import write_atomically
from minigrad.serialization.npy import read_npy
from minigrad.serialization.raw import expansion_limit

__all__ = ["load_npz", "save_npz"]

LARGEST_DIRECTORY = 3 * 2**20  # bytes: 30,000 arrays; zipfile takes 17 times as many to read it
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # NumPy writes no other, and LZMA may need gigabytes
LOCAL_HEADER = 30  # bytes before a member's name
DESCRIPTORS = (0, 12, 16, 20, 24)  # bytes after a member whose sizes were not known when it was begun


def save_npz(path: str | os.PathLike[str] | IO[bytes], arrays: Mapping[str, Any]) -> None:
    """Write named arrays of numbers to a `.npz` file, atomically: an interrupted save leaves an older file as it was.

    A file that is open for writing takes the same bytes where it stands.
    The same arrays always make the same bytes. A name may contain slashes and colons, as those of flax and TensorFlow do.
    Raises ValueError for a name that would lead out of the folder where the file is unpacked, TypeError for an array that is
    not numeric.

    >>> import io
    >>> file = io.BytesIO()
    >>> save_npz(file, {"w": np.array([1.0, 2.0])})
    >>> _ = file.seek(0)
    >>> load_npz(file)
    {'w': array([1., 2.])}
    """
    numeric = {name: np.asarray(array) for name, array in arrays.items()}
    for name, array in numeric.items():
        if not _is_name(name):
            raise ValueError(f"save_npz: {name!r} cannot be the name of an array")
        if array.dtype.kind not in "fiub":
            raise TypeError(f"save_npz: {name} has dtype {array.dtype}, expected numbers")

    def write(file: IO[bytes]) -> None:
        with zipfile.ZipFile(file, "w") as archive:
            for name, array in numeric.items():
                with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as member:
                    np.lib.format.write_array(member, array, allow_pickle=False)

    if isinstance(path, str | os.PathLike):
        write_atomically(path, write)
    else:
        whole = io.BytesIO()
        write(whole)
        path.write(whole.getvalue())


def load_npz(path: str | os.PathLike[str] | IO[bytes]) -> dict[str, Array]:
    """Return the arrays of a `.npz` file by name; of an open file, from where it stands to its end.

    Raises FileNotFoundError, or WeightsFileError for a file that is damaged, expands beyond the limit for its length, or
    holds anything but arrays of numbers.

    >>> import io
    >>> file = io.BytesIO()
    >>> np.savez(file, w=np.array([1.0, 2.0]), b=np.array([0.5]))
    >>> _ = file.seek(0)
    >>> load_npz(file)
    {'w': array([1., 2.]), 'b': array([0.5])}
    """
    name = path if isinstance(path, str | os.PathLike) else "the open file"
    with open(path, "rb") if isinstance(path, str | os.PathLike) else io.BytesIO(path.read()) as file:
        length = file.seek(0, os.SEEK_END)
        try:
            _check_end(file, length)
            with zipfile.ZipFile(file) as archive:
                _check_members(archive.infolist(), length)
                _check_layout(archive, file)
                return {m.filename.removesuffix(".npy"): _read_member(archive, m) for m in archive.infolist()}
        except WeightsFileError as error:
            raise WeightsFileError(f"{name}: {error}") from None
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, KeyError, NotImplementedError, RuntimeError,
                OverflowError, MemoryError, SyntaxError, TypeError, struct.error) as error:  # fmt: skip
            raise WeightsFileError(f"{name}: damaged, or not a .npz file of {length} bytes: {error}") from None


def _is_name(name: str) -> bool:
    """Return whether an array may have this name: not a path that leads upwards or to a root, on any system.

    Names are keys of a dict here and never paths; but other programs unpack a zip archive.
    """
    parts = name.split("/")
    return bool(name) and "\\" not in name and "\0" not in name and ".." not in parts and (parts[0] != "" or len(parts) == 1)


def _check_end(file: IO[bytes], length: int) -> None:
    """Check that the end record of the archive ends the file, and that the directory is no larger than members can need."""
    file.seek(max(0, length - 42))
    tail = file.read()
    if tail[-22:-18] != b"PK\5\6" or tail[-2:] != b"\0\0":
        raise ValueError("no archive ends where it does")
    (size,) = struct.unpack("<12xI6x", tail[-22:])
    extended = tail[:4] == b"PK\6\7"  # zip64, which Python writes beyond 2 GiB, holds the size elsewhere
    if extended and length < 2**31:
        raise WeightsFileError("not a .npz file: a zip64 archive of less than 2 GiB, as torch.save writes")
    if size > LARGEST_DIRECTORY and not extended:
        raise WeightsFileError(f"a directory of {size} bytes, expected at most {LARGEST_DIRECTORY}")


def _check_members(members: list[zipfile.ZipInfo], length: int) -> None:
    """Check names, compression methods and declared sizes, before anything is decompressed."""
    names = [member.filename for member in members]
    for name in names:
        if not name.endswith(".npy") or not _is_name(name):
            raise WeightsFileError(f"{name!r} is not the name of an array")
    if len(set(names)) != len(names):
        raise WeightsFileError("two arrays have the same name")
    for member in members:
        if member.compress_type not in METHODS:
            raise WeightsFileError(f"{member.filename} is compressed by method {member.compress_type}")
        if member.compress_type == zipfile.ZIP_STORED and member.file_size != member.compress_size:
            raise WeightsFileError(f"{member.filename} declares {member.file_size} bytes, {member.compress_size} stored")
    declared = sum(member.file_size for member in members)
    if declared > expansion_limit(length):
        raise WeightsFileError(f"declares {declared} bytes of arrays in a file of {length}")


def _check_layout(archive: zipfile.ZipFile, file: IO[bytes]) -> None:
    """Check that the members fill the file without gaps up to the directory, and that the directory ends the file.

    One flipped bit in the directory could otherwise drop a member without any other error.
    """
    members = sorted(archive.infolist(), key=lambda member: member.header_offset)
    ends = [*(member.header_offset for member in members), archive.start_dir]
    if ends[0] != 0:
        raise WeightsFileError(f"{ends[0]} bytes before the first array")
    for member, following in zip(members, ends[1:], strict=True):
        file.seek(member.header_offset)
        name_length, extra_length = struct.unpack("<26xHH", file.read(LOCAL_HEADER))
        end = member.header_offset + LOCAL_HEADER + name_length + extra_length + member.compress_size
        if following - end not in (DESCRIPTORS if member.flag_bits & 8 else DESCRIPTORS[:1]):
            raise WeightsFileError(f"{member.filename} ends at byte {end}, the next part begins at {following}")
    file.seek(-22, os.SEEK_END)  # the end record of a zip without a comment
    if archive.comment or file.read(4) != b"PK\5\6":
        raise WeightsFileError("bytes after the end of the archive")


def _read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Array:
    with archive.open(member) as file:
        try:
            return read_npy(file, member.file_size)
        except ValueError as error:
            raise WeightsFileError(f"{member.filename} {error}") from None
