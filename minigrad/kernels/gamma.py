"""The logarithm of the gamma function and its derivatives, computed in float64.

Far from 0 by Stirling's series; nearer by the recurrence gamma(x + 1) = x gamma(x), differentiated, which leads there; for
negative x by the reflection gamma(x) gamma(1 - x) = pi / sin(pi x), differentiated. Abramowitz and Stegun (1964), chapter 6.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from minigrad.arrays import Array
from minigrad.kernels.errstate import errstate
from minigrad.kernels.special import numbers

__all__ = ["lgamma", "polygamma"]

BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510)  # B_2, B_4, ...
EULER = 0.5772156649015329
TERMS = 30  # of the series around 2, whose k-th is below 4**-k


def lgamma(x: Array) -> Array:
    """Compute log|gamma(x)|, which is +inf at 0 and at the negative integers.

    >>> lgamma(np.array([0.5, 1.0, 5.0])).round(9) + 0.0
    array([0.57236494, 0.        , 3.17805383])
    """
    z = numbers(x).astype(np.float64)
    with errstate(all="ignore"):
        right = np.where(z < 0.5, 1 - z, z)
        near = right < 2.5
        out = np.where(near, _around_two(np.where(near, right, 2)), _far(np.where(near, 3, right), -1))
        out = np.where(z < 0.5, math.log(math.pi) - np.log(np.abs(_sine(z))) - out, out)
    return _like(np.where(np.isinf(z), np.inf, out), x)


def polygamma(n: int, x: Array) -> Array:
    """Compute the derivative of order n + 1 of log gamma(x): digamma for n = 0, trigamma for n = 1.

    >>> polygamma(0, np.array([1.0])), polygamma(1, np.array([1.0]))
    (array([-0.57721566]), array([1.64493407]))
    """
    z = numbers(x).astype(np.float64)
    with errstate(all="ignore"):
        out = _far(np.where(z < 0, 1 - z, z), n)
        if (z < 0).any():  # the derivatives of pi cot(pi x), as polynomials of the cotangent
            cotangent = _sine(z + 0.5) / _sine(z)
            slopes = np.polynomial.Polynomial([0, math.pi])
            for _ in range(n):
                slopes = slopes.deriv() * np.polynomial.Polynomial([-math.pi, 0, -math.pi])
            slope = functools.reduce(lambda value, c: value * cotangent + c, reversed(slopes.coef))
            out = np.where(z < 0, (-1) ** n * out - slope, out)
        if n % 2 == 0:  # the sign changes at a pole: NaN there, except at 0, whose sign tells the side
            out = np.where(z == 0, -np.copysign(np.inf, z), np.where((z < 0) & (z == np.floor(z)), np.nan, out))
    return _like(out, x)


def _far(x: Array, n: int) -> Array:
    """Compute the derivative of order n + 1 >= 0, for x > 0: by recurrence up to where Stirling's series holds."""
    steps = 10 + n
    shift = np.where(x < steps, steps, 0)
    z = x + shift
    sign = (-1.0) ** (n + 1)
    if n < 0:
        out = (z - 0.5) * (np.log(z) - 1) + (0.5 * math.log(2 * math.pi) - 0.5)
    elif n == 0:
        out = np.log(z) - 0.5 / z
    else:
        out = sign * (math.factorial(n - 1) * z**-n + 0.5 * math.factorial(n) * z ** (-n - 1))
    for j, number in enumerate(BERNOULLI, 1):
        out = out + sign * number * math.gamma(2 * j + n) / math.factorial(2 * j) * z ** (-2.0 * j - n)
    if n < 0:  # one logarithm of the product of the steps
        return out - np.log(np.prod([np.where(shift > k, x + k, 1) for k in range(steps)], axis=0))
    passed: Any = np.zeros_like(x)
    for k in reversed(range(steps)):  # the small ones first
        passed = passed + np.where(shift > k, (x + k) ** (-n - 1.0), 0)
    return out + sign * math.factorial(n) * passed


def _around_two(x: Array) -> Array:
    """Compute lgamma for 0.5 <= x < 2.5, also accurate near its zeros 1 and 2, by the series in x - 2 or in x - 1."""
    low = x < 1.5
    d = np.where(low, x - 1, x - 2)
    series = np.zeros_like(d)
    for k in reversed(range(2, TERMS + 2)):
        series = (series + (-1) ** k * _zeta(k) / k) * d
    return (series + (1 - EULER)) * d - np.where(low, np.log1p(d), 0)


@functools.cache
def _zeta(k: int) -> float:
    """Compute zeta(k) - 1 for k >= 2: the sum up to 100, and the Euler-Maclaurin formula for the rest."""
    n = 100.0
    rest = n ** (1 - k) / (k - 1) - n**-k / 2 + k / 12 * n ** (-k - 1) - k * (k + 1) * (k + 2) / 720 * n ** (-k - 3)
    return math.fsum([*[float(m) ** -k for m in range(2, 101)], rest])


def _sine(x: Array) -> Array:
    """Compute sin(pi x), exact at the integers."""
    whole = np.round(x)
    return np.where(whole % 2 == 0, 1, -1) * np.sin(math.pi * (x - whole))


def _like(out: Array, x: Array) -> Array:
    """Return `out` in the dtype of `x`, or in float64 if that is no float dtype."""
    dtype = np.asarray(x).dtype
    with errstate(over="ignore"):
        return out.astype(dtype if dtype.kind == "f" else np.float64, copy=False)
