"""`.npz`: a zip archive of `.npy` files, each an array under its name."""

from __future__ import annotations

import os
import struct
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np

from minigrad.arrays import Array
from minigrad.errors import WeightsFileError
from minigrad.serialization.atomic import write_atomically
from minigrad.serialization.npy import read_npy

__all__ = ["load_npz", "save_npz"]

# What a compressed file may grow to: arrays of zeros shrink a thousandfold, weights hardly at all.
SMALL, RATIO = 48 * 2**20, 10
LARGEST_DIRECTORY = 3 * 2**20  # bytes: 30,000 arrays; zipfile takes 17 times as many to read it
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # NumPy writes no other, and LZMA's could ask for gigabytes
LOCAL_HEADER = 30  # bytes before a member's name
DESCRIPTORS = (0, 12, 16, 20, 24)  # bytes after a member whose sizes were not known when it was begun


def save_npz(path: str | os.PathLike[str], arrays: Mapping[str, Any]) -> None:
    """Write arrays of numbers under their names; an interrupted save leaves an older file as it was.

    The same arrays give the same bytes. A name may hold slashes and colons, as those of flax and TensorFlow do; raises
    ValueError for one that would lead out of a folder where the file is unpacked, TypeError for what is not numbers.
    """
    plain = {name: np.asarray(array) for name, array in arrays.items()}
    for name, array in plain.items():
        if not _is_name(name):
            raise ValueError(f"save_npz: {name!r} cannot be the name of an array")
        if array.dtype.kind not in "fiub":
            raise TypeError(f"save_npz: {name} has dtype {array.dtype}, expected numbers")

    def write(file: IO[bytes]) -> None:
        with zipfile.ZipFile(file, "w") as archive:
            for name, array in plain.items():
                with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as member:
                    np.lib.format.write_array(member, array, allow_pickle=False)

    write_atomically(path, write)


def load_npz(path: str | os.PathLike[str]) -> dict[str, Array]:
    """The arrays of a `.npz` file.

    Raises FileNotFoundError, or WeightsFileError for a file that is damaged, too large for its length, or holds anything
    but arrays of numbers.
    """
    path = Path(path)
    with path.open("rb") as file:
        length = os.fstat(file.fileno()).st_size
        try:
            _check_end(path, file, length)
            with zipfile.ZipFile(file) as archive:
                _check_members(path, archive.infolist(), length)
                _check_layout(path, archive, file, length)
                return {m.filename.removesuffix(".npy"): _read_member(path, archive, m) for m in archive.infolist()}
        except WeightsFileError:
            raise
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, KeyError, NotImplementedError, RuntimeError,
                OverflowError, MemoryError, SyntaxError, TypeError, struct.error) as error:  # fmt: skip
            raise WeightsFileError(f"{path}: damaged, or not a .npz file of {length} bytes: {error}") from None


def _is_name(name: str) -> bool:
    """Whether a name may be an array's: no path that leads upwards or to a root, and nothing that a system reads otherwise.

    Names are keys of a dict here and never paths; other programs unpack a zip archive.
    """
    parts = name.split("/")
    return bool(name) and "\\" not in name and "\0" not in name and ".." not in parts and (parts[0] != "" or len(parts) == 1)


def _check_end(path: Path, file: IO[bytes], length: int) -> None:
    """The record that ends the archive must end the file, and the directory be no larger than its members can need."""
    file.seek(max(0, length - 42))
    tail = file.read()
    if tail[-22:-18] != b"PK\5\6" or tail[-2:] != b"\0\0":
        raise WeightsFileError(f"{path}: damaged, or not a .npz file of {length} bytes: no archive ends where it does")
    (size,) = struct.unpack("<12xI6x", tail[-22:])
    extended = tail[:4] == b"PK\6\7"  # what Python writes for more than 2 GiB says the size elsewhere
    if size > LARGEST_DIRECTORY if not extended else length < 2**31:
        raise WeightsFileError(f"{path}: a directory of {size} bytes, expected at most {LARGEST_DIRECTORY}")


def _check_members(path: Path, members: list[zipfile.ZipInfo], length: int) -> None:
    names = [member.filename for member in members]
    for name in names:
        if not name.endswith(".npy") or not _is_name(name):
            raise WeightsFileError(f"{path}: {name!r} is not the name of an array")
    if len(set(names)) != len(names):
        raise WeightsFileError(f"{path}: an array is there twice")
    for member in members:
        if member.compress_type not in METHODS:
            raise WeightsFileError(f"{path}: {member.filename} is compressed by method {member.compress_type}")
        if member.compress_type == zipfile.ZIP_STORED and member.file_size != member.compress_size:
            raise WeightsFileError(
                f"{path}: {member.filename} declares {member.file_size} bytes, {member.compress_size} stored"
            )
    declared = sum(member.file_size for member in members)
    if declared > SMALL + RATIO * length:
        raise WeightsFileError(f"{path}: declares {declared} bytes of arrays in a file of {length}")


def _check_layout(path: Path, archive: zipfile.ZipFile, file: IO[bytes], length: int) -> None:
    """The members must follow each other from the first byte to the directory, and the directory end the file."""
    members = sorted(archive.infolist(), key=lambda member: member.header_offset)
    ends = [*(member.header_offset for member in members), archive.start_dir]
    if ends[0] != 0:
        raise WeightsFileError(f"{path}: {ends[0]} bytes before the first array")
    for member, following in zip(members, ends[1:], strict=True):
        file.seek(member.header_offset)
        name_length, extra_length = struct.unpack("<26xHH", file.read(LOCAL_HEADER))
        end = member.header_offset + LOCAL_HEADER + name_length + extra_length + member.compress_size
        if following - end not in (DESCRIPTORS if member.flag_bits & 8 else DESCRIPTORS[:1]):
            raise WeightsFileError(f"{path}: {member.filename} ends at byte {end}, the next part begins at {following}")
    file.seek(-22, os.SEEK_END)  # the end record of a zip without a comment
    if archive.comment or file.read(4) != b"PK\5\6":
        raise WeightsFileError(f"{path}: bytes after the end of the archive")


def _read_member(path: Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Array:
    with archive.open(member) as file:
        try:
            return read_npy(file, member.file_size)
        except ValueError as error:
            raise WeightsFileError(f"{path}: {member.filename} {error}") from None
