"""The pictures of a run folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from minigrad import viz
from minigrad.arrays import Array
from minigrad.nn import Module
from minigrad.nn import functional as F
from minigrad.nn.inference import scores
from minigrad.tensors.tensor import Tensor

__all__ = ["draw", "loss_graph"]


def draw(
    folder: Path, network: Module, initial: Module, history: Sequence[Any], x: Array, t: Array, classes: Sequence[str]
) -> list[str]:
    """Draw what a network learned: `history`, and what it makes of test images `x` with classes `t`.

    Gives the names of the files. A picture that the network does not lend itself to, such as the filters of one without a
    convolution, is left out. Raises ImportError where matplotlib is not installed.
    """
    shape = x.shape[1:]
    given = scores(network, x)
    pictures: dict[str, Callable[[], Any]] = {"curves.png": lambda: viz.curves(history)}
    if any(p.ndim == 4 for p in network.parameters()):
        pictures["filters.png"] = lambda: viz.filters(network, initial)
    if x.ndim == 4:
        pictures["feature_maps.png"] = lambda: viz.feature_maps(network, x[0])
        pictures["mistakes.png"] = lambda: viz.mistakes(given, x, t, classes=classes)
        pictures["dreams.png"] = lambda: viz.dream(network, shape=shape, classes=classes)
    pictures["confusion.png"] = lambda: viz.confusion(given, x, t, classes=classes)
    for name, picture in pictures.items():
        picture().savefig(folder / name)
    return list(pictures)


def loss_graph(network: Module, initial: Mapping[str, Tensor], x: Array, t: Array, **options: Any) -> viz.Graph:
    """The graph of the loss of a batch: its gradients, what is saved for them, and kernels beside the initial ones."""
    shown = {"show": ("shapes", "saved", "grads"), **options}
    return viz.graph(lambda: F.cross_entropy(network(Tensor(x)), t), initial=initial, **shown)
