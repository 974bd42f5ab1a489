"""Every mistake of the list is noticed by the checks, and none of them by chance: what is right passes the same checks."""

import dataclasses
import unittest

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

import minigrad as mg
from minigrad import graph
from minigrad.testing import check_spec, gradcheck
from minigrad.testing.strategies import graphs
from tests import test_random_graphs, test_tape_machine, test_threads, test_trajectory
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


class Tape(test_tape_machine.Tape):
    pass


# Which examples are drawn depends on the constants in all modules loaded: many, so that no mistake is missed by chance.
unshrunk = settings(max_examples=200, phases=[Phase.generate], database=None)
Tape.TestCase.settings = settings(unshrunk, stateful_step_count=25)


def the_tape_machine():
    result = unittest.TestResult()
    unittest.defaultTestLoader.loadTestsFromTestCase(Tape.TestCase).run(result)
    assert result.wasSuccessful() and result.testsRun, result.failures + result.errors


@unshrunk
@given(graph=graphs(min_steps=3), seed=st.integers(0, 2**32 - 1))
def random_graphs(graph, seed):
    test_random_graphs.check_first_derivatives(graph, seed)


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
    h = x + y  # what flows in is handed to both
    (h * 1.0 + x * 5.0 + h + x * x).backward(np.array([1.0, 10.0]))
    assert x.grad.tolist() == [11.0, 30.0] and y.grad.tolist() == [2.0, 20.0]
    z = x * y
    for _ in range(2):
        z.backward(np.array([1.0, 10.0]), retain_graph=True)
    assert x.grad.tolist() == [17.0, -30.0] and y.grad.tolist() == [6.0, -20.0]


CHECKS = (  # the quick ones first
    values_used_twice,
    mixed_dtypes,
    a_rule_beside_another,
    trajectories,
    test_threads.test_the_mode_is_isolated_at_every_moment,
    the_tape_machine,
    random_graphs,
)


def test_the_library_passes_the_checks():
    for check in CHECKS:
        check()


@pytest.fixture
def the_mode_after():
    """A wrong engine may leave recording off: that is its own affair."""
    yield
    graph.mode.enabled = True


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
