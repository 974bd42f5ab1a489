"""What is drawn of a graph: closing modules, composites as one card, parameters as rows, equal blocks folded."""

import inspect
import re

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn, ops
from minigrad.engine.composite import composite
from minigrad.viz.graphs.cards import body
from minigrad.viz.graphs.gradients import root_mean_square
from minigrad.viz.graphs.html import page_of, placed
from minigrad.viz.graphs.ir import ancestors
from minigrad.viz.graphs.look import Look
from minigrad.viz.graphs.numbers import number
from minigrad.viz.graphs.scene import scene, view_of
from minigrad.viz.graphs.view import closed_groups, make_view
from tests.viz.graphs.samples import Block, stacked


def titles(graph):
    view = view_of(graph.ir, graph.look)
    return [card.title for card in view.cards.values()]


def test_depth_closes_modules_from_below():
    loss, net = stacked(2)
    graph = mg.viz.graph(loss, model=net, names={}, fold=False)
    assert titles(graph.restyled(depth=0))[:2] == ["x", "Stack"]
    assert titles(graph.restyled(depth=1))[1:5] == ["linear", "tanh", "blocks", "linear"]
    assert titles(graph.restyled(depth=2))[1:7] == ["linear", "tanh", "blocks.0", "blocks.1", "linear", "pow"]
    assert titles(graph.restyled(depth=9))[1:5] == ["linear", "tanh", "linear", "relu"]


def test_a_module_of_one_operation_is_never_closed():
    net = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Sequential(nn.Tanh(), nn.Linear(2, 2)))
    graph = net.graph(np.ones((1, 2), np.float32), names={}, depth=1)
    cards = [(card.title, card.tag, card.kind) for card in view_of(graph.ir, graph.look).cards.values()]
    assert cards[1:4] == [("linear", "0", "op"), ("relu", "1", "op"), ("2", "Sequential", "module")]


def test_a_closed_card_adds_up_what_is_in_it():
    loss, net = stacked(2)
    graph = mg.viz.graph(loss, model=net, names={}, fold=False)
    view = make_view(graph.ir, closed_groups(graph.ir, 1, False))
    blocks = next(card for card in view.cards.values() if card.title == "blocks")
    assert (blocks.tag, blocks.path, len(blocks.parameters)) == ("Sequential", "blocks", 8)
    inside = [n for n in graph.nodes if n.kind == "op" and graph.groups[n.group].path.startswith("blocks")]
    assert len(blocks.members) == len(inside)
    assert f"saved {sum(n.saved for n in inside)} B" in str(graph.restyled(depth=1))
    entering = [link for link in view.links if link.target == blocks.key]
    assert len(entering) == 1  # its input is used twice inside, and comes in once


def test_a_composite_function_is_one_operation():
    @composite
    def root_mean_square(x):
        return (x * x).mean().sqrt()

    x = mg.tensor([3.0, 4.0], requires_grad=True)
    graph = mg.viz.graph(root_mean_square(x) + 1, names={})
    assert titles(graph) == ["input", "root_mean_square", "add", "output"] and ": 2 ops" in graph.title
    assert {"multiply", "sqrt"} <= set(titles(graph.restyled(show=("primitives",))))


def test_every_function_made_of_operations_is_a_composite():
    plain = {name for name, op in vars(ops).items() if inspect.isfunction(op) and op.__module__.startswith("minigrad.ops.")}
    several = {"div", "divmod", "modf", "one_hot"}  # one operation under another name, results side by side, or no gradient
    assert plain <= several, "decorate these with @composite, so that a picture draws them as one operation"


def test_a_module_of_one_operation_is_a_name_on_its_card():
    graph = nn.Sequential(nn.Linear(2, 3), nn.ReLU()).graph(np.ones((1, 2), np.float32), names={})
    view = view_of(graph.ir, graph.look)
    assert [(card.title, card.tag) for card in view.cards.values()][1:3] == [("linear", "0"), ("relu", "1")]
    assert [box.title for box in view.boxes.values()] == ["Sequential"]


def test_parameters_are_rows_and_shared_ones_are_in_both_cards():
    tied = nn.Linear(2, 2)
    graph = nn.Sequential(tied, nn.ReLU(), tied).graph(np.ones((1, 2), np.float32), names={})
    cards = [card for card in view_of(graph.ir, graph.look).cards.values() if card.title == "linear"]
    assert len(cards) == 2 and cards[0].parameters == cards[1].parameters != []
    assert not any(card.kind == "parameter" for card in cards)


def test_the_buffers_of_a_card_are_below_its_parameters():
    """In a graph they stand where they were first used: those of a layer before its weight, or before the next layer's."""
    for frozen in (False, True):
        net = nn.Sequential(nn.BatchNorm1d(3), nn.BatchNorm1d(3)).requires_grad_(not frozen).eval()
        graph = net.graph(mg.ones(2, 3, requires_grad=True), names={}, depth=0)
        (card,) = [card for card in view_of(graph.ir, graph.look).cards.values() if card.parameters]
        assert [graph.nodes[i].name for i in card.parameters] == [
            "0.weight", "0.bias", "1.weight", "1.bias",
            "0.running_mean", "0.running_var", "1.running_mean", "1.running_var",
        ]  # fmt: skip


def test_equal_blocks_in_a_row_are_drawn_once():
    loss, net = stacked(5)
    graph = mg.viz.graph(loss, model=net, names={})
    view = view_of(graph.ir, graph.look)
    (box,) = [box for box in view.boxes.values() if box.times > 1]
    assert (box.title, box.times) == ("blocks.0", 5)
    inside = [card for card in view.cards.values() if card.group == box.key]
    assert all(card.copies == 5 for card in inside)
    whole = sum(n.saved for n in graph.nodes)
    drawn = sum(graph.ir.nodes[i].saved for card in view.cards.values() for i in card.members)
    assert drawn == whole
    keys = set(view.cards)
    assert all(link.source in keys and link.target in keys for link in view.links)
    head = next(card for card in view.cards.values() if card.path == "head")
    assert [link.source for link in view.links if link.target == head.key] == [inside[-1].key]


def test_the_box_of_a_fold_says_that_it_shows_the_first():
    loss, net = stacked(5)
    for graph in (mg.viz.graph(loss, model=net, names={}), newton()):
        (times,) = {box.times for box in view_of(graph.ir, graph.look).boxes.values() if box.times > 1}
        for format in ("svg", "html", "dot", "mmd"):
            text = re.sub(r"#(\d+);", lambda code: chr(int(code[1])), graph.render(format).decode())
            assert text.count(f"first of {times}, sums of all") == 1


def test_a_folded_card_of_a_closed_module_has_its_number():
    loss, net = stacked(5)
    graph = mg.viz.graph(loss, model=net, depth=2, names={})
    assert "blocks.0(n" in str(graph) and "×5" in str(graph) and ">×5</text>" in graph.render("svg").decode()


@pytest.mark.parametrize("change", ["size", "use", "options"])
def test_blocks_that_differ_are_not_folded(change):
    class Different(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = Block(4), Block(4)

        def forward(self, x):
            y = self.a(x)
            if change == "size":
                return self.b(y[:1])
            if change == "use":
                return self.b(y) + y  # the first is used by more than the second
            return self.b(y * 2 + 1)

    graph = Different().graph(np.ones((3, 4), np.float32), names={})
    assert "×2" not in str(graph)


def test_rows_of_several_operations_are_folded_from_three_on():
    def run(times):
        x = mg.tensor(np.ones(2), requires_grad=True)
        w = mg.tensor(np.ones(2), requires_grad=True)
        for _ in range(times):
            x = (x * w).tanh()
        return mg.viz.graph(x, names={})

    assert "×" not in str(run(2)).replace("2×", "")
    assert "×3" in str(run(3))
    view = view_of(run(50).ir, run(50).look)
    assert [card.title for card in view.cards.values()] == ["input", "input", "multiply", "tanh", "output"]
    assert [(box.title, box.kind) for box in view.boxes.values()] == [("×50", "row")]
    assert run(50).render("svg") and run(50).render("html")


def test_a_deep_network_is_closed_until_it_can_be_read():
    def inner():
        return nn.Sequential(nn.Linear(2, 2), nn.Tanh(), nn.Linear(2, 2), nn.ReLU())

    net = nn.Sequential(*(nn.Sequential(inner(), inner(), inner(), nn.Linear(2, 2)) for _ in range(12)))
    graph = net.graph(np.ones((1, 2), np.float32), names={}, fold=False)
    assert titles(graph) == titles(graph.restyled(depth=1)) and len(titles(graph)) < 20
    assert len(titles(graph.restyled(depth=9))) > 150


def test_a_hundred_nested_modules_are_a_picture():
    net = nn.Linear(2, 2)
    for _ in range(100):
        net = nn.Sequential(net)
    graph = net.graph(np.ones((1, 2), np.float32), names={}, depth=200)
    assert all(graph.render(format) for format in ("svg", "html", "dot", "mmd", "txt"))


def recurrent(steps):
    net = nn.LSTM(3, 4, batch_first=True)
    return (net(mg.ones(2, steps, 3))[0] ** 2).mean(), net


def test_the_steps_of_a_recurrence_are_one_card():
    loss, net = recurrent(50)
    graph = mg.viz.graph(loss, model=net, names={})
    view = view_of(graph.ir, graph.look)
    (step,) = [card for card in view.cards.values() if card.copies > 1]
    assert (step.title, step.times, step.kind) == ("linear … multiply", 50, "module")
    assert len(step.every_parameter) == 2  # all steps share weight and bias
    (link,) = [link for link in view.links if link.source == step.key]
    assert view.cards[link.target].title == "stack" and link.times == 50
    assert "×50" in str(graph) and "stack(" in str(graph)
    opened = view_of(graph.ir, graph.restyled(depth=9).look)
    assert [box.times for box in opened.boxes.values() if box.kind == "row"] == [50]
    assert "row" not in {box.kind for box in view.boxes.values()}  # it is closed: no format draws an empty box
    for seen in (view, opened):
        assert set(seen.boxes) == {box for card in seen.cards.values() for box in ancestors(seen.boxes, card.group)}


def test_blocks_whose_results_are_collected_are_folded_only_if_all_are():
    def run(collected):
        x = mg.tensor(np.ones(2), requires_grad=True)
        kept = []
        for i in range(6):
            x = (x * 2).tanh().exp()
            if i in collected:
                kept.append(x)
        return mg.viz.graph(mg.stack(kept).sum(), names={})

    assert "×6" in str(run(range(6)))
    assert "×6" not in str(run({1, 5})) and "×6" not in str(run(range(1, 6)))


def test_one_line_leads_out_of_a_module_to_all_that_use_a_fold():
    """Each step's result has a user of its own, outside the box of the row and outside that of the module."""

    class Steps(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(4, 4)

        def forward(self, h):
            found = [self.fc(h).tanh()]
            for _ in range(3):
                found.append(self.fc(found[-1]).tanh())
            return found

    net = Steps()
    a, b, c, d = net(mg.ones(2, 4))
    graph = mg.viz.graph((a.exp() + b.sin() + c.cos() + d.sigmoid()).sum(), model=net, names={})
    view = view_of(graph.ir, graph.look)
    leaving = [link for link in view.links if view.cards[link.target].title in ("exp", "sin", "cos", "sigmoid")]
    assert len(leaving) == 4 and {view.cards[link.source].copies for link in leaving} == {4}
    assert {(link.source, link.value, link.times) for link in leaving} == {(leaving[0].source, leaving[-1].value, 1)}


def test_a_call_has_its_number_also_in_a_derivative():
    net, x = nn.Linear(2, 2), mg.ones(3, 2, requires_grad=True)
    (g,) = mg.autograd.grad((net(net(x).tanh()) ** 2).sum(), x, create_graph=True)
    graph = mg.viz.graph(g.sum(), names={})
    numbers = [(card.title, card.tag) for card in view_of(graph.ir, graph.look).cards.values() if "linear" in card.title]
    assert numbers == [("linear", "Linear #1 of 2"), ("linear", "Linear #2 of 2"), ("∇ linear", "Linear #2 of 2"),
                       ("∇ linear", "Linear #1 of 2")]  # fmt: skip


def test_a_closed_card_has_the_shapes_of_all_its_results():
    net = nn.LSTM(3, 4, batch_first=True)
    out, (state, memory) = net(mg.ones(2, 7, 3))
    graph = mg.viz.graph([out, state.exp(), memory], model=net, names={}, depth=0)
    for format in ("svg", "html", "dot", "mmd"):
        assert "1×2×4, 2×7×4 · float32" in re.sub(r"#(\d+);", lambda c: chr(int(c[1])), graph.render(format).decode())


def test_what_inner_steps_collect_is_not_lost():
    """The reshape of each result, inside `stack` along the last axis, takes it from the card of all steps."""
    cell, h, steps = nn.RNNCell(3, 4), mg.zeros(2, 4, requires_grad=True), []
    for _ in range(4):
        h = cell(mg.ones(2, 3), h)
        steps.append(h)
    graph = mg.viz.graph((mg.stack(steps, -1) ** 2).mean(), model=cell, names={})
    scene, _ = page_of(graph.ir, graph.look)
    collecting = [card.key for card in scene.view.cards.values() if card.title == "reshape" and card.options == ""]
    sources = [link.source for key in collecting[-4:] for link in scene.view.links if link.target == key]
    assert len(sources) == 4 and len(set(sources)) == 1 and scene.view.cards[sources[0]].copies == 4
    ways = [way for link, way in zip(scene.view.links, scene.ways, strict=True) if link.target in collecting[-4:]]
    assert len({(*way[:2],) for way in ways}) == 1  # one line goes into the box of `stack`, also while that is closed


def test_numbers_of_a_fold_are_those_of_all_of_it():
    loss, net = stacked(5)
    graph = mg.viz.graph(loss, model=net, names={}, show=("shapes", "saved", "grads"), depth=2)
    view = view_of(graph.ir, graph.look)
    (card,) = [card for card in view.cards.values() if card.copies > 1]
    assert len(card.every_value) == len(set(card.every_value)) == card.copies == 5
    count = sum(p.numel() for p in net.blocks.parameters())
    svg, text = graph.render("svg").decode(), str(graph)
    assert f">{count:,} parameters<" in svg and ">in 20 tensors<" in svg
    loss.backward()
    strengths = sorted(
        root_mean_square(parameter.grad.numpy()) for block in net.blocks for parameter in [block.first.weight]
    )
    opened = str(graph.restyled(depth=9))
    assert "first.weight 4×4 ×5" in opened
    gradients = sorted(graph.nodes[i].gradient for i in card.every_value)
    assert f"gradient {number(gradients[0])} … {number(gradients[-1])}" in text and len(set(gradients)) == 5
    folded = {f"n{i}" for i in card.every_value}
    assert folded and f">{number(strengths[0])} … {number(strengths[-1])}" in graph.restyled(depth=9).render(
        "svg"
    ).decode().replace("4×4  ", ">")


def resnet(show):
    net = mg.models.ResNet18(10).eval()
    return mg.viz.graph(net(np.zeros((2, 3, 64, 64), np.float32)).square().mean(), model=net, names={}, show=show)


def encoder(show):
    net = nn.TransformerEncoder(nn.TransformerEncoderLayer(16, 4, 32, batch_first=True), 6)
    return mg.viz.graph(net(mg.zeros(2, 6, 16)).square().mean(), model=net, names={}, show=show)


def lenet(show):
    net = mg.models.LeNet5()
    return mg.viz.graph(net(np.zeros((2, 1, 28, 28), np.float32)).mean(), model=net, names={}, show=show)


def newton(show=("shapes", "saved"), steps=6):
    """A minimum of x**4 - 2 x**2: each step takes a second derivative at what followed the last one."""
    x = mg.tensor(2.0, requires_grad=True, dtype=np.float64)
    for _ in range(steps):
        (slope,) = mg.autograd.grad(x**4 - 2 * x**2, x, create_graph=True)
        (curvature,) = mg.autograd.grad(slope, x, create_graph=True)
        x = x - slope / curvature
    return mg.viz.graph(x, names={}, show=show)


def penalized(show=("shapes", "saved")):
    """A discriminator and a penalty of its gradient, on data of its own."""
    net = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 1))
    x = mg.ones(4, 2, requires_grad=True)
    (g,) = mg.autograd.grad(net(x).sum(), x, create_graph=True)
    return mg.viz.graph(net(mg.zeros(4, 2)).mean() + ((g.norm(dim=1) - 1) ** 2).mean(), names={}, show=show)


def test_steps_of_newton_are_one_block():
    graph = newton()
    view = view_of(graph.ir, graph.look)
    (row,) = [box for box in view.boxes.values() if box.kind == "row"]
    assert row.times == 6 and all(card.copies == 6 for card in view.cards.values() if card.kind == "op")
    inside = [(box.title, box.parent) for box in view.boxes.values() if box is not row]
    assert inside == [("first derivative", row.key), ("second derivative", row.key)]
    assert sum(len(card.members) for card in view.cards.values()) == len(graph.nodes)


def test_a_folded_row_counts_its_operations_and_not_the_data_beside_them():
    x = mg.tensor(np.ones(2), requires_grad=True)
    for _ in range(4):
        (g,) = mg.autograd.grad((x.sin() * 2).sum(), x, create_graph=True)
        x = x - g
    graph = mg.viz.graph(x, names={})
    scene, _ = page_of(graph.ir, graph.look)
    (row,) = [box for box in scene.view.boxes.values() if box.kind == "row"]
    assert any(card.kind == "data" for card in scene.view.cards.values())
    operations = sum(node.kind == "op" for node in graph.nodes)
    assert scene.closed[f"g{row.key}"].tag == f"{operations // 4} operations"


def test_no_line_of_derivatives_that_take_turns_runs_upward():
    """As lanes of all first and all second derivatives they would be in a circle."""

    def tuned():
        net, x = nn.Linear(2, 1), mg.ones(3, 2)
        weight = net.weight
        for _ in range(3):
            net.weight = None
            loss = (x @ weight.T).square().mean()
            (g,) = mg.autograd.grad(loss, weight, create_graph=True)
            weight = weight - 0.1 * g
        return mg.viz.graph((x @ weight.T).square().mean(), names={})

    def twice():
        """A second derivative goes through each layer twice, in both directions."""
        net, x = nn.Sequential(nn.Linear(2, 2), nn.Tanh(), nn.Linear(2, 2)), mg.ones(3, 2, requires_grad=True)
        (g,) = mg.autograd.grad((net(x) * x).sum(), x, create_graph=True)
        return mg.viz.graph(mg.autograd.grad((g * x).sum(), x, create_graph=True), names={})

    for graph in (newton(), newton(steps=2), tuned(), penalized(), twice()):
        for options in ({}, {"fold": False}, {"show": ("primitives",), "depth": 9}):
            svg = graph.restyled(**options).render("svg").decode()
            lines = [list(map(float, re.findall(r",([\d.]+)", d))) for d in re.findall(r'class="line[^>]* d="([^"]+)"', svg)]
            assert len(lines) > 5 and all(heights == sorted(heights) for heights in lines)


def test_a_module_that_takes_turns_with_a_derivative_is_one_call():
    class Descent(nn.Module):
        def forward(self, x):
            for _ in range(3):
                (g,) = mg.autograd.grad((x**2).sum(), x, create_graph=True)
                x = (x - 0.1 * g).exp()
            return x

    net = nn.Sequential(Descent())
    graph = mg.viz.graph(net(mg.ones(2, requires_grad=True)), names={})
    names = {group.name for group in graph.groups}
    assert {"0", "Sequential", "first derivative"} == names


@pytest.mark.parametrize(
    "made",
    [
        resnet,
        encoder,
        lenet,
        lambda show: mg.viz.graph(recurrent(50)[0], names={}, show=show),
        newton,
        lambda show: newton(show, 20),
        penalized,
    ],
    ids=["resnet", "encoder", "lenet", "lstm", "newton", "newton20", "penalized"],
)
@pytest.mark.parametrize("show", [("shapes", "saved"), ("shapes", "saved", "grads"), ("shapes", "values"), ("grads",)])
def test_large_networks_fit_a_screen(made, show):
    graph = made(show)
    width, height = map(float, re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', graph.render("svg").decode()).groups())
    assert width <= 1440 and height <= 900
    scene, closed = page_of(graph.ir, graph.look)
    page = placed(scene, closed)
    assert page.width <= 1060 and page.height <= 800


def test_pages_fold_blocks_whose_operands_are_parameters_of_their_own():
    net = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 12, batch_first=True), 4)
    graph = mg.viz.graph(net(mg.ones(2, 3, 8)).sum(), names={})
    scene, _ = page_of(graph.ir, graph.look)
    assert [box.times for box in scene.view.boxes.values() if box.title == "layers.1"] == [3]


CARDS = {
    (0, "values"): [["x", "= 1 … 3"], ["subtract", "1 - ·", "= -2 … 0"], ["multiply"], ["sum  y", "= -8"], ["y", "= -8"]],
    (0, "grads"): [
        ["x", "gradient  3.416"], ["subtract", "1 - ·", "gradient  2.16"], ["multiply", "gradient  1"],
        ["sum  y", "gradient  1"], ["y"],
    ],
    (1, "values"): [["x", "= 1 … 3"], ["subtract", "1 - ·, = -2 … 0"], ["multiply"], ["sum  y", "= -8"], ["y", "= -8"]],
    (1, "grads"): [
        ["x", "gradient 3.416"], ["subtract", "1 - ·, gradient 2.16"], ["multiply", "gradient 1"],
        ["sum  y", "gradient 1"], ["y"],
    ],
    (2, "values"): [["x", "= 1 … 3"], ["subtract  1 - ·, = -2 … 0"], ["multiply"], ["sum  y: = -8"], ["y", "= -8"]],
    (2, "grads"): [
        ["x", "gradient 3.416"], ["subtract  1 - ·, gradient 2.16"], ["multiply  gradient 1"], ["sum  y: gradient 1"], ["y"],
    ],
}  # fmt: skip


@pytest.mark.parametrize("compact, show", CARDS)
def test_cards_have_the_same_facts_however_compact_they_are(compact, show):
    x = mg.tensor([1.0, 2.0, 3.0], requires_grad=True)
    y = ((1 - x) * x).sum()
    y.backward(retain_graph=True)
    view = view_of(mg.viz.graph(y, show=show, names={"x": x, "y": y}).ir, Look())
    rows = [body(view, card, frozenset({show}), 100, compact).rows for card in view.cards.values()]
    assert [[row.whole for row in card] for card in rows] == CARDS[compact, show]


def test_what_fits_no_screen_has_the_most_compact_cards():
    h = mg.tensor([1.0], requires_grad=True)
    for i in range(250):
        h = h.exp() if i % 2 else h.sin()
    assert scene(mg.viz.graph(h, names={}).ir, Look(fold=False)).compact == 2


def test_operands_are_told_where_a_parameter_is_one_of_them():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(mg.ones(2))

        def forward(self, x):
            return self.weight * x + (self.weight - x)

    net = Net()
    view = view_of(mg.viz.graph(net(mg.ones(2)), model=net, names={}).ir, Look())
    operands = {card.title: card.operands for card in view.cards.values()}
    assert operands["multiply"] == operands["subtract"] == ["weight", ""] and operands["add"] == []
