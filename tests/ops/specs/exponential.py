"""Specs of the exponential of matrices, by its series."""

import numpy as np

import minigrad as mg
from minigrad.errors import ShapeError
from minigrad.testing import OpSpec, Sample
from tests.ops.samples import choice, normal, refuse


def matrices(size):
    return lambda rng: Sample((size * normal(rng, choice(rng, (3, 3), (2, 2), (1, 1), (2, 4, 4))),))


def series(x):
    """The sum of x**k / k!, until nothing is added."""
    term = total = np.broadcast_to(np.eye(x.shape[-1]), x.shape)
    for k in range(1, 100):
        term = term @ x / k
        total = total + term
    return total


SPECS = [
    OpSpec("matrix_exp", mg.matrix_exp, series, matrices(1.0),
           errors=(refuse(ShapeError, "matrix_exp: needs square matrices", np.ones((2, 3))),)),
    OpSpec("matrix_exp, squared", mg.matrix_exp, series, matrices(3.0), ("matrix_exp",)),
]  # fmt: skip
