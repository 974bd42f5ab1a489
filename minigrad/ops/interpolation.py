"""Resampling of images: interpolation along one axis after another, and rearranging channels into pixels.

Interpolation is linear in the image: a sum of pixels, read along an axis and weighted by constants. Reading and accumulating
along an axis are adjoint, each the gradient rule of the other.
"""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minigrad.arrays import Array, shape_of
from minigrad.config import get_default_dtype
from minigrad.engine.composite import composite, separate
from minigrad.engine.primitive import primitive
from minigrad.engine.promotion import promoting
from minigrad.errors import ShapeError
from minigrad.kernels import resampling as kernel
from minigrad.kernels.checks import positive_int
from minigrad.kernels.geometry import IMAGES, per_axis
from minigrad.ops.elementwise import astype
from minigrad.ops.linalg import matmul
from minigrad.ops.pooling import adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d
from minigrad.ops.shape import moveaxis, permute, reshape, swapaxes

__all__ = ["channel_shuffle", "interpolate", "pixel_shuffle", "pixel_unshuffle"]

AREA = {1: adaptive_avg_pool1d, 2: adaptive_avg_pool2d, 3: adaptive_avg_pool3d}
SMOOTH = {"linear": 1, "bilinear": 2, "trilinear": 3, "bicubic": 2}
MODES = ("nearest", "nearest-exact", *SMOOTH, "area")
SHARPNESS = -0.75  # the slope of the cubic kernel at distance 1


@primitive
def read_along(x: Array, positions: Array, axis: int) -> Array:
    """Read `x` at sorted positions along an axis, which may repeat; adjoint of `add_along`."""
    return kernel.read_along(x, positions, axis)


@promoting("y")
@primitive
def add_along(y: Array, positions: Array, axis: int, size: int) -> Array:
    """Accumulate `y` at sorted positions along an axis of `size`; adjoint of `read_along`."""
    return kernel.add_along(y, positions, axis, size)


@read_along.gradient("x")
def _(g: Any, positions: Array, axis: int, shape: tuple[int, ...]) -> Any:
    return add_along(g, positions, axis, shape[axis])


@add_along.gradient("y")
def _(g: Any, positions: Array, axis: int) -> Any:
    return read_along(g, positions, axis)


@promoting("x")
@composite
@separate
def interpolate(
    x: Any,
    size: int | Sequence[int] | None = None,
    scale_factor: float | Sequence[float] | None = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Any:
    """Resample images (N, C, *S), of one to three spatial axes S, to another size.

    * `size` or `scale_factor`: the new size, or its ratio to the old one (rounded down); one number, or one for each axis
    * `mode`: "nearest" (finds a pixel by its corner, "nearest-exact" by its center), "linear", "bilinear", "trilinear" (for
      one, two, three axes), "bicubic" (two axes; Keys, 1981), or "area" (the mean of the covered pixels)
    * `align_corners`: for the linear and cubic modes; pixels are points instead of areas, and corners keep their values
    * `recompute_scale_factor`: take the distance of pixels from the rounded size instead of from `scale_factor`
    * `antialias`: for "bilinear" and "bicubic"; where images shrink, average all pixels that a new one covers, as Pillow

    All as in PyTorch. Raises ValueError for a mode or options that exclude each other, ShapeError for anything but images.

    >>> import numpy as np
    >>> interpolate(np.array([[[1.0, 3.0]]]), scale_factor=2)
    array([[[1., 1., 3., 3.]]])
    >>> interpolate(np.array([[[1.0, 3.0]]]), 4, mode="linear")
    array([[[1. , 1.5, 2.5, 3. ]]])
    """
    op = "interpolate"
    shape = shape_of(x)
    n = len(shape) - 2
    if n not in IMAGES:
        raise ShapeError(f"{op}: input must be {', '.join(IMAGES.values())}, got shape {shape}")
    if mode not in MODES:
        raise ValueError(f"{op}: mode must be one of {', '.join(MODES)}, got {mode!r}")
    if SMOOTH.get(mode, n) != n:
        raise ValueError(f"{op}: mode {mode!r} is for images {IMAGES[SMOOTH[mode]]}, got shape {shape}")
    if align_corners is not None and mode not in SMOOTH:
        raise ValueError(f"{op}: align_corners goes with {', '.join(SMOOTH)}, got mode {mode!r}")
    if antialias and mode not in ("bilinear", "bicubic"):
        raise ValueError(f"{op}: antialias goes with bilinear and bicubic, got mode {mode!r}")
    if 0 in shape[2:]:
        raise ShapeError(f"{op}: the input has size 0: shape {shape}")
    sizes, factors = _sizes(op, n, shape, size, scale_factor)
    if mode in SMOOTH and x.dtype.kind != "f":
        x = astype(x, get_default_dtype())
    if mode == "area":
        return AREA[n](x, sizes)
    for axis, (wanted, factor) in enumerate(zip(sizes, factors, strict=True), 2):
        distance = shape[axis] / wanted if factor is None or recompute_scale_factor else 1 / factor
        if antialias:
            step = _corner_step(shape[axis], wanted) if align_corners else distance
            x = _averaged(x, axis, (np.arange(wanted) + 0.5) * step, step, mode)
        else:
            x = _along(x, axis, wanted, distance, mode, align_corners)
    return x


@composite
@separate
def pixel_shuffle(x: Any, upscale_factor: int) -> Any:
    """Rearrange channels into pixels: (..., C*r*r, H, W) to (..., C, H*r, W*r), with r = `upscale_factor`.

    Each pixel becomes r x r pixels, one from each of r*r channels. Shi et al. (2016), "Real-time single image and video
    super-resolution". Raises ShapeError if the number of channels is no multiple of r*r.

    >>> import numpy as np
    >>> pixel_shuffle(np.arange(8.0).reshape(1, 4, 1, 2), 2)
    array([[[[0., 2., 1., 3.],
             [4., 6., 5., 7.]]]])
    """
    r, (*lead, C, H, W) = _factor("pixel_shuffle", "upscale_factor", x, upscale_factor)
    if C % (r * r):
        raise ShapeError(f"pixel_shuffle: {C} channels are no multiple of {r}*{r}; input {shape_of(x)} = (..., C*r*r, H, W)")
    n = len(lead)
    blocks = permute(reshape(x, (*lead, C // (r * r), r, r, H, W)), (n, n + 3, n + 1, n + 4, n + 2, *range(n)))
    return _lead_first(reshape(blocks, (C // (r * r), H * r, W * r, *lead)), n)


@composite
@separate
def pixel_unshuffle(x: Any, downscale_factor: int) -> Any:
    """Rearrange pixels into channels: (..., C, H*r, W*r) to (..., C*r*r, H, W), with r = `downscale_factor`.

    The inverse of `pixel_shuffle`. Raises ShapeError if a size is no multiple of r.

    >>> import numpy as np
    >>> pixel_unshuffle(np.arange(8.0).reshape(1, 1, 2, 4), 2)[0, :, 0]
    array([[0., 2.],
           [1., 3.],
           [4., 6.],
           [5., 7.]])
    """
    r, (*lead, C, H, W) = _factor("pixel_unshuffle", "downscale_factor", x, downscale_factor)
    if H % r or W % r:
        raise ShapeError(
            f"pixel_unshuffle: {H} x {W} pixels are no multiple of {r}; input {shape_of(x)} = (..., C, H*r, W*r)"
        )
    n = len(lead)
    blocks = permute(reshape(x, (*lead, C, H // r, r, W // r, r)), (n, n + 2, n + 4, n + 1, n + 3, *range(n)))
    return _lead_first(reshape(blocks, (C * r * r, H // r, W // r, *lead)), n)


@composite
@separate
def channel_shuffle(x: Any, groups: int) -> Any:
    """Take the channels of (N, C, ...) in turn from each of `groups` groups: 0, C/groups, ..., 1, C/groups + 1, ...

    Zhang et al. (2018), "ShuffleNet". Raises ShapeError if C is no multiple of `groups`.

    >>> import numpy as np
    >>> channel_shuffle(np.arange(4.0).reshape(1, 4, 1), 2).ravel()
    array([0., 2., 1., 3.])
    """
    groups, shape = positive_int("channel_shuffle", "groups", groups), shape_of(x)
    if len(shape) < 3 or shape[1] % groups:
        raise ShapeError(f"channel_shuffle: input must be (N, C, ...) with C a multiple of {groups}, got shape {shape}")
    return reshape(swapaxes(reshape(x, (shape[0], groups, shape[1] // groups, *shape[2:])), 1, 2), shape)


def _along(x: Any, axis: int, wanted: int, distance: float, mode: str, align_corners: bool | None) -> Any:
    """Resample along one axis, to `wanted` pixels at a distance in units of the old ones."""
    n = x.shape[axis]
    if mode not in SMOOTH:
        return read_along(x, _nearest(n, wanted, distance, x.dtype, mode != "nearest"), axis)
    centers = _centers(n, wanted, distance, align_corners)
    if mode == "bicubic":
        return _smooth(x, axis, centers, (-1, 0, 1, 2), cubic_weight)
    return x if n == wanted else _smooth(x, axis, np.maximum(centers, 0), (0, 1), lambda d: 1 - d)


def _centers(n: int, wanted: int, distance: float, align_corners: bool | None) -> Array:
    """Return the positions of the centers of the new pixels, in units of the `n` old ones."""
    if align_corners:
        return np.arange(wanted) * _corner_step(n, wanted)
    return (np.arange(wanted) + 0.5) * distance - 0.5


def _corner_step(n: int, wanted: int) -> float:
    """Return the distance of the new pixels if the corners keep their places."""
    return (n - 1) / (wanted - 1) if wanted > 1 else 0.0


def _averaged(x: Any, axis: int, centers: Array, distance: float, mode: str) -> Any:
    """Average along one axis with the interpolation kernel, which is as wide as a new pixel where these are larger."""
    away = np.abs(np.arange(x.shape[axis]) + 0.5 - centers[:, None]) / max(distance, 1.0)
    weights = cubic_weight(away, -0.5) if mode == "bicubic" else np.maximum(1 - away, 0)  # Pillow's kernels
    weights = (weights / weights.sum(1, keepdims=True)).astype(x.dtype)
    return moveaxis(matmul(moveaxis(x, axis, -1), weights.T), -1, axis)


def _smooth(x: Any, axis: int, centers: Array, taps: Sequence[int], weight: Callable[[Array], Array]) -> Any:
    """Interpolate along one axis: sum over the pixels `taps` away from each center, times `weight` of their distance.

    The border pixels are repeated beyond the border.
    """
    low = np.floor(centers).astype(int)
    share, last = centers - low, x.shape[axis] - 1
    column = (-1, *[1] * (len(x.shape) - axis - 1))
    parts = [
        read_along(x, np.clip(low + i, 0, last), axis) * weight(np.abs(share - i)).reshape(column).astype(x.dtype)
        for i in taps
    ]
    return functools.reduce(operator.add, parts)


def cubic_weight(d: Array, slope: float = SHARPNESS) -> Array:
    """Return Keys's cubic convolution kernel at distances d, with its slope at distance 1."""
    near = ((slope + 2) * d - (slope + 3)) * d * d + 1
    far = ((slope * d - 5 * slope) * d + 8 * slope) * d - 4 * slope
    return np.where(d <= 1, near, np.where(d < 2, far, 0))


def _nearest(n: int, wanted: int, distance: float, dtype: Any, center: bool) -> Array:
    """Return the nearest of `n` pixels for each new one, in the dtype of the image, to round as PyTorch does."""
    real = (dtype if dtype.kind == "f" else np.dtype(np.float32)).type
    centers = (np.arange(wanted, dtype=real) + real(center / 2)) * real(distance)
    return np.minimum(centers.astype(int), n - 1)


def _sizes(
    op: str, n: int, shape: tuple[int, ...], size: Any, scale_factor: Any
) -> tuple[tuple[int, ...], Sequence[float | None]]:
    """Return the new size of each axis, and the scale factors if they were given, else None for each."""
    if (size is None) == (scale_factor is None):
        given = "both" if size is not None else "neither"
        raise ValueError(f"{op}: needs size or scale_factor, got {given}")
    if size is not None:
        return per_axis(op, "size", size, n, 1), [None] * n
    factors = tuple(scale_factor) if isinstance(scale_factor, tuple | list) else (scale_factor,) * n
    numbers = all(isinstance(f, int | float | np.number) and not isinstance(f, bool) for f in factors)
    if len(factors) != n or not numbers or not all(0 < f < math.inf for f in factors):
        raise ValueError(f"{op}: scale_factor must be a positive number, or {n} of them, got {scale_factor!r}")
    sizes = tuple(math.floor(k * float(f)) for k, f in zip(shape[2:], factors, strict=True))
    if min(sizes) < 1:
        raise ShapeError(f"{op}: scale_factor {scale_factor} leaves nothing of {shape}: {sizes}")
    return sizes, factors


def _factor(op: str, name: str, x: Any, factor: Any) -> tuple[int, tuple[int, ...]]:
    """Validate the arguments of pixel_shuffle and pixel_unshuffle; return the factor and the shape of the images."""
    shape = shape_of(x)
    if len(shape) < 3:
        raise ShapeError(f"{op}: input must be (..., C, H, W), got shape {shape}")
    return positive_int(op, name, factor), shape


def _lead_first(x: Any, n: int) -> Any:
    """Move the `n` last axes to the front, as a view: the batch stays innermost in memory."""
    return permute(x, (*range(3, 3 + n), 0, 1, 2))
