"""CUDA and other accelerators: there are none, and what only waits for them or cleans up after them does nothing."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, NoReturn

from minigrad.compat.amp import GradScaler, autocast, unchanged

__all__ = [
    "amp", "current_device", "device_count", "empty_cache", "get_device_name", "get_device_properties", "init",
    "is_available", "is_bf16_supported", "is_initialized", "manual_seed", "manual_seed_all", "max_memory_allocated",
    "memory_allocated", "memory_reserved", "reset_peak_memory_stats", "set_device", "synchronize",
]  # fmt: skip

# PyTorch's module without a device type; the options of both are those of `compat.amp`.
amp = SimpleNamespace(
    autocast=lambda enabled=True, dtype=None, cache_enabled=True: autocast("cuda", dtype, enabled),
    GradScaler=GradScaler,
    custom_fwd=unchanged,
    custom_bwd=unchanged,
)


def is_available() -> bool:
    """Return False: minigrad computes on the CPU.

    >>> import minigrad as mg
    >>> mg.device("cuda" if mg.cuda.is_available() else "cpu")
    device(type='cpu')
    """
    return False


is_initialized = is_bf16_supported = is_available


def device_count() -> int:
    """Return 0.

    >>> import minigrad as mg
    >>> mg.cuda.device_count()
    0
    """
    return 0


def empty_cache() -> None:
    """Do nothing: there is no memory of a device.

    >>> import minigrad as mg
    >>> mg.cuda.empty_cache()
    """


def synchronize(device: Any = None) -> None:
    """Do nothing: there is no device to wait for.

    >>> import minigrad as mg
    >>> mg.cuda.synchronize()
    """


def memory_allocated(device: Any = None) -> int:
    """Return 0, the bytes on a device.

    >>> import minigrad as mg
    >>> mg.cuda.memory_allocated()
    0
    """
    return 0


init = reset_peak_memory_stats = synchronize
max_memory_allocated = memory_reserved = memory_allocated


def manual_seed(seed: int) -> None:
    """Do nothing: there is no generator on a device; `minigrad.manual_seed` seeds the one there is.

    >>> import minigrad as mg
    >>> mg.cuda.manual_seed(0)
    """


manual_seed_all = manual_seed


def current_device(device: Any = None) -> NoReturn:
    """Raise RuntimeError: there is no device.

    >>> import minigrad as mg
    >>> mg.cuda.current_device()
    Traceback (most recent call last):
    RuntimeError: cuda: minigrad computes on the CPU, there is no device
      hint: ask cuda.is_available() first
    """
    raise RuntimeError("cuda: minigrad computes on the CPU, there is no device\n  hint: ask cuda.is_available() first")


get_device_name = get_device_properties = set_device = current_device


def _refuse(self: object, *args: Any, **options: Any) -> NoReturn:
    raise RuntimeError(
        f"cuda.{type(self).__name__}: minigrad computes on the CPU\n  hint: use minigrad.{type(self).__name__}"
    )


def __getattr__(name: str) -> Any:
    if name.endswith("Tensor") and name[0].isalpha():  # FloatTensor and the like: no tensor is one
        globals()[name] = type(name, (), {"__init__": _refuse})
        return globals()[name]
    raise AttributeError(f"cuda has no {name!r}: minigrad computes on the CPU", name=name)
