"""The one pickle that is read: the book's `params.pkl`, a dict of arrays."""

from __future__ import annotations

import io
import os
import pickle
import pickletools
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from minigrad.errors import WeightsFileError
from minigrad.primitive import Array

__all__ = ["load_pickled_params"]


def load_pickled_params(path: str | os.PathLike[str]) -> dict[str, Array]:
    """The book's `params.pkl`: a pickled dict of NumPy arrays; any other object is refused before it is made."""
    path = Path(path)
    data = path.read_bytes()
    try:
        _check_declarations(data)
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # NumPy warns of some nonsense only
            params = _ArraysOnly(io.BytesIO(data), encoding="latin1").load()
    except WeightsFileError as error:
        raise WeightsFileError(f"{path}: {error}") from None
    except (pickle.UnpicklingError, EOFError, ValueError, KeyError, IndexError, AttributeError, TypeError, OverflowError,
            UnicodeDecodeError, MemoryError, Warning) as error:  # fmt: skip
        raise WeightsFileError(f"{path}: damaged, or not a pickled dict of arrays: {error}") from None
    if not isinstance(params, dict) or not all(
        isinstance(k, str) and isinstance(v, np.ndarray) and v.dtype.kind in "fiub" for k, v in params.items()
    ):
        raise WeightsFileError(f"{path}: expected a dict of arrays of numbers")
    return params


def _check_declarations(data: bytes) -> None:
    """Refuse what the unpickler would allocate for on a declared length alone: a string, or a number in its memo."""
    for opcode, arg, _ in pickletools.genops(data):  # raises ValueError for a string longer than the file
        if opcode.name.endswith("PUT") and isinstance(arg, int) and arg > len(data):
            raise ValueError(f"memo entry {arg} in a file of {len(data)} bytes")


def _empty(*args: Any) -> Array:
    """An array of nothing: what follows in the pickle gives it shape, dtype and bytes, and NumPy compares their sizes."""
    return np.empty(0, np.uint8)


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
        if name in ("ndarray", "_reconstruct"):
            return _empty  # not NumPy's, which allocate any shape they are asked for
        return super().find_class(module.replace("numpy.core", "numpy._core"), name)

    def persistent_load(self, pid: Any) -> Any:
        raise WeightsFileError("the pickle refers to an object outside of it; only NumPy arrays are admitted")
