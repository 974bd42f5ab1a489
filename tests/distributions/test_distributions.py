"""Distributions by themselves: moments of samples, gradients of expectations, validation, which divergence is used."""

import math

import numpy as np
import pytest

import minigrad as mg
from minigrad import distributions as D
from minigrad import nn, optim
from minigrad.distributions import Bernoulli, Categorical, Distribution, Independent, MultivariateNormal, Normal, Uniform
from minigrad.errors import ShapeError
from minigrad.testing import gradcheck

MADE = {
    "Normal": lambda: Normal(mg.tensor([1.0, -2.0]), mg.tensor([0.5, 3.0])),
    "Uniform": lambda: Uniform(mg.tensor([0.0, -1.0]), mg.tensor([1.0, 4.0])),
    "Bernoulli": lambda: Bernoulli(mg.tensor([0.2, 0.9])),
    "Bernoulli of logits": lambda: Bernoulli(logits=mg.tensor([0.2, -3.0])),
}
N = 40_000


@pytest.mark.parametrize("name", MADE)
def test_moments_of_samples(name):
    """Within five standard errors."""
    d, source = MADE[name](), np.random.default_rng(0)
    drawn = d.sample((N,), source).numpy().astype(np.float64)
    mean, variance = (x.numpy().astype(np.float64) for x in (d.mean, d.variance))
    assert drawn.shape == (N, 2)
    assert (abs(drawn.mean(0) - mean) < 5 * np.sqrt(variance / N)).all()
    assert (abs(drawn.var(0) / variance - 1) < 0.1).all()
    assert np.allclose(d.stddev.numpy() ** 2, variance, rtol=1e-5)


@pytest.mark.parametrize("given", ["probs", "logits"])
def test_frequencies_of_classes(given):
    weights = np.array([[1.0, 2.0, 5.0], [1.0, 0.0, 1.0]])
    with np.errstate(divide="ignore"):
        d = Categorical(**{given: mg.tensor(weights if given == "probs" else np.log(weights))}, validate_args=False)
    drawn = d.sample((N // 2, 2), np.random.default_rng(0)).numpy()
    assert drawn.shape == (N // 2, 2, 2) and drawn.dtype == np.int64
    for row, p in zip(np.moveaxis(drawn, -1, 0), weights / weights.sum(1, keepdims=True), strict=True):
        found = np.bincount(row.ravel(), minlength=3) / N
        assert (abs(found - p) <= 5 * np.sqrt(p * (1 - p) / N)).all()


def test_log_prob_is_that_of_a_density():
    """Its exponential adds up to 1, over values or by the trapezoid rule."""
    x = mg.linspace(-40, 40, 20_001)
    density = Normal(1.0, 2.0).log_prob(x).exp()
    assert mg.trapezoid(density, x).item() == pytest.approx(1, abs=1e-4)
    for d, count in ((Bernoulli(0.3), 2), (Categorical(mg.tensor([1.0, 2.0, 3.0])), 3)):
        assert d.log_prob(mg.arange(count)).exp().sum().item() == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize(
    "compute",
    [
        lambda m, s: Normal(m, s.exp()).log_prob(np.array([0.3, -1.0])),
        lambda m, s: Normal(m, s.exp()).rsample((3,), np.random.default_rng(0)),
        lambda m, s: Uniform(m, m + s.exp()).rsample((3,), np.random.default_rng(0)),
        lambda m, s: D.kl_divergence(Normal(m, s.exp()), Normal(s, m.exp())),
        lambda m, s: D.kl_divergence(Bernoulli(logits=m), Bernoulli(logits=s)),
        lambda m, s: D.kl_divergence(Categorical(logits=m), Categorical(logits=s)),
        lambda m, s: Categorical(logits=m).entropy() + Bernoulli(logits=s).entropy(),
        lambda m, s: Categorical(probs=m.exp()).log_prob(np.array([0, 1, 1])) * s.sum(),
    ],
)
def test_gradients_are_those_of_differences(compute):
    gradcheck(
        compute, (mg.tensor(np.array([0.5, -0.2]), requires_grad=True), mg.tensor(np.array([0.1, 0.7]), requires_grad=True))
    )


def test_the_two_estimates_of_a_gradient_agree():
    """Of E[x**2] = m**2 + s**2 with respect to m and s: through samples, and by the score function."""
    m, s = mg.tensor(np.array(1.5), requires_grad=True), mg.tensor(np.array(0.5), requires_grad=True)
    d = Normal(m, s)
    (d.rsample((N,), np.random.default_rng(0)) ** 2).mean().backward()
    through = m.grad.item(), s.grad.item()
    m.grad = s.grad = None
    x = d.sample((N,), np.random.default_rng(1))
    assert not x.requires_grad
    (d.log_prob(x) * x**2).mean().backward()
    assert through == pytest.approx((3.0, 1.0), abs=0.05) and (m.grad.item(), s.grad.item()) == pytest.approx(
        (3.0, 1.0), abs=0.15
    )


def test_an_impossible_class_adds_nothing_to_the_entropy():
    logits = mg.tensor([0.0, -math.inf, 0.0], requires_grad=True)
    entropy = Categorical(logits=logits).entropy()
    entropy.backward()
    assert entropy.item() == pytest.approx(math.log(2)) and logits.grad.tolist() == pytest.approx([0, 0, 0], abs=1e-6)


def test_far_tails():
    d = Normal(0.0, 1.0)
    assert Normal(mg.tensor(np.array(0.0)), 1.0).cdf(np.array(-30.0)).item() == pytest.approx(
        4.906713927148187e-198, rel=1e-12
    )
    assert d.log_prob(mg.tensor(1e10)).item() == pytest.approx(-5e19)
    assert math.isfinite(Normal(0.0, 1e-30).log_prob(mg.tensor(0.0)).item())  # whose variance is 0 in float32


def test_a_parameter_that_is_derived_under_no_grad_has_its_gradient():
    for make in (Categorical, Bernoulli):
        logits = mg.tensor([0.1, 0.7], requires_grad=True)
        d = make(logits=logits)
        with mg.no_grad():
            d.sample()
            assert d.probs.requires_grad
        d.entropy().sum().backward()
        assert abs(logits.grad.numpy()).max() > 0.01


def test_numbers_arrays_and_tensors():
    assert Normal(0, 1).loc.dtype == np.float32 and Normal(0, 1).batch_shape == ()
    assert Normal(np.zeros(2), 1).scale.dtype == np.float64 and Normal(mg.zeros(2), np.float64(1)).scale.dtype == np.float32
    assert Normal(mg.tensor([0, 1]), mg.ones(3, 1)).batch_shape == (3, 2)
    assert Bernoulli(mg.tensor([0, 1])).sample().dtype == np.float32
    assert Normal(0.0, 1.0).sample(mg.zeros(2, 3).shape).shape == (2, 3)
    third = Normal(np.array(0.0), 1).log_prob(1 / 3)  # a number has the precision of the parameters
    assert third.dtype == np.float64 and third.item() == -1 / 18 - math.log(2 * math.pi) / 2
    assert Normal(0.0, 1.0).log_prob(1 / 3).dtype == np.float32
    assert Categorical(mg.ones(4)).log_prob(3).item() == pytest.approx(-math.log(4))
    with pytest.raises(ShapeError):
        Normal(mg.zeros(2), mg.ones(3))


def test_samples_repeat_with_the_seed():
    for make in (*MADE.values(), lambda: Categorical(mg.ones(5))):
        d = make()
        mg.manual_seed(3)
        a = d.sample((9,)).tolist()
        mg.manual_seed(3)
        assert d.sample((9,)).tolist() == a


def test_representations():
    assert repr(Normal(0.0, mg.ones(2))) == "Normal(loc: (2,), scale: (2,))"
    assert repr(Independent(Bernoulli(logits=mg.zeros(1)), 1)) == "Independent(Bernoulli(logits: 0.0), 1)"


@pytest.mark.parametrize(
    "make, says",
    [
        (lambda: Normal(0.0, mg.tensor([1.0, -2.0])), r"Normal: scale must be positive, got -2.0 at \(1,\)"),
        (lambda: Uniform(0.0, 0.0), "Uniform: high - low must be positive, got 0.0"),
        (lambda: Bernoulli(1.5), r"Bernoulli: probs must be within \[0, 1\], got 1.5"),
        (lambda: Categorical(mg.tensor([[1.0, 1.0], [-1.0, 2.0]])),
         r"Categorical: probs must be at least 0 with the sum 1, got \[-1. +2.\] at \(1,\)"),
        (lambda: Categorical(mg.ones(3)).log_prob(mg.tensor([0, 3])),
         r"Categorical: the value must be an integer from 0 to 2, got 3 at \(1,\)"),
        (lambda: Normal(mg.zeros(3), 1.0).log_prob(mg.zeros(2)),
         r"Normal: the value has shape \(2,\), which does not fit \(3,\)"),
        (lambda: Independent(Normal(mg.zeros(3), 1.0), -1),
         "Independent: reinterpreted_batch_ndims must be within the 1 batch axes, got -1"),
    ],
)  # fmt: skip
def test_messages(make, says):
    with pytest.raises(ValueError, match=says):
        make()


def test_validation_may_be_switched_off():
    assert Normal(0.0, -1.0, validate_args=False).scale.item() == -1
    assert Uniform(0.0, 1.0, validate_args=False).log_prob(mg.tensor([0.5, 2.0, 1.0])).tolist() == [0, -math.inf, -math.inf]
    try:
        Distribution.set_default_validate_args(False)
        Normal(0.0, -1.0)
    finally:
        Distribution.set_default_validate_args(True)
    with pytest.raises(ValueError):
        Normal(0.0, -1.0)


class Wide(Normal):
    """A subclass: the formula of its base class serves it, until it has one of its own."""


class Least(Distribution):
    """Nothing but shapes."""


def test_divergences_are_found_by_the_nearest_classes(monkeypatch):
    monkeypatch.setattr("minigrad.distributions.kl._formulas", dict(D.kl._formulas))
    p, q = Wide(1.0, 1.0), Normal(0.0, 1.0)
    assert D.kl_divergence(p, q).item() == D.kl_divergence(q, p).item() == 0.5

    @D.register_kl(Wide, Normal)
    def own(p, q):
        return mg.tensor(7.0)

    assert D.kl_divergence(p, q).item() == D.kl_divergence(p, p).item() == 7 and D.kl_divergence(q, p).item() == 0.5
    with pytest.raises(NotImplementedError, match="no formula for Normal and Least: see register_kl"):
        D.kl_divergence(q, Least())
    with pytest.raises(TypeError, match="needs subclasses of Distribution, got <class 'int'>"):
        D.register_kl(int, Normal)
    with pytest.raises(NotImplementedError, match="same reinterpreted_batch_ndims"):
        D.kl_divergence(Independent(Normal(mg.zeros(1, 1), 1.0), 1), Independent(Normal(mg.zeros(1, 1), 1.0), 2))


@pytest.mark.parametrize("name", ["mean", "mode", "variance", "stddev"])
def test_what_a_distribution_lacks(name):
    with pytest.raises(NotImplementedError, match=rf"Least: has no {'variance' if name == 'stddev' else name}"):
        getattr(Least(), name)


@pytest.mark.parametrize("name, args", [("rsample", ()), ("sample", ()), ("log_prob", (0,)), ("cdf", (0,)), ("entropy", ())])
def test_which_method_a_distribution_lacks(name, args):
    with pytest.raises(NotImplementedError, match=f"Least: has no {'rsample' if name == 'sample' else name}"):
        getattr(Least(), name)(*args)


def test_reinforce_finds_the_better_arm():
    """A bandit of three arms, trained as the examples do: sample, log_prob times the reward."""
    mg.manual_seed(0)
    logits, rewards = nn.Parameter(mg.zeros(3)), np.array([0.1, 1.0, 0.3])
    optimizer = optim.Adam([logits], lr=0.1)
    for _ in range(150):
        d = Categorical(logits=logits)
        action = d.sample((16,))
        advantage = mg.tensor(rewards[action.numpy()] - 0.5, dtype=np.float32)
        loss = -(d.log_prob(action) * advantage).mean() - 0.01 * d.entropy()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert Categorical(logits=logits).probs[1].item() > 0.9


COVARIANCE = np.array([[2.0, 0.6, -0.3], [0.6, 1.0, 0.1], [-0.3, 0.1, 0.5]])


@pytest.mark.parametrize(
    ("name", "matrix"),
    [
        ("covariance_matrix", COVARIANCE),
        ("precision_matrix", np.linalg.inv(COVARIANCE)),
        ("scale_tril", np.linalg.cholesky(COVARIANCE)),
    ],
)
def test_normal_vectors(name, matrix):
    """Every way to give the covariance leads to the density in its textbook form, and to samples that have it."""
    d = MultivariateNormal(mg.tensor([1.0, 0.0, -1.0], dtype=mg.float64), **{name: mg.tensor(matrix)})
    x = np.random.default_rng(0).standard_normal((5, 3))
    deviation = x - [1.0, 0.0, -1.0]
    exponent = np.einsum("ni,ij,nj->n", deviation, np.linalg.inv(COVARIANCE), deviation)
    expected = -(exponent + np.log(np.linalg.det(2 * np.pi * COVARIANCE))) / 2
    np.testing.assert_allclose(d.log_prob(x), expected, rtol=1e-12)
    np.testing.assert_allclose(d.entropy(), np.log(np.linalg.det(2 * np.pi * np.e * COVARIANCE)) / 2, rtol=1e-12)
    np.testing.assert_allclose(d.covariance_matrix, COVARIANCE, rtol=1e-12)
    np.testing.assert_allclose(d.precision_matrix @ d.covariance_matrix, np.eye(3), atol=1e-12)
    np.testing.assert_allclose(d.variance, np.diag(COVARIANCE), rtol=1e-12)
    drawn = d.sample((N,), np.random.default_rng(1)).numpy()
    np.testing.assert_allclose(np.cov(drawn.T), COVARIANCE, atol=0.06)
    np.testing.assert_allclose(drawn.mean(0), d.mean, atol=0.04)
    assert d.expand((4, 2)).log_prob(np.zeros(3)).shape == d.expand((4, 2)).batch_shape == (4, 2)


def test_normal_vectors_refuse_other_matrices():
    loc = mg.zeros(2)
    with pytest.raises(ValueError, match="covariance_matrix must be symmetric and positive definite"):
        MultivariateNormal(loc, np.array([[1.0, 2.0], [2.0, 1.0]]))
    with pytest.raises(ValueError, match="scale_tril must be lower triangular with a positive diagonal"):
        MultivariateNormal(loc, scale_tril=np.array([[1.0, 2.0], [0.0, 1.0]]))
    with pytest.raises(ValueError, match="needs one of covariance_matrix, precision_matrix, scale_tril, got 2"):
        MultivariateNormal(loc, mg.eye(2), mg.eye(2))
    with pytest.raises(ShapeError, match=r"got \(2,\) and \(3, 3\)"):
        MultivariateNormal(loc, mg.eye(3))


def test_gradients_of_normal_vectors():
    rng = np.random.default_rng(2)
    factor = np.tril(rng.standard_normal((2, 3, 3))) + 3 * np.eye(3)

    def density(loc, factor):
        return MultivariateNormal(loc, scale_tril=mg.tril(factor)).log_prob(np.ones(3))

    def precise(loc, root):
        return MultivariateNormal(loc, precision_matrix=root @ root.mT).log_prob(np.ones(3))

    for f in (density, precise):
        assert gradcheck(f, (mg.tensor(rng.standard_normal(3)), mg.tensor(factor)))


def test_parameters_may_be_arrays():
    assert Normal(np.zeros(2), 1.0).loc.dtype == np.float64
    np.testing.assert_allclose(Categorical(np.array([1.0, 3.0])).probs, [0.25, 0.75])
