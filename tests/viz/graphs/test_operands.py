"""Edges and operands of pictures drawn from the tape: each was recorded, none is guessed, none is lost."""

import gc
import json
import re
import shutil
import weakref

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn


def lines(graph):
    """The lines of the text format, by the name of the operation."""
    found = {}
    for line in str(graph).split("\n"):
        name = line.strip(" │├└─").partition("  ")[0]
        if " = " in name:
            head, _, call = name.partition(" = ")
            found.setdefault(call.partition("(")[0], []).append((head, call))
    return found


def call(graph, name, at=0):
    return lines(graph)[name][at][1]


def users(graph, at):
    return [graph.nodes[edge.target].name for edge in graph.edges if edge.source == at]


def test_the_residual_of_an_encoder_layer_comes_from_its_input():
    layer, src = nn.TransformerEncoderLayer(16, 4, 32, batch_first=True), mg.randn(2, 6, 16)
    graph = mg.viz.graph(layer(src), names={"src": src})
    (at,) = [i for i, n in enumerate(graph.nodes) if n.name == "src"]
    assert users(graph, at) == ["permute", "permute", "permute", "add"]
    assert call(graph, "add").count("n") == 2 and f"add(n{at}, " in str(graph)
    sums = [i for i, n in enumerate(graph.nodes) if n.name == "add" and not any(n.operands)]
    assert len(sums) > 1 and all(len([e for e in graph.edges if e.target == i]) == 2 for i in sums)


class Skip(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(3, 3)

    def forward(self, x):
        h = self.a(x)
        return h + x


def test_a_skip_connection_from_data_is_drawn():
    for x in (mg.ones(2, 3), np.ones((2, 3), np.float32)):
        net = Skip()
        graph = mg.viz.graph(net(x), names={})
        (at,) = [i for i, n in enumerate(graph.nodes) if n.kind == "data"]
        assert graph.nodes[at].name == "x" and users(graph, at)[-1] == "add" and len(users(graph, at)) == 2


@pytest.mark.parametrize(
    ("text", "drawn", "card"),
    [
        ("1 - x", "subtract(1, n0)", "1 - ·"),
        ("x - 1", "subtract(n0, 1)", "· - 1"),
        ("5 - x", "subtract(5, n0)", "5 - ·"),
        ("2 / x", "divide(2, n0)", "2 / ·"),
        ("x / 0.99999", "divide(n0, 0.99999)", "· / 0.99999"),
        ("x * (1 / 3)", "multiply(n0, ≈0.3333)", "· × ≈0.3333"),
        ("x * mg.tensor(3.0)", "multiply(n0, 3)", "· × 3"),
        ("np.float32(0.1) * x", "multiply(0.1, n0)", "0.1 × ·"),
        ("mg.maximum(0.5, x)", "maximum(0.5, n0)", "(0.5, ·)"),
        ("2**x", "pow(2, n0)", "2 ** ·"),
    ],
)
def test_constants_stand_on_their_side(text, drawn, card):
    x = mg.tensor([1.0, 2.0], requires_grad=True)
    graph = mg.viz.graph(eval(text, {"mg": mg, "np": np, "x": x}), names={"x": x})
    assert f"n1 = {drawn}" in str(graph)
    for format in ("svg", "html", "dot", "json"):
        made = graph.render(format).decode()
        assert card in made or format == "json"
    (op,) = [node for node in json.loads(graph.render("json"))["nodes"] if node["kind"] == "op"]
    assert [part for part in op["operands"] if part] == [
        part for part in card.replace("(", "").replace(")", "").replace(",", "").split() if part[-1].isdigit()
    ]


def test_a_parameter_beside_a_number_is_called_by_its_name():
    class Gate(nn.Module):
        def __init__(self):
            super().__init__()
            self.w = nn.Parameter(mg.ones(2))

        def forward(self, x):
            return x * (1 - self.w)

    net = Gate()
    assert "subtract(1, w)" in str(mg.viz.graph(net(mg.ones(2)), names={}))


def labeled(graph, format):
    """The label of each edge that has one, in the order of the links."""
    text = graph.render(format).decode()
    patterns = {"dot": r"headlabel=(\d)", "mmd": r"->\|(\d)\|", "svg": r'class="place" data-piece[^>]*>([\d, ]+)<'}
    return re.findall(patterns["svg" if format == "html" else format], text)


@pytest.mark.parametrize("format", ["dot", "mmd", "svg", "html"])
def test_edges_say_which_operand_they_are_where_that_matters(format):
    a, b = (mg.tensor(np.ones((3, 3)) * i, requires_grad=True) for i in (1, 2))
    for made in (
        lambda: a - b,
        lambda: a / b,
        lambda: a @ b,
        lambda: a**b,
        lambda: mg.cat([b, a]),
        lambda: mg.stack([b, a]),
    ):
        graph = mg.viz.graph(made(), names={})
        assert sorted(set(labeled(graph, format))) == ["1", "2"]
        assert "order of operands" in graph.render("svg").decode()
    for made in (lambda: a + b, lambda: a * b, lambda: mg.maximum(a, b), lambda: a - a, lambda: 1 - a, lambda: mg.exp(a)):
        assert labeled(mg.viz.graph(made(), names={}), format) == []
    assert labeled(mg.viz.graph(mg.where(a > 0, b, a), names={}), format) == ["1", "2", "3"]
    loss = nn.functional.cross_entropy(a, mg.tensor([0, 1, 2]))  # the kinds of its arguments say which is which
    assert format == "html" or labeled(mg.viz.graph(loss, names={}), format) == []


def test_the_label_of_an_edge_is_that_of_its_operand():
    a, b = (mg.tensor(np.eye(2), requires_grad=True) for _ in range(2))
    made = b - a
    graph = mg.viz.graph(made, names={"a": a, "b": b})
    at = {node.name: f"n{i}" for i, node in enumerate(graph.nodes)}
    assert f"{at['b']} -->|1| {at['subtract']}\n  {at['a']} -->|2| {at['subtract']}" in graph.render("mmd").decode()
    svg = graph.render("svg").decode()
    ends = {
        x: float(tip)
        for tip, x in re.findall(r'L([\d.]+),[\d.]+Z"/>\n<text class="place"[^>]* text-anchor="end">(\d)<', svg)
    }
    centers = {
        name: float(x) + float(wide) / 2
        for x, wide, name in re.findall(
            r'class="card input"[^>]*translate\(([\d.]+) [\d.]+\)"><title>[^<]*</title>'
            r'<rect class="frame" width="([\d.]+)".*?>([ab])<',
            svg,
        )
    }
    assert (ends["1"] < ends["2"]) == (centers["b"] < centers["a"])


def test_what_is_joined_twice_is_drawn_twice_in_its_order():
    a, b = (mg.tensor(np.ones(2), requires_grad=True) for _ in range(2))
    graph = mg.viz.graph(mg.cat([a, b, a]), names={})
    assert call(graph, "concatenate") == "concatenate(n0, n1, n0)" and labeled(graph, "dot") == ["1", "2", "3"]
    assert sorted(labeled(graph, "html")) == ["1", "1, 3", "2", "2", "3"]  # of the open box, and of the closed one


def test_a_parameter_is_on_its_side_of_a_product_and_of_what_is_joined():
    x, w = mg.tensor(np.ones((2, 2)), requires_grad=True), nn.Parameter(mg.ones(2, 2, dtype=np.float64))
    for made, text in (
        (x @ w, "matmul(n0, w)"), (w @ x, "matmul(w, n0)"), (w @ x[0], "matmul(w, n2)"),
        (mg.cat([w, x]), "concatenate(w, n0)"),
        (mg.cat([x, w]), "concatenate(n0, w)"), (mg.where(mg.tensor([True, False]), w, x), "where(n2, w, n0)"),
    ):  # fmt: skip
        graph = mg.viz.graph(made, names={"w": w})
        assert text in str(graph).replace("n1, w", "n0, w").replace("w, n1", "w, n0")
        assert re.search(r"· @ w|w @ ·|\(w, ·\)|\(·, w\)|\(·, w, ·\)", graph.render("svg").decode())


def test_blocks_with_different_constants_are_not_folded():
    x = y = mg.tensor([1.0, 2.0], requires_grad=True)
    for i in range(6):
        y = (y * (i + 2)).sin()
    assert all(f", {i + 2})" in str(mg.viz.graph(y, names={})) for i in range(6))
    y = x
    for _ in range(6):
        y = (y * 2).sin()
    assert "×6" in str(mg.viz.graph(y, names={}))


@pytest.mark.parametrize("ran", [False, True])
def test_batch_norm_has_no_data_beside_its_input(ran):
    net, x = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8)), mg.randn(5, 4)
    graph = mg.viz.graph((lambda: net(x)) if ran else net(x), names={"x": x})
    shown = [line for line in str(graph).split("\n") if "= data" in line]
    assert len(shown) == 1 and "data x" in shown[0]
    (bn,) = lines(graph)["batch_norm"]
    assert bn[1].startswith("batch_norm(n5, training=True") and "eps" not in bn[1]
    assert "1.running_mean 8  1.running_var 8" in str(graph)


def test_the_text_says_which_output_is_meant():
    mg.manual_seed(0)
    x = mg.tensor([[1.0, 2.0, 3.0, 4.0]], requires_grad=True)
    a, b, c, d = x.split(1, 1)
    graph = mg.viz.graph(a.sigmoid() * c.tanh() + d.exp() * b, names={})
    (head, _), (of_a, of_c, of_d) = lines(graph)["split"][0], (call(graph, f) for f in ("sigmoid", "tanh", "exp"))
    names = head.split(", ")
    assert len(names) == 4 and [of_a, of_c, of_d] == [f"sigmoid({names[0]})", f"tanh({names[2]})", f"exp({names[3]})"]


def test_a_returned_input_is_drawn_once():
    class Both(nn.Module):
        def __init__(self):
            super().__init__()
            self.a = nn.Linear(3, 3)

        def forward(self, x):
            return self.a(x), x

    net, x = Both(), mg.randn(2, 3)
    for graph in (mg.viz.graph(net(x), names={}), mg.viz.graph(lambda: net(x), names={}), net.graph(x, names={})):
        (at,) = [i for i, n in enumerate(graph.nodes) if n.kind == "data"]
        assert "output 1" in users(graph, at) and len(users(graph, at)) == 2


def test_what_follows_a_derivative_has_a_lane_below_it():
    x = mg.tensor([1.0, 2.0], requires_grad=True)
    (g,) = mg.autograd.grad((x**3).sum(), x, create_graph=True)
    graph = mg.viz.graph((g**2).sum(), names={"x": x})
    lanes = [group.name for group in graph.groups if group.kind == "lane"]
    assert lanes == ["forward", "first derivative", "after the first derivative"]
    order = {name: i for i, name in enumerate(lanes)}
    lane = [order[graph.groups[n.group].name] if n.group >= 0 else 2 for n in graph.nodes]
    assert all(lane[e.source] <= lane[e.target] for e in graph.edges)
    assert [graph.nodes[i].name for i in range(len(lane)) if lane[i] == 2][:2] == ["pow", "sum"]
    (h,) = mg.autograd.grad((g**2).sum(), x, create_graph=True)
    graph = mg.viz.graph(h.sum(), names={"x": x})
    assert [group.name for group in graph.groups if group.kind == "lane"] == [
        "forward", "first derivative", "second derivative", "after the second derivative",
    ]  # fmt: skip


def test_two_networks_have_the_names_of_their_variables():
    G = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 2))
    D = nn.Sequential(nn.Linear(2, 3), nn.Sigmoid(), nn.Linear(3, 1))
    z, real = mg.randn(4, 2), mg.randn(4, 2)
    loss = D(real).mean() - D(G(z)).mean()
    graph = mg.viz.graph(loss)
    outer = [group.name for group in graph.groups if group.kind == "module" and group.parent < 0]
    assert outer == ["D #1 of 2", "G", "D #2 of 2"]
    names = {n.name for n in graph.nodes if n.kind == "parameter"}
    assert len(names) == 8 and {name.partition(".")[0] for name in names} == {"G", "D"}
    unnamed = mg.viz.graph(loss, names={})
    outer = [group.name for group in unnamed.groups if group.kind == "module" and group.parent < 0]
    assert outer == ["Sequential #1 of 2", "Sequential (2)", "Sequential #2 of 2"]
    assert len({n.name for n in unnamed.nodes if n.kind == "parameter"}) == 8


def test_names_are_drawn_as_they_are():
    x = mg.ones(1, requires_grad=True)
    net = nn.Sequential()
    net.add_module("&#65;", Skip())
    graph = mg.viz.graph(net(mg.ones(1, 3)), names={})
    assert "&#65;" in str(graph)
    if shutil.which("dot"):
        drawn = graph.to_graphviz().pipe(format="svg").decode()
        assert "&amp;#65;" in drawn and ">A" not in drawn
    lone = mg.viz.graph(x * 2, names={"\ud800 name": x})
    for format in ("svg", "html", "txt", "dot", "json", "mmd"):
        lone.render(format).decode()
    assert json.loads(lone.render("json"))["nodes"][0]["name"] == "\ud800 name"


def test_views_of_data_are_drawn_as_they_were_made():
    class Flat(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(12, 2)

        def forward(self, x):
            return self.fc(x[:, 0].reshape(-1, 12))

    net, x = Flat(), mg.ones(5, 2, 3, 4)
    graph = mg.viz.graph(net(x), names={"x": x})
    (at,) = [i for i, n in enumerate(graph.nodes) if n.kind == "data"]
    path = [at]
    while graph.nodes[path[-1]].kind != "output":
        path.append(next(e.target for e in graph.edges if e.source == path[-1]))
    assert [graph.nodes[i].name for i in path][:4] == ["x", "getitem", "reshape", "affine"]
    assert [graph.nodes[i].shape for i in path][:3] == [(5, 2, 3, 4), (5, 3, 4), (5, 12)]


def test_steps_that_were_not_recorded_are_shown_as_such():
    class Scaled(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(3, 2)

        def forward(self, x):
            return self.fc(x / 255)

    net, x = Scaled(), mg.ones(5, 3)
    graph = mg.viz.graph(net(x), names={"x": x})
    (at,) = [i for i, n in enumerate(graph.nodes) if n.name == "x"]
    assert [graph.nodes[e.target].kind for e in graph.edges if e.source == at] == ["unknown"]
    assert f"not recorded(n{at})" in str(graph)
    (other,) = [i for i, n in enumerate(graph.nodes) if n.kind == "data" and i != at]
    assert graph.nodes[other].name == "" and users(graph, other) == ["affine"]
    for format in ("svg", "html", "dot", "mmd", "json"):
        assert "not recorded" in graph.render(format).decode()
    assert "not recorded" not in str(mg.viz.graph(lambda: net(x), names={"x": x}))


def test_an_argument_of_a_function_leads_to_its_card_even_if_its_use_was_not_recorded():
    scores, labels = mg.randn(4, 3, requires_grad=True), mg.tensor([0, 1, 2, 0])
    graph = mg.viz.graph(nn.functional.cross_entropy(scores, labels), names={"scores": scores, "labels": labels})
    (at,) = [i for i, n in enumerate(graph.nodes) if n.name == "labels"]
    assert call(graph, "cross_entropy").startswith(f"cross_entropy(n0, n{at}")


def test_an_identity_is_not_used_twice():
    """Arrays of one shape that die one after the other, and may have one address, are different operands."""
    y = x = mg.tensor(np.ones(3), requires_grad=True)
    for _ in range(20):
        y = y + np.random.default_rng(0).random(3)
    data = [i for i, n in enumerate(mg.viz.graph(y, names={"x": x}, fold=False).nodes) if n.kind == "data"]
    assert len(data) == 20


def test_the_tape_keeps_no_argument_alive():
    gc.collect()
    gc.disable()
    try:
        x = mg.tensor(np.ones(3), requires_grad=True)
        tensor, array, mask = mg.ones(3), np.ones(3), np.array([0, 1])
        view = tensor[1:].reshape(2)
        alive = [weakref.ref(one) for one in (tensor, array, mask, view, tensor.array)]
        y = x + tensor + array
        z = y[1:] + view
        loss = z.sum()
        del tensor, array, view, mask
        assert [ref() for ref in alive] == [None] * 5
        assert len([n for n in mg.viz.graph(loss, names={}).nodes if n.kind == "data"]) == 2
        loss.backward()
    finally:
        gc.enable()


def test_values_of_constants_and_nodes_are_shown():
    x, data = mg.tensor([1.0, 2.0], requires_grad=True), mg.tensor([3.0, 4.0])
    graph = mg.viz.graph((x * data).sum(), names={"x": x, "data": data}, show=("values",))
    values = {n.name: n.value for n in graph.nodes}
    assert values["x"] == "1 … 2" and values["data"] == "3 … 4"


def test_a_function_of_the_user_shows_its_arguments():
    class Shifted(mg.autograd.Function):
        @staticmethod
        def forward(ctx, x, by, scale):
            return x + by * scale

        @staticmethod
        def backward(ctx, g):
            return g, None, None

    x, by = mg.tensor([1.0], requires_grad=True), mg.ones(1)
    graph = mg.viz.graph(Shifted.apply(x, by, 2.5), names={"x": x, "by": by})
    (at,) = [i for i, n in enumerate(graph.nodes) if n.name == "by"]
    assert users(graph, at) == ["Shifted"] and "2.5" in str(graph)


def test_several_arguments_of_one_name_are_a_tuple():
    x = mg.ones((2, 3, 4), requires_grad=True)
    for y, drawn in (
        (x.transpose(2, 0, 1), "transpose(n0, axes=(2, 0, 1))"),
        (x.transpose(0, dim1=1), "transpose(n0, axes=0, dim1=1)"),
    ):
        assert drawn in str(mg.viz.graph(y, names={}))


def test_single_numbers_have_the_sign_of_their_gradient_and_results_of_variables_their_value():
    w, x = (mg.tensor(value, requires_grad=True) for value in (-2.0, 3.0))
    product = w * x
    row = mg.stack([product + 7, product])
    loss = row.sum()
    graph = mg.viz.graph(loss, show=("values", "grads"))
    facts = {node.variable or node.name: (node.value, node.gradient) for node in graph.nodes if node.kind != "output"}
    assert facts["product"] == ("-6", 2.0) and facts["w"] == ("-2", 6.0) and facts["x"] == ("3", -4.0)
    assert facts["row"] == ("-6 … 1", 1.0) and facts["add"] == ("", 1.0) and facts["loss"] == ("-5", 1.0)
    assert "gradient -4" in str(graph) and "-4</text>" in graph.render("svg").decode()
    page = graph.render("html").decode()
    assert '["gradient","-4"]' in page and '["gradient","1 (root mean square)"]' in page
    loss.backward()
    assert {n.variable: n.gradient for n in mg.viz.graph(loss).nodes}["x"] == -4.0


def test_options_are_those_that_differ_from_the_default():
    x = mg.tensor(np.ones((2, 3, 8, 8)), requires_grad=True)
    functional, weight = nn.functional, mg.ones(3, 3, 3, 3, dtype=np.float64)
    for made, text in (
        (nn.Conv2d(3, 3, 3, rounding="exact", dtype=np.float64)(x), ""),
        (functional.conv2d(x, weight, None, 1, 0, 1, 1), ""),
        (functional.conv2d(x, weight, stride=2, padding=1), "stride=2, padding=1"),
        (functional.leaky_relu(x), ""),
        (functional.leaky_relu(x, 0.01), ""),
        (functional.leaky_relu(x, 0.2), "negative_slope=0.2"),
        (functional.softplus(x), ""),
        (nn.MaxPool2d(2, stride=2)(x), "kernel_size=2, stride=2"),
        (x.transpose(0, 1), "axes=(0, 1)"),
        (x.var(0), "axis=0"),
        (mg.concatenate([x, x]), ""),
        (mg.concatenate([x, x], 1), "axis=1"),
    ):
        (line,) = [line for line in str(mg.viz.graph(made, names={})).split("\n") if re.match(r"n\d+ = \w+\(n", line)]
        assert re.search(r"\((?:n\d+(?:, )?)*(.*?)\)  ", line)[1] == text, line


def test_calls_that_differ_only_inside_are_not_folded():
    x, weight = mg.tensor(np.ones((1, 1, 8, 8)), requires_grad=True), mg.ones(1, 1, 3, 3, dtype=np.float64)

    def twice(*dilations):
        y = x
        for dilation in dilations:
            y = nn.functional.conv2d(y, weight, padding=(dilation, dilation), dilation=(dilation, dilation))
        return str(mg.viz.graph(y, names={}))

    assert "×4" in twice(2, 2, 2, 2) and "×" not in twice(1, 2, 3, 4).replace("1×1×", "").replace("8×8", "").replace(
        "3×3", ""
    )
