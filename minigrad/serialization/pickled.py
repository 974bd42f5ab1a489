"""The one pickle that is read: the book's `params.pkl`, a dict of arrays.

Nothing of NumPy's runs while it is read: what a pickle says of arrays and dtypes goes to plain records, and is checked
before an array is made of it. (A dtype of NumPy's that is given the state of another kind ends the process.)
"""

from __future__ import annotations

import io
import math
import os
import pickle
import pickletools
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from minigrad.errors import WeightsFileError
from minigrad.primitive import Array

__all__ = ["load_pickled_params"]

NUMBERS = ("f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "b1")
ORDERS = ("<", ">", "|", "=")


def load_pickled_params(path: str | os.PathLike[str]) -> dict[str, Array]:
    """The book's `params.pkl`: a pickled dict of NumPy arrays; any other object is refused before it is made."""
    path = Path(path)
    data = path.read_bytes()
    try:
        _check_declarations(data)
        found = _ArraysOnly(io.BytesIO(data), encoding="latin1").load()
        if not isinstance(found, dict) or not all(isinstance(k, str) and isinstance(v, _Array) for k, v in found.items()):
            raise WeightsFileError("expected a dict of arrays of numbers")
        return {name: record.array for name, record in found.items()}
    except WeightsFileError as error:
        raise WeightsFileError(f"{path}: {error}") from None
    except (pickle.UnpicklingError, EOFError, ValueError, KeyError, IndexError, AttributeError, TypeError, OverflowError,
            UnicodeError, MemoryError) as error:  # fmt: skip
        raise WeightsFileError(f"{path}: damaged, or not a pickled dict of arrays: {error}") from None


def _check_declarations(data: bytes) -> None:
    """Refuse what the unpickler would allocate for on a declared length alone: a string, or a number in its memo."""
    for opcode, arg, _ in pickletools.genops(data):  # raises ValueError for a string longer than the file
        if opcode.name.endswith("PUT") and isinstance(arg, int) and arg > len(data):
            raise ValueError(f"memo entry {arg} in a file of {len(data)} bytes")


class _DType:
    """What a pickle says of a dtype."""

    def __init__(self, code: str, *flags: Any):
        self.code, self.order = code, "|"

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, self.order, *structure = state
        if any(part is not None for part in structure[:3]):
            raise ValueError("a dtype with fields")

    def dtype(self) -> np.dtype[Any]:
        if self.code not in NUMBERS or self.order not in ORDERS:
            raise ValueError(f"dtype {self.order!r} {self.code!r}, expected numbers")
        return np.dtype(self.order + self.code)


class _Array:
    """What a pickle says of an array, and the array; its arguments, a first shape, are not asked."""

    array: Array

    def __init__(self, *args: Any):
        pass

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, shape, dtype, fortran, data = state
        self._fill(data.encode("latin1") if isinstance(data, str) else data, dtype, shape, "F" if fortran else "C")

    def _fill(self, data: bytes | bytearray, dtype: _DType, shape: tuple[int, ...], order: str) -> _Array:
        kind = dtype.dtype()
        if (
            not isinstance(data, bytes | bytearray)
            or order not in ("C", "F")
            or any(type(n) is not int or n < 0 for n in shape)
        ):
            raise ValueError("the state of an array does not make sense")
        if math.prod(shape) * kind.itemsize != len(data):
            raise ValueError(f"{len(data)} bytes for an array of shape {tuple(shape)} of {kind}")
        self.array = np.frombuffer(bytes(data), kind).reshape(shape, order=order).astype(kind.newbyteorder("="))  # type: ignore[call-overload]
        return self


def _from_buffer(data: Any, dtype: _DType, shape: Any, order: str) -> _Array:
    """An array as protocol 5 writes it."""
    return _Array()._fill(data, dtype, shape, order)


class _ArraysOnly(pickle.Unpickler):
    """An unpickler for dicts of plain NumPy arrays."""

    ADMITTED: ClassVar[dict[str, Any]] = {
        "ndarray": _Array,
        "dtype": _DType,
        "multiarray._reconstruct": _Array,
        "numeric._frombuffer": _from_buffer,
    }

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("_codecs", "encode"):  # how protocols before 3 write bytes
            return lambda text, encoding: text.encode("latin1")
        short = f"{module}.{name}".replace("numpy._core.", "numpy.core.").removeprefix("numpy.").removeprefix("core.")
        if module.split(".")[0] != "numpy" or short not in self.ADMITTED:
            raise WeightsFileError(f"the pickle asks for {module}.{name}; only NumPy arrays are admitted")
        return self.ADMITTED[short]

    def persistent_load(self, pid: Any) -> Any:
        raise WeightsFileError("the pickle refers to an object outside of it; only NumPy arrays are admitted")
