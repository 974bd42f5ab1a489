"""Zip archives, checked before anything of them is read: the room that `.npz` and PyTorch's files share."""

from __future__ import annotations

import os
import struct
import zipfile
import zlib
from typing import IO

from minigrad.errors import WeightsFileError
from minigrad.serialization.raw import expansion_limit

__all__ = ["DAMAGES", "is_name", "open_archive"]

DAMAGES = (
    zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, KeyError, IndexError, NotImplementedError, RuntimeError,
    OverflowError, MemoryError, SyntaxError, TypeError, struct.error,
)  # fmt: skip  # what reading a damaged archive raises
LARGEST_DIRECTORY = 3 * 2**20  # bytes: 30,000 arrays; zipfile takes 17 times as many to read it
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # NumPy and PyTorch write no other, and LZMA may need gigabytes
LOCAL_HEADER = 30  # bytes before a member's name
DESCRIPTORS = (0, 12, 16, 20, 24)  # bytes after a member whose sizes were not known when it was begun
EXTENDED = 56 + 20  # bytes of the record of zip64 and its locator, before the end record


def open_archive(file: IO[bytes], length: int) -> zipfile.ZipFile:
    """Return the archive that an open file of `length` bytes consists of; the caller closes it.

    Checks its end, the size of its directory, the names, compression methods and declared sizes of its members, and that
    they fill the file. Raises one of `DAMAGES`, WeightsFileError among them.
    """
    _check_end(file, length)
    archive = zipfile.ZipFile(file)
    try:
        _check_members(archive.infolist(), length)
        _check_layout(archive, file)
    except BaseException:
        archive.close()
        raise
    return archive


def is_name(name: str) -> bool:
    """Return whether an array may have this name: not a path that leads upwards or to a root, on any system.

    Names are keys of a dict here and never paths; but other programs unpack a zip archive.
    """
    parts = name.split("/")
    return parts[0] != "" and ".." not in parts and "\\" not in name and "\0" not in name


def _check_end(file: IO[bytes], length: int) -> None:
    """Check that the end record of the archive ends the file, and that the directory is no larger than members can need."""
    file.seek(max(0, length - 22 - EXTENDED))
    tail = file.read()
    if tail[-22:-18] != b"PK\5\6" or tail[-2:] != b"\0\0":
        raise ValueError("no archive ends where it does")
    (size,) = struct.unpack("<12xI6x", tail[-22:])
    if tail[-42:-38] == b"PK\6\7":  # zip64, as PyTorch writes always, and Python beyond 2 GiB
        if tail[:4] != b"PK\6\6":
            raise ValueError("its record of zip64 is not where it should be")
        (size,) = struct.unpack_from("<40xQ", tail)
    if size > LARGEST_DIRECTORY:
        raise WeightsFileError(f"a directory of {size} bytes, expected at most {LARGEST_DIRECTORY}")


def _check_members(members: list[zipfile.ZipInfo], length: int) -> None:
    """Check names, compression methods and declared sizes, before anything is decompressed."""
    for member in members:
        if not is_name(member.filename):
            raise WeightsFileError(f"{member.filename!r} is not the name of an array")
    if len({member.filename for member in members}) != len(members):
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
