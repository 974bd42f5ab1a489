"""Elementwise functions beyond NumPy's ufuncs: erf, sinc, logit and their like; PyTorch's names and meaning."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad.kernels import special
from minigrad.ops.elementwise import clip, divide, floor_divide, log, log1p, trunc, where
from minigrad.primitive import Array, composite, primitive
from minigrad.registry import register

__all__ = [
    "addcdiv", "addcmul", "div", "erf", "erfc", "frac", "lerp", "logit", "nan_to_num", "round", "rsqrt", "sinc", "xlogy",
]  # fmt: skip


@primitive
def rsqrt(x: Array) -> Array:
    """1 / sqrt(x).

    >>> import numpy as np
    >>> rsqrt(np.array([4.0]))
    array([0.5])
    """
    return 1 / np.sqrt(x)


@rsqrt.gradient("x")
def _(g: Any, out: Any) -> Any:
    return g * (out * out * out / -2)


@primitive
def erf(x: Array) -> Array:
    """The error function, 2/sqrt(pi) * integral of exp(-t**2) from 0 to x, to about two units in the last place.

    >>> import numpy as np
    >>> erf(np.array([0.0, 0.5]))
    array([0.        , 0.52049988])
    """
    return special.erf(x)


@primitive
def erfc(x: Array) -> Array:
    """1 - erf(x), accurate where that is small.

    >>> import numpy as np
    >>> erfc(np.array([0.0, 10.0]))
    array([1.00000000e+00, 2.08848758e-45])
    """
    return special.erfc(x)


@erf.gradient("x")
def _(g: Any, x: Any) -> Any:
    return g * (2 / math.sqrt(math.pi) * np.exp(-x * x))


@erfc.gradient("x")
def _(g: Any, x: Any) -> Any:
    return g * (-2 / math.sqrt(math.pi) * np.exp(-x * x))


@register(np.sinc)
@primitive
def sinc(x: Array) -> Array:
    """sin(pi x) / (pi x), and 1 at 0; accurate near 0 in every derivative.

    >>> import numpy as np
    >>> sinc(np.array([0.0, 0.5]))
    array([1.        , 0.63661977])
    """
    return np.sinc(x)


@primitive
def sinc_derivative(x: Array, n: int) -> Array:
    """The n-th derivative of `sinc`."""
    return special.sinc_derivative(x, n)


@sinc.gradient("x")
def _(g: Any, x: Any) -> Any:
    return g * sinc_derivative(x, 1)


@sinc_derivative.gradient("x")
def _(g: Any, x: Any, n: int) -> Any:
    return g * sinc_derivative(x, n + 1)


@primitive
def xlogy(x: Array, y: Array) -> Array:
    """x * log(y), and 0 where x is 0, whatever y is unless NaN; there the gradients are 0, too, if y <= 0.

    >>> import numpy as np
    >>> xlogy(np.array([0.0, 2.0]), np.array([0.0, 1.0]))
    array([0., 0.])
    """
    if x is None or y is None:
        raise TypeError  # NumPy would take None for NaN
    x, y = (np.asarray(a, np.result_type(x, y)) for a in (x, y))
    return x * np.log(np.where((x == 0) & ~np.isnan(y), np.ones((), y.dtype), y))


@xlogy.gradient("x")
def _(g: Any, x: Any, y: Any) -> Any:
    return g * np.log(where((x == 0) & (y <= 0), 1, y))


@xlogy.gradient("y")
def _(g: Any, x: Any, y: Any) -> Any:
    return g * (x / where(x == 0, 1, y))


@register(np.round, np.around)
@primitive
def round(x: Array, decimals: int = 0) -> Array:
    """The nearest number of so many decimals, the even one of two; the gradient is 0.

    >>> import numpy as np
    >>> round(np.array([0.5, 1.5, 2.345]), 1)
    array([0.5, 1.5, 2.3])
    """
    return np.round(x, decimals)


@round.gradient("x")
def _(g: Any) -> Any:
    return np.zeros_like(g)


@register(np.nan_to_num)
@primitive
def nan_to_num(x: Array, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None) -> Array:
    """Numbers in the place of NaN and the infinities, for which None means the largest of the dtype; no gradient there.

    >>> import numpy as np
    >>> nan_to_num(np.array([np.nan, np.inf, 1.0]), posinf=9.0)
    array([0., 9., 1.])
    """
    return np.nan_to_num(x, True, nan, posinf, neginf)


@nan_to_num.gradient("x")
def _(g: Any, x: Any) -> Any:
    return where(np.isfinite(x), g, 0)


for _op in (erf, erfc, nan_to_num, round, rsqrt, sinc, sinc_derivative, xlogy):
    _op.elementwise = True


def div(x: Any, y: Any, rounding_mode: str | None = None) -> Any:
    """x / y; rounded towards zero ("trunc") or down ("floor"), which has no gradient.

    >>> import numpy as np
    >>> div(np.array([-7.0, 7.0]), 2, rounding_mode="trunc")
    array([-3.,  3.])
    """
    if rounding_mode not in (None, "trunc", "floor"):
        raise ValueError(f'div: rounding_mode must be None, "trunc" or "floor", got {rounding_mode!r}')
    if rounding_mode == "floor":
        return floor_divide(x, y)
    return divide(x, y) if rounding_mode is None else trunc(divide(x, y))


@composite
def frac(x: Any) -> Any:
    """What is left of x without its whole part, with its sign.

    >>> import numpy as np
    >>> frac(np.array([1.5, -1.5]))
    array([ 0.5, -0.5])
    """
    return x - trunc(x)


@composite
def logit(x: Any, eps: float | None = None) -> Any:
    """log(x / (1 - x)), the inverse of `sigmoid`; with `eps`, of x limited to [eps, 1 - eps].

    >>> import numpy as np
    >>> logit(np.array([0.5, 1.0]), 1e-6).round(3)
    array([ 0.   , 13.816])
    """
    x = x if eps is None else clip(x, eps, 1 - eps)
    return log(x) - log1p(-x)


@composite
def lerp(start: Any, end: Any, weight: Any) -> Any:
    """start + weight * (end - start).

    >>> lerp(1.0, 3.0, 0.25)
    1.5
    """
    return start + weight * (end - start)


@composite
def addcmul(x: Any, tensor1: Any, tensor2: Any, *, value: float = 1) -> Any:
    """x + value * tensor1 * tensor2."""
    return x + value * tensor1 * tensor2


@composite
def addcdiv(x: Any, tensor1: Any, tensor2: Any, *, value: float = 1) -> Any:
    """x + value * tensor1 / tensor2."""
    return x + value * tensor1 / tensor2
