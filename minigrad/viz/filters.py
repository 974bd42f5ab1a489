"""The kernels of a convolution: before training, after it, and what changed."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from minigrad.arrays import Array
from minigrad.errors import ShapeError
from minigrad.nn import Module
from minigrad.tensors.tensor import Tensor
from minigrad.viz.style import MARGIN, SMALL, SOFT, TEXT, columns_for, diverging, head, mosaic, new_figure, place, show_image

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["filter_show", "filters"]

MOST = 64  # tiles in a panel
TILE, BETWEEN = 0.36, 0.4  # inches: the side of a tile, and the space between panels


def filters(weights: Any, initial: Any = None, *, layer: str | None = None) -> Figure:
    """Kernels (F, C, KH, KW) as a grid; with the initial ones also before training, and the difference, all on one scale.

    `weights` and `initial` are arrays, tensors, or modules, of which `layer`, a parameter's name, is shown: else the first
    with kernels. White is zero, blue negative, orange positive. Kernels of one channel, or of three, which are shown as
    colours, are a tile each; of others the channels stand side by side. At most 64 tiles are shown.

    >>> import minigrad as mg
    >>> net = mg.models.SimpleConvNet()
    >>> [axes.get_title() for axes in filters(net, initial=net.conv1.weight * 0.5).axes[:3]]
    ['initial', 'trained', 'difference']
    """
    name, trained = kernels(weights, layer)
    panels = {"": trained}
    if initial is not None:
        before = kernels(initial, layer)[1]
        if before.shape != trained.shape:
            raise ShapeError(f"filters: the initial kernels have shape {before.shape}, the trained {trained.shape}")
        panels = {"initial": before, "trained": trained, "difference": trained - before}
    F, C, KH, KW = trained.shape
    scale = max(float(np.abs(panel[np.isfinite(panel)]).max(initial=0)) for panel in panels.values()) or 1.0
    tiles = [_tiles(panel, scale) for panel in panels.values()]
    shown, each = len(tiles[0]), 1 if C in (1, 3) else C
    columns = columns_for(shown) if each == 1 else min(C, shown)
    width, height = columns * TILE, math.ceil(shown / columns) * TILE * KH / KW
    figure = new_figure(
        2 * MARGIN + len(panels) * (width + BETWEEN) + 0.5, MARGIN + (1.45 if initial is not None else 1.2) + height
    )
    remark = f"{F} kernels of {C}x{KH}x{KW}" + (", a row for each" if each == columns else "")
    if shown < F * each:
        remark += f"; {max(1, shown // each)} shown"
    top = head(figure, name, remark) + (0.35 if initial is not None else 0.1)
    for i, (title, panel) in enumerate(zip(panels, tiles, strict=True)):
        axes = place(figure, MARGIN + i * (width + BETWEEN), top, width, height)
        shades = show_image(axes, mosaic(panel, columns), diverging(), -scale, scale)
        axes.set_title(title, fontsize=TEXT, color=SOFT, loc="center", pad=7)
    if C != 3:
        bar = place(figure, MARGIN + len(panels) * (width + BETWEEN), top, 0.12, height)
        figure.colorbar(shades, cax=bar, ticks=[-scale, 0, scale], format=f"{{x:.{2 if scale >= 0.1 else 3}f}}")
        bar.tick_params(length=0, labelsize=SMALL, labelcolor=SOFT)
        bar.spines[:].set_visible(False)
    return figure


def filter_show(filters: Any, nx: int = 8, margin: int = 3, scale: int = 10) -> Figure:
    """The first channel of each kernel in grey, as "Deep Learning from Scratch" shows them: dark is large.

    `nx` kernels in a row, `margin` pixels between them, each weight `scale` pixels wide; every kernel on a scale of its own.

    >>> filter_show(np.zeros((30, 1, 5, 5)), nx=8).axes[0].get_images()[0].get_array().shape
    (209, 421)
    """
    weights = kernels(filters)[1]
    low, high = (f(weights[:, :1], (1, 2, 3), keepdims=True) for f in (np.min, np.max))
    grey = (weights[:, 0] - low[:, 0]) / np.where(high > low, high - low, 1)[:, 0]
    image = mosaic(grey, min(nx, len(grey)), margin / scale, scale)
    pixels = 40  # an inch
    figure = new_figure(image.shape[1] / pixels, image.shape[0] / pixels)
    show_image(figure.add_axes((0, 0, 1, 1)), image, "gray_r", 0, 1)
    return figure


def kernels(weights: Any, layer: str | None = None) -> tuple[str, Array]:
    """The name and the values (F, C, KH, KW) of kernels, given as themselves or as the module that has them."""
    name = layer or "kernels"
    if isinstance(weights, Module):
        found = {name: p for name, p in weights.named_parameters() if p.ndim == 4 and layer in (None, name)}
        if not found:
            there = ", ".join(name for name, p in weights.named_parameters() if p.ndim == 4) or "none"
            raise ValueError(f"filters: no kernels {layer or ''} in {type(weights).__name__}; there are {there}")
        name, weights = next(iter(found.items()))
    array = weights.array if isinstance(weights, Tensor) else np.asarray(weights)
    if array.ndim != 4 or not array.size:
        raise ShapeError(f"filters: kernels must be (F, C, KH, KW), got shape {array.shape}")
    return name, array.astype(np.float64)


def _tiles(weights: Array, scale: float) -> Array:
    """One tile for each kernel, or for each channel of each; kernels of three channels in colour."""
    if weights.shape[1] == 3:
        return np.clip(weights[:MOST] / (2 * scale) + 0.5, 0, 1).transpose(0, 2, 3, 1)
    if weights.shape[1] == 1:
        return weights[:MOST, 0]
    whole = max(1, MOST // weights.shape[1])  # kernels with all their channels
    return weights[:whole].reshape(-1, *weights.shape[2:])[:MOST]
