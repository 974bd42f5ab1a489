"""Special functions to the last digits, and at their poles and ends."""

import math

import numpy as np
import pytest

from minigrad.kernels.gamma import lgamma, polygamma
from minigrad.kernels.special import erfcx, erfinv

POSITIVE = np.concatenate([np.linspace(1e-3, 40, 2001), 10.0 ** np.arange(-300, 301, 7)])
ROOTS = np.concatenate([root + sign * 10.0 ** -np.arange(1, 16) for root in (1, 2) for sign in (-1, 1)])
NEGATIVE = -np.linspace(0.013, 20.1, 501)
WITHIN = np.concatenate([np.linspace(-0.999, 0.999, 401), 1 - 10.0 ** -np.arange(4, 16), 10.0 ** -np.arange(1, 300, 9)])


def test_lgamma_is_pythons():
    expected = np.array([math.lgamma(x) for x in POSITIVE])
    np.testing.assert_allclose(lgamma(POSITIVE), expected, rtol=1e-13, atol=1e-15)
    np.testing.assert_allclose(lgamma(NEGATIVE), [math.lgamma(x) for x in NEGATIVE], rtol=1e-13, atol=1e-13)
    assert lgamma(np.float32([0.5, 1e38, np.finfo(np.float32).max])).dtype == np.float32


def test_lgamma_to_the_last_digits_around_its_roots():
    slope = [-0.5772156649015329 if x < 1.5 else 0.42278433509846714 for x in ROOTS]
    curvature = [math.pi**2 / 6 - (x > 1.5) for x in ROOTS]
    d = ROOTS - np.round(ROOTS)
    near = np.abs(d) < 1e-5  # where the next term of the series is below 1e-10 of the first
    np.testing.assert_allclose(lgamma(ROOTS)[near], (d * slope + d * d * curvature / 2)[near], rtol=1e-9)


def test_polygamma_recurs_and_reflects():
    x = np.linspace(0.02, 30, 301)
    for n in (0, 1, 2, 5, 9):
        step = (-1) ** n * math.factorial(n) * x ** (-n - 1.0)
        assert (np.abs(polygamma(n, x + 1) - polygamma(n, x) - step) <= 1e-13 + 1e-12 * np.abs(step)).all()
        former = (-1) ** n * math.factorial(n) * (NEGATIVE - 1) ** (-n - 1.0)
        size = 1e-11 * (np.abs(polygamma(n, NEGATIVE)) + np.abs(former))
        assert (np.abs(polygamma(n, NEGATIVE) - polygamma(n, NEGATIVE - 1) - former) <= size).all()
    assert polygamma(0, np.array([1.0]))[0] == pytest.approx(-0.5772156649015329, rel=1e-15)
    assert polygamma(1, np.array([0.5]))[0] == pytest.approx(math.pi**2 / 2, rel=1e-15)


def test_erfinv_inverts():
    x = erfinv(WITHIN)
    tail = np.abs(WITHIN) > 0.5
    np.testing.assert_allclose([math.erf(v) for v in x[~tail]], WITHIN[~tail], rtol=4e-16)
    np.testing.assert_allclose([math.erfc(abs(v)) for v in x[tail]], 1 - np.abs(WITHIN[tail]), rtol=2e-14)


def test_poles_and_ends():
    x = np.array([0.0, -0.0, -1.0, np.inf, -np.inf, np.nan])
    np.testing.assert_equal(lgamma(x), [np.inf, np.inf, np.inf, np.inf, np.inf, np.nan])
    np.testing.assert_equal(polygamma(0, x), [-np.inf, np.inf, np.nan, np.inf, np.nan, np.nan])
    np.testing.assert_equal(polygamma(1, x), [np.inf, np.inf, np.inf, 0, np.nan, np.nan])
    np.testing.assert_equal(polygamma(2, x)[:4], [-np.inf, np.inf, np.nan, 0])
    np.testing.assert_equal(erfinv(np.array([1.0, -1.0, 0.0, 1.1, np.nan])), [np.inf, -np.inf, 0, np.nan, np.nan])
    assert lgamma(np.array([1.0, 2.0])).tolist() == [0, 0]


def test_the_scaled_complement_overflows_in_silence():
    with np.errstate(over="raise"):
        assert erfcx(np.array([-40.0])) == np.inf


def test_agrees_with_scipy():
    special = pytest.importorskip("scipy.special")
    np.testing.assert_allclose(erfinv(WITHIN), special.erfinv(WITHIN), rtol=1e-14)
    np.testing.assert_allclose(polygamma(0, POSITIVE), special.digamma(POSITIVE), rtol=1e-13, atol=1e-14)
    for n in (1, 2, 4, 12):
        np.testing.assert_allclose(polygamma(n, POSITIVE), special.polygamma(n, POSITIVE), rtol=1e-13, atol=1e-300)
