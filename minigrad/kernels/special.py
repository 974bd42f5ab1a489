"""Special functions of one variable that NumPy lacks."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad.arrays import Array
from minigrad.kernels.blocks import by_blocks
from minigrad.kernels.errstate import errstate

__all__ = ["erf", "erfc", "erfcx", "erfinv", "ndtri", "logistic_density", "sech_squared", "sigmoid", "sinc_derivative"]

NODES = 128  # per unit: a node is at most 1/256 away, and six terms of the Taylor series reach the last digit
SMALL = 512  # elements below which the overhead of a pass dominates
TERMS = 100  # of the continued fraction of erfcx, which reaches the last digit above 2
LAST = 6  # erf(6) is 1 to the last digit


def erf(x: Array) -> Array:
    """Compute the error function, 2/sqrt(pi) * integral of exp(-t**2) from 0 to x, to about two units in the last place.

    It combines a table of values of `math.erf` with the Taylor series around the nearest node c of the table:
    erf(c + d) = erf(c) + 2/sqrt(pi) * exp(-c**2) * (d - c d**2 + (2 c**2 - 1)/3 d**3 - ...), the Hermite polynomials.

    >>> erf(np.array([0.0, 0.5, -30.0]))
    array([ 0.        ,  0.52049988, -1.        ])
    """
    x = numbers(x)
    if x.dtype.kind != "f" or x.dtype.itemsize < 4:
        x = x.astype(np.float32 if x.dtype == np.float16 else np.float64)
    values, slopes = _nodes(x.dtype)
    with errstate(invalid="ignore"):  # NaN has no nearest node
        return _by_blocks(lambda block, out: _erf_block(block, values, slopes, out), x)


def erfc(x: Array) -> Array:
    """Compute 1 - erf(x), accurate where that is small, by Python's `math.erfc` for each element.

    >>> erfc(np.array([0.0, 10.0]))
    array([1.00000000e+00, 2.08848758e-45])
    """
    x = np.asarray(x)
    return np.asarray(_erfc(x), x.dtype if x.dtype.kind == "f" else np.float64)


def erfinv(y: Array) -> Array:
    """Compute the inverse of `erf`: Winitzki's (2008) estimate, off by at most 0.002, and three steps of Newton's method.

    In the tails Newton's method solves for the logarithm of `erfc`. The result is NaN outside -1..1.

    >>> erfinv(np.array([0.0, 0.5, 1.0, 2.0]))
    array([0.        , 0.47693628,        inf,        nan])
    """
    y = numbers(y)
    dtype, y = y.dtype, y.astype(np.float64)
    return _erfinv(y, 1 - np.abs(y)).astype(dtype if dtype.kind == "f" else np.float64, copy=False)


def ndtri(p: Array) -> Array:
    """Compute the quantile of the standard normal distribution, accurate in both tails.

    >>> ndtri(np.array([0.0, 1e-300, 0.5])).round(4)
    array([    -inf, -37.0471,   0.    ])
    """
    p = numbers(p)
    dtype, p = p.dtype, p.astype(np.float64)
    return (math.sqrt(2) * _erfinv(2 * p - 1, 2 * np.minimum(p, 1 - p))).astype(dtype if dtype.kind == "f" else np.float64)


def erfcx(x: Array) -> Array:
    """Compute exp(x**2) * erfc(x), accurate where erfc(x) underflows: above 2 by its continued fraction.

    >>> erfcx(np.array([0.0, 1e3])) * math.sqrt(math.pi)
    array([1.77245385e+00, 9.99999500e-04])
    """
    x = numbers(x)
    dtype, x = x.dtype, x.astype(np.float64)
    far = np.maximum(x, 2)
    rest = far
    for k in reversed(range(1, TERMS)):
        rest = far + k / 2 / rest
    with errstate(over="ignore"):
        near = np.minimum(x, 2)
        out = np.where(x > 2, 1 / (math.sqrt(math.pi) * rest), np.exp(near * near) * erfc(near))
    return out.astype(dtype if dtype.kind == "f" else np.float64, copy=False)


def _erfinv(y: Array, left: Array) -> Array:
    """Compute `erfinv`, given also 1 - |y|, which may be known to more digits."""
    with errstate(all="ignore"):
        w = np.where(np.abs(y) < 0.5, np.log1p(-y * y), np.log(left) + np.log(2 - left)) / 2
        t = 2 / (math.pi * 0.147) + w
        x = np.sign(y) * np.sqrt(-2 * w / 0.147 / (t + np.sqrt(t * t - 2 * w / 0.147)))
        for _ in range(3):
            rest = erfc(np.abs(x))
            excess = np.where(np.abs(y) < 0.5, erf(x) - y, np.sign(y) * rest * np.log(left / rest))
            x = x - excess * (math.sqrt(math.pi) / 2) * np.exp(x * x)
    return np.where(left == 0, np.copysign(np.inf, y), x)


def sigmoid(x: Array) -> Array:
    """Compute 1 / (1 + exp(-x)), whose exponential may be infinite far below 0.

    >>> sigmoid(np.array([-1e4, 0.0, 1e4]))
    array([0. , 0.5, 1. ])
    """

    def block(x: Array, out: Array) -> None:
        np.negative(x, out=out)
        np.exp(out, out=out)
        out += 1
        np.divide(1, out, out=out)

    with errstate(over="ignore"):
        return _by_blocks(block, x)


def sech_squared(x: Array) -> Array:
    """Compute 1 / cosh(x)**2 without overflow, as 4 e / (1 + e)**2 with e = exp(-2 |x|).

    Accurate in both tails, where 1 - tanh(x)**2 has no digits left.

    >>> sech_squared(np.array([-20.0, 0.0]))
    array([1.6993417e-17, 1.0000000e+00])
    """
    if x.size < SMALL:  # three passes: 2 us against 5 for 4x4 elements; but cosh has no vector loop
        c = np.cosh(x)
        return 1 / (c * c)
    return _by_blocks(lambda block, out: _bell(block, 2, out), x)


def logistic_density(x: Array) -> Array:
    """Compute the derivative of `sigmoid`, e / (1 + e)**2 with e = exp(-|x|), accurate in both tails.

    (sigmoid(x) * (1 - sigmoid(x)) is not.)

    >>> logistic_density(np.array([-40.0, 0.0]))
    array([4.24835426e-18, 2.50000000e-01])
    """
    if x.size < SMALL:
        return sech_squared(x / 2) / 4
    return _by_blocks(lambda block, out: _bell(block, 1, out), x)


def sinc_derivative(x: Array, n: int) -> Array:
    """Compute the n-th derivative of sin(pi x)/(pi x), also accurate near 0.

    Near 0 by the Taylor series; elsewhere by the recurrence x f_n + n f_(n-1) = pi**(n-1) sin(pi x + n pi/2), which is
    x f = sin(pi x)/pi differentiated n times.

    >>> sinc_derivative(np.array([1.0]), 1).round(9)
    array([-1.])
    """
    x = np.asarray(x)
    if n == 0:
        return np.sinc(x)
    near = np.abs(x) < 1 + n / 4  # beyond, the recurrence loses no more than a digit or two
    z = np.where(near, x, 0)
    first = (n + 1) // 2  # the lowest power of x**2 that survives n derivatives
    series = np.zeros_like(z)
    for k in reversed(range(first, first + 18 + 2 * n)):
        series *= z * z
        series += (-1) ** k * math.pi ** (2 * k) * math.perm(2 * k, n) / math.factorial(2 * k + 1)
    series *= z ** (2 * first - n)
    far = np.where(near, 1, x)
    f = np.sinc(far)
    for k in range(1, n + 1):
        f = (math.pi ** (k - 1) * _sine(far, k) - k * f) / far
    return np.where(near, series, f)


def _bell(x: Array, rate: float, out: Array) -> None:
    """Compute rate**2 * e / (1 + e)**2 with e = exp(-rate * |x|): the derivative of tanh for rate 2, of sigmoid for 1."""
    np.abs(x, out=out)
    out *= -rate
    np.exp(out, out=out)
    d = 1 + out
    d *= d
    out /= d
    if rate != 1:
        out *= rate * rate


def _by_blocks(function: Callable[[Array, Array], None], x: Any) -> Array:
    """Call `by_blocks` on numbers as floats."""
    x = numbers(x)
    return by_blocks(function, x if x.dtype.kind == "f" else x.astype(np.float64))


def numbers(x: Any) -> Array:
    """Return `x` as an array. Raises TypeError for anything but numbers: NumPy would read None as NaN."""
    x = np.asarray(x)
    if x.dtype.kind not in "biuf":
        raise TypeError(f"needs numbers, got dtype {x.dtype}")
    return x


_erfc: Any = np.frompyfunc(math.erfc, 1, 1)


@functools.cache
def _nodes(dtype: np.dtype[Any]) -> tuple[Array, Array]:
    """Return the tables of erf and of its derivative at the nodes."""
    at = [k / NODES for k in range(LAST * NODES + 1)]
    return (
        np.array([math.erf(c) for c in at], dtype),
        np.array([2 / math.sqrt(math.pi) * math.exp(-c * c) for c in at], dtype),
    )


def _erf_block(x: Array, values: Array, slopes: Array, out: Array) -> None:
    d = np.minimum(np.abs(x), LAST)
    c = np.rint(d * NODES)
    node = c.astype(np.intp)
    c /= NODES
    d -= c
    cc = c * c
    t = d * (((160 - 32 * cc) * cc - 120) * c / 720)
    for term in (((16 * cc - 48) * cc + 12) / 120, (12 - 8 * cc) * c / 24, (4 * cc - 2) / 6, -c, 1):
        t += term
        t *= d
    t *= slopes.take(node, mode="clip")
    t += values.take(node, mode="clip")
    np.copysign(t, x, out=out)


def _sine(x: Array, quarters: int) -> Array:
    """Compute sin(pi x + quarters pi/2), without rounding the sum."""
    wave = (np.sin, np.cos)[quarters % 2](math.pi * x)
    return -wave if quarters % 4 > 1 else wave
