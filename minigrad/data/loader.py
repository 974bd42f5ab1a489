"""DataLoader: a dataset in batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from minigrad.data.datasets import Dataset, TensorDataset
from minigrad.random import default_generator
from minigrad.tensor import Tensor, _wrap

__all__ = ["DataLoader"]


class DataLoader:
    """The items of a dataset in batches of tensors, shuffled anew for each epoch if asked for.

    With `seed` the epochs are the same every time; without, the library's generator draws one at the first epoch. Each
    epoch's order follows from the seed and the epoch's number alone, so that one that was broken off does not disturb the
    next. `drop_last` leaves out a last batch that is not full; `collate_fn` makes a batch of a list of items.

    Raises ValueError for an empty dataset or a batch size that is no positive integer.

    >>> import numpy as np
    >>> from minigrad.data import DataLoader, TensorDataset
    >>> [batch for (batch,) in DataLoader(TensorDataset(np.arange(5)), batch_size=2)]
    [tensor([0, 1]), tensor([2, 3]), tensor([4])]
    """

    def __init__(
        self,
        dataset: Dataset,
        batch_size: int = 1,
        shuffle: bool = False,
        *,
        seed: int | None = None,
        drop_last: bool = False,
        collate_fn: Callable[[list[Any]], Any] | None = None,
    ):
        if isinstance(batch_size, bool) or not isinstance(batch_size, int | np.integer) or batch_size < 1:
            raise ValueError(f"DataLoader: batch_size must be a positive integer, got {batch_size!r}")
        if not len(dataset):
            raise ValueError("DataLoader: the dataset is empty")
        self.dataset = dataset
        self.batch_size = int(batch_size)
        self.shuffle = shuffle
        self.seed = seed
        self.drop_last = drop_last
        self.collate_fn = collate_fn
        self.epoch = 0  # how many have been started

    def __len__(self) -> int:
        full, rest = divmod(len(self.dataset), self.batch_size)
        return full if self.drop_last or not rest else full + 1

    def __iter__(self) -> Iterator[Any]:
        if self.shuffle and self.seed is None:
            self.seed = int(default_generator().integers(2**63))
        order = np.arange(len(self.dataset))
        if self.shuffle:
            order = np.random.default_rng([self.seed or 0, self.epoch]).permutation(order)
        self.epoch += 1
        starts = range(0, len(self) * self.batch_size, self.batch_size)
        return (self._batch(order[start : start + self.batch_size]) for start in starts)

    def _batch(self, indices: Any) -> Any:
        if isinstance(self.dataset, TensorDataset) and self.collate_fn is None:  # whole arrays at once
            return tuple(_wrap(np.ascontiguousarray(array[indices]), None) for array in self.dataset.arrays)
        items = []
        for index in indices.tolist():
            try:
                items.append(self.dataset[index])
            except Exception as error:
                error.add_note(f"DataLoader: raised by item {index} of the dataset")
                raise
        return _collated(items) if self.collate_fn is None else self.collate_fn(items)


def _collated(items: Sequence[Any]) -> Any:
    """A batch: tuples become tuples of batches, anything else a tensor with the items along a new first axis."""
    first = items[0]
    if isinstance(first, tuple | list):
        return tuple(_collated(column) for column in zip(*items, strict=True))
    if isinstance(first, Tensor):
        return _wrap(np.stack([item._array for item in items]), None)
    return Tensor(np.stack(items)) if isinstance(first, np.ndarray | np.generic) else Tensor(list(items))
