"""Mutants do what they say, die where the checks are strong, live where they are weak, and leave nothing behind."""

import numpy as np
import pytest

import minigrad as mg
from minigrad.testing import OpSpec, Sample, check_spec, gradcheck, mutants, mutators


def gradient(function, *arrays, g):
    xs = [mg.tensor(np.array(a, np.float64), requires_grad=True) for a in arrays]
    function(*xs).backward(np.array(g, np.float64))
    return [x.grad.tolist() for x in xs]


x, y, g = [[1.0, 2.0], [3.0, 4.0]], [[5.0, 6.0], [7.0, 8.0]], [[1.0, -2.0], [3.0, -4.0]]
right = [[5.0, -12.0], [21.0, -32.0]]  # g * y


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("scale", (np.array(right) * (1 + 1e-5)).tolist()),
        ("negate", [[-5, 12], [-21, 32]]),
        ("ignore g", y),
        ("zero", [[0, 0], [0, 0]]),
        ("transpose", [[5, 21], [-12, -32]]),
        ("roll", [[-32, 5], [-12, 21]]),
        ("reverse", [[-32, 21], [-12, 5]]),
        ("drop last", [[5, -12], [21, 0]]),
        ("swap", [[1, -4], [9, -16]]),
        ("cast", right),
        ("alias g", right),
        ("add into g", right),
        ("one buffer", right),
        ("view of saved", right),
        ("read-only", right),
    ],
)
def test_what_each_mutator_does(name, wrong):
    with mutants.apply(mg.multiply, name, "x") as bites:
        assert gradient(mg.multiply, x, y, g=g)[0] == wrong
    assert bites or name == "swap"
    assert gradient(mg.multiply, x, y, g=g)[0] == right
    if name == "cast":
        with mutants.apply(mg.multiply, name):
            assert gradient(mg.multiply, 0.1, 0.1, g=0.3)[0] != [0.3 * 0.1]


def test_a_numpy_scalar_has_a_place_for_one_value_alone():
    with mutants.apply(mg.multiply, "NumPy scalar", "x"):
        assert gradient(mg.multiply, 2.0, 3.0, g=5.0)[0] == 15.0
    with mutants.apply(mg.tanh, "NumPy scalar"), pytest.raises(mg.GraphError):
        gradient(mg.tanh, x, g=g)


def test_the_right_rule_comes_back_even_after_an_error():
    before = dict(mg.multiply.rules)
    with pytest.raises(ZeroDivisionError), mutants.apply(mg.multiply, "zero"):
        raise ZeroDivisionError
    assert mg.multiply.rules == before and gradient(mg.multiply, x, y, g=g)[0] == right
    with pytest.raises(ZeroDivisionError), mutants.unprotected():
        raise ZeroDivisionError
    assert gradcheck(mg.add, [np.ones(2), np.ones(2)])


def test_what_does_not_fit():
    with pytest.raises(ValueError, match="no mutator 'double': there are scale, negate"), mutants.apply(mg.tanh, "double"):
        pass
    with pytest.raises(ValueError, match="'swap' does not fit tanh, which has rules for x"), mutants.apply(mg.tanh, "swap"):
        pass
    with pytest.raises(ValueError, match="'zero' does not fit isnan"), mutants.apply(mg.isnan, "zero", "x"):
        pass
    assert "swap" in mutants.mutators_of(mg.multiply) and "swap" not in mutants.mutators_of(mg.tanh)


def test_second_derivatives_stay_right():
    t = mg.tensor(2.0, dtype=np.float64, requires_grad=True)
    with mutants.apply(mg.multiply, "negate"):
        (first,) = mg.autograd.grad(t * t * t, t, create_graph=True)
        assert first.item() == 12.0


def square(rng):
    return Sample((rng.standard_normal((3, 3)), rng.standard_normal((3, 3))))


def test_the_checks_kill_every_mutant_of_a_product():
    mutants.assert_all_killed(OpSpec("multiply", mg.multiply, np.multiply, square))


def test_survivors_are_named():
    """Samples that are never square do not see a transposition; a checker that sees values alone, no spoilt memory."""
    flat = OpSpec("tanh", mg.tanh, np.tanh, lambda rng: Sample((rng.standard_normal((2, 3)),)))
    with pytest.raises(AssertionError, match=r"^tanh: tanh.x: transpose survives$"):
        mutants.assert_all_killed(flat)
    mutants.assert_all_killed(flat, exempt={"tanh.x: transpose": "the samples are not square"})
    with pytest.raises(AssertionError, match=r"^tanh: tanh.x: scale is exempt, but killed$"):
        mutants.assert_all_killed(
            OpSpec("tanh", mg.tanh, np.tanh, lambda rng: Sample((rng.standard_normal((3, 3)),))),
            exempt={"tanh.x: scale": ""},
        )

    def values_alone(spec, seed):
        gradcheck(spec.fn, spec.sample(np.random.default_rng(seed)).args, checks=())

    with pytest.raises(AssertionError) as caught:
        mutants.assert_all_killed(OpSpec("multiply", mg.multiply, np.multiply, square), values_alone)
    for name in ("alias g", "add into g", "read-only"):
        assert f"multiply.y: {name} survives" in str(caught.value)
    assert "negate survives" not in str(caught.value)
    assert "cast survives" not in str(caught.value)  # rounding to float32 is a wrong value, too


def test_the_right_operation_must_pass():
    wrong = OpSpec("multiply", lambda x, y: x * y * 1.0 + x.detach(), np.multiply, square)
    with pytest.raises(AssertionError, match="gradient of input 0 is wrong"):
        mutants.assert_all_killed(wrong)


def test_which_rules_a_call_runs():
    spec = OpSpec("mean square", lambda x, y: mg.mean(mg.square(x) + y.detach()), None, square)
    assert {(op.__name__, at) for op, at in mutants.rules_of(spec, 0)} == {
        ("square", "x"), ("add", "x"), ("sum", "x"), ("divide", "x"),
    }  # fmt: skip


def test_right_values_in_the_wrong_memory_are_tried_where_they_fit():
    g = np.array([1.0, 2.0])
    double = lambda g: g * 2
    assert mutators.alias_g(double, g.copy(), []).tolist() == [2.0, 4.0]
    for run in (lambda g: g * 1, lambda g: g[:1], lambda g: g[:, None] * 2):
        kept = g.copy()
        assert mutators.alias_g(run, kept, []) is NotImplemented and kept.tolist() == g.tolist()
    others = [2.0, np.zeros(2, np.float32), np.zeros((1, 2)), np.zeros(3)]
    assert mutators.view_of_saved(double, g, others) is NotImplemented
    fits = np.zeros(2)
    found = mutators.view_of_saved(double, g, [*others, fits])
    assert found.base is fits and fits.tolist() == [2.0, 4.0] and not any(np.any(other) for other in others[1:])


@pytest.mark.parametrize(("dtype", "eps"), [(np.float64, 2.0**-24), (np.float32, 2.0**-11)])
def test_a_cast_rounds_through_the_next_smaller_float(dtype, eps):
    found = mutators.cast(lambda g: g, np.array([1 + eps / 2, 1 + 2 * eps], dtype), [])
    assert found.dtype == dtype and found.tolist() == [1.0, 1 + 2 * eps]


def test_a_rule_that_is_wrong_in_float32_alone():
    @mg.primitive
    def twice(x):
        return x * 2

    @twice.gradient("x")
    def _(g):
        return g * (3 if g.dtype == np.float32 else 2)

    spec = OpSpec("twice", twice, lambda x: x * 2, lambda rng: Sample((rng.standard_normal(3),)))
    check_spec(spec, seeds=[0], facets=["gradient"])
    with pytest.raises(AssertionError, match="twice"):
        check_spec(spec, seeds=[0], facets=["float32"])


def test_a_rule_comes_back_with_its_kernel():
    rules, kernels = dict(mg.tanh.rules), dict(mg.tanh.kernels)
    with mutants.apply(mg.tanh, "scale", "x"):
        assert mg.tanh.kernels == {}  # it would compute the right gradient
    assert (mg.tanh.rules, mg.tanh.kernels) == (rules, kernels)
    assert kernels


def test_no_rule_in_place_of_one_is_a_gradient_of_zero():
    with mutants.replaced(mg.square, {"x": None}):
        assert mg.grad(mg.square)(3.0).item() == 0.0
    assert mg.grad(mg.square)(3.0).item() == 6.0


def test_rules_of_an_operation_whose_outputs_are_not_all_differentiable():
    spec = OpSpec("sort", mg.sort, None, lambda rng: Sample((rng.standard_normal(3),)))
    assert {name for _, name in mutants.rules_of(spec, 0)} == {"x"}
