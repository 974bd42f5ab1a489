"""detect_anomaly: the operation, the element and the user's line of the first NaN or infinity."""

import inspect
import re
import threading

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.engine import walk
from minigrad.engine.scope import watchers
from minigrad.errors import AnomalyError, GraphError

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")


def here():
    return inspect.currentframe().f_back.f_lineno


def leaf(*values):
    return mg.tensor(np.array(values), requires_grad=True)


def test_the_first_bad_result_is_named_with_its_line():
    x = leaf(4.0, -1.0, -2.0)
    with mg.detect_anomaly():
        y = x * 1
        line = here() + 2
        with pytest.raises(AnomalyError) as caught:
            np.sqrt(y).sum()
    e = caught.value
    assert (e.node.operation, e.index, e.count, e.place.line, e.place.function) == (
        "sqrt", (1,), 2, line, "test_the_first_bad_result_is_named_with_its_line",
    )  # fmt: skip
    assert str(e).startswith("sqrt: the result holds nan at index (1,), the first of 2 bad elements of 3\n  called  File")
    assert f'{__file__}", line {line}, in test_the' in str(e) and str(e).endswith(": np.sqrt(y).sum()")
    assert e.node.parents[0] is y.node  # what a picture needs


def test_a_bad_gradient_is_named_with_the_line_of_the_forward_call():
    x = leaf(4.0, 0.0)
    with mg.detect_anomaly():
        line = here() + 1
        y = np.sqrt(x)
        z = (y * 3).sum()
        with pytest.raises(AnomalyError) as caught:
            z.backward()
    e = caught.value
    assert (e.node.operation, e.index, e.count, e.place.line) == ("sqrt", (1,), 1, line)
    assert re.match(r"sqrt: its gradient for 'x' holds inf at index \(1,\)[\s\S]*y = np\.sqrt\(x\)$", str(e))
    assert "already held" not in str(e) and "hint" not in str(e)
    assert x.grad is None and mg.is_grad_enabled()


def test_a_forward_outside_has_no_line_to_tell():
    z = np.sqrt(leaf(0.0)).sum()
    with mg.detect_anomaly(), pytest.raises(AnomalyError, match=r"sqrt: [\s\S]*hint: call the forward inside") as caught:
        z.backward()
    assert caught.value.place is None and "called" not in str(caught.value)


def test_a_number_has_no_index():
    with mg.detect_anomaly(), pytest.raises(AnomalyError) as caught:
        mg.tensor(-1.0).sqrt()
    assert str(caught.value).splitlines()[0] == "sqrt: the result holds nan" and caught.value.index == ()


def test_a_line_without_source_is_named_alone():
    call = eval(compile("lambda: mg.tensor(-1.0).sqrt()", "<a program>", "eval"), {"mg": mg})
    with mg.detect_anomaly(), pytest.raises(AnomalyError) as caught:
        call()
    assert str(caught.value).splitlines()[1] == '  called  File "<a program>", line 1, in <lambda>'


def test_a_bad_gradient_of_a_later_input_is_found():
    class Two(mg.autograd.Function):
        @staticmethod
        def forward(ctx, x, y, z):
            return x + y + z

        @staticmethod
        def backward(ctx, g):
            return None, g, g.numpy() * np.inf

    z = leaf(1.0, 2.0)
    with mg.detect_anomaly(), pytest.raises(AnomalyError, match=r"Two: its gradient for 'z' holds inf at index \(0,\)"):
        Two.apply(2.0, leaf(1.0, 2.0), z).sum().backward()
    assert z.grad is None


def test_what_backward_has_walked_is_freed():
    x = leaf(1.0, 2.0)
    with mg.detect_anomaly():
        y = x.exp().sum()
        y.backward()
        with pytest.raises(GraphError, match="already freed"):
            y.backward()


def test_nan_from_nan_says_where_it_came_from():
    x = leaf(1.0, np.nan)
    with mg.detect_anomaly():
        with pytest.raises(AnomalyError, match=r"add: .*\(1,\)[\s\S]*input   x already held some"):
            x + 1
        with pytest.raises(AnomalyError, match=r"multiply: [\s\S]*y already held some"):
            2.0 * x
        y = leaf(1.0, 2.0) * 1
        with pytest.raises(AnomalyError, match="the incoming gradient already held some"):
            y.backward(np.array([1.0, np.nan]))
        assert np.where(np.isnan(x), 0.0, x).tolist() == [1.0, 0.0]  # NaN that goes nowhere is nobody's concern


def test_infinities_that_went_in_may_come_out():
    scores = leaf(1.0, 2.0, 3.0)
    mask = np.array([True, True, False])
    with mg.detect_anomaly():
        p = mg.softmax(mg.where(mask, scores, -np.inf))
        p.backward(np.array([1.0, 0.0, 0.0]))
        with pytest.raises(AnomalyError, match="subtract: the result holds nan"):
            mg.tensor(np.inf) - mg.tensor(np.inf)
        with pytest.raises(AnomalyError, match="divide: the result holds inf"):
            leaf(1.0) / 0.0
        with pytest.raises(AnomalyError, match="exp: the result holds inf"):
            mg.tensor([1000.0]).exp()  # also where nothing is recorded
    assert np.isfinite(scores.grad.tolist()).all()


def test_it_ends_with_its_block():
    before = list(watchers)
    with mg.detect_anomaly(), mg.detect_anomaly():
        assert len(watchers) == len(before) + 2
    with pytest.raises(KeyError), mg.detect_anomaly():
        raise KeyError
    assert watchers == before and walk.walking.walks == [walk.Walk]
    assert np.isnan(np.log(leaf(-1.0)).item())
    context = mg.detect_anomaly()
    with context, context as entered:
        assert entered is context
    assert watchers == before and walk.walking.walks == [walk.Walk]

    @mg.detect_anomaly()
    def f(x):
        return np.log(x)

    with pytest.raises(AnomalyError, match="log"):
        f(leaf(-1.0))
    assert np.isnan(np.log(leaf(-1.0)).item())
    with mg.detect_anomaly(check_nan=False):
        np.log(leaf(-1.0)).backward()


@pytest.mark.parametrize(
    "inner", [mg.detect_anomaly, lambda: mg.detect_anomaly(check_nan=False), lambda: mg.autograd.set_detect_anomaly(True)]
)
def test_leaving_an_inner_block_leaves_the_outer(inner):
    z = np.sqrt(leaf(0.0))
    with mg.detect_anomaly():
        with inner():
            pass
        with pytest.raises(AnomalyError, match="log: the result"):
            np.log(leaf(-1.0))
        with pytest.raises(AnomalyError, match="sqrt: its gradient"):
            z.backward()


def test_the_switch_of_pytorch():
    mg.autograd.set_detect_anomaly(True)
    try:
        with pytest.raises(AnomalyError):
            np.log(leaf(-1.0))
        with mg.autograd.set_detect_anomaly(False):
            np.log(leaf(-1.0))
        with pytest.raises(AnomalyError):
            np.log(leaf(-1.0))
    finally:
        mg.autograd.set_detect_anomaly(False)
    np.log(leaf(-1.0))
    assert watchers == [] and walk.walking.walks == [walk.Walk]


def test_other_threads_are_left_alone():
    results = []
    with mg.detect_anomaly():
        thread = threading.Thread(target=lambda: results.append(np.sqrt(leaf(0.0)).backward() or np.log(leaf(-1.0)).item()))
        thread.start()
        thread.join()
    assert np.isnan(results[0])


def test_a_module_says_where_it_was():
    net = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1))
    with mg.no_grad():
        net[0].bias.fill_(0.0)
        net[1].weight.fill_(np.inf)
    with mg.detect_anomaly(), pytest.raises(AnomalyError, match=r"holds nan[\s\S]*in Sequential\.1"):
        net(mg.tensor([[1.0, 0.0]]) * 0)


def test_it_sees_second_derivatives_and_several_outputs():
    x = leaf(0.0)
    with mg.detect_anomaly():
        (g,) = mg.autograd.grad((x**1.5).sum(), x, create_graph=True)
        with pytest.raises(AnomalyError, match="pow"):
            g.backward()

    class Two(mg.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 1, x * 2

        @staticmethod
        def backward(ctx, g, h):
            return g.numpy() * np.nan  # in an operation on tensors it would be found at once

    a, b = Two.apply(leaf(1.0))
    with mg.detect_anomaly(), pytest.raises(AnomalyError, match="Two: its gradient for 'x' holds nan"):
        (a + b).sum().backward()


def test_healthy_programs_run_as_before():
    def loss():
        x = mg.tensor([[1.0, -2.0], [0.5, 3.0]], requires_grad=True)
        (mg.softmax(x @ x).log() * x).sum().backward()
        return x.grad.tolist()

    expected = loss()
    with mg.detect_anomaly():
        assert loss() == expected
