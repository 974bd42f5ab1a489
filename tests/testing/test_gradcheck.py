"""The checkers catch what is wrong, pass what is right, and say which it was."""

import xml.etree.ElementTree as ET

import numpy as np
import pytest

import minigrad as mg
import minigrad.nn.functional as F
from minigrad.errors import DTypeError
from minigrad.testing import (
    CHECKS,
    GradcheckError,
    NonDifferentiableError,
    check_against,
    check_vjp_exact,
    gradcheck,
    gradgradcheck,
)
from minigrad.testing.error_patterns import diagnose
from minigrad.testing.finite_differences import TO_ROUNDING, random_direction, signed_vector, slopes


def op(forward, **rules):
    """A primitive with the given rules."""
    made = mg.primitive(forward)
    for name, rule in rules.items():
        made.gradient(name)(rule)
    return made


def sine(x):
    return np.sin(x)


def exponential(x):
    return np.exp(x)


def total(x):
    return np.asarray(x.sum())


def complaints(function, inputs, **options):
    """The names of the checks that fail."""
    return {f.check for f in gradcheck(function, inputs, raise_exception=False, **options).failures}


@pytest.mark.parametrize("linear", [True, False])
def test_the_rounding_of_a_slope_is_measured_without_bias(linear, rng):
    """On values that are independent errors of one size, and on such errors beside a smooth function."""
    noise = [rng.standard_normal(20_000) for _ in range(7)]
    if linear:
        at = lambda t: noise[3 + round(t)]
        found = slopes(at, at(0), 1.0, linear=True)
    else:
        at = lambda t: noise[3 + round(2 * t / 1e-3)]
        found = slopes(at, at(0), 1e-3)
        assert np.std(found.truncation * TO_ROUNDING) == pytest.approx(np.std(found.central), rel=0.03)
    assert np.std(found.rounding) == pytest.approx(np.std(found.central), rel=0.03)


def test_rounding_is_no_kink(rng):
    x = rng.standard_normal(1000)
    small = lambda t: 1 + 1e-9 * np.sin(x + t)
    assert not slopes(small, small(0), 1e-3).kinked.any()


# What is right passes


@pytest.mark.parametrize("mode", ["auto", "full", "directional"])
def test_right_gradients_pass(mode, rng):
    x, y = rng.standard_normal((3, 4)), rng.standard_normal((4, 2))
    for function, inputs in ((mg.matmul, [x, y]), (np.tanh, x), (lambda a: a.max(1), x), (mg.log_softmax, [x])):
        report = gradcheck(function, inputs, mode=mode)
        assert report and report.compared and report.worst.excess < 0.5
        assert gradgradcheck(function, inputs, mode=mode)


def test_inputs_stand_anywhere_and_outputs_too(rng):
    x, y = rng.standard_normal((2, 3)), rng.standard_normal(3)

    def f(pair, indices, *, weight, first):
        return {"sum": pair[0] * weight + pair[1][0], "more": (pair[0][indices], [pair[1][0] * pair[1][0], indices])}

    assert gradcheck(f, [(x, [y]), np.array([0, 0, 1])], kwargs={"weight": np.ones(3), "first": None})
    assert gradgradcheck(f, [(x, [y]), np.array([0, 0, 1])], kwargs={"weight": np.ones(3), "first": None})
    assert gradcheck(lambda a: mg.max(a, 0), x)  # the values count, the indices do not


def test_which_inputs_are_differentiated(rng):
    x, y = rng.standard_normal(3), rng.standard_normal(3)
    wrong_in_y = op(lambda x, y: x * y, x=lambda g, y: g * y, y=lambda g, x: g)
    assert gradcheck(wrong_in_y, [x, y], wrt=0)
    assert gradcheck(wrong_in_y, [mg.tensor(x, requires_grad=True), mg.tensor(y)])
    for inputs, wrt in (([x, y], None), ([x, y], [1]), ([mg.tensor(x), mg.tensor(y)], None)):
        with pytest.raises(GradcheckError, match="gradient of input 1 is wrong"):
            gradcheck(wrong_in_y, inputs, wrt=wrt)
    with pytest.raises(ValueError, match=r"wrt names input 2; the float inputs are 0\.\.1"):
        gradcheck(mg.multiply, [x, y], wrt=2)


def test_sizes_zero_and_one():
    for size in ((), (1,), (1, 1)):
        assert gradcheck(mg.tanh, [np.full(size, 0.3)])
        assert gradcheck(mg.add, [np.full(size, 0.3), np.full((), 0.3)])
        assert gradgradcheck(mg.multiply, [np.full(size, 0.3), np.full((), 0.3)])
    # One gradient is of a number, and compared: that of the other, and of the sum, are of nothing.
    assert gradgradcheck(mg.multiply, [np.zeros((2, 0)), np.full((), 0.3)])


NO_FLOATS = r"no array or tensor of floats to differentiate; given "
NOTHING = {
    "integers": (mg.sin, np.array([1, 2]), NO_FLOATS + r"int64 \(2,\)\n  hint: .*\.astype\(float\)"),
    "a tensor of integers": (F.relu, mg.tensor([1, 2, 3]), NO_FLOATS + r"int64 \(3,\)"),
    "integers made floats inside": (lambda x: F.relu(mg.tensor(x).float()) * 2, np.array([1, 2]), NO_FLOATS),
    "booleans and options": (mg.sum, [np.array([True]), 0], NO_FLOATS + r"bool \(1,\), a Python int"),
    "a number": (mg.sin, 2.0, NO_FLOATS + r"a Python float\n  hint: pass np\.array\(1\.0\)"),
    "complex": (mg.sin, np.array([1j]), "an input of sin is complex"),
    "complex beside floats": (
        mg.add,
        [np.ones(2), np.array([1j, 2])],
        r"an input of add is complex: argument 1, complex128 \(2,\); gradients are",
    ),
    "a complex number": (mg.add, [np.ones(2), 1j], "an input of add is complex: argument 1, 1j; gradients are of real"),
    "no input": (mg.sin, [], NO_FLOATS + "nothing"),
    "no float among the results": (mg.argmax, np.ones(3), "argmax: no result is of floats: nothing was checked"),
    "no elements": (mg.tanh, np.zeros((2, 0)), "tanh: the inputs to differentiate have no elements: nothing was checked"),
    "no elements in the result": (lambda x: x[:0], np.ones(2), "the results have no elements: nothing was checked"),
}


@pytest.mark.parametrize("case", NOTHING)
@pytest.mark.parametrize("check", [gradcheck, gradgradcheck, check_vjp_exact, check_against])
def test_what_compares_nothing_does_not_hold(check, case):
    func, inputs, says = NOTHING[case]
    args = [lambda *args: np.asarray(func(*args))] if check is check_against else []
    if check is check_against and case == "no float among the results":
        assert str(check(func, *args, inputs)).startswith("argmax: forward holds\n")  # the values are, and that is said
        return
    if check is gradgradcheck and case == "no elements in the result":
        assert check(func, inputs).compared  # the gradient is of two zeros
        return
    for raise_exception in (True, False):
        with pytest.raises((DTypeError, NonDifferentiableError), match=says if "elements" not in case else "no elements"):
            check(func, *args, inputs, raise_exception=raise_exception)


def test_what_options_leave_nothing_to_compare():
    x = np.array([0.5, 1.0])
    for check, options, says in (
        (gradcheck, {"wrt": []}, "tanh: wrt names no input: nothing was checked"),
        (
            gradcheck,
            {"directions": 0, "mode": "directional", "checks": ()},
            "tanh: no directions and no checks: nothing was",
        ),
        (check_vjp_exact, {"linear_in": []}, "linear_in and homogeneous_in name no input: nothing was checked"),
    ):
        with pytest.raises(NonDifferentiableError, match=says):
            check(mg.tanh, x, **options)
    assert str(gradcheck(mg.tanh, x, directions=0, mode="directional", checks=["form"])).startswith("tanh: form holds\n")
    assert gradcheck(mg.tanh, np.array(2.0)) and gradcheck(mg.add, [x, 2.0]).inputs == ["(2,) float64"]


def test_float32_against_a_float64_copy(rng):
    x = rng.standard_normal((3, 4)).astype(np.float32)
    assert gradcheck(mg.softmax, x) and gradgradcheck(mg.sigmoid, x)
    with pytest.raises(GradcheckError):
        gradcheck(op(lambda x: x * x, x=lambda g, x: g * (2.003 * x)), x)


def test_float32_allows_less_where_the_function_is_linear():
    double = op(lambda x: x * 2, x=lambda g: g * 2 * np.float32(1.0001))
    x = np.ones(1, np.float32)
    assert gradcheck(double, x)
    with pytest.raises(GradcheckError):
        gradcheck(double, x, linear_in=[0])


@pytest.mark.parametrize("mode", ["full", "directional"])
@pytest.mark.parametrize("size", [1e-120, 1e-12, 1.0, 1e12, 1e120])
def test_a_kink_of_any_size_is_a_kink(size, mode):
    with pytest.raises(NonDifferentiableError, match=r"slope is -.* from the left and "):
        gradcheck(lambda x: mg.abs(x) * size, np.zeros(1), mode=mode)


@pytest.mark.parametrize("size", [1e-12, 1.0, 1e12])
def test_a_bracket_is_as_exact_at_any_size(size):
    def ramp(factor):
        return op(lambda x: np.maximum(x, 0) * size, x=lambda g, x: g * size * factor * (x >= 0))

    for directions, mode in ((2, "directional"), (0, "full")):
        options = {"kinks": "bracket", "mode": mode, "directions": directions, "checks": (), "raise_exception": False}
        assert gradcheck(ramp(1), np.zeros(1), **options)
        assert not gradcheck(ramp(1.001), np.zeros(1), **options)


@pytest.mark.parametrize("kinks", ["skip", "bracket"])
def test_a_kink_does_not_count_as_rounding_of_the_other_entries(kinks):
    bent = op(lambda x: np.abs(x), x=lambda g, x: g * np.sign(x) * np.where(x == 2, 1.0001, 1))
    x = np.array([0.0, 2.0, 3.0])
    report = gradcheck(bent, x, kinks=kinks, mode="full", directions=0, checks=(), raise_exception=False)
    assert not report and report.worst.what.endswith("d input 0 [1]")


def test_a_constant_has_no_gradient():
    assert gradcheck(np.floor, np.array([0.5, 1.5]))
    assert gradcheck(lambda x, y: (x.detach() * 0, y), [np.ones(2), np.ones(2)])


# What is wrong does not: PyTorch's and HIPS's known escapes among it


@pytest.mark.parametrize("mode", ["full", "directional"])
def test_a_relative_error_of_five_in_ten_thousand(mode, rng):
    x = rng.standard_normal((3, 4))
    for off in (5e-4, -5e-4, 1e-5):  # PyTorch allows 1e-3, autograd 1e-2
        assert complaints(op(lambda x: x**3, x=lambda g, x: g * 3 * x**2 * (1 + off)), x, mode=mode)


@pytest.mark.parametrize("mode", ["full", "directional"])
@pytest.mark.parametrize("entry", [(0, 0), (17, 71), (99, 99)])
def test_one_wrong_entry_in_a_jacobian_of_ten_thousand(mode, entry, rng):
    matrix = rng.standard_normal((100, 100))
    wrong = matrix.copy()
    wrong[entry] *= 1.2
    product = op(lambda x: matrix @ x, x=lambda g: wrong.T @ g)
    with pytest.raises(GradcheckError) as caught:
        gradcheck(product, rng.standard_normal(100), mode=mode, checks=())
    assert f"d input 0 [{entry[1]}]" in str(caught.value)
    if mode == "full":
        assert f"d output 0 [{entry[0]}]" in str(caught.value)


def test_a_tolerance_does_not_grow_with_the_size(rng):
    x = rng.standard_normal(20_000)
    wrong = op(sine, x=lambda g, x: g * np.cos(x) * (1 + 1e-5))
    with pytest.raises(GradcheckError, match="wrong"):
        gradcheck(wrong, x, checks=())


def test_one_wrong_entry_in_a_large_input_is_found_by_halves(rng):
    x = rng.standard_normal(5_000)

    def rule(g, x):
        gx = g * np.cos(x)
        gx[1234] *= 2
        return gx

    with pytest.raises(GradcheckError, match=r"d input 0 \[1234\]"):
        gradcheck(op(sine, x=rule), x, checks=())


def test_a_rule_that_ignores_what_flows_in(rng):
    x = rng.standard_normal((2, 3))
    with pytest.raises(GradcheckError, match="does not depend on the incoming gradient"):
        gradcheck(op(total, x=lambda g, x: np.ones_like(x)), x)
    assert complaints(op(exponential, x=lambda g, out: out), x) >= {"gradient", "linear"}


def test_transposition_with_equal_sizes(rng):
    x = rng.standard_normal((4, 4))
    for mode in ("full", "directional"):
        with pytest.raises(GradcheckError, match="it is transposed"):
            gradcheck(op(lambda x: x * 2, x=lambda g: (g * 2).T), x, mode=mode, linear_in=[0])


@pytest.mark.parametrize(
    ("rule", "hint"),
    [
        (lambda g, x: -g * np.cos(x), "it has the wrong sign everywhere"),
        (lambda g, x: g * 0, "it is zero everywhere"),
        (lambda g, x: None, "it is zero everywhere"),
        (lambda g, x: g * np.cos(x) / 2, "every entry is 0.5 times the numeric one"),
        (lambda g, x: g * np.cos(x) * 1.00002, r"every entry is \(1 \+ 2e-05\) times the numeric one"),
        (lambda g, x: (g * np.cos(x))[::-1], "reversed along axis 0"),
        (lambda g, x: np.roll(g * np.cos(x), 1, 1), "shifted by 1 along axis 1"),
        (lambda g, x: g * np.cos(x) + (np.arange(12).reshape(3, 4) == 7), "1 of 12 entries differ"),
    ],
)
def test_the_report_says_how_it_is_wrong(rule, hint, rng):
    with pytest.raises(GradcheckError, match=hint):
        gradcheck(op(sine, x=rule), rng.standard_normal((3, 4)))


@pytest.mark.parametrize("size", [1e-12, 1.0, 1e12])
def test_what_is_said_of_a_wrong_gradient_does_not_depend_on_its_size(size):
    numeric = np.array([[1.0, 2.0], [3.0, 5.0]]) * size
    assert diagnose(numeric, numeric.T * (1 + 1e-7), 2, False) == "it is transposed (2 of 4 entries differ)"
    assert diagnose(numeric, numeric.T * [[1, 1], [1, 1.1]], 3, False) == "3 of 4 entries differ"


def test_the_report_on_a_gradient_of_one_entry_names_no_others(rng):
    with pytest.raises(GradcheckError, match="its only entry is 2 times the numeric one"):
        gradcheck(op(lambda a: a * np.ones(3), a=lambda g: 2 * np.sum(g)), rng.standard_normal(()))


def test_guided_backpropagation_survives_no_signed_gradient():
    guided = op(lambda x: np.maximum(x, 0), x=lambda g, out: g * (out > 0) * (g > 0))
    x = np.array([1.0, -2.0, 3.0, 1.0, 2.0, 3.0])
    assert complaints(guided, x) >= {"gradient", "linear"}
    assert complaints(guided, x, grad_output=np.ones(6)) >= {"linear"}


def test_nan_is_not_equal_to_nan():
    nan = op(lambda x: x * np.nan, x=lambda g: g * np.nan)
    with pytest.raises(GradcheckError, match=r"output 0 is nan at \[0\]"):
        gradcheck(nan, np.ones(2))
    with pytest.raises(GradcheckError, match=r"the gradient of input 0 is inf at \[1\]"):
        gradcheck(np.sqrt, np.array([1.0, 0.0]))


# Kinks


def test_kinks_raise_are_skipped_or_bracketed():
    at_zero = np.array([1.0, 0.0, -2.0])
    for mode in ("full", "directional"):
        with pytest.raises(NonDifferentiableError, match=r"slope is .* from the left"):
            gradcheck(mg.relu, at_zero, mode=mode)
        assert gradcheck(mg.relu, at_zero, mode=mode, kinks="bracket")
    assert gradcheck(mg.relu, at_zero, mode="full", kinks="skip").skipped == 3  # two directions and one entry
    outside = op(lambda x: np.maximum(x, 0), x=lambda g, x: g * (1.0 * (x > 0) + 2.0 * (x == 0)))
    assert complaints(outside, at_zero, mode="full", kinks="bracket") == {"gradient"}
    assert complaints(outside, at_zero, mode="directional", kinks="bracket") == {"gradient"}
    with pytest.raises(NonDifferentiableError, match="nothing was checked"):
        gradcheck(mg.relu, np.zeros(1), kinks="skip")


@pytest.mark.parametrize("size", [1.0, 1e-3])
def test_every_kink_within_the_step_is_seen(size):
    for where in (*np.linspace(-1e-3, 1e-3, 401), *(1e-3 - 10.0 ** -np.arange(4, 9)), *(10.0 ** -np.arange(4, 9) - 1e-3)):
        found = slopes(
            lambda t, where=where: np.array([3 * t + size * abs(t - where), 3 * t]),
            np.zeros(2) + size * abs(np.array([where, 0.0])),
            1e-3,
        )
        assert found.kinked.tolist() == [True, False], where


@pytest.mark.parametrize("mode", ["full", "directional"])
def test_a_kink_at_the_end_of_the_step_is_a_kink_not_a_wrong_gradient(mode):
    for part in (0.9, 0.99, 0.999, 0.9999, 0.99999):
        x = np.array([1e-3 * part])  # of which a direction may have up to 1.7, an entry 1
        for scaled in (x, x * abs(random_direction(np.random.default_rng([0, 1, 0, 0]), x))):
            with pytest.raises(NonDifferentiableError):
                gradcheck(np.abs, scaled, mode=mode, eps=1e-3)
            assert gradcheck(np.abs, scaled, mode=mode, eps=1e-3, kinks="bracket")
            assert gradcheck(np.abs, scaled, mode=mode)  # with a step that it finds itself, smaller than the distance


def test_the_ends_of_a_bracket_are_exact_where_the_sides_are_curved():
    curved = op(lambda x: np.where(x > 0, np.exp(3 * x), np.sin(9 * x) / 9 + 1), x=lambda g, x: g)
    assert gradcheck(curved, np.zeros(1), kinks="bracket", checks=())
    beyond = op(lambda x: np.where(x > 0, np.exp(3 * x), np.sin(9 * x) / 9 + 1), x=lambda g, x: g * (1 - 1e-6))
    assert complaints(beyond, np.zeros(1), kinks="bracket", checks=())


def test_a_skipped_edge_hides_no_other_entry():
    off = op(lambda x: np.log(x), x=lambda g, x: g / x * np.where(x == 1, 1 + 1e-6, 1))
    x, options = np.array([1.0, 1e-5]), {"eps": 1e-3, "kinks": "skip", "mode": "full", "checks": ()}
    assert gradcheck(np.log, x, **options).skipped == 3
    assert complaints(off, x, **options) == {"gradient"}


def test_smooth_functions_have_no_kinks():
    for f in (np.exp, np.sin, lambda x: x**4, lambda x: 1 / (1 + np.exp(-9 * x)), lambda x: x**2 * 1e6, np.tanh):
        for x in (-2.0, -0.3, 0.0, 0.7, 2.0):
            assert not slopes(lambda t, f=f, x=x: np.array([f(x + t)]), np.array([f(x)]), 1e-3).kinked.any()


def test_the_edge_of_a_domain_is_no_derivative():
    with pytest.raises(NonDifferentiableError, match="leaves its domain"):
        gradcheck(np.log, np.array([1.0, 1e-5]), eps=1e-3)
    for x in (1e-5, 1e-300):
        assert gradcheck(np.log, np.array([1.0, x]))


# Options


def test_linear_functions_have_no_error_but_rounding(rng):
    x = rng.standard_normal((3, 4))
    nearly = op(lambda x: x * 3, x=lambda g: g * (3 + 2e-11))
    assert gradcheck(nearly, x) and complaints(nearly, x, linear_in=[0]) == {"gradient"}
    with pytest.raises(GradcheckError, match="linear_in says that it is linear in input 0, but it is not"):
        gradcheck(np.sin, x, linear_in=[0])
    third = op(lambda x, y: x * (1 + y) - x, x=lambda g, y: g * y, y=lambda g, x: g * x)
    for cancelled in (1e-3, 1e-7, 1e-10, 0.0):  # of x, that much is left
        assert gradcheck(third, [x, np.full((3, 4), cancelled)], linear_in=[0])


def test_a_given_incoming_gradient(rng):
    x = rng.standard_normal((2, 3))
    last_row_only = op(lambda x: x * 2, x=lambda g: np.array([[1.0], [2.0]]) * g)
    first, last = np.array([[0.0] * 3, [1.0] * 3]), np.array([[1.0] * 3, [0.0] * 3])
    assert gradcheck(last_row_only, x, grad_output=first, mode="directional")
    assert not gradcheck(last_row_only, x, grad_output=last, mode="directional", raise_exception=False)
    with pytest.raises(ValueError, match=r"grad_output has shapes \[\(3,\)\], the outputs \[\(2, 3\)\]"):
        gradcheck(mg.tanh, x, grad_output=np.ones(3))


def test_options_are_refused_by_name():
    for options in ({"mode": "fast"}, {"kinks": "ignore"}, {"checks": ("shape",)}):
        with pytest.raises(ValueError, match=f"{next(iter(options))} must be one of"):
            gradcheck(mg.tanh, np.ones(2), **options)
    with pytest.raises(TypeError, match="must return a tensor or several, got float"):
        gradcheck(lambda x: 1.0, np.ones(2))


def test_second_derivatives(rng):
    x = rng.standard_normal((2, 3))
    # Right once, wrong twice: the first-order rule detaches what it multiplies by.
    once = op(sine, x=lambda g, x: g * (np.cos(x) if isinstance(x, np.ndarray) else np.cos(x.detach())))
    assert gradcheck(once, x)
    with pytest.raises(GradcheckError, match="gradient of sine: the gradient of input 0 is wrong: it is zero"):
        gradgradcheck(once, x)
    assert not gradgradcheck(once, x, raise_exception=False)


def test_an_input_without_any_gradient_has_zeros_in_the_second_order(rng):
    report = gradgradcheck(lambda x, y: x * x, [rng.standard_normal(3), rng.standard_normal(2)])
    assert report.passed


# The report


def test_what_a_report_says():
    report = gradcheck(mg.multiply, [np.ones(2), np.full((1, 2), 3.0)], checks=())
    first, *rest = str(report).split("\n")
    assert first.startswith("multiply: gradient holds, worst error ")
    assert rest == [
        "  input 0   (2,) float64",
        "  input 1   (1, 2) float64",
        "  output 0  (1, 2) float64",
        "  mode full, seed 0, 12 comparisons",  # two directions and 2 x 2 entries, of two inputs
    ]


def test_a_reproducer_keeps_the_shape_of_an_empty_array():
    wrong = lambda x, empty: wrong_square(x)
    report = gradcheck(wrong, [np.ones(1), np.zeros((0, 3))], wrt=0, raise_exception=False)
    assert "inputs = (np.array([1.0], np.float64), np.zeros((0, 3), np.float64))" in report.reproducer


def test_up_to_a_hundred_numbers_every_entry_is_compared():
    for size, mode, compared in ((50, "full", 2 + 50 * 50), (51, "directional", 2)):
        report = gradcheck(mg.tanh, np.linspace(-1, 1, size))
        assert (report.mode, report.compared) == (mode, compared)


def test_nan_among_the_constants_is_unchanged():
    assert gradcheck(lambda x, y: x * mg.where(mg.isnan(y), 2.0, y), [np.ones(2), np.array([np.nan, 3.0])], wrt=0)


def test_values_that_the_function_refuses_have_no_layout():
    def increasing(x):
        if not (np.diff(x.detach().numpy()) > 0).all():
            raise ValueError("not increasing")
        return x * x

    assert gradcheck(increasing, np.array([1.0, 2.0, 3.0]))


def test_one_output_with_a_graph_of_its_own_is_enough():
    def second_has_one(x):
        return x * 2, x * mg.tensor(1.0, requires_grad=True)

    assert complaints(second_has_one, np.ones(2)) == {"no_graph"}


def test_nan_is_not_taken_for_a_random_result():
    assert complaints(op(lambda x: x * np.nan, x=lambda g: g), np.ones(2)) == {"finite"}


def test_the_reproducer_runs(rng):
    x = np.asfortranarray(rng.standard_normal((2, 3)))
    with pytest.raises(GradcheckError) as caught:
        gradcheck(wrong_at_module_level, [x, (2, "a")], kwargs={"scale": 2.0}, seed=3, mode="directional")
    report = caught.value.report
    assert (
        "grad_output" not in report.reproducer
        and "strides (8, 16)" in report.inputs[0]
        and report.seed == 3
        and not report.passed
    )
    with pytest.raises(GradcheckError) as again:
        exec(report.reproducer, {})
    assert str(again.value) == str(caught.value)


def test_a_report_is_true_if_all_holds():
    report = gradcheck(mg.tanh, np.ones((2, 2)), checks=("form", "linear"))
    assert (
        report.passed
        and report.checks == ["form", "linear"]
        and str(report).startswith("tanh: gradient, form, linear hold, ")
    )
    report = gradcheck(op(sine, x=lambda g: g), np.ones(200), raise_exception=False)
    assert not report and "too large to print" in report.reproducer and "to reproduce it" in str(report)


_wrong = op(lambda x, scale: np.sin(scale * x), x=lambda g, x, scale: g * np.cos(scale * x))


def wrong_at_module_level(x, options, scale):
    assert options == (2, "a")
    return _wrong(x, scale)


# Directions


def test_directions_are_signed_uneven_and_independent():
    u, v = signed_vector(np.random.default_rng(0), 100), signed_vector(np.random.default_rng(1), 100)
    for w in (u, v):
        assert np.abs(w).min() >= 0.1 / 10 and (w > 0).any() and (w < 0).any() and len(np.unique(np.abs(w))) == 100
    assert abs(np.linalg.norm(u) - 1) < 0.2 and not np.array_equal(u, v)
    x = np.array([0.1, -50.0])
    assert np.abs(random_direction(np.random.default_rng(0), x)[1]) > 0.1 * 50 / 2**0.5


# Side checks: each catches its own mistake


def side(check, function, inputs=None):
    x = np.array([[1.5, -2.0, 0.5], [3.0, 4.0, -1.0]]) if inputs is None else inputs
    assert complaints(mg.sin, x) == set()
    return check in complaints(function, x)


def test_side_check_linear():
    assert side("linear", op(lambda x: x * 2, x=lambda g: 2 * g.astype(np.float32)))  # too coarse for a difference


def test_side_check_repeat():
    calls = iter(range(1000))
    with pytest.raises(GradcheckError, match="a second call returns other values: is the function random"):
        gradcheck(op(lambda x: x * (1 + 1e-9 * next(calls)), x=lambda g: g), np.ones(2))

    def noisy_rule(g):
        return g * (1 + 1e-15 * next(calls))

    assert side("repeat", op(lambda x: x * 1, x=noisy_rule))

    def overwrites_what_it_saved(g, x):
        gx = g * np.cos(x)
        x.flags.writeable = True
        x *= 2
        return gx

    assert side("repeat", op(sine, x=overwrites_what_it_saved))


def test_side_check_unchanged():
    def adds_into_g(g, x):
        g *= np.cos(x)
        return g

    assert side("unchanged", op(sine, x=adds_into_g))

    def writes_into_its_input(x):
        x[...] = np.sin(x)
        return x.copy()

    made = op(writes_into_its_input, x=lambda g: g)
    assert complaints(made, np.full(3, 0.5), checks=("unchanged",)) == {"gradient", "unchanged"}


def test_side_check_reuse():
    buffer = np.zeros((2, 3))

    def returns_one_buffer(g, x):
        np.multiply(g, np.cos(x), out=buffer)
        return buffer

    assert side("reuse", op(sine, x=returns_one_buffer))

    def same(x, y):
        return x is y

    twice = op(lambda x, y: x * y, x=lambda g, x, y: g * y, y=lambda g, x, y: g * x * (not same(x, y)))
    assert "reuse" in complaints(twice, [np.array([1.0, 2.0]), np.array([3.0, 4.0])])


def test_side_check_layouts():
    by_memory = op(sine, x=lambda g, x: (g.ravel("K") * np.cos(x).ravel("K")).reshape(x.shape))
    assert side("layouts", by_memory)


def test_side_check_subsets():
    right = op(lambda x, y: x * y, x=lambda g, y: g * y, y=lambda g, x: g * x)
    wrong = op(lambda x, y: x * y, x=lambda g, y: g * y, y=lambda g, x: g * 2 * x)

    def forgetful(x, y):
        return (right if x.requires_grad else wrong)(x, y)

    assert "subsets" in complaints(forgetful, [np.ones(2), np.array([2.0, 3.0])])


def test_side_check_no_graph():
    def ignores_the_mode(t):
        with mg.enable_grad():
            return t * 1.0

    assert side("no_graph", ignores_the_mode)
    assert side("no_graph", lambda t: t * mg.tensor(2.0, dtype=np.float64, requires_grad=True))


def test_side_checks_form_and_accumulate(monkeypatch):
    """The engine sees to these for every rule; so they fail only where the engine does."""
    wrap = mg.tensor(0.0).__class__.accumulate_grad

    def keeps_what_it_is_given(self, g, fresh):
        self.stored_grad = mg.tensor(0.0)
        self.stored_grad.array = g

    for function, says in ((mg.positive, "shares memory with the incoming gradient"), (mg.reshape, "view")):
        monkeypatch.setattr(mg.Tensor, "accumulate_grad", keeps_what_it_is_given)
        args = [np.ones((2, 2)), (4,)] if function is mg.reshape else [np.ones(3)]
        failed = {f.check: f.message for f in gradcheck(function, args, raise_exception=False).failures}
        assert {"form", "accumulate"} <= set(failed) and ("shares" in failed["form"] or says in failed["form"])
        monkeypatch.setattr(mg.Tensor, "accumulate_grad", wrap)
        assert complaints(function, args) == set()


class Subclass(np.ndarray):
    """What no gradient is."""


def read_only(g):
    g = g.copy()
    g.flags.writeable = False
    return g


@pytest.mark.parametrize(
    "change, says",
    [
        (lambda g: g.copy().view(Subclass), "is a Subclass, not an array"),
        (read_only, "is read-only"),
        (lambda g: np.stack([g, g])[0], "is a view"),
    ],
)
def test_a_gradient_is_an_array_of_its_own_that_can_be_written_to(change, says, monkeypatch):
    def keeps_something_else(self, g, fresh):
        self.stored_grad = mg.tensor(0.0)
        self.stored_grad.array = change(g)

    monkeypatch.setattr(mg.Tensor, "accumulate_grad", keeps_something_else)
    failed = {f.check: f.message for f in gradcheck(mg.tanh, np.ones(3), raise_exception=False).failures}
    assert says in failed["form"]


def test_all_side_checks_run_by_default():
    assert set(CHECKS) == {
        "form", "repeat", "linear", "unchanged", "accumulate", "reuse", "layouts", "subsets", "no_graph",
    }  # fmt: skip
    assert gradcheck(F.mse_loss, [np.ones(3), np.zeros(3)]).checks == list(CHECKS)


def test_a_report_is_shown_as_it_prints_and_in_notebooks_with_a_mark():
    good = gradcheck(mg.tanh, [np.ones(3)])
    bad = gradcheck(lambda x: wrong_square(x), [np.ones(3)], raise_exception=False)
    for report, mark in ((good, "✓"), (bad, "✗")):
        assert repr(report) == str(report) and "GradcheckReport(" not in repr(report)
        shown = ET.fromstring(report._repr_html_())
        assert "".join(shown.itertext()) == f"{mark} {report}" and "monospace" in shown.get("style")
    assert good and not bad


@mg.primitive
def wrong_square(x):
    return x * x


@wrong_square.gradient("x")
def _(g, x):
    return g * x


def test_gradgradcheck_compares_recorded_gradients_with_those_that_are_not():
    @mg.primitive
    def double(x):
        return 2 * x

    @double.gradient("x", kernel=lambda g: 2 * g)
    def _(g):
        return 3 * g

    assert gradcheck(double, np.ones(3))
    report = gradgradcheck(double, np.ones(3), raise_exception=False)
    assert not report.passed and "with create_graph=True the gradient of input 0 at [" in str(report)
