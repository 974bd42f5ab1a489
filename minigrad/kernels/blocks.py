"""Functions of elements and of rows, computed block by block: a pass over a block runs at the speed of the cache."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from minigrad.arrays import Array

__all__ = ["by_blocks", "row_blocks"]

BLOCK = 1 << 14  # elements: some arrays of them stay in the second level of cache


def by_blocks(function: Callable[..., None], *arrays: Array) -> Array:
    """Return a new array like the first, filled by ``function(*blocks, out)`` on flat blocks of arrays of one shape."""
    first = arrays[0]
    if first.size <= BLOCK:
        out = np.empty_like(first)
        function(*arrays, out)
        return out
    operands: list[Any] = [*arrays, None]
    flags: Any = [*[["readonly"]] * len(arrays), ["writeonly", "allocate"]]
    blocks = np.nditer(operands, ["external_loop", "buffered"], flags, order="K", buffersize=BLOCK)
    with blocks:
        for parts in blocks:
            function(*parts)
        return blocks.operands[-1]


def row_blocks(rows: int, width: int) -> Iterator[slice]:
    """Yield the slices that divide rows of some width into blocks."""
    step = max(1, BLOCK // max(1, width))
    for at in range(0, rows, step):
        yield slice(at, min(at + step, rows))
