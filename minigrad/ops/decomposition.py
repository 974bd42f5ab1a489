"""Matrix decompositions: Cholesky, LU, QR, eigenvalues and singular values, of a matrix or a stack of them.

A decomposition is computed once, outside the graph, and passed to one primitive for each of its factors. So each factor has
a separate gradient, and a function of the eigenvalues alone never needs the derivative of the eigenvectors, which does not
exist where eigenvalues repeat: there it raises GraphError. Where a sign is free the results are LAPACK's, as in PyTorch.

Rules: Murray (2016), "Differentiation of the Cholesky decomposition"; Walter and Lehmann (2010), "Algorithmic
differentiation of linear algebra functions with application in optimum experimental design" (QR); Townsend (2016),
"Differentiating the singular value decomposition".
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np

from minigrad.arrays import Array, array_of, shape_of
from minigrad.engine.composite import composite
from minigrad.engine.primitive import primitive
from minigrad.engine.promotion import floating
from minigrad.engine.registry import register
from minigrad.errors import GraphError, ShapeError
from minigrad.kernels import elimination
from minigrad.kernels.checks import check_choice, check_matrices, check_square
from minigrad.ops.diagonals import tril, triu
from minigrad.ops.joining import concatenate
from minigrad.ops.linalg import matmul
from minigrad.ops.solving import attempted, solve_matrices
from minigrad.ops.sorting import nondifferentiable

__all__ = [
    "cholesky", "cholesky_ex", "eigh", "eigvalsh", "lu", "lu_factor", "lu_solve", "lu_unpack", "qr", "qr_of_some", "svd",
    "svd_of_some", "svdvals",
]  # fmt: skip

Factors = tuple[Array, ...]

# Two computed values of one matrix count as equal, so that their vectors are not determined, if they differ by at most this
# many rounding errors of the largest. Over 100,000 random matrices with a repeated value, of sizes 2 to 256, in both dtypes
# and on three kinds of processors, its two copies were up to 14 apart, whatever the size.
EQUAL = 64


class CholeskyAttempt(NamedTuple):
    """Result of `cholesky_ex`: the triangles, NaN where info is not 0."""

    L: Any
    info: Any


class LUFactors(NamedTuple):
    """Result of `lu_factor`: L below the diagonal of one matrix with U, and the rows exchanged for each, counted from 1."""

    LU: Any
    pivots: Any


class LU(NamedTuple):
    """Result of `lu`, with x = P @ L @ U."""

    P: Any
    L: Any
    U: Any


class QR(NamedTuple):
    """Result of `qr`: orthonormal columns and an upper triangle."""

    Q: Any
    R: Any


class Eigen(NamedTuple):
    """Result of `eigh`: eigenvalues in ascending order and eigenvectors in columns."""

    eigenvalues: Any
    eigenvectors: Any


class SVDColumns(NamedTuple):
    """Result of ``mg.svd``, with x = (U * S) @ V.T."""

    U: Any
    S: Any
    V: Any


class SVD(NamedTuple):
    """Result of `svd`, with x = (U * S) @ Vh."""

    U: Any
    S: Any
    Vh: Any


@register(np.linalg.cholesky)
@floating("x")
@composite
def cholesky(x: Any, upper: bool = False) -> Any:
    """Return the lower triangle L with L @ L.T = x, of symmetric, positive definite matrices; with `upper`, L.T.

    One triangle of `x` is read; the gradient is symmetric, as `x` is. Raises LinAlgError for other matrices.

    >>> import numpy as np
    >>> cholesky(np.array([[4.0, 2.0], [2.0, 2.0]]))
    array([[2., 0.],
           [1., 1.]])
    """
    check_square("cholesky", x)
    return lower_factor(x.mT).mT if upper else lower_factor(x)


@floating("x")
@composite
def cholesky_ex(x: Any, *, upper: bool = False, check_errors: bool = False) -> CholeskyAttempt:
    """Return (L, info) for matrices that may not be positive definite, by `cholesky`.

    info is 0, or the order of the smallest leading minor that is not positive definite; there L is NaN. With `check_errors`
    such matrices raise LinAlgError.

    >>> import numpy as np
    >>> cholesky_ex(np.array([[4.0, 0.0], [0.0, -1.0]])).info
    array(2, dtype=int32)
    """
    check_square("cholesky_ex", x)
    return CholeskyAttempt(*attempted(lambda y: cholesky(y, upper), x, _indefinite_minor, check_errors))


@primitive
def lower_factor(x: Array) -> Array:
    """Return the lower Cholesky factor."""
    try:
        return np.linalg.cholesky(x)
    except np.linalg.LinAlgError:
        raise np.linalg.LinAlgError("cholesky: a matrix is not positive definite") from None


@lower_factor.gradient("x")
def _(g: Any, out: Any) -> Any:
    inner = tril(out.mT @ g)
    inner = inner - inner * (np.eye(out.shape[-1], dtype=out.dtype) / 2)  # the diagonal counts half
    half = solve_matrices(out.mT, solve_matrices(out.mT, inner.mT).mT)  # inv(L).T inner inv(L)
    return (half + half.mT) / 2


@floating("x")
@composite
def lu_factor(x: Any, *, pivot: bool = True) -> LUFactors:
    """Return (LU, pivots): lower and upper triangle of x (..., m, n) after exchanges of rows, in one matrix; see `lu_solve`.

    The lower triangle has ones on its diagonal, which are left out. Without `pivot` no rows are exchanged. Going backward
    needs a first block of full rank.

    >>> import numpy as np
    >>> lu_factor(np.array([[1.0, 2.0], [2.0, 0.0]])).LU
    array([[2. , 0. ],
           [0.5, 2. ]])
    """
    m, _ = check_matrices("lu_factor", x)
    packed, pivots = elimination.lu(array_of(x), pivot)
    rows = matmul(elimination.exchanged(pivots, m, packed.dtype), x)
    return LUFactors(packed_factors(rows, packed), nondifferentiable(x, pivots))


@floating("x")
@composite
def lu(x: Any, *, pivot: bool = True) -> LU:
    """Return (P, L, U), a permutation, a lower triangle with a unit diagonal, and an upper one, with P @ L @ U = x.

    For x (..., m, n), L has min(m, n) columns and U as many rows. See `lu_factor`.

    >>> import numpy as np
    >>> lu(np.array([[1.0, 2.0], [2.0, 0.0]])).U
    array([[2., 0.],
           [0., 2.]])
    """
    check_matrices("lu", x)
    return lu_unpack(*lu_factor(x, pivot=pivot))


@composite
def lu_unpack(LU_data: Any, LU_pivots: Any) -> LU:
    """Return (P, L, U) of `lu`, given the result of `lu_factor`.

    >>> import numpy as np
    >>> lu_unpack(np.array([[2.0, 0.0], [0.5, 2.0]]), np.array([2, 2])).L
    array([[1. , 0. ],
           [0.5, 1. ]])
    """
    m, n = check_matrices("lu_unpack", LU_data)
    k = min(m, n)
    lower, upper = tril(LU_data[..., :k], -1) + np.eye(m, k, dtype=LU_data.dtype), triu(LU_data[..., :k, :])
    rows = elimination.exchanged(array_of(LU_pivots), m, LU_data.dtype)
    return LU(nondifferentiable(LU_data, rows.mT), lower, upper)


@floating("LU", "B")
@composite
def lu_solve(LU: Any, pivots: Any, B: Any, *, left: bool = True, adjoint: bool = False) -> Any:
    """Return the solution z of ``x @ z = B``, given the result of `lu_factor` for x; with `adjoint`, of ``x.T @ z = B``.

    `B` is a matrix or a stack of them; leading axes broadcast. With left=False the equation is ``z @ x = B``.

    >>> import numpy as np
    >>> lu_solve(*lu_factor(np.array([[1.0, 2.0], [2.0, 0.0]])), np.array([[5.0], [2.0]]))
    array([[1.],
           [2.]])
    """
    n, size = check_square("lu_solve", LU), shape_of(B)
    if len(size) < 2 or size[-2 if left else -1] != n:
        raise ShapeError(f"lu_solve: {n} equations, shape {shape_of(LU)}, but a right-hand side of shape {size}")
    if not left:
        return lu_solve(LU, pivots, B.mT, adjoint=not adjoint).mT
    rows, lower, upper = lu_unpack(LU, pivots)
    if adjoint:
        return matmul(rows, solve_matrices(lower.mT, solve_matrices(upper.mT, B)))
    return solve_matrices(upper, solve_matrices(lower, matmul(rows.mT, B)))


@composite
def lu_solve_of(x: Any, LU_data: Any, LU_pivots: Any) -> Any:
    """Return `lu_solve` for the right-hand side `x`: PyTorch's older name.

    >>> import numpy as np
    >>> lu_solve_of(np.array([[5.0], [2.0]]), *lu_factor(np.array([[1.0, 2.0], [2.0, 0.0]])))
    array([[1.],
           [2.]])
    """
    return lu_solve(LU_data, LU_pivots, x)


@primitive
def packed_factors(x: Array, packed: Array) -> Array:
    """Return the L and U of x = L @ U, without exchanges, in one matrix."""
    return packed


@packed_factors.gradient("x")
def _(g: Any, out: Any) -> Any:
    m, n = shape_of(out)[-2:]
    k = min(m, n)
    # x = [[L U, L right], [below U, ...]], of which the lower or the right part is empty
    corner, below, right = out[..., :k, :k], out[..., k:, :k], out[..., :k, k:]
    g_corner, g_below, g_right = g[..., :k, :k], g[..., k:, :k], g[..., :k, k:]
    lower, upper = tril(corner, -1) + np.eye(k, dtype=out.dtype), triu(corner)
    inner = tril(lower.mT @ tril(g_corner, -1) - g_right @ right.mT, -1)
    inner = inner + triu(triu(g_corner) @ upper.mT - below.mT @ g_below)
    first = solve_matrices(lower.mT, _over_r(inner, upper))
    if m > n:
        return concatenate([first, _over_r(g_below, upper)], -2)
    return concatenate([first, solve_matrices(lower.mT, g_right)], -1) if m < n else first


@floating("x")
@composite
def qr(x: Any, mode: str = "reduced") -> QR:
    """Return (Q, R), orthonormal columns and an upper triangle, with Q @ R = x, for x (..., m, n).

    With `mode` "reduced" Q has min(m, n) columns; with "complete" it has m, but those that are added have no gradient: going
    backward through them raises GraphError. With "r" Q is empty (``np.linalg.qr(tensor, "r")`` returns R alone).

    >>> import numpy as np
    >>> q, r = qr(np.array([[3.0, 1.0], [4.0, 2.0]]))
    >>> np.abs(r.round(6))
    array([[5. , 2.2],
           [0. , 0.4]])
    """
    m, n = check_matrices("qr", x)
    check_choice("qr", "mode", mode, "reduced", "complete", "r")
    q, r = np.linalg.qr(array_of(x))
    square, rest = (x, None) if m >= n else (x[..., :m], x[..., m:])
    factors = q, r[..., :m]
    orthonormal, triangle = columns_of_q(square, factors), triangle_of_r(square, factors)
    if rest is not None:
        triangle = concatenate([triangle, orthonormal.mT @ rest], -1)
    if mode == "r":
        return QR(nondifferentiable(x, np.zeros(0, r.dtype)), triangle)
    if mode == "complete" and m > n:
        full = np.linalg.qr(array_of(x), "complete")[0]
        zeros = np.zeros((*r.shape[:-2], m - n, n), r.dtype)
        return QR(without_gradient(x, full, "qr", "mode='complete'"), concatenate([triangle, zeros], -2))
    return QR(orthonormal, triangle)


@composite
def qr_of_some(x: Any, some: bool = True) -> QR:
    """Return `qr`, in the mode "reduced", or without `some` "complete": PyTorch's older name."""
    return qr(x, "reduced" if some else "complete")


@register(np.linalg.qr)
def numpy_qr(a: Any, mode: str = "reduced") -> Any:
    """Return `qr`, or for mode "r" its R alone."""
    return qr(a, mode).R if mode == "r" else qr(a, mode)


@primitive
def columns_of_q(x: Array, factors: Factors) -> Array:
    """Return Q of x = Q @ R, for x with at least as many rows as columns."""
    return factors[0]


@primitive
def triangle_of_r(x: Array, factors: Factors) -> Array:
    """Return R of x = Q @ R, for x with at least as many rows as columns."""
    return factors[1]


@columns_of_q.gradient("x")
def _(g: Any, x: Any, out: Any, factors: Factors) -> Any:
    _check_columns(factors[1], shape_of(x)[-2])
    return _over_r(g - out @ _mirrored(g.mT @ out), triangle_of_r(x, factors))


@triangle_of_r.gradient("x")
def _(g: Any, x: Any, out: Any, factors: Factors) -> Any:
    _check_columns(factors[1], shape_of(x)[-2])
    return _over_r(columns_of_q(x, factors) @ _mirrored(out @ g.mT), out)


@register(np.linalg.eigh)
@floating("x")
@composite
def eigh(x: Any, UPLO: Literal["L", "U"] = "L") -> Eigen:
    """Return (eigenvalues, eigenvectors) of symmetric matrices, in ascending order, with x = V @ diag(w) @ V.T.

    One triangle of `x` is read: with `UPLO` "L" the lower, with "U" the upper; the gradient is symmetric, as `x` is. The
    eigenvalues have a gradient everywhere, the eigenvectors where no eigenvalue repeats; elsewhere going backward through
    them raises GraphError.

    >>> import numpy as np
    >>> eigh(np.array([[2.0, 0.0], [0.0, 1.0]])).eigenvalues
    array([1., 2.])
    """
    check_square("eigh", x)
    factors = tuple(np.linalg.eigh(array_of(x), UPLO))
    return Eigen(eigenvalues(x, factors), eigenvectors(x, factors))


@register(np.linalg.eigvalsh)
@floating("x")
@composite
def eigvalsh(x: Any, UPLO: Literal["L", "U"] = "L") -> Any:
    """Return the eigenvalues of symmetric matrices, in ascending order. See `eigh`.

    >>> import numpy as np
    >>> eigvalsh(np.array([[0.0, 1.0], [1.0, 0.0]]))
    array([-1.,  1.])
    """
    check_square("eigvalsh", x)
    return eigenvalues(x, tuple(np.linalg.eigh(array_of(x), UPLO)))


@primitive
def eigenvalues(x: Array, factors: Factors) -> Array:
    """Return w of x = V @ diag(w) @ V.T."""
    return factors[0]


@primitive
def eigenvectors(x: Array, factors: Factors) -> Array:
    """Return V of x = V @ diag(w) @ V.T."""
    return factors[1]


@eigenvalues.gradient("x")
def _(g: Any, x: Any, factors: Factors) -> Any:
    v = eigenvectors(x, factors)
    return (v * g[..., None, :]) @ v.mT


@eigenvectors.gradient("x")
def _(g: Any, x: Any, out: Any, factors: Factors) -> Any:
    _check_gaps("eigh", "eigenvalues", factors[0])
    w = eigenvalues(x, factors)
    return out @ _over_differences(_antisymmetric(out.mT @ g), w) @ out.mT


@floating("x")
@composite
def svd(x: Any, full_matrices: bool = True) -> SVD:
    """Return (U, S, Vh) with x = (U * S) @ Vh: orthonormal columns, singular values in descending order, orthonormal rows.

    With `full_matrices` U and Vh are square, but their vectors beyond the min(m, n) of x (..., m, n) have no gradient: one
    that is not zero raises GraphError. The same holds where singular values repeat, or are 0 beside a null space,
    unless only S is used.

    >>> import numpy as np
    >>> svd(np.array([[3.0, 0.0], [0.0, 4.0], [0.0, 0.0]]), full_matrices=False).S
    array([4., 3.])
    """
    k = min(check_matrices("svd", x))
    left, values, right = np.linalg.svd(array_of(x), full_matrices)
    factors = (left[..., :k], values, right[..., :k, :])
    u, s, vh = left_vectors(x, factors), singular_values(x, factors), right_vectors(x, factors)
    if left.shape[-1] > k:
        u = concatenate([u, without_gradient(x, left[..., k:], "svd", "full_matrices=True")], -1)
    if right.shape[-2] > k:
        vh = concatenate([vh, without_gradient(x, right[..., k:, :], "svd", "full_matrices=True")], -2)
    return SVD(u, s, vh)


@composite
def svd_of_some(x: Any, some: bool = True) -> SVDColumns:
    """Return (U, S, V) with x = (U * S) @ V.T: `svd` under PyTorch's older name, with the vectors of V in columns.

    With `some` U and V have min(m, n) columns, otherwise they are square.

    >>> import numpy as np
    >>> svd_of_some(np.array([[3.0, 0.0], [0.0, 4.0], [0.0, 0.0]])).V.shape
    (2, 2)
    """
    u, s, vh = svd(x, not some)
    return SVDColumns(u, s, vh.mT)


@register(np.linalg.svd)
def numpy_svd(a: Any, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False) -> Any:
    """Return `svd`, or without `compute_uv` `svdvals`; `hermitian` has no effect, as every matrix takes one method."""
    return svd(a, full_matrices) if compute_uv else svdvals(a)


@register(np.linalg.svdvals)
@floating("x")
@composite
def svdvals(x: Any) -> Any:
    """Return the singular values of matrices, in descending order; they have a gradient even where they repeat.

    >>> import numpy as np
    >>> svdvals(np.array([[3.0, 0.0], [0.0, 4.0]]))
    array([4., 3.])
    """
    check_matrices("svdvals", x)
    return singular_values(x, tuple(np.linalg.svd(array_of(x), full_matrices=False)))


@primitive
def left_vectors(x: Array, factors: Factors) -> Array:
    """Return U of x = (U * S) @ Vh."""
    return factors[0]


@primitive
def singular_values(x: Array, factors: Factors) -> Array:
    """Return S of x = (U * S) @ Vh."""
    return factors[1]


@primitive
def right_vectors(x: Array, factors: Factors) -> Array:
    """Return Vh of x = (U * S) @ Vh."""
    return factors[2]


@singular_values.gradient("x")
def _(g: Any, x: Any, factors: Factors) -> Any:
    return (left_vectors(x, factors) * g[..., None, :]) @ right_vectors(x, factors)


@left_vectors.gradient("x")
def _(g: Any, x: Any, out: Any, factors: Factors) -> Any:
    return _of_vectors(g, out, singular_values(x, factors), right_vectors(x, factors), factors[1])


@right_vectors.gradient("x")
def _(g: Any, x: Any, out: Any, factors: Factors) -> Any:
    # x.T = (V * S) @ U.T
    return _of_vectors(g.mT, out.mT, singular_values(x, factors), left_vectors(x, factors).mT, factors[1]).mT


@primitive
def without_gradient(x: Array, factor: Array, name: str, option: str) -> Array:
    """Return a factor of `x` that `x` does not determine, so that going backward through it raises GraphError."""
    return factor


@without_gradient.gradient("x")
def _(g: Any, shape: Any, name: str, option: str) -> Any:
    if not array_of(g).any():
        return np.zeros(shape, g.dtype)
    raise GraphError(
        f"{name}: the vectors that {option} adds are not determined by the matrix, so they have no gradient\n"
        f"  hint: use the reduced form"
    )


def _of_vectors(g: Any, u: Any, s: Any, vh: Any, values: Array) -> Any:
    """Return the gradient of x = (U * s) @ Vh, given that of U, g."""
    _check_gaps("svd", "singular values", values)
    along = u.mT @ g
    # s_j / (s_j**2 - s_i**2), as two factors without cancellation, of which only the second depends on the scale
    sums = s[..., None, :] + s[..., :, None] + _infinite_diagonal(values)
    inner = _over_differences(2 * _antisymmetric(along) * (s[..., None, :] / sums), s)
    if u.shape[-2] == u.shape[-1]:
        return u @ inner @ vh
    _check_rank("svd", values, u.shape[-2])
    return (u @ inner + (g - u @ along) / s[..., None, :]) @ vh


def _indefinite_minor(x: Array) -> int:
    """Return the order of the first leading minor that is not positive definite: the place of the first such pivot."""
    pivots = np.diagonal(elimination.lu(np.tril(x) + np.tril(x, -1).T, False)[0])
    return 1 + int(np.argmax(~(pivots > 0)))


def _antisymmetric(x: Any) -> Any:
    return (x - x.mT) / 2


def _over_differences(x: Any, values: Any) -> Any:
    """Compute x[i, j] / (values[j] - values[i]), for x that is 0 on the diagonal."""
    return x / (values[..., None, :] - values[..., :, None] + _infinite_diagonal(values))


def _infinite_diagonal(values: Any) -> Array:
    """Return a term for a divisor that makes the diagonal of the quotient and its derivatives 0, at any scale."""
    return np.diag(np.full(values.shape[-1], np.inf, values.dtype))


def _mirrored(x: Any) -> Any:
    """Return the symmetric matrix with the lower triangle of x."""
    return tril(x) + tril(x, -1).mT


def _over_r(x: Any, r: Any) -> Any:
    """Compute x @ inv(r).T."""
    return solve_matrices(r, x.mT).mT


def _check_gaps(name: str, what: str, values: Array) -> None:
    """Raise GraphError if two values are equal but for rounding."""
    gaps = np.abs(np.diff(values, axis=-1))  # of neighbors: values are in order
    if (gaps <= EQUAL * _rounding(values)).any():
        raise GraphError(
            f"{name}: two {what} are equal, so their vectors are not determined and have no gradient\n"
            f"  hint: a function of the {what} alone has one: use {'eigvalsh' if name == 'eigh' else 'svdvals'}"
        )


def _check_rank(name: str, singular: Array, size: int) -> None:
    """Raise GraphError if a singular value is 0 but for rounding, by the rule of `matrix_rank`.

    For small matrices that rule would be tight: it allows two rounding errors for two rows, and 1.9 were seen.
    """
    if (singular <= max(size, 10) * _rounding(singular)).any():
        raise GraphError(f"{name}: a matrix without full rank has no gradient of its orthonormal factor")


def _check_columns(r: Array, rows: int) -> None:
    """Raise GraphError for the triangle R of a matrix with dependent columns.

    The diagonal of R does not show it, since there the rounding errors of a column are enlarged by its coefficients in the
    others. The singular values do, of columns scaled to one size: QR does not depend on the scale of a column.
    """
    r = r[np.isfinite(r).all((-2, -1))]
    largest = np.abs(r).max(-2, keepdims=True, initial=0)
    _check_rank("qr", np.linalg.svd(r / np.where(largest == 0, 1, largest), compute_uv=False), rows)


def _rounding(values: Array) -> Array:
    """Return the rounding error of the largest of these values."""
    return np.asarray(np.abs(values).max(-1, keepdims=True, initial=0) * np.finfo(values.dtype).eps)
