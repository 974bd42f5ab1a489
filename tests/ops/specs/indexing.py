"""Specs of reading and writing by index."""

import numpy as np

import minigrad as mg
from minigrad.testing import OpSpec, Sample
from tests.ops.specs.foundations import normal


def an_index(rng):
    """An index into an array of shape (4, 5, 3): basic, advanced, boolean and mixed; often with repetitions."""
    rows, columns = rng.integers(-4, 4, (2, 3)), rng.integers(-5, 5, (2, 3))
    mask = rng.random((4, 5)) < 0.5
    choices = [
        2, -1, True, slice(None, None, -2), (slice(1, 3), None, 2), (..., 0), (None, ..., 1), (),
        rows, (rows, columns), (rows, slice(None), 1), (slice(None), columns), (..., rng.integers(0, 3, 4)),
        (rows, columns, np.array(2)), (slice(None), columns, rng.integers(-3, 3, (3,))), (slice(1, None), rows % 3),
        mask, mask[:, 0], (mask, 0), (slice(None), mask[0]), (mask[:, 0], 1), (slice(None), mask[0], rng.integers(0, 3)),
        (rows, None, columns), np.zeros(0, int), rows.T.copy().T,
    ]  # fmt: skip
    return choices[rng.integers(len(choices))]


def a_value(rng, chosen):
    """An array that broadcasts to the elements chosen."""
    size = tuple(1 if rng.random() < 0.3 else n for n in chosen)
    return normal(rng, (1, 1, *size) if rng.random() < 0.1 else size[rng.integers(0, len(size) + 1) :])


def reading(rng):
    return Sample((normal(rng, (4, 5, 3)), an_index(rng)))


def adding(rng):
    index = an_index(rng)
    return Sample((normal(rng, np.empty((4, 5, 3))[index].shape), index, (4, 5, 3)))


def add_one_by_one(g, index, size):
    flat = np.arange(np.prod(size)).reshape(size)[index]
    out = np.zeros(np.prod(size))
    for at, value in zip(flat.ravel(), g.ravel(), strict=True):
        out[at] += value
    return out.reshape(size)


def writing(rng):
    index = an_index(rng)
    return Sample((normal(rng, (4, 5, 3)), index, a_value(rng, np.empty((4, 5, 3))[index].shape)))


def write_one_by_one(x, index, value):
    flat = np.arange(x.size).reshape(x.shape)[index]
    while value.ndim > flat.ndim:
        value = value[0]
    out = x.copy()
    for at, v in zip(flat.ravel(), np.broadcast_to(value, flat.shape).ravel(), strict=True):
        out.flat[at] = v
    return out


SPECS = [
    OpSpec("getitem", mg.getitem, lambda x, index: x[index], reading, linear_in=(0,)),
    OpSpec("add_at", mg.add_at, add_one_by_one, adding, linear_in=(0,)),
    OpSpec("setitem", mg.setitem, write_one_by_one, writing, linear_in=(0, 1)),
]
