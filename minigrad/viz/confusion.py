"""Which classes are taken for which."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from minigrad.arrays import Array
from minigrad.errors import ShapeError
from minigrad.nn import Module
from minigrad.nn.inference import scores
from minigrad.tensors.tensor import Tensor
from minigrad.viz.images import class_name
from minigrad.viz.style import BLUE, INK, LINE, MARGIN, ORANGE, PAPER, SMALL, SOFT, TEXT, head, new_figure, place, write

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["answers", "confusion", "confusion_matrix"]

CELL = 0.42  # inches


def confusion(model: Any, x: Any, t: Any, *, classes: Sequence[str] | None = None) -> Figure:
    """How often images of one class (row) are taken for another (column).

    `model` is a Module, or its scores (N, C) for the images `x`, which are then not looked at; `t` the classes (N,). On the
    diagonal blue is the share of a class that is found; off it orange marks the most frequent mistakes.

    >>> import numpy as np
    >>> figure = confusion(np.eye(3), None, np.array([0, 1, 1]))
    >>> figure.axes[0].get_xlabel()
    'predicted'
    """
    given, labels = answers("confusion", model, x, t)
    counts = confusion_matrix(labels, given.argmax(1), given.shape[1])
    n, wrong = len(labels), len(labels) - int(np.trace(counts))
    C = len(counts)
    names = [class_name(classes, i) for i in range(C)]
    left = 0.55 + 0.085 * max(map(len, names))
    figure = new_figure(2 * MARGIN + left + C * CELL + 0.8, MARGIN + 0.78 + C * CELL + 0.8)
    top = head(figure, f"{wrong:,} of {n:,} taken for another class", _worst(counts, names)) + 0.1
    axes = place(figure, MARGIN + left, top, C * CELL, C * CELL)
    axes.imshow(_colours(counts), interpolation="nearest", aspect="auto")
    axes.spines[:].set(color=PAPER, linewidth=2.5)
    look: dict[str, Any] = {"fontsize": SMALL, "color": SOFT, "parse_math": False}
    axes.set_xticks(range(C), names, rotation=0 if max(map(len, names)) < 5 else 90, **look)
    axes.set_yticks(range(C), names, **look)
    axes.set_xticks(np.arange(-0.5, C), minor=True)
    axes.set_yticks(np.arange(-0.5, C), minor=True)
    axes.grid(which="minor", color=PAPER, linewidth=2)
    axes.tick_params(which="both", length=0)
    axes.set_xlabel("predicted", fontsize=TEXT, color=INK, labelpad=8)
    axes.set_ylabel("true", fontsize=TEXT, color=INK, labelpad=8)
    recall = counts.diagonal() / np.maximum(counts.sum(1), 1)
    for i, j in np.argwhere(counts > 0).tolist():
        dark = (recall[i] > 0.5) if i == j else counts[i, j] > 0.6 * _most(counts)
        axes.text(j, i, f"{counts[i, j]}", ha="center", va="center", fontsize=SMALL, color="white" if dark else INK)
    for i in range(C):
        share = f"{100 * recall[i]:.1f} %" if counts[i].any() else "none"
        write(figure, MARGIN + left + C * CELL + 0.12, top + (i + 0.5) * CELL, share, SMALL, SOFT, va="center")
    write(figure, MARGIN + left + C * CELL + 0.12, top - 0.06, "found", SMALL, SOFT, va="bottom")
    return figure


def confusion_matrix(labels: Array, predicted: Array, classes: int) -> Array:
    """Counts (classes, classes): row i, column j says how many of class i were predicted to be j.

    >>> import numpy as np
    >>> confusion_matrix(np.array([0, 1, 1]), np.array([0, 1, 0]), 2)
    array([[1, 0],
           [1, 1]])
    """
    return np.bincount(labels * classes + predicted, minlength=classes * classes).reshape(classes, classes)


def answers(op: str, model: Any, x: Any, t: Any) -> tuple[Array, Array]:
    """Scores (N, C) and classes (N,), checked; `model` is a Module that is asked about `x`, or the scores themselves."""
    if isinstance(model, Module):
        given = scores(model, x)
    else:
        given = model.detach().array if isinstance(model, Tensor) else np.asarray(model)
    labels = t.detach().array if isinstance(t, Tensor) else np.asarray(t)
    if given.ndim != 2 or labels.shape != given.shape[:1] or labels.dtype.kind not in "iu":
        raise ShapeError(
            f"{op}: needs scores (N, C) and classes (N,) of integers, got {given.shape} and {labels.shape} of {labels.dtype}"
        )
    if len(labels) and not 0 <= labels.min() <= labels.max() < given.shape[1]:
        raise IndexError(f"{op}: classes must be within 0..{given.shape[1] - 1}, got {labels.min()}..{labels.max()}")
    return given, labels.astype(np.int64)


def _most(counts: Array) -> int:
    """The count of the most frequent mistake."""
    return int((counts - np.diag(counts.diagonal())).max(initial=0))


def _worst(counts: Array, names: Sequence[str]) -> str:
    most = _most(counts)
    if not most:
        return "no mistake"
    wrong = counts - np.diag(counts.diagonal())
    i, j = divmod(int(wrong.argmax()), len(counts))
    return f"most often {names[i]} is taken for {names[j]}: {most} of {counts[i].sum():,}"


def _colours(counts: Array) -> Array:
    """(C, C, 3): blue by the share of a class that is found, orange by how frequent a mistake is, grey for none."""
    from matplotlib.colors import to_rgb

    paper, empty, blue, orange = (np.array(to_rgb(colour)) for colour in (PAPER, LINE, BLUE, ORANGE))
    share = np.sqrt(counts / max(_most(counts), 1))[..., np.newaxis]  # a single mistake is to be seen, too
    image = paper + (orange - paper) * share.clip(0, 1)
    image[counts == 0] = paper + (empty - paper) * 0.35
    for i, row in enumerate(counts):
        image[i, i] = paper + (blue - paper) * (row[i] / max(row.sum(), 1))
    return image
