"""A small pool of threads for blocks of large arrays, and the number of threads, which is one setting of the process."""

from __future__ import annotations

import contextvars
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable
from functools import partial
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
    global _threads, _helpers
    for helper in _helpers:
        helper.given.put(None)
    _threads, _helpers = number, []


def run_blocks(function: Callable[[Any], Any], blocks: Iterable[Any]) -> list[Any]:
    """Return the results of ``function(block)`` for each block, in order; the thread that calls works, too.

    The helpers serve one call at a time: within a block, or while another thread uses them, the caller works alone. An error
    ends the work and is raised when no thread writes any more.
    """
    blocks = list(blocks)
    others = min(get_threads(), len(blocks)) - 1
    held: list[bool] = []
    lock = _busy
    try:
        if others > 0:
            held += map(lock.acquire, NOT_BLOCKING)  # no call of its own, after which an interrupt could come
        return _shared(function, blocks, others) if True in held else [function(block) for block in blocks]
    finally:
        if True in held:
            lock.release()


def _shared(function: Callable[[Any], Any], blocks: list[Any], others: int) -> list[Any]:
    """Return the results of all blocks, computed by this thread and some helpers."""
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

    given: list[tuple[_Helper, Any]] = []
    try:
        for helper in _started(others):  # a copy of the context has the caller's np.errstate
            task = partial(contextvars.copy_context().run, work)
            helper.given.put(task)
            given.append((helper, task))  # behind `put`: nobody ends what was not given
        work()
    finally:
        waiting.clear()
        errors = _awaited(given)
    if errors:
        raise errors[0]
    return results


class _Helper:
    """A thread that runs what it is given; a daemon, since nothing waits for it when the program ends.

    The futures of concurrent.futures own small blocks of the C library's memory that the other thread frees. They lay
    between the arrays of `keep_memory`, and leaky_relu of 512x1024 numbers took 30 MB instead of 2.
    """

    def __init__(self) -> None:
        from queue import Empty, SimpleQueue  # large arrays alone need them

        self.empty, self.given, self.ended = Empty, SimpleQueue[Any](), SimpleQueue[Any]()
        threading.Thread(target=self.serve, name="minigrad", daemon=True).start()

    def serve(self) -> None:
        """Run tasks and put each beside the error that it raised, or None, until None is given."""
        while (task := self.given.get()) is not None:
            error = None
            try:
                task()
            except BaseException as raised:
                error = raised
            self.ended.put((task, error))
            del task, error  # the arrays belong to the caller

    def end(self, task: Any) -> BaseException | None:
        """Take a task back, or wait until it has ended; return what it raised.

        What an interrupted call has left in the queues is dropped on the way.
        """
        try:
            while (taken := self.given.get_nowait()) is not task:
                if taken is None:  # another thread has changed the number: the helper ends after this
                    self.given.put(None)
                    break
            else:
                return None
        except self.empty:
            pass
        while True:
            ended, error = self.ended.get()
            if ended is task:
                return error


_threads: int | None = None
_helpers: list[_Helper] = []
_busy = threading.Lock()
NOT_BLOCKING = (False,)


def _started(count: int) -> list[_Helper]:
    """Return that many helpers, or as many as can be started: none while the interpreter shuts down."""
    try:
        while len(_helpers) < count:
            _helpers.append(_Helper())
    except RuntimeError:
        pass
    return _helpers[:count]


def _awaited(given: list[tuple[_Helper, Any]]) -> list[BaseException]:
    """End what was given to helpers; return what they raised."""
    return [error for helper, task in given if (error := helper.end(task)) is not None]


def _forget_threads() -> None:
    """Drop what a fork copied: the child has none of the threads, and nobody releases the lock."""
    global _helpers, _busy
    _helpers, _busy = [], threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_threads)
