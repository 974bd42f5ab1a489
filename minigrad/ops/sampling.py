"""Reading images at points between their pixels: spatial transformers, Jaderberg et al. (2015)."""

from __future__ import annotations

import math
from itertools import product
from typing import Any

import numpy as np

from minigrad.arrays import Array, array_of, shape_of
from minigrad.engine.composite import composite
from minigrad.engine.promotion import floating
from minigrad.errors import ShapeError
from minigrad.kernels.checks import check_choice
from minigrad.ops.activation import hardtanh
from minigrad.ops.elementwise import absolute, fmod, where
from minigrad.ops.indexing import getitem
from minigrad.ops.interpolation import cubic_weight
from minigrad.ops.linalg import matmul
from minigrad.ops.rearrange import pad
from minigrad.ops.shape import moveaxis, reshape

__all__ = ["affine_grid", "grid_sample"]


@floating("input", "grid")
@composite
def grid_sample(
    input: Any, grid: Any, mode: str = "bilinear", padding_mode: str = "zeros", align_corners: bool | None = None
) -> Any:
    """Read images (N, C, H, W) at the points of a grid (N, OH, OW, 2): (N, C, OH, OW); or volumes, with three coordinates.

    A point is (x, y) or (x, y, z), where -1 and 1 are the borders of the image: the outer edges of its outer pixels, or with
    `align_corners` their centers. None means False.

    * `mode`: "bilinear" (trilinear for volumes), "nearest", or for images "bicubic"; "nearest" has no gradient by the grid
    * `padding_mode`: what lies beyond the borders: "zeros", "border" (the nearest pixel) or "reflection"

    Raises ShapeError for shapes that do not fit together, ValueError for other modes.

    >>> import numpy as np
    >>> grid_sample(np.array([[[[1.0, 2.0], [3.0, 4.0]]]]), np.array([[[[0.0, 0.0], [0.5, -0.5]]]]))
    array([[[[2.5, 2. ]]]])
    """
    op = "grid_sample"
    size, points = shape_of(input), shape_of(grid)
    n = len(size) - 2
    if n not in (2, 3) or len(points) != n + 2 or points[-1] != n or points[0] != size[0]:
        raise ShapeError(
            f"{op}: needs images (N, C, H, W) and a grid (N, OH, OW, 2), or volumes (N, C, D, H, W) and a grid "
            f"(N, OD, OH, OW, 3), got shapes {size} and {points}"
        )
    if 0 in size[2:]:
        raise ShapeError(f"{op}: the input has size 0: shape {size}")
    check_choice(op, "mode", mode, *(("bilinear", "nearest", "bicubic") if n == 2 else ("bilinear", "nearest")))
    check_choice(op, "padding_mode", padding_mode, "zeros", "border", "reflection")
    every = []
    for axis, pixels in enumerate(size[2:]):
        at = getitem(grid, (..., n - 1 - axis))  # the last coordinate is of the first axis
        at = (at + 1) * 0.5 * (pixels - 1) if align_corners else ((at + 1) * pixels - 1) * 0.5
        every.append(_taps(at, pixels, mode, padding_mode, bool(align_corners)))
    pixels = moveaxis(pad(input, [(0, 0), (0, 0), *[(1, 1)] * n]), 1, -1)  # a ring of zeros for all that lies outside
    batch = np.arange(size[0]).reshape(-1, *[1] * n)
    out = 0
    for taps in product(*every):
        read = getitem(pixels, (batch, *[place for place, _ in taps]))
        out = out + (read if mode == "nearest" else read * getitem(math.prod(share for _, share in taps), (..., None)))
    return moveaxis(out, -1, 1)


@floating("theta")
@composite
def affine_grid(theta: Any, size: tuple[int, ...], align_corners: bool | None = None) -> Any:
    """Return the grid of `grid_sample` for affine maps `theta` (N, 2, 3) of images of `size` (N, C, H, W): (N, H, W, 2).

    Of volumes, `theta` is (N, 3, 4), `size` (N, C, D, H, W), and the grid (N, D, H, W, 3). `align_corners` as there. Raises
    ShapeError for other shapes.

    >>> import numpy as np
    >>> affine_grid(np.array([[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]]), (1, 1, 1, 2))
    array([[[[-0.5,  0. ],
             [ 0.5,  0. ]]]])
    """
    N, n = size[0], len(size) - 2
    if n not in (2, 3) or shape_of(theta) != (N, n, n + 1):
        raise ShapeError(
            f"affine_grid: theta must be (N, 2, 3) for a size (N, C, H, W), or (N, 3, 4) for (N, C, D, H, W), got shape "
            f"{shape_of(theta)} and size {tuple(size)}"
        )
    ends = [1.0 if align_corners else (pixels - 1) / pixels for pixels in size[2:]]
    lines = [np.linspace(-end, end, k) if k > 1 else np.zeros(k) for end, k in zip(ends, size[2:], strict=True)]
    points = np.stack([*np.meshgrid(*lines, indexing="ij")[::-1], np.ones(size[2:])], -1)
    flat = matmul(points.reshape(1, -1, n + 1).astype(theta.dtype), theta.mT)
    return reshape(flat, (N, *size[2:], n))


def _taps(at: Any, n: int, mode: str, padding_mode: str, align_corners: bool) -> list[tuple[Array, Any]]:
    """Return the pixels to read along an axis of `n`, counted in the ring of zeros, and the share of each in the result."""
    if mode == "bicubic":
        at = hardtanh(at, -4.0, n + 3.0) if padding_mode == "zeros" else at
        every = [np.floor(np.nan_to_num(array_of(at))) + i for i in (-1, 0, 1, 2)]
        places = [_places(array_of(_inside(tap, n, padding_mode, align_corners)), n) for tap in every]
        return [(place, cubic_weight(absolute(at - tap))) for place, tap in zip(places, every, strict=True)]
    at = _inside(at, n, padding_mode, align_corners)
    if mode == "nearest":
        return [(_places(np.rint(array_of(at)), n), 1)]
    low = np.floor(np.nan_to_num(array_of(at)))
    return [(_places(low, n), low + 1 - at), (_places(low + 1, n), at - low)]


def _inside(at: Any, n: int, padding_mode: str, align_corners: bool) -> Any:
    """Move points beyond the borders inside; with zeros there, only near: far out, all pixels are the same.

    As in PyTorch, the derivative is 0 on the borders.
    """
    if padding_mode == "zeros":
        return hardtanh(at, -2.0, n + 1.0)
    if padding_mode == "reflection":
        first, span = (0.0, n - 1.0) if align_corners else (-0.5, float(n))
        away = absolute(at - first)
        rest = fmod(away, span) if span else away * 0
        turned = np.floor(array_of(away) / span) % 2 == 1 if span else False
        at = where(turned, span - rest, rest) + first
    return hardtanh(at, 0.0, n - 1.0)


def _places(at: Array, n: int) -> Array:
    """Return the indices of whole points in an axis of `n` pixels and the zeros on either side."""
    return np.clip(np.nan_to_num(at, nan=-1.0), -1, n).astype(np.intp) + 1
