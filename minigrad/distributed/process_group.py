"""The group of all ranks: start, end, waiting for each other without hanging, and failing together."""

from __future__ import annotations

import atexit
import sys
import time
import traceback
import zlib
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import numpy as np

from minigrad.distributed.launch import divide_threads, load_mpi

__all__ = [
    "ProcessGroup", "Work", "abort", "destroy_process_group", "get_backend", "get_rank", "get_world_size",
    "init_process_group", "is_first", "is_initialized", "is_joined", "process_group",
]  # fmt: skip

TIMEOUT = timedelta(minutes=30)
BUSY = 0.0005  # seconds of waiting without a pause
PAUSE = 0.0002
GRACE = 0.5  # seconds in which what a rank has sent or written before it left still arrives
TEXT = 400  # bytes of the name of an operation that other ranks are shown
RULE = "\n  rule    all ranks call the same operations, equally often; batches of data are the usual difference"


class ProcessGroup:
    """The ranks that MPI has started, with two communicators: one for operations, one for what goes wrong."""

    def __init__(self, mpi: Any, timeout: timedelta, generation: int):
        self.mpi, self.seconds, self.generation = mpi, timeout.total_seconds(), generation
        self.world, self.control = mpi.COMM_WORLD.Dup(), mpi.COMM_WORLD.Dup()
        self.rank, self.size = self.world.Get_rank(), self.world.Get_size()
        self.waited = 0.0  # seconds in which this rank waited for operations to finish
        self.works: set[Work] = set()  # those that nobody has waited for: MPI writes into their buffers

    def wait(self, request: Any, what: str) -> None:
        """Wait for a request of MPI.

        Raises RuntimeError if a rank has left, or after the timeout of the group.
        """
        if request.Test():
            return
        started = time.perf_counter()
        left: tuple[int, float] | None = None
        while not request.Test():
            spent = time.perf_counter() - started
            time.sleep(0 if spent < BUSY else PAUSE)
            if left is None and spent > BUSY and (rank := self._departed()) is not None:
                left = rank, spent
            if left is not None and spent > left[1] + GRACE:
                raise RuntimeError(
                    f"{what}: rank {self.rank} waits for rank {left[0]}, whose program has ended or left the group{RULE}"
                )
            if spent > self.seconds:
                raise RuntimeError(
                    f"{what}: rank {self.rank} has waited {spent:.0f} s for other ranks, the timeout of the group{RULE}"
                )
        self.waited += time.perf_counter() - started

    def agreeing(self, what: str) -> Callable[[], None]:
        """Begin to compare the name of an operation with those on the other ranks; return a function that completes it.

        That function raises RuntimeError, on every rank, if the ranks are about to do different things.
        """
        digest = zlib.crc32(what.encode())
        mine = np.array([digest, -digest], np.int64)
        largest = np.empty_like(mine)
        request = self.world.Iallreduce(mine, largest, self.mpi.MAX)

        def complete() -> None:
            self.wait(request, what)
            if largest[0] != -largest[1]:
                self._disagree(what)

        return complete

    def agree(self, what: str) -> None:
        """Return when every rank is about to do `what`; raise RuntimeError if one does something else."""
        self.agreeing(what)()

    def leave(self) -> None:
        """Tell the other ranks not to wait for this one any more."""
        for other in range(self.size):
            if other != self.rank:
                self.control.Isend([b"", self.mpi.BYTE], other, self.generation)

    def _departed(self) -> int | None:
        """Return a rank that has left the group, if there is one."""
        status = self.mpi.Status()
        there = self.control.Iprobe(self.mpi.ANY_SOURCE, self.generation, status)
        return status.Get_source() if there else None

    def _disagree(self, what: str) -> None:
        name = what.encode()
        mine = np.frombuffer(zlib.crc32(name).to_bytes(4, "big") + name[:TEXT].ljust(TEXT), np.uint8)
        texts = np.empty((self.size, len(mine)), np.uint8)
        self.wait(self.control.Iallgather(mine, texts), what)
        names = [text[4:].tobytes().decode(errors="replace").strip() for text in texts]
        other = next(rank for rank, text in enumerate(texts) if (text != mine).any())  # perhaps behind what is shown
        lines = "".join(f"\n  rank {rank}  {name}" for rank, name in enumerate(names[:16]))
        raise RuntimeError(
            f"{what}: rank {self.rank} is at this operation, rank {other} at another: {names[other]}{lines}{RULE}"
        )


class Work:
    """An operation that runs in the background: the result of ``async_op=True``; `wait` completes it.

    >>> import minigrad as mg
    >>> work = mg.distributed.all_reduce(mg.ones(2), async_op=True)  # doctest: +SKIP
    >>> work.wait()  # doctest: +SKIP
    True
    """

    def __init__(self, group: ProcessGroup, what: str, request: Any, finish: Callable[[], None]):
        self._group, self._what, self._request, self._finish = group, what, request, finish
        group.works.add(self)

    def wait(self, timeout: timedelta | None = None) -> bool:
        """Return True when the operation is complete and its tensors hold the results."""
        if self in self._group.works:
            self._group.wait(self._request, self._what)
            self._group.works.discard(self)
            self._finish()
        return True

    def is_completed(self) -> bool:
        """Return whether the operation is complete; `wait` then returns at once."""
        return self not in self._group.works or bool(self._request.Test())


_group: ProcessGroup | None = None
_generation = 0


def init_process_group(
    backend: str | None = None,
    init_method: str | None = None,
    timeout: timedelta | None = None,
    world_size: int = -1,
    rank: int = -1,
    store: Any = None,
    group_name: str = "",
    pg_options: Any = None,
    device_id: Any = None,
) -> None:
    """Join the ranks that mpiexec has started; ``init_process_group("mpi")`` on each of them.

    The processors of a machine are divided among its ranks, unless OPENBLAS_NUM_THREADS or the like is set. From now on an
    uncaught exception ends all ranks. A rank that waits longer than `timeout` (30 minutes) for another raises RuntimeError.
    `world_size` and `rank`, if given, must be those of MPI; the last four arguments are ignored.

    Raises ValueError for another backend, another number of ranks, or if the group exists; ModuleNotFoundError without
    mpi4py; ImportError if the launcher belongs to another MPI.

    >>> import minigrad as mg
    >>> mg.distributed.init_process_group("nccl")
    Traceback (most recent call last):
    ValueError: init_process_group: the backend must be "mpi", got 'nccl'
      hint: init_process_group("mpi"), in a program started by mpiexec
    """
    global _group, _generation
    if backend not in (None, "mpi"):
        raise ValueError(
            f'init_process_group: the backend must be "mpi", got {backend!r}\n'
            '  hint: init_process_group("mpi"), in a program started by mpiexec'
        )
    if init_method not in (None, "env://") or store is not None:
        given = f"init_method={init_method!r}" if store is None else "a store"
        raise ValueError(f"init_process_group: mpiexec connects the ranks, got {given}\n  hint: leave it out")
    if timeout is not None and not timeout > timedelta(0):
        raise ValueError(f"init_process_group: timeout must be a positive timedelta, got {timeout!r}")
    if _group is not None:
        raise ValueError("init_process_group: the group exists already\n  hint: destroy_process_group() ends it")
    mpi = load_mpi((timeout or TIMEOUT).total_seconds())
    world = mpi.COMM_WORLD
    wanted, found = (world_size, rank), (world.Get_size(), world.Get_rank())
    for number, given in enumerate(world.allgather(wanted)):  # on all ranks: none waits for one that raises
        for name, value, right in zip(("world_size", "rank"), given, (found[0], number), strict=True):
            if value not in (-1, right):
                where = "" if number == found[1] else f" on rank {number}"
                raise ValueError(
                    f"init_process_group: {name} is {value}{where}, but MPI says {right}\n"
                    f"  hint: mpiexec -n N starts N ranks; leave {name} out"
                )
    _generation += 1
    _group = ProcessGroup(mpi, timeout or TIMEOUT, _generation)
    divide_threads(mpi.COMM_WORLD.Split_type(mpi.COMM_TYPE_SHARED))
    if sys.excepthook is sys.__excepthook__:
        sys.excepthook = _fail
    atexit.register(destroy_process_group)


def destroy_process_group(group: Any = None) -> None:
    """Leave the group: ranks that still wait for this one end with an error. Also done when the program ends.

    >>> import minigrad as mg
    >>> mg.distributed.destroy_process_group()
    """
    global _group
    if _group is None:
        return
    left, _group = _group, None
    left.leave()
    if sys.excepthook is _fail:
        sys.excepthook = sys.__excepthook__
    atexit.unregister(destroy_process_group)


def process_group(what: str) -> ProcessGroup:
    """Return the group; raise ValueError, in the name of the operation `what`, if there is none."""
    if _group is None:
        raise ValueError(
            f"{what}: this process has not joined the others\n"
            '  hint: call distributed.init_process_group("mpi") first, in a program started by mpiexec -n N'
        )
    return _group


def is_initialized() -> bool:
    """Return whether this process has joined the others: between `init_process_group` and `destroy_process_group`.

    >>> import minigrad as mg
    >>> mg.distributed.is_initialized()
    False
    """
    return _group is not None


def is_joined() -> bool:
    """Return whether there are other ranks."""
    return _group is not None and _group.size > 1


def is_first() -> bool:
    """Return whether this process is rank 0, or alone: the one that prints and writes files."""
    return _group is None or _group.rank == 0


def get_rank(group: Any = None) -> int:
    """Return the number of this process, 0 to `get_world_size()` - 1. Raises ValueError without a process group.

    >>> import minigrad as mg
    >>> mg.distributed.get_rank()
    Traceback (most recent call last):
    ValueError: get_rank: this process has not joined the others
      hint: call distributed.init_process_group("mpi") first, in a program started by mpiexec -n N
    """
    return process_group("get_rank").rank


def get_world_size(group: Any = None) -> int:
    """Return the number of processes. Raises ValueError without a process group; see `get_rank`.

    >>> import minigrad as mg
    >>> mg.distributed.get_world_size()  # doctest: +SKIP
    2
    """
    return process_group("get_world_size").size


def get_backend(group: Any = None) -> str:
    """Return "mpi". Raises ValueError without a process group; see `get_rank`.

    >>> import minigrad as mg
    >>> mg.distributed.get_backend()  # doctest: +SKIP
    'mpi'
    """
    process_group("get_backend")
    return "mpi"


def abort(code: int) -> None:
    """End all ranks at once, with this exit code; do nothing without a group of several ranks."""
    if _group is not None and is_joined():
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        time.sleep(GRACE)  # MPICH's launcher drops what it has not read yet: without a pause, 5 of 60 tracebacks were lost
        _group.mpi.COMM_WORLD.Abort(code)


def _fail(kind: type[BaseException], error: BaseException, trace: Any) -> None:
    """Print the traceback of an uncaught exception with the number of the rank, and end all ranks."""
    rank = 0 if _group is None else _group.rank
    text: Sequence[str] = traceback.format_exception(kind, error, trace)
    sys.stderr.write("".join(f"[rank {rank}] {line}\n" for part in text for line in part.rstrip("\n").split("\n")))
    abort(130 if issubclass(kind, KeyboardInterrupt) else 1)
