"""The pytest plugin, in a pytest of its own."""

import pytest

pytest_plugins = ["pytester"]

TESTS = """
import numpy as np
import minigrad as mg
from minigrad.testing import check_spec, OpSpec, Sample

wrong = mg.primitive(lambda x: x**3)
wrong.gradient("x")(lambda g, x: 2 * g * x**2)


def test_right(gradcheck, gradgradcheck):
    assert gradcheck(mg.tanh, np.ones(3)) and gradgradcheck(mg.tanh, np.ones(3))


def test_wrong(gradcheck):
    x = np.array([1.0, 2.0])
    gradcheck(wrong, x)


def test_kink(gradcheck):
    gradcheck(mg.relu, np.zeros(2))


def test_spec():
    check_spec(OpSpec("cube", wrong, lambda x: x**3, lambda rng: Sample((rng.standard_normal(2),))))


def test_other():
    assert 1 == 2
"""


@pytest.fixture
def result(pytester, request):
    pytester.makepyfile(test_mine=TESTS)
    known = request.config.pluginmanager.has_plugin("minigrad")  # installed, it is found by its entry point
    return pytester.runpytest_subprocess("-p", "no:cacheprovider", *([] if known else ["-p", "minigrad.testing.plugin"]))


def test_failures_show_the_report_alone(result):
    result.assert_outcomes(passed=1, failed=4)
    text = result.stdout.str()
    result.stdout.fnmatch_lines(
        [
            "test_mine.py:*: *gradcheck(wrong, x)",
            "GradcheckError: *the gradient of input 0 is wrong: every entry is 0.6667 times the numeric one",
            "*numeric *12",
            "*analytic *8",
            "*to reproduce it:",
            "NonDifferentiableError: relu: output 0 [[]0[]] has a kink*",
            "spec 'cube', facet 'gradient', seed 0",
            "*assert 1 == 2",
        ]
    )
    assert "input_check.py" not in text and "minigrad/testing" not in text
