"""In which order the items of a dataset are taken: iterables of indices, anew for each epoch."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence, Sized
from typing import Any

import numpy as np

from minigrad.arrays import Array
from minigrad.random import default_generator
from minigrad.tensors.tensor import Tensor

__all__ = ["BatchSampler", "RandomSampler", "Sampler", "SequentialSampler", "SubsetRandomSampler", "WeightedRandomSampler"]

Generator = np.random.Generator


class Sampler:
    """An order of one's own: define `__iter__`, which gives indices, and `__len__` if their number is known."""

    def __init__(self, data_source: Any = None):
        pass

    def __iter__(self) -> Iterator[Any]:
        raise NotImplementedError(f"{type(self).__name__} does not define __iter__()")


class BatchSampler(Sampler):
    """The indices of a sampler in lists of `batch_size`; `drop_last` leaves out a last one that is not full.

    >>> list(BatchSampler(range(5), 2, drop_last=False))
    [[0, 1], [2, 3], [4]]
    """

    def __init__(self, sampler: Iterable[int], batch_size: int, drop_last: bool):
        self.sampler, self.batch_size, self.drop_last = sampler, _count("BatchSampler", batch_size), drop_last

    def __iter__(self) -> Iterator[list[int]]:
        indices = iter(self.sampler)
        while batch := list(itertools.islice(indices, self.batch_size)):
            if len(batch) == self.batch_size or not self.drop_last:
                yield batch

    def __len__(self) -> int:
        full, rest = divmod(len(self.sampler), self.batch_size)  # type: ignore[arg-type]
        return full if self.drop_last or not rest else full + 1


class SequentialSampler(Sampler):
    """0, 1, 2, ..."""

    def __init__(self, data_source: Sized):
        self.data_source = data_source

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self.data_source)))

    def __len__(self) -> int:
        return len(self.data_source)


class RandomSampler(Sampler):
    """A random order of all items; or `num_samples` of them, `replacement` says whether an item may come twice."""

    def __init__(
        self,
        data_source: Sized,
        replacement: bool = False,
        num_samples: int | None = None,
        generator: Generator | None = None,
    ):
        self.data_source, self.replacement, self.generator = data_source, replacement, generator
        self.num_samples = len(data_source) if num_samples is None else _count("RandomSampler", num_samples)

    def __iter__(self) -> Iterator[int]:
        rng, n = self.generator or default_generator(), len(self.data_source)
        if self.replacement:
            return iter(rng.integers(n, size=self.num_samples).tolist())
        rounds = -(-self.num_samples // n)  # as in PyTorch, more than there are begin a new order
        return iter(np.concatenate([rng.permutation(n) for _ in range(rounds)])[: self.num_samples].tolist())

    def __len__(self) -> int:
        return self.num_samples


class SubsetRandomSampler(Sampler):
    """The given indices in a random order."""

    def __init__(self, indices: Sequence[int], generator: Generator | None = None):
        self.indices, self.generator = indices, generator

    def __iter__(self) -> Iterator[int]:
        order = (self.generator or default_generator()).permutation(len(self.indices))
        return (int(self.indices[i]) for i in order.tolist())

    def __len__(self) -> int:
        return len(self.indices)


class WeightedRandomSampler(Sampler):
    """`num_samples` indices, each drawn with a probability proportional to its weight.

    >>> import numpy as np
    >>> list(WeightedRandomSampler([0.0, 1.0], 3))
    [1, 1, 1]
    """

    def __init__(self, weights: Any, num_samples: int, replacement: bool = True, generator: Generator | None = None):
        self.weights: Array = np.asarray(weights.array if isinstance(weights, Tensor) else weights, np.float64)
        self.num_samples, self.replacement = _count("WeightedRandomSampler", num_samples), replacement
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


def _count(sampler: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise ValueError(f"{sampler}: num_samples must be a positive integer, got {value!r}")
    return int(value)
