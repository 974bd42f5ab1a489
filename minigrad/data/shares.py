"""Batches divided among the ranks: each batch is the one that a single process would have."""

from __future__ import annotations

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
    rank, ranks = get_rank(), get_world_size()
    indexed = isinstance(loader, DataLoader) and not isinstance(loader.dataset, IterableDataset)
    source: Iterator[Any] = iter(())
    if rank == 0:
        source = loader._index_batches() if indexed else iter(loader)  # type: ignore[attr-defined]
    elif isinstance(loader, DataLoader):
        loader.epoch += 1
    while (batch := _from_first(next(source, None))) is not None:
        count = len(batch if indexed else batch[0])
        begin, end = rank * count // ranks, (rank + 1) * count // ranks
        part = slice(begin, end) if end > begin else slice(count)
        own = loader._batch(batch[part]) if indexed else tuple(each[part] for each in batch)  # type: ignore[attr-defined]
        yield own, end - begin, count


def _from_first(value: Any) -> Any:
    """Return the value that rank 0 gives."""
    values = [value]
    broadcast_object_list(values)
    return values[0]
