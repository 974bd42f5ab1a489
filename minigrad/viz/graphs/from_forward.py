"""What a forward does, seen while it runs: also what the tape does not record, because no gradient flows through it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from minigrad.arrays import Array, Traced
from minigrad.engine.primitive import Primitive
from minigrad.engine.scope import Scope, here, watch
from minigrad.engine.tape import Node
from minigrad.nn import Module
from minigrad.random import default_generator

__all__ = ["Call", "Recording", "unchanged"]


class Call(NamedTuple):
    """One operation: what it was called with and what it gave."""

    op: Primitive
    args: tuple[Any, ...]
    out: Array
    node: Node | None
    scope: Scope | None
    after: int  # the number of the newest node then
    seconds: float | None


class Recording:
    """The operations of one run of a function. It holds their arrays, and so is dropped once a picture is made."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.by_number: dict[int, Call] = {}
        self.by_array: dict[int, Call] = {}  # id of the result of an operation that has no node
        self._positions: dict[int, int] = {}

    @classmethod
    def of(cls, function: Callable[[], Any], timed: bool = False) -> tuple[Recording, Any]:
        """Run a function and see every operation; gives what it returned, too."""
        recording = cls()
        newest = -1

        def see(op: Primitive, args: tuple[Any, ...], out: Array, node: Node | None) -> None:
            nonlocal newest
            nodes = [node, *(arg.node for arg in args if isinstance(arg, Traced))]
            newest = max(newest, *(known.number for known in nodes if known is not None), -1)
            call = Call(op, args, out, node, here.scope, newest, _seconds(op, args) if timed else None)
            recording._positions[id(call)] = len(recording.calls)
            recording.calls.append(call)
            if node:
                recording.by_number[node.number] = call
            else:
                recording.by_array[id(out)] = call

        with watch(see):
            result = function()
        return recording, result

    def position(self, call: Call) -> int:
        """How many operations were seen before this one."""
        return self._positions[id(call)]


@contextmanager
def unchanged(model: Module) -> Iterator[None]:
    """Let a ``with`` block run a model and leave its buffers, and the library's random numbers, as they were."""
    generator = default_generator()
    state = generator.bit_generator.state
    buffers = [(buffer, buffer.array.copy()) for buffer in model.buffers()]
    try:
        yield
    finally:
        generator.bit_generator.state = state
        for buffer, array in buffers:
            buffer.replace_array(array)


def _seconds(op: Primitive, args: tuple[Any, ...]) -> float:
    """How long the operation itself takes: the faster of two more runs on the same arrays."""
    arrays = [arg.array if isinstance(arg, Traced) else arg for arg in args]
    times = []
    for _ in range(2):
        started = time.perf_counter()
        op.forward(*arrays)
        times.append(time.perf_counter() - started)
    return min(times)
