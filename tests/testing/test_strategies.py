"""What the strategies draw: a kind of call that is never drawn is never tested."""

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings

from minigrad.testing.random_graphs import STEPS
from minigrad.testing.strategies import VALUES, graphs, pool_cases, tensors


def drawn(strategy, count):
    """Return examples, the same ones each time."""
    found = []

    @settings(
        max_examples=count, database=None, derandomize=True, phases=[Phase.generate], suppress_health_check=[*HealthCheck]
    )
    @given(strategy)
    def draw(value):
        found.append(value)

    draw()
    return found


def test_graphs_have_every_kind_of_step_on_inputs_and_on_results():
    found = drawn(graphs(), 150)
    assert {step.name for graph in found for step in graph.steps} == set(STEPS)
    longest = max(found, key=lambda graph: len(graph.steps))
    assert max(n for step in longest.steps for n in step.operands) >= len(longest.inputs)
    assert all(np.abs(value).max(initial=0) <= 100 for graph in found for value in graph(*graph.inputs))


@pytest.mark.parametrize("name", ["add", "subtract", "multiply", "matmul", "negative", "sin", "cos", "tanh"])
def test_steps_are_what_they_are_called(name):
    function = getattr(np, name)
    operands = np.random.default_rng(0).normal(size=(function.nin, 3, 3))
    assert (STEPS[name](np, *operands) == function(*operands)).all()


def test_windows_of_pooling_overlap_touch_and_leave_gaps():
    found = drawn(pool_cases(), 60)
    for x, kernel, stride, _ in (case.args for case in found):
        assert min(*kernel, *stride, *x.shape) >= 1 and len(np.unique(x)) == x.size
    differences = {np.sign(case.args[2][0] - case.args[1][0]) for case in found}
    assert differences == {-1, 0, 1}


def test_values_that_avoid_kinks_come_near_to_them_from_both_sides():
    rng = np.random.default_rng(0)
    nonzero, positive, distinct = (VALUES[name](rng, (50, 40)) for name in ("nonzero", "positive", "distinct"))
    assert 0.1 <= np.abs(nonzero).min() < 0.11 and abs(np.mean(nonzero)) < 0.1 and 0.1 <= positive.min() < 0.11
    assert np.diff(np.sort(distinct.ravel())).min() >= 0.1 - 1e-9


def test_tensors_have_the_shape_that_is_given():
    assert {t.shape for t in drawn(tensors((2, 3)), 20)} == {(2, 3)}
    assert len({t.shape for t in drawn(tensors(), 20)}) > 1
