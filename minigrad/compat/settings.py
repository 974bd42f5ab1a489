"""Settings of the whole process under PyTorch's names, and the state of its random generator."""

from __future__ import annotations

import enum
import secrets
from typing import Any

import numpy as np

from minigrad.arrays import array_of
from minigrad.kernels.threads import get_threads, set_threads
from minigrad.random import default_generator, manual_seed
from minigrad.tensors.devices import device as cpu
from minigrad.tensors.tensor import Tensor

__all__ = [
    "are_deterministic_algorithms_enabled", "channels_last", "channels_last_3d", "contiguous_format",
    "get_default_device", "get_float32_matmul_precision", "get_num_threads", "get_rng_state", "initial_seed",
    "memory_format", "preserve_format", "seed", "set_default_device", "set_float32_matmul_precision", "set_num_threads",
    "set_rng_state", "use_deterministic_algorithms",
]  # fmt: skip


class memory_format(enum.Enum):
    """The values of the argument `memory_format`, which is ignored: NumPy decides how an array lies in memory.

    >>> import minigrad as mg
    >>> mg.zeros(1, 3, 4, 4).contiguous(memory_format=mg.channels_last).shape
    (1, 3, 4, 4)
    """

    contiguous_format = enum.auto()
    preserve_format = enum.auto()
    channels_last = enum.auto()
    channels_last_3d = enum.auto()


contiguous_format, preserve_format, channels_last, channels_last_3d = memory_format


def get_default_device() -> cpu:
    """Return the device of all tensors, the CPU.

    >>> import minigrad as mg
    >>> mg.get_default_device()
    device(type='cpu')
    """
    return cpu("cpu")


def set_default_device(device: Any) -> None:
    """Do nothing for the CPU, or None; raise ValueError for another device.

    >>> import minigrad as mg
    >>> mg.set_default_device("cpu")
    >>> mg.zeros(2).device
    device(type='cpu')
    """
    cpu("cpu" if device is None else device)


def get_rng_state() -> Tensor:
    """Return the state of the default generator as a tensor of bytes, for `set_rng_state`.

    >>> import minigrad as mg
    >>> state = mg.get_rng_state()
    >>> first = mg.rand(2)
    >>> mg.set_rng_state(state)
    >>> mg.equal(mg.rand(2), first)
    True
    """
    state: Any = default_generator().bit_generator.state
    numbers = *state["state"].values(), state["has_uint32"], state["uinteger"]
    return Tensor.from_array(np.frombuffer(b"".join([n.to_bytes(16, "little") for n in numbers]), np.uint8).copy())


def set_rng_state(new_state: Any) -> None:
    """Set the state of the default generator to one that `get_rng_state` returned; raise ValueError for anything else.

    >>> import minigrad as mg
    >>> state = mg.get_rng_state()
    >>> first = mg.randn(2)
    >>> mg.set_rng_state(state)
    >>> mg.equal(mg.randn(2), first)
    True
    """
    given = array_of(new_state)
    state, inc, has_uint32, uinteger = (int.from_bytes(part.tobytes(), "little") for part in np.array_split(given, 4))
    if given.dtype != np.uint8 or given.shape != (64,) or has_uint32 > 1 or uinteger >= 2**32:
        raise ValueError(f"set_rng_state: needs the 64 bytes of get_rng_state(), got shape {given.shape} of {given.dtype}")
    numbers = {"state": {"state": state, "inc": inc}, "has_uint32": has_uint32, "uinteger": uinteger}
    default_generator().bit_generator.state = {"bit_generator": "PCG64", **numbers}


def seed() -> int:
    """Seed the default generator with a random number, and return it.

    >>> import minigrad as mg
    >>> number = mg.seed()
    >>> mg.initial_seed() == number
    True
    """
    number = secrets.randbits(63)
    manual_seed(number)
    return number


def initial_seed() -> int:
    """Return the number with which the default generator was seeded.

    >>> import minigrad as mg
    >>> _ = mg.manual_seed(7)
    >>> mg.initial_seed()
    7
    """
    return int(default_generator().bit_generator.seed_seq.entropy)  # type: ignore[attr-defined]


def set_float32_matmul_precision(precision: str) -> None:
    """Do nothing for "highest", "high" or "medium": products of float32 are computed in float32, the highest.

    >>> import minigrad as mg
    >>> mg.set_float32_matmul_precision("medium")
    >>> mg.get_float32_matmul_precision()
    'highest'
    """
    if precision not in ("highest", "high", "medium"):
        raise ValueError(f'set_float32_matmul_precision: must be "highest", "high" or "medium", got {precision!r}')


def get_float32_matmul_precision() -> str:
    """Return "highest".

    >>> import minigrad as mg
    >>> mg.get_float32_matmul_precision()
    'highest'
    """
    return "highest"


def use_deterministic_algorithms(mode: bool, *, warn_only: bool = False) -> None:
    """Do nothing: all algorithms are deterministic on one machine.

    >>> import minigrad as mg
    >>> mg.use_deterministic_algorithms(False)
    >>> mg.are_deterministic_algorithms_enabled()
    True
    """


def are_deterministic_algorithms_enabled() -> bool:
    """Return True.

    >>> import minigrad as mg
    >>> mg.are_deterministic_algorithms_enabled()
    True
    """
    return True


def get_num_threads() -> int:
    """Return the number of threads that functions of large arrays use.

    By default it is the number of processors that the process may use, or fewer by OPENBLAS_NUM_THREADS, MKL_NUM_THREADS or
    OMP_NUM_THREADS in the environment.

    >>> import minigrad as mg
    >>> mg.get_num_threads() >= 1
    True
    """
    return get_threads()


def set_num_threads(num: int) -> None:
    """Set the number of threads that functions of large arrays use; results have the same bits with any number.

    NumPy's BLAS, which computes matrix products, takes its own number from OPENBLAS_NUM_THREADS when it is loaded. Raises
    ValueError for a number below 1 and TypeError for anything but an integer.

    >>> import minigrad as mg
    >>> number = mg.get_num_threads()
    >>> mg.set_num_threads(1)
    >>> mg.get_num_threads()
    1
    >>> mg.set_num_threads(number)
    >>> mg.set_num_threads(0)
    Traceback (most recent call last):
    ValueError: set_num_threads: needs at least 1, got 0
    """
    if isinstance(num, bool) or not isinstance(num, int | np.integer):
        raise TypeError(f"set_num_threads: needs an integer, got {num!r}")
    if num < 1:
        raise ValueError(f"set_num_threads: needs at least 1, got {num}")
    set_threads(int(num))
