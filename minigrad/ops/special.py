"""Special functions and other elementwise functions beyond NumPy's ufuncs, with PyTorch's names and meaning."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from minigrad.arrays import Array, array_of
from minigrad.engine.arguments import aliased
from minigrad.engine.composite import composite
from minigrad.engine.primitive import primitive
from minigrad.engine.promotion import floating, promoting
from minigrad.engine.registry import register
from minigrad.kernels import gamma, special
from minigrad.kernels.checks import check_at_least
from minigrad.ops.elementwise import clip, divide, log, log1p, trunc, where

__all__ = [
    "addcdiv", "addcmul", "clamp_max", "clamp_min", "digamma", "div", "entr", "erf", "erfc", "erfcx", "erfinv", "frac",
    "lerp", "lgamma", "log_ndtr", "logit", "multigammaln", "nan_to_num", "ndtr", "ndtri", "polygamma", "round", "rsqrt",
    "sinc", "xlog1py", "xlogy",
]  # fmt: skip


@floating("x")
@primitive
def rsqrt(x: Array) -> Array:
    """Compute 1 / sqrt(x).

    >>> import numpy as np
    >>> rsqrt(np.array([4.0]))
    array([0.5])
    """
    return 1 / np.sqrt(x)


@rsqrt.gradient("x")
def _(g: Any, out: Any) -> Any:
    return g * out * out * out / -2  # the power alone may overflow where its product with g does not


@floating("x")
@primitive
def erf(x: Array) -> Array:
    """Return the error function, 2/sqrt(pi) * integral of exp(-t**2) from 0 to x, to about two units in the last place.

    >>> import numpy as np
    >>> erf(np.array([0.0, 0.5]))
    array([0.        , 0.52049988])
    """
    return special.erf(x)


@floating("x")
@primitive
def erfc(x: Array) -> Array:
    """Compute 1 - erf(x), accurate where it is small.

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


@floating("x")
@primitive
def erfinv(x: Array) -> Array:
    """Return the inverse of `erf` on [-1, 1]; infinite at the ends, NaN outside.

    >>> import numpy as np
    >>> erfinv(np.array([0.0, 0.5, 1.0]))
    array([0.        , 0.47693628,        inf])
    """
    return special.erfinv(x)


@erfinv.gradient("x")
def _(g: Any, out: Any) -> Any:
    return g * (math.sqrt(math.pi) / 2 * np.exp(out * out))


@floating("x")
@primitive
def ndtri(x: Array) -> Array:
    """Return the inverse of `ndtr`: the quantiles of the standard normal distribution; infinite at 0 and 1, NaN outside.

    >>> import numpy as np
    >>> ndtri(np.array([0.0, 0.5, 0.975])).round(2)
    array([-inf, 0.  , 1.96])
    """
    return special.ndtri(x)


@floating("x")
@primitive
def erfcx(x: Array) -> Array:
    """Compute exp(x**2) * erfc(x), which neither underflows for large x nor, unlike that product, loses all digits there.

    >>> import numpy as np
    >>> erfcx(np.array([0.0, 1e3])) * np.sqrt(np.pi)
    array([1.77245385e+00, 9.99999500e-04])
    """
    return special.erfcx(x)


@ndtri.gradient("x")
def _(g: Any, out: Any) -> Any:
    return g * (math.sqrt(2 * math.pi) * np.exp(out * out / 2))


@erfcx.gradient("x")
def _(g: Any, x: Any, out: Any) -> Any:
    far = x > 10  # where the terms cancel; there the sum of (-1)**n (2n-1)!! / (2 x**2)**n over n > 0, asymptotic in 1/x
    shrinking = 0.5 / np.square(np.where(far, x, 10))
    rest: Any = 1.0
    for odd in range(29, 1, -2):
        rest = 1 - odd * shrinking * rest
    near = np.where(far, 0, x) * out - 1 / math.sqrt(math.pi)
    return g * (2 * np.where(far, shrinking * rest / -math.sqrt(math.pi), near))


@floating("x")
@primitive
def lgamma(x: Array) -> Array:
    """Compute log|gamma(x)|, which at x + 1 is the logarithm of x factorial. Infinite at 0 and the negative integers.

    >>> import numpy as np
    >>> np.exp(lgamma(np.array([5.0]))).round(9)
    array([24.])
    """
    return gamma.lgamma(x)


@lgamma.gradient("x")
def _(g: Any, x: Any) -> Any:
    return g * polygamma(0, x)


@floating("x")
@primitive
def polygamma(n: int, x: Array) -> Array:
    """Return the derivative of order n + 1 of `lgamma`: `digamma` for n = 0, trigamma for 1.

    Raises ValueError for a negative `n`.

    >>> import numpy as np
    >>> polygamma(1, np.array([1.0])) - np.pi**2 / 6
    array([0.])
    """
    check_at_least("polygamma", "n", operator.index(n), 0)
    return gamma.polygamma(n, x)


@polygamma.gradient("x")
def _(g: Any, n: int, x: Any) -> Any:
    return g * polygamma(n + 1, x)


@register(np.sinc)
@floating("x")
@primitive
def sinc(x: Array) -> Array:
    """Compute sin(pi x) / (pi x), and 1 at 0; accurate near 0 in every derivative.

    >>> import numpy as np
    >>> sinc(np.array([0.0, 0.5]))
    array([1.        , 0.63661977])
    """
    return np.sinc(x)


@floating("x")
@primitive
def sinc_derivative(x: Array, n: int) -> Array:
    """Return the n-th derivative of `sinc`."""
    return special.sinc_derivative(x, n)


@sinc.gradient("x")
def _(g: Any, x: Any) -> Any:
    return g * sinc_derivative(x, 1)


@sinc_derivative.gradient("x")
def _(g: Any, x: Any, n: int) -> Any:
    return g * sinc_derivative(x, n + 1)


@floating("x", "y")
@primitive
def xlogy(x: Array, y: Array) -> Array:
    """Compute x * log(y), and 0 where x is 0 unless y is NaN; there the gradients are 0, too, if y <= 0.

    >>> import numpy as np
    >>> xlogy(np.array([0.0, 2.0]), np.array([0.0, 1.0]))
    array([0., 0.])
    """
    if x is None or y is None:
        raise TypeError  # NumPy would read None as NaN
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
    """Round to a number of decimals, halves to even; the gradient is 0.

    >>> import numpy as np
    >>> round(np.array([0.5, 1.5, 2.345]), 1)
    array([0.5, 1.5, 2.3])
    """
    return x.copy() if x.dtype.kind == "b" else np.round(x, decimals)


@round.gradient("x")
def _(g: Any) -> Any:
    return np.zeros_like(g)


@register(np.nan_to_num)
@primitive
def nan_to_num(x: Array, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None) -> Array:
    """Replace NaN, inf and -inf by numbers; the gradient there is 0.

    None means the largest or the smallest number of the dtype.

    >>> import numpy as np
    >>> nan_to_num(np.array([np.nan, np.inf, 1.0]), posinf=9.0)
    array([0., 9., 1.])
    """
    return np.nan_to_num(x, True, nan, posinf, neginf)


@nan_to_num.gradient("x")
def _(g: Any, x: Any) -> Any:
    return where(np.isfinite(x), g, 0)


for _op in (erf, erfc, erfcx, erfinv, ndtri, lgamma, nan_to_num, polygamma, round, rsqrt, sinc, sinc_derivative, xlogy):
    _op.elementwise = True


@aliased
def div(x: Any, y: Any, rounding_mode: str | None = None) -> Any:
    """Compute x / y, or with `rounding_mode` rounded toward zero ("trunc") or down ("floor"), with the gradient 0.

    >>> import numpy as np
    >>> div(np.array([-7.0, 7.0]), 2, rounding_mode="trunc")
    array([-3.,  3.])
    """
    return divide(x, y, rounding_mode=rounding_mode)


@floating("x")
@composite
def digamma(x: Any) -> Any:
    """Return the derivative of `lgamma`; at n + 1 it is the n-th harmonic number less Euler's constant.

    >>> import numpy as np
    >>> digamma(np.array([4.0])) - digamma(np.array([1.0]))
    array([1.83333333])
    """
    return polygamma(0, x)


@floating("x")
@composite
def entr(x: Any) -> Any:
    """Compute -x * log(x), the term of the entropy; 0 at 0, -inf below.

    >>> import numpy as np
    >>> entr(np.array([0.0, 0.5, -1.0])).round(4) + 0.0
    array([0.    , 0.3466,   -inf])
    """
    return where(x < 0, -np.inf, -xlogy(clip(x, 0), clip(x, 0)))


@floating("x")
@composite
def ndtr(x: Any) -> Any:
    """Return the probability that a standard normal variable is at most x.

    >>> import numpy as np
    >>> ndtr(np.array([-np.inf, 0.0]))
    array([0. , 0.5])
    """
    return 0.5 * erfc(x * -math.sqrt(0.5))


@floating("x")
@composite
def log_ndtr(x: Any) -> Any:
    """Compute log(ndtr(x)), finite far below 0, where `ndtr` underflows.

    >>> import numpy as np
    >>> log_ndtr(np.array([-100.0, 0.0])).round(4)
    array([-5.0055242e+03, -6.9310000e-01])
    """
    z = x * -math.sqrt(0.5)
    far, near = where(z > 1, z, 1), where(z > 1, 1, z)
    return where(z > 1, log(erfcx(far) / 2) - far * far, log1p(erfc(-near) * -0.5))


@floating("x", "y")
@composite
def xlog1py(x: Any, y: Any) -> Any:
    """Compute x * log(1 + y), accurate for small y, and 0 where x is 0 unless y is NaN.

    >>> import numpy as np
    >>> xlog1py(np.array([0.0, 1.0]), np.array([-1.0, 1e-20]))
    array([0.e+00, 1.e-20])
    """
    lost = (array_of(x) == 0) & ((array_of(y) <= -1) | (array_of(y) == np.inf))
    return x * log1p(where(lost, 0, y))


@floating("x")
@composite
def multigammaln(x: Any, p: int) -> Any:
    """Compute the logarithm of the multivariate gamma function of dimension `p`; NaN or infinite unless x > (p - 1) / 2.

    >>> import numpy as np
    >>> multigammaln(np.array([3.0]), 1).round(4)
    array([0.6931])
    """
    check_at_least("multigammaln", "p", operator.index(p), 1)
    return sum(lgamma(x - i / 2) for i in range(p)) + p * (p - 1) / 4 * math.log(math.pi)


@composite
def frac(x: Any) -> Any:
    """Return the fractional part of x, with the sign of x.

    >>> import numpy as np
    >>> frac(np.array([1.5, -1.5]))
    array([ 0.5, -0.5])
    """
    return x - trunc(x)


@floating("x")
@composite
def logit(x: Any, eps: float | None = None) -> Any:
    """Compute log(x / (1 - x)), the inverse of `sigmoid`; with `eps`, of x limited to [eps, 1 - eps].

    >>> import numpy as np
    >>> logit(np.array([0.5, 1.0]), 1e-6).round(3)
    array([ 0.   , 13.816])
    """
    x = x if eps is None else clip(x, eps, 1 - eps)
    return log(x) - log1p(-x)


@composite
def clamp_min(x: Any, min: Any) -> Any:
    """Return the larger of each element and `min`; the gradient passes where they are equal. See `clip`."""
    return clip(x, min, None)


@composite
def clamp_max(x: Any, max: Any) -> Any:
    """Return the smaller of each element and `max`; the gradient passes where they are equal. See `clip`."""
    return clip(x, None, max)


@promoting("start", "end", "weight")
@composite
def lerp(start: Any, end: Any, weight: Any) -> Any:
    """Interpolate linearly: start + weight * (end - start).

    >>> lerp(1.0, 3.0, 0.25)
    1.5
    """
    return start + weight * (end - start)


@promoting("x", "tensor1", "tensor2")
@composite
def addcmul(x: Any, tensor1: Any, tensor2: Any, *, value: float = 1) -> Any:
    """Compute x + value * tensor1 * tensor2."""
    return x + value * tensor1 * tensor2


@promoting("x", "tensor1", "tensor2")
@composite
def addcdiv(x: Any, tensor1: Any, tensor2: Any, *, value: float = 1) -> Any:
    """Compute x + value * tensor1 / tensor2."""
    return x + value * tensor1 / tensor2
