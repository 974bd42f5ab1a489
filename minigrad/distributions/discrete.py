"""The distributions of 0 and 1, and of class indices."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from minigrad import ops
from minigrad.distributions import constraints
from minigrad.distributions.distribution import Distribution, Source, broadcast_all, derived
from minigrad.errors import ShapeError
from minigrad.kernels.errstate import errstate
from minigrad.tensors.creation import as_tensor, bernoulli, multinomial
from minigrad.tensors.tensor import Tensor

__all__ = ["Bernoulli", "Categorical"]


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
        name, value = _given(self, probs, logits)
        vars(self)[name] = value
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


class Categorical(Distribution):
    """The distribution of class indices with weights `probs`, of any positive sum, or `logits`, along the last axis.

    One of both is given; as in PyTorch logits of `probs` are those of probabilities within [eps, 1 - eps] of the dtype. Mean
    and variance are NaN. See `Distribution` for shapes, errors and gradients.

    >>> import minigrad as mg
    >>> weights = mg.tensor([1.0, 1.0, 2.0], requires_grad=True)
    >>> d = Categorical(weights)
    >>> action = d.sample()
    >>> loss = -d.log_prob(action) * 2.0  # REINFORCE: a reward of 2
    >>> loss.backward()
    >>> d.entropy()
    tensor(1.0397, grad_fn=<Negative>)
    """

    arg_constraints = {"probs": constraints.simplex, "logits": constraints.real_vector}
    support = property(lambda self: constraints.integer_interval(0, self._count - 1))
    mean = variance = property(lambda self: ops.sum(self.probs, axis=-1) * np.nan)
    mode = property(lambda self: ops.argmax(self.probs, -1))

    def __init__(self, probs: Any = None, logits: Any = None, validate_args: bool | None = None):
        name, value = _given(self, probs, logits)
        if value.ndim == 0:
            raise ShapeError("Categorical: probs or logits must have an axis of classes, got shape ()")
        if name == "logits":
            vars(self)["logits"] = value - ops.logsumexp(value, axis=-1, keepdims=True)
        else:
            with errstate(invalid="ignore"):  # weights of 0 alone: the validation reports NaN
                vars(self)["probs"] = value / ops.sum(value, axis=-1, keepdims=True)
        self._count = value.shape[-1]
        super().__init__(value.shape[:-1], (), validate_args)

    @derived
    def logits(self) -> Tensor:
        """The logarithms of the probabilities."""
        eps = float(np.finfo(self.probs.dtype).eps)
        return ops.log(ops.clip(self.probs, eps, 1 - eps))

    @derived
    def probs(self) -> Tensor:
        """The probabilities."""
        return ops.softmax(self.logits, -1)

    def sample(self, sample_shape: Sequence[int] = (), generator: Source = None) -> Tensor:
        rows = self.probs.reshape(-1, self._count)
        drawn = multinomial(rows, math.prod(sample_shape), True, generator)
        return ops.reshape(drawn.T, self._extended_shape(sample_shape))

    def log_prob(self, value: Any) -> Tensor:
        index = ops.astype(as_tensor(self._checked(value)), np.int64)
        shape = np.broadcast_shapes(index.shape, self._batch_shape)
        logits = ops.broadcast_to(self.logits, (*shape, self._count))
        return ops.squeeze(ops.gather(logits, -1, ops.unsqueeze(ops.broadcast_to(index, shape), -1)), -1)

    def entropy(self) -> Tensor:
        return -ops.sum(self.probs * ops.clip(self.logits, float(np.finfo(self.logits.dtype).min), None), axis=-1)


def _given(distribution: Distribution, probs: Any, logits: Any) -> tuple[str, Tensor]:
    """Return the name and the value of the parameter that is given, one of both."""
    if (probs is None) == (logits is None):
        raise ValueError(f"{type(distribution).__name__}: needs either probs or logits")
    (value,) = broadcast_all(logits if probs is None else probs)
    return "logits" if probs is None else "probs", value
