"""Settings of the whole process under PyTorch's names."""

from __future__ import annotations

import enum
import os
import warnings

__all__ = [
    "are_deterministic_algorithms_enabled", "channels_last", "channels_last_3d", "contiguous_format",
    "get_float32_matmul_precision", "get_num_threads", "memory_format", "preserve_format",
    "set_float32_matmul_precision", "set_num_threads", "use_deterministic_algorithms",
]  # fmt: skip


class memory_format(enum.Enum):
    """The values of the argument `memory_format`, which is ignored: NumPy decides how an array lies in memory."""

    contiguous_format = enum.auto()
    preserve_format = enum.auto()
    channels_last = enum.auto()
    channels_last_3d = enum.auto()


contiguous_format, preserve_format, channels_last, channels_last_3d = memory_format


def set_float32_matmul_precision(precision: str) -> None:
    """Do nothing for "highest", "high" or "medium": products of float32 are computed in float32, the highest."""
    if precision not in ("highest", "high", "medium"):
        raise ValueError(f'set_float32_matmul_precision: must be "highest", "high" or "medium", got {precision!r}')


def get_float32_matmul_precision() -> str:
    """Return "highest"."""
    return "highest"


def use_deterministic_algorithms(mode: bool, *, warn_only: bool = False) -> None:
    """Do nothing: all algorithms are deterministic on one machine."""


def are_deterministic_algorithms_enabled() -> bool:
    """Return True."""
    return True


def get_num_threads() -> int:
    """Return the number of threads that NumPy's BLAS was told to use, or the number of processors.

    The first of OPENBLAS_NUM_THREADS, MKL_NUM_THREADS and OMP_NUM_THREADS in the environment counts.
    """
    for name in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"):
        if os.environ.get(name, "").isdecimal():
            return int(os.environ[name])
    return os.cpu_count() or 1


def set_num_threads(number: int) -> None:
    """Warn, unless it is `get_num_threads`: NumPy's BLAS takes its number of threads from the environment when it is loaded.

    Raises ValueError for a number below 1.
    """
    if number < 1:
        raise ValueError(f"set_num_threads: needs at least 1, got {number}")
    if number != get_num_threads():
        message = (
            f"set_num_threads: NumPy was loaded with {get_num_threads()}\n  hint: set OPENBLAS_NUM_THREADS={number} first"
        )
        warnings.warn(message, stacklevel=2)
