"""Reading the items of a batch from a dataset: in this process or in a worker."""

from __future__ import annotations

import mmap
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from minigrad.arrays import Array
from minigrad.data.collate import default_collate
from minigrad.data.map_style import Subset, TensorDataset
from minigrad.data.samplers import BatchSampler
from minigrad.tensors.tensor import Tensor

__all__ = ["Fetcher", "is_mapped", "rows"]

SHOWN = 8  # indices in a note
# Rows of a mapped file that are read before its pages are given back: Linux maps up to 2 MiB around each, which counts as
# memory of the process until something else needs it, so that an epoch of 2 GiB took 2 GiB. Now it takes 0.12.
ROWS = 32


class Fetcher:
    """Makes the batches of a dataset: of the items at some indices, or of the items of a stream in their order."""

    def __init__(self, dataset: Any, collate_fn: Callable[[list[Any]], Any] | None):
        self.dataset, self.collate_fn = dataset, collate_fn

    def batch(self, indices: Array) -> Any:
        """Return the batch of the items at `indices`; what an item or the collate function raises gets a note."""
        dataset: Any = self.dataset
        while isinstance(dataset, Subset):
            dataset, indices = dataset.dataset, dataset.indices[indices]
        if isinstance(dataset, TensorDataset) and self.collate_fn is None:  # whole arrays at once
            return tuple(Tensor.from_array(rows(array, indices)) for array in dataset.arrays)
        items = []
        for index in indices.tolist():
            try:
                items.append(dataset[index])
            except Exception as error:
                error.add_note(f"DataLoader: raised by item {index} of the dataset")
                raise
        try:
            return self._collate(items)
        except Exception as error:
            shown = ", ".join(map(str, indices[:SHOWN].tolist())) + ", ..." * (len(indices) > SHOWN)
            error.add_note(f"DataLoader: raised while a batch was made of the items {shown} of the dataset")
            raise

    def stream(self, batch_size: int, drop_last: bool) -> Iterator[Any]:
        """Return an iterator over the batches of an iterable dataset."""
        return map(self._collate, BatchSampler(self.dataset, batch_size, drop_last))

    def _collate(self, items: list[Any]) -> Any:
        return default_collate(items) if self.collate_fn is None else self.collate_fn(items)


def is_mapped(array: Array) -> bool:
    """Return whether an array is a file that was opened for reading, by np.memmap or ``np.load(mmap_mode="r")``."""
    return _mapping(array) is not None


def rows(array: Array, indices: Array) -> Array:
    """Return a copy of ``array[indices]``; of a mapped file no more than the pages of some rows are kept in memory."""
    mapping = _mapping(array)
    if mapping is None or not hasattr(mmap, "MADV_DONTNEED"):
        return np.ascontiguousarray(array[indices])
    out = np.empty((len(indices), *array.shape[1:]), array.dtype)
    for at in range(0, len(indices), ROWS):
        out[at : at + ROWS] = array[indices[at : at + ROWS]]
        mapping.madvise(mmap.MADV_DONTNEED)
    return out


def _mapping(array: Any) -> mmap.mmap | None:
    readable = False  # changes to a private copy ("c") would be lost with its pages
    while isinstance(array, np.ndarray):
        readable |= isinstance(array, np.memmap) and array.mode == "r"
        array = array.base
    return array if readable and isinstance(array, mmap.mmap) else None
