"""The class of dtypes, and process-wide settings: the default dtype, and how the C library keeps freed memory."""

from __future__ import annotations

import ctypes
import sys
from typing import Any

import numpy as np
import numpy.typing as npt

from minigrad.errors import DTypeError

__all__ = ["bfloat16", "dtype", "get_default_dtype", "keep_memory", "set_default_dtype"]

_default_dtype: np.dtype[Any] = np.dtype(np.float32)


class _Names(type):
    def __instancecheck__(cls, instance: Any) -> bool:
        of_numpy = isinstance(instance, type) and issubclass(instance, np.generic)
        return of_numpy or instance is bfloat16 or isinstance(instance, np.dtype)

    def __call__(cls, name: Any) -> Any:
        return np.dtype(name)


class dtype(metaclass=_Names):
    """The class of dtypes, for `isinstance`: NumPy's, as ``x.dtype`` and by name, and `bfloat16`.

    >>> isinstance(np.float32, dtype), isinstance(np.dtype("int64"), dtype), isinstance(float, dtype)
    (True, True, False)
    """


class _Unsupported:
    """The name of a dtype that NumPy lacks: it can be named, as in a table of dtypes, and converting to it is refused.

    >>> bfloat16
    bfloat16: NumPy has no such dtype, and minigrad computes in NumPy's
    """

    def __init__(self, name: str):
        self.name = name

    def __repr__(self) -> str:  # which NumPy before 2.3 shows, where it swallows the error below
        return f"{self.name}: NumPy has no such dtype, and minigrad computes in NumPy's"

    @property
    def dtype(self) -> Any:  # which NumPy reads to convert to this dtype
        raise DTypeError(f"{self!r}\n  hint: use mg.float32, or mg.float16 to halve the memory")


bfloat16 = _Unsupported("bfloat16")


def get_default_dtype() -> np.dtype[Any]:
    """Return the dtype of tensors made from Python floats: float32 unless set otherwise, for the whole process."""
    return _default_dtype


def set_default_dtype(d: npt.DTypeLike) -> None:
    """Set the dtype of tensors made from Python floats, for the whole process (all threads).

    Raises DTypeError for a dtype that is not a float.

    >>> import minigrad as mg
    >>> mg.set_default_dtype(mg.float64)
    >>> mg.tensor(1.5).dtype
    dtype('float64')
    >>> mg.set_default_dtype(mg.float32)
    """
    global _default_dtype
    wanted = np.dtype(d)
    if wanted.kind != "f":
        raise DTypeError(f"set_default_dtype: must be a float dtype, got {wanted}")
    _default_dtype = wanted


def keep_memory() -> bool:
    """Make the C library keep freed memory for the next array; return whether it does.

    glibc returns large freed blocks to the system, so every temporary array of a few megabytes is faulted in again, page by
    page: 40 % of the time of a training step of SimpleConvNet on 28x28 images. This changes the allocator of the whole
    process and cannot be undone, so it is not a side effect of the import: the Trainer, the command line and the benchmarks
    call it. It does nothing, and returns False, if the C library is not glibc.

    >>> import minigrad as mg
    >>> mg.config.keep_memory() in (True, False)
    True
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        libc = ctypes.CDLL("libc.so.6")
        trim, mmap = ctypes.c_int(-1), ctypes.c_int(-3)  # M_TRIM_THRESHOLD, M_MMAP_THRESHOLD of malloc.h
        return bool(libc.mallopt(trim, 2**31 - 1) and libc.mallopt(mmap, 2**30))
    except (OSError, AttributeError):  # musl, or a libc without mallopt
        return False
