"""Distributed training: there is none, one process trains alone."""

from __future__ import annotations

from typing import Any, NoReturn

__all__ = [
    "DistributedSampler", "all_gather", "all_reduce", "barrier", "broadcast", "destroy_process_group", "get_rank",
    "get_world_size", "init_process_group", "is_available", "is_initialized", "is_torchelastic_launched", "reduce",
]  # fmt: skip


def is_available() -> bool:
    """Return False.

    >>> import minigrad as mg
    >>> mg.distributed.is_available() and mg.distributed.is_initialized()
    False
    """
    return False


is_initialized = is_torchelastic_launched = is_available


def init_process_group(*args: Any, **options: Any) -> NoReturn:
    """Raise RuntimeError, as all functions do that need other processes.

    >>> import minigrad as mg
    >>> mg.distributed.init_process_group("gloo")
    Traceback (most recent call last):
    RuntimeError: distributed: minigrad trains in one process
      hint: ask distributed.is_available() first
    """
    raise RuntimeError("distributed: minigrad trains in one process\n  hint: ask distributed.is_available() first")


get_rank = get_world_size = barrier = all_reduce = all_gather = broadcast = reduce = init_process_group
destroy_process_group = DistributedSampler = init_process_group
