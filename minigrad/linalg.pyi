"""Types of linear algebra; made by tests/typing/stubs.py, which says how."""

from collections.abc import Sequence
from typing import Any, Generic, Literal, NamedTuple, TypeVar, overload, type_check_only

import numpy as np

from minigrad.arrays import Array, DType
from minigrad.ops import (
    cholesky as cholesky, cross as cross, det as det, inverse as inv, lu as lu_factor, matmul as matmul,
    matrix_exp as matrix_exp, matrix_power as matrix_power, multi_dot as multi_dot, outer as outer, pinverse as pinv,
    slogdet as slogdet, tensordot as tensordot, vecdot as vecdot
)
from minigrad.tensors.tensor import Tensor

_Plain = Array | np.generic | float | list[Any] | tuple[Any, ...]  # all operands but tensors
_Like = Tensor | _Plain
_Axis = int | Sequence[int] | None

__all__ = [
    "LinAlgError", "cholesky", "cholesky_ex", "cond", "cross", "det", "diagonal", "eigh", "eigvalsh", "inv", "inv_ex",
    "lstsq", "lu", "lu_factor", "lu_solve", "matmul", "matrix_exp", "matrix_norm", "matrix_power", "matrix_rank",
    "multi_dot", "norm", "outer", "pinv", "qr", "slogdet", "solve", "solve_triangular", "svd", "svdvals", "tensordot",
    "tensorinv", "tensorsolve", "vander", "vecdot", "vector_norm"
]

_T = TypeVar("_T")

@type_check_only
class LeastSquares(NamedTuple, Generic[_T]):
    solution: _T
    residuals: _T
    rank: _T
    singular_values: _T

@type_check_only
class InverseAttempt(NamedTuple, Generic[_T]):
    inverse: _T
    info: _T

@type_check_only
class CholeskyAttempt(NamedTuple, Generic[_T]):
    L: _T
    info: _T

@type_check_only
class LU(NamedTuple, Generic[_T]):
    P: _T
    L: _T
    U: _T

@type_check_only
class Eigen(NamedTuple, Generic[_T]):
    eigenvalues: _T
    eigenvectors: _T

@type_check_only
class QR(NamedTuple, Generic[_T]):
    Q: _T
    R: _T

@type_check_only
class SVD(NamedTuple, Generic[_T]):
    U: _T
    S: _T
    Vh: _T

@overload
def cholesky_ex(x: Tensor, *, upper: bool = False, check_errors: bool = False) -> CholeskyAttempt[Tensor]: ...
@overload
def cholesky_ex(x: _Plain, *, upper: bool = False, check_errors: bool = False) -> Any: ...
@overload
def cond(x: Tensor, p: float | str | None = None) -> Tensor: ...
@overload
def cond(x: _Plain, p: float | str | None = None) -> Any: ...
@overload
def diagonal(x: Tensor, *, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor: ...
@overload
def diagonal(x: Array, *, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Array: ...
@overload
def diagonal(x: _Plain, *, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Any: ...
@overload
def eigh(x: Tensor, UPLO: Literal['L', 'U'] = 'L') -> Eigen[Tensor]: ...
@overload
def eigh(x: _Plain, UPLO: Literal['L', 'U'] = 'L') -> Any: ...
@overload
def eigvalsh(x: Tensor, UPLO: Literal['L', 'U'] = 'L') -> Tensor: ...
@overload
def eigvalsh(x: Array, UPLO: Literal['L', 'U'] = 'L') -> Array: ...
@overload
def eigvalsh(x: _Plain, UPLO: Literal['L', 'U'] = 'L') -> Any: ...
@overload
def inv_ex(x: Tensor, *, check_errors: bool = False) -> InverseAttempt[Tensor]: ...
@overload
def inv_ex(x: _Plain, *, check_errors: bool = False) -> Any: ...
@overload
def lstsq(x: Tensor, y: _Like, rcond: float | None = None) -> LeastSquares[Tensor]: ...
@overload
def lstsq(x: _Plain, y: Tensor, rcond: float | None = None) -> LeastSquares[Tensor]: ...
@overload
def lstsq(x: _Plain, y: _Plain, rcond: float | None = None) -> Any: ...
@overload
def lu(x: Tensor, *, pivot: bool = True) -> LU[Tensor]: ...
@overload
def lu(x: _Plain, *, pivot: bool = True) -> Any: ...
@overload
def lu_solve(LU: Tensor, pivots: _Like, B: _Like, *, left: bool = True, adjoint: bool = False) -> Tensor: ...
@overload
def lu_solve(LU: _Plain, pivots: _Like, B: Tensor, *, left: bool = True, adjoint: bool = False) -> Tensor: ...
@overload
def lu_solve(LU: Array, pivots: _Like, B: _Plain, *, left: bool = True, adjoint: bool = False) -> Array: ...
@overload
def lu_solve(LU: _Plain, pivots: _Like, B: _Plain, *, left: bool = True, adjoint: bool = False) -> Any: ...
@overload
def matrix_norm(x: Tensor, ord: float | str | None = 'fro', axis: tuple[int, int] = (-2, -1), keepdims: bool = False,
    dtype: DType = None, *, dim: tuple[int, int] = ..., keepdim: bool = ...) -> Tensor: ...
@overload
def matrix_norm(x: _Plain, ord: float | str | None = 'fro', axis: tuple[int, int] = (-2, -1), keepdims: bool = False,
    dtype: DType = None, *, dim: tuple[int, int] = ..., keepdim: bool = ...) -> Any: ...
@overload
def matrix_rank(x: Tensor, tol: _Like | None = None, hermitian: bool = False, *, rtol: _Like | None = None,
    atol: _Like | None = None, rcond: _Like | None = ...) -> Tensor: ...
@overload
def matrix_rank(x: _Plain, tol: _Like | None = None, hermitian: bool = False, *, rtol: _Like | None = None,
    atol: _Like | None = None, rcond: _Like | None = ...) -> Any: ...
@overload
def norm(x: Tensor, ord: float | str | None = None, axis: _Axis = None, keepdims: bool = False, dtype: DType = None, *,
    dim: _Axis = ..., keepdim: bool = ...) -> Tensor: ...
@overload
def norm(x: _Plain, ord: float | str | None = None, axis: _Axis = None, keepdims: bool = False, dtype: DType = None, *,
    dim: _Axis = ..., keepdim: bool = ...) -> Any: ...
@overload
def qr(x: Tensor, mode: str = 'reduced') -> QR[Tensor]: ...
@overload
def qr(x: _Plain, mode: str = 'reduced') -> Any: ...
@overload
def solve(x: Tensor, y: _Like, left: bool = True) -> Tensor: ...
@overload
def solve(x: _Plain, y: Tensor, left: bool = True) -> Tensor: ...
@overload
def solve(x: Array, y: _Plain, left: bool = True) -> Array: ...
@overload
def solve(x: _Plain, y: _Plain, left: bool = True) -> Any: ...
@overload
def solve_triangular(x: Tensor, y: _Like, *, upper: bool, left: bool = True, unitriangular: bool = False) -> Tensor: ...
@overload
def solve_triangular(x: _Plain, y: Tensor, *, upper: bool, left: bool = True, unitriangular: bool = False) -> Tensor: ...
@overload
def solve_triangular(x: Array, y: _Plain, *, upper: bool, left: bool = True, unitriangular: bool = False) -> Array: ...
@overload
def solve_triangular(x: _Plain, y: _Plain, *, upper: bool, left: bool = True, unitriangular: bool = False) -> Any: ...
@overload
def svd(x: Tensor, full_matrices: bool = True) -> SVD[Tensor]: ...
@overload
def svd(x: _Plain, full_matrices: bool = True) -> Any: ...
@overload
def svdvals(x: Tensor) -> Tensor: ...
@overload
def svdvals(x: Array) -> Array: ...
@overload
def svdvals(x: _Plain) -> Any: ...
@overload
def tensorinv(a: Tensor, ind: int = 2) -> Tensor: ...
@overload
def tensorinv(a: Array, ind: int = 2) -> Array: ...
@overload
def tensorinv(a: _Plain, ind: int = 2) -> Any: ...
@overload
def tensorsolve(a: Tensor, b: _Like, axes: Any = None) -> Tensor: ...
@overload
def tensorsolve(a: _Plain, b: Tensor, axes: Any = None) -> Tensor: ...
@overload
def tensorsolve(a: Array, b: _Plain, axes: Any = None) -> Array: ...
@overload
def tensorsolve(a: _Plain, b: _Plain, axes: Any = None) -> Any: ...
@overload
def vander(x: Tensor, N: int | None = None) -> Tensor: ...
@overload
def vander(x: Array, N: int | None = None) -> Array: ...
@overload
def vander(x: _Plain, N: int | None = None) -> Any: ...
@overload
def vector_norm(x: Tensor, ord: float = 2, axis: _Axis = None, keepdims: bool = False, dtype: DType = None, *,
    dim: _Axis = ..., keepdim: bool = ...) -> Tensor: ...
@overload
def vector_norm(x: _Plain, ord: float = 2, axis: _Axis = None, keepdims: bool = False, dtype: DType = None, *,
    dim: _Axis = ..., keepdim: bool = ...) -> Any: ...
LinAlgError = np.linalg.LinAlgError
