"""Data from outside as a native array of numbers: what a tensor may be made of, and clear refusals of the rest."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.errors import DTypeError, ShapeError
from minigrad.primitive import Array, DType

__all__ = ["check_operand", "to_array"]

NUMBERS = "fiub"  # the dtype kinds of floats, integers, unsigned integers and booleans


def to_array(data: Any, dtype: DType, default: np.dtype[Any]) -> Array:
    """A fresh, native copy of `data`; Python floats get the default dtype, everything else keeps its own.

    Raises DTypeError for anything but real numbers and booleans, ShapeError for a ragged list.
    """
    if isinstance(data, np.ndarray):
        _check_class(data)
        array = data
    else:
        try:
            array = np.array(data)
        except ValueError as error:
            _explain_ragged(data)
            raise ShapeError(f"tensor: {error}") from None
        if array.dtype == np.float64 and dtype is None and not _has_numpy(data):
            array = array.astype(default)
    _check_dtype("tensor", array.dtype)
    if dtype is not None:
        _check_dtype("tensor", np.dtype(dtype))
    return np.array(array, dtype=dtype or array.dtype.newbyteorder("="), order="K", copy=True, subok=False)


def check_operand(op: str, arg: Any) -> None:
    """Refuse what NumPy would turn into arrays of objects or complex numbers."""
    if isinstance(arg, np.ndarray):
        _check_class(arg)
        _check_dtype(op, arg.dtype)
    elif isinstance(arg, complex | np.complexfloating):
        _check_dtype(op, np.dtype(complex))


def _check_class(array: Array) -> None:
    if isinstance(array, np.ma.MaskedArray | np.matrix | np.recarray):
        raise DTypeError(f"tensor: {type(array).__name__} is not supported\n  hint: use np.asarray(x), or x.filled(...)")


def _check_dtype(op: str, dtype: np.dtype[Any]) -> None:
    if dtype.kind not in NUMBERS:
        raise DTypeError(f"{op}: dtype {dtype} is not supported; a tensor holds real numbers or booleans")


def _has_numpy(data: Any) -> bool:
    """Whether a nested list holds NumPy values, whose dtype is kept; the first of them tells."""
    while isinstance(data, list | tuple) and data:
        data = data[0]
    return not isinstance(data, int | float | list | tuple) or isinstance(data, np.generic)


def _explain_ragged(data: Any, where: str = "") -> None:
    """Raise ShapeError naming the first row whose length differs."""
    if not isinstance(data, list | tuple):
        return
    lengths = [len(row) if isinstance(row, list | tuple) else None for row in data]
    for i, length in enumerate(lengths):
        if length != lengths[0]:
            say = "a number" if length is None else f"length {length}"
            first = "a number" if lengths[0] is None else f"length {lengths[0]}"
            raise ShapeError(f"tensor: ragged list: row {where}[{i}] has {say}, row {where}[0] has {first}") from None
    for i, row in enumerate(data):
        _explain_ragged(row, f"{where}[{i}]")
