"""The uniform distribution."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minigrad import ops
from minigrad.distributions import constraints
from minigrad.distributions.distribution import Distribution, Source, broadcast_all
from minigrad.tensors.creation import rand
from minigrad.tensors.tensor import Tensor

__all__ = ["Uniform"]


class Uniform(Distribution):
    """The uniform distribution on [low, high), numbers or tensors that broadcast; the density at `high` is 0.

    See `Distribution` for shapes, errors and gradients.

    >>> Uniform(0.0, 4.0).log_prob(1.0).exp()
    tensor(0.2500)
    """

    has_rsample = True
    arg_constraints = {"low": constraints.real, "high": constraints.real}
    support = property(lambda self: constraints.interval(self.low, self.high))
    mean = property(lambda self: (self.high + self.low) / 2)
    mode = property(lambda self: self.high * np.nan)
    variance = property(lambda self: (self.high - self.low) ** 2 / 12)

    def __init__(self, low: Any, high: Any, validate_args: bool | None = None):
        self.low, self.high = broadcast_all(low, high)
        super().__init__(self.low.shape, (), validate_args)
        if self._validate_args:
            self._validate("high - low", (self.high - self.low).array, constraints.positive)

    def rsample(self, sample_shape: Sequence[int] = (), generator: Source = None) -> Tensor:
        drawn = rand(self._extended_shape(sample_shape), generator=generator, dtype=self.low.dtype)
        return self.low + drawn * (self.high - self.low)

    def log_prob(self, value: Any) -> Tensor:
        value = self._checked(value)
        return ops.where((self.low <= value) & (value < self.high), -self.entropy(), -np.inf)

    def cdf(self, value: Any) -> Tensor:
        return ops.clip((self._checked(value) - self.low) / (self.high - self.low), 0, 1)

    def icdf(self, value: Any) -> Tensor:
        return self.low + value * (self.high - self.low)

    def entropy(self) -> Tensor:
        return ops.log(self.high - self.low)
