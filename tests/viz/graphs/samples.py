"""The small graphs that the tests draw, the same on every run."""

from __future__ import annotations

import numpy as np

import minigrad as mg
from minigrad import nn
from minigrad.viz.graphs.ir import Edge, GraphIR, Group, Image, Node
from minigrad.viz.palette import DIVERGING
from minigrad.viz.png import png


def sum_of_two():
    """x*x + sin(x): two edges for one product."""
    x = mg.tensor(np.array([1.0, 2.0, 3.0]), requires_grad=True)
    return x * x + np.sin(x), x


class Block(nn.Module):
    """A residual block whose shapes stay."""

    def __init__(self, size):
        super().__init__()
        self.first, self.second = nn.Linear(size, size), nn.Linear(size, size)

    def forward(self, x):
        return x + self.second(self.first(x).relu())


class Stack(nn.Module):
    """An entrance, equal blocks in a row, a head."""

    def __init__(self, blocks=3, size=4):
        super().__init__()
        self.entrance = nn.Linear(2, size)
        self.blocks = nn.Sequential(*(Block(size) for _ in range(blocks)))
        self.head = nn.Linear(size, 1)

    def forward(self, x):
        return self.head(self.blocks(self.entrance(x).tanh()))


def stacked(blocks=3):
    """The loss of a Stack on data, and the Stack; numbers that do not depend on the random generator."""
    net = Stack(blocks)
    with mg.no_grad():
        for parameter in net.parameters():
            parameter.copy_(np.cos(np.arange(parameter.numel(), dtype=np.float32)).reshape(parameter.shape) / 2)
    x = np.linspace(-1, 1, 10, dtype=np.float32).reshape(5, 2)
    return (net(x) ** 2).mean(), net


def derivative(order, of=np.tanh, at=0.5):
    """The n-th derivative of a function at a number, still differentiable."""
    x = mg.tensor(at, dtype=np.float64, requires_grad=True)
    y = of(x)
    for _ in range(order):
        (y,) = mg.autograd.grad(y, x, create_graph=True)
    return y


def chain(length):
    x = y = mg.tensor(np.ones(2), requires_grad=True)
    for i in range(length):
        y = y.sin() if i % 3 else y * x
    return y


def snapshots():
    """Snapshots written down by hand, so that the golden files change when a renderer does and at no other time."""
    return {"sum": _sum(), "network": _network(), "lanes": _lanes()}


def _sum():
    x = Node("input", "x", (3,), "float32", variable="x")
    ops = [
        Node("op", name, (3,), "float32", rules=rules)
        for name, rules in (
            ("multiply", (("x", "g * y"), ("y", "g * x"))),
            ("sin", (("x", "g * np.cos(x)"),)),
            ("add", (("x", "g"), ("y", "g"))),
        )
    ]
    edges = (Edge(0, 1, "x"), Edge(0, 1, "y"), Edge(0, 2, "x"), Edge(1, 3, "x"), Edge(2, 3, "y"), Edge(3, 4, ""))
    return GraphIR((x, *ops, Node("output", "y", (3,), "float32")), edges, (), "y: 3 ops")


def _network():
    """A layer with a kernel, two equal blocks in a row, a loss; gradients, bytes, a buffer, a fault."""
    kernel = Image("weight", 2, 1, png(np.array([[1, 255]], np.uint8), DIVERGING))
    groups = [
        Group("module", "Net", type="Net"),
        Group("module", "conv", 0, "conv", "Conv2d", "1, 2, kernel_size=(1, 2)"),
        Group("function", "conv2d", 1, "conv"),
        Group("module", "blocks", 0, "blocks", "Sequential"),
    ]
    nodes = [
        Node("parameter", "conv.weight", (2, 1, 1, 2), "float32", gradient=2e-3, images=(kernel,)),
        Node("data", "x", (5, 1, 4, 4), "float32"),
        Node("op", "windows", (2, 5), "float32", 2),
        Node("op", "matmul", (5, 2, 4, 3), "float32", 2, saved=1200, saves=("x", "weight"), gradient=1e-3),
    ]
    edges = [Edge(1, 2, "x", False), Edge(2, 3, "x", False), Edge(0, 3, "weight")]
    last = 3
    for block in range(2):
        groups.append(Group("module", str(block), 3, f"blocks.{block}", "Block"))
        inside = len(groups) - 1
        nodes += [
            Node("parameter", f"blocks.{block}.scale", (2,), "float32", gradient=0.0),
            Node("op", "multiply", (5, 2, 4, 3), "float32", inside, saved=480, saves=("x",), gradient=1e-2),
            Node("op", "relu", (5, 2, 4, 3), "float32", inside, saved=480, saves=("out",), gradient=float("nan")),
            Node("op", "add", (5, 2, 4, 3), "float32", inside, gradient=10.0),
        ]
        at = len(nodes)
        edges += [
            Edge(last, at - 3, "x"),
            Edge(at - 4, at - 3, "y"),
            Edge(at - 3, at - 2, "x"),
            Edge(last, at - 1, "x"),
            Edge(at - 2, at - 1, "y"),
        ]
        last = at - 1
    nodes += [
        Node("buffer", "mean", (2,), "float32"),
        Node(
            "op",
            "sum",
            (),
            "float32",
            0,
            options="axis=(0, 1, 2, 3)",
            mark="the result holds nan",
            where="train.py:12",
            variable="loss",
        ),
        Node("output", "loss", (), "float32", value="NaN"),
    ]
    at = len(nodes)
    edges += [Edge(last, at - 2, "x"), Edge(at - 3, at - 2, "mean", False), Edge(at - 2, at - 1, "")]
    title = "Net loss: 8 ops, 8 parameters, 3.1 kB saved for backward"
    return GraphIR(tuple(nodes), tuple(edges), tuple(groups), title, ("a note",))


def _lanes():
    groups = (Group("lane", "forward"), Group("lane", "first derivative"))
    nodes = (
        Node("input", "x", (), "float64", 0),
        Node("op", "tanh", (), "float64", 0, saved=8, saves=("out",)),
        Node("op", "multiply", (), "float64", 1, 1),
        Node("op", "subtract", (), "float64", 1, 1, options="x=1"),
        Node("output", "output", (), "float64"),
    )
    edges = (Edge(0, 1, "x"), Edge(1, 2, "x"), Edge(1, 2, "y"), Edge(2, 3, "y"), Edge(3, 4, ""))
    return GraphIR(nodes, edges, groups, "output: 3 ops, 8 B saved for backward")
