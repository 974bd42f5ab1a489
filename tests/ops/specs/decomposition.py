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


def eliminated(x):
    """L and U in one matrix, row by row, and the exchanges."""
    packed, pivots = x.copy(), np.zeros((*x.shape[:-2], min(x.shape[-2:])), np.int32)
    for at in np.ndindex(x.shape[:-2]):
        a = packed[at]
        for j in range(min(a.shape)):
            pivot = j + int(np.argmax(np.abs(a[j:, j])))
            pivots[(*at, j)] = pivot + 1
            a[[j, pivot]] = a[[pivot, j]]
            for i in range(j + 1, len(a)):
                a[i, j] /= a[j, j]
                a[i, j + 1 :] -= a[i, j] * a[j, j + 1 :]
    return packed, pivots


def unpacked(packed, pivots):
    m, n = packed.shape[-2:]
    k = min(m, n)
    p = np.zeros((*packed.shape[:-2], m, m))
    for at in np.ndindex(packed.shape[:-2]):
        rows = list(range(m))
        for j, pivot in enumerate(pivots[at] - 1):
            rows[j], rows[pivot] = rows[pivot], rows[j]
        p[at][rows, range(m)] = 1
    return p, np.tril(packed[..., :k], -1) + np.eye(m, k), np.triu(packed[..., :k, :])


def numpy_lu(x):
    return unpacked(*eliminated(x))


def packed_ones(rng):
    m, n = (int(v) for v in rng.integers(1, 5, 2))
    k = min(m, n)
    pivots = np.array([rng.integers(j, m) + 1 for j in range(k)])
    return Sample((normal(rng, (m, n)), pivots))


def lu_systems(rng):
    n = int(rng.integers(1, 4))
    factors = regular(rng, n=n) + 2 * np.eye(n)
    pivots = np.stack([rng.integers(j, n, factors.shape[:-2]) + 1 for j in range(n)], -1)
    left = bool(rng.random() < 0.5)
    B = normal(rng, (n, 2) if left else (2, n))
    return Sample((factors * 0.5 + np.eye(n), pivots, B), {"left": left, "adjoint": bool(rng.random() < 0.5)})


def right_hand_sides(rng):
    packed, pivots, _ = lu_systems(rng).args
    return Sample((rng.normal(size=(*packed.shape[:-1], 2)), packed, pivots))


def solved_by_lu(packed, pivots, B, left, adjoint):
    p, lower, upper = unpacked(packed, pivots)
    x = p @ lower @ upper
    x = x.mT if adjoint else x
    return np.linalg.inv(x) @ B if left else B @ np.linalg.inv(x)


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
    OpSpec("svd", svd, numpy_svd, one(of_full_rank), ("mg.linalg.svd",),
           errors=(refuse(ShapeError, "svd: needs a matrix", A[0]),)),
    OpSpec("svdvals", decomposition.svdvals, lambda x: np.linalg.svd(x)[1], one(of_full_rank)),
    OpSpec("cholesky_ex", lambda x: mg.linalg.cholesky_ex(x @ x.mT + np.eye(x.shape[-1], dtype=x.dtype)).L, numpy_cholesky,
           one(regular), ("cholesky_ex",)),
    OpSpec("lu_factor", decomposition.lu_factor, eliminated, one(of_full_rank), ("lu_factor",),
           errors=(refuse(ShapeError, "lu_factor: needs a matrix", A[0]),)),
    OpSpec("lu", decomposition.lu, numpy_lu, one(of_full_rank), errors=(refuse(ShapeError, "lu: needs a matrix", A[0]),)),
    OpSpec("lu_unpack", mg.lu_unpack, lambda packed, pivots: unpacked(packed, pivots), packed_ones),
    OpSpec("lu_solve", decomposition.lu_solve, solved_by_lu, lu_systems, linear_in=(1,),
           errors=(refuse(ShapeError, "lu_solve: needs square matrices", A, np.array([1, 2]), A),
                   refuse(ShapeError, r"lu_solve: 2 equations, shape \(2, 2\), but .* of shape \(2,\)", A[:, :2],
                          np.array([1, 2]), A[:, 0]))),
    OpSpec("lu_solve of", lambda B, packed, pivots: mg.lu_solve(B, packed, pivots),
           lambda B, packed, pivots: solved_by_lu(packed, pivots, B, True, False), right_hand_sides, ("mg.lu_solve",),
           linear_in=(0,)),
    OpSpec("qr of some", mg.qr, np.linalg.qr, one(of_full_rank)),
    OpSpec("svd of some", lambda x: mg.svd(x).S, lambda x: np.linalg.svd(x)[1], one(of_full_rank), ("mg.svd",)),
]  # fmt: skip
