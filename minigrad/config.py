"""Settings of the process: the default dtype, and how freed memory is kept."""

from __future__ import annotations

import ctypes
import sys
from typing import Any

import numpy as np
import numpy.typing as npt

from minigrad.errors import DTypeError

__all__ = ["get_default_dtype", "keep_memory", "set_default_dtype"]

_default_dtype: np.dtype[Any] = np.dtype(np.float32)


def get_default_dtype() -> np.dtype[Any]:
    """The dtype of tensors made from Python numbers: float32 unless set otherwise."""
    return _default_dtype


def set_default_dtype(dtype: npt.DTypeLike) -> None:
    """Make tensors of Python numbers in another float dtype; raises DTypeError for any that is not a float.

    >>> import minigrad as mg
    >>> mg.set_default_dtype(mg.float64)
    >>> mg.tensor(1.5).dtype
    dtype('float64')
    >>> mg.set_default_dtype(mg.float32)
    """
    global _default_dtype
    wanted = np.dtype(dtype)
    if wanted.kind != "f":
        raise DTypeError(f"set_default_dtype: must be a float dtype, got {wanted}")
    _default_dtype = wanted


def keep_memory() -> bool:
    """Ask the C library to keep freed memory for the next array; tells whether it does.

    glibc gives large freed blocks back to the system, so that every temporary of a few megabytes is faulted in afresh,
    page by page: 40 % of a training step (docs/design.md). This changes the whole process and cannot be undone, so it is
    not a side effect of the import: the Trainer, the command and the benchmarks call it. It does nothing, and says False,
    where the C library is not glibc.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        libc = ctypes.CDLL("libc.so.6")
        trim, mmap = ctypes.c_int(-1), ctypes.c_int(-3)  # M_TRIM_THRESHOLD, M_MMAP_THRESHOLD of malloc.h
        return bool(libc.mallopt(trim, 2**31 - 1) and libc.mallopt(mmap, 2**30))
    except (OSError, AttributeError):  # musl, or a libc without mallopt
        return False
