"""Confusion matrix plot."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from minigrad.arrays import Array, array_of
from minigrad.errors import ShapeError
from minigrad.nn import Module
from minigrad.nn.inference import scores
from minigrad.viz.images import class_name
from minigrad.viz.style import BLUE, INK, LINE, MARGIN, ORANGE, PAPER, SMALL, SOFT, TEXT, head, new_figure, place, write

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["confusion", "confusion_matrix", "scores_and_labels"]

CELL = 0.42  # inches


def confusion(model: Any, x: Any, t: Any, *, classes: Sequence[str] | None = None) -> Figure:
    """Plot the confusion matrix: how often images of one class (row) are predicted to be of another (column).

    model      a Module, or its scores (N, C)
    x          the images (N, ...); not used if `model` is scores
    t          the true classes (N,)
    classes    the names of the classes; by default their numbers

    On the diagonal, blue is the share of a class that is predicted correctly; off it, orange marks frequent mistakes.

    >>> import numpy as np
    >>> figure = confusion(np.eye(3), None, np.array([0, 1, 1]))
    >>> figure.axes[0].get_xlabel()
    'predicted'
    """
    given, labels = scores_and_labels("confusion", model, x, t)
    counts = confusion_matrix(labels, given.argmax(1), given.shape[1])
    n, C = len(labels), len(counts)
    recall = counts.diagonal() / np.maximum(counts.sum(1), 1)
    mistakes = counts - np.diag(counts.diagonal())
    most = int(mistakes.max(initial=0))
    names = [class_name(classes, i) for i in range(C)]
    longest = max(map(len, names))
    left = MARGIN + 0.55 + 0.085 * longest
    figure = new_figure(MARGIN + left + C * CELL + 0.8, MARGIN + 0.78 + C * CELL + 0.8)
    worst = np.argwhere(mistakes == most).tolist()
    remark = "" if most else "no mistake"
    if most and len(worst) == 1:  # among several that are equally frequent, none is named
        ((i, j),) = worst
        remark = f"most often {names[i]} is taken for {names[j]}: {most} of {counts[i].sum():,}"
    top = head(figure, f"{mistakes.sum():,} of {n:,} taken for another class", remark) + 0.1
    axes = place(figure, left, top, C * CELL, C * CELL)
    axes.imshow(_colors(counts, recall, most), interpolation="nearest", aspect="auto")
    axes.spines[:].set(color=PAPER, linewidth=2.5)
    look: dict[str, Any] = {"fontsize": SMALL, "color": SOFT, "parse_math": False}
    axes.set_xticks(range(C), names, rotation=0 if longest < 5 else 90, **look)
    axes.set_yticks(range(C), names, **look)
    axes.set_xticks(np.arange(-0.5, C), minor=True)
    axes.set_yticks(np.arange(-0.5, C), minor=True)
    axes.grid(which="minor", color=PAPER, linewidth=2)
    axes.tick_params(which="both", length=0)
    axes.set_xlabel("predicted", fontsize=TEXT, color=INK, labelpad=8)
    axes.set_ylabel("true", fontsize=TEXT, color=INK, labelpad=8)
    for i, j in np.argwhere(counts > 0).tolist():
        dark = (recall[i] > 0.5) if i == j else counts[i, j] > 0.6 * most
        axes.text(j, i, f"{counts[i, j]}", ha="center", va="center", fontsize=SMALL, color="white" if dark else INK)
    right = left + C * CELL + 0.12
    write(figure, right, top - 0.06, "found", SMALL, SOFT, va="bottom")
    for i in range(C):
        share = f"{100 * recall[i]:.1f} %" if counts[i].any() else "none"
        write(figure, right, top + (i + 0.5) * CELL, share, SMALL, SOFT, va="center")
    return figure


def confusion_matrix(labels: Array, predicted: Array, classes: int) -> Array:
    """Return counts (classes, classes): row i, column j is the number of images of class i that are predicted to be j.

    >>> import numpy as np
    >>> confusion_matrix(np.array([0, 1, 1]), np.array([0, 1, 0]), 2)
    array([[1, 0],
           [1, 1]])
    """
    return np.bincount(labels * classes + predicted, minlength=classes * classes).reshape(classes, classes)


def scores_and_labels(op: str, model: Any, x: Any, t: Any) -> tuple[Array, Array]:
    """Return checked scores (N, C) and classes (N,); `model` is a Module to run on `x`, or the scores themselves."""
    given = scores(model, x) if isinstance(model, Module) else array_of(model)
    labels = array_of(t)
    if given.ndim != 2 or labels.shape != given.shape[:1] or labels.dtype.kind not in "iu":
        raise ShapeError(
            f"{op}: needs scores (N, C) and classes (N,) of integers, got {given.shape} and {labels.shape} of {labels.dtype}"
        )
    if len(labels) and not 0 <= labels.min() <= labels.max() < given.shape[1]:
        raise IndexError(f"{op}: classes must be within 0..{given.shape[1] - 1}, got {labels.min()}..{labels.max()}")
    return given, labels.astype(np.int64)


def _colors(counts: Array, recall: Array, most: int) -> Array:
    """Return (C, C, 3): blue by the recall of a class, orange by how frequent a mistake is, gray for zero."""
    from matplotlib.colors import to_rgb

    paper, empty, blue, orange = (np.array(to_rgb(color)) for color in (PAPER, LINE, BLUE, ORANGE))
    share = np.sqrt(counts / max(most, 1))[..., np.newaxis]  # a single mistake must be visible, too
    image = paper + (orange - paper) * share.clip(0, 1)
    image[counts == 0] = paper + (empty - paper) * 0.35
    diagonal = np.arange(len(counts))
    image[diagonal, diagonal] = paper + (blue - paper) * recall[:, np.newaxis]
    return image
