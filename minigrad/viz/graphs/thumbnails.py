"""Kernels as small images, which a graph shows without a plotting library."""

from __future__ import annotations

import math

import numpy as np

from minigrad.arrays import Array
from minigrad.viz.graphs.ir import Image
from minigrad.viz.palette import DIVERGING
from minigrad.viz.png import png

__all__ = ["kernel_images", "levels"]

SHOWN = 32  # kernels at most
LARGEST = 16  # pixels of a kernel's side at most: larger parameters are not drawn
GAP, MIDDLE = 0, 128  # palette index of the transparent gap, and of zero


def kernel_images(trained: Array, initial: Array | None = None, gradient: Array | None = None) -> tuple[Image, ...]:
    """Draw kernels (F, C, KH, KW) as grids: initial and trained on one scale, the gradient on another; () for other shapes.

    The first 32 kernels and the first channel are drawn. Zero is white, the largest magnitude the full color, positive or
    negative; NaN and infinity count as zero.
    """
    if trained.ndim != 4 or not all(1 <= n <= LARGEST for n in trained.shape[2:]) or trained[0, 0].size == 1:
        return ()
    kept = [a[:SHOWN, 0] for a in (trained, initial) if a is not None and a.shape == trained.shape]
    scale = max(_largest(a) for a in kept)
    images = [_image("weight", kept[0], scale)]
    if len(kept) == 2:
        images = [_image("initial", kept[1], scale), _image("trained", kept[0], scale)]
    if gradient is not None:
        images.append(_image("gradient", gradient[:SHOWN, 0], _largest(gradient[:SHOWN, 0])))
    return tuple(images)


def levels(kernels: Array, scale: float) -> Array:
    """Return the grid as indices into the palette: 1..255 for -scale..scale, 128 for zero, 0 for the gaps in between."""
    count, height, width = kernels.shape
    columns = min(count, 8)
    rows = math.ceil(count / columns)
    grid = np.full((rows * (height + 1) - 1, columns * (width + 1) - 1), GAP, np.uint8)
    with np.errstate(divide="ignore", invalid="ignore"):
        finite = np.nan_to_num(
            kernels.astype(np.float64) / scale if scale else kernels * 0.0, nan=0.0, posinf=0.0, neginf=0.0
        )
    for i, kernel in enumerate(np.rint(MIDDLE + 127 * np.clip(finite, -1, 1)).astype(np.uint8)):
        y, x = divmod(i, columns)
        grid[y * (height + 1) : y * (height + 1) + height, x * (width + 1) : x * (width + 1) + width] = kernel
    return grid


def _image(caption: str, kernels: Array, scale: float) -> Image:
    grid = levels(kernels, scale)
    return Image(caption, grid.shape[1], grid.shape[0], png(grid, DIVERGING))


def _largest(array: Array) -> float:
    finite = np.abs(array[np.isfinite(array)])
    return float(finite.max()) if finite.size else 0.0
