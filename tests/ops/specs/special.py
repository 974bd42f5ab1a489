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


def with_three(*draws):
    def sample(rng):
        a, b = two_shapes(rng)
        arrays = [draw(rng, shape) for draw, shape in zip(draws, (a, b, a), strict=True)]
        return Sample(tuple(arrays))

    return sample


def with_a_value(*draws):
    three = with_three(*draws)
    return lambda rng: Sample(three(rng).args, {"value": choice(rng, 1, -0.5)})


def filled(x, nan, posinf, neginf):
    return np.nan_to_num(x, nan=nan, posinf=posinf, neginf=neginf)


def rounding(x, y, rounding_mode):
    return np.trunc(x / y) if rounding_mode else x / y


SPECS = [
    unary("rsqrt", mg.rsqrt, lambda x: 1 / np.sqrt(x), within(0.5, 3.0), analytic=True),
    unary("erf", mg.erf, each(math.erf), within(-3.0, 3.0)),
    unary("erfc", mg.erfc, each(math.erfc), within(-3.0, 3.0)),
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
    OpSpec("div", mg.div, rounding, lambda rng: Sample((off_integers(rng, (2, 3)), np.ones(3), choice(rng, None, "trunc"))),
           errors=(Refusal(Sample((np.ones(1), np.ones(1), "up")), ValueError, "rounding_mode must be None"),)),
    OpSpec("nan_to_num", mg.nan_to_num, filled, lambda rng: Sample((normal(rng, (3, 3)), 0.25, 3.0, -3.0)), linear_in=(0,)),
]  # fmt: skip
