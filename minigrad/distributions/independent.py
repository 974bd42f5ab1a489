"""A distribution whose last batch axes are read as axes of its values."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, Self

from minigrad.distributions.distribution import Distribution, Source, sum_rightmost
from minigrad.errors import ShapeError
from minigrad.tensors.tensor import Tensor

__all__ = ["Independent"]


class Independent(Distribution):
    """`base_distribution` with its last `reinterpreted_batch_ndims` batch axes as axes of the event.

    `log_prob` and `entropy` are sums over them. The base distribution validates the values.

    >>> import minigrad as mg
    >>> from minigrad.distributions import Normal
    >>> Independent(Normal(mg.zeros(5, 3), 1.0), 1).log_prob(mg.zeros(3)).shape
    (5,)
    """

    mean = property(lambda self: self.base_dist.mean)
    mode = property(lambda self: self.base_dist.mode)
    variance = property(lambda self: self.base_dist.variance)

    def __init__(self, base_distribution: Distribution, reinterpreted_batch_ndims: int, validate_args: bool | None = None):
        batch, count = base_distribution.batch_shape, reinterpreted_batch_ndims
        if not 0 <= count <= len(batch):
            raise ShapeError(
                f"Independent: reinterpreted_batch_ndims must be within the {len(batch)} batch axes, got {count}"
            )
        self.base_dist, self.reinterpreted_batch_ndims = base_distribution, count
        self.has_rsample = base_distribution.has_rsample
        event = batch[len(batch) - count :] + base_distribution.event_shape
        super().__init__(batch[: len(batch) - count], event, validate_args)

    def expand(self, batch_shape: Sequence[int]) -> Self:
        new = copy.copy(self)
        new._batch_shape = tuple(batch_shape)
        new.base_dist = self.base_dist.expand((*batch_shape, *self._event_shape[: self.reinterpreted_batch_ndims]))
        return new

    def sample(self, sample_shape: Sequence[int] = (), generator: Source = None) -> Tensor:
        return self.base_dist.sample(sample_shape, generator)

    def rsample(self, sample_shape: Sequence[int] = (), generator: Source = None) -> Tensor:
        return self.base_dist.rsample(sample_shape, generator)

    def log_prob(self, value: Any) -> Tensor:
        return sum_rightmost(self.base_dist.log_prob(value), self.reinterpreted_batch_ndims)

    def entropy(self) -> Tensor:
        return sum_rightmost(self.base_dist.entropy(), self.reinterpreted_batch_ndims)

    def __repr__(self) -> str:
        return f"Independent({self.base_dist}, {self.reinterpreted_batch_ndims})"
