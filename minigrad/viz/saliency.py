"""Which pixels a class hangs on: the gradient of its score with respect to the image."""

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
from minigrad.tensors.tensor import Tensor
from minigrad.viz.images import class_name, drawable, one_image
from minigrad.viz.mistakes import worst_by_loss
from minigrad.viz.style import LINE, MARGIN, SOFT, TEXT, diverging, frame, head, new_figure, place, show_image

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["saliency", "score_gradient"]

SIDE, BETWEEN = 1.9, 0.3  # inches


def saliency(model: Module, image: Any, label: int | None = None, *, classes: Sequence[str] | None = None) -> Figure:
    """Which pixels of an image (C, H, W) the score of a class hangs on: of `label`, or of the class predicted.

    Beside the image the gradient: an orange pixel would raise the score if it were brighter, a blue one if it were darker.
    Then its magnitude, and the image where that is large. Simonyan et al. (2013), "Deep inside convolutional networks".

    >>> import minigrad as mg
    >>> figure = saliency(mg.models.SimpleConvNet(), np.zeros((1, 28, 28)), label=3)
    >>> [axes.get_title() for axes in figure.axes]
    ['image', 'gradient', 'its magnitude', 'what counts']
    """
    x = one_image("saliency", image, model)
    found, gradient, shown = score_gradient(model, x, label)
    _, probabilities = worst_by_loss(found[np.newaxis], np.array([shown]))
    probabilities, predicted = probabilities[0], int(found.argmax())
    remark = f"predicted {class_name(classes, predicted)} with {100 * probabilities[predicted]:.1f} %"
    if shown != predicted:
        remark += f", {class_name(classes, shown)} with {100 * probabilities[shown]:.1f} %"
    H, W = x.shape[2:]
    height = SIDE * H / W
    figure = new_figure(2 * MARGIN + 4 * SIDE + 3 * BETWEEN, MARGIN + 1.0 + height + MARGIN)
    top = head(figure, f"what speaks for {class_name(classes, shown)}", remark) + 0.3
    signed = gradient[0].sum(0)
    magnitude = np.abs(gradient[0]).max(0)
    scale = float(magnitude.max()) or 1.0
    picture = drawable(x)[0]
    bright = picture - picture.min()
    bright = bright / (float(bright.max()) or 1.0)
    weight = (magnitude / scale).reshape(H, W, *[1] * (bright.ndim - 2))
    panels = {
        "image": (bright, "gray_r", 0, 1),
        "gradient": (signed, diverging(), -scale, scale),
        "its magnitude": (magnitude, "Greys", 0, scale),
        "what counts": (bright * weight, "gray_r", 0, 1),
    }
    for i, (title, (array, colours, low, high)) in enumerate(panels.items()):
        axes = place(figure, MARGIN + i * (SIDE + BETWEEN), top, SIDE, height)
        show_image(axes, array, colours, low, high)
        frame(axes, LINE)
        axes.set_title(title, fontsize=TEXT, color=SOFT, pad=7)
    return figure


def score_gradient(model: Module, x: Array, label: int | None = None) -> tuple[Array, Array, int]:
    """Scores (C,) for an image (1, C, H, W), the gradient of that of `label`, or of the highest, and whose it is.

    The model's own gradients stay as they were.
    """
    image = Tensor(x, requires_grad=True)
    with evaluating(model), enable_grad():
        out = model(image)
        if out.ndim != 2:
            raise ShapeError(f"saliency: the model must give scores (N, C), got shape {out.shape}")
        shown = int(out.array.argmax()) if label is None else label
        if not 0 <= shown < out.shape[1]:
            raise IndexError(f"saliency: label must be within 0..{out.shape[1] - 1}, got {label}")
        (gradient,) = autograd.grad(out[0, shown], image)
    return out.array[0], gradient.array, shown
