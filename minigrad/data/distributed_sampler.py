"""DistributedSampler: a part of a dataset for each rank."""

from __future__ import annotations

from collections.abc import Iterator, Sized

import numpy as np

from minigrad.data.samplers import Sampler
from minigrad.distributed import get_rank, get_world_size

__all__ = ["DistributedSampler"]


class DistributedSampler(Sampler):
    """Every `num_replicas`-th index, from `rank` on, of all indices in the order of this epoch; all ranks get equally many.

    Some indices at the beginning are repeated for that, or with `drop_last` some at the end left out. With `shuffle` the
    order is a function of `seed` and the epoch, which `set_epoch` sets on every rank before each epoch. `num_replicas` and
    `rank` are by default those of the process group (ValueError without one).

    >>> [list(DistributedSampler(range(5), 2, rank, shuffle=False)) for rank in (0, 1)]
    [[0, 2, 4], [1, 3, 0]]
    >>> sampler = DistributedSampler(range(5), 2, 0, drop_last=True)
    >>> sampler.set_epoch(3)
    >>> len(sampler), len(list(sampler))
    (2, 2)
    """

    def __init__(
        self,
        dataset: Sized,
        num_replicas: int | None = None,
        rank: int | None = None,
        shuffle: bool = True,
        seed: int = 0,
        drop_last: bool = False,
    ):
        self.dataset, self.shuffle, self.seed, self.drop_last, self.epoch = dataset, shuffle, seed, drop_last, 0
        self.num_replicas = get_world_size() if num_replicas is None else num_replicas
        self.rank = get_rank() if rank is None else rank
        if not 0 <= self.rank < self.num_replicas:
            raise ValueError(
                f"DistributedSampler: rank must be within 0 to {self.num_replicas - 1}, one of the replicas, got {self.rank}"
            )
        self.num_samples = len(dataset) // self.num_replicas
        if not drop_last and len(dataset) % self.num_replicas:
            self.num_samples += 1
        self.total_size = self.num_samples * self.num_replicas

    def set_epoch(self, epoch: int) -> None:
        """Set the number of the epoch, which decides the order; without it every epoch has the same."""
        self.epoch = epoch

    def __iter__(self) -> Iterator[int]:
        n = len(self.dataset)
        order = np.random.default_rng([self.seed, self.epoch]).permutation(n) if self.shuffle else np.arange(n)
        return iter(np.resize(order, self.total_size)[self.rank :: self.num_replicas].tolist())

    def __len__(self) -> int:
        return self.num_samples
