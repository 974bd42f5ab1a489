"""Specs of decompositions; where a sign is free, of what does not depend on it."""

import numpy as np

import minigrad as mg
from minigrad.errors import ShapeError
from minigrad.ops import decomposition
from minigrad.testing import OpSpec, Sample
from tests.ops.samples import normal, refuse
from tests.ops.specs.solving import lead_of, of_full_rank, one, orthonormal, regular, spaced


def symmetric(rng):
    """Distinct eigenvalues of either sign; not itself symmetric, since `half` takes the mean."""
    n = int(rng.integers(1, 5))
    v = orthonormal(rng, (*lead_of(rng), n, n))
    x = (v * (spaced(rng, n) * rng.choice([-1, 1], n))) @ v.mT
    skew = normal(rng, x.shape)
    return x + skew - skew.mT


def half(x):
    return (x + x.mT) / 2


def outer_products(u, v):
    """u_i v_i.T for each pair of columns: no sign is left in it."""
    return mg.einsum("...ik,...jk->...kij", u, v)


def eigh(x, UPLO="L"):
    w, v = mg.linalg.eigh(half(x), UPLO)
    return w, outer_products(v, v)


def numpy_eigh(x, UPLO="L"):
    w, v = np.linalg.eigh(half(x), UPLO)
    return w, np.einsum("...ik,...jk->...kij", v, v)


def svd(x):
    u, s, v = mg.linalg.svd(x, full_matrices=False)
    return s, outer_products(u, v.mT), outer_products(u, u), outer_products(v.mT, v.mT)


def numpy_svd(x):
    u, s, v = np.linalg.svd(x, full_matrices=False)
    pairs = ((u, v.mT), (u, u), (v.mT, v.mT))
    return s, *[np.einsum("...ik,...jk->...kij", a, b) for a, b in pairs]


def cholesky(x, upper=False):
    return mg.linalg.cholesky(x @ x.mT + np.eye(x.shape[-1], dtype=x.dtype), upper)


def numpy_cholesky(x, upper=False):
    lower = np.linalg.cholesky(x @ x.mT + np.eye(x.shape[-1]))
    return lower.mT if upper else lower


A = np.arange(6.0).reshape(2, 3)

SPECS = [
    OpSpec("cholesky", cholesky, numpy_cholesky, lambda rng: Sample((regular(rng), bool(rng.random() < 0.5)))),
    OpSpec("qr", decomposition.qr, np.linalg.qr, one(of_full_rank),
           errors=(refuse(ShapeError, "qr: needs a matrix", A[0]),
                   refuse(ValueError, "mode must be 'reduced', 'complete' or 'r', got 'raw'", A, "raw"))),
    OpSpec("R of a complete QR", lambda x: decomposition.qr(x, "complete").R, lambda x: np.linalg.qr(x, "complete")[1],
           one(of_full_rank), ("qr",)),
    OpSpec("eigh", eigh, numpy_eigh, lambda rng: Sample((symmetric(rng), ["L", "U"][rng.integers(2)]))),
    OpSpec("eigvalsh", lambda x: mg.linalg.eigvalsh(half(x)), lambda x: np.linalg.eigvalsh(half(x)), one(symmetric)),
    OpSpec("svd", svd, numpy_svd, one(of_full_rank), errors=(refuse(ShapeError, "svd: needs a matrix", A[0]),)),
    OpSpec("svdvals", decomposition.svdvals, lambda x: np.linalg.svd(x)[1], one(of_full_rank)),
]  # fmt: skip
