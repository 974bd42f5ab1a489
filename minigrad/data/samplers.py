"""Samplers: iterables of the indices of a dataset, in a new order for each epoch where the order is random."""

from __future__ import annotations

import itertools
import types
from collections.abc import Iterable, Iterator, Sequence, Sized
from typing import Any

import numpy as np

from minigrad.arrays import array_of
from minigrad.kernels.checks import positive_int
from minigrad.random import default_generator

__all__ = ["BatchSampler", "RandomSampler", "Sampler", "SequentialSampler", "SubsetRandomSampler", "WeightedRandomSampler"]

Generator = np.random.Generator
BLOCK = 2**16  # the number of indices drawn at once: programs ask for 10**10 of them, and stop when they like


class Sampler:
    """Base class of samplers: subclasses define `__iter__`, an iterator over indices, and `__len__` if it is known.

    >>> from minigrad.data import DataLoader
    >>> class Backward(Sampler):
    ...     def __init__(self, data):
    ...         self.data = data
    ...     def __iter__(self):
    ...         return iter(range(len(self.data) - 1, -1, -1))
    >>> list(DataLoader([5, 6, 7], batch_size=2, sampler=Backward([5, 6, 7])))
    [tensor([7, 6]), tensor([5])]
    """

    def __class_getitem__(cls, item: Any) -> Any:  # Sampler[int], as in PyTorch
        return types.GenericAlias(cls, item)

    def __init__(self, data_source: Any = None):
        pass

    def __iter__(self) -> Iterator[Any]:
        raise NotImplementedError(f"{type(self).__name__} does not define __iter__()")


class BatchSampler(Sampler):
    """Lists of `batch_size` indices of a sampler; `drop_last` omits a last list that is shorter.

    >>> list(BatchSampler(range(5), 2, drop_last=False))
    [[0, 1], [2, 3], [4]]
    """

    def __init__(self, sampler: Iterable[int], batch_size: int, drop_last: bool):
        self.sampler, self.drop_last = sampler, drop_last
        self.batch_size = positive_int("BatchSampler", "batch_size", batch_size)

    def __iter__(self) -> Iterator[list[int]]:
        indices = iter(self.sampler)
        while batch := list(itertools.islice(indices, self.batch_size)):
            if len(batch) == self.batch_size or not self.drop_last:
                yield batch

    def __len__(self) -> int:
        full, rest = divmod(len(self.sampler), self.batch_size)  # type: ignore[arg-type]
        return full if self.drop_last or not rest else full + 1


class SequentialSampler(Sampler):
    """The indices 0, 1, 2, ... in order."""

    def __init__(self, data_source: Sized):
        self.data_source = data_source

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self.data_source)))

    def __len__(self) -> int:
        return len(self.data_source)


class RandomSampler(Sampler):
    """The indices of all items in a random order, or of `num_samples` items, drawn with or without `replacement`."""

    def __init__(
        self,
        data_source: Sized,
        replacement: bool = False,
        num_samples: int | None = None,
        generator: Generator | None = None,
    ):
        self.data_source, self.replacement, self.generator = data_source, replacement, generator
        self.num_samples = len(data_source)
        if num_samples is not None:
            self.num_samples = positive_int("RandomSampler", "num_samples", num_samples)
        if self.num_samples and not len(data_source):
            raise ValueError(f"RandomSampler: num_samples is {num_samples}, but there are no items")

    def __iter__(self) -> Iterator[int]:
        rng, n, left = self.generator or default_generator(), len(self.data_source), self.num_samples
        while left:  # as in PyTorch, more samples than items start another permutation
            drawn = rng.integers(n, size=min(left, BLOCK)) if self.replacement else rng.permutation(n)[:left]
            yield from drawn.tolist()
            left -= len(drawn)

    def __len__(self) -> int:
        return self.num_samples


class SubsetRandomSampler(Sampler):
    """The given indices in a random order; `generator` draws it (None: the default generator)."""

    def __init__(self, indices: Sequence[int], generator: Generator | None = None):
        self.indices, self.generator = indices, generator

    def __iter__(self) -> Iterator[int]:
        order = (self.generator or default_generator()).permutation(len(self.indices))
        return (int(self.indices[i]) for i in order.tolist())

    def __len__(self) -> int:
        return len(self.indices)


class WeightedRandomSampler(Sampler):
    """`num_samples` indices, each drawn with a probability proportional to its weight, with or without `replacement`.

    >>> import numpy as np
    >>> list(WeightedRandomSampler([0.0, 1.0], 3))
    [1, 1, 1]
    """

    def __init__(self, weights: Any, num_samples: int, replacement: bool = True, generator: Generator | None = None):
        self.weights = array_of(weights).astype(np.float64)
        self.num_samples, self.replacement = positive_int("WeightedRandomSampler", "num_samples", num_samples), replacement
        self.generator = generator
        total = self.weights.sum()
        if self.weights.ndim != 1 or not (self.weights >= 0).all() or not 0 < total < np.inf:
            raise ValueError("WeightedRandomSampler: weights must be one row of numbers of at least 0, not all of them 0")
        if not replacement and np.count_nonzero(self.weights) < num_samples:
            raise ValueError(
                f"WeightedRandomSampler: {num_samples} different items, but only {np.count_nonzero(self.weights)} "
                "have a weight"
            )

    def __iter__(self) -> Iterator[int]:
        rng, p = self.generator or default_generator(), self.weights / self.weights.sum()
        return iter(rng.choice(len(p), self.num_samples, self.replacement, p).tolist())

    def __len__(self) -> int:
        return self.num_samples
