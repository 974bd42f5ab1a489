"""Specs of the elementwise functions that are not ufuncs; erf against Python's own."""

from __future__ import annotations

import math

import numpy as np

import minigrad as mg
from minigrad.testing import OpSpec, Refusal, Sample
from tests.ops.samples import a_shape, binary, both, choice, nonzero, normal, off_integers, two_shapes, unary, within

inside = within(0.05, 0.95)


def each(f):
    """A function of one number, applied to each element."""
    return lambda x: np.array([f(float(v)) for v in x.ravel()]).reshape(x.shape)


def bisected(f, low, high):
    """Where an increasing function of one number has a value."""

    def find(y):
        a, b = low, high
        for _ in range(70):
            middle = (a + b) / 2
            a, b = (middle, b) if f(middle) < y else (a, middle)
        return (a + b) / 2

    return each(find)


def sum_of_powers(n, x, terms=100_000):
    """polygamma as the sum over k of minus the (n+1)-st derivatives of log(x + k); the rest of it as an integral."""
    far = terms - 0.5

    def of_one(v):
        powers = (np.arange(terms) + v) ** (-n - 1.0)
        if n == 0:
            return math.log(far + v) - powers.sum()
        return (-1) ** (n + 1) * math.factorial(n) * (powers.sum() + (far + v) ** -n / n)

    return each(of_one)(x)


def off_poles(rng, shape):
    """Of either sign, far from 0 and from the negative integers."""
    return np.asarray(rng.choice([rng.integers(-4, 4) + 0.3, rng.integers(-4, 4) + 0.6], shape) + rng.uniform(0, 0.1, shape))


def with_three(*draws):
    def sample(rng):
        a, b = two_shapes(rng)
        arrays = [draw(rng, shape) for draw, shape in zip(draws, (a, b, a), strict=True)]
        return Sample(tuple(arrays))

    return sample


def with_a_value(*draws):
    three = with_three(*draws)
    return lambda rng: Sample(three(rng).args, {"value": choice(rng, 1, -0.5)})


def bounded(rng):
    return Sample((off_integers(rng, a_shape(rng)), choice(rng, -1.0, 0.0, 1)))


def filled(x, nan, posinf, neginf):
    return np.nan_to_num(x, nan=nan, posinf=posinf, neginf=neginf)


def rounding(x, y, rounding_mode):
    return {None: np.asarray, "trunc": np.trunc, "floor": np.floor}[rounding_mode](x / y)


SPECS = [
    unary("rsqrt", mg.rsqrt, lambda x: 1 / np.sqrt(x), within(0.5, 3.0), analytic=True),
    unary("erf", mg.erf, each(math.erf), within(-3.0, 3.0)),
    unary("erfc", mg.erfc, each(math.erfc), within(-3.0, 3.0)),
    unary("erfinv", mg.erfinv, bisected(math.erf, -3.0, 3.0), within(-0.95, 0.95)),
    unary("ndtr", mg.ndtr, each(lambda v: (1 + math.erf(v / math.sqrt(2))) / 2), within(-3.0, 3.0)),
    unary("entr", mg.entr, lambda x: np.where(x > 0, -x * np.log(np.abs(x)), -np.inf), within(0.1, 3.0)),
    unary("lgamma", mg.lgamma, each(math.lgamma), off_poles),
    unary("digamma", mg.digamma, lambda x: sum_of_powers(0, x), off_poles),
    OpSpec("polygamma", mg.polygamma, sum_of_powers, lambda rng: Sample((int(rng.integers(0, 4)), off_poles(rng, (2, 3)))),
           errors=(Refusal(Sample((-1, np.ones(1))), ValueError, "polygamma: n must be at least 0, got -1"),)),
    OpSpec("clamp_min", mg.clamp_min, np.maximum, bounded),
    OpSpec("clamp_max", mg.clamp_max, np.minimum, bounded),
    unary("sinc", mg.sinc, np.sinc, within(-3.0, 3.0)),
    unary("sinc near 0", mg.sinc, np.sinc, within(-1e-3, 1e-3), covers=("sinc",)),
    unary("frac", mg.frac, lambda x: np.modf(x)[0], off_integers),
    OpSpec("round", mg.round, np.round, lambda rng: Sample((off_integers(rng, a_shape(rng)),))),
    OpSpec("logit", mg.logit, lambda x, eps=None: np.log(x / (1 - x)), lambda rng: Sample((inside(rng, a_shape(rng)),))),
    OpSpec("logit with eps", mg.logit, lambda x, eps: each(lambda v: math.log(v / (1 - v)))(np.clip(x, eps, 1 - eps)),
           lambda rng: Sample((within(-0.4, 1.4)(rng, (3, 4)), 0.03125)), ("logit",)),
    binary("xlogy", mg.xlogy, lambda x, y: x * np.log(y), both(within(0.5, 3.0))),
    OpSpec("lerp", mg.lerp, lambda x, y, w: (1 - w) * x + w * y, with_three(normal, normal, normal), linear_in=(0, 1)),
    OpSpec("addcmul", mg.addcmul, lambda x, a, b, value: x + value * (a * b), with_a_value(normal, normal, normal),
           linear_in=(0, 1)),
    OpSpec("addcdiv", mg.addcdiv, lambda x, a, b, value: x + value * (a / b), with_a_value(normal, normal, nonzero),
           linear_in=(0, 1)),
    OpSpec("div", mg.div, rounding,
           lambda rng: Sample((off_integers(rng, (2, 3)), np.ones(3), choice(rng, None, "trunc", "floor"))),
           errors=(Refusal(Sample((np.ones(1), np.ones(1), "up")), ValueError, "rounding_mode must be None"),)),
    OpSpec("nan_to_num", mg.nan_to_num, filled, lambda rng: Sample((normal(rng, (3, 3)), 0.25, 3.0, -3.0)), linear_in=(0,)),
    unary("erfcx", mg.special.erfcx, each(lambda v: math.exp(v * v) * math.erfc(v)), within(-2.0, 4.0)),
    unary("ndtri", mg.special.ndtri, bisected(lambda v: (1 + math.erf(v / math.sqrt(2))) / 2, -4.0, 4.0),
          within(0.02, 0.98)),
    unary("log_ndtr", mg.special.log_ndtr, each(lambda v: math.log(math.erfc(-v / math.sqrt(2)) / 2)), within(-6.0, 3.0)),
    binary("xlog1py", mg.special.xlog1py, lambda x, y: x * np.log(1 + y), both(within(0.5, 3.0))),
    OpSpec("multigammaln", mg.special.multigammaln,
           lambda x, p: sum(each(math.lgamma)(x - i / 2) for i in range(p)) + p * (p - 1) / 4 * math.log(math.pi),
           lambda rng: Sample((within(2.0, 5.0)(rng, a_shape(rng)), int(rng.integers(1, 5)))),
           errors=(Refusal(Sample((np.ones(1), 0)), ValueError, "multigammaln: p must be at least 1, got 0"),)),
]  # fmt: skip
