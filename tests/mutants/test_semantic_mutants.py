"""Every mistake of the list is noticed by the checks, and none of them by chance: what is right passes the same checks."""

import contextlib
import dataclasses

import numpy as np
import pytest

import minigrad as mg
from minigrad.engine import grad_mode
from minigrad.errors import GraphError
from minigrad.testing import check_spec, gradcheck
from tests import test_trajectory
from tests.engine import test_threads
from tests.mutants import naive
from tests.mutants.engines import MUTANTS
from tests.mutants.semantic import PATCHES
from tests.mutants.specs import SPECS, check_tails

FACETS = ("forward", "exact", "gradient", "kinks")


def proof(spec, fn, seeds=60):
    check_spec(dataclasses.replace(spec, fn=fn), seeds=range(seeds), facets=FACETS)
    if spec.name in ("softmax", "log_softmax"):
        check_tails(fn)


@pytest.mark.parametrize("name", SPECS)
def test_the_naive_operations_are_right(name):
    proof(SPECS[name], getattr(naive, name), 20)


@pytest.mark.parametrize("patch", PATCHES, ids=lambda patch: f"{patch.number} {patch.op}: {patch.what}")
def test_a_mistake_in_an_operation_is_noticed(patch):
    fn = patch.apply()[patch.op]
    with pytest.raises(Exception) as caught:
        proof(SPECS[patch.op], fn)
    assert not isinstance(caught.value, NameError | SyntaxError | KeyError), caught.value


def trajectories():
    for case in test_trajectory.OPTIMIZERS:
        test_trajectory.check_trajectory(*case)


def mixed_dtypes():
    """A float32 and a float64 input: each gradient in the dtype of its own."""
    assert gradcheck(mg.multiply, [np.ones((2, 3), np.float32), np.full((2, 3), 2.0)], checks=("form",))


def a_rule_beside_another():
    assert gradcheck(mg.exp, np.array([0.5, -1.0]))


def values_used_twice():
    """Fan-out at every depth, in numbers that one can check by hand."""
    x, y = (mg.tensor(np.array([v, -v]), requires_grad=True) for v in (2.0, 3.0))
    older, h = x * 5.0, x + y  # what flows into h is handed to x and y, and x gets more after
    (h * 1.0 + older + h + x * x).backward(np.array([1.0, 10.0]))
    assert x.grad.tolist() == [11.0, 30.0] and y.grad.tolist() == [2.0, 20.0]
    x.grad = y.grad = None
    older, h = x * 5.0, x + y
    (h + older).backward(np.array([1.0, 10.0]))
    assert x.grad.tolist() == [6.0, 60.0] and y.grad.tolist() == [1.0, 10.0]
    z = x * y
    for _ in range(2):
        z.backward(np.array([1.0, 10.0]), retain_graph=True)
    assert x.grad.tolist() == [12.0, 0.0] and y.grad.tolist() == [5.0, -30.0]


def an_exception_under_no_grad():
    with contextlib.suppress(ZeroDivisionError), mg.no_grad():
        raise ZeroDivisionError
    assert mg.is_grad_enabled()


def writing_to_what_was_saved():
    x = mg.tensor(np.ones(2), requires_grad=True)
    y = (x * x).sum()
    with mg.no_grad():
        x.copy_(np.zeros(2))
    try:
        y.backward()
    except GraphError:
        return
    raise AssertionError("a stale value was used")


# None of them draws: the tape machine and the random graphs notice most of this, too, but not on every day.
CHECKS = (
    values_used_twice,
    an_exception_under_no_grad,
    writing_to_what_was_saved,
    mixed_dtypes,
    a_rule_beside_another,
    trajectories,
    test_threads.test_the_mode_is_isolated_at_every_moment,
)


def test_the_library_passes_the_checks():
    for check in CHECKS:
        check()


@pytest.fixture
def the_mode_after():
    """A wrong engine may leave recording off: that is its own affair."""
    yield
    grad_mode.mode.enabled = True


@pytest.mark.parametrize("name", MUTANTS)
def test_a_mistake_in_the_engine_is_noticed(name, the_mode_after):
    with MUTANTS[name]():
        assert any(_fails(check) for check in CHECKS)


def _fails(check):
    try:
        check()
    except Exception:
        return True
    return False
