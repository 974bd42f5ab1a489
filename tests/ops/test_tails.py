"""Derivatives where a formula cancels, overflows or meets an infinity, and what wins beside a NaN."""

import math
from itertools import product

import numpy as np
import pytest

import minigrad as mg
import minigrad.nn.functional as F
from minigrad.kernels.norms import power_norm
from minigrad.nn.utils import clip_grad_norm_

WIDE = np.array([1e-300, 1e-30, 1e-8, 0.3, 1, 3, 9, 20, 37.43, 40, 90, 350])
BOTH = np.concatenate([-WIDE[::-1], WIDE])


def derivative(f, x, order=1, dtype=np.float64):
    """The derivative of an elementwise function."""
    x = mg.tensor(np.asarray(x, dtype), requires_grad=True)
    with np.errstate(all="ignore"):  # of the value, which may be infinite or NaN
        y = f(x)
    for _ in range(order):
        (y,) = mg.autograd.grad(y, x, mg.ones_like(y), create_graph=True)
    return y.detach().numpy()


def gradient(f, x, *others, g=None):
    x = mg.tensor(np.asarray(x, float), requires_grad=True)
    out = f(x, *others)
    out.backward(np.ones(out.shape) if g is None else g)
    return out.detach().numpy(), x.grad.numpy()


def sech2(x):
    with np.errstate(over="ignore"):
        return 1 / np.cosh(x) ** 2


# In longer numbers where the machine has them; the formulas themselves lose nothing.
TANH = (lambda x: sech2(x), lambda x: -2 * sech2(x) * np.tanh(x), lambda x: sech2(x) * (4 * np.tanh(x) ** 2 - 2 * sech2(x)))
SIGMOID = tuple(lambda x, f=f, n=n: f(x / 2) / 2 ** (n + 2) for n, f in enumerate(TANH))


@pytest.mark.parametrize(
    "f, exact",
    [
        (mg.tanh, TANH),
        (mg.sigmoid, SIGMOID),
        (mg.expm1, (np.exp, np.exp, np.exp)),
        (lambda x: F.softplus(x, threshold=math.inf), (lambda x: np.exp(-np.logaddexp(0, -x)), *SIGMOID[:2])),
        (F.logsigmoid, (lambda x: np.exp(-np.logaddexp(0, x)), *(lambda x, f=f: -f(x) for f in SIGMOID[:2]))),
        (lambda x: mg.logaddexp(x, 0.0), (lambda x: np.exp(-np.logaddexp(0, -x)), *SIGMOID[:2])),
        (F.tanhshrink, (lambda x: np.tanh(x) ** 2, *(lambda x, f=f: -f(x) for f in TANH[1:]))),
    ],
    ids=["tanh", "sigmoid", "expm1", "softplus", "logsigmoid", "logaddexp", "tanhshrink"],
)
@pytest.mark.parametrize("dtype, tolerance", [(np.float64, 1e-13), (np.float32, 1e-5)])
def test_derivatives_keep_their_digits_in_both_tails_and_at_the_origin(f, exact, dtype, tolerance):
    x = BOTH.astype(dtype)
    for order, formula in enumerate(exact, 1):
        with np.errstate(over="ignore"):
            expected = formula(x.astype(np.longdouble)).astype(dtype)
        np.testing.assert_allclose(
            derivative(f, x, order, dtype), expected, rtol=tolerance, atol=float(4 * np.finfo(dtype).tiny)
        )


def test_second_and_third_derivatives_of_silu_keep_their_digits():
    x = BOTH.astype(np.longdouble)
    first, second, third = (f(x) for f in SIGMOID)
    np.testing.assert_allclose(derivative(F.silu, BOTH, 2), 2 * first + x * second, rtol=1e-12, atol=1e-307)
    np.testing.assert_allclose(derivative(F.silu, BOTH, 3), 3 * second + x * third, rtol=1e-12, atol=1e-307)


def test_derivatives_of_softsign_do_not_cancel():
    x = np.array([-1e20, -100.0, 0.0, 3.0, 1e30])
    np.testing.assert_allclose(derivative(F.softsign, x), (1 + np.abs(x)) ** -2.0, rtol=1e-14)
    np.testing.assert_allclose(derivative(F.softsign, x, 2), -2 * np.sign(x) * (1 + np.abs(x)) ** -3.0, rtol=1e-14)


@pytest.mark.parametrize("x", [1e22, 1e30, -1e22])
def test_inverse_hyperbolic_functions_of_large_numbers_in_float32(x):
    assert derivative(mg.arcsinh, x, 1, np.float32) == pytest.approx(1 / abs(x), rel=1e-6, abs=0)
    assert derivative(mg.arccosh, x, 1, np.float32) == pytest.approx(1 / abs(x), rel=1e-6, abs=0)


def test_second_derivatives_of_inverse_functions_at_the_origin_and_at_the_ends():
    x = np.array([-0.5, -1e-30, 0, 1e-8, 0.999])
    root = np.sqrt((1 - x) * (1 + x))
    np.testing.assert_allclose(derivative(mg.arcsin, x, 2), x / root**3, rtol=1e-13)
    np.testing.assert_allclose(derivative(mg.arccos, x, 2), -x / root**3, rtol=1e-13)
    np.testing.assert_allclose(derivative(mg.arctanh, x, 2), 2 * x / root**4, rtol=1e-13)
    assert derivative(mg.arcsin, [-1.0, 1.0], 2).tolist() == [-np.inf, np.inf]
    assert derivative(mg.arctanh, [-1.0, 1.0], 2).tolist() == [-np.inf, np.inf]
    assert derivative(mg.arccosh, 1.0, 2) == -np.inf


def test_a_power_that_overflows_alone_does_not_in_its_product_with_the_gradient():
    x = np.array([1e-200])
    assert gradient(np.reciprocal, x, g=np.array([1e-250]))[1] == pytest.approx(-1e150)
    assert gradient(mg.rsqrt, np.array([1e-240]), g=np.array([1e-100]))[1] == pytest.approx(-5e259)


def test_activations_of_infinities():
    for f in (F.hardswish, F.softsign, lambda x: F.gelu(x, "tanh"), mg.sigmoid, mg.tanh, F.softplus):
        assert np.isfinite(derivative(f, [-np.inf, np.inf])).all()
    assert derivative(F.hardswish, [-np.inf, -4, 0, 3, np.inf]).tolist() == [0, 0, 0.5, 1, 1]
    assert derivative(lambda x: F.gelu(x, "tanh"), [-1e30, 1e30], 1, np.float32).tolist() == [0, 1]
    assert F.gelu(mg.tensor(-9.0, dtype=mg.float64), "tanh").item() == pytest.approx(-1.33646e-28, rel=1e-5)


def test_large_arrays_are_worked_on_in_blocks_in_any_memory_order():
    x = np.random.default_rng(0).normal(0, 9, (200, 300)).T[::2]
    np.testing.assert_allclose(mg.sigmoid(x), 1 / (1 + np.exp(-x)), rtol=1e-14)
    np.testing.assert_allclose(derivative(mg.tanh, x), sech2(x), rtol=1e-13)


# Norms


@pytest.mark.parametrize("ord", [2, 3, 0.5, -2, -3])
@pytest.mark.parametrize("scale", [1e-300, 1e-170, 1e-160, 1e-107, 1e-30, 1, 1e30, 1e107, 1e160, 1e170, 1e300])
def test_a_norm_neither_overflows_nor_vanishes_where_it_can_be_represented(ord, scale):
    x = np.array([[3.0, -4.0, 1.0], [1.0, 2.0, 2.0]])
    expected = np.linalg.vector_norm(x, ord=ord, axis=1)
    value, g = gradient(lambda t: mg.linalg.vector_norm(t, ord, 1), x * scale)
    np.testing.assert_allclose(value / scale, expected, rtol=1e-13)
    np.testing.assert_allclose(g, np.sign(x) * (np.abs(x) / expected[:, None]) ** (ord - 1), rtol=1e-12)
    assert power_norm(x * scale, ord) / scale == pytest.approx(np.linalg.vector_norm(x, ord=ord), rel=1e-13)


def test_norms_of_zero_infinity_and_nan_are_what_they_were():
    rows = np.array([[0.0, 0.0], [np.inf, 1.0], [3e200, 4e200]])
    assert power_norm(rows, 2, 1).tolist() == [0, np.inf, pytest.approx(5e200)]
    assert np.isnan(power_norm(np.array([np.nan, 1e200]), 2)) and power_norm(np.zeros((0,)), 2) == 0
    assert power_norm(np.array([0.0, 2.0]), -2) == 0 and power_norm(np.array([[1e200]]), 2, (0, 1), True).shape == (1, 1)
    assert power_norm(np.full(4, 1e20, np.float32), 2).dtype == np.float32


def test_what_is_made_of_norms_does_not_overflow():
    large = np.array([[3e200, 4e200]])
    value, g = gradient(F.normalize, large, g=np.array([[1.0, 0.0]]))
    np.testing.assert_allclose(value, [[0.6, 0.8]], rtol=1e-14)
    np.testing.assert_allclose(g * 5e200, [[0.64, -0.48]], rtol=1e-12)
    value, g = gradient(F.cosine_similarity, large, np.array([[0.0, 2e180]]))
    np.testing.assert_allclose(value, [0.8], rtol=1e-14)
    np.testing.assert_allclose(g * 5e200, [[-0.48, 0.36]], rtol=1e-12)
    assert F.pairwise_distance(mg.tensor(large), mg.tensor(large * 0)).item() == pytest.approx(5e200)
    near = F.cosine_embedding_loss(mg.tensor(large * 1e-80), mg.tensor(large * 1e-80), np.array([1.0]))
    assert near.item() == pytest.approx(0, abs=1e-15)


def test_gradients_whose_squares_overflow_are_clipped_to_their_norm():
    for size, dtype in ((1e20, np.float32), (1e200, np.float64), (3e38, np.float32)):
        p = mg.tensor(np.ones(100, dtype), requires_grad=True)
        p.grad = mg.tensor(np.full(100, size, dtype))
        norm = clip_grad_norm_(p, 1.0, error_if_nonfinite=True)
        assert norm.dtype == dtype and (size == 3e38 or norm.item() == pytest.approx(10 * size))
        np.testing.assert_allclose(p.grad.numpy(), 0.1, rtol=1e-5)


@pytest.mark.parametrize(
    "f, expected",
    [
        (lambda x: mg.linalg.norm(x) ** 2, 2),
        (lambda x: mg.exp(3 * mg.linalg.norm(x) ** 2), 6),
        (lambda x: mg.cos(mg.linalg.norm(x)), -1),
        (lambda x: mg.linalg.norm(x) + mg.linalg.norm(x) ** 2, 2),  # of the norm itself 0, by convention
        (lambda x: mg.linalg.vector_norm(x.reshape(2, 1), 2, 1).square().sum(), 2),
        (lambda x: mg.cdist(x[None], mg.zeros(1, 2, dtype=mg.float64)).square().sum(), 2),
        (lambda x: F.pairwise_distance(x, mg.zeros(2, dtype=mg.float64), eps=0.0) ** 2, 2),
        (lambda x: mg.hypot(x[0], x[1]) ** 2, 2),
        (mg.linalg.norm, 0),
        (lambda x: mg.linalg.norm(x, 3) ** 3, 0),
    ],
)
def test_the_hessian_at_the_origin_of_what_is_smooth_there(f, expected):
    hessian = mg.func.hessian(f)(mg.zeros(2, dtype=mg.float64)).numpy()
    np.testing.assert_allclose(hessian, expected * np.eye(2), atol=1e-15)


def test_the_hessian_of_the_square_of_a_deviation_of_equal_elements():
    hessian = mg.func.hessian(lambda x: mg.std(x) ** 2)(mg.ones(3, dtype=mg.float64)).numpy()
    np.testing.assert_allclose(hessian, np.eye(3) - 1 / 3, atol=1e-15)


def test_distances_of_equal_points_have_the_gradient_zero():
    for p in (1.0, 2.0, 3.0, math.inf):
        _, g = gradient(lambda x, p=p: F.pairwise_distance(x, mg.ones(1, 3), p, eps=0.0), np.ones((1, 3)))
        assert g.tolist() == [[0, 0, 0]]


# Infinite logits


def test_an_infinite_logit_on_the_right_side_costs_nothing():
    logits, target = [np.inf, -np.inf, np.inf, -np.inf, 1.0], np.array([1.0, 0.0, 0.0, 1.0, 0.0])
    options = {"reduction": "none"}
    value, g = gradient(lambda x: F.binary_cross_entropy_with_logits(x, target, **options), logits)
    assert value.tolist() == [0, 0, np.inf, np.inf, pytest.approx(math.log1p(math.e))]
    assert g.tolist() == [0, 0, 1, -1, pytest.approx(1 / (1 + math.exp(-1)))]
    weighted = F.binary_cross_entropy_with_logits(mg.tensor(logits[:2]), target[:2], pos_weight=np.full(2, 3.0), **options)
    assert weighted.tolist() == [0, 0]
    assert F.multilabel_soft_margin_loss(mg.tensor([logits[:2]]), target[None, :2]).item() == 0
    _, g = gradient(lambda t: F.binary_cross_entropy_with_logits(np.array([2.0]), t, **options), [0.0])
    assert g.tolist() == [-2]  # a target of weight 0 has its gradient all the same


def test_an_impossible_class_of_probability_zero_costs_nothing():
    value, g = gradient(lambda x: F.cross_entropy(x, np.array([[0.5, 0.5, 0.0]]), reduction="none"), [[0.0, 0.0, -np.inf]])
    assert value.tolist() == [pytest.approx(math.log(2))] and g.tolist() == [[0, 0, 0]]
    with np.errstate(divide="ignore"):
        p, q = np.array([0.5, 0.5, 0.0]), np.log(np.array([0.25, 0.75, 0.0]))
        expected = 0.5 * math.log(2) + 0.5 * math.log(2 / 3)
        assert F.kl_div(mg.tensor(q), p, reduction="sum").item() == pytest.approx(expected)
        log_p = np.array([math.log(0.5), math.log(0.5), -np.inf])
        q[2] = -1.0
        assert F.kl_div(mg.tensor(q), log_p, reduction="sum", log_target=True).item() == pytest.approx(expected)
    ignored = F.cross_entropy(mg.tensor([[0.0, -np.inf]]), np.array([1]), np.array([1.0, 0.0]), reduction="sum")
    assert ignored.item() == 0


def test_an_infinite_distance_has_the_slope_of_the_line():
    value, g = gradient(lambda x: F.huber_loss(x, np.zeros(4), "none", 0.5), [np.inf, -np.inf, 0.25, 0.5])
    assert value.tolist() == [np.inf, np.inf, 0.03125, 0.125] and g.tolist() == [0.5, -0.5, 0.25, 0.5]
    assert derivative(lambda x: F.smooth_l1_loss(x, mg.zeros(3), reduction="none"), [-2.0, 0.0, 0.5], 2).tolist() == [
        0,
        1,
        1,
    ]


# NaN


def windows(size, *options):
    return lambda x: F.max_pool1d(x, size, *options, return_indices=True)


@pytest.mark.parametrize(
    "x, pool, indices, g",
    [
        ([1, np.nan, 5, 2], windows(2, 1), [1, 1, 2], [0, 3, 3, 0]),
        ([np.nan, 1, np.nan, 2], windows(2), [0, 2], [1, 0, 2, 0]),
        ([np.nan, np.nan, 1, 3], windows(2), [1, 3], [0, 1, 0, 2]),
        ([3, np.nan, np.nan, np.inf, 0], windows(3, 1, 1), [1, 2, 2, 2, 3], [0, 1, 9, 5, 0]),
        ([1, 2, np.nan, 0, 3], lambda x: F.adaptive_max_pool1d(x, 3, True), [1, 2, 4], [0, 1, 2, 0, 3]),
    ],
)
def test_a_nan_is_the_maximum_of_its_window(x, pool, indices, g):
    x = mg.tensor(np.array([[x]], float), requires_grad=True)
    values, found = pool(x)
    assert found.ravel().tolist() == indices
    np.testing.assert_array_equal(values.detach().numpy().ravel(), x.detach().numpy().ravel()[indices])
    values.backward(np.arange(1.0, len(indices) + 1).reshape(values.shape))
    assert x.grad.ravel().tolist() == g


@pytest.mark.parametrize("where", [(0,), (3,), (1, 2), (0, 1, 2, 3), (1, 7)])
def test_the_last_nan_of_a_window_over_several_axes_has_the_gradient(where):
    x = np.arange(8.0)
    x[list(where)] = np.nan
    for pool, shape in ((F.max_pool2d, (1, 2, 2, 2)), (F.max_pool3d, (1, 1, 2, 2, 2))):
        t = mg.tensor(x.reshape(shape), requires_grad=True)
        values, indices = pool(t, 2, return_indices=True)
        values.sum().backward()
        expected = np.zeros(8)
        for part, index in zip(x.reshape(*shape[:2], -1)[0], indices.ravel().tolist(), strict=True):
            last = np.flatnonzero(np.isnan(part))
            assert index == (last[-1] if last.size else part.argmax())
        starts = np.arange(0, 8, 8 // indices.numel())
        expected[starts + np.array(indices.ravel().tolist())] = 1
        assert t.grad.ravel().tolist() == expected.tolist()


def test_extrema_and_medians_give_the_gradient_to_the_nan():
    x = [2.0, np.nan, 5.0, np.nan]
    for f in (lambda t: t.max(), lambda t: t.min(), lambda t: mg.amax(t, 0), lambda t: mg.amin(t, 0)):
        assert gradient(f, x)[1].tolist() == [0, 0.5, 0, 0.5]
    for f in (lambda t: t.max(0)[0], lambda t: t.min(0)[0], lambda t: t.median(0)[0]):
        assert gradient(f, x)[1].tolist() == [0, 1, 0, 0]
    assert gradient(lambda t: mg.amax(t, 1), [[2.0, 1.0, 2.0], [np.nan, 3.0, 1.0]])[1].tolist() == [[0.5, 0, 0.5], [1, 0, 0]]


def test_a_nan_passes_the_gradient_on():
    for f, y in product((np.maximum, np.minimum), (1.0, np.nan)):
        assert gradient(f, [np.nan], y)[1].tolist() == [1] and gradient(lambda t, f=f, y=y: f(y, t), [np.nan])[1] == [1]
        assert gradient(f, [1.0], np.nan)[1].tolist() == [1]
    for f in (F.relu, F.hardtanh, F.relu6):
        assert gradient(f, [np.nan, -7.0])[1].tolist() == [1, 0]
    assert np.isnan(gradient(lambda x: mg.logcumsumexp(x, 0), [1.0, np.nan, 2.0])[1]).all()


@pytest.mark.parametrize("dtype, tolerance", [(np.float64, 1e-14), (np.float32, 1e-6)])
def test_the_derivatives_of_erfcx_keep_their_digits_where_it_is_nearly_a_reciprocal(dtype, tolerance):
    x = np.array([11, 15, 30, 1e3, 1e6], dtype)
    s = 0.5 / x.astype(np.longdouble) ** 2  # erfcx(x) is 1 / (x sqrt(pi)) times the sum of (-1)**n (2n-1)!! s**n, nearly
    first, second, term = 0, 0, 1
    for n in range(1, 16):
        term = term * -(2 * n - 1) * s
        first, second = first + term, second - 2 * n * term / x
    for order, exact in ((1, first), (2, second)):
        exact = (exact * 2 / math.sqrt(math.pi)).astype(float)
        assert derivative(mg.special.erfcx, x, order, dtype) == pytest.approx(exact, 3 * tolerance)
