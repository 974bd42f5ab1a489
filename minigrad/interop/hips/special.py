"""SciPy's special functions for tensors and arrays: ``import minigrad.scipy.special``, as HIPS autograd's `scipy.special`.

Those that `mg.special` has need no SciPy. The others take their values from it (extra `scipy`) when they are called, and
their gradients from the rules below. Numbers and integers are computed in float64, as in SciPy.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad import ops, special
from minigrad.engine.primitive import Primitive
from minigrad.errors import DTypeError
from minigrad.tensors.tensor import Tensor

__all__ = [
    "beta", "betainc", "betaln", "digamma", "entr", "erf", "erfc", "erfcinv", "erfcx", "erfinv", "expit", "gamma",
    "gammainc", "gammaincc", "gammaln", "gammasgn", "i0", "i1", "iv", "ive", "j0", "j1", "jn", "log_ndtr", "logit",
    "logsumexp", "multigammaln", "ndtr", "ndtri", "polygamma", "psi", "rgamma", "xlog1py", "xlogy", "y0", "y1", "yn",
]  # fmt: skip


def in_doubles(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that converts numbers, lists and arrays of integers to float64; tensors stay as they are."""

    @functools.wraps(function, assigned=("__module__", "__name__", "__qualname__", "__doc__"))
    def call(*args: Any, **options: Any) -> Any:
        found = function(*(double(x, function.__name__) for x in args), **options)
        return found[()] if isinstance(found, np.ndarray) else found

    return call


def valued(name: str, names: str, **rules: Any) -> Any:
    """Return SciPy's function as an elementwise operation of the named inputs; the rule None is a zero derivative."""

    def forward(*args: Any) -> Any:
        try:
            import scipy.special
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError(
                f"{name} needs SciPy for its values\n  hint: pip install scipy", name=error.name
            ) from None
        return getattr(scipy.special, name)(*args)

    forward.__name__ = name
    op = Primitive(forward, names.split(), elementwise=True)
    for at, rule in rules.items():
        op.gradient(at)(rule) if rule else op.zero_gradient(at)
    call = in_doubles(op)
    call.__name__ = call.__qualname__ = name
    call.__doc__ = f"scipy.special.{name}({', '.join(op.names)}), with gradients in {' and '.join(rules)}."
    return call


digamma, psi, gammaln = in_doubles(special.digamma), in_doubles(special.psi), in_doubles(special.gammaln)
erf, erfc, erfcx = in_doubles(special.erf), in_doubles(special.erfc), in_doubles(special.erfcx)
erfinv, expit, logit = in_doubles(special.erfinv), in_doubles(special.expit), in_doubles(special.logit)
ndtr, log_ndtr, ndtri = in_doubles(special.ndtr), in_doubles(special.log_ndtr), in_doubles(special.ndtri)
entr = in_doubles(special.entr)
xlogy, xlog1py = in_doubles(special.xlogy), in_doubles(special.xlog1py)


def polygamma(n: int, x: Any) -> Any:
    """The n-th derivative of digamma."""
    return special.polygamma(n, double(x))


def multigammaln(a: Any, d: int) -> Any:
    """The logarithm of the multivariate gamma function of dimension d."""
    return special.multigammaln(double(a), d)


def logsumexp(a: Any, axis: Any = None, b: Any = None, keepdims: bool = False) -> Any:
    """log(sum(b * exp(a))) over `axis`, all axes by default, shifted by the maximum.

    >>> import minigrad.scipy.special as special
    >>> special.logsumexp([0.0, 1.0], b=[1.0, 0.0])
    np.float64(0.0)
    """
    a = double(a, "logsumexp")
    if b is None:
        return ops.logsumexp(a, axis, keepdims)[()]
    b = double(b, "logsumexp")
    absent = getattr(b, "array", b) == 0
    top = np.max(np.where(absent, -np.inf, getattr(a, "array", a)), axis=axis, keepdims=True)
    top = np.where(np.isfinite(top), top, 0.0)
    shifted = a - top
    shifted = np.where(absent, np.minimum(shifted, 80.0), shifted)  # 0 times a finite number, also in float32
    found = np.log(np.sum(b * np.exp(shifted), axis=axis, keepdims=True)) + top
    return (found if keepdims else np.squeeze(found, axis=axis))[()]


beta: Any = valued(
    "beta", "a b",
    a=lambda g, out, a, b: g * out * (digamma(a) - digamma(a + b)),
    b=lambda g, out, a, b: g * out * (digamma(b) - digamma(a + b)),
)  # fmt: skip
betaln: Any = valued(
    "betaln", "a b",
    a=lambda g, a, b: g * (digamma(a) - digamma(a + b)), b=lambda g, a, b: g * (digamma(b) - digamma(a + b)),
)  # fmt: skip
betainc: Any = valued(
    "betainc", "a b x", x=lambda g, a, b, x: g * np.exp(xlogy(a - 1, x) + xlog1py(b - 1, -x) - betaln(a, b))
)  # fmt: skip
gamma: Any = valued("gamma", "x", x=lambda g, out, x: g * out * digamma(x))
rgamma: Any = valued("rgamma", "x", x=lambda g, out, x: g * _rgamma_slope(out, x))


def _rgamma_slope(out: Any, x: Any) -> Any:
    """Return the derivative of 1 / gamma(x); below 1/2 that of gamma(1 - x) * sin(pi x) / pi, since digamma has poles."""
    low = x < 0.5
    y = np.where(low, x, 0.0)
    reflected = gamma(1 - y) * (np.cos(np.pi * y) - np.sin(np.pi * y) / np.pi * digamma(1 - y))
    return np.where(low, reflected, -out * digamma(np.where(low, 1.0, x)))


gammasgn: Any = valued("gammasgn", "x", x=None)
gammainc: Any = valued("gammainc", "a x", x=lambda g, a, x: g * np.exp(xlogy(a - 1, x) - x - gammaln(a)))
gammaincc: Any = valued("gammaincc", "a x", x=lambda g, a, x: -g * np.exp(xlogy(a - 1, x) - x - gammaln(a)))
erfcinv: Any = valued("erfcinv", "y", y=lambda g, out: -g * np.sqrt(np.pi) / 2 * np.exp(out * out))
j0: Any = valued("j0", "x", x=lambda g, x: -g * j1(x))
j1: Any = valued("j1", "x", x=lambda g, x: g * (j0(x) - jn(2, x)) / 2)
y0: Any = valued("y0", "x", x=lambda g, x: -g * y1(x))
y1: Any = valued("y1", "x", x=lambda g, x: g * (y0(x) - yn(2, x)) / 2)
jn: Any = valued("jn", "n x", x=lambda g, n, x: g * (jn(n - 1, x) - jn(n + 1, x)) / 2)
yn: Any = valued("yn", "n x", x=lambda g, n, x: g * (yn(n - 1, x) - yn(n + 1, x)) / 2)
i0: Any = valued("i0", "x", x=lambda g, x: g * i1(x))
i1: Any = valued("i1", "x", x=lambda g, x: g * (i0(x) + iv(2, x)) / 2)
iv: Any = valued("iv", "n x", x=lambda g, n, x: g * (iv(n - 1, x) + iv(n + 1, x)) / 2)
ive: Any = valued("ive", "n x", x=lambda g, n, x, out: g * ((ive(n - 1, x) + ive(n + 1, x)) / 2 - np.sign(x) * out))


def double(x: Any, name: str = "minigrad.scipy") -> Any:
    """Return numbers, lists and integers as an array of float64; tensors and arrays of floats as they are.

    Raises DTypeError for other values, with the name of the function.
    """
    if isinstance(x, Tensor):
        return x
    x = np.asarray(x)
    if x.dtype.kind not in "biuf":
        raise DTypeError(f"{name}: needs real numbers, got {x.dtype}")
    return x if x.dtype.kind == "f" else x.astype(np.float64)
