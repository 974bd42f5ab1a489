"""Specs of cumulative operations, against loops."""

from __future__ import annotations

import numpy as np

import minigrad as mg
from minigrad.ops.scan import recurrence
from minigrad.testing import OpSpec, Refusal, Sample
from tests.ops.samples import a_shape, axes, choice, nonzero, normal, refuse, spread


def along(draw, none=False):
    def sample(rng):
        x = draw(rng, a_shape(rng, 1, 3))
        return Sample((x, None if none and rng.random() < 0.3 else axes(rng, x.ndim, one=True)))

    return sample


def zeros_among(rng, shape):
    return np.asarray(nonzero(rng, shape) * rng.choice([0.0, 1.0, 1.0], shape))


def one_zero(rng, shape):
    """One at most: with more, differences of a product vanish in rounding."""
    x = nonzero(rng, shape)
    if x.size and rng.random() < 0.5:
        x.flat[rng.integers(0, x.size)] = 0.0
    return x


def step_by_step(step):
    """A scan of each line along the axis, in Python: `step(former, value)` gives the next."""

    def scan(x, axis=None):
        x = x.ravel() if axis is None else x
        return np.apply_along_axis(lambda line: _run(step, line), axis or 0, x) if x.size else x

    return scan


def _run(step, line):
    out = [line[0]]
    for value in line[1:]:
        out.append(step(out[-1], value))
    return np.array(out)


def where_extreme(better):
    def last_best(line):
        best = [0]
        for i, value in enumerate(line[1:], 1):
            best.append(best[-1] if better(line[best[-1]], value) else i)
        return np.array(best)

    def run(x, axis):
        places = np.apply_along_axis(last_best, axis, x) if x.size else x.astype(int)
        return np.take_along_axis(x, places, axis), places

    return run


def recurring(rng):
    shape = a_shape(rng, 1, 3)
    return Sample((normal(rng, shape), zeros_among(rng, shape), axes(rng, len(shape), one=True)))


def recur(decay, x, axis):
    d, h = np.moveaxis(decay, axis, 0), np.moveaxis(x.copy(), axis, 0)
    for i in range(1, len(h)):
        h[i] += d[i] * h[i - 1]
    return np.moveaxis(h, 0, axis)


def differing(rng):
    x = normal(rng, a_shape(rng, 1, 3))
    axis = axes(rng, x.ndim, one=True)
    return Sample((x, int(rng.integers(0, 4)), axis), {name: 2.5 for name in ("prepend", "append") if rng.random() < 0.3})


def cumulative(name, reference, sample, **more):
    says = rf"{name}: axis 2 does not exist: the array has 2 axes; valid are -2\.\.1"
    errors = (Refusal(Sample((np.ones((2, 3)), 2)), IndexError, says),)
    return OpSpec(name, getattr(mg, name), reference, sample, errors=errors, **more)


NEGATIVE = (Refusal(Sample((np.ones(2), -1)), ValueError, "n must be at least 0"),)


def sampled(rng):
    x = normal(rng, choice(rng, (4,), (3, 5), (5, 3, 4)))
    dim = axes(rng, x.ndim)
    count = x.ndim if dim is None else 1 if isinstance(dim, int) else len(dim)
    sizes = x.shape if dim is None else [x.shape[d] for d in (dim if isinstance(dim, tuple) else (dim,))]
    spacing = choice(rng, None, 1, 0.5, [0.5 + i for i in range(count)], [np.cumsum(rng.uniform(0.5, 2, n)) for n in sizes])
    return Sample((x,), {"spacing": spacing, "dim": dim, "edge_order": int(rng.integers(1, 3))})


def gradient(x, spacing, dim, edge_order):
    found = np.gradient(x, *(spacing if isinstance(spacing, list) else [spacing or 1]), axis=dim, edge_order=edge_order)
    return found if isinstance(found, tuple) else (found,)


SPECS = [
    OpSpec("logcumsumexp", mg.logcumsumexp, lambda x, axis: np.log(np.cumsum(np.exp(x), axis)), along(normal), analytic=True,
           errors=(refuse(IndexError, "logcumsumexp: axis 2 does not exist", np.ones((2, 3)), 2),)),
    cumulative("cumsum", step_by_step(lambda a, b: a + b), along(normal, none=True), linear_in=(0,)),
    cumulative("cumprod", step_by_step(lambda a, b: a * b), along(zeros_among, none=True)),
    cumulative("cummax", where_extreme(lambda a, b: a > b), along(spread), homogeneous_in=(0,)),
    cumulative("cummin", where_extreme(lambda a, b: a < b), along(spread), homogeneous_in=(0,)),
    OpSpec("recurrence", recurrence, recur, recurring, linear_in=(1,)),
    OpSpec("diff", mg.diff, np.diff, differing, errors=NEGATIVE),
    OpSpec("gradient", mg.gradient, gradient, sampled, linear_in=(0,), errors=(
        refuse(ValueError, "axis 0 needs more than 1 elements, .* got shape \\(1,\\)", np.ones(1)),
        refuse(ValueError, "or 3 coordinates as spacing, .* spacing of shape \\(2,\\)", np.ones(3), spacing=[np.ones(2)]),
        refuse(ValueError, "a spacing for each of 2 axes, got 1", np.ones((3, 3)), spacing=[1.0]),
        refuse(ValueError, "edge_order must be 1 or 2, got 3", np.ones(3), edge_order=3))),
]  # fmt: skip
