"""Linear algebra under PyTorch's and NumPy's names, ``mg.linalg.f``; each function is documented in `ops`."""

from minigrad.ops.decomposition import cholesky, eigh, eigvalsh, qr, svd, svdvals
from minigrad.ops.exponential import matrix_exp
from minigrad.ops.linalg import matmul
from minigrad.ops.norms import cond, matrix_norm, norm, vector_norm
from minigrad.ops.products import cross, multi_dot, outer, tensordot, vecdot

from minigrad.ops.solving import (  # isort: skip
    det, inv, lstsq, matrix_power, matrix_rank, pinv, slogdet, solve, solve_triangular, tensorinv, tensorsolve,
)  # fmt: skip

__all__ = [
    "cholesky", "cond", "cross", "det", "eigh", "eigvalsh", "inv", "lstsq", "matmul", "matrix_exp", "matrix_norm",
    "matrix_power", "matrix_rank", "multi_dot", "norm", "outer", "pinv", "qr", "slogdet", "solve", "solve_triangular", "svd",
    "svdvals", "tensordot", "tensorinv", "tensorsolve", "vecdot", "vector_norm",
]  # fmt: skip
