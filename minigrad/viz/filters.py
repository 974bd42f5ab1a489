"""Filters: the kernels of a convolution before training, after it, and their difference."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from minigrad.arrays import Array, array_of
from minigrad.errors import ShapeError
from minigrad.nn import Module
from minigrad.viz.style import (
    MARGIN,
    SMALL,
    SOFT,
    TEXT,
    columns_for,
    diverging,
    head,
    mosaic,
    new_figure,
    place,
    show_image,
    write,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["filter_show", "filters", "kernels", "largest"]

MOST = 64  # tiles in a panel
SIDE, BETWEEN = 0.36, 0.4  # inches: the side of a tile, and the space between panels
NARROWEST, WRITTEN = 1.2, 3.0  # inches: the least room for a panel and its scale, and for the heading


def filters(weights: Any, initial: Any = None, *, layer: str | None = None, common_scale: bool = False) -> Figure:
    """Show kernels (F, C, KH, KW) as a grid; with initial ones also before training, and the difference.

    weights       an array, a tensor, or a Module
    initial       the kernels before training
    layer         the name of the parameter, if `weights` is a Module; by default the first with kernels
    common_scale  whether the three grids have one scale, which compares sizes; by default each has its own, which is written
                  below it, so that the pattern of small initial weights is visible, too

    White is zero, blue negative, orange positive. Kernels of one channel, or of three, which are shown as colors, are a tile
    each; of others the channels are side by side. At most 64 tiles are shown.

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
    scales = [largest(panel) for panel in panels.values()]
    if common_scale:
        scales = [max(scales)] * len(scales)
    tiles = [_tiles(panel, scale or 1.0) for panel, scale in zip(panels.values(), scales, strict=True)]
    shown, each = len(tiles[0]), 1 if C in (1, 3) else C
    columns = columns_for(shown) if each == 1 else min(C, shown)
    width, height = columns * SIDE, math.ceil(shown / columns) * SIDE * KH / KW
    titles = 0.25 if initial is not None else 0.0  # room for them
    across = max(width, NARROWEST) + BETWEEN
    figure = new_figure(2 * MARGIN + max(len(panels) * across - BETWEEN, WRITTEN), MARGIN + 1.4 + titles + height)
    remark = f"{F} kernels of {C}x{KH}x{KW}" + (", a row for each" if each == columns else "")
    if shown < F * each:
        remark += f"; {max(1, shown // each)} shown"
    top = head(figure, name, remark) + 0.1 + titles
    shades = []
    for i, (title, panel, scale) in enumerate(zip(panels, tiles, scales, strict=True)):
        axes = place(figure, MARGIN + i * across, top, width, height)
        shades.append(show_image(axes, mosaic(panel, columns), diverging(), -(scale or 1.0), scale or 1.0))
        axes.set_title(title, fontsize=TEXT, color=SOFT, loc="center", pad=7)
        written = f"±{scale:.2g}" if C != 3 else f"gray is 0; ±{scale:.2g}"
        write(figure, MARGIN + i * across, top + height + 0.12, written, SMALL, SOFT)
    for i, shade in enumerate(shades if C != 3 else ()):
        bar = place(figure, MARGIN + i * across + 0.62, top + height + 0.14, 0.55, 0.1)
        figure.colorbar(shade, cax=bar, orientation="horizontal", ticks=[])
        bar.spines[:].set_visible(False)
    return figure


def filter_show(filters: Any, nx: int = 8, margin: int = 3, scale: int = 10) -> Figure:
    """Show the first channel of each kernel in gray, as in "Deep Learning from Scratch": dark is large.

    nx         kernels in a row
    margin     pixels between kernels
    scale      pixels of a weight's side

    Every kernel has a separate scale.

    >>> filter_show(np.zeros((30, 1, 5, 5)), nx=8).axes[0].get_images()[0].get_array().shape
    (209, 421)
    """
    weights = kernels(filters)[1][:, 0]
    low, high = (f(weights, (1, 2), keepdims=True) for f in (np.min, np.max))
    gray = (weights - low) / np.where(high > low, high - low, 1)
    image = mosaic(gray, min(nx, len(gray)), margin / scale, scale)
    pixels = 40  # an inch
    figure = new_figure(image.shape[1] / pixels, image.shape[0] / pixels)
    show_image(figure.add_axes((0, 0, 1, 1)), image, "gray_r", 0, 1)
    return figure


def kernels(weights: Any, layer: str | None = None) -> tuple[str, Array]:
    """Return the name and the values (F, C, KH, KW) of kernels, given as an array or as the module that has them."""
    name = layer or "kernels"
    if isinstance(weights, Module):
        found = {name: p for name, p in weights.named_parameters() if p.ndim == 4}
        name = next(iter(found), "") if layer is None else layer
        if name not in found:
            there = ", ".join(found) or "none"
            raise ValueError(f"filters: no kernels {layer or ''} in {type(weights).__name__}; there are {there}")
        weights = found[name]
    array = array_of(weights)
    if array.ndim != 4 or not array.size:
        raise ShapeError(f"filters: kernels must be (F, C, KH, KW), got shape {array.shape}")
    return name, array.astype(np.float64)


def largest(weights: Array) -> float:
    """Return the largest magnitude that is finite; 0 if there is none."""
    return float(np.abs(weights[np.isfinite(weights)]).max(initial=0))


def _tiles(weights: Array, scale: float) -> Array:
    """Return one tile for each kernel, or for each channel of each; kernels of three channels in color."""
    if weights.shape[1] == 3:
        return np.clip(weights[:MOST] / (2 * scale) + 0.5, 0, 1).transpose(0, 2, 3, 1)
    whole = max(1, MOST // weights.shape[1])  # kernels with all their channels
    return weights[:whole].reshape(-1, *weights.shape[2:])[:MOST]
