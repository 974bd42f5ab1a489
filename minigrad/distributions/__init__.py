"""Probability distributions under the names of `torch.distributions`."""

from minigrad.distributions import constraints
from minigrad.distributions.continuous import Normal, Uniform
from minigrad.distributions.discrete import Bernoulli, Categorical
from minigrad.distributions.distribution import Distribution, Independent
from minigrad.distributions.kl import kl_divergence, register_kl
from minigrad.distributions.multivariate_normal import MultivariateNormal

__all__ = [
    "Bernoulli", "Categorical", "Distribution", "Independent", "MultivariateNormal", "Normal", "Uniform", "constraints",
    "kl_divergence", "register_kl",
]  # fmt: skip
