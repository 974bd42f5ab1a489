"""Arrays in files: written atomically, read without trust.

A file is `.npz`, NumPy's zip of arrays. Nothing is ever unpickled, with one guarded exception: the `params.pkl` of "Deep
Learning from Scratch" goes through an unpickler that admits NumPy arrays and nothing else. Sizes are checked against the
file's real length before anything is allocated.
"""

from __future__ import annotations

import io
import math
import os
import pickle
import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np

from minigrad.errors import WeightsFileError
from minigrad.primitive import Array

__all__ = ["load_npz", "load_pickled_params", "save_npz", "write_atomically"]

# What a compressed file may grow to: arrays of zeros shrink a thousandfold, weights hardly at all.
SMALL, RATIO = 64 * 2**20, 100


def save_npz(path: str | os.PathLike[str], arrays: Mapping[str, Any]) -> None:
    """Write arrays under their names; an interrupted save leaves an older file as it was."""
    write_atomically(path, lambda file: np.savez(file, allow_pickle=False, **arrays))


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
                members = archive.infolist()
                _check_members(path, members, length)
                _check_layout(path, file, members, archive.start_dir)
                return {m.filename.removesuffix(".npy"): _read_member(path, archive, m) for m in members}
        except WeightsFileError:
            raise
        except (zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, ValueError, KeyError, NotImplementedError,
                RuntimeError, OverflowError, MemoryError, SyntaxError, TypeError) as error:  # fmt: skip
            raise WeightsFileError(f"{path}: damaged, or not a .npz file of {length} bytes: {error}") from None


def load_pickled_params(path: str | os.PathLike[str]) -> dict[str, Array]:
    """The book's `params.pkl`: a pickled dict of NumPy arrays; any other object is refused before it is made."""
    path = Path(path)
    data = path.read_bytes()
    try:
        params = _ArraysOnly(io.BytesIO(data), encoding="latin1").load()
    except WeightsFileError as error:
        raise WeightsFileError(f"{path}: {error}") from None
    except (pickle.UnpicklingError, EOFError, ValueError, KeyError, IndexError, AttributeError, TypeError, OverflowError,
            UnicodeDecodeError, MemoryError) as error:  # fmt: skip
        raise WeightsFileError(f"{path}: damaged, or not a pickled dict of arrays: {error}") from None
    if not isinstance(params, dict) or not all(
        isinstance(k, str) and isinstance(v, np.ndarray) and v.dtype.kind in "fiub" for k, v in params.items()
    ):
        raise WeightsFileError(f"{path}: expected a dict of arrays of numbers")
    return params


def write_atomically(path: str | os.PathLike[str], write: Callable[[IO[bytes]], Any]) -> None:
    """Let `write` fill a sibling file, flush it to disk, and only then put it in the place of `path`."""
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _check_members(path: Path, members: list[zipfile.ZipInfo], length: int) -> None:
    names = [member.filename for member in members]
    for name in names:
        if not name.endswith(".npy") or "/" in name or "\\" in name:
            raise WeightsFileError(f"{path}: {name!r} is not the name of an array")
    if len(set(names)) != len(names):
        raise WeightsFileError(f"{path}: an array is there twice")
    declared = sum(member.file_size for member in members)
    if declared > SMALL + RATIO * length:
        raise WeightsFileError(f"{path}: declares {declared} bytes of arrays in a file of {length}")


def _check_layout(path: Path, file: IO[bytes], members: list[zipfile.ZipInfo], end: int) -> None:
    """The members must fill the file without gap or overlap: else a damaged directory would lose arrays silently."""
    at = 0
    for member in sorted(members, key=lambda member: member.header_offset):
        file.seek(at + 26)  # where a local header says how long its name and its extra field are
        name, extra = struct.unpack("<HH", file.read(4))
        if member.header_offset != at:
            break
        at += 30 + name + extra + member.compress_size
    if at != end:
        raise WeightsFileError(f"{path}: damaged: the arrays listed do not fill the file")


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
            raise WeightsFileError(f"{path}: {member.filename} holds {len(data)} bytes, its header says {wanted}")
    array = np.frombuffer(data, dtype).reshape(shape, order="F" if fortran else "C")
    return np.array(array, dtype.newbyteorder("="), order="K")


class _ArraysOnly(pickle.Unpickler):
    """An unpickler for dicts of plain NumPy arrays."""

    ADMITTED = frozenset(
        (module, name)
        for module, names in {
            "numpy": ("ndarray", "dtype"),
            "numpy.core.multiarray": ("_reconstruct",),
            "numpy._core.multiarray": ("_reconstruct",),
            "numpy.core.numeric": ("_frombuffer",),  # protocol 5
            "numpy._core.numeric": ("_frombuffer",),
        }.items()
        for name in names
    )

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("_codecs", "encode"):  # how protocols before 3 write bytes
            return lambda text, encoding: text.encode("latin1")
        if (module, name) not in self.ADMITTED:
            raise WeightsFileError(f"the pickle asks for {module}.{name}; only NumPy arrays are admitted")
        return super().find_class(module.replace("numpy.core", "numpy._core"), name)

    def persistent_load(self, pid: Any) -> Any:
        raise WeightsFileError("the pickle refers to an object outside of it; only NumPy arrays are admitted")
