"""Collective operations: every rank calls them, in the same order, with tensors of one shape and dtype.

Before data moves the ranks compare what they are about to do; a difference raises RuntimeError on all of them. A result is
written into the tensor that the caller gives, unrecorded. With ``async_op=True`` a `Work` is returned when all ranks have
begun, and `Work.wait` completes it.
"""

from __future__ import annotations

import enum
import pickle
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minigrad.arrays import Array
from minigrad.distributed.process_group import ProcessGroup, Work, process_group
from minigrad.errors import DTypeError, ShapeError
from minigrad.tensors.tensor import Tensor

__all__ = [
    "ReduceOp",
    "all_gather",
    "all_gather_object",
    "all_reduce",
    "barrier",
    "broadcast",
    "broadcast_object_list",
    "reduce",
]


class ReduceOp(enum.Enum):
    """How the values of the ranks are combined; the value is MPI's name. AVG is the sum divided by the number of ranks.

    >>> ReduceOp.MAX
    <ReduceOp.MAX: 'MAX'>
    """

    SUM = "SUM"
    AVG = "SUM of means"
    PRODUCT = "PROD"
    MIN = "MIN"
    MAX = "MAX"


def all_reduce(tensor: Tensor, op: ReduceOp = ReduceOp.SUM, group: Any = None, async_op: bool = False) -> Work | None:
    """Replace the tensor of every rank by the sum, or another combination, of all of them.

    float16 is added in float32 and rounded once; booleans are combined as 0 and 1. Raises DTypeError for the AVG
    of integers.

    >>> import minigrad as mg
    >>> from minigrad import distributed as dist
    >>> x = mg.tensor([1.0, 2.0])  # doctest: +SKIP
    >>> dist.all_reduce(x)  # doctest: +SKIP
    >>> x  # of two ranks  # doctest: +SKIP
    tensor([2., 4.])
    """
    return _reduced("all_reduce", tensor, op, group, async_op, None)


def reduce(
    tensor: Tensor, dst: int | None = None, op: ReduceOp = ReduceOp.SUM, group: Any = None, async_op: bool = False
) -> Work | None:
    """Replace the tensor of rank `dst` (0 by default) by the combination of all; the others keep theirs. See `all_reduce`.

    >>> import minigrad as mg
    >>> from minigrad import distributed as dist
    >>> x = mg.tensor(1.0 + dist.get_rank())  # doctest: +SKIP
    >>> dist.reduce(x, 0)  # doctest: +SKIP
    >>> x.item() == (3, 2)[dist.get_rank()]  # doctest: +SKIP
    True
    """
    return _reduced("reduce", tensor, op, group, async_op, dst or 0)


def broadcast(tensor: Tensor, src: int | None = None, group: Any = None, async_op: bool = False) -> Work | None:
    """Replace the tensor of every rank by that of rank `src` (0 by default).

    >>> import minigrad as mg
    >>> from minigrad import distributed as dist
    >>> x = mg.tensor([dist.get_rank()])  # doctest: +SKIP
    >>> dist.broadcast(x, 1)  # doctest: +SKIP
    >>> x  # doctest: +SKIP
    tensor([1])
    """
    joined, source = _checked("broadcast", group, src, tensor), src or 0
    buffer = _bytes(tensor.array)
    return _start(
        joined, f"broadcast({_shown(tensor)}, src={source})", lambda: joined.world.Ibcast(buffer, source), async_op,
        lambda: tensor.replace_array(_values(buffer, tensor)) if joined.rank != source else None,
    )  # fmt: skip


def all_gather(tensor_list: Sequence[Tensor], tensor: Tensor, group: Any = None, async_op: bool = False) -> Work | None:
    """Set the tensors of the list, one for each rank, to the tensors of the ranks.

    >>> import minigrad as mg
    >>> from minigrad import distributed as dist
    >>> found = [mg.zeros(2), mg.zeros(2)]  # doctest: +SKIP
    >>> dist.all_gather(found, mg.ones(2) * dist.get_rank())  # doctest: +SKIP
    >>> found  # doctest: +SKIP
    [tensor([0., 0.]), tensor([1., 1.])]
    """
    joined = _checked("all_gather", group, None, tensor)
    if len(tensor_list) != joined.size:
        raise ValueError(f"all_gather: tensor_list has {len(tensor_list)} tensors, there are {joined.size} ranks")
    for i, each in enumerate(tensor_list):
        if (each.shape, each.dtype) != (tensor.shape, tensor.dtype):
            raise ShapeError(f"all_gather: tensor_list[{i}] is {_shown(each)}, the tensor is {_shown(tensor)}")
    mine = _bytes(tensor.array)
    rows = np.empty((joined.size, mine.size), np.uint8)

    def finish() -> None:
        for each, row in zip(tensor_list, rows, strict=True):
            each.replace_array(_values(row, tensor))

    return _start(joined, f"all_gather({_shown(tensor)})", lambda: joined.world.Iallgather(mine, rows), async_op, finish)


def barrier(group: Any = None, async_op: bool = False) -> Work | None:
    """Return when all ranks have called it.

    >>> import minigrad as mg
    >>> from minigrad import distributed as dist
    >>> dist.barrier()  # doctest: +SKIP
    """
    joined = _checked("barrier", group, None)
    return _start(joined, "barrier()", joined.world.Ibarrier, async_op, lambda: None)


def broadcast_object_list(object_list: list[Any], src: int | None = None, group: Any = None) -> None:
    """Replace the elements of the list on every rank by those of rank `src` (0 by default), which are pickled.

    >>> import minigrad as mg
    >>> from minigrad import distributed as dist
    >>> options = [{"lr": 0.1}] if dist.get_rank() == 0 else [None]  # doctest: +SKIP
    >>> dist.broadcast_object_list(options)  # doctest: +SKIP
    >>> options  # doctest: +SKIP
    [{'lr': 0.1}]
    """
    joined, source = _checked("broadcast_object_list", group, src), src or 0
    mine = pickle.dumps(object_list) if joined.rank == source else b""
    size = np.array([len(mine)])
    what = f"broadcast_object_list(src={source})"
    _start(joined, what, lambda: joined.world.Ibcast(size, source), False, lambda: None)
    buffer = np.frombuffer(mine, np.uint8).copy() if mine else np.empty(int(size[0]), np.uint8)
    joined.wait(joined.world.Ibcast(buffer, source), what)
    if joined.rank != source:
        object_list[:] = pickle.loads(buffer.tobytes())


def all_gather_object(object_list: list[Any], obj: Any, group: Any = None) -> None:
    """Set the elements of the list, one for each rank, to the objects of the ranks, which are pickled.

    >>> import minigrad as mg
    >>> from minigrad import distributed as dist
    >>> found = [None] * 2  # doctest: +SKIP
    >>> dist.all_gather_object(found, dist.get_rank())  # doctest: +SKIP
    >>> found  # doctest: +SKIP
    [0, 1]
    """
    joined = _checked("all_gather_object", group, None)
    if len(object_list) != joined.size:
        raise ValueError(f"all_gather_object: the list has {len(object_list)} elements, there are {joined.size} ranks")
    for rank in range(joined.size):
        found = [obj]
        broadcast_object_list(found, rank)
        object_list[rank] = found[0]


def _checked(name: str, group: Any, rank: int | None, *tensors: Any) -> ProcessGroup:
    """Return the group; raise for another one, for a rank that is not there, and for anything that is no tensor."""
    joined = process_group(name)
    if group is not None:
        raise ValueError(f"{name}: there is one group, of all ranks, got group={group!r}\n  hint: leave it out")
    if rank is not None and not 0 <= rank < joined.size:
        raise ValueError(f"{name}: there are the ranks 0 to {joined.size - 1}, got {rank}")
    for tensor in tensors:
        if not isinstance(tensor, Tensor):
            raise TypeError(f"{name}: needs a tensor, got {type(tensor).__name__}\n  hint: minigrad.tensor(...)")
    return joined


def _start(
    joined: ProcessGroup, what: str, begin: Callable[[], Any], async_op: bool, finish: Callable[[], Any]
) -> Work | None:
    joined.agree(what)
    work = Work(joined, what, begin(), finish)
    if async_op:
        return work
    work.wait()
    return None


def _reduced(name: str, tensor: Any, op: ReduceOp, group: Any, async_op: bool, dst: int | None) -> Work | None:
    joined = _checked(name, group, dst, tensor)
    if not isinstance(op, ReduceOp):
        raise TypeError(f"{name}: op must be one of {', '.join(map(str, ReduceOp))}, got {op!r}")
    average, dtype = op is ReduceOp.AVG, tensor.array.dtype
    if dtype.kind != "f" and average:
        raise DTypeError(f"{name}: the AVG of {dtype} would be rounded\n  hint: ReduceOp.SUM, or tensor.float()")
    wide = {"e": np.float32, "?": np.int64}.get(dtype.char, dtype)
    values = np.array(tensor.array, wide, order="C")
    total = np.empty_like(values)
    combine = getattr(joined.mpi, op.value.split()[0])

    def finish() -> None:
        if dst in (None, joined.rank):
            result = total / total.dtype.type(joined.size) if average else total
            tensor.replace_array(np.asarray(result, dtype))

    return _start(
        joined, f"{name}({_shown(tensor)}, {op.name}{'' if dst is None else f', dst={dst}'})",
        lambda: joined.world.Iallreduce(values, total, combine), async_op, finish,
    )  # fmt: skip


def _bytes(array: Array) -> Any:
    """Return a copy of the array as bytes, which MPI may write into."""
    return np.frombuffer(bytearray(array.tobytes()), np.uint8)


def _values(data: Any, like: Tensor) -> Array:
    return np.frombuffer(bytearray(data.tobytes()), like.dtype).reshape(like.shape)


def _shown(tensor: Tensor) -> str:
    return f"{tensor.dtype} {tensor.shape}"
