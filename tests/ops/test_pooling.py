"""Pooling: ties, padding, indices, and the counts that a mean divides by."""

import numpy as np
import pytest

import minigrad as mg
import minigrad.nn.functional as F

X = np.random.default_rng(0).permutation(2 * 3 * 7 * 8).reshape(2, 3, 7, 8).astype(float)


@pytest.mark.parametrize(
    "options", [{}, {"stride": 1}, {"padding": 1}, {"stride": (2, 1), "dilation": 2}, {"ceil_mode": True}]
)
def test_indices_say_where_the_maxima_lie(options):
    values, indices = F.max_pool2d(X, (3, 2), return_indices=True, **options)
    np.testing.assert_array_equal(
        np.take_along_axis(X.reshape(2, 3, -1), indices.reshape(2, 3, -1), 2).reshape(values.shape), values
    )
    assert indices.dtype == np.int64
    values, indices = F.max_pool2d(mg.tensor(X, requires_grad=True), (3, 2), return_indices=True, **options)
    assert values.requires_grad and not indices.requires_grad


def test_of_equal_maxima_the_first_has_the_index():
    x = np.zeros((1, 1, 2, 4))
    x[0, 0, 1, 0] = x[0, 0, 0, 1] = 5
    assert F.max_pool2d(x, 2, return_indices=True)[1].tolist() == [[[[1, 2]]]]
    assert F.max_pool2d(x, 2, 1, 1, return_indices=True)[1][0, 0, 0].tolist() == [0, 1, 1, 2, 3]
    assert F.adaptive_max_pool2d(np.zeros((1, 1, 3, 3)), 2, True)[1].tolist() == [[[[0, 1], [3, 4]]]]


def test_minus_infinity_is_a_maximum_like_any_other():
    x = np.full((1, 1, 2, 2), -np.inf)
    values, indices = F.max_pool2d(x, 2, return_indices=True)
    assert values.tolist() == [[[[-np.inf]]]] and indices.tolist() == [[[[0]]]]


def test_integers_have_maxima():
    x = np.array([[[[-7, -3], [-5, -9]]]], np.int8)
    assert F.max_pool2d(x, 2, 1, 1).tolist() == [[[[-7, -3, -3], [-5, -3, -3], [-5, -5, -9]]]]


def test_pooling_is_exact_on_slices():
    np.testing.assert_array_equal(
        F.avg_pool2d(X, 2, 1) * 4, X[:, :, :-1, :-1] + X[:, :, 1:, :-1] + X[:, :, :-1, 1:] + X[:, :, 1:, 1:]
    )
    np.testing.assert_array_equal(F.max_pool2d(X, (7, 8))[:, :, 0, 0], X.max((2, 3)))
    np.testing.assert_array_equal(F.adaptive_avg_pool2d(X, 1)[:, :, 0, 0], X.sum((2, 3)) / 56)
    np.testing.assert_array_equal(F.adaptive_avg_pool2d(X, (None, 8)), X)
    np.testing.assert_array_equal(F.adaptive_max_pool2d(X, (1, 4)), F.max_pool2d(X, (7, 2)))


def test_what_a_mean_divides_by():
    ones = np.ones((1, 1, 3, 3))
    assert F.avg_pool2d(ones, 2, 2, 1).tolist() == [[[[0.25, 0.5], [0.5, 1]]]]
    assert F.avg_pool2d(ones, 2, 2, 1, count_include_pad=False).tolist() == [[[[1, 1], [1, 1]]]]
    assert F.avg_pool2d(ones, 2, ceil_mode=True).tolist() == [[[[1, 1], [1, 1]]]]  # what sticks out does not count
    assert F.avg_pool2d(ones, 2, 1, divisor_override=8).tolist() == [[[[0.5, 0.5], [0.5, 0.5]]]]


def test_a_mean_of_float32_is_float32():
    x = mg.ones(1, 1, 3, 3, requires_grad=True)
    for out in (F.avg_pool2d(x, 2, 2, 1, count_include_pad=False), F.adaptive_avg_pool2d(x, 2)):
        assert out.dtype == np.float32
