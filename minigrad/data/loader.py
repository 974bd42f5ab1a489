"""DataLoader: a dataset in batches."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from minigrad.data.dataset import Dataset, Subset, TensorDataset
from minigrad.random import default_generator
from minigrad.tensor import Tensor, _wrap

__all__ = ["DataLoader", "default_collate"]


class DataLoader:
    """The items of a dataset in batches of tensors, shuffled anew for each epoch if asked for.

    With `seed` the epochs are the same every time: each one's order follows from the seed and the epoch's number alone, so
    that one that was broken off does not disturb the next. Without, each is drawn from `generator`, the library's own unless
    given, when it starts. A `sampler` gives the order instead: any iterable of indices; or a `batch_sampler` gives the
    batches: any iterable of lists of indices. `drop_last` leaves out a last batch that is not full; `collate_fn` makes a
    batch of a list of items.

    `num_workers`, `pin_memory` and what else PyTorch asks about its worker processes are accepted so that programs written
    for it run, and change nothing: batches are made in this process when they are asked for.

    Raises ValueError for an empty dataset or a batch size that is no positive integer, for a sampler that is to be shuffled,
    and for a batch sampler beside what it decides itself. What an item raises is raised with the item's index noted.

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
        sampler: Iterable[int] | None = None,
        batch_sampler: Iterable[Sequence[int]] | None = None,
        num_workers: int = 0,
        collate_fn: Callable[[list[Any]], Any] | None = None,
        pin_memory: bool = False,
        drop_last: bool = False,
        timeout: float = 0,
        worker_init_fn: Callable[[int], None] | None = None,
        *,
        prefetch_factor: int | None = None,
        persistent_workers: bool = False,
        generator: np.random.Generator | None = None,
        seed: int | None = None,
    ):
        if isinstance(batch_size, bool) or not isinstance(batch_size, int | np.integer) or batch_size < 1:
            raise ValueError(f"DataLoader: batch_size must be a positive integer, got {batch_size!r}")
        if not len(dataset):
            raise ValueError("DataLoader: the dataset is empty")
        if sampler is not None and shuffle:
            raise ValueError("DataLoader: a sampler gives the order itself\n  hint: leave out shuffle, or the sampler")
        if batch_sampler is not None and (batch_size != 1 or shuffle or sampler is not None or drop_last):
            raise ValueError("DataLoader: a batch_sampler decides batch_size, shuffle, sampler and drop_last itself")
        self.dataset = dataset
        self.batch_size = int(batch_size)
        self.shuffle = shuffle
        self.sampler = sampler
        self.batch_sampler = batch_sampler
        self.generator = generator
        self.seed = seed
        self.drop_last = drop_last
        self.collate_fn = collate_fn
        self.epoch = 0  # how many have been started

    def __len__(self) -> int:
        if self.batch_sampler is not None:
            return len(self.batch_sampler)  # type: ignore[arg-type]
        return self._batches(len(self.dataset if self.sampler is None else self.sampler))  # type: ignore[arg-type]

    def __iter__(self) -> Iterator[Any]:
        if self.batch_sampler is not None:
            self.epoch += 1
            return (self._batch(np.fromiter(batch, np.int64)) for batch in self.batch_sampler)
        order = self._order()
        self.epoch += 1
        starts = range(0, self._batches(len(order)) * self.batch_size, self.batch_size)
        return (self._batch(order[start : start + self.batch_size]) for start in starts)

    def _batches(self, items: int) -> int:
        full, rest = divmod(items, self.batch_size)
        return full if self.drop_last or not rest else full + 1

    def _order(self) -> Any:
        if self.sampler is not None:
            return np.fromiter(self.sampler, np.int64)
        if not self.shuffle:
            return np.arange(len(self.dataset))
        source = self.generator or default_generator()
        if self.seed is not None:
            source = np.random.default_rng([self.seed, self.epoch])
        return source.permutation(len(self.dataset))

    def _batch(self, indices: Any) -> Any:
        dataset: Any = self.dataset
        while isinstance(dataset, Subset):
            dataset, indices = dataset.dataset, dataset.indices[indices]
        if isinstance(dataset, TensorDataset) and self.collate_fn is None:  # whole arrays at once
            return tuple(_wrap(np.ascontiguousarray(array[indices]), None) for array in dataset.arrays)
        items = []
        for index in indices.tolist():
            try:
                items.append(dataset[index])
            except Exception as error:
                error.add_note(f"DataLoader: raised by item {index} of the dataset")
                raise
        return default_collate(items) if self.collate_fn is None else self.collate_fn(items)


def default_collate(batch: Sequence[Any]) -> Any:
    """Items as a batch: tuples and dicts of batches, texts as a list, numbers and arrays as a tensor with a new first axis.

    >>> default_collate([(1.0, "a"), (2.0, "b")])
    (tensor([1., 2.]), ['a', 'b'])
    """
    first = batch[0]
    if isinstance(first, tuple | list):
        return tuple(default_collate(column) for column in zip(*batch, strict=True))
    if isinstance(first, Mapping):
        return {key: default_collate([item[key] for item in batch]) for key in first}
    if isinstance(first, str | bytes):
        return list(batch)
    if isinstance(first, Tensor):
        return _wrap(np.stack([item._array for item in batch]), None)
    return Tensor(np.stack(batch)) if isinstance(first, np.ndarray | np.generic) else Tensor(list(batch))
