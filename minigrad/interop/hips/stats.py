"""SciPy's distributions for tensors and arrays: ``from minigrad.scipy.stats import norm``, as HIPS autograd's `scipy.stats`.

Densities are compositions of special functions: with gradients in every argument, to every order. Distribution functions
(but for `norm`) take their values from SciPy (extra `scipy`), and have gradients in all but the parameters of shape.

    >>> import numpy as np
    >>> from minigrad import elementwise_grad
    >>> from minigrad.scipy.stats import norm
    >>> norm.logpdf(1.0), elementwise_grad(norm.cdf)(np.array([0.0, 1.0]))
    (np.float64(-1.4189385332046727), array([0.39894228, 0.24197072]))
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad.tensors.tensor import Tensor

from minigrad.interop.hips.special import (  # isort: skip
    betainc, double, gammainc, gammaincc, gammaln, log_ndtr, ndtr, valued, xlog1py, xlogy,
)  # fmt: skip

__all__ = ["beta", "chi2", "dirichlet", "gamma", "multivariate_normal", "norm", "poisson", "t"]

LOG_TAU = math.log(2 * math.pi)
STIRLING = 20.0  # from here on, four terms of the series are exact to 2e-15
Function = Callable[..., Any]


class Continuous:
    """A family of one variable: x, then its parameters of shape by the names given here, `loc` and `scale`.

    Outside of the support, the density is 0 and its logarithm -inf. As in SciPy, everything is NaN where `scale` or a
    parameter of shape is not positive.
    """

    def __init__(
        self, shapes: str, log_density: Function, below: Function, above: Function, support: Any = None,
        log_below: Function | None = None, log_above: Function | None = None,
    ):  # fmt: skip
        self._names = (*shapes.split(), "loc", "scale")
        self._log_density, self._below, self._above, self._support = log_density, below, above, support
        self._log_below = log_below or (lambda *standard: _log_probability(below(*standard), above(*standard)))
        self._log_above = log_above or (lambda *standard: _log_probability(above(*standard), below(*standard)))
        # Bound once: `minigrad.scipy.stats.norm` is a path, with names of its own.
        for name in ("logpdf", "pdf", "cdf", "sf", "logcdf", "logsf"):
            setattr(self, name, getattr(self, name))

    def logpdf(self, x: Any, *args: Any, **options: Any) -> Any:
        """The logarithm of the density at x."""
        z, shapes, scale = self._standard(x, args, options)
        if self._support is None:
            return self._log_density(z, *shapes) - np.log(scale)
        low, high, middle = self._support
        outside = (z < low) | (z > high)  # not NaN
        found = self._log_density(np.where(outside, middle, z), *shapes) - np.log(scale)
        return np.where(outside, -np.inf, found)[()]

    def pdf(self, x: Any, *args: Any, **options: Any) -> Any:
        """The density at x."""
        return np.exp(self.logpdf(x, *args, **options))

    def cdf(self, x: Any, *args: Any, **options: Any) -> Any:
        """The probability of values up to x."""
        return self._of_standard(self._below, x, args, options)

    def sf(self, x: Any, *args: Any, **options: Any) -> Any:
        """The probability of values above x."""
        return self._of_standard(self._above, x, args, options)

    def logcdf(self, x: Any, *args: Any, **options: Any) -> Any:
        """The logarithm of `cdf`."""
        return self._of_standard(self._log_below, x, args, options)

    def logsf(self, x: Any, *args: Any, **options: Any) -> Any:
        """The logarithm of `sf`."""
        return self._of_standard(self._log_above, x, args, options)

    def _of_standard(self, function: Function, x: Any, args: Any, options: Any) -> Any:
        """Return a function of the standardized variable, which is brought into the support."""
        z, shapes, _ = self._standard(x, args, options)
        return function(z if self._support is None else np.clip(z, *self._support[:2]), *shapes)

    def _standard(self, x: Any, args: Any, options: Any) -> tuple[Any, list[Any], Any]:
        """Return (x - loc) / scale, the parameters of shape, and scale."""
        given = dict(zip(self._names, args, strict=False))
        known = {"loc": 0.0, "scale": 1.0} | given | options
        if len(args) > len(given) or options.keys() & given.keys() or known.keys() ^ {*self._names}:
            raise TypeError(f"the parameters after x are {', '.join(self._names)}, got {[*args]} and {options}")
        *shapes, loc, scale = (double(known[name]) for name in self._names)
        for parameter in (scale, *shapes):
            scale = _nan_unless(parameter > 0, scale)
        return (double(x) - loc) / scale, shapes, scale


def _nan_unless(proper: Any, x: Any) -> Any:
    """Return `x`, with NaN where a parameter is not proper."""
    proper = getattr(proper, "array", proper)
    return x if np.all(proper) else np.where(proper, x, np.nan)


def _log_probability(p: Any, rest: Any) -> Any:
    """Return the logarithm of a probability; of one near 1, from the rest, of which it keeps no digits."""
    near = p > 0.5
    return (np.log(np.where(near, 1.0, p)) + np.log1p(-np.where(near, rest, 0.0)))[()]


def _log_beta(a: Any, b: Any) -> Any:
    """Return the logarithm of the beta function."""
    swapped = a < b
    large, small = np.where(swapped, b, a), np.where(swapped, a, b)
    return gammaln(small) - _log_gamma_growth(large, small)


def _log_gamma_growth(x: Any, step: Any) -> Any:
    """Return gammaln(x + step) - gammaln(x): of large numbers by Stirling's series, since both are larger than x."""
    stirling = x > STIRLING
    y = np.where(stirling, x, STIRLING)
    series = (y - 0.5) * np.log1p(step / y) + step * (np.log(y + step) - 1) + _stirling(y + step) - _stirling(y)
    x = np.where(stirling, 1.0, x)
    return np.where(stirling, series, gammaln(x + step) - gammaln(x))


def _stirling(x: Any) -> Any:
    """Return gammaln(x) - (x - 1/2) log(x) + x - log(2 pi) / 2 of x beyond STIRLING."""
    r = 1 / x
    return r * (1 / 12 - r * r * (1 / 360 - r * r * (1 / 1260 - r * r / 1680)))


def _log_t(z: Any, df: Any) -> Any:
    df = np.minimum(df, 1e100)  # SciPy's infinity is the normal distribution
    return -(df + 1) / 2 * np.log1p(z * z / df) - np.log(df) / 2 - _log_beta(df / 2, 0.5)


def _log_gamma(z: Any, a: Any) -> Any:
    return xlogy(a - 1, z) - z - gammaln(a)


_stdtr = valued("stdtr", "df z", z=lambda g, df, z: g * np.exp(_log_t(z, df)))
norm = Continuous(
    "", lambda z: -(z * z + LOG_TAU) / 2, ndtr, lambda z: ndtr(-z), log_below=log_ndtr, log_above=lambda z: log_ndtr(-z)
)
t = Continuous("df", _log_t, lambda z, df: _stdtr(df, z), lambda z, df: _stdtr(df, -z))
gamma = Continuous("a", _log_gamma, lambda z, a: gammainc(a, z), lambda z, a: gammaincc(a, z), (0, np.inf, 1.0))
chi2 = Continuous(
    "df",
    lambda z, df: _log_gamma(z / 2, df / 2) - math.log(2),
    lambda z, df: gammainc(df / 2, z / 2), lambda z, df: gammaincc(df / 2, z / 2), (0, np.inf, 1.0),
)  # fmt: skip
beta = Continuous(
    "a b",
    lambda z, a, b: xlogy(a - 1, z) + xlog1py(b - 1, -z) - _log_beta(a, b),
    lambda z, a, b: betainc(a, b, z), lambda z, a, b: betainc(b, a, 1 - z), (0, 1, 0.5),
)  # fmt: skip


class poisson:
    """The Poisson distribution; a number of events that is none has the probability 0, all are NaN for a negative mu."""

    @staticmethod
    def logpmf(k: Any, mu: Any) -> Any:
        """The logarithm of the probability of k events."""
        mu = double(mu)
        k = _nan_unless(mu >= 0, double(k))
        none = (k < 0) | (k % 1 > 0)  # not NaN
        events = np.where(none, 0.0, k)
        return np.where(none, -np.inf, xlogy(events, mu) - mu - gammaln(events + 1))[()]

    @staticmethod
    def pmf(k: Any, mu: Any) -> Any:
        """The probability of k events."""
        return np.exp(poisson.logpmf(k, mu))

    @staticmethod
    def cdf(k: Any, mu: Any) -> Any:
        """The probability of at most k events."""
        mu = double(mu)
        k = np.floor(_nan_unless(mu >= 0, double(k)))
        return np.where(k < 0, 0.0, gammaincc(np.maximum(k, 0.0) + 1, mu))[()]


class dirichlet:
    """The Dirichlet distribution: x is (K,), or (K, N) for N points."""

    @staticmethod
    def logpdf(x: Any, alpha: Any) -> Any:
        """The logarithm of the density at x."""
        x, alpha = double(x), double(alpha)
        return np.sum(xlogy(alpha - 1, x.T), -1) + gammaln(np.sum(alpha)) - np.sum(gammaln(alpha))

    @staticmethod
    def pdf(x: Any, alpha: Any) -> Any:
        """The density at x."""
        return np.exp(dirichlet.logpdf(x, alpha))


class multivariate_normal:
    """The normal distribution of vectors: x is (..., K), mean (K,), cov (K, K), or (K,), its diagonal, or a number.

    Raises numpy.linalg.LinAlgError for a covariance that is not positive definite.
    """

    @staticmethod
    def logpdf(x: Any, mean: Any, cov: Any) -> Any:
        """The logarithm of the density at x."""
        cov, log_det = _covariance(mean, cov)
        delta = double(x) - double(mean)
        vectors = delta if len(cov) > 1 or np.shape(delta)[-1:] == (1,) else delta[..., None]
        square = np.sum(vectors * np.linalg.solve(cov, vectors[..., None])[..., 0], -1)
        return -(square + log_det + len(cov) * LOG_TAU) / 2

    @staticmethod
    def pdf(x: Any, mean: Any, cov: Any) -> Any:
        """The density at x."""
        return np.exp(multivariate_normal.logpdf(x, mean, cov))

    @staticmethod
    def entropy(mean: Any, cov: Any) -> Any:
        """The differential entropy, which does not depend on the mean."""
        cov, log_det = _covariance(mean, cov)
        return (log_det + len(cov) * (LOG_TAU + 1)) / 2


def _covariance(mean: Any, cov: Any) -> tuple[Any, Any]:
    """Return the covariance as a matrix, and the logarithm of its determinant."""
    cov = double(cov)
    if np.ndim(cov) < 2:
        cov = cov * np.eye(len(cov) if np.ndim(cov) else np.size(mean))
    np.linalg.cholesky(cov.array if isinstance(cov, Tensor) else cov)  # raises unless positive definite
    return cov, np.linalg.slogdet(cov)[1]
