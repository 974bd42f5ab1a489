"""Dropout, element by element and channel by channel."""

from __future__ import annotations

import numpy as np

import minigrad.nn.functional as F
from minigrad.errors import ShapeError
from minigrad.testing import OpSpec, Sample
from tests.ops.samples import nonzero, normal, refuse

__all__ = ["SPECS"]


def seeded(f):
    return lambda x, p, seed: f(x, p, generator=np.random.default_rng(seed))


def naive_dropout(n):
    def reference(x, p, seed):
        size = x.shape if n is None else (*x.shape[:2], *[1] * n)
        kept = np.random.default_rng(seed).random(size, dtype=np.float32) >= p
        return x * (p == 0) if p in (0, 1) else np.where(kept, x / (1 - p), 0)

    return reference


def sample(n):
    def draw(rng):
        size = rng.integers(0, 4, rng.integers(0, 4)) if n is None else rng.integers(1, 4, n + 2)
        return Sample((rng.standard_normal(size), float(rng.choice([0.0, 0.3, 0.8, 1.0])), int(rng.integers(0, 1000))))

    return draw


def to_be_noisy(rng):
    return Sample((normal(rng, (3, 4)), 0.7, int(rng.integers(0, 2)), int(rng.integers(99))))


def noisy(x, tau, dim, seed):
    return F.gumbel_softmax(x, tau, dim=dim, generator=np.random.default_rng(seed))


def noisy_softmax(x, tau, dim, seed):
    z = (x - np.log(np.random.default_rng(seed).standard_exponential(x.shape))) / tau
    return np.exp(z) / np.exp(z).sum(dim, keepdims=True)


def in_training(f):
    return lambda x, p, seed: f(x, p, True, generator=np.random.default_rng(seed))


def naive_alpha_dropout(channels):
    """PyTorch's formula: a * (x, or alpha if dropped) + b."""

    def reference(x, p, seed):
        if p in (0, 1):
            return x * (p == 0)
        size = (*x.shape[:2], *[1] * (x.ndim - 2)) if channels else x.shape
        kept = np.random.default_rng(seed).random(size, dtype=np.float32) >= p
        alpha = -1.7580993408473766
        a = 1 / np.sqrt((alpha**2 * p + 1) * (1 - p))
        return a * np.where(kept, x, alpha) - a * alpha * p

    return reference


def noisy_rrelu(x, seed, training):
    return F.rrelu(x, 0.1, 0.4, training, generator=np.random.default_rng(seed))


def naive_rrelu(x, seed, training):
    slopes = np.random.default_rng(seed).uniform(0.1, 0.4, x.shape) if training else 0.25
    return np.where(x > 0, x, slopes * x)


SPECS = [
    OpSpec(name, seeded(getattr(F, name)), naive_dropout(n), sample(n), linear_in=(0,), errors=(
        refuse(ValueError, rf"{name}: p must be within \[0, 1\], got 1.5", np.ones((2, 3, *[4] * (n or 1))), 1.5, 0),
        *([refuse(ShapeError, rf"{name}: input must be \(N, C, ", np.ones(3), 0.5, 0)] if n else []),
    ))
    for name, n in (("dropout", None), ("dropout1d", 1), ("dropout2d", 2), ("dropout3d", 3))
]  # fmt: skip
SPECS += [
    OpSpec("gumbel_softmax", noisy, noisy_softmax, to_be_noisy),
    OpSpec("alpha_dropout", in_training(F.alpha_dropout), naive_alpha_dropout(False), sample(None), errors=(
        refuse(ValueError, r"alpha_dropout: p must be within \[0, 1\], got 1.5", np.ones(3), 1.5, 0),)),
    OpSpec("feature_alpha_dropout", in_training(F.feature_alpha_dropout), naive_alpha_dropout(True), sample(2), errors=(
        refuse(ShapeError, r"input must be \(N, C, \.\.\.\), got shape \(3,\)", np.ones(3), 0.5, 0),)),
    OpSpec("rrelu", noisy_rrelu, naive_rrelu,
           lambda rng: Sample((nonzero(rng, (3, 4)), int(rng.integers(99)), bool(rng.random() < 0.5))), homogeneous_in=(0,)),
    OpSpec("rrelu as it is", F.rrelu, lambda x: np.where(x > 0, x, x * (1 / 8 + 1 / 3) / 2),
           lambda rng: Sample((nonzero(rng, (3, 4)),)), ("rrelu",),
           errors=(refuse(ValueError, "rrelu: lower must be at most upper, got 0.5 and 0.25", np.ones(3), 0.5, 0.25),)),
]  # fmt: skip
