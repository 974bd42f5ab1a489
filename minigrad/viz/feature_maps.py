"""Feature maps: the output of each layer of a network for one image."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from minigrad.arrays import Array
from minigrad.nn import Module
from minigrad.nn.inference import evaluating, layer_outputs
from minigrad.tensors.tensor import tensor
from minigrad.viz.images import drawable, one_image
from minigrad.viz.style import INK, MARGIN, SMALL, SOFT, TEXT, diverging, head, mosaic, new_figure, place, show_image, write

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["LayerValues", "feature_maps", "layer_values"]

MOST, COLUMNS = 30, 15  # channels shown of a layer, and how many side by side
UNITS = 240  # of a layer without maps, as a strip
SIDE, LEFT, GAP = 0.5, 1.55, 0.28  # inches: the side of a map, the room for names, the space between layers


def feature_maps(model: Module, image: Any) -> Figure:
    """Show the output of each layer for an image (C, H, W): a map for each channel, or a strip of units.

    White is zero, blue negative, orange positive; each layer has a separate scale, with its end written beside it. At most
    30 channels of a layer are shown.

    >>> import minigrad as mg
    >>> figure = feature_maps(mg.models.SimpleConvNet(), np.zeros((1, 28, 28)))
    >>> len(figure.axes)
    7
    """
    panels = layer_values(model, image)
    heights = [panel.tiles[1] * SIDE for panel in panels]
    figure = new_figure(2 * MARGIN + LEFT + COLUMNS * SIDE, 2 * MARGIN + 0.75 + sum(heights) + GAP * (len(panels) - 1))
    y = head(figure, "feature maps", f"an image on its way through {type(model).__name__}") + 0.05
    for panel, height in zip(panels, heights, strict=True):
        _draw(figure, panel, y, height)
        y += height + GAP
    return figure


def layer_values(model: Module, image: Any) -> list[LayerValues]:
    """Return the input, and the output of each layer for it; layers that change nothing are left out."""
    x = one_image("feature_maps", image, model)
    with evaluating(model):
        found = layer_outputs(model, tensor(x))
    layers = dict(model.named_modules())
    panels = [LayerValues("input", "", x[0])]
    for name, out in found.items():
        array = out.array
        changed = not np.may_share_memory(array, panels[-1].values)  # false for Dropout, and for Flatten
        if array.ndim in (2, 4) and len(array) == 1 and changed and not list(layers[name].children()):
            panels.append(LayerValues(name, type(layers[name]).__name__, array[0]))
    return panels


class LayerValues(NamedTuple):
    """A layer: its name, its class, and its output, maps (C, H, W) or units (n,)."""

    name: str
    kind: str
    values: Array

    @property
    def tiles(self) -> tuple[float, float]:
        """Width and height in tiles."""
        n = len(self.values)
        if self.values.ndim == 3:
            shown = 1 if self.name == "input" else min(n, MOST)
            rows = math.ceil(shown / COLUMNS)
            return math.ceil(shown / rows), rows * self.values.shape[1] / self.values.shape[2]  # 16 maps: two rows of 8
        return (n, 1.0) if n <= COLUMNS else (COLUMNS, 0.6)


def _draw(figure: Figure, panel: LayerValues, y: float, height: float) -> None:
    name, kind, values = panel
    shape = "x".join(map(str, values.shape))
    scale = float(np.abs(values).max(initial=0))
    facts = shape if name == "input" else f"{kind} {shape}\nup to {scale:.3g}"
    write(figure, MARGIN, y, name, TEXT, INK)
    write(figure, MARGIN, y + 0.2, facts, SMALL, SOFT)
    axes = place(figure, MARGIN + LEFT, y, panel.tiles[0] * SIDE, height)
    if name == "input":
        show_image(axes, drawable(values[np.newaxis])[0], "gray_r", 0, scale or 1)
        return
    image = mosaic(values[:MOST], int(panel.tiles[0])) if values.ndim == 3 else values[np.newaxis, :UNITS]
    show_image(axes, image, diverging(), -scale or -1, scale or 1)
    if values.ndim == 1 and len(values) <= COLUMNS:
        for i, value in enumerate(values):
            color = "white" if abs(value) > 0.45 * scale else INK
            axes.text(i, 0, f"{i}", ha="center", va="center", fontsize=SMALL, color=color)
