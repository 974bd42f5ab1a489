"""Recording of a forward while it runs, with the operations that the tape leaves out because no gradient flows there."""

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
    """One operation with its arguments and its result; it can be read like a node of the tape."""

    primitive: Primitive
    args: tuple[Any, ...]
    out: Array
    node: Node | None
    scope: Scope | None
    after: int  # the number of the newest node then
    position: int  # how many operations were seen before this one
    seconds: float | None

    @property
    def parents(self) -> tuple[None, ...]:
        return (None,) * len(self.args)

    @property
    def shape(self) -> tuple[int, ...]:
        return self.out.shape

    @property
    def dtype(self) -> Any:
        return self.out.dtype


class Recording:
    """The operations of one run of a function. It holds their arrays, and so is dropped once a picture is made."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.by_number: dict[int, Call] = {}
        self.by_array: dict[int, Call] = {}  # id of the result of an operation that has no node

    @classmethod
    def run(cls, function: Callable[[], Any], timed: bool = False) -> tuple[Recording, Any]:
        """Run a function and record every operation; return the recording, and the function's result."""
        recording = cls()
        newest = -1

        def see(op: Primitive, args: tuple[Any, ...], out: Array, node: Node | None) -> None:
            nonlocal newest
            nodes = [node, *(arg.node for arg in args if isinstance(arg, Traced))]
            newest = max(newest, *(known.number for known in nodes if known is not None), -1)
            seconds = _seconds(op, args) if timed else None
            call = Call(op, args, out, node, here.scope, newest, len(recording.calls), seconds)
            recording.calls.append(call)
            if node:
                recording.by_number[node.number] = call
            else:
                recording.by_array[id(out)] = call

        with watch(see):
            result = function()
        return recording, result


@contextmanager
def unchanged(model: Module) -> Iterator[None]:
    """Restore the buffers of a model, and the state of the library's random numbers, after a ``with`` block that runs it."""
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
    """Return the duration of the operation itself: the faster of two more runs on the same arrays."""
    arrays = [arg.array if isinstance(arg, Traced) else arg for arg in args]
    times = []
    for _ in range(2):
        started = time.perf_counter()
        op.forward(*arrays)
        times.append(time.perf_counter() - started)
    return min(times)
