"""Make the pictures of graphs in docs/images: ``python docs/make_images.py [FOLDER]``.

All are drawn by the built-in layout, so that they are the same wherever they are made, but for what depends on the last bits
of a floating-point sum. The tests run this script.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

import minigrad as mg
from minigrad import nn, optim
from minigrad.viz import Graph

IMAGES = Path(__file__).parent / "images"
EVERYTHING = ("shapes", "saved", "grads", "values")


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, graph in pictures():
        graph.save(folder / name)


def pictures() -> Iterator[tuple[str, Graph]]:
    """Names of files, whose suffix says the format, and what to draw."""
    two = sum_of_two()
    yield "sum_of_two.svg", two
    yield "sum_of_two.mmd", two.restyled(show=("shapes",))
    yield "sum_of_two.dot", two.restyled(show=("shapes",))
    for order, name in ((1, "tanh_first"), (2, "tanh_second"), (3, "tanh_third"), (4, "tanh_fourth")):
        yield f"{name}_derivative.svg", derivative_of_tanh(order)
    loss = loss_of_simple_convnet()
    yield "simple_convnet_loss.svg", loss
    yield "simple_convnet.mmd", loss.restyled(show=("shapes",))
    yield "lenet.svg", architecture(mg.models.LeNet5(), (1, 1, 28, 28))
    resnet = architecture(mg.models.ResNet18(10), (1, 3, 64, 64))
    yield "resnet18_folded.svg", resnet
    yield "resnet18_blocks.svg", resnet.restyled(depth=2)
    yield "resnet18_unfolded.svg", resnet.restyled(depth=9, fold=False)
    yield "nan_autopsy.svg", autopsy()


def sum_of_two() -> Graph:
    x = mg.tensor(2.0, requires_grad=True)
    y = x * x + np.sin(x)
    return mg.viz.graph(y, show=("shapes", "values", "grads"), title="y = x*x + sin(x) at x = 2")


def derivative_of_tanh(order: int) -> Graph:
    """Differentiated again and again: each walk of the tape records the next lane."""
    x = mg.tensor(0.5, requires_grad=True)
    y = x.tanh()
    for _ in range(order):
        (y,) = mg.autograd.grad(y, x, create_graph=True)
    names = ("first", "second", "third", "fourth")
    return mg.viz.graph(y, show=("values",), title=f"the {names[order - 1]} derivative of tanh at x = 0.5")


def loss_of_simple_convnet() -> Graph:
    """After twenty steps on digits: kernels before and after, gradients, and what is kept for backward."""
    mg.manual_seed(0)
    (x, t), _ = mg.data.load_digits(flatten=False)
    net = mg.models.SimpleConvNet((1, 8, 8), weight_init_std="he")
    initial = {name: value.detach() for name, value in net.state_dict().items()}
    optimizer = optim.Adam(net.parameters(), lr=5e-3)
    for step in range(20):
        batch = slice(50 * step, 50 * (step + 1))
        optimizer.zero_grad()
        net.loss(x[batch], t[batch]).backward()
        optimizer.step()
    loss = net.loss(x[:100], t[:100])
    return mg.viz.graph(loss, model=net, show=("shapes", "saved", "grads"), initial=initial)


def architecture(net: nn.Module, shape: tuple[int, ...]) -> Graph:
    return net.eval().graph(np.zeros(shape, np.float32), show=("shapes",))


def autopsy() -> Graph:
    """A loss that takes the logarithm of a softmax which has underflowed to zero."""
    mg.manual_seed(0)
    net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
    x = 1e3 * np.random.default_rng(0).standard_normal((5, 4)).astype(np.float32)  # unscaled data
    target = mg.tensor(np.eye(3, dtype=np.float32)[[0, 1, 2, 0, 1]])
    try:
        with mg.detect_anomaly(), np.errstate(all="ignore"):
            probabilities = net(x).softmax(-1)
            -(probabilities.log() * target).sum()
    except mg.GraphError as error:
        if error.graph is not None:
            return error.graph
    raise RuntimeError("the logarithm of zero went unnoticed")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else IMAGES)
