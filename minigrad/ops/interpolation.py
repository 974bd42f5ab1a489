"""Images at another resolution: interpolation along one axis after another, and channels traded for pixels.

Interpolation is linear in the image: reading along an axis and adding up are adjoint, each the other's rule, and what is
read is weighed by constants.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from minigrad.arrays import Array, shape_of
from minigrad.config import get_default_dtype
from minigrad.engine.composite import composite
from minigrad.engine.primitive import primitive
from minigrad.engine.promotion import promoting
from minigrad.errors import ShapeError
from minigrad.kernels import resampling as kernel
from minigrad.kernels.geometry import IMAGES, per_axis
from minigrad.ops.elementwise import astype
from minigrad.ops.pooling import adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d
from minigrad.ops.shape import permute, reshape

__all__ = ["interpolate", "pixel_shuffle", "pixel_unshuffle"]

AREA = {1: adaptive_avg_pool1d, 2: adaptive_avg_pool2d, 3: adaptive_avg_pool3d}
SMOOTH = {"linear": 1, "bilinear": 2, "trilinear": 3, "bicubic": 2}
MODES = ("nearest", "nearest-exact", *SMOOTH, "area")
SHARPNESS = -0.75  # of the cubic: its slope at distance 1


@primitive
def read_along(x: Array, positions: Array, axis: int) -> Array:
    """The elements of `x` at positions along an axis, which never decrease; adjoint of `add_along`."""
    return kernel.read_along(x, positions, axis)


@promoting("y")
@primitive
def add_along(y: Array, positions: Array, axis: int, size: int) -> Array:
    """Add `y` up at positions along an axis of `size`; adjoint of `read_along`."""
    return kernel.add_along(y, positions, axis, size)


@read_along.gradient("x")
def _(g: Any, positions: Array, axis: int, shape: tuple[int, ...]) -> Any:
    return add_along(g, positions, axis, shape[axis])


@add_along.gradient("y")
def _(g: Any, positions: Array, axis: int) -> Any:
    return read_along(g, positions, axis)


@promoting("x")
@composite
def interpolate(
    x: Any,
    size: int | Sequence[int] | None = None,
    scale_factor: float | Sequence[float] | None = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
) -> Any:
    """Images (N, C, *S) at another resolution, given by `size` or by `scale_factor`, rounded down.

    `mode` is "nearest", "linear", "bilinear" or "trilinear" (for one, two or three spatial axes), "bicubic" (two: Keys,
    1981), or "area" (the mean of what a pixel covers). Pixels are areas; with `align_corners` they are points, and the
    corners keep their values. "nearest" takes a pixel by its corner, as it always did, "nearest-exact" by its middle. A
    given `scale_factor` is also the distance of the pixels, unless `recompute_scale_factor`. All as PyTorch.

    Raises ValueError for a mode or options that do not go together, ShapeError for anything but images.

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
    if 0 in shape[2:]:
        raise ShapeError(f"{op}: the input has size 0: shape {shape}")
    sizes, factors = _sizes(op, n, shape, size, scale_factor)
    if mode in SMOOTH and x.dtype.kind != "f":
        x = astype(x, get_default_dtype())
    if mode == "area":
        return AREA[n](x, sizes)
    for axis, (wanted, factor) in enumerate(zip(sizes, factors, strict=True), 2):
        distance = shape[axis] / wanted if factor is None or recompute_scale_factor else 1 / factor
        if mode not in SMOOTH:
            x = read_along(x, _nearest(shape[axis], wanted, distance, x.dtype, mode != "nearest"), axis)
        elif mode == "bicubic":
            x = _cubic(x, axis, _places(shape[axis], wanted, distance, align_corners))
        elif wanted != shape[axis]:
            x = _linear(x, axis, _places(shape[axis], wanted, distance, align_corners))
    return x


@composite
def pixel_shuffle(x: Any, upscale_factor: int) -> Any:
    """Channels traded for pixels: (..., C*r*r, H, W) to (..., C, H*r, W*r), r x r channels for each pixel.

    Shi et al. (2016), "Real-time single image and video super-resolution". Raises ShapeError where C is no multiple of r*r.

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
def pixel_unshuffle(x: Any, downscale_factor: int) -> Any:
    """Pixels traded for channels: (..., C, H*r, W*r) to (..., C*r*r, H, W); the inverse of `pixel_shuffle`.

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


def _places(n: int, wanted: int, distance: float, align_corners: bool | None) -> Array:
    """Where the middle of each pixel wanted lies among the middles of `n`."""
    if align_corners:
        return np.arange(wanted) * ((n - 1) / (wanted - 1) if wanted > 1 else 0.0)
    return (np.arange(wanted) + 0.5) * distance - 0.5


def _linear(x: Any, axis: int, places: Array) -> Any:
    """Interpolate between the two pixels on either side, along one axis."""
    places = np.maximum(places, 0)
    low = places.astype(int)
    share = places - low
    return _weighed(x, axis, [(low, 1 - share), (np.minimum(low + 1, x.shape[axis] - 1), share)])


def _cubic(x: Any, axis: int, places: Array) -> Any:
    """Interpolate by cubics through four pixels, along one axis; beyond the border its pixel is repeated."""
    low = np.floor(places).astype(int)
    share, last = places - low, x.shape[axis] - 1
    return _weighed(x, axis, [(np.clip(low + i, 0, last), _cubic_weight(np.abs(share - i))) for i in (-1, 0, 1, 2)])


def _cubic_weight(d: Array) -> Array:
    """Keys's cubic convolution kernel at distances d of at most 2."""
    near = ((SHARPNESS + 2) * d - (SHARPNESS + 3)) * d * d + 1
    far = ((SHARPNESS * d - 5 * SHARPNESS) * d + 8 * SHARPNESS) * d - 4 * SHARPNESS
    return np.where(d <= 1, near, far)


def _weighed(x: Any, axis: int, parts: Sequence[tuple[Array, Array]]) -> Any:
    """The sum of what is read along an axis at some positions, times their weights."""
    dtype = x.dtype if x.dtype.kind == "f" else float
    total = None
    for positions, weights in parts:
        part = read_along(x, positions, axis) * weights.reshape(-1, *[1] * (len(x.shape) - axis - 1)).astype(dtype)
        total = part if total is None else total + part
    return total


def _nearest(n: int, wanted: int, distance: float, dtype: Any, middle: bool) -> Array:
    """For each of the pixels wanted, one of `n`; in the dtype of the image, so that rounding chooses as PyTorch's does."""
    dtype = dtype if np.dtype(dtype).kind == "f" else np.float32
    where = (np.arange(wanted, dtype=dtype) + np.dtype(dtype).type(middle / 2)) * np.dtype(dtype).type(distance)
    return np.minimum(where.astype(int), n - 1)


def _sizes(
    op: str, n: int, shape: tuple[int, ...], size: Any, scale_factor: Any
) -> tuple[tuple[int, ...], Sequence[float | None]]:
    """The sizes wanted, and the factors if they were given."""
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
    shape = shape_of(x)
    if len(shape) < 3:
        raise ShapeError(f"{op}: input must be (..., C, H, W), got shape {shape}")
    if isinstance(factor, bool) or not isinstance(factor, int | np.integer) or factor < 1:
        raise ValueError(f"{op}: {name} must be an int of at least 1, got {factor!r}")
    return int(factor), shape


def _lead_first(x: Any, n: int) -> Any:
    """The `n` last axes in front, as a view: in memory the batch stays innermost."""
    return permute(x, (*range(3, 3 + n), 0, 1, 2))
