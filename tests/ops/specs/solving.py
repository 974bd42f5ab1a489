"""Specs of determinants, inverses and linear systems."""

import numpy as np

import minigrad as mg
from minigrad.errors import ShapeError
from minigrad.ops import solving
from minigrad.testing import OpSpec, Sample
from tests.ops.samples import normal, refuse


def orthonormal(rng, shape):
    return np.linalg.qr(normal(rng, shape))[0]


def with_singular_values(rng, lead, m, n, values):
    """A matrix, or a stack of them, with these singular values."""
    k = len(values)
    left, right = orthonormal(rng, (*lead, max(m, k), k))[..., :m, :], orthonormal(rng, (*lead, max(n, k), k))[..., :n, :]
    return (left * values) @ right.mT


def spaced(rng, k):
    """Values between 0.7 and 3.1, none near another, of either order."""
    return rng.permutation(np.linspace(0.8, 3, k)) + rng.uniform(-0.1, 0.1, k) if k else np.zeros(0)


def lead_of(rng):
    return [(), (2,), (2, 1)][rng.integers(3)]


def regular(rng, lead=None, n=None):
    """Square matrices, well away from singular ones."""
    n = int(rng.integers(1, 5)) if n is None else n
    return with_singular_values(rng, lead_of(rng) if lead is None else lead, n, n, spaced(rng, n))


def one(draw):
    return lambda rng: Sample((draw(rng),))


def singular(rng):
    """Of any rank below full; the determinant is smooth there as anywhere."""
    n = int(rng.integers(1, 5))
    values = spaced(rng, n)
    values[: rng.integers(1, n + 1)] = 0
    return with_singular_values(rng, lead_of(rng), n, n, values)


def by_permutations(x):
    """The determinant as Leibniz defines it, by the first row."""
    n = x.shape[-1]
    if n == 0:
        return np.ones(x.shape[:-2], x.dtype)
    return sum((-1) ** j * x[..., 0, j] * by_permutations(np.delete(x[..., 1:, :], j, -1)) for j in range(n))


def by_minors(x):
    """The cofactors as Laplace defines them: signed determinants of what is left without a row and a column."""
    out = np.empty_like(x)
    for i, j in np.ndindex(x.shape[-2:]):
        out[..., i, j] = (-1) ** (i + j) * by_permutations(np.delete(np.delete(x, i, -2), j, -1))
    return out


def system(rng):
    n, lead = int(rng.integers(1, 5)), lead_of(rng)
    x = regular(rng, lead, n)
    sizes = [(n,), (*lead, n), (*lead, n, 3), (n, 2), (2, 2, n, 1), (*lead, 2, n)]
    at = int(rng.integers(len(sizes)))
    return Sample((x, normal(rng, sizes[at])), {"left": at < 5})


def solve(x, y, left):
    if not left:
        return y @ np.linalg.inv(x)
    vector = y.ndim == 1 or y.shape == x.shape[:-1]
    z = np.linalg.inv(x) @ (y[..., None] if vector else y)
    return z[..., 0] if vector else z


# Triangles and right-hand sides, which are matrices also where they could be stacks of vectors: the third and the fourth
TRIANGLES = [
    ((3, 3), (3, 2)),
    ((2, 1, 3, 3), (2, 1, 3, 2)),
    ((3, 3, 3), (3, 3)),
    ((1, 3, 3, 3), (1, 3, 3)),
    ((3, 3), (2, 3, 1)),
]


def with_a_triangle(rng):
    a, b = TRIANGLES[rng.integers(len(TRIANGLES))]
    return normal(rng, a) + 3 * np.eye(3), normal(rng, b), bool(rng.random() < 0.5)


def triangular(rng):
    x, y, upper = with_a_triangle(rng)
    left = bool(rng.random() < 0.5)
    return Sample((x, y if left else y.mT), {"upper": upper, "left": left, "unitriangular": bool(rng.random() < 0.5)})


def solve_triangular(x, y, upper, left, unitriangular):
    x = np.triu(x) if upper else np.tril(x)
    if unitriangular:
        x = x - x * np.eye(3) + np.eye(3)
    return np.linalg.inv(x) @ y if left else y @ np.linalg.inv(x)


def factored(rng):
    triangle, y, upper = with_a_triangle(rng)
    return Sample((y, triangle, upper))


def cholesky_solve(y, factor, upper):
    x = np.triu(factor).mT @ np.triu(factor) if upper else np.tril(factor) @ np.tril(factor).mT
    return np.linalg.inv(x) @ y


def of_full_rank(rng):
    m, n = (int(v) for v in rng.integers(1, 5, 2))
    return with_singular_values(rng, lead_of(rng), m, n, spaced(rng, min(m, n)))


def of_low_rank(rng):
    """A factor each, whose product keeps its rank when they move."""
    x = with_singular_values(rng, (2,), 4, 2, np.array([1.0, 1.5]))
    return Sample((x, x.mT + 0.05 * normal(rng, (2, 2, 4))))


def pinv_of_product(x, y):
    return mg.linalg.pinv(mg.matmul(x, y), rtol=1e-4)


def overdetermined(rng):
    x = with_singular_values(rng, (), 5, 3, spaced(rng, 3))
    return Sample((x, normal(rng, [(5,), (5, 2)][rng.integers(2)])))


def least_squares(x, y):
    return np.linalg.lstsq(x, y, None)[:2]


A = np.arange(6.0).reshape(2, 3)
FLAT = np.stack([np.eye(2), np.ones((2, 2))])
LinAlgError = np.linalg.LinAlgError

NOT_SQUARE = (
    refuse(ShapeError, r"needs square matrices, got shape \(2, 3\): 2 rows and 3 columns", A),
    refuse(ShapeError, r"needs a matrix or a stack of them, got shape \(3,\)", A[0]),
)
NO_SOLUTION = (
    refuse(LinAlgError, r"solve: the matrix at \(1,\) is singular", FLAT, np.ones(2)),
    refuse(ShapeError, r"2 equations, shape \(2, 2\), but a right-hand side of shape \(3,\)", FLAT[0], np.ones(3)),
    refuse(ShapeError, r"the leading axes of shapes \(2, 2, 2\) and \(3, 2, 1\) do not broadcast", FLAT, np.ones((3, 2, 1))),
    refuse(ShapeError, "needs square matrices", A, np.ones(2)),
)

SPECS = [
    OpSpec("inv", solving.inv, np.linalg.inv, one(regular), ("inv", "inverse"),
           errors=(*NOT_SQUARE, refuse(LinAlgError, r"inv: the matrix at \(1,\) is singular", FLAT),
                   refuse(LinAlgError, "inv: the matrix is singular", FLAT[1]))),
    OpSpec("det", mg.det, by_permutations, one(regular), errors=NOT_SQUARE),
    OpSpec("det of singular matrices", mg.det, by_permutations, one(singular), ("det",)),
    OpSpec("cofactors", solving.cofactors, by_minors, lambda rng: Sample((regular(rng, n=int(rng.integers(2, 5))),))),
    OpSpec("slogdet", lambda x: mg.linalg.slogdet(x).logabsdet, lambda x: np.log(abs(np.linalg.det(x))), one(regular),
           ("slogdet",), errors=NOT_SQUARE),
    OpSpec("logdet", lambda x: mg.logdet(x @ x.mT), lambda x: np.log(np.linalg.det(x) ** 2), one(regular), ("logdet",)),
    OpSpec("solve", solving.solve, solve, system, errors=NO_SOLUTION),
    OpSpec("np.linalg.solve", np.linalg.solve, np.linalg.solve,
           lambda rng: Sample((regular(rng, (2,), 3), normal(rng, [(3,), (3, 2), (2, 3, 1)][rng.integers(3)]))), ("solve",)),
    OpSpec("solve_triangular", solving.solve_triangular, solve_triangular, triangular),
    OpSpec("cholesky_solve", mg.cholesky_solve, cholesky_solve, factored,
           errors=(refuse(ShapeError, "cholesky_solve: needs square matrices", A, A),
                   refuse(ShapeError, r"3 equations, shape \(3, 3\), but .* of shape \(2,\)", A[0, :2], np.eye(3)))),
    OpSpec("pinv", solving.pinv, np.linalg.pinv, one(of_full_rank), ("pinv", "pinverse"),
           errors=(refuse(ShapeError, "pinv: needs a matrix", A[0]),)),
    OpSpec("pinv of low rank", pinv_of_product, lambda x, y: np.linalg.pinv(x @ y, 1e-4), of_low_rank, ("pinv",)),
    OpSpec("lstsq", lambda x, y: solving.lstsq(x, y)[:2], least_squares, overdetermined, ("lstsq",),
           errors=(refuse(ShapeError, r"2 equations, shape \(2, 3\), but right-hand sides of shape \(3,\)", A, A[0]),)),
    OpSpec("matrix_rank", solving.matrix_rank, np.linalg.matrix_rank, one(of_full_rank), order=0),
    OpSpec("matrix_power", mg.matrix_power, np.linalg.matrix_power,
           lambda rng: Sample((regular(rng), [-2, -1, 1, 2, 5][rng.integers(5)])), errors=()),
    OpSpec("inv_ex", lambda x: solving.inv_ex(x).inverse, np.linalg.inv, one(regular), ("inv_ex",), errors=NOT_SQUARE),
    OpSpec("cholesky_inverse", mg.cholesky_inverse, lambda x: np.linalg.inv(np.tril(x) @ np.tril(x).mT),
           lambda rng: Sample((factored(rng).args[1],)),
           errors=(refuse(ShapeError, "cholesky_inverse: needs square matrices", A),)),
]  # fmt: skip
