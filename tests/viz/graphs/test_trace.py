"""The snapshot says what the tape says: every node, one edge for each argument, and nothing kept alive."""

import functools
import gc
import subprocess
import sys
import weakref

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minigrad as mg
from minigrad import nn
from minigrad.engine.composite import composite
from minigrad.nn import functional as F
from minigrad.viz.graphs.groups import LANES
from tests.viz.graphs.samples import derivative, stacked, sum_of_two


def walked(output):
    """The tape by brute force: the nodes, and (source, target, position) of every argument that has a node."""
    nodes, edges = {}, []

    def visit(node):
        if node.number in nodes:
            return
        nodes[node.number] = node
        for position, parent in enumerate(node.parents):
            if parent is not None:
                edges.append((parent.number, node.number, position))
                visit(parent)

    visit(output.node)
    return nodes, edges


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 30), st.integers(0, 30)), min_size=1, max_size=30))
def test_nodes_and_edges_agree_with_a_brute_force_walk(steps):
    values = [mg.tensor(np.array([0.5, 0.25]), requires_grad=True) for _ in range(2)]
    for op, i, j in steps:
        a, b = values[i % len(values)], values[j % len(values)]
        values.append([a * b, a + b, a.sin(), mg.where(a.detach() > 0, a, b)][op])
    output = values[-1]
    nodes, edges = walked(output)
    graph = mg.viz.graph(output, names={})
    drawn = [node for node in graph.nodes if node.kind in ("op", "input")]
    assert [(n.kind == "op", n.shape, str(n.dtype)) for n in drawn] == [
        (node.primitive is not None, node.shape, str(node.dtype)) for _, node in sorted(nodes.items())
    ]
    place = {i: k for k, (i, n) in enumerate((i, n) for i, n in enumerate(graph.nodes) if n.kind in ("op", "input"))}
    numbers = sorted(nodes)
    tracked = [(numbers[place[e.source]], numbers[place[e.target]]) for e in graph.edges if e.tracked and e.target in place]
    assert sorted(tracked) == sorted((source, target) for source, target, _ in edges)


def test_a_product_with_itself_has_two_edges():
    y, _ = sum_of_two()
    graph = mg.viz.graph(y, names={})
    assert [(n.kind, n.name) for n in graph.nodes] == [
        ("input", ""), ("op", "multiply"), ("op", "sin"), ("op", "add"), ("output", "output"),
    ]  # fmt: skip
    assert [(e.source, e.target, e.slot) for e in graph.edges if e.target == 1] == [(0, 1, "x"), (0, 1, "y")]


def test_tensors_are_called_as_the_caller_calls_them():
    x = mg.tensor(2.0, requires_grad=True)
    square = x * x
    y = square + 1
    graph = mg.viz.graph(y)
    assert [(n.name, n.variable) for n in graph.nodes] == [("x", "x"), ("multiply", "square"), ("add", "y"), ("y", "")]
    assert graph.title.startswith("y: 2 ops")
    assert y.graph(names={"weight": x}).nodes[0].name == "weight"


def test_ids_are_creation_order_and_sources_come_first():
    loss, _ = stacked()
    graph = mg.viz.graph(loss)
    assert all(edge.source < edge.target for edge in graph.edges)
    numbers = [n.number for n in sorted(walked(loss)[0].values(), key=lambda n: n.number)]
    assert numbers == sorted(numbers)


def test_modules_parameters_and_data_have_their_names():
    loss, net = stacked()
    graph = mg.viz.graph(loss)
    names = {n.name: n for n in graph.nodes}
    for name, parameter in net.named_parameters():
        assert (names[name].kind, names[name].shape) == ("parameter", parameter.shape)
    assert (names["x"].kind, names["x"].shape, names["x"].dtype) == ("data", (5, 2), "float32")
    modules = [(g.name, g.type, g.path) for g in graph.groups if g.kind == "module"]
    assert modules[:4] == [
        ("Stack", "Stack", ""), ("entrance", "Linear", "entrance"), ("blocks", "Sequential", "blocks"),
        ("0", "Block", "blocks.0"),
    ]  # fmt: skip
    assert graph.title.startswith("Stack loss: ")


def test_data_has_one_edge_into_the_operation_that_uses_it():
    loss, _ = stacked()
    graph = mg.viz.graph(loss)
    (at,) = [i for i, n in enumerate(graph.nodes) if n.kind == "data"]
    (edge,) = [e for e in graph.edges if e.source == at]
    assert not edge.tracked and graph.groups[graph.nodes[edge.target].group].path == "entrance"


def test_labels_reach_the_loss():
    net = mg.models.SimpleConvNet((1, 8, 8), {"filter_num": 2, "filter_size": 3}, 5, 3)
    x, t = np.ones((4, 1, 8, 8), np.float32), np.array([0, 1, 2, 0])
    loss = composite(lambda scores, target: F.cross_entropy(scores, target))
    for graph in (mg.viz.graph(loss(net(x), t)), mg.viz.graph(lambda: loss(net(x), t))):
        data = {n.shape: i for i, n in enumerate(graph.nodes) if n.kind == "data"}
        assert set(data) == {(4, 1, 8, 8), (4,)}
        assert all(any(e.source == i for e in graph.edges) for i in data.values())


def test_a_layer_called_twice_is_two_boxes():
    layer = nn.Linear(2, 2)

    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = layer

        def forward(self, x):
            return self.fc(self.fc(x))

    graph = Twice().graph(np.ones((1, 2), np.float32))
    assert [g.name for g in graph.groups if g.type == "Linear"] == ["fc #1 of 2", "fc #2 of 2"]
    assert len([n for n in graph.nodes if n.kind == "parameter"]) == 2


def test_modules_that_are_gone_do_not_stop_the_picture():
    y = nn.Sequential(nn.Linear(2, 2), nn.ReLU())(np.ones((1, 2), np.float32))
    gc.collect()
    graph = mg.viz.graph(y)
    assert {(g.name, g.type) for g in graph.groups if g.kind == "module"} == {("module", "")} and "relu" in str(graph)


def test_a_recorded_run_also_shows_what_the_tape_does_not():
    x = np.ones((2, 3), np.float32)
    weight = mg.tensor(np.ones((3, 1), np.float32), requires_grad=True)

    def run():
        mask = mg.tensor(x) > 0
        return (mg.tensor(x) * mask * 2) @ weight

    assert "greater" not in str(mg.viz.graph(run()))
    assert "greater" in str(mg.viz.graph(run))
    with mg.no_grad():
        assert "greater" in str(mg.viz.graph(run))


def test_calls_of_which_nothing_is_used_are_left_out():
    used, unused = nn.Linear(2, 3), nn.Sequential(nn.Linear(2, 2), nn.ReLU())
    x = mg.ones(1, 2)
    graph = mg.viz.graph(lambda: (unused(x), used(x))[1], names={})
    assert [(g.kind, g.type, g.parent) for g in graph.groups] == [("module", "Linear", -1), ("function", "", 0)]
    assert [graph.groups[n.group].name for n in graph.nodes if n.kind == "op"] == ["linear"]
    assert "linear(" in str(graph) and "Sequential" not in str(graph)


def test_constants_and_options_are_text():
    x = mg.tensor(np.ones((2, 3)), requires_grad=True)
    ops = {n.name: n for n in mg.viz.graph((x * 2.5).sum(1)).nodes}
    assert ops["multiply"].operands == ("", "2.5") and "axis=1" in ops["sum"].options


def test_derivatives_stand_in_lanes():
    graph = mg.viz.graph(derivative(3, of=lambda x: x**5))
    lanes = [g.name for g in graph.groups if g.kind == "lane"]
    assert lanes == [name for name in LANES if name in lanes] and lanes[0] == "forward"
    for edge in graph.edges:
        assert graph.nodes[edge.source].lane <= graph.nodes[edge.target].lane or graph.nodes[edge.target].kind == "output"
    assert max(n.lane for n in graph.nodes) == 3


def test_the_gradient_of_a_module_stands_in_its_box_again():
    loss, net = stacked(1)
    (g,) = mg.autograd.grad(loss, net.head.weight, create_graph=True)
    graph = mg.viz.graph(g.sum())
    first = [i for i, group in enumerate(graph.groups) if group.kind == "lane"][1]
    inside = {
        g.path for g in graph.groups if g.kind == "module" and g.parent >= 0 and graph.groups[g.parent].parent == first
    }
    assert "head" in inside


def test_a_snapshot_keeps_nothing_alive():
    gc.collect()
    gc.disable()
    try:
        loss, net = stacked()
        images = np.ones((5, 2), np.float32)
        graph = mg.viz.graph(loss, show=("values", "grads", "saved", "shapes"))
        recorded = mg.viz.graph(functools.partial(net, images))
        alive = [weakref.ref(loss), weakref.ref(loss.node), weakref.ref(net), weakref.ref(loss.node.parents[0])]
        alive.append(weakref.ref(images))
        del loss, net, images
        gc.collect()
        assert [ref() for ref in alive] == [None] * 5
        assert graph.render("svg") and recorded.render("svg")
    finally:
        gc.enable()


def test_a_snapshot_is_drawable_after_the_tape_was_freed():
    loss, _ = stacked()
    before = mg.viz.graph(loss)
    text = before.render("svg")
    loss.backward()
    assert before.render("svg") == text
    after = mg.viz.graph(loss)
    assert len(after.nodes) == len(before.nodes) and "freed" in after.ir.notes[0] and after.title == before.title


def test_drawing_a_model_leaves_it_as_it_was():
    mg.manual_seed(3)
    net = nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.5))
    net.register_buffer("count", mg.tensor([1.0]))
    before = {k: v.numpy().copy() for k, v in net.state_dict().items()}
    state = mg.random.default_generator().bit_generator.state
    net.graph(np.ones((1, 2), np.float32))
    assert mg.random.default_generator().bit_generator.state == state
    assert all((net.state_dict()[k].numpy() == v).all() for k, v in before.items())
    assert all(p.grad is None for p in net.parameters())


def test_what_graph_refuses():
    with pytest.raises(TypeError, match="needs a tensor, several, or a function that returns them, got int"):
        mg.viz.graph(3)
    with pytest.raises(TypeError, match="at least one"):
        mg.viz.graph([])
    y, _ = sum_of_two()
    for options, message in (
        ({"theme": "drak"}, "did you mean 'dark'"),
        ({"show": ("gradients",)}, "show must be of"),
        ({"depth": -1}, "at least 0"),
        ({"color": "time"}, "needs a function"),
    ):
        with pytest.raises(ValueError, match=message):
            mg.viz.graph(y, **options)
    with pytest.raises(mg.GraphError, match=r"needs a scalar, the output has shape \(3,\)"):
        mg.viz.graph(y, show="grads")
    with pytest.raises(TypeError, match=r"model\.graph\(x\)"):
        nn.Linear(1, 1).graph()


def test_a_tensor_without_a_graph_is_a_picture_too():
    assert len(mg.viz.graph(mg.ones(2)).nodes) == 2
    assert mg.viz.graph(mg.tensor(1.0, requires_grad=True)).render("svg")


def test_viz_is_imported_only_when_it_is_used():
    unused = "not {'minigrad.viz.graphs', 'graphviz'} & set(sys.modules)"
    code = f"import sys, minigrad; assert {unused}; minigrad.viz.graph; assert not {unused}"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_arrays_of_one_shape_are_told_apart():
    class Mix(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(2, 2)

        def forward(self, query, key, value):
            return self.fc(query) * self.fc(key) + self.fc(value)

    arrays = [np.full((3, 2), float(i), np.float32) for i in range(3)]
    net = Mix()
    for graph in (net.graph(*arrays, names={}), mg.viz.graph(net(*map(mg.tensor, arrays)), names={})):
        data = {n.name: i for i, n in enumerate(graph.nodes) if n.kind == "data"}
        assert list(data) == ["query", "key", "value"]
        users = [[e.target for e in graph.edges if e.source == i] for i in data.values()]
        assert [len(u) for u in users] == [1, 1, 1] and users == sorted(users)
    same = mg.tensor(arrays[0])
    graph = Mix().graph(same, same, same, names={})
    assert [n.name for n in graph.nodes if n.kind == "data"] == ["query"]


def test_several_outputs_are_counted():
    x = mg.tensor(1.0, requires_grad=True)
    graph = mg.viz.graph([x.sin(), x.cos()], names={})
    assert [n.name for n in graph.nodes if n.kind == "output"] == ["output 0", "output 1"]
    assert [n.kind for n in mg.viz.graph(lambda: {"a": x.sin(), "b": (x, [x.cos()])}).nodes].count("output") == 3


class Both(nn.Module):
    """Returns what it is given beside a result."""

    def __init__(self):
        super().__init__()
        self.a = nn.Linear(3, 3)

    def forward(self, x, z):
        return self.a(x), x, z


def test_an_input_that_is_returned_is_drawn_once():
    x, z = np.zeros((1, 3), np.float32), np.zeros(2)
    drawn = Both().graph(x, z, names={})
    assert [n.name for n in drawn.nodes if n.kind == "data"] == ["x", "z"] and not drawn.ir.notes
    made = [e.source for e in drawn.edges if drawn.nodes[e.target].kind == "output"]
    assert [drawn.nodes[i].kind for i in made] == ["op", "data", "data"] and [drawn.nodes[i].name for i in made[1:]] == [
        "x",
        "z",
    ]
    net, x, z = Both(), mg.zeros(1, 3), mg.zeros(2)
    assert [n.name for n in mg.viz.graph(net(x, z), names={}).nodes if n.kind == "data"] == ["x", "z"]
    inner = nn.Sequential(nn.Identity(), nn.Linear(3, 3))
    assert str(inner.graph(x, names={})).count("= data ") == 1
    assert len([n for n in mg.viz.graph([x, x], names={}).nodes if n.kind == "data"]) == 1


def test_a_buffer_that_is_returned_is_named():
    class Scaled(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("scale", mg.ones(3))

        def forward(self, x):
            return x * self.scale, self.scale

    assert "output 1 = scale  3 float32" in str(Scaled().graph(np.zeros(3, np.float32), names={}))


def test_why_there_is_no_graph_is_said():
    net, x = nn.Linear(2, 2), mg.ones(1, 2)
    with mg.no_grad():
        closed = net(x)
    with mg.inference_mode():
        asked = net(x)
    why = "made under no_grad(), detached, or of nothing that requires a gradient"
    for y in (closed, asked, net(x).detach(), x + 1, mg.tensor([1])):
        drawn = mg.viz.graph(y, names={"y": y})
        assert drawn.ir.notes == (f"no graph of y: {why}",) and drawn.title == "y: 0 ops"
        for format in ("svg", "html", "txt", "dot", "json"):
            assert "no graph of y: made under no_grad()" in drawn.render(format).decode()
    pair = mg.viz.graph([net(x), closed], names={})
    assert pair.ir.notes == (f"no graph of output 1: {why}",)
    assert mg.viz.graph(lambda: closed, names={}).ir.notes == ("no graph of the output: the function only returned it",)
    for drawn in (
        net(x).graph(),
        net.weight.graph(),
        mg.viz.graph(lambda: x + 1),
        net.graph(x),
        mg.ones(1, requires_grad=True).graph(),
    ):
        assert not drawn.ir.notes


def test_what_is_not_recorded_is_drawn_after_its_inputs():
    x = mg.ones(1, 2, requires_grad=True)
    with mg.no_grad():
        drawn = mg.viz.graph(lambda: nn.Linear(2, 2)(x), names={})
    assert all(e.source < e.target for e in drawn.edges)
