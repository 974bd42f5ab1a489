"""`.npz` files: zip archives of `.npy` files, one for each named array."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Mapping
from typing import IO, Any

import numpy as np

from minigrad.arrays import Array
from minigrad.errors import WeightsFileError
from minigrad.serialization.archive import DAMAGES, is_name, open_archive
from minigrad.serialization.atomic import write_whole
from minigrad.serialization.npy import read_npy

__all__ = ["load_npz", "save_npz"]


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
        if not is_name(name):
            raise ValueError(f"save_npz: {name!r} cannot be the name of an array")
        if array.dtype.kind not in "fiub":
            raise TypeError(f"save_npz: {name} has dtype {array.dtype}, expected numbers")

    def write(file: IO[bytes]) -> None:
        with zipfile.ZipFile(file, "w") as archive:
            for name, array in numeric.items():
                with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as member:
                    np.lib.format.write_array(member, array, allow_pickle=False)

    write_whole(path, write)


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
            with open_archive(file, length) as archive:
                return {_array_name(m.filename): _read_member(archive, m) for m in archive.infolist()}
        except WeightsFileError as error:
            raise WeightsFileError(f"{name}: {error}") from None
        except DAMAGES as error:
            raise WeightsFileError(f"{name}: damaged, or not a .npz file of {length} bytes: {error}") from None


def _array_name(name: str) -> str:
    """Return the name of the array that a member of an archive holds."""
    if not name.endswith(".npy"):
        raise WeightsFileError(f"{name!r} is not the name of an array")
    return name.removesuffix(".npy")


def _read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Array:
    with archive.open(member) as file:
        try:
            return read_npy(file, member.file_size)
        except ValueError as error:
            raise WeightsFileError(f"{member.filename} {error}") from None
