"""Checks without differences: integers by ==, the complex step, and specs as a whole."""

import numpy as np
import pytest

import minigrad as mg
import minigrad.nn.functional as F
from minigrad.testing import (
    FACETS,
    GradcheckError,
    OpSpec,
    Refusal,
    Sample,
    check_against,
    check_spec,
    check_vjp_exact,
)
from minigrad.testing.calls import Call
from minigrad.testing.exact import integral
from minigrad.testing.ties import check_tie


def op(forward, **rules):
    made = mg.primitive(forward)
    for name, rule in rules.items():
        made.gradient(name)(rule)
    return made


def test_linear_functions_are_adjoint_to_the_bit(rng):
    x, w = rng.standard_normal((2, 3, 7, 11)), np.arange(180.0).reshape(5, 3, 4, 3)
    for stride in (1, 2, (3, 5)):
        assert check_vjp_exact(F.conv2d, [x, w], kwargs={"stride": stride, "padding": (1, 0)}, linear_in=[0])
    assert check_vjp_exact(mg.concatenate, [[x, x + 1], 2])
    assert check_vjp_exact(lambda a, b: a[1:] - 2 * b, [np.ones((3, 2)), np.ones((2, 2))])


@pytest.mark.parametrize(
    "function",
    [
        mg.abs,
        mg.relu,
        lambda x: mg.max(x, 0)[0],
        lambda x, y=None: mg.sort(x)[0],
        lambda x: mg.norm(x, 1),
        mg.exp,
        lambda x: mg.amax(x) + mg.amin(x),
    ],
)
def test_homogeneous_functions_are_not_linear(function):
    x = np.array([1.0, -2.0, 3.0])
    with pytest.raises(GradcheckError, match="adjoint: "):
        check_vjp_exact(function, [x])
    with pytest.raises(GradcheckError, match="adjoint: "):
        check_vjp_exact(lambda a, b: a[:1] + function(b), [x, x])  # in every input
    with pytest.raises(GradcheckError, match="adjoint: "):
        check_vjp_exact(lambda a, b: a * function(b), [x, x], linear_in=[1])
    assert check_vjp_exact(lambda a, b: a * function(b), [x, x], linear_in=[0])
    spec = OpSpec("bent", function, function, lambda rng: Sample((x,)), linear_in=(0,))
    with pytest.raises(AssertionError, match="bent: <g, f"):
        check_spec(spec, facets=["exact"])


def test_homogeneous_functions_obey_euler_to_the_bit(rng):
    x = rng.standard_normal((2, 3, 6, 6))
    assert check_vjp_exact(F.max_pool2d, [x, 3, 1], homogeneous_in=[0])
    assert check_vjp_exact(mg.relu, x, homogeneous_in=[0])


@pytest.mark.parametrize(
    "rule", [lambda g: g[::-1], lambda g: np.roll(g, 1), lambda g: g * (1 + 1e-15), lambda g: g[[0, 1, 2, 2]]]
)
def test_the_smallest_mistake_shows_on_integers(rule):
    with pytest.raises(GradcheckError, match=r"adjoint: <g, f> is .*, <J\^T g, x> is"):
        check_vjp_exact(op(lambda x: x * 1, x=rule), np.array([3.0, -1.0, 7.0, 2.0]))


def test_integers_keep_order_and_sign(rng):
    x = rng.standard_normal((3, 4))
    y = integral(x)
    assert np.array_equal(y, np.rint(y)) and np.array_equal(np.sign(x), np.sign(y))
    assert np.array_equal(np.argsort(np.abs(x), axis=None), np.argsort(np.abs(y), axis=None))
    whole = np.array([3.0, 3.0, -2.0])
    assert integral(whole) is whole
    assert integral(np.zeros((0, 2))).shape == (0, 2)


def test_against_a_reference(rng):
    x, y = rng.uniform(0.5, 2, (3, 4)), rng.uniform(0.5, 2, 4)
    assert check_against(mg.divide, np.divide, [x, y])
    assert check_against(mg.relu, lambda x: x * (x > 0), x - 1, complex_step=False)
    assert check_against(lambda x: mg.max(x, 1), lambda x: (x.max(1), x.argmax(1)), x, complex_step=False)
    assert check_against(mg.argmax, lambda x: x.argmax(), x)
    assert check_against(mg.tanh, np.tanh, x.astype(np.float32))


def test_what_a_reference_catches(rng):
    x = rng.uniform(0.5, 2, (3, 4))
    nearly = op(lambda x: x**2, x=lambda g, x: g * x * (2 + 1e-8))  # below what differences allow
    with pytest.raises(GradcheckError, match="gradient of input 0 is wrong"):
        check_against(nearly, lambda x: x**2, x)
    for reference, says in (
        (lambda x: np.exp(x) + 1e-8 * x, r"output 0 at \[\d, \d\] is"),
        (lambda x: np.exp(x)[:2], r"has shape \(3, 4\), the reference \(2, 4\)"),
        (lambda x: np.where(x == x[1, 2], np.nan, np.exp(x)), r"at \[1, 2\] is .*, the reference nan"),
        (lambda x: np.where(x == x[1, 2], -np.inf, np.exp(x)), r"at \[1, 2\] is .*, the reference -inf"),
    ):
        with pytest.raises(GradcheckError, match=says):
            check_against(mg.exp, reference, x)
    one = np.zeros((3, 4))
    one[1, 2] = 1e-6
    with pytest.raises(GradcheckError, match=r"output 0 at \[1, 2\] is"):
        check_against(mg.exp, lambda x: np.exp(x) + one, x)
    with pytest.raises(GradcheckError, match=r"output 0 at"):
        check_against(lambda x: mg.exp(x) * 1.001, np.exp, x.astype(np.float32))
    with pytest.raises(ValueError, match="returns 1 tensors, its reference 2 arrays"):
        check_against(mg.exp, lambda x: (x, x), x)
    assert not check_against(mg.exp, np.sin, x, raise_exception=False)


# Ties


@pytest.mark.parametrize(
    ("function", "inputs", "rule", "same"),
    [
        (mg.amax, [np.array([[5.0, 2.0, 5.0], [1.0, 1.0, 1.0]]), 1], "even", {"even"}),
        (lambda x: mg.max(x, 0)[0], [np.array([2.0, 5.0, 5.0])], "first", {"first"}),
        (mg.relu, [np.array([0.0, 1.0])], "zero", {"zero"}),
        (mg.absolute, [np.array([0.0, 1.0])], "zero", {"zero"}),
        (
            lambda x: mg.clip(x, 0.0, 1.0),
            [np.array([0.0, 0.5, 1.0])],
            "one",
            {"one", "even", "first"},
        ),  # one input moves each output
        (mg.maximum, [np.ones(2), np.ones(2)], "even", {"even"}),
    ],
)
def test_ties(function, inputs, rule, same):
    call = Call(function, inputs)
    check_tie(call, rule)
    check_tie(call, None)
    for other in {"even", "first", "zero", "one"} - same:
        with pytest.raises(AssertionError, match="at a tie"):
            check_tie(call, other)


@pytest.mark.parametrize("wrong", [0, 1, 2])
def test_ties_of_every_row_are_checked(wrong):
    def rule(g, x, out):
        tied = x == out[:, None]
        share = tied / tied.sum(1, keepdims=True)
        share[wrong] = np.eye(x.shape[1])[tied[wrong].argmax()]  # the first of them has all
        return g[:, None] * share

    call = Call(op(lambda x: x.max(1), x=rule), [np.array([[5.0, 2.0, 5.0], [1.0, 1.0, 1.0], [3.0, 4.0, 4.0]])])
    check_tie(call, None)
    with pytest.raises(AssertionError, match=rf"output \[{wrong}\] at a tie"):
        check_tie(call, "even")


def test_what_is_no_tie_or_outside_the_slopes():
    with pytest.raises(AssertionError, match="no kink here"):
        check_tie(Call(mg.tanh, [np.ones(2)]), None)
    both = op(lambda x: np.asarray(x.max()), x=lambda g, x, out: g * 1.5 * (x == out))
    with pytest.raises(AssertionError, match=r"is 1.5, not within 0 and 1"):
        check_tie(Call(both, [np.array([2.0, 2.0])]), None)


# Specs


def cube_spec(rule=lambda g, x: 3 * g * x**2, **changes):
    facts = {
        "name": "cube", "fn": op(lambda x: x**3, x=rule), "reference": lambda x: x * x * x,
        "sample": lambda rng: Sample((rng.standard_normal((2, 3)),)), "analytic": True,
    } | changes  # fmt: skip
    return OpSpec(**facts)


def test_a_right_spec_passes_every_facet():
    check_spec(cube_spec())
    with pytest.raises(ValueError, match="facets must be one of 'forward'"):
        check_spec(cube_spec(), facets=["speed"])


@pytest.mark.parametrize(
    ("changes", "facet"),
    [
        ({"reference": lambda x: x * x}, "forward"),
        ({"reference": lambda x: (x**3, x)}, "forward"),
        ({"linear_in": (0,)}, "exact"),
        ({"homogeneous_in": (0,)}, "exact"),
        ({"rule": lambda g, x: 3 * g * x}, "gradient"),
        ({"order": 0}, "gradient"),
        ({"rule": lambda g, x: 3 * g * np.square(x if isinstance(x, np.ndarray) else x.detach())}, "second"),
        ({"order": 1}, "second"),
        ({"fn": lambda x: x * x * x * np.ones((2, 3))}, "float32"),
        ({"kinks": (Sample((np.ones(2),)),)}, "kinks"),
        ({"errors": (Refusal(Sample((np.ones(2),)), ValueError, "no"),)}, "errors"),
    ],
)
def test_each_facet_fails_on_its_own_mistake(changes, facet):
    spec = cube_spec(**changes)
    with pytest.raises(AssertionError) as caught:
        check_spec(spec, facets=[facet])
    if facet not in ("kinks", "errors"):
        assert caught.value.__notes__ == [f"spec 'cube', facet {facet!r}, seed 0"]
    for other in set(FACETS) - {facet}:
        if other == "second" and facet == "gradient":
            continue
        check_spec(cube_spec(), facets=[other])


def test_a_spec_that_refuses_a_second_derivative():
    def once(g, x):
        if not isinstance(x, np.ndarray):
            raise NotImplementedError("once")
        return 3 * g * x**2

    check_spec(cube_spec(rule=once, order=1))


def test_refusals_must_match_and_change_nothing():
    refused = Refusal(Sample((np.ones((2, 3)), np.ones(2))), mg.ShapeError, r"axis -1 has sizes 3 and 2")
    add = OpSpec("add", mg.add, np.add, lambda rng: Sample((np.ones(2), np.ones(2))), errors=(refused,))
    check_spec(add, facets=["errors"])
    other = Refusal(refused.sample, mg.ShapeError, "something else")
    with pytest.raises(AssertionError, match="refused, but 'something else' is not in"):
        check_spec(OpSpec("add", mg.add, np.add, add.sample, errors=(other,)), facets=["errors"])


def test_a_spec_whose_samples_hold_no_floats_is_not_proved():
    spec = OpSpec("square", mg.square, np.square, lambda rng: Sample((rng.integers(0, 9, 3),)))
    with pytest.raises(
        AssertionError, match="no sample has an array of floats among its arguments, so no gradient is checked"
    ):
        check_spec(spec)
    some = OpSpec(
        "tanh", mg.tanh, np.tanh, lambda rng: Sample((rng.standard_normal(int(rng.integers(0, 2))),)), analytic=True
    )
    check_spec(some)  # some of them without elements


def test_integers_are_compared_to_the_last_one_whatever_their_size():
    far = {"fn": op(lambda x: x * 1, x=lambda g: g + 2.0**-49), "sample": lambda rng: Sample((np.array([2.0**50]),))}
    with pytest.raises(AssertionError, match=r"<g, f\(x\)> == <J\^T g, x>"):
        check_spec(cube_spec(**far, homogeneous_in=(0,)), facets=["exact"])


def test_nan_on_one_side_of_zero_is_no_linear_function():
    half = op(lambda x: np.where(x > 0, x, np.nan), x=lambda g: g)
    with pytest.raises(AssertionError, match="adjoint: <g, f> is nan"):
        check_vjp_exact(half, [np.array([3.0])])


def test_an_analytic_reference_is_compared_with_the_gradient():
    other = {"reference": lambda x: x * x}
    with pytest.raises(AssertionError, match="cube"):
        check_spec(cube_spec(**other), facets=["gradient"])
    check_spec(cube_spec(**other, analytic=False), facets=["gradient"])


def test_options_without_a_default_and_samples_of_integers():
    def sample(rng):
        x = rng.standard_normal(3)
        return Sample((x if rng.random() < 0.5 else mg.tensor([1, 2, 3]),), {"k": 2})

    check_spec(OpSpec("times", lambda x, *, k: x * k, lambda x, *, k: np.asarray(x) * k, sample))
