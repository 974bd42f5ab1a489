"""Specs of norms, away from ties and from zeros, where they have corners."""

import numpy as np

import minigrad as mg
from minigrad.errors import ShapeError
from minigrad.ops import norms
from minigrad.testing import OpSpec, Sample
from tests.ops.samples import AxisError, axes, choice, normal, refuse, spread
from tests.ops.specs.solving import NOT_SQUARE, of_full_rank, one, regular, spaced, with_singular_values


def apart(rng, shape):
    """Distinct absolute values, none near zero, of either sign."""
    x = spread(rng, shape)
    return (x - x.min() + 0.3) * rng.choice([-1.0, 1.0], shape)


def vectors(rng):
    x = apart(rng, tuple(int(n) for n in rng.integers(1, 4, rng.integers(1, 4))))
    ord = [2, 2, 1, 3, 0.5, -1, 2.5, np.inf, -np.inf, 0][rng.integers(10)]
    return Sample((x, ord, axes(rng, x.ndim), bool(rng.random() < 0.5)))


def vector_norm(x, ord, axis, keepdims):
    a = np.abs(x)
    match ord:
        case np.inf:
            return a.max(axis, keepdims=keepdims)
        case 0:
            return (a > 0).sum(axis, keepdims=keepdims) + 0.0
    return a.min(axis, keepdims=keepdims) if ord == -np.inf else (a**ord).sum(axis, keepdims=keepdims) ** (1 / ord)


def outermost(rng):
    call = vectors(rng)
    return Sample((call.args[0], [np.inf, -np.inf][rng.integers(2)], *call.args[2:]))


def matrices(rng):
    x = of_full_rank(rng)
    axes = [(-2, -1), (-1, -2)][rng.integers(2)]
    ord = ["fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf][rng.integers(8)]
    return Sample((x, ord, axes, bool(rng.random() < 0.5)))


def any_norm(rng):
    if rng.random() < 0.5:
        x = apart(rng, (2, 3, 4))
        return Sample((x, *[(None, None), (None, (0, 2)), (3, 1), (None, 0), (1, -1)][rng.integers(5)]))
    if rng.random() < 0.3:
        return Sample((apart(rng, (4,)), [None, 1, 3, np.inf][rng.integers(4)]))
    return Sample((of_full_rank(rng)[..., :, :], [None, "fro", "nuc", 2, 1][rng.integers(5)], (-2, -1)))


def p_norms(rng):
    x = apart(rng, (2, 3))
    return Sample(
        (x, *[("fro", None), (1, None), (2, None), (3, 1), ("fro", (0, 1)), (np.inf, 0), ("nuc", None)][rng.integers(7)])
    )


def p_norm(x, p, axis):
    if p == "nuc":
        return np.linalg.norm(x, p)
    return vector_norm(x, 2 if p == "fro" else p, axis, False)


def conditions(rng):
    if rng.random() < 0.3:
        return Sample((with_singular_values(rng, (2,), 3, 2, spaced(rng, 2)), [None, 2, -2][rng.integers(3)]))
    return Sample((regular(rng, n=int(rng.integers(2, 4))), [None, 2, -2, "fro", 1, np.inf][rng.integers(6)]))


A = np.arange(6.0).reshape(2, 3)


def rows(rng):
    lead = choice(rng, (), (2,))
    return Sample((normal(rng, (*lead, 4, 3)), 5 + normal(rng, (2, 3))), choice(rng, {}, {"p": 1}, {"p": 3.0}))


def cdist(x, y, p=2.0):
    if x.ndim > 2:
        return np.stack([cdist(matrix, y, p) for matrix in x])
    return np.array([[(np.abs(a - b) ** p).sum() ** (1 / p) for b in y] for a in x])


def too_long(rng):
    x = normal(rng, choice(rng, (3, 4), (2, 3, 2)))
    return Sample((x, choice(rng, 2, 1, 3.0), int(rng.integers(-2, 2)), 1.0))


def renorm(x, p, dim, limit):
    sizes = (np.abs(np.moveaxis(x, dim, 0).reshape(x.shape[dim], -1)) ** p).sum(1) ** (1 / p)
    factors = np.array([limit / (n + 1e-7) if n > limit else 1 for n in sizes])
    return np.moveaxis(np.moveaxis(x, dim, -1) * factors, -1, dim)


SPECS = [
    OpSpec("vector_norm", norms.vector_norm, vector_norm, vectors,
           errors=(refuse(ValueError, "ord must be a number, got 'fro'", A, "fro"),
                   refuse(AxisError, "vector_norm: axis 2 does not exist", A, 2, 2))),
    OpSpec("vector_norm of an infinite order", norms.vector_norm, vector_norm, outermost, ("vector_norm",)),
    OpSpec("matrix_norm", norms.matrix_norm, lambda x, ord, axis, keep: np.linalg.norm(x, ord, axis, keep), matrices,
           errors=(refuse(ValueError, "ord must be 'fro', 'nuc', .* got 3", A, 3), *NOT_SQUARE[1:])),
    OpSpec("norm", norms.norm, np.linalg.norm, any_norm,
           errors=(refuse(ValueError, r"ord 2 needs a vector, a matrix or an axis, got shape \(2, 3, 1\)", A[..., None], 2),
                   refuse(ValueError, "ord 2 needs one axis or two", A[..., None], 2, (0, 1, 2)))),
    OpSpec("p_norm", mg.norm, p_norm, p_norms),
    OpSpec("p_norm, nuclear", mg.norm, lambda x, _, axis: np.linalg.norm(x, "nuc", (-2, -1)),
           lambda rng: Sample((of_full_rank(rng), "nuc", [None, (-1, -2)][rng.integers(2)])), ("norm",)),
    OpSpec("dist", mg.dist, lambda x, y, p=2: np.linalg.norm((x - y).ravel(), p),
           lambda rng: Sample((normal(rng, (2, 3)), 5 + normal(rng, choice(rng, (2, 3), (3,)))), choice(rng, {}, {"p": 4}))),
    OpSpec("cdist", mg.cdist, cdist, rows, errors=(
        refuse(ShapeError, r"got shapes \(2, 3\) and \(2, 4\)", np.ones((2, 3)), np.ones((2, 4))),)),
    OpSpec("cond", norms.cond, np.linalg.cond, conditions),
    OpSpec("np.linalg.norm", np.linalg.norm, np.linalg.norm, one(of_full_rank), ("norm",)),
    OpSpec("renorm", mg.renorm, renorm, too_long, errors=(
        refuse(ValueError, r"needs two axes or more, p > 0 and maxnorm >= 0, got shape \(3,\)", A[0], 2, 0, 1.0),
        refuse(ValueError, "maxnorm >= 0, .* p 2, -1.0", A, 2, 0, -1.0))),
    OpSpec("pdist", mg.pdist, lambda x, p=2.0: cdist(x, x, p)[np.triu_indices(len(x), 1)],
           lambda rng: Sample((spread(rng, (int(rng.integers(2, 5)), 3)), *choice(rng, [], [1], [3.0]))),
           errors=(refuse(ShapeError, r"pdist: needs a matrix \(N, D\), got shape \(3,\)", np.ones(3)),)),
]  # fmt: skip
