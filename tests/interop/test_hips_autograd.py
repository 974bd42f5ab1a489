"""The pieces of HIPS autograd's interface: types, lists of tensors, rules of one's own, refusals."""

import minigrad.numpy as np
import numpy
import pytest

import minigrad as mg
from minigrad.errors import GraphError
from minigrad.interop import hips
from minigrad.interop.hips.extend import defvjp, primitive, unbroadcast_f
from minigrad.interop.hips.misc import flatten


def test_a_derivative_has_the_type_of_its_argument():
    x = numpy.array([1.0, 2.0])
    f = lambda x: np.sum(x**3)
    assert type(hips.grad(f)(x)) is numpy.ndarray and type(hips.grad(f)(3)) is numpy.float64
    assert hips.grad(f)(numpy.array([1, 2])).tolist() == [3.0, 12.0] and hips.grad(f)(x.astype("f4")).dtype == "f4"
    t = hips.grad(f)(mg.tensor(x))
    assert isinstance(t, mg.Tensor) and t.tolist() == [3.0, 12.0]
    vjp, value = hips.make_vjp(np.exp)(numpy.zeros(2))
    value *= 0  # the caller's own
    assert vjp(numpy.ones(2)).tolist() == [1.0, 1.0]
    assert isinstance(hips.make_vjp(np.exp)(mg.tensor(x))[0](numpy.ones(2)), mg.Tensor)
    value, g = hips.value_and_grad(lambda x: np.sum(x))(x)
    assert type(value) is numpy.float64 and g.flags.writeable
    tree = hips.grad(lambda p: p["a"] * p["b"][0][0])({"a": 2, "b": [(x, 1.0)]} | {"b": [(3.0,)]})
    assert tree == {"a": 3.0, "b": [(2.0,)]} and type(tree["a"]) is numpy.float64


def test_a_derivative_inside_a_derivative_is_differentiated():
    inner = lambda y: hips.grad(lambda x: np.sin(x) * y)(0.5)  # depends on y through the closure alone
    assert hips.grad(inner)(2.0) == pytest.approx(numpy.cos(0.5))
    assert mg.grad(inner)(mg.tensor(2.0, dtype=mg.float64)).item() == pytest.approx(numpy.cos(0.5))
    pushed = lambda y: hips.make_jvp(lambda x: np.sin(x) * y)(0.5)(1.0)[1]
    assert hips.grad(pushed)(2.0) == pytest.approx(numpy.cos(0.5))
    pulled = lambda y: hips.make_vjp(lambda x: np.sin(x) * y)(0.5)[0](1.0)
    assert hips.grad(pulled)(2.0) == pytest.approx(numpy.cos(0.5))
    assert hips.grad(lambda v: hips.make_vjp(np.sin)(0.5)[0](v))(2.0) == pytest.approx(numpy.cos(0.5))


def test_several_arguments_and_negative_positions():
    f = lambda x, y, z: x * y**2 * z**3
    assert mg.grad(f, argnum=1)(1.0, 2.0, 3.0).item() == mg.grad(f, 1)(1.0, 2.0, 3.0).item() == 108.0
    assert hips.grad(f, (0, 2))(1.0, 2.0, 3.0) == (108.0, 108.0) and hips.grad(f, -1)(1.0, 2.0, 3.0) == 108.0
    assert hips.elementwise_grad(f, [1, 0])(1.0, 2.0, 3.0) == (108.0, 108.0)
    assert hips.grad(lambda x, y: np.tanh(y / 7), -1)(0, 1) == hips.grad(lambda x: np.tanh(x / 7))(1.0)
    vjp, value = hips.make_vjp(f, (0, 1))(1.0, 2.0, 3.0)
    assert value == 108.0 and vjp(2.0) == (216.0, 216.0)
    assert hips.make_jvp(f, (0, 1))(1.0, 2.0, 3.0)((1.0, 0.5)) == (108.0, 162.0)
    assert hips.hessian_vector_product(f, 1)(1.0, 2.0, 3.0, 0.5) == 27.0 == hips.make_hvp(f, 1)(1.0, 2.0, 3.0)[0](0.5)


def test_lists_of_tensors():
    assert all(getattr(np, name) is getattr(np, name) for name in np.__all__)  # and none hides a builtin
    t = mg.tensor(numpy.array([1.0, 2.0]), requires_grad=True)
    a, b = t
    assert np.array([a, 1.0]).tolist() == [1.0, 1.0] and np.array([a, 1.0]).dtype == np.asarray([b]).dtype == "f8"
    assert np.array([[a, b], [0.0, (b * b).item()]]).requires_grad and np.array(((a, b), t)).shape == (2, 2)
    assert np.array([a, b], ndmin=3).shape == (1, 1, 2) and np.array([a], dtype="f4").dtype == "f4"
    assert np.array(t) is not t and np.asarray(t) is t and np.asarray(t, "f4").dtype == "f4"
    assert np.sum([a, b]).item() == 3.0 and np.mean((a, b)).item() == 1.5 and np.dot([a, b], [1.0, 2.0]).item() == 5.0
    assert np.concatenate([[a, 1.0], t]).tolist() == [1.0, 1.0, 1.0, 2.0] and np.append(t, [b]).tolist() == [1.0, 2.0, 2.0]
    assert np.stack(x for x in (a, b)).tolist() == np.hstack({"a": a, "b": b}.values()).tolist() == [1.0, 2.0]
    assert np.block([[t, t], [t, t]]).shape == (2, 4) and np.einsum("i,i", [a, b], t).item() == 5.0
    assert np.vstack([t, t]).shape == (2, 2)
    assert np.full(2, a).tolist() == [1.0, 1.0] and np.full((2, 1), 3.0).shape == (2, 1) and np.full(2, t).requires_grad
    assert np.r_[t, 5.0, 1:3].tolist() == [1.0, 2.0, 5.0, 1.0, 2.0] and np.c_[t, t * 2].tolist() == [[1.0, 2.0], [2.0, 4.0]]
    assert np.r_[1:3, 0].tolist() == [1, 2, 0] and np.select([t > 1], [t], 0.0).tolist() == [0.0, 2.0]
    with pytest.raises(TypeError, match="r_: instructions as text"):
        np.r_["0,2", t]
    with pytest.raises(TypeError, match="array: option like"):
        np.array([a], like=t)
    numpy.testing.assert_array_equal(
        hips.jacobian(lambda x: np.array([x[0] * x[1], x[1]]))(numpy.array([2.0, 3.0])), [[3.0, 2.0], [0.0, 1.0]]
    )


def test_everything_else_is_numpys_own():
    assert np.sin is numpy.sin and np.ndarray is numpy.ndarray and np.pi is numpy.pi and np.linalg.inv is numpy.linalg.inv
    assert type(np.array([1, 2])) is numpy.ndarray and np.array([1, 2]).dtype == int and np.asarray([1.0]).dtype == "f8"
    assert {*dir(np)} == {name for name in numpy.__all__ if name[0] != "_"} - {"fft"}
    with pytest.raises(AttributeError, match="no fft: complex numbers are outside"):
        np.fft  # noqa: B018
    with pytest.raises(AttributeError, match="no attribute 'sine'"):
        np.sine  # noqa: B018


def test_rules_of_ones_own():
    @primitive
    def scaled(x, y, power=2):
        assert type(x) is type(y) is numpy.ndarray  # what knows arrays alone may be called
        return x * y**power

    defvjp(
        scaled,
        lambda ans, x, y, power=2: unbroadcast_f(x, lambda g: g * y**power),
        lambda ans, x, y, power=2: unbroadcast_f(y, lambda g: g * power * ans / y),
    )
    x, y = numpy.array([[1.0], [2.0]]), numpy.array([3.0, 4.0])
    assert scaled(x, y).tolist() == [[9.0, 16.0], [18.0, 32.0]]
    gx, gy = hips.grad(lambda x, y: np.sum(scaled(x, y, power=3)), (0, 1))(x, y)
    assert gx.tolist() == [[91.0], [91.0]] and gy.tolist() == [81.0, 144.0]
    H = hips.hessian(lambda y: np.sum(scaled(x, y, power=3)))(y)
    numpy.testing.assert_allclose(H, numpy.diag(6 * y * 3))
    with pytest.raises(GraphError, match="no gradient rule for argument 2"):
        hips.grad(lambda p: np.sum(scaled(x, y, p)))(2.0)


def test_rules_see_arrays_unless_they_are_differentiated_again():
    seen = []

    @primitive
    def cube(x):
        return x**3

    def rule(ans, x):
        seen.append((type(ans), type(x)))
        return lambda g: g * 3 * x**2

    defvjp(cube, rule)
    hips.grad(cube)(2.0)
    assert seen == [(numpy.float64, numpy.float64)]
    hips.grad(hips.grad(cube))(2.0)
    assert (mg.Tensor, mg.Tensor) in seen
    assert hips.grad(lambda x: np.sum(cube(x)))(numpy.ones(2, "f4")).dtype == "f4"
    square = primitive(lambda x: x**2)
    defvjp(triple := primitive(lambda x: 3 * x), lambda ans, x: lambda g: numpy.full(2, 3))
    assert hips.elementwise_grad(triple)(numpy.ones(2, "f4")).dtype == "f4"
    with pytest.raises(GraphError, match="no gradient rule\n  hint: defvjp"):
        hips.grad(square)(2.0)


def test_rules_see_what_the_call_saw():
    times = primitive(lambda x, y: x * y)
    defvjp(times, lambda ans, x, y: lambda g: np.sum(g * y), lambda ans, x, y: lambda g: g * x)
    y = numpy.array([2.0, 3.0])
    vjp, _ = hips.make_vjp(times)(1.0, y)
    y *= 0
    assert vjp(numpy.ones(2)) == 5.0

    @primitive
    def careless(x):
        x += 1
        return x

    with pytest.raises(ValueError, match="read-only"):
        hips.grad(lambda x: np.sum(careless(x)))(y)


def test_a_primitive_of_two_results():
    @primitive
    def parts(x):
        return numpy.sin(x), numpy.cos(x)

    defvjp(parts, lambda ans, x: lambda g: g[0] * np.cos(x) - g[1] * np.sin(x))

    def f(x):
        s, c = parts(x)
        return s * c**2

    assert hips.grad(f)(0.4) == pytest.approx(hips.grad(lambda x: np.sin(x) * np.cos(x) ** 2)(0.4), rel=1e-14)


def test_a_vector_of_a_tree():
    tree = {"b": [numpy.ones((2, 2)), (3.0,)], "a": numpy.array([5.0])}
    vector, back = flatten(tree)
    assert vector.tolist() == [5.0, 1.0, 1.0, 1.0, 1.0, 3.0]
    assert back(vector)["b"][1] == (3.0,) and back(vector)["b"][0].shape == (2, 2)
    assert hips.grad(lambda v: np.sum(back(v)["b"][0] ** 2))(vector).tolist() == [0.0, 2.0, 2.0, 2.0, 2.0, 0.0]
    assert hips.jacobian(lambda x: flatten([x, x * 2])[0])(1.0).tolist() == [1.0, 2.0] and flatten([])[0].shape == (0,)


def test_optimizers_of_scipy_take_what_comes_back():
    optimize = pytest.importorskip("scipy.optimize", reason="SciPy is not installed")
    f = lambda x: np.sum((x - 1.0) ** 4) + x[0] * x[1]
    for method in ("BFGS", "L-BFGS-B", "SLSQP", "Newton-CG", "trust-exact"):
        options = {"hess": hips.hessian(f)} if method[0] in "Nt" else {}
        found = optimize.minimize(mg.value_and_grad(f), numpy.zeros(2), jac=True, method=method, **options)
        assert found.success and type(found.x) is numpy.ndarray and numpy.abs(hips.grad(f)(found.x)).max() < 1e-2
