"""Specs of writing into parts and of reductions at an index, against loops."""

from __future__ import annotations

import numpy as np

import minigrad as mg
from minigrad.errors import DTypeError, ShapeError
from minigrad.testing import OpSpec, Sample
from tests.ops.samples import choice, normal, refuse, spread
from tests.ops.specs.indexing import any_axis, gathered, one_place, places, write_one_by_one


def selected(rng):
    x, axis, at = one_place(rng).args
    return Sample((x, normal(rng, np.take(x, at, axis).shape), axis, at))


def written(x, src, index):
    out = x.copy()
    out[index] = src
    return out


def at_axis(x, axis, index):
    return (slice(None),) * (axis % x.ndim) + (index,)


def sliced(rng):
    x, axis, n = any_axis(rng)
    bounds = choice(rng, (0, n, 2), (None, None, 1), (1, -1, 1), (-2, 99, 1), (2, 1, 1))
    return Sample((x, normal(rng, x[at_axis(x, axis, slice(*bounds))].shape), axis, *bounds))


def on_diagonals(rng):
    x, offset = normal(rng, choice(rng, (3, 4, 2), (3, 3, 3))), int(rng.integers(-4, 5))
    first, second = (int(a) for a in rng.permutation(3)[:2])
    return Sample((x, normal(rng, np.diagonal(x, offset, first, second).shape), offset, first, second - 3))


def diagonal_scatter(x, src, offset, first, second):
    out = x.copy()
    diagonal = np.diagonal(out, offset, first, second)
    diagonal.flags.writeable = True
    diagonal[...] = src
    return out


def by_arrays(rng):
    rows, columns = rng.integers(-4, 4, (2, 3)), rng.integers(0, 5, 3)
    mask = rng.random((4, 5)) < 0.5
    at = choice(rng, (rows,), (rows, columns), [rows, columns], (mask,), (columns % 4, np.array(2)))
    chosen = np.empty((4, 5))[tuple(at)].shape
    return Sample((normal(rng, (4, 5)), at, normal(rng, choice(rng, chosen, chosen[1:], ()))))


def added(x, at, values):
    out = x.copy()
    np.add.at(out, tuple(at), values)
    return out


def into_places(rng):
    x, at = normal(rng, (3, 4)), rng.permutation(12)[:6].reshape(2, 3)
    return Sample(
        (x, at - choice(rng, 0, 12), normal(rng, choice(rng, (6,), (3, 2)))), {"accumulate": bool(rng.integers(2))}
    )


def put(x, at, source, accumulate):
    out = x.copy().ravel()
    out[at.ravel()] = source.ravel() + (out[at.ravel()] if accumulate else 0)
    return out.reshape(x.shape)


def reduced(*kinds, draw=normal):
    def sample(rng):
        x, axis, at = gathered(rng)
        values = draw(rng, (x.size + 400,))  # all distinct if the draw is
        src = values[x.size : x.size + at.size].reshape(at.shape)
        options = {"reduce": choice(rng, *kinds), "include_self": bool(rng.integers(2))}
        return Sample((values[: x.size].reshape(x.shape), axis, at, src), options)

    return sample


FOLDS = {"sum": np.sum, "mean": np.mean, "prod": np.prod, "amax": np.max, "amin": np.min}


def scatter_reduce(x, axis, at, src, reduce, include_self):
    lists = {}
    for place in np.ndindex(at.shape):
        target = list(place)
        target[axis] = at[place]
        lists.setdefault(tuple(target), []).append(src[place])
    out = x.copy()
    for target, values in lists.items():
        out[target] = FOLDS[reduce]([x[target]] * include_self + values)
    return out


def reduced_slices(*kinds, draw=normal):
    def sample(rng):
        x, axis, at = places(rng)
        shape = np.take(x, at, axis).shape
        values = draw(rng, (x.size + int(np.prod(shape)),))
        options = {"reduce": choice(rng, *kinds), "include_self": bool(rng.integers(2))}
        return Sample((values[: x.size].reshape(x.shape), axis, at, values[x.size :].reshape(shape)), options)

    return sample


def index_reduce(x, axis, at, source, reduce, include_self):
    size = [1] * x.ndim
    size[axis] = len(at)
    return scatter_reduce(x, axis, np.broadcast_to(at.reshape(size), source.shape), source, reduce, include_self)


def zeros_among(rng, shape):
    return np.asarray(normal(rng, shape) * (rng.random(shape) < 0.8))


A, AT = np.arange(6.0).reshape(2, 3), np.array([[0, 0]])
TIES = Sample((np.array([1.0, 5.0]), 0, np.array([0, 0, 1]), np.array([2.0, 2.0, 5.0])), {"reduce": "amax"})

SPECS = [
    OpSpec("select_scatter", mg.select_scatter, lambda x, src, axis, i: written(x, src, at_axis(x, axis, i)), selected,
           linear_in=(0, 1), errors=(
               refuse(ShapeError, r"src must have the shape \(3,\) of the part .* got \(2,\)", A, A[:, 0], 0, 1),
               refuse(IndexError, "index 2 is out of bounds for axis 0", A, A[0], 0, 2))),
    OpSpec("slice_scatter", mg.slice_scatter,
           lambda x, src, axis, *bounds: written(x, src, at_axis(x, axis, slice(*bounds))), sliced, linear_in=(0, 1),
           errors=(
               refuse(ShapeError, r"slice_scatter: src must have the shape \(1, 3\)", A, A, 0, 1),
               refuse(ValueError, "step must be at least 1, got -1", A, A, 0, None, None, -1))),
    OpSpec("diagonal_scatter", mg.diagonal_scatter, diagonal_scatter, on_diagonals, linear_in=(0, 1),
           errors=(refuse(ShapeError, r"src must have the shape \(2,\)", A, A[0]),)),
    OpSpec("index_put", mg.index_put, lambda x, at, values: write_one_by_one(x, tuple(at), values), by_arrays,
           linear_in=(0, 1)),
    OpSpec("index_put that adds", lambda *args: mg.index_put(*args, accumulate=True), added, by_arrays, ("index_put",),
           linear_in=(0, 1), errors=(
               refuse(ShapeError, r"shape \(3,\) does not broadcast to \(2,\)", A, (np.arange(2), np.arange(2)), A[0]),
               refuse(DTypeError, "would be truncated to int64", np.arange(3), (np.array([0]),), 0.5))),
    OpSpec("put", mg.put, put, into_places, linear_in=(0, 1), errors=(
        refuse(ShapeError, r"put: source must have an element for each of 2 indices, got shape \(3,\)", A, AT, A[0]),
        refuse(IndexError, "index 6 is out of bounds for axis 0 with size 6", A, np.array([6]), A[:1, 0]))),
    OpSpec("scatter_reduce", mg.scatter_reduce, scatter_reduce, reduced("sum", "mean"), linear_in=(0, 1), errors=(
        refuse(ValueError, "reduce must be 'sum', 'prod', 'mean', 'amax' or 'amin', got 'median'", A, 1, AT, A, "median"),
        refuse(DTypeError, "src must be of the dtype of x, float64, got int64", A, 1, AT, np.zeros((2, 3), int), "sum"),
        refuse(IndexError, "index -1 is out of bounds", A, 1, -AT - 1, A, "sum"))),
    OpSpec("scatter_reduce by products", mg.scatter_reduce, scatter_reduce, reduced("prod", draw=zeros_among),
           ("scatter_reduce",)),
    OpSpec("scatter_reduce by extrema", mg.scatter_reduce, scatter_reduce, reduced("amax", "amin", draw=spread),
           ("scatter_reduce",), homogeneous_in=(0, 1), kinks=(TIES,), tie_rule="even"),
    OpSpec("index_reduce", mg.index_reduce, index_reduce, reduced_slices("prod", "mean"), errors=(
        refuse(ValueError, "reduce must be 'prod', 'mean', 'amax' or 'amin', got 'sum'", A, 0, AT[0], A, "sum"),
        refuse(ShapeError, r"source must be \(2, 3\), .* got shape \(3,\)", A, 0, AT[0], A[0], "prod"))),
    OpSpec("index_reduce by extrema", mg.index_reduce, index_reduce, reduced_slices("amax", "amin", draw=spread),
           ("index_reduce",), homogeneous_in=(0, 1)),
]  # fmt: skip
