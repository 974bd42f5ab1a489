"""Make the pictures of graphs in docs/images: ``python docs/make_images.py [FOLDER]``.

A picture on README.md or pictures.md is the one that the code on that page saves: the blocks are run here. The others are
made by the functions below. All are drawn by the built-in layout, so that they are the same wherever they are made, but for
what depends on the last bits of a floating-point sum. The tests run this script.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

import minigrad as mg
from minigrad import nn
from minigrad.viz import Graph

IMAGES = Path(__file__).parent / "images"
PAGES = (Path(__file__).parents[1] / "README.md", Path(__file__).parent / "pictures.md")


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, graph in pictures():
        graph.save(folder / name)
    for page in PAGES:
        for name, content in saved_by(page).items():
            (folder / name).write_bytes(content)


def saved_by(page: Path) -> dict[str, bytes]:
    """Run the code of a page; return the pictures that it saves and shows, by the names of their files."""
    text = page.read_text(encoding="utf-8")
    names: dict[str, object] = {}
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            for block in re.finditer(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
                line = text.count("\n", 0, block.start(1))  # so that errors, and pictures of them, name the line of the page
                exec(compile("\n" * line + block[1], page.name, "exec"), names)
            saved = {path.name: path.read_bytes() for path in Path(folder).iterdir()}
        finally:
            os.chdir(before)
    shown = re.findall(r"images/([\w.]+)", text)
    return {name: content for name, content in saved.items() if name in shown}


def pictures() -> Iterator[tuple[str, Graph]]:
    """Names of files, whose suffix says the format, and what to draw."""
    two = sum_of_two()
    yield "sum_of_two.mmd", two
    yield "sum_of_two.dot", two
    for order, name in ((1, "tanh_first"), (2, "tanh_second"), (4, "tanh_fourth")):
        yield f"{name}_derivative.svg", derivative_of_tanh(order)
    yield "simple_convnet.mmd", loss_of_simple_convnet()
    yield "lenet.svg", architecture(mg.models.LeNet5(), (1, 1, 28, 28))
    resnet = architecture(mg.models.ResNet18(10), (1, 3, 64, 64))
    yield "resnet18_blocks.svg", resnet.restyled(depth=2)
    yield "resnet18_unfolded.svg", resnet.restyled(depth=9, fold=False)


def sum_of_two() -> Graph:
    x = mg.tensor(2.0, requires_grad=True)
    y = x * x + np.sin(x)
    return mg.viz.graph(y, show=("shapes",), title="y = x*x + sin(x) at x = 2")


def derivative_of_tanh(order: int) -> Graph:
    """Differentiated again and again: each walk of the tape records the next lane."""
    x = mg.tensor(0.5, requires_grad=True)
    y = x.tanh()
    for _ in range(order):
        (y,) = mg.autograd.grad(y, x, create_graph=True)
    names = ("first", "second", "third", "fourth")
    return mg.viz.graph(y, show=("values",), title=f"the {names[order - 1]} derivative of tanh at x = 0.5")


def loss_of_simple_convnet() -> Graph:
    net = mg.models.SimpleConvNet((1, 8, 8))
    loss = net.loss(np.zeros((100, 1, 8, 8), np.float32), np.zeros(100, int))
    return mg.viz.graph(loss, model=net, show=("shapes",))


def architecture(net: nn.Module, shape: tuple[int, ...]) -> Graph:
    return net.eval().graph(np.zeros(shape, np.float32), show=("shapes",))


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else IMAGES)
