"""What is drawn of a graph: closing modules, composites as one card, parameters as rows, equal blocks folded."""

import inspect

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn, ops
from minigrad.engine.composite import composite
from minigrad.viz.graphs.scene import view_of
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
