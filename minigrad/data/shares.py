"""Batches divided among the ranks: each batch is the one that a single process would have."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

from minigrad.data.loader import DataLoader
from minigrad.data.streams import IterableDataset
from minigrad.distributed import broadcast_object_list, get_rank, get_world_size

__all__ = ["shared_batches"]


def shared_batches(loader: Iterable[Any]) -> Iterator[tuple[Any, int, int]]:
    """Yield this rank's part of each batch (inputs, targets) of a loader, its examples, and those of the whole batch.

    Rank 0 draws the order, and sends the indices of each batch to the others, which read their part of its items; a stream,
    or any other iterable, is read by rank 0 alone. So the ranks have the same number of batches, whatever the loader is. A
    rank for which a small batch has nothing left gets the whole batch, with 0 as the number of its examples: it can take
    part in the step, with weight 0.
    """
    if isinstance(loader, DataLoader) and not isinstance(loader.dataset, IterableDataset):
        yield from _indexed(loader)
        return
    source = iter(loader if get_rank() == 0 else ())
    while (batch := _from_first(next(source, None))) is not None:
        part, examples = _part(count := len(batch[0]))
        yield tuple(each[part] for each in batch), examples, count


def _indexed(loader: DataLoader[Any]) -> Iterator[tuple[Any, int, int]]:
    """Yield the shares of a loader that reads items by their indices, in this process or in workers."""
    if not loader.in_order:
        raise ValueError("DataLoader: in_order=False would mix up the shares of several ranks\n  hint: leave it out")
    sizes: deque[tuple[int, int]] = deque()  # of the batches under way

    def divide(requests: Iterator[Any]) -> Iterator[Any]:
        while (indices := _from_first(next(requests, None) if get_rank() == 0 else None)) is not None:
            part, examples = _part(len(indices))
            sizes.append((examples, len(indices)))
            yield indices[part]

    loader.divide = divide
    try:
        for batch in loader:
            yield batch, *sizes.popleft()
    finally:
        loader.divide = None


def _part(count: int) -> tuple[slice, int]:
    """Return the part of a batch that is this rank's, and its examples; the whole batch with 0 of them, if it has none."""
    rank, ranks = get_rank(), get_world_size()
    begin, end = rank * count // ranks, (rank + 1) * count // ranks
    return (slice(begin, end), end - begin) if end > begin else (slice(count), 0)


def _from_first(value: Any) -> Any:
    """Return the value that rank 0 gives."""
    values = [value]
    broadcast_object_list(values)
    return values[0]
