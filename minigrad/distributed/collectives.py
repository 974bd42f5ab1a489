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
    "ReduceOp", "all_gather", "all_gather_into_tensor", "all_gather_object", "all_reduce", "barrier", "broadcast",
    "broadcast_object_list", "gather", "irecv", "isend", "recv", "reduce", "reduce_scatter", "scatter", "send",
]  # fmt: skip


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
    BAND = "BAND"
    BOR = "BOR"
    BXOR = "BXOR"


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
    return _reduced("all_reduce", tensor, tensor, op, group, async_op, None)


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
    return _reduced("reduce", tensor, tensor, op, group, async_op, dst or 0)


def reduce_scatter(
    output: Tensor, input_list: Sequence[Tensor], op: ReduceOp = ReduceOp.SUM, group: Any = None, async_op: bool = False
) -> Work | None:
    """Set `output` on rank r to the combination of the tensors number r in the lists of all ranks. See `all_reduce`.

    >>> import minigrad as mg
    >>> from minigrad import distributed as dist
    >>> x = mg.zeros(1)  # doctest: +SKIP
    >>> dist.reduce_scatter(x, [mg.ones(1), mg.ones(1) * 2])  # doctest: +SKIP
    >>> x.item() == (2, 4)[dist.get_rank()]  # doctest: +SKIP
    True
    """
    joined = process_group("reduce_scatter")
    _check_list("reduce_scatter", "input_list", input_list, output, joined.size)
    stacked = Tensor.from_array(np.stack([each.array for each in input_list]))
    return _reduced("reduce_scatter", stacked, output, op, group, async_op, None, row=joined.rank)


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
    _check_list("all_gather", "tensor_list", tensor_list, tensor, joined.size)
    return _gathered("all_gather", joined, tensor, async_op, lambda rows: _write(tensor_list, rows))


def all_gather_into_tensor(
    output_tensor: Tensor, input_tensor: Tensor, group: Any = None, async_op: bool = False
) -> Work | None:
    """Set `output_tensor`, of all elements together, to the tensors of the ranks, along a new or the first axis.

    Raises ShapeError unless its shape is (ranks, ...) or (ranks * n, ...) for inputs (n, ...).

    >>> import minigrad as mg
    >>> from minigrad import distributed as dist
    >>> found = mg.zeros(4)  # doctest: +SKIP
    >>> dist.all_gather_into_tensor(found, mg.ones(2) * dist.get_rank())  # doctest: +SKIP
    >>> found  # doctest: +SKIP
    tensor([0., 0., 1., 1.])
    """
    joined = _checked("all_gather_into_tensor", group, None, input_tensor)
    shape, output = input_tensor.shape, output_tensor
    allowed = [(joined.size, *shape)] + [(joined.size * shape[0], *shape[1:])] * (len(shape) > 0)
    if output.shape not in allowed or output.dtype != input_tensor.dtype:
        raise ShapeError(
            f"all_gather_into_tensor: the output is {_shown(output)}; {joined.size} ranks with inputs "
            f"{_shown(input_tensor)} need the shape {' or '.join(map(str, allowed))}, and their dtype"
        )
    return _gathered(
        "all_gather_into_tensor", joined, input_tensor, async_op,
        lambda rows: output.replace_array(np.stack(rows).reshape(output.shape)),
    )  # fmt: skip


def gather(
    tensor: Tensor,
    gather_list: Sequence[Tensor] | None = None,
    dst: int | None = None,
    group: Any = None,
    async_op: bool = False,
) -> Work | None:
    """Set the tensors of the list on rank `dst` (0 by default) to the tensors of the ranks; the others give no list.

    >>> import minigrad as mg
    >>> from minigrad import distributed as dist
    >>> found = [mg.zeros(1), mg.zeros(1)] if dist.get_rank() == 0 else None  # doctest: +SKIP
    >>> dist.gather(mg.ones(1), found)  # doctest: +SKIP
    >>> found in ([mg.ones(1), mg.ones(1)], None)  # doctest: +SKIP
    True
    """
    joined, target = _checked("gather", group, dst, tensor), dst or 0
    _check_owner("gather", "gather_list", gather_list, tensor, joined, target)
    return _gathered("gather", joined, tensor, async_op, lambda rows: _write(gather_list or (), rows), f", dst={target}")


def scatter(
    tensor: Tensor,
    scatter_list: Sequence[Tensor] | None = None,
    src: int | None = None,
    group: Any = None,
    async_op: bool = False,
) -> Work | None:
    """Set the tensor on rank r to number r of the list that rank `src` (0 by default) gives; the others give no list.

    >>> import minigrad as mg
    >>> from minigrad import distributed as dist
    >>> x = mg.zeros(1)  # doctest: +SKIP
    >>> dist.scatter(x, [mg.tensor([3.0]), mg.tensor([3.0])] if dist.get_rank() == 0 else None)  # doctest: +SKIP
    >>> x  # doctest: +SKIP
    tensor([3.])
    """
    joined, source = _checked("scatter", group, src, tensor), src or 0
    _check_owner("scatter", "scatter_list", scatter_list, tensor, joined, source)
    rows = None if scatter_list is None else np.stack([_bytes(each.array) for each in scatter_list])
    buffer = _bytes(tensor.array)
    return _start(
        joined, f"scatter({_shown(tensor)}, src={source})", lambda: joined.world.Iscatter(rows, buffer, source), async_op,
        lambda: tensor.replace_array(_values(buffer, tensor)),
    )  # fmt: skip


def barrier(group: Any = None, async_op: bool = False) -> Work | None:
    """Return when all ranks have called it.

    >>> import minigrad as mg
    >>> from minigrad import distributed as dist
    >>> dist.barrier()  # doctest: +SKIP
    """
    joined = _checked("barrier", group, None)
    return _start(joined, "barrier()", joined.world.Ibarrier, async_op, lambda: None)


def isend(tensor: Tensor, dst: int | None = None, group: Any = None, tag: int = 0) -> Work:
    """Begin to send the tensor to rank `dst`, which calls `recv` or `irecv`; the ranks do not compare shapes before.

    >>> import minigrad as mg
    >>> from minigrad import distributed as dist
    >>> x = mg.zeros(2)  # doctest: +SKIP
    >>> other = 1 - dist.get_rank()  # doctest: +SKIP
    >>> work = dist.isend(mg.ones(2), other)  # doctest: +SKIP
    >>> dist.recv(x, other)  # doctest: +SKIP
    >>> work.wait(), x  # doctest: +SKIP
    (True, tensor([1., 1.]))
    """
    joined, buffer = _checked("isend", group, dst, tensor), _bytes(tensor.array)
    return Work(joined, f"send to rank {dst}", joined.world.Isend(buffer, dst or 0, tag), lambda: None)


def irecv(tensor: Tensor, src: int | None = None, group: Any = None, tag: int = 0) -> Work:
    """Begin to receive the tensor from rank `src` (None: any); its shape and dtype are those of the one that was sent.

    >>> import minigrad as mg
    >>> from minigrad import distributed as dist
    >>> x = mg.zeros(2)  # doctest: +SKIP
    >>> work = dist.irecv(x, 1 - dist.get_rank())  # doctest: +SKIP
    >>> dist.send(mg.ones(2), 1 - dist.get_rank())  # doctest: +SKIP
    >>> work.wait(), x  # doctest: +SKIP
    (True, tensor([1., 1.]))
    """
    joined, buffer = _checked("irecv", group, src, tensor), _bytes(tensor.array)
    request = joined.world.Irecv(buffer, joined.mpi.ANY_SOURCE if src is None else src, tag)
    return Work(joined, f"recv from rank {src}", request, lambda: tensor.replace_array(_values(buffer, tensor)))


def send(tensor: Tensor, dst: int | None = None, group: Any = None, tag: int = 0) -> None:
    """Send the tensor to rank `dst`; see `isend`.

    >>> import minigrad as mg
    >>> from minigrad import distributed as dist
    >>> x = mg.ones(2)  # doctest: +SKIP
    >>> dist.send(x, 1) if dist.get_rank() == 0 else dist.recv(x, 0)  # doctest: +SKIP
    """
    isend(tensor, dst, group, tag).wait()


def recv(tensor: Tensor, src: int | None = None, group: Any = None, tag: int = 0) -> None:
    """Receive the tensor from rank `src`; see `irecv`.

    >>> import minigrad as mg
    >>> from minigrad import distributed as dist
    >>> x = mg.zeros(2)  # doctest: +SKIP
    >>> dist.send(mg.ones(2), 1) if dist.get_rank() == 0 else dist.recv(x, 0)  # doctest: +SKIP
    >>> x.sum().item() == 2 * dist.get_rank()  # doctest: +SKIP
    True
    """
    irecv(tensor, src, group, tag).wait()


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


def _check_owner(name: str, argument: str, given: Any, tensor: Tensor, joined: ProcessGroup, owner: int) -> None:
    if (given is not None) != (joined.rank == owner):
        must = "must give" if given is None else "must not give"
        raise ValueError(f"{name}: rank {joined.rank} {must} {argument}, which belongs to rank {owner}")
    if given is not None:
        _check_list(name, argument, given, tensor, joined.size)


def _check_list(name: str, argument: str, given: Sequence[Any], like: Tensor, size: int) -> None:
    if len(given) != size:
        raise ValueError(f"{name}: {argument} has {len(given)} tensors, there are {size} ranks")
    for i, each in enumerate(given):
        if not isinstance(each, Tensor) or (each.shape, each.dtype) != (like.shape, like.dtype):
            shown = _shown(each) if isinstance(each, Tensor) else type(each).__name__
            raise ShapeError(f"{name}: {argument}[{i}] is {shown}, the tensor is {_shown(like)}")


def _start(
    joined: ProcessGroup, what: str, begin: Callable[[], Any], async_op: bool, finish: Callable[[], Any]
) -> Work | None:
    joined.agree(what)
    work = Work(joined, what, begin(), finish)
    if async_op:
        return work
    work.wait()
    return None


def _reduced(
    name: str, tensor: Any, output: Tensor, op: ReduceOp, group: Any, async_op: bool, dst: int | None, row: Any = ...
) -> Work | None:
    joined = _checked(name, group, dst, tensor)
    if not isinstance(op, ReduceOp):
        raise TypeError(f"{name}: op must be one of {', '.join(map(str, ReduceOp))}, got {op!r}")
    average, dtype = op is ReduceOp.AVG, tensor.array.dtype
    if dtype.kind != "f" and average:
        raise DTypeError(f"{name}: the AVG of {dtype} would be rounded\n  hint: ReduceOp.SUM, or tensor.float()")
    if dtype.kind == "f" and op in (ReduceOp.BAND, ReduceOp.BOR, ReduceOp.BXOR):
        raise DTypeError(f"{name}: {op.name} combines the bits of integers, got {dtype}")
    wide = {"e": np.float32, "?": np.int64}.get(dtype.char, dtype)
    values = np.array(tensor.array, wide, order="C")
    total = np.empty_like(values)
    combine = getattr(joined.mpi, op.value.split()[0])

    def finish() -> None:
        if dst in (None, joined.rank):
            result = total / total.dtype.type(joined.size) if average else total
            output.replace_array(np.asarray(result, dtype)[row].reshape(output.shape))

    shown = _shown(tensor if row is ... else output)
    return _start(
        joined, f"{name}({shown}, {op.name}{'' if dst is None else f', dst={dst}'})",
        lambda: joined.world.Iallreduce(values, total, combine), async_op, finish,
    )  # fmt: skip


def _gathered(
    name: str, joined: ProcessGroup, tensor: Tensor, async_op: bool, finish: Callable[[list[Array]], None], more: str = ""
) -> Work | None:
    """Gather the tensors of all ranks on each; `finish` receives them."""
    mine = _bytes(tensor.array)
    rows = np.empty((joined.size, mine.size), np.uint8)
    return _start(
        joined, f"{name}({_shown(tensor)}{more})", lambda: joined.world.Iallgather(mine, rows), async_op,
        lambda: finish([_values(row, tensor) for row in rows]),
    )  # fmt: skip


def _write(tensors: Sequence[Tensor], arrays: Sequence[Array]) -> None:
    for tensor, array in zip(tensors, arrays, strict=False):
        tensor.replace_array(array)


def _bytes(array: Array) -> Any:
    """Return a copy of the array as bytes, which MPI may write into."""
    return np.frombuffer(bytearray(array.tobytes()), np.uint8)


def _values(data: Any, like: Tensor) -> Array:
    return np.frombuffer(bytearray(data.tobytes()), like.dtype).reshape(like.shape)


def _shown(tensor: Tensor) -> str:
    return f"{tensor.dtype} {tensor.shape}"
