"""Specs of NumPy's ufuncs: each against the ufunc itself."""

from __future__ import annotations

from functools import partial

import numpy as np

import minigrad as mg
from minigrad.errors import ShapeError
from minigrad.testing import OpSpec, Refusal, Sample
from tests.ops import samples
from tests.ops.samples import a_shape, apart, both, choice, nonzero, normal, off_integers, two_shapes, within


def unary(name, draw=normal, **more):
    return samples.unary(name, getattr(mg, name), getattr(np, name), draw, **more)


def binary(name, draw=None, **more):
    return samples.binary(name, getattr(mg.ops, name), getattr(np, name), draw, **more)


smooth, linear = partial(unary, analytic=True), partial(unary, linear_in=(0,))
positive, inside = within(0.5, 3.0), within(-0.9, 0.9)


def specials(rng, shape):
    return np.asarray(rng.choice([-1.5, -0.0, 0.0, 2.0, np.inf, np.nan], shape))


def tensors(*sizes):
    return lambda rng: Sample(tuple(mg.tensor(rng.integers(-9, 9, size)) for size in sizes))


def shifted(rng):
    return Sample((mg.tensor(rng.integers(-99, 99, (2, 3))), mg.tensor(rng.integers(0, 5, 3))))


def multiples(rng, a, b):
    """x/y far from every whole number, y of either sign."""
    return np.asarray(rng.integers(-6, 6, a) + rng.uniform(0.3, 0.7, a)), np.asarray(rng.choice([-3.0, -1.0, 1.0, 2.0], b))


def quarters(rng, a, b):
    """Points of the plane away from the origin and from the cut on the negative x axis."""
    return nonzero(rng, a), nonzero(rng, b)


def by_a_number(rng):
    return Sample((positive(rng, a_shape(rng)), choice(rng, 0, 1, 2, 3, -1, -2, 0.0, 0.5, 1.5, 2.0)))


def to_a_power(rng):
    return Sample((2, normal(rng, a_shape(rng))))


def with_numbers(rng):
    a, b = two_shapes(rng)
    return Sample((nonzero(rng, a), rng.integers(1, 5, b).astype(np.int8), int(rng.integers(0, 7))))


def mixed(x, i, k):
    return [x + 2, 2 - x, i - x, i * x, x / i, 3.5 / x, -x + np.float32(3)][k]


def with_bounds(rng):
    low, high = choice(rng, (-1.0, 2.0), (None, 1.0), (-2.0, None), (0, 1.0), (2.0, -1.0))
    return Sample((off_integers(rng, a_shape(rng)), low, high))


def with_arrays_for_bounds(rng):
    a, b = ((3, 3), (3, 3)) if rng.random() < 0.3 else two_shapes(rng)
    low, high = (a, b) if rng.random() < 0.5 else (b, a)
    parts = rng.integers(-3, 4, a) + 0.5, rng.integers(-3, 4, low) + 0.2, rng.integers(-3, 4, high) - 0.2
    return Sample(tuple(np.asarray(part) for part in parts))


def with_a_condition(rng):
    a, b = two_shapes(rng)
    return Sample((rng.random(np.broadcast_shapes(a, b)) < 0.5, normal(rng, a), normal(rng, b)))


def choose(condition, x, y):
    every = np.broadcast(condition, x, y)
    return np.array([a if c else b for c, a, b in every]).reshape(every.shape)


def weighed(rng):
    return Sample(both(normal)(rng, *two_shapes(rng)), choice(rng, {}, {"alpha": 2}, {"alpha": -0.5}))


def tie(*arrays):
    return Sample(tuple(np.array(a) for a in arrays))


MISFIT = Refusal(tie(np.ones((2, 3)), np.ones((4, 3))), ShapeError, r"shapes \(2, 3\) and \(4, 3\) .*axis -2 has sizes 2")
EQUAL = {"kinks": (tie([2.0, 1.0, 1.0], [2.0]),), "tie_rule": "even", "homogeneous_in": (0, 1)}
KINK = {"kinks": (tie([0.0, 1.0]),), "tie_rule": "zero", "homogeneous_in": (0,)}
ARITHMETIC = ("add", "subtract", "multiply", "divide")
COMPARISONS = ("equal", "not_equal", "less", "less_equal", "greater", "greater_equal")

SPECS = [
    binary("add", linear_in=(0, 1), errors=(MISFIT,)),
    binary("subtract", linear_in=(0, 1), errors=(MISFIT,)),
    OpSpec("add with a weight", mg.add, lambda x, y, alpha=1: x + alpha * y, weighed, ("add",), linear_in=(0, 1)),
    OpSpec("subtract with a weight", mg.sub, lambda x, y, alpha=1: x - alpha * y, weighed, ("subtract",), linear_in=(0, 1)),
    binary("multiply", linear_in=(0,)),
    binary("divide", both(normal, nonzero), linear_in=(0,)),
    OpSpec("operators with numbers and arrays", mixed, mixed, with_numbers, ARITHMETIC),
    linear("negative"),
    linear("positive"),
    linear("deg2rad"),
    linear("rad2deg"),
    linear("degrees"),
    linear("radians"),
    smooth("square"),
    smooth("reciprocal", nonzero),
    unary("absolute", nonzero, **KINK),
    unary("fabs", nonzero, **KINK),
    smooth("exp"),
    smooth("exp2"),
    smooth("expm1"),
    smooth("log", positive),
    smooth("log2", positive),
    smooth("log10", positive),
    smooth("log1p", inside),
    smooth("sqrt", positive),
    unary("cbrt", nonzero),
    smooth("sin"),
    smooth("cos"),
    smooth("tan", within(-1.2, 1.2)),
    smooth("arcsin", inside),
    smooth("arccos", inside),
    smooth("arctan"),
    smooth("sinh"),
    smooth("cosh"),
    smooth("tanh"),
    smooth("arcsinh"),
    smooth("arccosh", within(1.1, 4.0)),
    smooth("arctanh", inside),
    samples.unary("sigmoid", mg.sigmoid, lambda x: 1 / (1 + np.exp(-x)), analytic=True),
    binary("hypot", both(nonzero), homogeneous_in=(0, 1)),
    binary("arctan2", quarters),
    binary("logaddexp"),
    binary("logaddexp2"),
    binary("power", both(positive)),
    OpSpec("power with a number", mg.power, np.power, by_a_number, ("power",)),
    OpSpec("number to a power", mg.power, np.power, to_a_power, ("power",)),
    samples.binary("float_power", lambda x, y: mg.astype(mg.float_power(x, y), x.dtype), np.float_power, both(positive)),
    binary("maximum", apart, **EQUAL),
    binary("minimum", apart, **EQUAL),
    binary("fmax", apart, **EQUAL | {"tie_rule": "first"}),
    binary("fmin", apart, **EQUAL | {"tie_rule": "first"}),
    binary("remainder", multiples),
    binary("fmod", multiples),
    binary("copysign", both(nonzero)),
    OpSpec("ldexp", mg.ldexp, np.ldexp, lambda rng: Sample((normal(rng, (3, 3)), rng.integers(-3, 4, 3))), linear_in=(0,)),
    unary("sign", nonzero),
    unary("floor", off_integers),
    unary("ceil", off_integers),
    unary("trunc", off_integers),
    samples.unary("fix", mg.fix, np.trunc, off_integers),  # np.fix is deprecated since NumPy 2.5
    unary("rint", off_integers),
    binary("floor_divide", multiples, order=0),
    OpSpec("heaviside at 0", mg.heaviside, np.heaviside,
           lambda rng: Sample((rng.integers(-1, 2, (3, 3)).astype(np.int8), normal(rng, (3, 3)))), ("heaviside",)),
    binary("heaviside", both(nonzero, normal)),
    OpSpec("divmod", mg.divmod, np.divmod, lambda rng: Sample(multiples(rng, *two_shapes(rng)))),
    OpSpec("modf", mg.modf, np.modf, lambda rng: Sample((off_integers(rng, a_shape(rng)),))),
    OpSpec("where", mg.where, choose, with_a_condition, linear_in=(0, 1)),
    OpSpec("clip", mg.clip, np.clip, with_bounds, errors=(Refusal(tie([1.0]), ValueError, "needs min, max or both"),)),
    OpSpec("clip from above", mg.clip, np.clip, lambda rng: Sample((off_integers(rng, a_shape(rng)), None, 1.0)), ("clip",)),
    OpSpec("clip by arrays", mg.clip, np.clip, with_arrays_for_bounds, ("clip",)),
    OpSpec("astype", lambda x: mg.astype(x, x.dtype), np.positive, lambda rng: Sample((normal(rng, (2, 3)),))),
    *(unary(name, specials, order=0) for name in ("isnan", "isinf", "isfinite", "signbit", "logical_not")),
    *(binary(name, both(specials), order=0, errors=(MISFIT,))
      for name in (*COMPARISONS, "logical_and", "logical_or", "logical_xor")),
    *(OpSpec(name, getattr(mg, name), getattr(np, name), tensors((2, 3), 3), order=0)
      for name in ("bitwise_and", "bitwise_or", "bitwise_xor", "gcd", "lcm")),
    OpSpec("bitwise_left_shift", mg.bitwise_left_shift, np.left_shift, shifted, order=0),
    OpSpec("bitwise_right_shift", mg.bitwise_right_shift, np.right_shift, shifted, order=0),
    binary("nextafter", apart, errors=(MISFIT,)),
    *(unary(name, specials, order=0) for name in ("isposinf", "isneginf", "isreal")),
    linear("real"),
    OpSpec("rsub", mg.rsub, lambda x, y, alpha=1: y - alpha * x, weighed, linear_in=(0, 1)),
    OpSpec("invert", mg.invert, np.invert, tensors((2, 3)), order=0),
]  # fmt: skip
