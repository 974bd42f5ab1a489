"""Reducer: averages the gradients of parameters over the ranks while backward still runs.

Parameters are divided into buckets in reverse order, roughly the order in which their gradients are complete. A full bucket
is reduced by a non-blocking operation of MPI (Li et al., 2020, "PyTorch Distributed"). At the end of backward the rank waits
for all of them, and the averages replace `.grad`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minigrad.arrays import Array, array_of
from minigrad.distributed.collectives import all_gather_object, broadcast, broadcast_object_list
from minigrad.distributed.process_group import process_group
from minigrad.engine.arrivals import hooks_on_arrival
from minigrad.engine.handles import RemovableHandle
from minigrad.errors import GraphError
from minigrad.tensors.tensor import Tensor

__all__ = ["Reducer"]

MEGABYTE = 2**20
FIRST = 1 * MEGABYTE  # bytes of the first bucket: small, so that communication begins early
SHOWN = 5  # names in a message


class Reducer:
    """Average the gradients of named parameters in each backward while `enabled`, weighted by `weight` (1/ranks).

    On construction the parameters of rank 0, and `buffers`, are copied to the other ranks. All ranks then run backward
    equally often; a gradient is the weighted sum over the ranks of `.grad` before, if there is one, and what backward has
    added. `owner` is the name in messages. `close` ends it.

    Raises ValueError, on every rank, if names, shapes or dtypes of the parameters differ between ranks. Backward raises
    RuntimeError if a parameter receives no gradient, unless `find_unused`: it then counts as zero, and a parameter that
    received none on any rank keeps its `.grad`.
    """

    def __init__(
        self,
        parameters: Sequence[tuple[str, Tensor]],
        buffers: Sequence[tuple[str, Tensor]] = (),
        *,
        megabytes: float = 25,
        find_unused: bool = False,
        owner: str = "Reducer",
    ):
        self._group = group = process_group(owner)
        _compare([*parameters, *buffers], owner)
        for _, tensor in (*parameters, *buffers):
            broadcast(tensor)
        self._comm = group.world.Dup()
        self._find_unused, self._owner = find_unused, owner
        self.enabled = True
        self.weight = 1 / group.size
        self.backwards = 0  # how many have begun
        self._parameters = [(name, p) for name, p in parameters if p.requires_grad]
        self._buckets: list[_Bucket] = []
        self._homes: list[tuple[_Bucket, int]] = []  # of each parameter: its bucket, and the position in it
        limit = min(FIRST, largest := int(megabytes * MEGABYTE))
        for _, p in reversed(self._parameters):
            last = self._buckets[-1] if self._buckets else None
            if last is None or last.bytes >= limit or last.dtype != p.dtype:
                limit = limit if last is None else largest
                self._buckets.append(last := _Bucket(p.dtype))
            self._homes.append(last.add(p))
        self._homes.reverse()
        self._arrived: set[int] = set()  # parameters whose gradients have arrived in this backward
        self._launched = 0  # buckets
        self._complete: Callable[[], None] | None = None  # the comparison of what the ranks are about to do
        self._handles = []
        for i, (_, p) in enumerate(self._parameters if group.size > 1 else ()):
            leaf: Any = p.node
            self._handles += [
                RemovableHandle(hooks_on_arrival(leaf), lambda g, i=i: self._arrive(i, g)),
                p.register_post_accumulate_grad_hook(lambda p: self._finish()),
            ]

    def close(self) -> None:
        """Stop averaging: backward is that of one process again."""
        for handle in self._handles:
            handle.remove()

    def _arrive(self, i: int, g: Any) -> None:
        """Copy a gradient into its bucket, and begin to reduce the buckets that are full."""
        if i in self._arrived:  # the walk before this one has failed
            self._discard()
        if not self._arrived:
            self.backwards += 1
            if self.enabled:
                self._complete = self._group.agreeing(f"{self._owner}: backward number {self.backwards}")
        self._arrived.add(i)
        if not self.enabled:
            return
        if isinstance(g, Tensor):
            raise GraphError(f"{self._owner}: averages are not recorded\n  hint: leave create_graph out, or use no_sync()")
        self._put(i, g)
        self._launch()
        for bucket in self._buckets[: self._launched]:
            bucket.request.Test()  # MPI works while it is called

    def _put(self, i: int, g: Array | None) -> None:
        bucket, at = self._homes[i]
        former = self._parameters[i][1].grad
        parts = [part for part in (g, None if former is None else array_of(former)) if part is not None]
        bucket.put(at, parts, self.weight)

    def _launch(self) -> None:
        while self._launched < len(self._buckets) and self._buckets[self._launched].full:
            bucket = self._buckets[self._launched]
            bucket.request = self._comm.Iallreduce(bucket.values, bucket.total, self._group.mpi.SUM)
            self._launched += 1

    def _finish(self) -> None:
        """Wait for all buckets, and replace the gradients; called for each parameter, and done at the first."""
        arrived, self._arrived = self._arrived, set()
        if self._complete is None:
            return
        what, complete, self._complete = f"{self._owner}: backward number {self.backwards}", self._complete, None
        complete()
        missing = [i for i in range(len(self._parameters)) if i not in arrived]
        for i in missing:
            self._put(i, None)
        self._launch()
        if missing and not self._find_unused:
            self._wait(what)
            self._forget()
            names = ", ".join(self._parameters[i][0] for i in missing[:SHOWN]) + ", ..." * (len(missing) > SHOWN)
            raise RuntimeError(
                f"{what}: {len(missing)} of {len(self._parameters)} parameters received no gradient on rank "
                f"{self._group.rank}: {names}\n"
                "  rule    all parameters take part in every backward, on every rank\n"
                "  hint: find_unused_parameters=True, or requires_grad_(False) before they are wrapped"
            )
        used = np.ones(len(self._parameters), np.int8)
        if self._find_unused:
            used[missing] = 0
            self._group.wait(self._comm.Iallreduce(self._group.mpi.IN_PLACE, used, self._group.mpi.MAX), what)
        self._wait(what)
        for (bucket, at), (_, p), here in zip(self._homes, self._parameters, used, strict=True):
            if here:
                p.grad = Tensor.from_array(bucket.average(at, p.dtype))
        self._forget()

    def _wait(self, what: str) -> None:
        for bucket in self._buckets[: self._launched]:
            self._group.wait(bucket.request, what)

    def _discard(self) -> None:
        """Drop what a failed backward has begun, when it has ended: MPI writes into its arrays."""
        complete, self._arrived, self._complete = self._complete, set(), None
        if complete is not None:
            complete()
        self._wait(f"{self._owner}: backward number {self.backwards}")
        self._forget()

    def _forget(self) -> None:
        self._launched = 0
        for bucket in self._buckets:
            bucket.reset()


class _Bucket:
    """Gradients of several parameters in one array."""

    values: Any
    total: Any
    request: Any

    def __init__(self, dtype: Any):
        self.dtype = np.dtype(dtype)
        self.wide = np.dtype(np.float32) if self.dtype == np.float16 else self.dtype
        self.shapes: list[tuple[int, ...]] = []
        self.ends = [0]
        self.reset()

    @property
    def bytes(self) -> int:
        return self.ends[-1] * self.dtype.itemsize

    @property
    def full(self) -> bool:
        return self.filled == len(self.shapes)

    def add(self, p: Tensor) -> tuple[_Bucket, int]:
        self.shapes.append(p.shape)
        self.ends.append(self.ends[-1] + p.array.size)
        return self, len(self.shapes) - 1

    def reset(self) -> None:
        """Forget the arrays: those of `.grad` are parts of them, and are never written to again."""
        self.values = self.total = self.request = None
        self.filled = 0

    def put(self, at: int, parts: Sequence[Array], weight: float) -> None:
        """Set the gradient number `at` to the weighted sum of the parts; to zero without any, or with weight 0."""
        if self.values is None:
            self.values, self.total = np.empty(self.ends[-1], self.wide), np.empty(self.ends[-1], self.wide)
        place = self._part(self.values, at)
        if parts and weight:
            np.multiply(sum(parts[1:], parts[0]), weight, out=place, casting="same_kind")
        else:
            place[...] = 0
        self.filled += 1

    def average(self, at: int, dtype: Any) -> Array:
        return self._part(self.total, at).astype(dtype, copy=False)

    def _part(self, array: Array, at: int) -> Array:
        return array[self.ends[at] : self.ends[at + 1]].reshape(self.shapes[at])


def _compare(tensors: Sequence[tuple[str, Tensor]], owner: str) -> None:
    """Raise ValueError on every rank if the names, shapes or dtypes of one differ from those of rank 0."""
    mine = [f"{name} {t.dtype} {t.shape} {'trained' if t.requires_grad else 'fixed'}" for name, t in tensors]
    wanted = [mine]
    broadcast_object_list(wanted)
    found = next((f"has {a}, rank 0 {b}" for a, b in zip(mine, wanted[0], strict=False) if a != b), None)
    if found is None and len(mine) != len(wanted[0]):
        found = f"has {len(mine)} parameters and buffers, rank 0 {len(wanted[0])}"
    problems = [found] * process_group(owner).size
    all_gather_object(problems, found)
    for rank, problem in enumerate(problems):
        if problem is not None:
            raise ValueError(f"{owner}: the networks of the ranks differ: rank {rank} {problem}")
