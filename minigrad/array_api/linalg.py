"""Linear algebra by the array API standard; leading axes are stacks of matrices. What is complex (eig) is left out."""

from __future__ import annotations

from typing import Any

from minigrad import linalg, ops
from minigrad.array_api.dtypes import operands
from minigrad.array_api.manipulation import matrix_transpose
from minigrad.array_api.statistics import sum
from minigrad.arrays import DType
from minigrad.tensors.tensor import Tensor

from minigrad.linalg import (  # isort: skip
    cholesky, det, diagonal, eigh, eigvalsh, inv, matrix_norm, matrix_power, matrix_rank, pinv, qr, slogdet, svd, svdvals,
)  # fmt: skip

__all__ = [
    "cholesky", "cross", "det", "diagonal", "eigh", "eigvalsh", "inv", "matmul", "matrix_norm", "matrix_power",
    "matrix_rank", "matrix_transpose", "outer", "pinv", "qr", "slogdet", "solve", "svd", "svdvals", "tensordot", "trace",
    "vecdot", "vector_norm",
]  # fmt: skip


def matmul(x1: Tensor, x2: Tensor, /) -> Tensor:
    """Multiply matrices, or vectors as rows or columns."""
    return ops.matmul(*operands("matmul", x1, x2))


def tensordot(x1: Tensor, x2: Tensor, /, *, axes: Any = 2) -> Tensor:
    """Sum the products over pairs of axes: the last and first `axes`, or those of two sequences."""
    a, b = operands("tensordot", x1, x2)
    return ops.tensordot(a, b, axes)


def vecdot(x1: Tensor, x2: Tensor, /, *, axis: int = -1) -> Tensor:
    """Return the inner products of vectors along an axis."""
    a, b = operands("vecdot", x1, x2)
    return ops.vecdot(a, b, axis)


def outer(x1: Tensor, x2: Tensor, /) -> Tensor:
    """Return the products of every element of one vector with every element of another."""
    return linalg.outer(*operands("outer", x1, x2))


def cross(x1: Tensor, x2: Tensor, /, *, axis: int = -1) -> Tensor:
    """Return the cross products of vectors of three elements along an axis."""
    a, b = operands("cross", x1, x2)
    return linalg.cross(a, b, axis)


def solve(x1: Tensor, x2: Tensor, /) -> Tensor:
    """Solve ``x1 @ out = x2``; only an `x2` of one axis is a vector, any other is a stack of matrices."""
    a, b = operands("solve", x1, x2)
    return linalg.solve(a, ops.expand_dims(b, 0) if 1 < b.ndim < a.ndim else b)


def trace(x: Tensor, /, *, offset: int = 0, dtype: DType = None) -> Tensor:
    """Return the sum of a diagonal of the matrices of the last two axes; without `dtype`, integers in 64 bits."""
    return sum(diagonal(x, offset=offset), axis=-1, dtype=dtype)


def vector_norm(x: Tensor, /, *, axis: Any = None, keepdims: bool = False, ord: float = 2) -> Tensor:
    """Return the norm of order `ord` of vectors along some axes, all or none."""
    if axis == ():
        x, axis, keepdims = ops.expand_dims(x, -1), -1, False
    return linalg.vector_norm(x, ord, axis, keepdims)
