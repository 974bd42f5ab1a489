"""Specs of reductions and the softmax family."""

from __future__ import annotations

import numpy as np

import minigrad as mg
from minigrad.testing import OpSpec, Refusal, Sample
from tests.ops.samples import a_shape, apart, axes, normal, reduction, spread, two_shapes
from tests.ops.specs.scan import one_zero, zeros_among


def refusals(op):
    x = np.ones((2, 3))
    return (
        Refusal(Sample((x, 2)), IndexError, rf"{op}: axis 2 does not exist: the array has 2 axes; valid are -2\.\.1"),
        Refusal(Sample((x, 1.0)), IndexError, f"{op}: an axis is an int, got 1.0"),
    )


def several(op):
    twice = Refusal(Sample((np.ones((2, 3)), (0, -2))), IndexError, rf"{op}: an axis is named twice: \(0, -2\)")
    return (*refusals(op), twice)


def nothing(op, why):
    empty = Refusal(Sample((np.ones((2, 0)), 1)), ValueError, rf"{op}: axis 1 of shape \(2, 0\) is empty.*{why}")
    return (*several(op), empty)


def in_all(op):
    return (*refusals(op), Refusal(Sample((np.ones(0),)), ValueError, f"{op}: axis None of shape .* is empty"))


def along(draw):
    def sample(rng):
        x = draw(rng, a_shape(rng, 1, 3, empty=False))
        return Sample((x, axes(rng, x.ndim, one=True)), {"keepdims": bool(rng.random() < 0.5)})

    return sample


def along_one(rng):
    return Sample(along(normal)(rng).args)


def of_all(rng):
    return Sample((spread(rng, a_shape(rng, empty=False)),))


def shares(x, axis):
    e = np.exp(x)
    return e / e.sum(axis, keepdims=True)


def integrating(rng):
    y = normal(rng, a_shape(rng, 1, 3))
    axis = axes(rng, y.ndim, one=True)
    kind = rng.integers(0, 3)
    x = None if kind == 0 else normal(rng, (y.shape[axis],) if kind == 1 else y.shape)
    return Sample((y, x, 0.5, axis))


def best(extreme, where):
    return lambda x, axis, keepdims: (extreme(x, axis=axis, keepdims=keepdims), where(x, axis=axis, keepdims=keepdims))


def pair(x, axis, keepdims):
    return x.min(axis=axis, keepdims=keepdims), x.max(axis=axis, keepdims=keepdims)


RISING, ROWS = np.array([2.0, 5.0, 5.0, 1.0, 5.0]), np.array([[1.0, 4.0, 4.0], [0.0, 0.0, -1.0]])
EVEN = {"kinks": (Sample((RISING,)), Sample((ROWS, 1))), "tie_rule": "even", "homogeneous_in": (0,)}
EVEN_BELOW = EVEN | {"kinks": (Sample((-RISING,)), Sample((-ROWS, 1)))}
FIRST = {"kinks": (Sample((ROWS, 1)),), "tie_rule": "first", "homogeneous_in": (0,)}
FIRST_BELOW = FIRST | {"kinks": (Sample((-ROWS, 1)),)}


def cumulative_trapezoid(y, x, dx, axis):
    y = np.moveaxis(y, axis, -1)
    x = None if x is None else x if x.ndim == 1 else np.moveaxis(x, axis, -1)
    upto = [np.trapezoid(y[..., :n], None if x is None else x[..., :n], dx) for n in range(2, y.shape[-1] + 1)]
    return np.moveaxis(np.array(upto).reshape(len(upto), *y.shape[:-1]), 0, axis)


SPECS = [
    reduction("sum", mg.sum, np.sum, linear_in=(0,), errors=several("sum")),
    reduction("prod", mg.prod, np.prod, one_zero, errors=several("prod")),
    reduction("amax", mg.amax, np.max, spread, errors=nothing("amax", "no maximum"), **EVEN),
    reduction("amin", mg.amin, np.min, spread, errors=nothing("amin", "no minimum"), **EVEN_BELOW),
    reduction("aminmax", mg.aminmax, pair, spread, homogeneous_in=(0,), errors=nothing("amin", "no minimum")),
    reduction("ptp", mg.ptp, np.ptp, spread, homogeneous_in=(0,)),
    reduction("logsumexp", mg.logsumexp, lambda x, axis, keepdims: np.log(np.exp(x).sum(axis, keepdims=keepdims)),
              errors=several("logsumexp"), analytic=True),
    reduction("nansum", mg.nansum, np.nansum),
    OpSpec("max", mg.max, best(np.max, np.argmax), along(spread), errors=refusals("argmax"), **FIRST),
    OpSpec("min", mg.min, best(np.min, np.argmin), along(spread), errors=refusals("argmin"), **FIRST_BELOW),
    OpSpec("max of all", mg.max, np.max, of_all, ("max",), homogeneous_in=(0,)),
    OpSpec("max of two", mg.max, np.maximum, lambda rng: Sample(apart(rng, *two_shapes(rng))), ("max",)),
    OpSpec("min of two", mg.min, np.minimum, lambda rng: Sample(apart(rng, *two_shapes(rng))), ("min",)),
    OpSpec("sum along a list of axes", mg.sum, lambda x, axes: x.sum(tuple(axes)),
           lambda rng: Sample((normal(rng, (2, 3, 4)), rng.permutation(3)[:2].tolist())), ("sum",), linear_in=(0,)),
    OpSpec("min of all", mg.min, np.min, of_all, ("min",), homogeneous_in=(0,)),
    OpSpec("argmax", mg.argmax, np.argmax, along(spread), order=0, errors=in_all("argmax")),
    OpSpec("argmin", mg.argmin, np.argmin, along(spread), order=0, errors=in_all("argmin")),
    reduction("any", mg.any, np.any, zeros_among, order=0, errors=several("any")),
    reduction("all", mg.all, np.all, zeros_among, order=0, errors=several("all")),
    reduction("count_nonzero", mg.count_nonzero, np.count_nonzero, zeros_among, order=0, errors=several("count_nonzero")),
    OpSpec("softmax", mg.softmax, shares, along_one, analytic=True, errors=refusals("softmax")),
    OpSpec("log_softmax", mg.log_softmax, lambda x, axis: np.log(shares(x, axis)), along_one, analytic=True,
           errors=refusals("log_softmax")),
    OpSpec("trapezoid", mg.trapezoid, np.trapezoid, integrating, linear_in=(0,)),
    OpSpec("cumulative_trapezoid", mg.cumulative_trapezoid, cumulative_trapezoid, integrating, linear_in=(0,)),
]  # fmt: skip
