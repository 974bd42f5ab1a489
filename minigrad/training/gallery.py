"""The figures of a run folder, drawn by matplotlib, and the graph of its loss."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from minigrad import viz
from minigrad.arrays import Array
from minigrad.nn import Module
from minigrad.nn import functional as F
from minigrad.nn.inference import scores
from minigrad.tensors.tensor import Tensor, tensor

__all__ = ["draw", "loss_graph"]


def draw(
    folder: Path, network: Module, initial: Module, history: Sequence[Any], x: Array, t: Array, classes: Sequence[str],
    held_out: str = "test",
) -> list[str]:  # fmt: skip
    """Draw the learning curves in `history`, and figures of a trained network and its predictions for test images.

    `initial` is the network before training, `x` (N, ...) the test images, `t` (N,) their classes, and `classes` the class
    names; `held_out` says on which images the history was evaluated, "validation" or "test". Returns the names of the files
    written to `folder`. Figures that need convolutions or images (C, H, W) are left out for other networks. Raises
    ImportError if matplotlib is not installed.
    """
    shape = x.shape[1:]
    outputs = scores(network, x)
    pictures: dict[str, Callable[[], Any]] = {"curves.png": lambda: viz.curves(history, held_out=held_out)}
    if any(p.ndim == 4 for p in network.parameters()):
        pictures["filters.png"] = lambda: viz.filters(network, initial)
    if x.ndim == 4:
        pictures["feature_maps.png"] = lambda: viz.feature_maps(network, x[0])
        pictures["mistakes.png"] = lambda: viz.mistakes(outputs, x, t, classes=classes)
        pictures["dreams.png"] = lambda: viz.dream(network, shape=shape, classes=classes)
    pictures["confusion.png"] = lambda: viz.confusion(outputs, x, t, classes=classes)
    for name, picture in pictures.items():
        picture().savefig(folder / name)
    return list(pictures)


def loss_graph(network: Module, initial: Mapping[str, Tensor], x: Array, t: Array, **options: Any) -> viz.Graph:
    """Return the graph of the loss of a batch, with gradients, saved arrays, and kernels beside the initial ones.

    `initial` is the state dict before training, `x` and `t` are the images and classes of the batch; `options` are those of
    `viz.graph`.
    """
    shown = {"show": ("shapes", "saved", "grads"), **options}
    return viz.graph(lambda: F.cross_entropy(network(tensor(x)), t), initial=initial, **shown)
