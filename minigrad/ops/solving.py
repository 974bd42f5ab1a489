"""Determinants, inverses and linear systems, of a matrix or a stack of matrices.

Rules: Giles (2008), "Collected matrix derivative results for forward and reverse mode algorithmic differentiation".
"""

from __future__ import annotations

import math
import operator
from typing import Any, NamedTuple

import numpy as np

from minigrad.arrays import Array, Shape, array_of, shape_of
from minigrad.engine.composite import composite, separate
from minigrad.engine.primitive import primitive
from minigrad.engine.promotion import floating, promoting
from minigrad.engine.registry import register
from minigrad.errors import GraphError, ShapeError
from minigrad.kernels import cofactors as kernel
from minigrad.kernels import elimination
from minigrad.kernels.checks import broadcast_shapes, check_matrices, check_square
from minigrad.ops.diagonals import trace, tril, triu
from minigrad.ops.elementwise import square, where
from minigrad.ops.linalg import matmul
from minigrad.ops.reduction import sum
from minigrad.ops.shape import expand_dims, moveaxis, reshape, squeeze, unbroadcast
from minigrad.ops.sorting import nondifferentiable

__all__ = [
    "cholesky_inverse", "cholesky_solve", "det", "inv", "inv_ex", "inverse", "logdet", "lstsq", "matrix_power",
    "matrix_rank", "pinv", "pinverse", "slogdet", "solve", "solve_triangular",
]  # fmt: skip


class SignedLogarithm(NamedTuple):
    """Result of `slogdet`."""

    sign: Any
    logabsdet: Any


class InverseAttempt(NamedTuple):
    """Result of `inv_ex`: the inverses, NaN where info is not 0."""

    inverse: Any
    info: Any


class LeastSquares(NamedTuple):
    """Result of `lstsq`."""

    solution: Any
    residuals: Any
    rank: Any
    singular_values: Any


@register(np.linalg.inv)
@floating("x")
@primitive
def inv(x: Array) -> Array:
    """Return the inverse of square matrices; raises LinAlgError for a singular one, ShapeError for other shapes.

    >>> import numpy as np
    >>> inv(np.array([[2.0, 0.0], [0.0, 4.0]]))
    array([[0.5 , 0.  ],
           [0.  , 0.25]])
    """
    check_square("inv", x)
    try:
        return np.linalg.inv(x)
    except np.linalg.LinAlgError:
        raise _singular("inv", x) from None


@inv.gradient("x")
def _(g: Any, out: Any) -> Any:
    return -(out.mT @ g @ out.mT)


@floating("x")
@composite
def inv_ex(x: Any, *, check_errors: bool = False) -> InverseAttempt:
    """Return (inverse, info) of square matrices that may be singular, by `inv`.

    info is 0, or the number of leading columns that are dependent; there the inverse is NaN. With `check_errors` singular
    matrices raise LinAlgError.

    >>> import numpy as np
    >>> inv_ex(np.array([[1.0, 2.0], [2.0, 4.0]])).info
    array(2, dtype=int32)
    """
    check_square("inv_ex", x)
    return InverseAttempt(*attempted(inv, x, _dependent_columns, check_errors))


@floating("x", "y")
@primitive
def solve_matrices(x: Array, y: Array) -> Array:
    """Compute ``inv(x) @ y`` without the inverse: (..., n, n) and (..., n, k), whose leading axes broadcast."""
    try:
        return np.linalg.solve(x, y)
    except np.linalg.LinAlgError:
        raise _singular("solve", x) from None


@solve_matrices.gradient("x")
def _(g: Any, x: Any, out: Any, shape: Shape) -> Any:
    return unbroadcast(-solve_matrices(x.mT, g) @ out.mT, shape)


@solve_matrices.gradient("y")
def _(g: Any, x: Any, shape: Shape) -> Any:
    return unbroadcast(solve_matrices(x.mT, g), shape)


@floating("x", "y")
@composite
def solve(x: Any, y: Any, left: bool = True) -> Any:
    """Return the solution z of ``x @ z = y``, or, with left=False, of ``z @ x = y``.

    `x` is a square matrix or a stack of them; `y` a vector or a matrix, or a stack of either (of vectors if its shape is
    that of `x` without the last axis; for ``np.linalg.solve(tensor, y)`` only a single vector is one). Raises LinAlgError
    for a singular matrix, ShapeError for shapes that do not fit.

    >>> import numpy as np
    >>> solve(np.array([[2.0, 0.0], [0.0, 4.0]]), np.array([1.0, 1.0]))
    array([0.5 , 0.25])
    """
    return _solved(x, y, _holds_vectors(x, y), left)


@register(np.linalg.solve)
def numpy_solve(a: Any, b: Any) -> Any:
    """Apply `solve`, where `y` of more than one axis holds matrices, as in NumPy 2."""
    return _solved(a, b, len(shape_of(b)) == 1)


@floating("x", "y")
@composite
def solve_triangular(x: Any, y: Any, *, upper: bool, left: bool = True, unitriangular: bool = False) -> Any:
    """Apply `solve` to a triangle of `x`: upper or lower; only that triangle gets a gradient.

    With `unitriangular` the diagonal is not read and counts as ones. `y` is a matrix or a stack of them, whatever its shape,
    or a single vector; leading axes broadcast.

    >>> import numpy as np
    >>> solve_triangular(np.array([[2.0, 9.0], [1.0, 4.0]]), np.array([[2.0], [5.0]]), upper=False)
    array([[1.],
           [1.]])
    """
    check_square("solve_triangular", x)
    offset = int(unitriangular)
    triangle = triu(x, offset) if upper else tril(x, -offset)
    if unitriangular:
        triangle = triangle + np.eye(shape_of(x)[-1], dtype=x.dtype)
    return _solved(triangle, y, len(shape_of(y)) == 1, left)


@floating("y", "triangle")
@composite
def cholesky_solve(y: Any, triangle: Any, upper: bool = False) -> Any:
    """Return the solution z of ``x @ z = y``, given the Cholesky factor of `x`: lower, or upper.

    `y` is a matrix or a stack of them, whatever its shape, or a single vector; leading axes broadcast.

    >>> import numpy as np
    >>> cholesky_solve(np.array([[4.0], [2.0]]), np.array([[2.0, 0.0], [1.0, 1.0]]))
    array([[1.],
           [0.]])
    """
    check_square("cholesky_solve", triangle)
    lower = triu(triangle).mT if upper else tril(triangle)
    vector = len(shape_of(y)) == 1
    return _solved(lower.mT, _solved(lower, y, vector), vector)


@floating("triangle")
@composite
def cholesky_inverse(triangle: Any, upper: bool = False) -> Any:
    """Return the inverse of a matrix, given its Cholesky factor: lower, or upper.

    >>> import numpy as np
    >>> cholesky_inverse(np.array([[2.0, 0.0], [0.0, 1.0]]))
    array([[0.25, 0.  ],
           [0.  , 1.  ]])
    """
    return cholesky_solve(np.eye(check_square("cholesky_inverse", triangle), dtype=triangle.dtype), triangle, upper)


@register(np.linalg.det)
@floating("x")
@primitive
def det(x: Array) -> Array:
    """Return the determinant of square matrices. Its gradient is the matrix of cofactors, also where the matrix is singular.

    >>> import numpy as np
    >>> det(np.array([[1.0, 2.0], [3.0, 4.0]])).round(6)
    np.float64(-2.0)
    """
    check_square("det", x)
    return np.asarray(np.linalg.det(x))


@floating("x")
@primitive
def cofactors(x: Array) -> Array:
    """Return the gradient of the determinant: det(x) inv(x).T, and its limit at singular matrices."""
    return kernel.cofactors(x)


@primitive
def cofactors_pullback(direction: Array, x: Array) -> Array:
    """Return the gradient of <direction, cofactors(x)>: the second derivative of det, applied to a direction."""
    return kernel.cofactors_pullback(direction, x)


@det.gradient("x")
def _(g: Any, x: Any) -> Any:
    return g[..., None, None] * cofactors(x)


@cofactors.gradient("x")
def _(g: Any, x: Any) -> Any:
    return cofactors_pullback(g, x)


@cofactors_pullback.gradient("direction")
def _(g: Any, x: Any) -> Any:
    return cofactors_pullback(g, x)  # second derivatives are symmetric


@cofactors_pullback.gradient("x")
def _(g: Any, direction: Any, x: Any) -> Any:
    """Compute the third derivative by the inverse; all further ones follow from it."""
    n = shape_of(x)[-1]
    if n < 3:
        return x * 0  # the determinant is of degree n
    if (np.linalg.cond(array_of(x)) > np.finfo(x.dtype).eps ** (-1 / 3)).any():  # terms of cond**2 cancel
        raise GraphError("det: a third derivative needs a matrix that is not nearly singular")
    unit = _unit(x)  # it is of degree n - 3 in x
    x = x / unit
    y = inv(x)
    a, b = y @ direction, y @ g
    t, u = trace(a, 0, -2, -1)[..., None, None], trace(b, 0, -2, -1)[..., None, None]
    inner = t * u - trace(a @ b, 0, -2, -1)[..., None, None]
    return unit ** (n - 3) * det(x)[..., None, None] * (inner * y + (a @ b + b @ a - t * b - u * a) @ y).mT


@register(np.linalg.slogdet)
@floating("x")
@composite
def slogdet(x: Any) -> SignedLogarithm:
    """Return (sign, logabsdet) of the determinant of square matrices, even where the determinant overflows or underflows.

    For a singular matrix it is (0, -inf), without a gradient: going backward raises LinAlgError.

    >>> import numpy as np
    >>> slogdet(1e200 * np.eye(2)).logabsdet.round(3)
    np.float64(921.034)
    """
    check_square("slogdet", x)
    sign, logabsdet = np.linalg.slogdet(array_of(x))
    return SignedLogarithm(nondifferentiable(x, sign), log_of_determinant(x, logabsdet))


@primitive
def log_of_determinant(x: Array, logarithm: Array) -> Array:
    """Return log|det(x)|, which is already computed."""
    return logarithm


@log_of_determinant.gradient("x")
def _(g: Any, x: Any) -> Any:
    return g[..., None, None] * inv(x).mT


@floating("x")
@composite
def logdet(x: Any) -> Any:
    """Return the logarithm of the determinant; NaN where it is negative, -inf where it is 0."""
    sign, logarithm = slogdet(x)
    return where(array_of(sign) < 0, np.nan, logarithm)


@floating("x")
@composite
def pinv(x: Any, rtol: Any = None, hermitian: bool = False, *, atol: Any = None) -> Any:
    """Return the Moore-Penrose inverse of matrices (..., m, n), which need be neither square nor of full rank.

    Singular values below `rtol` times the largest, or below `atol`, count as 0; by default those below max(m, n) times the
    machine epsilon of the dtype times the largest. `hermitian` says that the matrices are symmetric. The gradient holds as
    long as the rank does not change (Golub and Pereyra 1973).

    >>> import numpy as np
    >>> pinv(np.array([[2.0, 0.0], [0.0, 0.0], [0.0, 0.0]]))
    array([[0.5, 0. , 0. ],
           [0. , 0. , 0. ]])
    """
    m, n = check_matrices("pinv", x)
    if rtol is None:
        rtol = 0.0 if atol is not None else max(m, n) * float(np.finfo(x.dtype if x.dtype.kind == "f" else np.float64).eps)
    if atol is not None:
        largest = np.linalg.matrix_norm(array_of(x), ord=2)
        rtol = np.maximum(array_of(rtol), array_of(atol) / np.where(largest == 0, 1, largest))
    return pseudoinverse(x, array_of(rtol), hermitian)


@primitive
def pseudoinverse(x: Array, rtol: float, hermitian: bool) -> Array:
    """Compute `pinv` with a given tolerance."""
    return np.linalg.pinv(x, rtol, hermitian)


@pseudoinverse.gradient("x")
def _(g: Any, x: Any, out: Any) -> Any:
    if shape_of(x)[-2] < shape_of(x)[-1]:
        return _through_pseudoinverse(g.mT, x.mT, out.mT).mT
    return _through_pseudoinverse(g, x, out)


def _through_pseudoinverse(g: Any, x: Any, out: Any) -> Any:
    """Apply the rule of `pinv` for n columns and at least as many rows; every product in brackets is n x n."""
    unit = _unit(out)  # the rule is of degree 2 in out, and x @ out of degree 0
    x, out = x * unit, out / unit
    pt, gt = out.mT, g.mT
    inner, outer = gt @ (out @ pt), pt @ (out @ gt)  # for the parts of g outside the row space and the range of x
    found = -(pt @ (g @ pt)) + (inner - x @ (out @ inner)) + (outer - outer @ (out @ x))
    return found * unit * unit


@register(np.linalg.pinv)
def numpy_pinv(a: Any, rcond: Any = None, hermitian: bool = False, *, rtol: Any = None) -> Any:
    """Apply `pinv` with NumPy's tolerance, 1e-15 unless given."""
    return pinv(a, 1e-15 if rtol is None and rcond is None else rcond if rtol is None else rtol, hermitian)


@floating("x", "y")
@composite
def lstsq(x: Any, y: Any, rcond: float | None = None) -> LeastSquares:
    """Return the shortest z that minimizes ``|x @ z - y|``, by `pinv`; and residuals, rank and singular values, as NumPy.

    `y` is a vector or a matrix, or a stack of either, as in `solve`. The residuals are the sums of squares for each column
    of `y`, and empty if `x` (..., m, n) does not have full column rank or m <= n.

    >>> import numpy as np
    >>> lstsq(np.array([[1.0], [1.0]]), np.array([1.0, 3.0])).solution.round(6)
    array([2.])
    """
    m, n = check_matrices("lstsq", x)
    vector = _holds_vectors(x, y)
    columns = expand_dims(y, -1) if vector else y
    if len(shape_of(y)) < 1 or shape_of(columns)[-2] != m:
        raise ShapeError(f"lstsq: {m} equations, shape {shape_of(x)}, but right-hand sides of shape {shape_of(y)}")
    solution = matmul(pinv(x, rcond), columns)
    rank = matrix_rank(x, rtol=rcond)
    if m > n and (array_of(rank) == n).all():
        residuals = sum(square(matmul(x, solution) - columns), -2)
    else:
        residuals = nondifferentiable(x, np.zeros(0, x.dtype))
    values = values_of_lstsq(x, np.linalg.svd(array_of(x), compute_uv=False))
    return LeastSquares(squeeze(solution, -1) if vector else solution, residuals, rank, values)


@primitive
def values_of_lstsq(x: Array, values: Array) -> Array:
    """Return the singular values for `lstsq`, without a gradient: that needs the vectors, which `svdvals` computes."""
    return values


@values_of_lstsq.gradient("x")
def _(g: Any) -> Any:
    raise GraphError("lstsq: its singular values have no gradient\n  hint: use svdvals(x), which has one")


register(np.linalg.lstsq)(lstsq)


@register(np.linalg.matrix_rank)
@floating("x")
@composite
def matrix_rank(x: Any, tol: Any = None, hermitian: bool = False, *, rtol: Any = None, atol: Any = None) -> Any:
    """Count the singular values above `atol`, or `tol`, and above `rtol` times the largest; without a gradient."""
    array, (tol, rtol, atol) = array_of(x), (None if t is None else array_of(t) for t in (tol, rtol, atol))
    atol = tol if atol is None else atol
    if atol is None or rtol is None:
        return nondifferentiable(x, np.linalg.matrix_rank(array, atol, hermitian, rtol=rtol))
    values = np.abs(np.linalg.eigvalsh(array)) if hermitian else np.linalg.svdvals(array)
    least = np.maximum(atol, rtol * values.max(-1, initial=0))
    return nondifferentiable(x, np.count_nonzero(values > least[..., None], -1))


@register(np.linalg.matrix_power)
@promoting("x")
@composite
@separate
def matrix_power(x: Any, n: int) -> Any:
    """Return the n-th power of square matrices, by repeated squaring; of the inverse for n < 0.

    >>> import numpy as np
    >>> matrix_power(np.array([[1, 1], [0, 1]]), 5)
    array([[1, 5],
           [0, 1]])
    """
    check_square("matrix_power", x)
    n = operator.index(n)
    if n < 0:
        x, n = inv(x), -n
    if not n:
        return nondifferentiable(x, np.broadcast_to(np.eye(shape_of(x)[-1], dtype=x.dtype), shape_of(x)))
    power = None
    while n:
        if n % 2:
            power = x if power is None else matmul(power, x)
        n //= 2
        x = matmul(x, x) if n else x
    return power


@register(np.linalg.tensorinv)
@floating("a")
@composite
def tensorinv(a: Any, ind: int = 2) -> Any:
    """Apply `inv` to an array whose first `ind` axes are the rows and the others the columns."""
    shape = shape_of(a)
    rows, columns = shape[:ind], shape[ind:]
    return reshape(inv(reshape(a, (math.prod(rows), math.prod(columns)))), columns + rows)


@register(np.linalg.tensorsolve)
@floating("a", "b")
@composite
def tensorsolve(a: Any, b: Any, axes: Any = None) -> Any:
    """Apply `solve` to an array whose first axes are those of `b`, after `axes` were moved to the end."""
    if axes is not None:
        a = moveaxis(a, tuple(axes), tuple(range(len(shape_of(a)) - len(axes), len(shape_of(a)))))
    unknowns = shape_of(a)[len(shape_of(b)) :]
    matrix = reshape(a, (math.prod(shape_of(b)), math.prod(unknowns)))
    return reshape(solve(matrix, reshape(b, (-1,))), unknowns)


inverse, pinverse = inv, pinv


def attempted(function: Any, x: Any, order: Any, check_errors: bool) -> tuple[Any, Any]:
    """Return a function of the matrices that it takes, NaN for the others, and info: 0, or `order(matrix)` for the others.

    The function raises LinAlgError for a matrix that it does not take, and so does this with `check_errors`.
    """
    array = array_of(x)
    info = np.zeros(array.shape[:-2], np.int32)
    try:
        return function(x), nondifferentiable(x, info)
    except np.linalg.LinAlgError:
        if check_errors:
            raise
    for at in np.ndindex(info.shape):
        try:
            function(array[at])
        except np.linalg.LinAlgError:
            info[at] = order(array[at])
    taken = (info == 0)[..., None, None]
    found = function(where(taken, x, np.eye(array.shape[-1], dtype=array.dtype)))
    return where(taken, found, np.nan), nondifferentiable(x, info)


def _unit(x: Any) -> Array:
    """Return for each matrix a power of two near its largest element.

    Powers of a matrix divided by it neither overflow nor underflow, and the division does not round. A rule whose result is
    homogeneous in x can multiply by a power of it afterwards, and needs no derivative of it.
    """
    largest = np.abs(array_of(x)).max((-2, -1), keepdims=True, initial=0)
    return np.exp2(np.rint(np.log2(np.where(largest > 0, largest, 1))))


def _holds_vectors(x: Any, y: Any) -> bool:
    """Return whether `y` is a vector, or a stack with one vector for each matrix of `x`, by PyTorch's rule."""
    return len(shape_of(y)) == 1 or shape_of(y) == shape_of(x)[:-1]


def _solved(x: Any, y: Any, vector: bool, left: bool = True) -> Any:
    """Return the solution of ``x @ z = y``, or if not `left` of ``z @ x = y``; `vector` says that `y` holds vectors."""
    n, b = check_square("solve", x), shape_of(y)
    if vector and not left:
        raise ShapeError(f"solve: left=False needs matrices on the right, got shape {b}")
    columns = expand_dims(y, -1) if vector else y
    if len(b) < 1 or shape_of(columns)[-2 if left else -1] != n:
        raise ShapeError(f"solve: {n} equations, shape {shape_of(x)}, but a right-hand side of shape {b}")
    message = f"solve: the leading axes of shapes {shape_of(x)} and {b} do not broadcast"
    broadcast_shapes(message, shape_of(x)[:-2], shape_of(columns)[:-2])
    if not left:
        return solve_matrices(x.mT, y.mT).mT
    out = solve_matrices(x, columns)
    return squeeze(out, -1) if vector else out


def _dependent_columns(x: Array) -> int:
    """Return the number of leading columns of a singular matrix that are dependent: the place of the first pivot of 0."""
    return 1 + int(np.abs(np.diagonal(elimination.lu(x, True)[0])).argmin())


def _singular(name: str, x: Array) -> np.linalg.LinAlgError:
    """Return an error that says which matrix of a stack is singular."""
    for at in np.ndindex(x.shape[:-2]):
        try:
            np.linalg.inv(x[at])
        except np.linalg.LinAlgError:
            return np.linalg.LinAlgError(f"{name}: the matrix{f' at {at}' if at else ''} is singular")
    return np.linalg.LinAlgError(f"{name}: a matrix is singular")
