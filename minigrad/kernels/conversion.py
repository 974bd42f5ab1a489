"""Conversion of data to native arrays of real numbers or booleans, with clear errors for everything else."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.arrays import Array, DType
from minigrad.errors import DTypeError, ShapeError
from minigrad.kernels.errstate import errstate

__all__ = ["check_numbers", "check_range", "native", "snapshot", "to_array"]

NUMBERS = "fiub"  # the dtype kinds of floats, integers, unsigned integers and booleans


def to_array(data: Any, dtype: DType, default: np.dtype[Any]) -> Array:
    """Return a fresh copy of `data` in native byte order.

    Without `dtype`, lists of Python floats get the dtype `default`, everything else keeps the dtype that NumPy finds. Raises
    DTypeError for anything but real numbers and booleans, and for numbers beyond `dtype`, ShapeError for a ragged list.
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
        if array is not data:
            check_range("tensor", array, np.dtype(dtype))
    with errstate(over="ignore"):  # a float beyond a narrower one becomes infinite, as in PyTorch
        return np.array(array, dtype=dtype or array.dtype.newbyteorder("="), order="K", copy=True, subok=False)


def native(op: str, arg: Any) -> Any:
    """Return an operand of operation `op` as an ndarray that shares its memory; return a number unchanged.

    Everything that NumPy can read is an array: np.memmap and other subclasses, buffers, columns of tables. Raises DTypeError
    for objects and complex numbers, TypeError for a tensor of another library, to which no gradient would flow.
    """
    if isinstance(arg, np.ndarray):
        _check_class(arg)
        array = arg if type(arg) is np.ndarray else arg.view(np.ndarray)
    elif isinstance(arg, complex | np.complexfloating):
        array = np.asarray(arg)
    elif isinstance(arg, np.generic) or not _is_array(arg):
        return arg
    elif hasattr(arg, "requires_grad"):
        kind = f"{type(arg).__module__}.{type(arg).__qualname__}"
        raise TypeError(f"{op}: got a {kind}, a tensor of another library\n  hint: use mg.tensor(t.detach().numpy())")
    else:
        array = np.asarray(arg)
    _check_dtype(op, array.dtype)
    return array


def check_numbers(op: str, name: str, value: Any) -> None:
    """Raise DTypeError for a value that holds anything but real numbers and booleans: None, a string, an object."""
    dtype = np.asarray(value).dtype
    if dtype.kind not in NUMBERS:
        raise DTypeError(f"{op}: {name} must be a number or numbers, got {type(value).__name__} of dtype {dtype}")


def check_range(op: str, value: Any, dtype: np.dtype[Any]) -> None:
    """Raise DTypeError for numbers beyond a dtype of integers, also infinity and NaN.

    A negative number as an unsigned one counts from 2**bits downwards, as in PyTorch and C: -1 is 255 in uint8.
    """
    numbers = np.asarray(value)
    if dtype.kind not in "iu" or numbers.dtype.kind not in "fiu" or np.can_cast(numbers.dtype, dtype):
        return
    limits = np.iinfo(dtype)
    least = int(limits.min) or -int(limits.max)
    cut = np.trunc(numbers) if numbers.dtype.kind == "f" else numbers
    fits = (cut >= least) & (cut < int(limits.max) + 1)  # a float is never equal to 2**63 - 1
    if not fits.all():
        raise DTypeError(f"{op}: {numbers[~fits].flat[0]} is beyond {dtype}, {limits.min} to {limits.max}")


def snapshot(value: Any) -> Any:
    """Copy the arrays of an argument, also inside lists and tuples, since the caller may write into them later."""
    if isinstance(value, np.ndarray):
        return value.copy()
    if type(value) is list or type(value) is tuple:
        return type(value)([snapshot(part) for part in value])
    return value


def _is_array(data: Any) -> bool:
    """Return whether NumPy reads an object as an array: by its protocols, or as a buffer of numbers."""
    if hasattr(data, "__array__") or hasattr(data, "__array_interface__"):
        return True
    try:
        return memoryview(data).format not in (None, "c")
    except TypeError:
        return False


def _check_class(array: Array) -> None:
    if isinstance(array, np.ma.MaskedArray | np.matrix | np.recarray):
        raise DTypeError(f"tensor: {type(array).__name__} is not supported\n  hint: use np.asarray(x), or x.filled(...)")


def _check_dtype(op: str, dtype: np.dtype[Any]) -> None:
    if dtype.kind not in NUMBERS:
        raise DTypeError(f"{op}: dtype {dtype} is not supported; a tensor holds real numbers or booleans")


def _has_numpy(data: Any) -> bool:
    """Return whether the first element of a nested list is a NumPy value, whose dtype is kept."""
    while isinstance(data, list | tuple) and data:
        data = data[0]
    return not isinstance(data, int | float | list | tuple) or isinstance(data, np.generic)


def _explain_ragged(data: Any, where: str = "") -> None:
    """Raise ShapeError naming the first row whose length differs."""
    if not isinstance(data, list | tuple):
        return
    kinds = [f"length {len(row)}" if isinstance(row, list | tuple) else "a number" for row in data]
    for i, kind in enumerate(kinds):
        if kind != kinds[0]:
            raise ShapeError(f"tensor: ragged list: row {where}[{i}] has {kind}, row {where}[0] has {kinds[0]}") from None
    for i, row in enumerate(data):
        _explain_ragged(row, f"{where}[{i}]")
