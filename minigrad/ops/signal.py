"""Convolution, correlation and linear interpolation of sequences, with NumPy's names and meaning."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.arrays import Traced, array_of, shape_of
from minigrad.engine.composite import composite
from minigrad.engine.registry import register
from minigrad.errors import ShapeError
from minigrad.kernels.checks import check_choice
from minigrad.kernels.conversion import native
from minigrad.ops.convolution import conv1d
from minigrad.ops.elementwise import where
from minigrad.ops.indexing import getitem
from minigrad.ops.rearrange import flip, pad
from minigrad.ops.shape import reshape
from minigrad.ops.sorting import searchsorted

__all__ = ["convolve", "correlate", "interp"]


@register(np.convolve)
@composite
def convolve(a: Any, v: Any, mode: str = "full") -> Any:
    """Compute sum(a[m] v[n - m]): the product of two polynomials, or the response of a filter to a signal.

    `mode` is the range of n: "full" for all where the sequences overlap, "same" for as many as the longer one has, "valid"
    where the shorter one lies wholly inside. Raises ShapeError unless both are vectors that are not empty.

    >>> import numpy as np
    >>> convolve(np.array([1.0, 2.0]), np.array([1.0, 0.0, 3.0]))
    array([1., 2., 3., 6.])
    """
    a, v = _vector("convolve", "a", a), _vector("convolve", "v", v)
    if len(v) > len(a):
        a, v = v, a
    return _slide("convolve", a, flip(v), mode)


@register(np.correlate)
@composite
def correlate(a: Any, v: Any, mode: str = "valid") -> Any:
    """Compute sum(a[n + m] v[m]), the cross-correlation of `a` and `v`; `mode` is as in `convolve`.

    >>> import numpy as np
    >>> correlate(np.array([1.0, 2.0, 4.0]), np.array([-1.0, 1.0]))
    array([1., 2.])
    """
    a, v = _vector("correlate", "a", a), _vector("correlate", "v", v)
    return _slide("correlate", a, v, mode) if len(v) <= len(a) else flip(_slide("correlate", v, a, mode))


@register(np.interp)
@composite
def interp(x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None) -> Any:
    """Interpolate linearly at `x` between the points (xp, fp), where xp ascends; beyond them return `left` or `right`.

    These are the first and the last of fp unless given. At a point itself the slope is that of the line on its right.

    >>> import numpy as np
    >>> interp(np.array([0.5, 9.0]), np.array([0.0, 1.0, 2.0]), np.array([10.0, 20.0, 0.0]))
    array([15.,  0.])
    """
    xp, fp = _vector("interp", "xp", xp), _vector("interp", "fp", fp)
    n = len(xp)
    if len(fp) != n:
        raise ShapeError(f"interp: xp and fp must be of one length, got {n} and {len(fp)}")
    x = x if hasattr(x, "dtype") else np.asarray(x, float)
    low = np.clip(array_of(searchsorted(array_of(xp), array_of(x), right=True)) - 1, 0, max(n - 2, 0))
    high = np.minimum(low + 1, n - 1)
    start, width = getitem(xp, low), getitem(xp, high) - getitem(xp, low)
    share = (x - start) / where(width == 0, 1, width)
    out = getitem(fp, low) * (1 - share) + getitem(fp, high) * share
    out = where(x < xp[0], fp[0] if left is None else left, out)
    return where(x >= xp[-1], where(x == xp[-1], fp[-1], fp[-1] if right is None else right), out)


def _vector(op: str, name: str, x: Any) -> Any:
    """Return an argument as a tensor or an array; raise ShapeError unless it is a vector that is not empty."""
    x = x if hasattr(x, "dtype") else np.asarray(x)
    x = x if isinstance(x, Traced) else native(op, x)
    if len(shape_of(x)) != 1 or not shape_of(x)[0]:
        raise ShapeError(f"{op}: {name} must be a vector of at least one element, got shape {shape_of(x)}")
    return x


def _slide(op: str, a: Any, v: Any, mode: str) -> Any:
    """Return the sums of products of `v` and equally many elements of `a`, which is not shorter, at each position."""
    n = len(v)
    borders = {"full": (n - 1, n - 1), "same": (n // 2, n - 1 - n // 2), "valid": (0, 0)}
    check_choice(op, "mode", mode, *borders)
    return reshape(conv1d(reshape(pad(a, borders[mode]), (1, 1, -1)), reshape(v, (1, 1, -1))), (-1,))
