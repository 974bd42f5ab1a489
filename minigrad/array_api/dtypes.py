"""Data types of the array API standard: their names, type promotion, and what a program may ask about them.

A category above another decides where the standard leaves the result undefined: an integer beside a float32 is a float32.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from minigrad import ops
from minigrad.arrays import DType
from minigrad.config import get_default_dtype
from minigrad.engine.promotion import common_dtype
from minigrad.tensors.devices import device as Device
from minigrad.tensors.tensor import Tensor

__all__ = [
    "astype", "bool", "can_cast", "finfo", "float32", "float64", "iinfo", "int16", "int32", "int64", "int8", "isdtype",
    "result_type", "uint16", "uint32", "uint64", "uint8",
]  # fmt: skip

Scalar = int | float  # a bool is an int

bool = np.dtype(np.bool_)
int8, int16, int32, int64 = np.dtype(np.int8), np.dtype(np.int16), np.dtype(np.int32), np.dtype(np.int64)
uint8, uint16, uint32, uint64 = np.dtype(np.uint8), np.dtype(np.uint16), np.dtype(np.uint32), np.dtype(np.uint64)
float32, float64 = np.dtype(np.float32), np.dtype(np.float64)

DTYPES = {
    str(dtype): dtype
    for dtype in (bool, int8, int16, int32, int64, uint8, uint16, uint32, uint64, float32, float64)
}  # fmt: skip


def operands(name: str, *values: Any) -> list[Any]:
    """Return the arguments of function `name` as tensors of their common dtype; gradients flow through.

    Raises TypeError for anything but tensors and Python numbers, and for numbers alone.
    """
    for value in values:
        if not isinstance(value, Tensor | Scalar):
            raise TypeError(
                f"{name}: needs tensors and Python numbers, got {type(value).__name__}\n  hint: convert it with asarray"
            )
    if not any(isinstance(value, Tensor) for value in values):
        raise TypeError(
            f"{name}: needs at least one tensor, got numbers alone\n  hint: convert one with asarray"
            if values
            else f"{name}: needs at least one tensor, got none"
        )
    dtype = result_type(*values)
    return [
        (value if value.dtype == dtype else value.astype(dtype))
        if isinstance(value, Tensor)
        else Tensor.from_array(np.array(value, dtype))
        for value in values
    ]


def result_type(*arrays_and_dtypes: Tensor | Scalar | DType) -> np.dtype[Any]:
    """Return the dtype to which tensors, dtypes and Python numbers promote; whether a tensor has axes does not count.

    Raises DTypeError for integers without a common dtype (uint64 beside signed ones), and TypeError for no argument.

    >>> import minigrad.array_api as xp
    >>> xp.result_type(xp.uint8, xp.int8), xp.result_type(xp.float32, xp.asarray(1, dtype=xp.float64), 2.5)
    (dtype('int16'), dtype('float64'))
    """
    if not arrays_and_dtypes:
        raise TypeError("result_type: needs at least one tensor or dtype, got none")
    return common_dtype([value if isinstance(value, Scalar) else np.empty(1, _of(value)) for value in arrays_and_dtypes])


def _of(value: Any) -> Any:
    return value.dtype if isinstance(value, Tensor) else value


def astype(x: Tensor, dtype: DType, /, *, copy: Any = True, device: Any = None) -> Tensor:
    """Return the elements in another dtype; with `copy` a copy even where they have it already."""
    return x.to(dtype, device=device, copy=copy)


def can_cast(from_: Tensor | DType, to: DType, /) -> Any:
    """Return whether the promotion of the dtype of `from_`, or the dtype, may lead to dtype `to`."""
    return np.can_cast(_of(from_), np.dtype(to))


def isdtype(dtype: DType, kind: Any) -> Any:
    """Return whether a dtype is, or is of, a kind: "bool", "integral", "real floating", "numeric", ..., or several.

    >>> import minigrad.array_api as xp
    >>> xp.isdtype(xp.int8, "signed integer"), xp.isdtype(xp.int8, (xp.float32, "real floating"))
    (True, False)
    """
    return np.isdtype(np.dtype(dtype), kind)


class FloatInfo(NamedTuple):
    """Limits of a float dtype, as Python numbers."""

    bits: int
    eps: float
    max: float
    min: float
    smallest_normal: float
    dtype: np.dtype[Any]


def finfo(type: Tensor | DType, /) -> FloatInfo:
    """Return the limits of a float dtype, or of that of a tensor.

    >>> import minigrad.array_api as xp
    >>> xp.finfo(xp.float64).eps
    2.220446049250313e-16
    """
    info = np.finfo(_of(type))
    eps, largest, least, normal = map(float, (info.eps, info.max, info.min, info.smallest_normal))
    return FloatInfo(info.bits, eps, largest, least, normal, np.dtype(info.dtype))


def iinfo(type: Tensor | DType, /) -> np.iinfo[Any]:
    """Return the limits of an integer dtype, or of that of a tensor."""
    return np.iinfo(_of(type))


class Information:
    """What the namespace can do, and its dtypes and devices; see the standard's inspection functions."""

    def capabilities(self) -> dict[str, Any]:
        """Return which optional features there are."""
        return {"boolean indexing": True, "data-dependent shapes": True, "max dimensions": 64}

    def default_device(self) -> Device:
        """Return the only device, the CPU."""
        return Device("cpu")

    def devices(self) -> list[Device]:
        """Return every device."""
        return [Device("cpu")]

    def default_dtypes(self, *, device: Any = None) -> dict[str, np.dtype[Any]]:
        """Return the dtypes of tensors that are made without one; there is none for complex numbers."""
        _check(device)
        return {"real floating": np.dtype(get_default_dtype()), "integral": int64, "indexing": int64}

    def dtypes(self, *, device: Any = None, kind: Any = None) -> dict[str, np.dtype[Any]]:
        """Return the dtypes by name, of one kind or of several."""
        _check(device)
        return {name: dtype for name, dtype in DTYPES.items() if kind is None or isdtype(dtype, kind)}


def _check(device: Any) -> None:
    if device is not None:
        Device(device)


def widened(x: Tensor, dtype: DType) -> Any:
    """Return the dtype in which the elements are added up: `dtype` if given, and 64 bits for integers and booleans."""
    return dtype if dtype is not None else {"u": uint64, "i": int64, "b": int64}.get(x.dtype.kind, x.dtype)


def plain(result: Any) -> Any:
    """Return a NumPy array or scalar that depends on no gradient as a tensor."""
    return Tensor.from_array(np.asarray(result))


def converted(x: Tensor, dtype: DType) -> Tensor:
    """Return a tensor in a dtype; the tensor itself, if it has that."""
    return x if x.dtype == dtype else ops.astype(x, np.dtype(dtype))
