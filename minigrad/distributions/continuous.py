"""The normal and the uniform distribution."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from minigrad import ops
from minigrad.distributions import constraints
from minigrad.distributions.distribution import HALF_LOG_TAU, Distribution, Source, broadcast_all
from minigrad.tensors.creation import rand, randn
from minigrad.tensors.tensor import Tensor

__all__ = ["Normal", "Uniform"]


class Normal(Distribution):
    """The normal distribution with mean `loc` and standard deviation `scale`, numbers or tensors that broadcast.

    `cdf` is accurate in both tails. See `Distribution` for shapes, errors and gradients.

    >>> import minigrad as mg
    >>> d = Normal(0.0, mg.tensor([1.0, 2.0], requires_grad=True))
    >>> d.log_prob(0.0)
    tensor([-0.9189, -1.6121], grad_fn=<Subtract>)
    >>> d.rsample((3,)).shape
    (3, 2)
    >>> Normal(0.0, -1.0)
    Traceback (most recent call last):
    ValueError: Normal: scale must be positive, got -1.0
    """

    has_rsample = True
    arg_constraints = {"loc": constraints.real, "scale": constraints.positive}
    support = constraints.real
    mean = mode = property(lambda self: self.loc)
    stddev = property(lambda self: self.scale)
    variance = property(lambda self: self.scale**2)

    def __init__(self, loc: Any, scale: Any, validate_args: bool | None = None):
        self.loc, self.scale = broadcast_all(loc, scale)
        super().__init__(self.loc.shape, (), validate_args)

    def rsample(self, sample_shape: Sequence[int] = (), generator: Source = None) -> Tensor:
        return self.loc + self.scale * randn(self._extended_shape(sample_shape), generator=generator, dtype=self.loc.dtype)

    def log_prob(self, value: Any) -> Tensor:
        return -(((self._checked(value) - self.loc) / self.scale) ** 2) / 2 - ops.log(self.scale) - HALF_LOG_TAU

    def cdf(self, value: Any) -> Tensor:
        return ops.ndtr((self._checked(value) - self.loc) / self.scale)

    def icdf(self, value: Any) -> Tensor:
        return self.loc + self.scale * ops.erfinv(2 * value - 1) * math.sqrt(2)

    def entropy(self) -> Tensor:
        return 0.5 + HALF_LOG_TAU + ops.log(self.scale)


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
