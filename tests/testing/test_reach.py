"""Small errors in large arrays, at any scale; the full figures are those of `python -m tests.testing.reach`."""

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.testing import NonDifferentiableError, check_against, gradcheck, gradgradcheck, mutants
from minigrad.testing.finite_differences import norm, slopes
from tests.testing.reach import SCALES, SIZES, caught, caught_at, false_alarms, square


@pytest.mark.parametrize(("shape", "by"), SIZES.items())
def test_one_wrong_entry_in_a_large_array(shape, by):
    seeds = range(10 if np.prod(shape) <= 10_000 else 3)
    assert [caught(shape, by, seed) for seed in seeds] == [True] * len(seeds)
    assert not caught(shape, 0.0, 0)


def test_the_script_draws_calls_and_would_tell():
    failed, calls = false_alarms(0.3)
    assert calls >= 2 and not failed
    with mutants.replaced(mg.relu, {"x": lambda g, x: g * (x > 0) * (1 + 1e-7)}):
        failed, _ = false_alarms(0.3)
    assert failed and failed[0].startswith("relu")


@pytest.mark.parametrize("mode", ["full", "directional"])
def test_errors_are_relative_to_what_was_computed(mode):
    for scale in SCALES:
        assert caught_at(scale, 1e-4, mode) and caught_at(scale, -1e-6, mode), scale
        assert not caught_at(scale, 0.0, mode), scale


def test_entries_of_different_scales():
    x = np.array([1.0, 1e-12, 1e9, 0.0, 1e-150, -1e100])
    assert gradcheck(mg.square, x) and gradgradcheck(mg.square, x)
    for entry in (0, 1, 2, 4, 5):
        report = gradcheck(square(entry, 1e-4), x, raise_exception=False, checks=())
        assert f"d input 0 [{entry}]" in str(report), entry


@pytest.mark.parametrize("scale", [1e-150, 1e-12, 1.0, 1e150])
def test_against_a_reference_at_any_scale(scale):
    x = np.array([1.0, -2.0]) * scale
    assert check_against(mg.square, np.square, x)
    assert not check_against(square(by=1e-6), np.square, x, raise_exception=False)


@pytest.mark.parametrize("scale", [1e-150, 1e-12, 1.0, 1e150])
def test_functions_that_are_not_small_at_small_inputs(scale):
    x = np.array([0.3, -1.0, 2.0])
    for function in (
        mg.relu,
        mg.tanh,
        mg.sigmoid,
        mg.abs,
        mg.positive,
        mg.softplus if hasattr(mg, "softplus") else mg.arctan,
    ):
        assert gradcheck(function, x * scale), function
    for function in (mg.softmax, lambda t: t / t.norm(), mg.exp):
        assert gradcheck(function, x * min(scale, 1.0)), function


def test_the_rounding_of_the_function_is_measured(rng):
    """A function that computes in float32 inside has no twelve digits: nor are they asked for."""
    x = rng.standard_normal((3, 4))

    def coarse(t):
        return mg.tanh(t).float().double() * 1.0

    report = gradcheck(coarse, x, mode="directional", checks=(), eps=0.03, raise_exception=False)
    assert report and report.worst.allowed > 1e-8


def test_kinks_nearby_do_not_matter(rng):
    """Steps shrink until no kink lies within them."""
    x = rng.standard_normal(100) * 1e-2
    net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(36, 3), nn.LeakyReLU())
    images = rng.standard_normal((8, 1, 8, 8)) * 0.1
    for mode in ("full", "directional"):
        assert gradcheck(mg.relu, x, checks=(), mode=mode) and gradcheck(lambda t: mg.abs(t).sum(), x, checks=(), mode=mode)
        wrong = gradcheck(lambda t: mg.relu(t) + 1e-5 * t.detach(), x, checks=(), mode=mode, raise_exception=False)
        assert not wrong
    assert gradcheck(net.double(), images, mode="directional", checks=())
    for distance in (5e-4, 5e-5, 5e-6, -5e-6):
        assert gradcheck(lambda t: mg.relu(t - 1), np.array([1 + distance]))
    with pytest.raises(NonDifferentiableError, match=r"within 0\.001 of input 0"):
        gradcheck(mg.relu, np.append(x, 0.0))


def test_what_only_looks_like_a_kink():
    """Values whose first derivatives are all zero, and values that are rounding alone."""
    flat = np.zeros(5)
    for mode in ("full", "directional"):
        assert gradcheck(lambda x: mg.prod(x), flat, mode=mode) and gradcheck(lambda x: x**6, flat, mode=mode)
        assert gradcheck(lambda x: (x + 1e6) - 1e6 - x, np.array([0.3, -1.1, 0.7]), mode=mode)
        for seed in range(20):
            row, column = np.random.default_rng(seed).standard_normal((2, 3))
            assert gradcheck(mg.det, np.outer(row, column), mode=mode, seed=seed, checks=())
        for function in (mg.abs, lambda x: mg.abs(x) * 1e-9, lambda x: mg.abs(x) + x**2, lambda x: x * mg.sign(x + 1e-300)):
            with pytest.raises(NonDifferentiableError):
                gradcheck(function, flat, mode=mode)


def test_samples_of_rounding_have_the_size_of_the_error(rng):
    noise = rng.standard_normal((7, 4000)) * 1e-10

    def at(t):
        return np.sin(t) + noise[round(t / 5e-4) + 3]

    found = slopes(at, at(0.0), 1e-3)
    error = norm(found.central - 1)
    assert 0.9 < norm(found.rounding) / error < 1.1 and 6 < error / norm(found.truncation) < 8


def test_the_norm_of_numbers_whose_squares_do_not_exist():
    for scale in (1e-310, 1e-200, 1.0, 1e200):
        assert abs(norm(np.array([3.0, -4.0]) * scale) / (5 * scale) - 1) < 1e-9
    assert norm(np.zeros(3)) == norm(np.zeros(0)) == 0 and norm(np.array([np.inf, 1])) == np.inf
