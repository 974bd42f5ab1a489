"""The p-norm, protected from overflow and underflow of the powers of its elements."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.arrays import Array
from minigrad.kernels.errstate import errstate

__all__ = ["power_norm"]


def power_norm(x: Array, ord: float, axis: Any = None, keepdims: bool = False) -> Array:
    """Compute ``sum(|x|**ord) ** (1/ord)`` over `axis`; `ord` may be 0 or infinite, as in ``np.linalg.vector_norm``.

    If the sum leaves the range in which it is accurate, it is computed again with all elements divided by the largest one,
    or by the smallest for a negative `ord`. In the ordinary case this costs only the check.

    >>> power_norm(np.array([3e200, 4e200]), 2)
    array(5.e+200)
    """
    with errstate(over="ignore", under="ignore", divide="ignore", invalid="ignore"):
        if ord == 2:  # vector_norm makes one more copy
            out = np.asarray(np.sqrt(np.square(x).sum(axis, keepdims=keepdims)))
        elif ord == np.inf and x.size == 0:  # an error before NumPy 2.1
            out = np.asarray(np.abs(x).max(axis, keepdims=keepdims, initial=0))
        else:
            out = np.asarray(np.linalg.vector_norm(x, ord=ord, axis=axis, keepdims=keepdims))
        if ord in (0, 1, np.inf, -np.inf) or out.dtype.kind != "f":
            return out
        kind = np.finfo(out.dtype)
        limit = np.float64(kind.tiny / kind.eps) ** (1 / ord)  # beyond which subnormal numbers make the sum inaccurate
        lost = ~np.isfinite(out) | (out < limit if ord > 0 else (out > limit) | (out == 0))
        if not lost.any():
            return out
        sizes = np.abs(x)
        unit = sizes.max(axis, keepdims=True, initial=0) if ord > 0 else sizes.min(axis, keepdims=True, initial=np.inf)
        unit = np.where((unit > 0) & np.isfinite(unit), unit, np.ones((), sizes.dtype))
        scaled = unit * np.linalg.vector_norm(sizes / unit, ord=ord, axis=axis, keepdims=True)
        return np.where(lost, np.reshape(scaled, out.shape), out)
