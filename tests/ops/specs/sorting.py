"""Specs of order and search."""

import numpy as np

import minigrad as mg
from minigrad.errors import ShapeError
from minigrad.testing import OpSpec, Sample
from tests.ops.samples import AxisError, an_axis, choice, normal, refuse, spread


def distinct(rng, least=1):
    return spread(rng, tuple(int(n) for n in rng.integers(1, 6, rng.integers(least, 4))))


def to_sort(rng):
    x = distinct(rng)
    return Sample((x, an_axis(rng, x.ndim), bool(rng.random() < 0.5)))


def ties_to_sort(rng):
    """Equal elements, which a stable sort leaves in their order."""
    x = rng.integers(0, 3, (4, 20)).astype(float)
    return Sample((x, an_axis(rng, 2), bool(rng.random() < 0.5), True))


def order_of(x, axis, descending, stable=True):
    """By insertion: each element goes behind those that come before it."""
    rows = np.moveaxis(x, axis, -1)
    out = np.empty(rows.shape, int)
    for row in np.ndindex(rows.shape[:-1]):
        out[row] = sorted(range(rows.shape[-1]), key=lambda i: -rows[row][i] if descending else rows[row][i])
    return np.moveaxis(out, -1, axis)


def sort(x, axis, descending):
    order = order_of(x, axis, descending)
    return np.take_along_axis(x, order, axis), order


def topk(x, k, axis, largest=True):
    values, order = sort(x, axis, largest)
    return np.take(values, np.arange(k), axis), np.take(order, np.arange(k), axis)


def some_of(rng):
    x = distinct(rng)
    axis = an_axis(rng, x.ndim)
    return Sample((x, int(rng.integers(0, x.shape[axis] + 1)), axis, bool(rng.random() < 0.5)))


def of_many(rng):
    """So many that a partition leaves most of them out of order."""
    return Sample((spread(rng, (600,)), int(rng.integers(2, 599)), 0, bool(rng.random() < 0.5)))


def one_of(rng):
    x = distinct(rng)
    axis = an_axis(rng, x.ndim)
    return Sample((x, int(rng.integers(1, x.shape[axis] + 1)), axis, bool(rng.random() < 0.5)))


def kthvalue(x, k, axis, keep):
    return [part if keep else part.squeeze(axis) for part in (np.take(p, [k - 1], axis) for p in sort(x, axis, False))]


def numpy_axis(rng):
    x = distinct(rng)
    return Sample((x, None if rng.random() < 0.2 else an_axis(rng, x.ndim)))


def with_zeros(rng):
    return Sample((rng.integers(0, 2, (3, 4)) * rng.standard_normal((3, 4)),))


def a_sequence(rng):
    lead = [(2,), (3, 2)][rng.integers(2)]
    sequence, values = np.sort(rng.integers(0, 9, 6)) + 0.0, rng.integers(0, 9, (*lead, 3)) + 0.0
    if rng.random() < 0.5:
        sequence = np.sort(rng.integers(0, 9, (*lead, 6))) + 0.0
    return Sample((sequence, values, bool(rng.random() < 0.5)))


def searchsorted(sequence, values, right):
    rows, found = np.broadcast_to(sequence, (*values.shape[:-1], 6)), np.empty(values.shape, int)
    for at in np.ndindex(values.shape):
        row, v = rows[at[:-1]], values[at]
        found[at] = (row <= v).sum() if right else (row < v).sum()
    return found


def repeated(rng):
    return Sample((rng.integers(0, 4, (3, 4)) + 0.0,), {"return_inverse": True, "return_counts": True})


def unique(x, **_):
    values = sorted(set(x.ravel().tolist()))
    inverse = [[values.index(v) for v in row] for row in x.tolist()]
    return np.array(values), np.array(inverse), np.array([(x == v).sum() for v in values])


def out_of_order(rng):
    sequence = rng.integers(0, 9, 6) + 0.0
    return Sample((sequence, rng.integers(0, 9, 4) + 0.0), {"order": np.argsort(sequence)})


A = np.arange(6.0).reshape(2, 3)


def to_buckets(rng):
    edges = np.sort(rng.choice(9, 4, replace=False)) + 0.0
    return Sample((rng.integers(0, 9, choice(rng, (2, 3), ())) + 0.0, edges), {"right": bool(rng.integers(2))})


def in_runs(rng):
    shape = choice(rng, (12,), (0,), (2, 6), (8, 2))
    options = {"return_inverse": True, "return_counts": True, "axis": choice(rng, None, 0, -1)}
    return Sample((rng.integers(0, 2, shape) + 0.0,), options)


def runs(x, axis, **_):
    rows = list(x.ravel() if axis is None else np.moveaxis(x, axis, 0))
    kept, inverse, counts = [], [], []
    for row in rows:
        if not kept or not np.array_equal(kept[-1], row):
            kept.append(row)
            counts.append(0)
        counts[-1] += 1
        inverse.append(len(kept) - 1)
    kept = np.array(kept).reshape(len(kept), *(() if axis is None else np.delete(x.shape, axis % x.ndim)))
    inverse = np.array(inverse, int)
    return (
        kept if axis is None else np.moveaxis(kept, 0, axis),
        (inverse.reshape(x.shape) if axis is None else inverse),
        np.array(counts, int),
    )


SPECS = [
    OpSpec("sort", mg.sort, sort, to_sort, errors=(refuse(AxisError, "axis 2 does not exist", A, 2),)),
    OpSpec("np.sort", np.sort, np.sort, numpy_axis, covers=("sort",)),
    OpSpec("argsort", mg.argsort, order_of, to_sort, order=0,
           errors=(refuse(AxisError, "argsort: axis 1 does not exist", np.array(1.0), 1),)),
    OpSpec("argsort of ties", mg.argsort, order_of, ties_to_sort, covers=("argsort",), order=0),
    OpSpec("np.argsort", np.argsort, np.argsort, numpy_axis, covers=("argsort",), order=0),
    OpSpec("partition", mg.partition, np.partition, lambda rng: Sample((distinct(rng), 0, -1))),
    OpSpec("argpartition", mg.argpartition, np.argpartition, lambda rng: Sample((distinct(rng), 0)), order=0),
    OpSpec("argsort of a number", mg.argsort, lambda x: np.zeros((), int), lambda rng: Sample((normal(rng, ()),)),
           covers=("argsort",), order=0),
    OpSpec("topk of a number", mg.topk, lambda x, k: (x, np.zeros((), int)), lambda rng: Sample((normal(rng, ()), 1)),
           covers=("topk",)),
    OpSpec("topk", mg.topk, topk, some_of,
           errors=(refuse(ValueError, "topk: k must be within 0 and 3, the size of axis -1", A, 4),
                   refuse(ValueError, r"within 0 and 1, the size of axis -1 of shape \(1,\), got 2", np.array(1.0), 2),
                   refuse(ValueError, "got -1", A, -1))),
    OpSpec("topk of many", mg.topk, topk, of_many, ("topk",)),
    OpSpec("kthvalue", mg.kthvalue, kthvalue, one_of,
           errors=(refuse(ValueError, "k must be within 1 and 3", A, 0), refuse(ValueError, "got 4", A, 4))),
    OpSpec("argwhere", mg.argwhere, np.argwhere, with_zeros, order=0),
    OpSpec("nonzero", lambda x: mg.nonzero(x, as_tuple=True), np.nonzero, with_zeros, order=0),
    OpSpec("np.nonzero", np.nonzero, np.nonzero, with_zeros, covers=("nonzero",), order=0),
    OpSpec("flatnonzero", mg.flatnonzero, np.flatnonzero, with_zeros, order=0),
    OpSpec("searchsorted", mg.searchsorted, searchsorted, a_sequence, order=0,
           errors=(refuse(ValueError, "side must be None, 'left' or 'right', got 'up'", A[0], A[0], side="up"),
                   refuse(ValueError, "contradict each other", A[0], A[0], True, "left"))),
    OpSpec("searchsorted with a sorter", lambda s, v, order: mg.searchsorted(s, v, sorter=order),
           lambda s, v, order: np.searchsorted(s, v, sorter=order), out_of_order, ("searchsorted",), order=0),
    OpSpec("unique", mg.unique, unique, repeated, order=0),
    OpSpec("msort", mg.msort, lambda x: np.sort(x, 0), lambda rng: Sample((distinct(rng),))),
    OpSpec("bucketize", mg.bucketize, lambda x, edges, right: np.digitize(x, edges, right=not right), to_buckets, order=0,
           errors=(refuse(ShapeError, r"boundaries must be a vector, got shape \(2, 3\)", A, A),)),
    OpSpec("unique_consecutive", mg.unique_consecutive, runs, in_runs, order=0),
]  # fmt: skip
