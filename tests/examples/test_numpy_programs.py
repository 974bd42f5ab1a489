"""Programs in plain NumPy: differentiated as they are, with arrays replaced by tensors, and right."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

import minigrad as mg

EXAMPLES = Path(__file__).parents[2] / "examples"


def load(name):
    spec = importlib.util.spec_from_file_location(f"examples_{name}", EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def slope(f, x, direction, h=1e-4):
    """The derivative of f along a direction, by Richardson's formula on arrays."""
    return (8 * (f(x + h * direction) - f(x - h * direction)) - (f(x + 2 * h * direction) - f(x - 2 * h * direction))) / (
        12 * h
    )


@pytest.mark.parametrize("n", [2, 5])
def test_rosenbrock_has_the_derivatives_of_the_textbook(n):
    f = load("rosenbrock").rosenbrock
    x = np.random.default_rng(0).standard_normal(n)
    t = mg.tensor(x, requires_grad=True)
    f(t).backward()
    g = np.zeros(n)
    g[:-1] = -400 * x[:-1] * (x[1:] - x[:-1] ** 2) - 2 * (1 - x[:-1])
    g[1:] += 200 * (x[1:] - x[:-1] ** 2)
    np.testing.assert_allclose(t.grad.numpy(), g, rtol=1e-12)
    H = np.diag(np.append(1200 * x[:-1] ** 2 - 400 * x[1:] + 2, 0)) + np.diag(np.append(0, np.full(n - 1, 200.0)))
    H -= np.diag(400 * x[:-1], 1) + np.diag(400 * x[:-1], -1)
    np.testing.assert_allclose(mg.func.hessian(f)(x).numpy(), H, rtol=1e-11, atol=1e-9)


def test_newton_reaches_the_minimum(capsys):
    np.testing.assert_allclose(load("rosenbrock").main(), np.ones(2), atol=1e-10)


def test_the_likelihood_of_a_gaussian_process():
    gp = load("gaussian_process")
    x, y = gp.observations(8)
    theta = np.array([0.3, -0.4, -1.1])
    K = gp.kernel(x, x, theta[0], theta[1]) + np.exp(2 * theta[2]) * np.eye(8)
    expected = -0.5 * y @ np.linalg.solve(K, y) - 0.5 * np.linalg.slogdet(K)[1] - 4 * np.log(2 * np.pi)
    value, g = mg.func.value_and_grad(gp.log_likelihood)(theta, x, y)
    assert value.item() == pytest.approx(expected, rel=1e-12) == gp.log_likelihood(theta, x, y)
    for direction in np.eye(3):
        assert g.numpy() @ direction == pytest.approx(
            slope(lambda t: gp.log_likelihood(t, x, y), theta, direction), rel=1e-8
        )
    t = mg.tensor(theta, requires_grad=True)
    gp.log_likelihood(t, mg.tensor(x), mg.tensor(y)).backward()
    np.testing.assert_allclose(t.grad.numpy(), g.numpy(), rtol=1e-12)
    gradcheck = mg.func.hessian(gp.log_likelihood)(theta, x, y).numpy()
    np.testing.assert_allclose(gradcheck, gradcheck.T, rtol=1e-8)
    g_at = lambda t: mg.grad(gp.log_likelihood)(t, x, y).numpy()
    np.testing.assert_allclose(gradcheck[0], slope(g_at, theta, np.eye(3)[0]), rtol=1e-7)


def test_a_gaussian_process_finds_its_hyperparameters(capsys):
    theta, history = load("gaussian_process").main()
    assert history[-1] > history[0] + 30 and abs(np.exp(theta[2]) - 0.1) < 0.03  # the noise that was put in


def test_the_gradient_of_a_recurrent_network_through_time():
    rnn = load("rnn")
    inputs, targets, alphabet = rnn.examples(length=4)
    rng = np.random.default_rng(1)
    p = rnn.initial_parameters(rng, len(alphabet), 5)
    gradient = mg.grad(rnn.loss)(p, inputs, targets)
    for name in p:
        direction = rng.standard_normal(p[name].shape)
        numeric = slope(lambda a, name=name: rnn.loss(p | {name: a}, inputs, targets), p[name], direction)
        assert np.vdot(gradient[name].numpy(), direction) == pytest.approx(numeric, rel=1e-7)


def test_a_recurrent_network_learns_to_spell(capsys):
    history = load("rnn").main()
    assert history[-1] < 0.1 < 3 < history[0]
    assert "quick brown fox jumps" in capsys.readouterr().out


def test_the_gradient_through_a_differential_equation():
    ode = load("ode")
    p, start = np.array([0.8, 0.4, 0.4, 1.0]), np.array([2.0, 1.0])
    observed = ode.solve(ode.lotka_volterra, start, np.array([1.0, 0.5, 0.3, 0.8]), 0.2, 8)
    gp, gs = mg.grad(ode.misfit, argnums=(0, 1))(p, start, observed, 0.2)
    for direction in np.eye(4):
        assert gp.numpy() @ direction == pytest.approx(
            slope(lambda q: ode.misfit(q, start, observed, 0.2), p, direction), rel=1e-8
        )
    direction = np.array([0.6, -0.8])
    assert gs.numpy() @ direction == pytest.approx(
        slope(lambda s: ode.misfit(p, s, observed, 0.2), start, direction), rel=1e-8
    )
    J = mg.func.jacobian(lambda q: ode.solve(ode.lotka_volterra, start, q, 0.2, 3))(p)
    np.testing.assert_allclose(
        np.reshape(J.numpy(), (-1, 4)),
        ode.jacobian_along_parameters(lambda q: np.reshape(ode.solve(ode.lotka_volterra, start, q, 0.2, 3), -1), p),
        rtol=1e-10,
    )


def test_the_rates_of_a_differential_equation_are_found(capsys):
    found, truth = load("ode").main()
    np.testing.assert_allclose(found, truth, rtol=1e-8)
