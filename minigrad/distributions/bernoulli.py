"""The Bernoulli distribution."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minigrad import ops
from minigrad.distributions import constraints
from minigrad.distributions.distribution import Distribution, Source, broadcast_all, derived
from minigrad.tensors.creation import bernoulli
from minigrad.tensors.tensor import Tensor

__all__ = ["Bernoulli"]


class Bernoulli(Distribution):
    """The distribution of 1 with probability `probs`, or sigmoid(`logits`), and else 0.

    One of both is given; as in PyTorch logits of `probs` are those of probabilities within [eps, 1 - eps] of the dtype. See
    `Distribution` for shapes, errors and gradients.

    >>> Bernoulli(0.25).log_prob(1.0).exp()
    tensor(0.2500)
    """

    arg_constraints = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.boolean
    mean = property(lambda self: self.probs)
    mode = property(lambda self: ops.where(self.probs == 0.5, np.nan, ops.astype(self.probs >= 0.5, self.probs.dtype)))
    variance = property(lambda self: self.probs * (1 - self.probs))

    def __init__(self, probs: Any = None, logits: Any = None, validate_args: bool | None = None):
        if (probs is None) == (logits is None):
            raise ValueError("Bernoulli: needs either probs or logits")
        (value,) = broadcast_all(logits if probs is None else probs)
        vars(self)["logits" if probs is None else "probs"] = value
        super().__init__(value.shape, (), validate_args)

    @derived
    def logits(self) -> Tensor:
        """The logarithm of the odds of 1."""
        return ops.logit(self.probs, eps=float(np.finfo(self.probs.dtype).eps))

    @derived
    def probs(self) -> Tensor:
        """The probability of 1."""
        return ops.sigmoid(self.logits)

    def sample(self, sample_shape: Sequence[int] = (), generator: Source = None) -> Tensor:
        return bernoulli(ops.broadcast_to(self.probs, self._extended_shape(sample_shape)), generator=generator)

    def log_prob(self, value: Any) -> Tensor:
        logits, value = broadcast_all(self.logits, self._checked(value))
        return -ops.binary_cross_entropy_with_logits(logits, value, reduction="none")

    def entropy(self) -> Tensor:
        return ops.binary_cross_entropy_with_logits(self.logits, self.probs, reduction="none")
