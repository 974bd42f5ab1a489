"""Specs of the activations, against the formulas of PyTorch's documentation."""

from __future__ import annotations

import math

import numpy as np

import minigrad as mg
from minigrad.errors import ShapeError
from minigrad.testing import OpSpec, Refusal, Sample
from tests.ops.samples import a_shape, axes, between, choice, nonzero, normal, refuse, unary

erf = np.vectorize(math.erf, otypes=[float])
AT_ZERO = {"kinks": (Sample((np.array([0.0, 1.0]),)),)}


def with_option(draw, **options):
    """A call with each option at its default or at one of the values given."""

    def sample(rng):
        chosen = {name: choice(rng, *values) for name, values in options.items() if rng.random() < 0.7}
        return Sample((draw(rng, a_shape(rng)),), chosen)

    return sample


def with_slopes(rng):
    shape = (*a_shape(rng, 1, 1), int(rng.integers(1, 4)), *a_shape(rng, 0, 2))
    return Sample((nonzero(rng, shape), normal(rng, (choice(rng, 1, shape[1]),))))


def sloped(x, weight):
    out = x.copy()
    for at in np.argwhere(x < 0):
        out[tuple(at)] *= weight[at[1] % len(weight)]
    return out


def in_halves(rng):
    shape = list(a_shape(rng, 1, 3))
    axis = axes(rng, len(shape), one=True)
    shape[axis] *= 2
    return Sample((normal(rng, tuple(shape)), axis))


def gated(x, axis):
    a, b = np.split(x, 2, axis)
    return a / (1 + np.exp(-b))


def along_an_axis(rng):
    shape = a_shape(rng, 1, 3, empty=False)
    return Sample((normal(rng, shape), axes(rng, len(shape), one=True)))


def refused(*args, says, error=ValueError, **kwargs):
    return {"errors": (Refusal(Sample((np.ones((2, 3)), *args), kwargs), error, says),)}


def gelu(x, approximate="none"):
    if approximate == "none":
        return 0.5 * x * (1 + erf(x / math.sqrt(2)))
    return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


def softplus(x, beta=1.0, threshold=20.0):
    return np.where(beta * x > threshold, x, np.log(1 + np.exp(beta * x)) / beta)


SPECS = [
    unary("relu", mg.relu, lambda x: x * (x > 0), nonzero, homogeneous_in=(0,), tie_rule="zero", **AT_ZERO),
    OpSpec("leaky_relu", mg.leaky_relu, lambda x, negative_slope=0.01: np.maximum(x, 0) + negative_slope * np.minimum(x, 0),
           with_option(nonzero, negative_slope=(0.5, -1.0)), homogeneous_in=(0,), **AT_ZERO),
    OpSpec("prelu", mg.prelu, sloped, with_slopes, homogeneous_in=(0,),
           errors=(refuse(ShapeError, "expected 1 or 3 slopes", np.ones((2, 3)), np.ones(2)),
                   refuse(ShapeError, "expected 1 or 1 slopes", np.ones(2), np.ones(2)))),
    OpSpec("elu", mg.elu, lambda x, alpha=1.0: np.where(x > 0, x, alpha * (np.exp(x) - 1)),
           with_option(nonzero, alpha=(0.5, 2.0))),
    unary("selu", mg.selu, lambda x: 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * (np.exp(x) - 1)), nonzero),
    OpSpec("celu", mg.celu, lambda x, alpha=1.0: np.maximum(x, 0) + np.minimum(0, alpha * (np.exp(x / alpha) - 1)),
           with_option(nonzero, alpha=(0.5, 2.0))),
    OpSpec("gelu", mg.gelu, gelu, with_option(normal, approximate=("tanh",)),
           **refused("sigmoid", says="must be 'none' or 'tanh'")),
    OpSpec("softplus", mg.softplus, softplus, with_option(normal, beta=(0.5, 3.0), threshold=(8.0, 30.0))),
    OpSpec("hardtanh", mg.hardtanh, lambda x, min_val=-1.0, max_val=1.0: np.minimum(np.maximum(x, min_val), max_val),
           with_option(between(-1, 1), min_val=(-9.0,), max_val=(9.0,)), tie_rule="zero",
           kinks=(Sample((np.array([-1.0, 1.0]),)),), **refused(2.0, 1.0, says="min_val must be at most max_val")),
    unary("relu6", mg.relu6, lambda x: np.minimum(np.maximum(x, 0), 6), between(0, 6, reach=9)),
    unary("hardsigmoid", mg.hardsigmoid, lambda x: np.minimum(np.maximum(x / 6 + 0.5, 0), 1), between(-3, 3, reach=5)),
    unary("hardswish", mg.hardswish, lambda x: x * np.minimum(np.maximum(x + 3, 0), 6) / 6, between(-3, 3, reach=5)),
    unary("silu", mg.silu, lambda x: x / (1 + np.exp(-x)), analytic=True),
    unary("mish", mg.mish, lambda x: x * np.tanh(np.log(1 + np.exp(x))), analytic=True),
    unary("logsigmoid", mg.logsigmoid, lambda x: -np.log(1 + np.exp(-x)), analytic=True),
    unary("softsign", mg.softsign, lambda x: x / (1 + np.abs(x)), nonzero),
    unary("tanhshrink", mg.tanhshrink, lambda x: x - np.tanh(x), analytic=True),
    OpSpec("softshrink", mg.softshrink, lambda x, lambd=0.5: np.sign(x) * np.maximum(np.abs(x) - lambd, 0),
           with_option(between(-1, -0.5, 0.5, 1), lambd=(1.0,)), **refused(-1.0, says="lambd must be at least 0")),
    OpSpec("hardshrink", mg.hardshrink, lambda x, lambd=0.5: x * (np.abs(x) > lambd),
           with_option(between(-1, -0.5, 0.5, 1), lambd=(1.0,))),
    OpSpec("threshold", mg.threshold, lambda x, threshold, value: np.where(x > threshold, x, value),
           lambda rng: Sample((between(1)(rng, a_shape(rng)), 1.0, choice(rng, 0.0, -7.5)))),
    OpSpec("glu", mg.glu, gated, in_halves,
           **refused(says=r"size of axis 1 must be even, got shape \(2, 3\)", error=ShapeError)),
    OpSpec("softmin", mg.softmin, lambda x, axis: np.exp(-x) / np.exp(-x).sum(axis, keepdims=True), along_an_axis),
]  # fmt: skip
