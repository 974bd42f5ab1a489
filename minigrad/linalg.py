"""Linear algebra under PyTorch's and NumPy's names, ``mg.linalg.f``; each function is documented in `ops`."""

from numpy.linalg import LinAlgError

from minigrad.ops.decomposition import cholesky, cholesky_ex, eigh, eigvalsh, lu, lu_factor, lu_solve, qr, svd, svdvals
from minigrad.ops.diagonals import diagonal_of_matrices as diagonal
from minigrad.ops.exponential import matrix_exp
from minigrad.ops.linalg import matmul
from minigrad.ops.norms import cond, matrix_norm, norm, vector_norm
from minigrad.ops.products import cross, multi_dot, outer, tensordot, vecdot
from minigrad.ops.products import increasing_vander as vander

from minigrad.ops.solving import (  # isort: skip
    det, inv, inv_ex, lstsq, matrix_power, matrix_rank, pinv, slogdet, solve, solve_triangular, tensorinv, tensorsolve,
)  # fmt: skip

__all__ = [
    "LinAlgError", "cholesky", "cholesky_ex", "cond", "cross", "det", "diagonal", "eigh", "eigvalsh", "inv", "inv_ex",
    "lstsq", "lu", "lu_factor", "lu_solve", "matmul", "matrix_exp", "matrix_norm", "matrix_power", "matrix_rank",
    "multi_dot", "norm", "outer", "pinv", "qr", "slogdet", "solve", "solve_triangular", "svd", "svdvals", "tensordot",
    "tensorinv", "tensorsolve", "vander", "vecdot", "vector_norm",
]  # fmt: skip
