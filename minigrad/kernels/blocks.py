"""Functions of elements and of rows, computed block by block: a pass over a block runs at the speed of the cache."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from minigrad.arrays import Array
from minigrad.kernels.threads import get_threads, run_blocks

__all__ = ["SHARE", "by_blocks", "row_blocks", "run_blocks"]

BLOCK = 1 << 15  # elements: some arrays of them stay in the second level of cache
# Elements of a block of a thread. Each NumPy call gives the lock of the interpreter back and takes it again, which threads
# wait for: with blocks of 1 << 14 two threads took 1.1 to 1.6 of the time of one, with these 0.5 to 0.7.
SHARE = 1 << 17


def by_blocks(function: Callable[..., None], *arrays: Array) -> Array:
    """Return a new array like the first, filled by ``function(*blocks, out)`` on flat blocks of arrays of one shape."""
    first = arrays[0]
    if first.size <= BLOCK:
        out = np.empty_like(first)
        function(*arrays, out)
        return out
    if _is_shared(first.size) and all(a.flags.c_contiguous and a.dtype == first.dtype for a in arrays):
        out = np.empty_like(first)
        flat = [a.reshape(-1) for a in (*arrays, out)]
        run_blocks(lambda block: function(*[a[block] for a in flat]), row_blocks(first.size, 1))
        return out
    operands: list[Any] = [*arrays, None]
    flags: Any = [*[["readonly"]] * len(arrays), ["writeonly", "allocate"]]
    blocks = np.nditer(operands, ["external_loop", "buffered"], flags, order="K", buffersize=BLOCK)
    with blocks:
        for parts in blocks:
            function(*parts)
        return blocks.operands[-1]


def row_blocks(rows: int, width: int, size: int | None = None) -> Iterator[slice]:
    """Yield the slices that divide rows of some width into blocks of `size` elements, by default as many as threads like.

    What sums over rows names its `size`, so that its bits do not depend on the number of threads.
    """
    step = max(1, (size or (SHARE if _is_shared(rows * width) else BLOCK)) // max(1, width))
    for at in range(0, rows, step):
        yield slice(at, min(at + step, rows))


def _is_shared(size: int) -> bool:
    return size >= 2 * SHARE and get_threads() > 1
