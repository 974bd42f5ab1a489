"""Kernels as small images, which a graph shows without a plotting library."""

from __future__ import annotations

import numpy as np

from minigrad.arrays import Array
from minigrad.viz.graphs.ir import Image
from minigrad.viz.palette import DIVERGING
from minigrad.viz.png import png
from minigrad.viz.style import mosaic

__all__ = ["kernel_images", "levels"]

SHOWN = 32  # kernels at most
LARGEST = 16  # pixels of a kernel's side at most: larger parameters are not drawn
GAP, MIDDLE = 0, 128  # palette index of the transparent gap, and of zero


def kernel_images(trained: Array, initial: Array | None = None, gradient: Array | None = None) -> tuple[Image, ...]:
    """Draw kernels (F, C, KH, KW) as grids, each on its own scale, which the caption tells; () for other shapes.

    The first 32 kernels and the first channel are drawn. Zero is white, the largest magnitude the full color, positive or
    negative; NaN and infinity count as zero.
    """
    if trained.ndim != 4 or not all(1 <= n <= LARGEST for n in trained.shape[2:]) or trained[0, 0].size == 1:
        return ()
    kept = [a[:SHOWN, 0] for a in (trained, initial) if a is not None and a.shape == trained.shape]
    images = [_image("weight", kept[0])]
    if len(kept) == 2:
        images = [_image("initial", kept[1]), _image("trained", kept[0])]
    if gradient is not None:
        images.append(_image("gradient", gradient[:SHOWN, 0]))
    return tuple(images)


def levels(kernels: Array, scale: float) -> Array:
    """Return the grid as indices into the palette: 1..255 for -scale..scale, 128 for zero, 0 for the gaps in between."""
    finite = np.where(np.isfinite(kernels), kernels.astype(np.float64), 0.0)
    shades = np.rint(MIDDLE + 127 * np.clip(finite / (scale or 1.0), -1, 1))
    return np.nan_to_num(mosaic(shades, min(len(kernels), 8), gap=1, zoom=1), nan=GAP).astype(np.uint8)


def _image(title: str, kernels: Array) -> Image:
    scale = _largest(kernels)
    grid = levels(kernels, scale)
    return Image(f"{title} ±{scale:.2g}", grid.shape[1], grid.shape[0], png(grid, DIVERGING))


def _largest(array: Array) -> float:
    finite = np.abs(array[np.isfinite(array)])
    return float(finite.max()) if finite.size else 0.0
