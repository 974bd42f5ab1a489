"""`.npz`: a zip archive of `.npy` files, each an array under its name."""

from __future__ import annotations

import math
import os
import struct
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np

from minigrad.errors import WeightsFileError
from minigrad.primitive import Array
from minigrad.serialization.atomic import write_atomically

__all__ = ["load_npz", "save_npz"]

# What a compressed file may grow to: arrays of zeros shrink a thousandfold, weights hardly at all.
SMALL, RATIO = 64 * 2**20, 100
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


def _check_members(path: Path, members: list[zipfile.ZipInfo], length: int) -> None:
    names = [member.filename for member in members]
    for name in names:
        if not name.endswith(".npy") or not _is_name(name):
            raise WeightsFileError(f"{path}: {name!r} is not the name of an array")
    if len(set(names)) != len(names):
        raise WeightsFileError(f"{path}: an array is there twice")
    for member in members:
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
        version = np.lib.format.read_magic(file)
        if version not in ((1, 0), (2, 0)):
            raise WeightsFileError(f"{path}: {member.filename} has .npy version {version}, expected 1.0 or 2.0")
        read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, fortran, dtype = read_header(file)
        if dtype.kind not in "fiub":
            raise WeightsFileError(
                f"{path}: {member.filename} has dtype {dtype}; objects are refused, only numbers are read"
            )
        # The zip's own count bounds what is read; the header must agree with it before anything is allocated.
        wanted = math.prod(shape) * dtype.itemsize
        if min(shape, default=1) < 0 or wanted > member.file_size:
            raise WeightsFileError(
                f"{path}: {member.filename} declares shape {shape}, {wanted} bytes, of {member.file_size}"
            )
        data = file.read(wanted)
        if len(data) != wanted or file.read(1):  # reading to the end also checks the CRC
            found = f"only {len(data)}" if len(data) < wanted else "more"
            raise WeightsFileError(f"{path}: {member.filename}: expected {wanted} bytes for shape {shape}, got {found}")
    array = np.frombuffer(data, dtype).reshape(shape, order="F" if fortran else "C")
    return np.array(array, dtype.newbyteorder("="), order="K")
