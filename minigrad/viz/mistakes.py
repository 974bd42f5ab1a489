"""The images that a network got most wrong."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from minigrad.arrays import Array
from minigrad.tensors.tensor import Tensor
from minigrad.viz.confusion import answers
from minigrad.viz.images import class_name, drawable
from minigrad.viz.style import INK, LINE, MARGIN, ORANGE, SMALL, SOFT, frame, head, new_figure, place, show_image, write

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["mistakes", "worst_by_loss"]

TILE, ACROSS, DOWN = 0.85, 1.05, 1.4  # inches: an image, and from one to the next


def mistakes(model: Any, x: Any, t: Any, n: int = 24, *, classes: Sequence[str] | None = None) -> Figure:
    """The `n` images with the largest loss, worst first: what each was taken for, how surely, and what it is.

    `model` is a Module, or its scores (N, C) for the images `x` (N, C, H, W); `t` the classes (N,). Where fewer than `n`
    were wrong, right but doubtful ones follow, with grey captions.

    >>> figure = mistakes(np.eye(2) * 9, np.zeros((2, 1, 8, 8)), np.array([1, 1]), n=1)
    >>> figure.texts[0].get_text()
    '1 of 2 wrong'
    """
    given, labels = answers("mistakes", model, x, t)
    images = x.detach().array if isinstance(x, Tensor) else np.asarray(x)
    loss, probability = worst_by_loss(given, labels)
    order = np.argsort(-loss, kind="stable")[:n]
    predicted = given.argmax(1)
    wrong = int(np.count_nonzero(predicted != labels))
    columns = min(8, len(order))
    rows = math.ceil(len(order) / columns)
    figure = new_figure(max(2 * MARGIN + columns * ACROSS, 3.6), MARGIN + 0.8 + rows * DOWN)
    remark = "by loss, the largest first: true class, then what it was taken for"
    top = head(figure, f"{wrong:,} of {len(labels):,} wrong", remark) + 0.05
    tiles = drawable(images[order])
    low, high = float(tiles.min()), float(tiles.max())
    for k, i in enumerate(order.tolist()):
        left, above = MARGIN + k % columns * ACROSS, top + k // columns * DOWN
        axes = place(figure, left, above, TILE, TILE)
        show_image(axes, tiles[k], "gray_r", low, high)
        frame(axes, ORANGE if predicted[i] != labels[i] else LINE)
        true, taken = class_name(classes, labels[i]), class_name(classes, predicted[i])
        caption = f"{true}  →  {taken}" if true != taken else f"{true}  right"
        write(figure, left, above + TILE + 0.06, caption, SMALL, INK if true != taken else SOFT, fontweight="bold")
        write(figure, left, above + TILE + 0.22, f"{100 * probability[i, predicted[i]]:.0f} %", SMALL, SOFT)
    return figure


def worst_by_loss(given: Array, labels: Array) -> tuple[Array, Array]:
    """Cross-entropy of each image (N,), and the probabilities (N, C) that the scores stand for."""
    shifted = given.astype(np.float64) - given.max(1, keepdims=True)
    logs = shifted - np.log(np.exp(shifted).sum(1, keepdims=True))
    return -logs[np.arange(len(labels)), labels], np.exp(logs)
