"""A failure carries a picture of what led there, with the culprit marked and the user's line."""

import inspect

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.nn import functional as F


def line_of(text, function):
    lines, start = inspect.getsourcelines(function)
    return f"test_autopsy.py:{start + next(i for i, line in enumerate(lines) if text in line)}"


def faults(graph):
    return [node for node in graph.nodes if node.mark]


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.fc1 = nn.Conv2d(1, 2, 3), nn.Linear(10, 4)

    def forward(self, x):
        return self.fc1(self.conv1(x).relu().flatten(1))


def test_a_layer_that_refuses_its_input():
    def fail():
        Net()(np.ones((2, 1, 8, 8), np.float32))  # 72 features, not 10

    net = Net()
    with pytest.raises(mg.ShapeError) as caught:
        net(np.ones((2, 1, 8, 8), np.float32))
    graph = caught.value.graph
    (fault,) = faults(graph)
    assert (fault.name, fault.variable) == ("linear", "fc1")
    assert fault.mark == "linear: input features do not match the weight"
    assert fault.where == line_of("self.fc1(", Net.forward)
    assert graph.groups[fault.group].name == "Net" and graph.title == "ShapeError in fc1"
    at = graph.nodes.index(fault)
    sources = [graph.nodes[e.source] for e in graph.edges if e.target == at]
    assert [n.name for n in sources][1:] == ["fc1.weight", "fc1.bias"] and sources[0].shape == (2, 72)
    assert "<-- linear: input features" in str(graph)
    svg = graph.render("svg").decode()
    assert 'class="card op fault"' in svg and "what failed" in svg and __file__ not in svg
    with pytest.raises(mg.ShapeError) as gone:
        fail()
    assert faults(gone.value.graph)


def test_an_operator_that_refuses():
    a, b = mg.tensor(np.ones((2, 3)), requires_grad=True), np.ones((2, 4))
    with pytest.raises(mg.ShapeError) as caught:
        (a * 2) + b
    (fault,) = faults(caught.value.graph)
    assert fault.name == "add" and "do not broadcast" in fault.mark
    assert fault.where == line_of("(a * 2) + b", test_an_operator_that_refuses)


def test_a_loss_that_refuses_its_labels():
    scores = nn.Linear(2, 3)(np.ones((4, 2), np.float32))
    with pytest.raises((mg.ShapeError, mg.DTypeError, IndexError)) as caught:
        F.cross_entropy(scores, np.zeros(5, np.int64))
    if isinstance(caught.value, mg.errors.MinigradError):
        (fault,) = faults(caught.value.graph)
        assert fault.name == "cross_entropy"


def test_a_rule_that_fails():
    @mg.primitive
    def broken(x):
        return x * 2

    @broken.gradient("x")
    def _(g):
        return g[:1]

    x = mg.tensor(np.ones((2, 3)), requires_grad=True)
    with pytest.raises(mg.GraphError) as caught:
        (broken(x) * 3).sum().backward()
    graph = caught.value.graph
    (fault,) = faults(graph)
    assert fault.name == "broken" and "returned shape (1, 3)" in fault.mark
    assert [n.name for n in graph.nodes if n.kind == "op"] == ["broken", "multiply", "sum"]


def test_the_first_nan_of_a_forward():
    x = mg.tensor([1.0, 0.0, -1.0], requires_grad=True)
    with mg.detect_anomaly(), np.errstate(all="ignore"), pytest.raises(mg.GraphError) as caught:
        (x.sqrt() * 2).sum()
    graph = caught.value.graph
    (fault,) = faults(graph)
    assert fault.name == "sqrt" and "nan" in fault.mark
    assert fault.where == line_of("(x.sqrt() * 2)", test_the_first_nan_of_a_forward)
    assert graph.nodes[0].value == "-1 … 1" and [node.name for node in graph.nodes[1:]] == ["sqrt"]
    assert [(edge.source, edge.target) for edge in graph.edges] == [(0, 1)]


def test_the_first_infinity_of_a_backward_names_the_line_of_the_forward():
    x = mg.tensor([1.0, 0.0], requires_grad=True)
    with mg.detect_anomaly():
        root = x.sqrt()
        with pytest.raises(mg.GraphError) as caught:
            (root * 3).sum().backward()
    graph = caught.value.graph
    (fault,) = faults(graph)
    assert fault.name == "sqrt" and [n.name for n in graph.nodes if n.kind == "op"] == ["sqrt", "multiply", "sum"]
    assert fault.where == line_of("root = x.sqrt()", test_the_first_infinity_of_a_backward_names_the_line_of_the_forward)


def test_the_value_of_a_result_that_no_rule_saved():
    x = mg.tensor([-1.0, 1.0], requires_grad=True)
    with mg.detect_anomaly(), np.errstate(all="ignore"), pytest.raises(mg.GraphError) as caught:
        x.log()  # saves x, not the result
    (fault,) = faults(caught.value.graph)
    assert fault.value == "all 0, 1 NaN"


def test_a_nan_where_nothing_is_recorded():
    x = mg.tensor([-1.0])
    with mg.detect_anomaly(), np.errstate(all="ignore"), pytest.raises(mg.GraphError) as caught:
        x.log()
    (fault,) = faults(caught.value.graph)
    assert fault.name == "log"


def test_errors_without_an_operation_have_no_picture():
    with pytest.raises(mg.GraphError) as caught:
        mg.tensor([1.0, 2.0]).backward()
    assert caught.value.graph is None
    assert mg.ShapeError("made by hand").graph is None
