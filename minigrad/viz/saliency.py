"""Saliency map: the gradient of a class's score with respect to the image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from minigrad import autograd
from minigrad.arrays import Array
from minigrad.engine.grad_mode import enable_grad
from minigrad.errors import ShapeError
from minigrad.nn import Module
from minigrad.nn.inference import evaluating
from minigrad.tensors.tensor import tensor
from minigrad.viz.images import class_name, drawable, one_image
from minigrad.viz.mistakes import loss_and_probabilities
from minigrad.viz.style import MARGIN, SOFT, TEXT, diverging, framed_image, head, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["saliency", "score_gradient"]

SIDE, BETWEEN = 1.9, 0.3  # inches


def saliency(model: Module, image: Any, label: int | None = None, *, classes: Sequence[str] | None = None) -> Figure:
    """Show how the score of a class depends on the pixels of an image (C, H, W).

    `label` is the class, by default the predicted one; `classes` are the names of the classes.

    Beside the image is the gradient: an orange pixel would raise the score if it were brighter, a blue one if it were
    darker. Then its magnitude, and the image where that is large. Simonyan et al. (2013), "Deep inside convolutional
    networks".

    >>> import minigrad as mg
    >>> figure = saliency(mg.models.SimpleConvNet(), np.zeros((1, 28, 28)), label=3)
    >>> [axes.get_title() for axes in figure.axes]
    ['image', 'gradient', 'its magnitude', 'what counts']
    """
    x = one_image("saliency", image, model)
    found, gradient, shown = score_gradient(model, x, label)
    _, probabilities = loss_and_probabilities(found[np.newaxis], np.array([shown]))
    sure = {k: f"{class_name(classes, k)} with {100 * probabilities[0, k]:.1f} %" for k in (int(found.argmax()), shown)}
    H, W = x.shape[2:]
    height = SIDE * H / W
    figure = new_figure(2 * MARGIN + 4 * SIDE + 3 * BETWEEN, MARGIN + 1.0 + height + MARGIN)
    top = head(figure, f"what speaks for {class_name(classes, shown)}", f"predicted {', '.join(sure.values())}") + 0.3
    signed = gradient[0].sum(0)
    magnitude = np.abs(gradient[0]).max(0)
    scale = float(magnitude.max()) or 1.0
    picture = drawable(x)[0]
    bright = picture - picture.min()
    bright = bright / (float(bright.max()) or 1.0)
    weight = (magnitude / scale).reshape(H, W, *[1] * (bright.ndim - 2))
    panels = {
        "image": (bright, 0, 1, "gray_r"),
        "gradient": (signed, -scale, scale, diverging()),
        "its magnitude": (magnitude, 0, scale, "Greys"),
        "what counts": (bright * weight, 0, 1, "gray_r"),
    }
    for i, (title, (array, low, high, colors)) in enumerate(panels.items()):
        left = MARGIN + i * (SIDE + BETWEEN)
        axes = framed_image(figure, left, top, array, low, high, colors=colors, width=SIDE, height=height)
        axes.set_title(title, fontsize=TEXT, color=SOFT, pad=7)
    return figure


def score_gradient(model: Module, x: Array, label: int | None = None) -> tuple[Array, Array, int]:
    """Return scores (C,) for an image (1, C, H, W), the gradient of the score of a class, and the class.

    The class is `label`, by default that with the highest score. The model's own gradients stay as they were.
    """
    image = tensor(x, requires_grad=True)
    with evaluating(model), enable_grad():
        out = model(image)
        if out.ndim != 2:
            raise ShapeError(f"saliency: the model must return scores (N, C), got shape {out.shape}")
        shown = int(out.array.argmax()) if label is None else label
        if not 0 <= shown < out.shape[1]:
            raise IndexError(f"saliency: label must be within 0..{out.shape[1] - 1}, got {label}")
        (gradient,) = autograd.grad(out[0, shown], image)
    return out.array[0], gradient.array, shown
