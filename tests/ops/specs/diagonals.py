"""Specs of diagonals and triangles."""

import numpy as np

import minigrad as mg
from minigrad.errors import ShapeError
from minigrad.testing import OpSpec, Sample
from tests.ops.samples import AxisError, normal, refuse


def offset(rng):
    return int(rng.integers(-4, 5))


def diagonals(rng):
    first, second = (int(a) for a in rng.permutation(3)[:2])
    if rng.random() < 0.3:
        return Sample((normal(rng, (3, 3)), offset(rng), 1, 0))
    return Sample((normal(rng, [(3, 4, 2), (3, 3, 3)][rng.integers(2)]), offset(rng), first, second - 3))


def embedded(rng):
    first, second = (int(a) for a in rng.permutation(3)[:2])
    return Sample((normal(rng, [(2, 3), (3, 3)][rng.integers(2)]), offset(rng), first, second - 3))


def diag_embed(x, k, dim1, dim2):
    n = x.shape[-1] + abs(k)
    out = np.zeros((*x.shape[:-1], n, n))
    for i in range(x.shape[-1]):
        out[..., i - min(k, 0), i + max(k, 0)] = x[..., i]
    places = sorted((dim1 % (x.ndim + 1), dim2 % (x.ndim + 1)))
    out = np.moveaxis(out, (-2, -1), places)
    return out if dim1 % (x.ndim + 1) < dim2 % (x.ndim + 1) else np.swapaxes(out, *places)


def vector_or_matrix(rng):
    return Sample((normal(rng, [(3,), (3, 4), (0,), (1, 2)][rng.integers(4)]), offset(rng)))


def matrices(rng):
    return Sample((normal(rng, [(3, 4), (4, 3), (2, 2, 3), (0, 2)][rng.integers(4)]), offset(rng)))


A, V = np.arange(6.0).reshape(2, 3), np.arange(3.0)

SPECS = [
    OpSpec("diagonal", mg.diagonal, np.diagonal, diagonals, linear_in=(0,),
           errors=(refuse(AxisError, "diagonal: axis 1 does not exist: the array has 1 axes", V),
                   refuse(AxisError, "diagonal: an axis is named twice", A, 0, 1, -1))),
    OpSpec("trace", mg.trace, np.trace, diagonals, linear_in=(0,)),
    OpSpec("diag", mg.diag, np.diag, vector_or_matrix, linear_in=(0,),
           errors=(refuse(ShapeError, r"needs a vector or a matrix, got shape \(2, 3, 1\)", A[..., None]),)),
    OpSpec("diagflat", mg.diagflat, np.diagflat, matrices, linear_in=(0,)),
    OpSpec("diag_embed", mg.diag_embed, diag_embed, embedded, linear_in=(0,),
           errors=(refuse(AxisError, "an axis is named twice", A, 0, 0, 0),
                   refuse(ShapeError, "at least one axis, got a 0-d array", A[0, 0]))),
    OpSpec("tril", mg.tril, np.tril, matrices, linear_in=(0,), errors=(refuse(ShapeError, "needs a matrix", V),)),
    OpSpec("triu", mg.triu, np.triu, matrices, linear_in=(0,), errors=(refuse(ShapeError, "needs a matrix", V),)),
    OpSpec("linalg.diagonal", mg.linalg.diagonal, lambda x, offset: np.linalg.diagonal(x, offset=offset),
           lambda rng: Sample((normal(rng, (2, 3, 4)),), {"offset": int(rng.integers(-1, 2))}), linear_in=(0,)),
]  # fmt: skip
