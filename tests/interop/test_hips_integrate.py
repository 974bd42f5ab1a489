"""odeint, optimizers and flattened functions: what HIPS autograd's examples import beside NumPy's functions."""

import importlib
import subprocess
import sys

import minigrad.interop.hips.builtins as builtins
import minigrad.numpy as np
import numpy
import pytest

from minigrad.interop.hips import grad, jacobian
from minigrad.interop.hips.misc import flatten, flatten_func, optimizers

EXACT = {"rtol": 1e-12, "atol": 1e-12, "mxstep": 5000}
TIMES = np.linspace(0.0, 1.5, 7)
START, MATRIX = np.array([2.0, 0.0]), np.array([[-0.1, 2.0], [-2.0, -0.1]])


def network(np, y, t, params):
    """The right-hand side, in the functions of either library."""
    for W, b in params[:-1]:
        y = np.maximum(np.dot(y, W) + b, 0.0)
    return np.dot(y, params[-1][0]) + params[-1][1] + t


def weights():
    rs = np.random.RandomState(0)
    return [(0.3 * rs.randn(m, n), 0.1 * rs.randn(n)) for m, n in ((2, 5), (5, 2))]


def test_the_exponential_function():
    pytest.importorskip("scipy.integrate", reason="SciPy is not installed")
    import minigrad.scipy.integrate as integrate

    def decayed(rate, start=3.0, times=(0.0, 0.4, 1.0)):
        return integrate.odeint(lambda y, t, rate: -rate * y, start, np.array(times), (rate,), **EXACT)[:, 0]

    expected = 3 * np.exp(-2 * np.array([0.0, 0.4, 1.0]))
    numpy.testing.assert_allclose(decayed(2.0), expected, rtol=1e-10)
    numpy.testing.assert_allclose(jacobian(decayed)(2.0), -np.array([0.0, 0.4, 1.0]) * expected, atol=1e-10)
    numpy.testing.assert_allclose(jacobian(decayed, 1)(2.0, 3.0), expected / 3, rtol=1e-10)
    slopes = jacobian(decayed, 2)(2.0, 3.0, np.array([0.0, 0.4, 1.0]))
    numpy.testing.assert_allclose(slopes, expected[:, None] * [[0, 0, 0], [2, -2, 0], [2, 0, -2]], atol=1e-9)
    numpy.testing.assert_allclose(grad(grad(lambda rate: decayed(rate)[2]))(2.0), expected[2], rtol=1e-8)
    first = integrate.odeint(lambda t, y: -2 * y, np.array([3.0]), [0.0, 0.4, 1.0], tfirst=True)
    numpy.testing.assert_allclose(first[:, 0], expected, rtol=1e-6)
    with pytest.raises(ValueError, match="odeint: full_output=True is not supported"):
        integrate.odeint(lambda y, t: y, 1.0, [0.0, 1.0], full_output=True)


def test_gradients_are_those_of_hips():
    theirs = pytest.importorskip("autograd.scipy.integrate", reason="HIPS autograd or SciPy is not installed")
    import autograd
    from autograd.builtins import tuple as traced

    ours = importlib.import_module("minigrad.interop.hips.scipy.integrate")

    def losses(np, odeint, tuple):
        def fit(params):
            return np.sum(
                np.abs(odeint(lambda y, t, p: network(np, y, t, p), START, TIMES, tuple((params,)), **EXACT)) ** 1.5
            )

        def spiral(y0, times, A):
            return np.sum(odeint(lambda y, t, A: np.dot(y**3, A), y0, times, tuple((A,)), **EXACT) ** 2)

        return fit, spiral

    (fit, spiral), (fit_there, spiral_there) = losses(np, ours.odeint, tuple), losses(autograd.numpy, theirs.odeint, traced)
    numpy.testing.assert_allclose(
        flatten(grad(fit)(weights()))[0], flatten(autograd.grad(fit_there)(weights()))[0], rtol=1e-9, atol=1e-10
    )
    for place in range(3):
        expected = autograd.grad(spiral_there, place)(START, TIMES, MATRIX)
        numpy.testing.assert_allclose(grad(spiral, place)(START, TIMES, MATRIX), expected, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("name", optimizers.__all__)
def test_optimizers_are_those_of_hips(name):
    theirs = pytest.importorskip("autograd.misc.optimizers", reason="HIPS autograd is not installed")
    start = {"a": np.array([1.0, -2.0]), "b": [3.0]}

    def gradient(x, i):
        return {"a": 2 * x["a"] * (1 + i % 3), "b": [4 * x["b"][0] ** 3]}

    found, seen = [], ([], [])
    for module, calls in zip((optimizers, theirs), seen, strict=True):

        def callback(x, i, g, calls=calls):
            calls.append((i, x["b"][0], g["b"][0]))

        found.append(getattr(module, name)(gradient, start, callback=callback, num_iters=30, step_size=0.02))
    for ours, expected in zip(*(flatten(x)[0] for x in found), strict=True):
        assert ours == pytest.approx(expected, rel=1e-12)
    numpy.testing.assert_allclose(*seen, rtol=1e-12)
    assert seen[0][0][:2] == (0, 3.0) and len(seen[0]) == 30


def test_flattened_functions():
    flat, back, vector = flatten_func(lambda p, scale: {"y": scale * p["a"] * p["b"].sum()}, {"a": 2.0, "b": np.ones(3)})
    assert flat(vector, 2).tolist() == [12.0] and back(vector)["a"] == 2
    assert grad(lambda v: flat(v, 1.0)[0])(vector).tolist() == [3, 2, 2, 2]


def test_builtins_are_pythons():
    assert (builtins.tuple, builtins.list, builtins.dict, builtins.isinstance) == (tuple, list, dict, isinstance)


def test_without_scipy():
    code = (
        "import sys; sys.modules['scipy'] = None\n"
        "from minigrad.scipy.integrate import odeint\n"
        "try: odeint(lambda y, t: y, 1.0, [0.0, 1.0])\n"
        "except ModuleNotFoundError as error: print(error)\n"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out == "odeint needs SciPy for its values\n  hint: pip install scipy\n"
