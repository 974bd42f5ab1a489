"""A small pool of threads for blocks of large arrays, and the number of threads, which is one setting of the process."""

from __future__ import annotations

import contextvars
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

__all__ = ["VARIABLES", "get_threads", "processors", "run_blocks", "set_blas_threads", "set_threads"]

VARIABLES = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS")  # where a user says how many NumPy's BLAS takes


def get_threads() -> int:
    """Return the number of threads that a call may use, its own included."""
    global _threads
    if _threads is None:
        affinity = len(processors())
        given = [int(v) for v in map(os.environ.get, VARIABLES) if v and v.isdecimal() and int(v)]
        _threads = min(affinity, *given) if given else affinity
    return _threads


def processors() -> set[int]:
    """Return the processors on which this process may run."""
    return os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set(range(os.cpu_count() or 1))


def set_blas_threads(number: int) -> bool:
    """Set the number of threads of the OpenBLAS inside NumPy's wheel; return whether it was found."""
    import ctypes
    import glob

    import numpy as np

    beside = os.path.join(os.path.dirname(os.path.dirname(np.__file__)), "numpy.libs", "*openblas*")
    inside = os.path.join(os.path.dirname(np.__file__), ".dylibs", "*openblas*")
    for path in glob.glob(beside) + glob.glob(inside):
        library = ctypes.CDLL(path)  # loaded before: this is a handle
        for name in ("scipy_openblas_set_num_threads64_", "openblas_set_num_threads64_", "openblas_set_num_threads"):
            if hasattr(library, name):
                getattr(library, name)(number)
                return True
    return False


def set_threads(number: int | None) -> None:
    """Set the number of threads; None means the default, the processors of the process or fewer by the environment."""
    global _threads, _pool
    if _pool is not None:
        _pool.shutdown(wait=False)
    _threads, _pool = number, None


def run_blocks(function: Callable[[Any], Any], blocks: Iterable[Any]) -> list[Any]:
    """Return the results of ``function(block)`` for each block, in order; the thread that calls works, too.

    The pool serves one call at a time: within a block, or while another thread uses it, the caller works alone. An error
    ends the work and is raised when no thread writes any more.
    """
    blocks = list(blocks)
    others, lock = min(get_threads(), len(blocks)) - 1, _busy
    if others < 1 or not lock.acquire(blocking=False):
        return [function(block) for block in blocks]
    results: list[Any] = [None] * len(blocks)
    waiting = deque(enumerate(blocks))

    def work() -> None:
        try:
            while waiting:
                try:
                    at, block = waiting.popleft()
                except IndexError:  # another thread took the last one
                    return
                results[at] = function(block)
        except BaseException:
            waiting.clear()
            raise

    futures: list[Any] = []
    try:
        try:
            for _ in range(others):  # a copy of the context has the caller's np.errstate
                futures.append(_started_pool().submit(contextvars.copy_context().run, work))
        except RuntimeError:  # the interpreter is shutting down, or another thread has set the number: no more helpers
            pass
        try:
            work()
        finally:
            waiting.clear()
            errors = _awaited(futures)
        if errors:
            raise errors[0]
    finally:
        lock.release()
    return results


_threads: int | None = None
_pool: Any = None
_busy = threading.Lock()


def _awaited(futures: list[Any]) -> list[BaseException]:
    """Wait for the helpers that have started; return what they raised."""
    return [error for future in futures if not future.cancel() and (error := future.exception())]


def _started_pool() -> Any:
    global _pool
    pool = _pool
    if pool is None:
        from concurrent.futures import ThreadPoolExecutor  # takes 3 ms, and large arrays alone need it

        pool = _pool = ThreadPoolExecutor(max(1, get_threads() - 1), "minigrad")
    return pool


def _forget_threads() -> None:
    """Drop what a fork copied: the child has none of the threads, and nobody releases the lock."""
    global _pool, _busy
    _pool, _busy = None, threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_threads)
