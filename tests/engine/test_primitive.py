"""Operations of one's own: declaration, what a rule may ask for, and what is refused."""

import copy
import inspect
import pickle

import numpy as np
import pytest

import minigrad as mg
import minigrad.nn.functional as F
from minigrad import ops
from minigrad.engine.composite import Composite
from minigrad.engine.primitive import Primitive
from minigrad.engine.registry import UFUNCS
from minigrad.errors import GraphError
from minigrad.testing import gradcheck, gradgradcheck


def test_the_argument_decides():
    x = np.array([1.0, 2.0])
    assert type(mg.exp(x)) is np.ndarray
    assert isinstance(mg.exp(mg.tensor(x)), mg.Tensor)
    assert isinstance(np.exp(mg.tensor(x)), mg.Tensor)


def test_a_registered_ufunc_broadcasts_as_it_does():
    before = UFUNCS[np.nextafter]
    op = mg.register_ufunc(np.nextafter, lambda g: g, None)
    try:
        x = mg.tensor(np.ones((2, 1)), requires_grad=True)
        np.nextafter(x, np.zeros(3)).backward(np.arange(6.0).reshape(2, 3))
        assert x.grad.tolist() == [[3.0], [12.0]] and op.elementwise
    finally:
        UFUNCS[np.nextafter] = before


def test_the_signature_is_what_a_call_takes():
    assert str(inspect.signature(mg.exp)) == "(x, /)" and str(inspect.signature(mg.hypot)) == "(x, y, /)"
    assert list(inspect.signature(mg.cumsum).parameters) == ["x", "axis", "dtype"]
    with pytest.raises(TypeError, match=r"exp.. takes 1 arguments .x., got 1 and options where"):
        mg.exp(np.ones(2), where=np.ones(2))
    with pytest.raises(TypeError, match=r"exp.. takes 1 arguments .x., got 2"):
        mg.exp(np.ones(2), np.ones(2))
    for call in (lambda: mg.softmax(axis=0), lambda: mg.softmax()):
        with pytest.raises(TypeError, match=r"softmax.*: missing a required argument: 'x'"):
            call()


def test_keyword_only_parameters_are_refused():
    for forward in (lambda x, *, scale: x * scale, lambda x, **options: x):
        with pytest.raises(TypeError, match="keyword-only parameters are not supported"):
            mg.primitive(forward)


def test_a_user_op_differentiates_twice():
    @mg.primitive
    def softsign(x, scale=1.0):
        return x / (scale + np.abs(x))

    @softsign.gradient("x")
    def _(g, x, scale):
        return g * scale / (scale + np.abs(x)) ** 2

    x = np.array([0.5, -2.0, 3.0])
    for options in ({}, {"scale": 2.0}):
        gradcheck(softsign, x, kwargs=options)
        gradgradcheck(softsign, x, kwargs=options)


def test_rules_that_are_missing_or_ask_for_the_unknown():
    @mg.primitive
    def f(x, y):
        return x * y

    with pytest.raises(GraphError, match="no input 'z'; its inputs are x, y"):
        f.gradient("z")(lambda g: g)
    with pytest.raises(GraphError, match="unknown parameter 'w'"):
        f.gradient("x")(lambda g, w: g)
    with pytest.raises(TypeError, match="Python function"):
        f.gradient("x")(np.negative)
    f.gradient("x")(lambda g, y: g * y)
    x, y = mg.tensor(1.0, requires_grad=True), mg.tensor(2.0, requires_grad=True)
    with pytest.raises(GraphError, match="no gradient rule for 'y'"):
        f(x, y)
    assert f(x, y.detach()).requires_grad
    with pytest.raises(TypeError, match="f\\(\\)"):
        f(x)


def test_a_primitive_without_any_rule_is_refused_as_one_without_the_rule_that_is_needed():
    @mg.primitive
    def double(x):
        return 2.0 * x

    x = mg.tensor(1.0, requires_grad=True)
    message = "double: no gradient rule for 'x', which requires a gradient\n.*double.gradient.'x'.*double.zero_gradient.'x'"
    for call in (
        lambda: double(x),
        lambda: mg.grad(double)(1.0),
        lambda: double(x * 2) + x,
        lambda: mg.func.jvp(double, (x,), (x,)),
    ):
        with pytest.raises(GraphError, match=message):
            call()
    assert x.grad is None
    with mg.no_grad():
        assert double(x).item() == 2.0
    assert not double(x.detach()).requires_grad and double(np.ones(2)).tolist() == [2.0, 2.0]
    double.zero_gradient("x")
    (double(x) + x).backward()
    assert x.grad.item() == 1.0


def test_a_primitive_without_a_rule_whose_results_are_not_floats_is_constant():
    count = mg.primitive(lambda x: np.count_nonzero(x))
    above = mg.primitive(lambda x: x > 0)
    x = mg.tensor([1.0, -2.0], requires_grad=True)
    assert count(x).item() == 2 and above(x).tolist() == [True, False]
    assert not count(x).requires_grad and not above(x).requires_grad


def test_every_operation_whose_result_is_of_floats_has_rules_or_says_zero():
    """What comes without a rule gives booleans and integers; the engine refuses the rest when it is called."""
    bare = {op.__name__ for op in [*UFUNCS.values(), *vars(ops).values()] if isinstance(op, Primitive) and not op.rules}
    answers = {"isnan", "isinf", "isfinite", "signbit", "any", "all", "argmax", "argmin", "argsort", "argpartition"}
    answers |= {"argwhere", "count_nonzero", "gcd", "invert", "lcm", "left_shift", "right_shift"}
    answers |= {"equal", "not_equal", "less", "less_equal", "greater", "greater_equal"}
    answers |= {f"{kind}_{name}" for kind in ("logical", "bitwise") for name in ("and", "or", "xor", "not")}
    assert bare <= answers


@pytest.mark.parametrize("bad", [lambda g: 1.0, lambda g: "no", lambda g: g[None], lambda g: np.ones(7)])
def test_a_wrong_gradient_is_an_error_that_names_the_op(bad):
    @mg.primitive
    def wrong(x):
        return x * 1

    wrong.gradient("x")(bad)
    x = mg.tensor([1.0, 2.0], requires_grad=True)
    with pytest.raises(GraphError, match="wrong: the gradient rule of 'x' returned"):
        wrong(x).sum().backward()
    assert x.grad is None


def test_how_an_operation_is_shown():
    assert repr(mg.exp) == "<primitive exp>" and repr(mg.mean) == "<operation mean>"


def test_rules_have_names_in_tracebacks():
    assert mg.exp.rules["x"].__code__.co_name == "exp.gradient[x]"


def test_none_is_a_zero_gradient():
    @mg.primitive
    def constant(x):
        return x * 0 + 1

    constant.gradient("x")(lambda g: None)
    x = mg.tensor([1.0], requires_grad=True)
    (constant(x) * x).backward()
    assert x.grad.item() == 1.0


def test_options_have_both_names():
    x = mg.tensor(np.arange(6.0).reshape(2, 3))
    for result in (mg.sum(x, dim=1, keepdim=True), mg.sum(x, axis=1, keepdims=True), np.sum(x, axis=1, keepdims=True)):
        assert result.shape == (2, 1)
    with pytest.raises(TypeError, match="sum\\(\\)"):
        mg.sum(x, axes=1)


def test_every_public_operation_has_both_names():
    plain = []
    for name in sorted(vars(ops)):
        op = getattr(ops, name)
        if name.startswith("_") or not callable(op) or isinstance(op, (Primitive, Composite)):
            continue
        if {"axis", "keepdims", "dim", "dims", "keepdim"} & set(inspect.signature(op).parameters):
            plain.append(name)
    assert plain == [], "decorate these with @composite, so that they take dim and keepdim, axis and keepdims"


def test_names_given_twice_or_unknown():
    x = mg.tensor(np.arange(6.0).reshape(2, 3))
    for call in (lambda: mg.sum(x, 0, dim=1), lambda: mg.mean(x, dim=1, axis=1), lambda: mg.sum(x, 0, False, 1),
                 lambda: mg.exp(x, x), lambda: mg.exp(x, axis=1), lambda: mg.exp(), lambda: mg.sum()):  # fmt: skip
        with pytest.raises(TypeError):
            call()
    assert mg.add(x, y=1).tolist() == (x + 1).tolist()


def test_operations_are_copied_and_pickled_as_functions_are():
    for op in (mg.exp, mg.sum, mg.mean):
        assert copy.deepcopy(op) is op and pickle.loads(pickle.dumps(op)) is op


def test_variadic_rules_know_their_place():
    @mg.primitive
    def weighted(*xs):
        return sum((i + 1) * x for i, x in enumerate(xs))

    weighted.gradient("xs")(lambda g, position, shapes: g * (position + 1) * len(shapes))
    xs = [mg.tensor(1.0, requires_grad=True) for _ in range(3)]
    weighted(*xs).backward()
    assert [x.grad.item() for x in xs] == [3.0, 6.0, 9.0]


def test_ufuncs_and_functions_of_others_are_registered():
    special = pytest.importorskip("scipy.special")
    mg.register_ufunc(special.gammaln, lambda g, x: g * special.digamma(x))
    mg.register_ufunc(special.digamma, lambda g, x: g * special.polygamma(1, np.asarray(x)))
    x = np.array([0.5, 2.0, 3.5])
    found = mg.grad(lambda x: np.sum(special.gammaln(x) * x))(x)
    np.testing.assert_allclose(found.numpy(), special.digamma(x) * x + special.gammaln(x), rtol=1e-14)
    assert isinstance(special.gammaln(mg.tensor(x)), mg.Tensor) and type(special.gammaln(x)) is np.ndarray
    for call, error, says in (
        (lambda: mg.register_ufunc(np.sum, lambda g: g), TypeError, "ufunc"),
        (lambda: mg.register_ufunc(np.modf, lambda g: g), TypeError, "one result"),
        (lambda: mg.register_ufunc(special.gammainc, lambda g: g), GraphError, "2 inputs, got 1"),
        (lambda: mg.register_ufunc(special.gammainc, None, lambda g, w: g), GraphError, "unknown parameter 'w'"),
        (lambda: mg.register_function(len), TypeError, "no NumPy function"),
    ):
        with pytest.raises(error, match=says):
            call()
    assert special.gammainc not in UFUNCS


def test_a_numpy_function_may_be_a_primitive():
    @mg.register_function(np.vander)
    @mg.primitive
    def vander(x, N):
        return np.vander(x, N)

    @vander.gradient("x")
    def _(g, x, N):
        powers = np.arange(N - 1, -1, -1)
        return (g[:, :-1] * powers[:-1] * x[:, None] ** (powers[:-1] - 1)).sum(1)

    gradcheck(lambda x: np.vander(x, N=3), [np.array([0.5, 2.0])])
    gradgradcheck(lambda x: np.vander(x, 3), [np.array([0.5, 2.0])])


def test_dtypes_of_reductions():
    x = mg.tensor([[0.1, 0.2], [0.3, np.nan]], dtype=mg.float32)
    for result in (
        mg.softmax(x, 1, mg.float64), x.softmax(1, mg.float64), F.log_softmax(x, 1, dtype=mg.float64),
        mg.nansum(x, 0, dtype=mg.float64),
        mg.nanmean(x, 0, dtype=mg.float64), x.nanmean(dtype=mg.float64), mg.cumprod(x, 1, dtype=mg.float64),
    ):  # fmt: skip
        assert result.dtype == np.float64
    np.testing.assert_allclose(mg.nanmean(x, 0, dtype=mg.float64).numpy(), [0.2, 0.2], rtol=1e-7)
    with pytest.raises(TypeError, match="softmax"):
        mg.softmax(x, 1, mg.float64, 2)
