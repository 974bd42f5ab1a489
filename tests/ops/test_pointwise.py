"""Elementwise operations, reductions, scans and losses on purpose at kinks, in the tails, and with zeros."""

import math

import numpy as np
import pytest

import minigrad as mg
import minigrad.nn.functional as F
from minigrad.kernels.special import erf, erfc, sinc_derivative


def derivatives(f, *arrays, g=None):
    """The value, the gradients and the gradient of their weighted sum, as arrays."""
    xs = [mg.tensor(np.asarray(a, float), requires_grad=True) for a in arrays]
    out = f(*xs)
    g = np.linspace(1, 2, out.numel()).reshape(out.shape) if g is None else g
    first = mg.autograd.grad(out, xs, g, create_graph=True, allow_unused=True)
    total = sum((gx * np.linspace(-1, 2, gx.numel()).reshape(gx.shape)).sum() for gx in first if gx is not None)
    second = mg.autograd.grad(total, xs, allow_unused=True) if total.requires_grad else []
    return out.detach().numpy(), [x.detach().numpy() for x in first], [x.numpy() for x in second if x is not None]


def test_erf_is_pythons_to_two_units_in_the_last_place():
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.uniform(-7, 7, 2000), rng.standard_normal(2000) * 1e-3, [0.0, -0.0, 5e-324, 30.0, -1e300]])
    exact = np.array([math.erf(v) for v in x])
    assert (np.abs(erf(x) - exact) <= 2 * np.spacing(np.abs(exact))).all()
    assert np.signbit(erf(np.array(-0.0))) and np.isnan(erf(np.array([np.nan])))[0] and erf(np.array([np.inf]))[0] == 1
    single = x[:2000].astype(np.float32)
    exact = np.array([math.erf(v) for v in single])
    assert erf(single).dtype == np.float32 and (np.abs(erf(single) - exact) <= 4e-7 * np.abs(exact)).all()
    assert erf(np.ones((3, 2)).T).strides == np.ones((3, 2)).T.strides and erf(np.zeros((0, 2))).shape == (0, 2)
    assert erfc(np.array([10.0, 27.5])).tolist() == [math.erfc(10.0), math.erfc(27.5)]


def test_sinc_is_smooth_at_the_origin_to_any_order():
    x = mg.tensor(np.array([0.0, 1e-9, 1e-5]), requires_grad=True)
    y = mg.sinc(x)
    for expected in (-0.0, -(math.pi**2) / 3, 0.0, math.pi**4 / 5):
        (y,) = mg.autograd.grad(y.sum(), x, create_graph=True)
        np.testing.assert_allclose(y.detach().numpy(), expected, rtol=1e-8, atol=1e-3)
    np.testing.assert_allclose(sinc_derivative(np.array([2.0, -2.0]), 1), [0.5, -0.5], rtol=1e-14)


@pytest.mark.parametrize("f", [
    F.elu, F.selu, F.celu, F.gelu, lambda x: F.gelu(x, "tanh"), F.softplus, F.hardtanh, F.relu6, F.hardsigmoid, F.hardswish,
    F.silu, F.mish, F.logsigmoid, F.softsign, F.tanhshrink, F.softshrink, F.hardshrink, F.leaky_relu, F.softmin, mg.erf,
    mg.arctan, mg.arcsinh, lambda x: mg.logaddexp(x, 0), lambda x: mg.logaddexp(x, -x), lambda x: mg.logsumexp(x, 0),
    lambda x: F.binary_cross_entropy_with_logits(x, np.full(7, 0.25)), lambda x: F.soft_margin_loss(x, np.ones(7)),
])  # fmt: skip
def test_tails_are_finite_and_silent_twice_differentiated(f):
    value, first, second = derivatives(f, [-1e4, -100.0, -30.0, 0.0, 30.0, 100.0, 1e4])
    assert all(np.isfinite(part).all() for part in (value, *first, *second))


def test_a_pole_at_the_origin_has_the_gradient_zero():
    for f in (np.hypot, np.arctan2):
        _, (gx, gy), _ = derivatives(f, [0.0, 3.0], [0.0, 4.0], g=np.ones(2))
        assert gx[0] == gy[0] == 0 and abs(gx[1]) > 0.1
    assert derivatives(mg.std, [2.0, 2.0, 2.0])[1][0].tolist() == [0, 0, 0]
    assert derivatives(lambda x: F.cosine_similarity(x, np.ones(2), 0), [0.0, 0.0])[0] == 0


@pytest.mark.parametrize("name", ["fmax", "fmin"])
def test_fmax_and_fmin_ignore_nan_and_give_ties_to_the_first(name):
    x, y = [np.nan, 1.0, 2.0, np.nan, -0.0, 3.0, 4.0], [1.0, np.nan, 2.0, np.nan, 0.0, 4.0, 3.0]
    _, (gx, gy), _ = derivatives(getattr(np, name), x, y, g=np.full(7, 2.0))
    last = [0, 2] if name == "fmax" else [2, 0]
    assert gx.tolist() == [0, 2, 2, 2, 2, *last] and gy.tolist() == [2, 0, 0, 0, 0, *last[::-1]]
    torch = pytest.importorskip("torch")
    a, b = (torch.tensor(values, requires_grad=True) for values in (x, y))
    getattr(torch, name)(a, b).backward(torch.full((7,), 2.0))
    assert gx.tolist() == a.grad.tolist() and gy.tolist() == b.grad.tolist()


def test_special_values():
    assert mg.xlogy(mg.tensor([0.0, 0.0]), mg.tensor([0.0, np.nan])).tolist()[0] == 0
    _, (gx, gy), _ = derivatives(mg.xlogy, [0.0, 2.0, 0.0], [0.0, 1.0, 0.5], g=np.ones(3))
    assert gx.tolist() == [0, 0, np.log(0.5)] and gy.tolist() == [0, 2, 0]
    value, (g,), _ = derivatives(mg.std, [2.0, 2.0], g=np.array(3.0))
    assert value == 0 and g.tolist() == [0, 0]
    _, (g,), _ = derivatives(lambda x: mg.nan_to_num(x, 0.0, 1.0, -1.0), [np.nan, np.inf, -np.inf, 3.0], g=np.ones(4))
    assert g.tolist() == [0, 0, 0, 1]
    _, gradients, _ = derivatives(np.clip, [0.0], [1.0], [1.0], g=np.ones(1))
    assert [g.tolist() for g in gradients] == [[0], [1], [0]]  # bounds that are equal: the one that is passed
    _, gradients, _ = derivatives(np.clip, [1.0, 2.0], [1.0, 1.0], [2.0, 2.0], g=np.ones(2))
    assert [g.tolist() for g in gradients] == [[1, 1], [0, 0], [0, 0]]
    assert F.hardtanh(mg.tensor([0.0, 2.0]), 1.0, 1.0).tolist() == [1, 1]
    _, (g,), _ = derivatives(lambda y: np.heaviside([-1.0, 0.0, 2.0], y), [5.0, 5.0, 5.0], g=np.ones(3))
    assert g.tolist() == [0, 1, 0]
    _, (g,), _ = derivatives(lambda y: np.remainder(6.0, y), [0.1], g=np.ones(1))
    assert g.tolist() == [-59]  # 6 % 0.1 is 0.0999..., 59 times away, though 6 / 0.1 rounds to 60


@pytest.mark.parametrize("zeros", [(), (1,), (0, 3), (0, 1, 3)])
def test_products_are_exact_with_any_number_of_zeros(zeros):
    x = np.array([2.0, -3.0, 5.0, 7.0])
    x[list(zeros)] = 0
    others = np.array([np.prod(np.delete(x, i)) for i in range(4)])
    twice = np.array([[np.prod(np.delete(x, [i, j])) if i != j else 0 for j in range(4)] for i in range(4)])
    _, (g,), (h,) = derivatives(mg.prod, x, g=np.array(3.0))
    assert g.tolist() == (3 * others).tolist()
    np.testing.assert_allclose(h, 3 * twice @ np.linspace(-1, 2, 4), rtol=1e-14)
    weights = np.array([1.0, -2.0, 3.0, -4.0])
    _, (g,), (h,) = derivatives(lambda t: mg.cumprod(t, 0), x, g=weights)
    jacobian = np.array([[np.prod(np.delete(x[: k + 1], i)) if i <= k else 0 for i in range(4)] for k in range(4)])
    np.testing.assert_allclose(g, weights @ jacobian, rtol=1e-14)
    # The cumulative product is what the products of its parts are, also when differentiated again.
    _, (g2,), (h2,) = derivatives(lambda t: mg.stack([mg.prod(t[: k + 1]) for k in range(4)]), x, g=weights)
    np.testing.assert_allclose(g, g2, rtol=1e-14)
    np.testing.assert_allclose(h, h2, rtol=1e-14)


def test_ties_of_scans_and_order_statistics():
    assert mg.cummax(mg.tensor([1.0, 1.0, 3.0, 2.0, 3.0, np.nan, 1.0]), 0).indices.tolist() == [0, 1, 2, 2, 4, 5, 5]
    _, (g,), _ = derivatives(lambda x: mg.median(x), [3.0, 1.0, 2.0, 2.0], g=np.array(4.0))
    assert g.tolist() == [0, 0, 2, 2]
    _, (g,), _ = derivatives(lambda x: mg.median(x), [np.nan, 1.0, np.nan], g=np.array(4.0))
    assert g.tolist() == [2, 0, 2]
    _, (g,), _ = derivatives(lambda x: mg.median(x, 0).values, [3.0, 1.0, 2.0, 2.0], g=np.array(4.0))
    assert g.tolist() == [0, 0, 4, 0]
    assert (
        np.median(mg.tensor([3.0, 1.0, 2.0, 4.0])).item() == 2.5 and mg.median(mg.tensor([3.0, 1.0, 2.0, 4.0])).item() == 2
    )
    assert np.isnan(mg.median(mg.tensor([1.0, np.nan, 0.0])).item()) and np.isnan(mg.quantile([1.0, np.nan], 0.5))
    x = mg.tensor(np.arange(6.0).reshape(2, 3))
    assert np.percentile(x, 50, axis=1).tolist() == [1, 4] and np.std(x).item() == np.std(np.arange(6.0))


def test_a_variance_without_degrees_of_freedom_warns():
    with pytest.warns(RuntimeWarning, match=r"var: 1 value\(s\) with correction 1") as found:
        assert np.isnan(mg.var(mg.tensor([1.0])).item())
    assert found[0].filename == __file__


def test_logsumexp_of_infinities():
    assert mg.logsumexp(mg.tensor([-np.inf, -np.inf]), 0).item() == -np.inf
    assert mg.logsumexp(mg.tensor([np.inf, 0.0]), 0).item() == np.inf
    assert mg.logsumexp(mg.tensor(np.array([1e308, 1e308])), 0).item() == 1e308
    nothing = mg.zeros(2, 0, requires_grad=True)
    total = mg.logsumexp(nothing, 1)
    assert total.tolist() == [-np.inf, -np.inf] and mg.softmax(nothing, 1).shape == (2, 0)
    total.backward(np.ones(2))
    assert nothing.grad.shape == (2, 0) and mg.argmax(mg.zeros(2, 0), 0).shape == (0,)


def test_binary_cross_entropy_at_certainty():
    p, target = [0.0, 0.0, 1.0, 1.0], np.array([0.0, 1.0, 1.0, 0.0])
    value, (g,), _ = derivatives(lambda x: F.binary_cross_entropy(x, target, reduction="none"), p, g=np.ones(4))
    assert value.tolist() == [0, 100, 0, 100] and g.tolist() == [0, -1e12, 0, 1e12]
    _, (g,), _ = derivatives(
        lambda t: F.binary_cross_entropy(np.array([0.0, 1.0]), t, reduction="sum"), [0.5, 0.5], g=np.array(1.0)
    )
    assert g.tolist() == [100, -100]


def test_probabilities_that_are_none_are_named():
    x = mg.zeros(2, 2)
    with pytest.warns(UserWarning, match=r"at \(1,\) sum to 1.7") as found:
        F.cross_entropy(x, np.array([[0.5, 0.5], [1.0, 0.7]]))
    assert found[0].filename == __file__


def test_a_variance_of_zero_counts_as_eps():
    x, var = mg.tensor([1.0], requires_grad=True), mg.tensor([0.0], requires_grad=True)
    loss = mg.gaussian_nll_loss(x, mg.tensor([3.0]), var, eps=0.5)
    loss.backward()
    assert loss.item() == pytest.approx((np.log(0.5) + 4 / 0.5) / 2)
    assert var.grad.tolist() == pytest.approx([(1 / 0.5 - 4 / 0.25) / 2])  # PyTorch's: as if it were `eps` itself


def test_losses_take_integer_targets_and_stay_float32():
    x = mg.tensor(np.array([0.25, 0.75], np.float32), requires_grad=True)
    for f in (F.binary_cross_entropy, F.binary_cross_entropy_with_logits, F.soft_margin_loss, F.mse_loss, F.huber_loss):
        assert f(x, np.array([0, 1])).dtype == np.float32
    assert F.cross_entropy(x, np.array(1)).dtype == np.float32
    assert F.poisson_nll_loss(x * 0, np.array([1, 1]), full=True).item() == 1  # Stirling is for targets above 1
    assert mg.average(x).dtype == np.float32 and mg.average(mg.tensor([1, 2])).item() == 1.5
    assert F.softplus(mg.tensor([1])).dtype == mg.erf(mg.tensor([1])).dtype == np.float32
    assert F.smooth_l1_loss(x[:1], x[:1] * 0, beta=0.0).item() == 0.25
    assert F.smooth_l1_loss(x[:1], x[:1] * 0, beta=1.0).item() == 0.03125
    assert F.kl_div(mg.tensor(-2.0), np.array(1.0), reduction="batchmean").item() == 2
    assert F.cosine_embedding_loss(x[:0], x[:0], np.array(1)).tolist() == 1
    assert F.binary_cross_entropy(mg.tensor([0, 1]), mg.tensor([0, 1])).dtype == np.float32
