"""The images that a network classifies worst."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from minigrad.arrays import Array, array_of
from minigrad.viz.confusion import scores_and_labels
from minigrad.viz.images import class_name, drawable
from minigrad.viz.style import INK, LINE, MARGIN, ORANGE, SMALL, SOFT, TILE, framed_image, head, new_figure, write

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["mistakes", "loss_and_probabilities"]

ACROSS, DOWN = 1.05, 1.4  # inches: from one image to the next


def mistakes(model: Any, x: Any, t: Any, n: int = 24, *, classes: Sequence[str] | None = None) -> Figure:
    """Show the `n` images with the largest loss, worst first, with true class, predicted class and its probability.

    model      a Module, or its scores (N, C) for the images
    x          the images (N, C, H, W)
    t          the true classes (N,)
    classes    the names of the classes; by default their numbers

    If fewer than `n` predictions are wrong, correct ones with a large loss follow, with gray captions.

    >>> figure = mistakes(np.eye(2) * 9, np.zeros((2, 1, 8, 8)), np.array([1, 1]), n=1)
    >>> figure.texts[0].get_text()
    '1 of 2 wrong'
    """
    given, labels = scores_and_labels("mistakes", model, x, t)
    loss, probability = loss_and_probabilities(given, labels)
    order = np.argsort(-loss, kind="stable")[:n]
    predicted = given.argmax(1)
    wrong = int(np.count_nonzero(predicted != labels))
    columns = min(8, len(order))
    rows = math.ceil(len(order) / columns)
    figure = new_figure(max(2 * MARGIN + columns * ACROSS, 3.6), MARGIN + 0.8 + rows * DOWN)
    remark = "by loss, the largest first: true class, then what it was taken for"
    top = head(figure, f"{wrong:,} of {len(labels):,} wrong", remark) + 0.05
    tiles = drawable(array_of(x)[order])
    low, high = float(tiles.min()), float(tiles.max())
    for k, i in enumerate(order.tolist()):
        left, above = MARGIN + k % columns * ACROSS, top + k // columns * DOWN
        framed_image(figure, left, above, tiles[k], low, high, ORANGE if predicted[i] != labels[i] else LINE)
        true, taken = class_name(classes, labels[i]), class_name(classes, predicted[i])
        caption = f"{true}  →  {taken}" if true != taken else f"{true}  right"
        write(figure, left, above + TILE + 0.06, caption, SMALL, INK if true != taken else SOFT, fontweight="bold")
        write(figure, left, above + TILE + 0.22, f"{100 * probability[i, predicted[i]]:.0f} %", SMALL, SOFT)
    return figure


def loss_and_probabilities(given: Array, labels: Array) -> tuple[Array, Array]:
    """Return the cross-entropy of each image (N,), and the probabilities (N, C) of its scores."""
    shifted = given.astype(np.float64) - given.max(1, keepdims=True)
    logs = shifted - np.log(np.exp(shifted).sum(1, keepdims=True))
    return -logs[np.arange(len(labels)), labels], np.exp(logs)
