"""Specs of means, variances and order statistics."""

from __future__ import annotations

import numpy as np

import minigrad as mg
from minigrad.errors import DTypeError, ShapeError
from minigrad.ops.elementwise import root
from minigrad.testing import OpSpec, Sample
from tests.ops.samples import a_shape, axes, choice, normal, reduction, refuse, spread, within
from tests.ops.specs.reduction import refusals, several


def with_correction(rng):
    x = normal(rng, tuple(int(n) for n in rng.integers(2, 5, rng.integers(1, 4))))
    return Sample((x, axes(rng, x.ndim)), {"keepdims": bool(rng.random() < 0.5), "correction": choice(rng, 0, 1, 0.5)})


def deviation(power):
    def spread_of(x, axis, keepdims, correction):
        centre = x.mean(axis, keepdims=True)
        squares = ((x - centre) ** 2).sum(axis, keepdims=keepdims)
        return (squares / (x.size // centre.size - correction)) ** power

    return spread_of


def with_mean(power):
    return lambda x, axis, keepdims, correction: (
        deviation(power)(x, axis, keepdims, correction),
        x.mean(axis, keepdims=keepdims),
    )


def along(rng):
    x = spread(rng, a_shape(rng, 1, 3, empty=False))
    return Sample((x, axes(rng, x.ndim, one=True), bool(rng.random() < 0.5)))


def lower_middle(x, axis, keepdims):
    order = np.argsort(x, axis)
    places = np.take(order, [(x.shape[axis] - 1) // 2], axis)
    values = np.take_along_axis(x, places, axis)
    return (values, places) if keepdims else (values.squeeze(axis), places.squeeze(axis))


def fractions(rng):
    x = spread(rng, a_shape(rng, 0, 3, empty=False))
    q = choice(rng, 0.0, 0.3, 1.0, [0.5], (0.25, 0.9, 0.5))
    names = ("linear", "lower", "higher", "midpoint", "nearest")
    return Sample((x, q, axes(rng, x.ndim), bool(rng.random() < 0.5), choice(rng, *names)))


def weighing(rng):
    x = normal(rng, tuple(int(n) for n in rng.integers(2, 5, rng.integers(1, 4))))
    axis = axes(rng, x.ndim, one=rng.random() < 0.7)
    positive = within(0.5, 2.0)
    if isinstance(axis, int) and rng.random() < 0.5:
        return Sample((x, axis, positive(rng, (x.shape[axis],))))
    return Sample((x, axis, choice(rng, None, positive(rng, x.shape))))


def with_holes(rng):
    x = normal(rng, a_shape(rng, 1, 3, empty=False))
    return Sample((x,), {"axis": axes(rng, x.ndim)})


def of_all(rng):
    return Sample((spread(rng, a_shape(rng, empty=False)),))


def observed(rng):
    return Sample((normal(rng, choice(rng, (3, 5), (1, 4), (4,))),), choice(rng, {}, {"correction": 0}, {"correction": 2}))


def cov(x, correction=1):
    d = np.atleast_2d(x)
    d = d - d.mean(1, keepdims=True)
    out = np.array([[(a * b).sum() / (len(a) - correction) for b in d] for a in d])
    return out if len(out) > 1 else out[0, 0]


def weighed(rng):
    x = normal(rng, choice(rng, (3, 5), (1, 5), (5,)))
    aweights = within(0.5, 2.0)(rng, (5,))
    return Sample((x, choice(rng, 0, 1), choice(rng, None, rng.integers(1, 4, 5)), aweights))


def numbered(x, correction, fweights, aweights):
    return np.cov(x, ddof=correction, fweights=fweights, aweights=aweights)


def inner_fractions(rng):
    """Fractions between the places of neighbours, where the quantile is linear in them."""
    x = spread(rng, tuple(int(n) for n in rng.integers(2, 5, rng.integers(1, 3))))
    axis = int(rng.integers(x.ndim))
    n = x.shape[axis] - 1
    q = (rng.integers(0, n, choice(rng, (), (1,), (3,))) + rng.uniform(0.1, 0.9)) / n
    return Sample((x, np.asarray(q), axis, bool(rng.random() < 0.5)))


def sets_of_variables(*options):
    def sample(rng):
        x, y = normal(rng, (3, 5)), normal(rng, choice(rng, (2, 5), (5,)))
        if rng.random() < 0.3:
            return Sample((x.T,), {"rowvar": False})
        return Sample((x, y) if rng.random() < 0.6 else (x,), choice(rng, {}, *options))

    return sample


EMPTY = np.ones((2, 0))


def frequent(rng):
    """Distinct values, and how to repeat them: those that are equal change together."""
    at = rng.integers(0, 3, a_shape(rng, 1, 3, empty=False))
    return Sample((spread(rng, (3,)), at, axes(rng, at.ndim, one=True), bool(rng.random() < 0.5)))


def most_frequent(x, at, axis, keepdims):
    x = x[at]

    def of(line):
        counts = {v: (line == v).sum() for v in sorted(line)}
        best = max(counts, key=lambda v: counts[v])
        return np.flatnonzero(line == best)[-1]

    at = np.apply_along_axis(of, axis, x)
    values = np.take_along_axis(x, np.expand_dims(at, axis), axis)
    return (values, np.expand_dims(at, axis)) if keepdims else (values.squeeze(axis), at)


def missing(rng):
    """Distinct values, and which of them are NaN: not all of a slice."""
    hidden = rng.random((3, 5)) < 0.3
    hidden[0], hidden[:, 0] = False, False
    return spread(rng, (3, 5)), hidden


def some_missing(rng):
    return Sample((*missing(rng), int(rng.integers(-2, 2)), bool(rng.random() < 0.5)))


def with_missing(function):
    def call(x, hidden, *args):
        return function(mg.where(hidden, np.nan, x), *args)

    return call


def lower_middle_of_numbers(x, axis, keepdims):
    ranks = np.expand_dims(((~np.isnan(x)).sum(axis) - 1) // 2, axis)
    at = np.take_along_axis(np.argsort(x, axis), ranks, axis)
    values = np.take_along_axis(x, at, axis)
    return (values, at) if keepdims else (values.squeeze(axis), at.squeeze(axis))


def missing_fractions(rng):
    _, q, axis, keep, method = fractions(rng).args
    return Sample((*missing(rng), q, axis if axis is None else int(rng.integers(-2, 2)), keep, method))


SPECS = [
    reduction("mean", mg.mean, np.mean, linear_in=(0,),
              errors=(*several("mean"), refuse(ValueError, "mean: the mean of 0 items: axis 1", EMPTY, 1),
                      refuse(ValueError, "mean: the mean of 0 items: axis 1", EMPTY[:1], 1),
                      refuse(DTypeError, "dtype must be a float dtype, got int64", np.ones(2), dtype=np.int64))),
    OpSpec("var", mg.var, deviation(1), with_correction,
           errors=(*several("var"), refuse(ValueError, "var: the mean of 0 items", EMPTY))),
    OpSpec("std", mg.std, deviation(0.5), with_correction, homogeneous_in=(0,)),
    OpSpec("root", root, np.sqrt, lambda rng: Sample((np.abs(normal(rng, (3, 3))) + 0.5,)), covers=("std",)),
    OpSpec("var_mean", mg.var_mean, with_mean(1), with_correction),
    OpSpec("std_mean", mg.std_mean, with_mean(0.5), with_correction, homogeneous_in=(0,)),
    OpSpec("nanmean", mg.nanmean, np.nanmean, with_holes),
    OpSpec("average", mg.average, np.average, weighing, errors=(
        refuse(ZeroDivisionError, "sum to 0", np.ones(2), None, np.array([1.0, -1.0])),
        refuse(ShapeError, r"\(3,\) do not fit shape \(2, 3\) and axis 0", np.ones((2, 3)), 0, np.ones(3)))),
    OpSpec("cov", mg.cov, cov, observed, errors=(refuse(ShapeError, r"got shape \(2, 2, 2\)", np.ones((2, 2, 2))),)),
    OpSpec("cov, weighed", mg.cov, numbered, weighed, ("cov",), errors=(
        refuse(ShapeError, r"a weight for each of 2 observations, got shape \(3,\)", np.ones((2, 2)), 1, np.arange(3)),
        refuse(ValueError, "weights must be at least 0", np.ones((2, 2)), 1, np.array([-1, 1])),
        refuse(TypeError, "fweights must be integers, got dtype float64", np.ones((2, 2)), 1, np.ones(2)),
        refuse(ValueError, "the weights sum to 0", np.ones((2, 2)), 1, np.zeros(2, int)))),
    OpSpec("corrcoef", mg.corrcoef, np.corrcoef, lambda rng: Sample((normal(rng, (3, 5)),))),
    OpSpec("np.cov", np.cov, np.cov, sets_of_variables(
        {"bias": True}, {"ddof": 0}, {"fweights": np.arange(5)}, {"aweights": np.arange(1.0, 6.0), "ddof": 0})),
    OpSpec("np.corrcoef", np.corrcoef, np.corrcoef, sets_of_variables()),
    OpSpec("median", mg.median, lower_middle, along, homogeneous_in=(0,),
           errors=(*refusals("median"), refuse(ValueError, "is empty", EMPTY, 1))),
    OpSpec("median of all", mg.median, lambda x: np.sort(x, None)[(x.size - 1) // 2], of_all, ("median",)),
    OpSpec("quantile by fractions", mg.quantile, lambda x, q, axis, keep: np.quantile(x, q, axis, keepdims=keep),
           inner_fractions, ("quantile",)),
    OpSpec("quantile", mg.quantile, lambda x, q, axis, keep, method: np.quantile(x, q, axis, None, False, method, keep),
           fractions, homogeneous_in=(0,), errors=(
               refuse(ValueError, r"within \[0, 1\]", np.ones(2), 1.5),
               refuse(ValueError, r"within \[0, 1\]", np.ones(2), [[0.5]]),
               refuse(ValueError, "must be 'linear', .* got 'up'", np.ones(2), 0.5, None, False, "up"))),
    OpSpec("mode", lambda x, at, *where: mg.mode(x[at], *where), most_frequent, frequent, errors=(
        refuse(ValueError, r"mode: axis 1 of shape \(2, 0\) is empty", np.ones(3), np.zeros((2, 0), int), 1),)),
    OpSpec("nanmedian", with_missing(mg.nanmedian), with_missing(lower_middle_of_numbers), some_missing,
           homogeneous_in=(0,)),
    OpSpec("nanmedian of all", with_missing(mg.nanmedian), lambda x, hidden: np.sort(x[~hidden])[((~hidden).sum() - 1) // 2],
           lambda rng: Sample(missing(rng)), ("nanmedian",), homogeneous_in=(0,)),
    OpSpec("nanquantile", with_missing(mg.nanquantile), with_missing(lambda x, q, axis, keep, method: np.nanquantile(
        x, q, axis, None, False, method, keep)), missing_fractions, homogeneous_in=(0,), errors=(
            refuse(ValueError, r"nanquantile: q must be within \[0, 1\]", np.ones(2), np.array([False, True]), 1.5),)),
]  # fmt: skip
