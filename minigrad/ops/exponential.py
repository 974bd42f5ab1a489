"""Matrix exponential."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad.arrays import array_of
from minigrad.engine.composite import composite
from minigrad.engine.promotion import floating
from minigrad.kernels.checks import check_square
from minigrad.ops.solving import solve

__all__ = ["matrix_exp"]

PADE = [math.comb(13, k) * math.factorial(26 - k) // math.factorial(13) for k in range(14)]
MAX_NORM = 5.371920351148152  # up to this norm, the approximation is exact to the last digit of float64


@floating("x")
@composite
def matrix_exp(x: Any) -> Any:
    """Compute I + x + x @ x / 2! + ..., of a square matrix or a stack of them: exp(t * x) @ y solves y' = x @ y.

    This is the Pade approximation of order 13 of x / 2**k, squared k times: Higham (2005), "The scaling and squaring method
    for the matrix exponential revisited". Its derivatives, of any order, are those of the products that it consists of.

    >>> import numpy as np
    >>> matrix_exp(np.array([[0.0, 1.0], [0.0, 0.0]]))
    array([[1., 1.],
           [0., 1.]])
    """
    n = check_square("matrix_exp", x)
    values = array_of(x)
    dtype = values.dtype if values.dtype.kind == "f" else np.dtype(float)
    norm = float(np.abs(values).sum(-2).max(initial=0))
    squarings = max(0, math.ceil(math.log2(norm / MAX_NORM))) if MAX_NORM < norm < math.inf else 0
    x = x * dtype.type(0.5**squarings)
    square = x @ x
    fourth = square @ square
    powers = [np.eye(n, dtype=dtype), square, fourth, square @ fourth]
    b = [dtype.type(c / PADE[13]) for c in PADE]
    odd, even = (
        powers[3] @ sum(b[k] * p for k, p in zip((first + 8, first + 10, first + 12), powers[1:], strict=True))
        + sum(b[first + 2 * k] * p for k, p in enumerate(powers))
        for first in (1, 0)
    )
    odd = x @ odd
    out = solve(even - odd, even + odd)
    for _ in range(squarings):
        out = out @ out
    return out
