"""Kullback-Leibler divergences of pairs of distributions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from minigrad import ops
from minigrad.distributions.continuous import Normal, Uniform
from minigrad.distributions.discrete import Bernoulli, Categorical
from minigrad.distributions.distribution import Distribution, Independent, sum_rightmost
from minigrad.tensors.tensor import Tensor

__all__ = ["kl_divergence", "register_kl"]

Formula = TypeVar("Formula", bound=Callable[[Any, Any], Tensor])
_formulas: dict[tuple[type, type], Callable[[Any, Any], Tensor]] = {}


def register_kl(type_p: type[Distribution], type_q: type[Distribution]) -> Callable[[Formula], Formula]:
    """Return a decorator of the function that computes `kl_divergence` of two classes and their subclasses.

    >>> from minigrad.distributions import Normal, kl_divergence
    >>> class OfScaleOne(Normal):
    ...     pass
    >>> @register_kl(OfScaleOne, OfScaleOne)
    ... def _(p, q):
    ...     return (p.loc - q.loc) ** 2 / 2
    >>> kl_divergence(OfScaleOne(3.0, 1.0), OfScaleOne(1.0, 1.0))
    tensor(2.)
    """
    for kind in (type_p, type_q):
        if not (isinstance(kind, type) and issubclass(kind, Distribution)):
            raise TypeError(f"register_kl: needs subclasses of Distribution, got {kind!r}")

    def register(formula: Formula) -> Formula:
        _formulas[type_p, type_q] = formula
        return formula

    return register


def kl_divergence(p: Distribution, q: Distribution) -> Tensor:
    """Return the divergence KL(p || q), the mean under p of log p(x) - log q(x), for each distribution of the batch.

    Raises NotImplementedError for a pair of classes without a formula; the one of the nearest classes is used.

    >>> from minigrad.distributions import Normal
    >>> kl_divergence(Normal(1.0, 1.0), Normal(0.0, 1.0))
    tensor(0.5000)
    """
    for pair in ((a, b) for a in type(p).__mro__ for b in type(q).__mro__):
        if pair in _formulas:
            return _formulas[pair](p, q)
    raise NotImplementedError(f"kl_divergence: no formula for {type(p).__name__} and {type(q).__name__}: see register_kl")


@register_kl(Normal, Normal)
def _(p: Normal, q: Normal) -> Tensor:
    ratio, distance = (p.scale / q.scale) ** 2, ((p.loc - q.loc) / q.scale) ** 2
    return (ratio + distance - 1 - ops.log(ratio)) / 2


@register_kl(Uniform, Uniform)
def _(p: Uniform, q: Uniform) -> Tensor:
    return ops.where((q.low > p.low) | (q.high < p.high), np.inf, q.entropy() - p.entropy())


@register_kl(Bernoulli, Bernoulli)
def _(p: Bernoulli, q: Bernoulli) -> Tensor:
    one = p.probs * (ops.softplus(-q.logits) - ops.softplus(-p.logits))
    zero = (1 - p.probs) * (ops.softplus(q.logits) - ops.softplus(p.logits))
    one = ops.where(p.probs == 0, 0.0, ops.where(q.probs == 0, np.inf, one))
    return one + ops.where(p.probs == 1, 0.0, ops.where(q.probs == 1, np.inf, zero))


@register_kl(Categorical, Categorical)
def _(p: Categorical, q: Categorical) -> Tensor:
    terms = p.probs * (p.logits - q.logits)
    return ops.sum(ops.where(p.probs == 0, 0.0, ops.where(q.probs == 0, np.inf, terms)), axis=-1)


@register_kl(Independent, Independent)
def _(p: Independent, q: Independent) -> Tensor:
    if p.reinterpreted_batch_ndims != q.reinterpreted_batch_ndims:
        raise NotImplementedError("kl_divergence: both Independent must have the same reinterpreted_batch_ndims")
    return sum_rightmost(kl_divergence(p.base_dist, q.base_dist), p.reinterpreted_batch_ndims)
