"""Recognize the usual ways in which a gradient is wrong."""

from __future__ import annotations

import numpy as np

from minigrad.arrays import Array

__all__ = ["diagnose"]


def diagnose(numeric: Array, analytic: Array, wrong: int, ignores_g: bool) -> str:
    """Return how an analytic gradient relates to the numeric one, as the end of a sentence; `wrong` entries differ.

    `ignores_g` tells that the analytic gradient stays the same when the incoming gradient changes its sign.

    >>> import numpy as np
    >>> diagnose(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[1.0, 3.0], [2.0, 4.0]]), 2, False)
    'it is transposed (2 of 4 entries differ)'
    """
    count = f"{wrong} of {numeric.size} entries differ"
    if not np.any(analytic):
        return "it is zero everywhere"
    if ignores_g:
        return "it does not depend on the incoming gradient"
    ratio = float(np.vdot(numeric, analytic)) / max(float(np.vdot(numeric, numeric)), 1e-300)
    if _same(analytic, ratio * numeric):
        if abs(ratio + 1) < 1e-6:
            return "it has the wrong sign everywhere"
        sign = "+" if ratio > 1 else "-"
        off = f"{ratio:.4g}" if abs(ratio - 1) > 1e-3 else f"(1 {sign} {abs(ratio - 1):.2g})"
        which = "every entry" if numeric.size > 1 else "its only entry"  # of one entry, the factor may depend on g
        return f"{which} is {off} times the numeric one"
    if numeric.ndim == 2 and numeric.shape[0] == numeric.shape[1] and _same(analytic, numeric.T):
        return f"it is transposed ({count})"
    for axis in range(numeric.ndim):
        if _same(analytic, np.flip(numeric, axis)):
            return f"it is reversed along axis {axis} ({count})"
        for shift in (1, -1):
            if _same(analytic, np.roll(numeric, shift, axis)):
                return f"it is shifted by {shift} along axis {axis} ({count})"
    return count


def _same(a: Array, b: Array) -> bool:
    return bool(np.allclose(a, b, rtol=1e-6, atol=1e-9 * float(np.abs(b).max())))
