"""Worker processes of a DataLoader: they read items and make batches while this process computes."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import queue
import random
import signal
import sys
import threading
import traceback
import weakref
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any

import numpy as np

from minigrad.data.fetching import Fetcher
from minigrad.kernels.threads import set_threads
from minigrad.random import manual_seed

__all__ = ["WorkerInfo", "Workers", "get_worker_info"]

PATIENCE = 5  # seconds that a worker has to finish its item when the iteration ends


@dataclass(frozen=True)
class WorkerInfo:
    """What a worker knows of itself: its number, of how many, its seed, and its copy of the dataset."""

    id: int
    num_workers: int
    seed: int
    dataset: Any


def get_worker_info() -> WorkerInfo | None:
    """Return what this worker process knows of itself (`id`, `num_workers`, `seed`, `dataset`); None in the main process.

    An iterable dataset divides its items by it, since each worker iterates over a copy of its own.

    >>> get_worker_info() is None
    True
    """
    return _info


class Workers:
    """Processes that make the batches of a fetcher, and a thread that receives what they have made.

    Batches are requested from one worker after the other. Their arrays come through pipes, outside of what is pickled, and
    are copied once on each side. A process that ends by itself, and an exception in one, end the iteration. `close()` ends
    the processes, and so does the end of the program or of the last reference.
    """

    def __init__(
        self,
        fetcher: Fetcher,
        number: int,
        seed: int,
        *,
        stream: tuple[int, bool] | None,
        initialize: Callable[[int], None] | None,
        context: Any,
    ):
        context = multiprocessing.get_context(context) if context is None or isinstance(context, str) else context
        self.processes: list[Any] = []
        self.connections: list[Connection] = []
        self.close = weakref.finalize(self, _end, self.processes, self.connections, os.getpid())
        self._received: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._asked = self._epoch = 0
        try:
            for i in range(number):
                here, there = context.Pipe()
                self.connections.append(here)
                info = WorkerInfo(i, number, seed + i, fetcher.dataset)
                process = context.Process(
                    target=_work, args=(there, here, info, fetcher, stream, initialize), daemon=True,
                    name=f"DataLoader worker {i}",
                )  # fmt: skip
                process.start()
                there.close()
                self.processes.append(process)
        except BaseException as error:
            self.close()
            if context.get_start_method() != "fork" and not isinstance(error, KeyboardInterrupt):
                error.add_note(
                    f"DataLoader: while a worker was started by {context.get_start_method()!r}, for which the dataset and "
                    "the functions of the loader must be picklable: no lambdas, and nothing defined inside a function"
                )
            raise
        args = (list(self.connections), self._received)
        threading.Thread(target=_receive, args=args, daemon=True, name="DataLoader").start()

    def batches(self, requests: Iterator[Any], ahead: int, timeout: float, in_order: bool) -> Iterator[Any]:
        """Yield the batches of the requests; for each worker up to `ahead` of them are requested in advance.

        A request is an array of indices, or None for the next batch of a stream; a worker whose stream has ended gets no
        further ones.
        """
        self._epoch += 1
        rotation = deque(range(len(self.processes)))
        pending: dict[int, int] = {}  # the worker of each requested batch, in the order of the requests
        made: dict[int, Any] = {}

        def ask() -> None:
            if rotation:
                for request in requests:
                    self._asked += 1
                    pending[self._asked] = rotation[0]
                    self._send(rotation[0], (self._asked, self._epoch, request))
                    rotation.rotate(-1)
                    return

        for _ in range(ahead * len(self.processes)):
            ask()
        while pending:
            first = next(iter(pending))
            while (number := first if in_order else next(iter(made), first)) not in made:
                worker, message = self._next(timeout)
                if message is None:
                    raise self._death(worker)
                if message.number in pending:  # an iteration that was given up leaves some
                    made[message.number] = message
            worker, message = pending.pop(number), made.pop(number)
            if message.kind == "end" and worker in rotation:
                rotation.remove(worker)
            ask()
            if message.kind == "error":
                raise _raised(worker, *message.content())
            if message.kind == "batch":
                yield message.content()

    def _send(self, worker: int, request: Any) -> None:
        with suppress(OSError):  # the worker has ended, which is noticed when its batch is waited for
            self.connections[worker].send(request)

    def _next(self, timeout: float) -> tuple[int, Any]:
        try:
            return self._received.get(timeout=timeout or None)
        except queue.Empty:
            raise RuntimeError(
                f"DataLoader: no batch came from {len(self.processes)} workers within timeout={timeout:g} seconds\n"
                "  hint: a longer timeout, or num_workers=0 to see where the time goes"
            ) from None

    def _death(self, worker: int) -> RuntimeError:
        process = self.processes[worker]
        process.join(PATIENCE)
        code = process.exitcode
        how = f"exited with code {code}"
        hint = "num_workers=0 shows what it does"
        if code is not None and code < 0:
            how, hint = f"was killed by {signal.Signals(-code).name}", "if memory ran out, fewer workers or smaller batches"
        return RuntimeError(f"DataLoader: worker {worker} (process {process.pid}) {how}\n  hint: {hint}")


_info: WorkerInfo | None = None


@dataclass(frozen=True)
class _Message:
    """What a worker made: a batch, an exception with its traceback, or word that its stream has ended."""

    number: int
    kind: str
    pickled: bytes
    buffers: list[Any]

    def content(self) -> Any:
        return pickle.loads(self.pickled, buffers=self.buffers)  # from a process of our own


class _WorkerTraceback(Exception):
    """The cause of an exception that a worker raised: shown with it."""

    def __str__(self) -> str:
        return f'\n"""\n{self.args[0]}"""'


def _end(processes: list[Any], connections: list[Connection], owner: int) -> None:
    """Ask the processes to end; each may finish its item, for some seconds. In a fork of their owner, nothing is done."""
    if os.getpid() != owner:
        return
    for connection in connections:
        with suppress(OSError):
            connection.send(None)
    for process in processes:
        process.join(PATIENCE)
        if process.exitcode is None:
            process.kill()
            process.join()


def _raised(worker: int, error: Exception, text: str) -> Exception:
    error.__cause__ = _WorkerTraceback(text)
    error.add_note(f"DataLoader: raised in worker {worker}")
    return error


def _receive(connections: list[Connection], received: queue.SimpleQueue[Any]) -> None:
    """Pass on (worker, message) until all processes have ended; the message of a process that has ended is None."""
    numbers = {connection: i for i, connection in enumerate(connections)}
    while numbers:
        for ready in wait(list(numbers)):
            connection: Any = ready
            try:
                number, kind, pickled, sizes = pickle.loads(connection.recv_bytes())
                buffers = [np.empty(size, np.uint8) for size in sizes]
                for buffer in buffers:
                    _read_memory(connection, buffer.data)
                received.put((numbers[connection], _Message(number, kind, pickled, buffers)))
            except (EOFError, OSError):
                received.put((numbers.pop(connection), None))


def _work(
    connection: Connection,
    other_end: Connection,
    info: WorkerInfo,
    fetcher: Fetcher,
    stream: tuple[int, bool] | None,
    initialize: Callable[[int], None] | None,
) -> None:
    """Make batches until the main process says None or has ended; this runs in a worker."""
    global _info
    other_end.close()  # with a copy here, the end of the main process would not end the connection
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the main process decides what an interrupt means
    set_threads(1)
    manual_seed(info.seed)
    random.seed(info.seed)
    np.random.seed(info.seed % 2**32)  # noqa: NPY002  a copy of the main process's state would be the same in all workers
    _info = info
    failure: Exception | None = None
    try:
        if initialize is not None:
            initialize(info.id)
    except Exception as error:
        failure = error
    requests: deque[Any] = deque()
    batches: Any = None
    current = 0
    try:
        while True:
            while not requests or connection.poll():  # the last request may be the end, whatever comes before it
                requests.append(connection.recv())
            if requests[-1] is None:
                return
            number, epoch, indices = requests.popleft()
            try:
                if failure is not None:
                    raise failure
                if stream is None:
                    kind, content = "batch", fetcher.batch(indices)
                else:
                    if epoch != current:
                        batches, current = fetcher.stream(*stream), epoch
                    content = next(batches, _END)
                    kind = "end" if content is _END else "batch"
                message = _packed(number, kind, None if kind == "end" else content)
            except Exception as error:
                message = _packed_error(number, error)
            connection.send_bytes(message[0])
            for part in message[1:]:
                _write_memory(connection, part)
    except (EOFError, BrokenPipeError, ConnectionResetError):  # the main process has ended
        return


_END = object()


def _packed(number: int, kind: str, content: Any) -> list[Any]:
    """Return the parts of a message: a header, and then the memory of each array as it is."""
    buffers: list[pickle.PickleBuffer] = []
    pickled = pickle.dumps(content, protocol=5, buffer_callback=buffers.append)
    parts = [buffer.raw() for buffer in buffers]
    return [pickle.dumps((number, kind, pickled, [part.nbytes for part in parts])), *parts]


def _write_memory(connection: Connection, part: memoryview) -> None:
    if sys.platform == "win32":
        connection.send_bytes(part)
        return
    while part.nbytes:
        part = part[os.write(connection.fileno(), part) :]


def _read_memory(connection: Connection, part: memoryview) -> None:
    """Fill memory from a connection, without the two copies of its own ``recv_bytes_into``."""
    if sys.platform == "win32":
        connection.recv_bytes_into(part)
        return
    while part.nbytes:
        count = os.readv(connection.fileno(), [part])
        if not count:
            raise EOFError
        part = part[count:]


def _packed_error(number: int, error: Exception) -> list[Any]:
    text = "".join(traceback.format_exception(error))
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:  # an exception with other arguments than its constructor's
        error = RuntimeError(f"{type(error).__name__}: {error}")
    return _packed(number, "error", (error, text))
