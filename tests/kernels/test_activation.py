"""Activations of arrays that are worth a kernel: their formulas, element by element, in either order of memory."""

import math

import numpy as np
import pytest

import minigrad as mg
import minigrad.nn.functional as F

X = np.concatenate([np.linspace(-30, 30, 1193), [0.0, 3.0, -3.0, 1e-5, -1e-5, 100.0, -100.0]])
erf = np.vectorize(math.erf)


def sigmoid(x):
    return np.exp(-np.logaddexp(0, -x))


def softplus(beta, threshold):
    def value(x):
        return np.where(beta * x > threshold, x, np.logaddexp(0, beta * x) / beta)

    return value, lambda x: np.where(beta * x > threshold, 1, sigmoid(beta * x))


def gelu_tanh(x):
    return x * sigmoid(2 * math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))


def gelu_tanh_slope(x):
    u, slope = (math.sqrt(2 / math.pi) * v for v in (x + 0.044715 * x**3, 1 + 3 * 0.044715 * x**2))
    s = sigmoid(2 * u)
    return s + x * s * sigmoid(-2 * u) * 2 * slope


def mish_slope(x):
    t = np.tanh(np.logaddexp(0, x))
    return t + x * (1 - t**2) * sigmoid(x)


CASES = {
    "tanh": (mg.tanh, np.tanh, lambda x: 1 / np.cosh(x) ** 2),
    "sigmoid": (mg.sigmoid, sigmoid, lambda x: sigmoid(x) * sigmoid(-x)),
    "silu": (F.silu, lambda x: x * sigmoid(x), lambda x: sigmoid(x) * (1 + x * sigmoid(-x))),
    "logsigmoid": (F.logsigmoid, lambda x: -np.logaddexp(0, -x), lambda x: sigmoid(-x)),
    "mish": (F.mish, lambda x: x * np.tanh(np.logaddexp(0, x)), mish_slope),
    "softplus": (F.softplus, *softplus(1, 20)),
    "softplus, beta": (lambda x: F.softplus(x, 0.5, 3.0), *softplus(0.5, 3.0)),
    "softplus, threshold": (lambda x: F.softplus(x, 1, 3.0), *softplus(1, 3.0)),  # of which 3 is not above
    "elu": (F.elu, lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))), lambda x: np.exp(np.minimum(x, 0))),
    "elu, alpha": (
        lambda x: F.elu(x, 0.3),
        lambda x: np.where(x > 0, x, 0.3 * np.expm1(np.minimum(x, 0))),
        lambda x: np.where(x > 0, 1, 0.3 * np.exp(np.minimum(x, 0))),
    ),
    **{
        f"leaky_relu, {slope}": (
            lambda x, slope=slope: F.leaky_relu(x, slope),
            lambda x, slope=slope: np.where(x > 0, x, slope * x),
            lambda x, slope=slope: np.where(x > 0, 1, slope),
        )
        for slope in (0.01, 1.5, -0.5)
    },
    "hardswish": (
        F.hardswish,
        lambda x: x * np.clip(x + 3, 0, 6) / 6,
        lambda x: np.where(x <= -3, 0, np.where(x >= 3, 1, x / 3 + 0.5)),
    ),
    "hardsigmoid": (F.hardsigmoid, lambda x: np.clip(x + 3, 0, 6) / 6, lambda x: (abs(x) < 3) / 6),
    "gelu": (
        F.gelu,
        lambda x: x * (1 + erf(x / math.sqrt(2))) / 2,
        lambda x: (1 + erf(x / math.sqrt(2))) / 2 + x * np.exp(-(x**2) / 2) / math.sqrt(2 * math.pi),
    ),
    "gelu, tanh": (lambda x: F.gelu(x, approximate="tanh"), gelu_tanh, gelu_tanh_slope),
}


@pytest.mark.parametrize("dtype, rtol, atol", [(np.float64, 1e-13, 1e-300), (np.float32, 1e-5, 1e-6)])
@pytest.mark.parametrize("name", CASES)
def test_values_and_slopes_are_those_of_the_formula(name, dtype, rtol, atol):
    function, value, slope = CASES[name]
    atol = 1e-13 if dtype == np.float64 and name.startswith(("gelu", "silu", "mish", "logsigmoid")) else atol
    g = np.random.default_rng(0).uniform(0.5, 2, (30, 40)).astype(dtype)
    for order in "CF":
        x = mg.tensor(np.asarray(X.reshape(30, 40).astype(dtype), order=order), requires_grad=True)
        out = function(x)
        exact = x.detach().numpy().astype(np.float64)
        np.testing.assert_allclose(out.detach().numpy(), value(exact), rtol, atol)
        out.backward(mg.tensor(g))
        np.testing.assert_allclose(x.grad.numpy(), g * slope(exact), rtol, atol)
        assert out.dtype == x.grad.dtype == dtype


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int64])
def test_relu_of_many_numbers_is_relu_of_each(dtype):
    hard = [-2, -1, 0, 1, 3] if dtype == np.int64 else [-2.0, -1e-7, -0.0, 0.0, 3.0, np.inf, -np.inf, np.nan]
    many = np.tile(np.array(hard, dtype), (3000, 2))
    for x in (many, many.T, many[::2, ::-1]):
        out = F.relu(x)
        assert out.dtype == dtype
        np.testing.assert_array_equal(out, np.where((x > 0) | np.isnan(x), x, 0))
