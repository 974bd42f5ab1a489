"""Random operations of training: dropout, alpha dropout, and leaky ReLU with random slopes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad.arrays import Array, Shape, shape_of
from minigrad.engine.composite import composite
from minigrad.engine.primitive import primitive
from minigrad.engine.promotion import floating
from minigrad.errors import ShapeError
from minigrad.kernels.geometry import IMAGES
from minigrad.ops.activation import SELU_ALPHA, SELU_SCALE, leaky_relu
from minigrad.ops.elementwise import where
from minigrad.random import default_generator

__all__ = ["alpha_dropout", "dropout", "dropout1d", "dropout2d", "dropout3d", "feature_alpha_dropout", "rrelu"]


@floating("x")
@primitive
def mask_and_scale(x: Array, kept: Array, scale: float) -> Array:
    """Return `x` times `scale` where it is kept, 0 elsewhere; the operation is its own adjoint."""
    out = np.multiply(x, kept)
    out *= scale
    return out


@mask_and_scale.gradient("x")
def _(g: Any, kept: Any, scale: float) -> Any:
    return mask_and_scale(g, kept, scale)


@composite
def dropout(x: Any, p: float = 0.5, training: bool = True, generator: np.random.Generator | None = None) -> Any:
    """In training, zero each element with probability `p` and divide the others by 1 - p; otherwise return `x`.

    `generator` is the source of randomness, by default that of `manual_seed`. Srivastava et al. (2014), inverted. Raises
    ValueError unless 0 <= p <= 1.

    >>> import minigrad as mg
    >>> dropout(mg.ones(2), 0.5, training=False)
    tensor([1., 1.])
    """
    return _dropped("dropout", x, shape_of(x), p, training, generator)


@composite
def dropout1d(x: Any, p: float = 0.5, training: bool = True, generator: np.random.Generator | None = None) -> Any:
    """Apply `dropout` to whole channels of sequences (N, C, L) or (C, L)."""
    return _dropped("dropout1d", x, _channels("dropout1d", x, 1), p, training, generator)


@composite
def dropout2d(x: Any, p: float = 0.5, training: bool = True, generator: np.random.Generator | None = None) -> Any:
    """Apply `dropout` to whole channels of images (N, C, H, W); as in PyTorch also of (N, C, L) and (N, C)."""
    return _dropped("dropout2d", x, _channels("dropout2d", x, 2), p, training, generator)


@composite
def dropout3d(x: Any, p: float = 0.5, training: bool = True, generator: np.random.Generator | None = None) -> Any:
    """Apply `dropout` to whole channels of volumes (N, C, D, H, W) or (C, D, H, W)."""
    return _dropped("dropout3d", x, _channels("dropout3d", x, 3), p, training, generator)


@floating("x")
@composite
def alpha_dropout(x: Any, p: float = 0.5, training: bool = False, generator: np.random.Generator | None = None) -> Any:
    """In training, replace elements by the limit of `selu` with probability `p`, and restore mean 0 and variance 1.

    Klambauer et al. (2017), "Self-normalizing neural networks". `generator` as in `dropout`. Raises ValueError unless
    0 <= p <= 1.

    >>> import numpy as np
    >>> alpha_dropout(np.ones(2))
    array([1., 1.])
    """
    return _alpha_dropped("alpha_dropout", x, shape_of(x), p, training, generator)


@floating("x")
@composite
def feature_alpha_dropout(
    x: Any, p: float = 0.5, training: bool = False, generator: np.random.Generator | None = None
) -> Any:
    """Apply `alpha_dropout` to whole channels of a batch (N, C, ...)."""
    shape = shape_of(x)
    if len(shape) < 2:
        raise ShapeError(f"feature_alpha_dropout: input must be (N, C, ...), got shape {shape}")
    return _alpha_dropped("feature_alpha_dropout", x, (*shape[:2], *[1] * (len(shape) - 2)), p, training, generator)


@floating("x")
@composite
def rrelu(
    x: Any, lower: float = 1 / 8, upper: float = 1 / 3, training: bool = False, generator: np.random.Generator | None = None
) -> Any:
    """Apply `leaky_relu` with the mean of two slopes; in training with one drawn uniformly between them for each element.

    Xu et al. (2015), "Empirical evaluation of rectified activations". `generator` as in `dropout`. Raises ValueError if
    `lower` is above `upper`.

    >>> import numpy as np
    >>> rrelu(np.array([-1.0, 2.0]), 0.25, 0.75)
    array([-0.5,  2. ])
    """
    if not lower <= upper:
        raise ValueError(f"rrelu: lower must be at most upper, got {lower} and {upper}")
    if not training:
        return leaky_relu(x, (lower + upper) / 2)
    return where(x > 0, x, x * (generator or default_generator()).uniform(lower, upper, shape_of(x)).astype(x.dtype))


def _channels(op: str, x: Any, n: int) -> Shape:
    """Return the shape of `x` with one element for each channel."""
    shape = shape_of(x)
    if len(shape) < 2 or (n == 1 and len(shape) > 3):
        raise ShapeError(f"{op}: input must be {IMAGES[n]} or {IMAGES[n].replace('N, ', '')}, got shape {shape}")
    batch = 1 if n != 2 and len(shape) == n + 1 else 2  # PyTorch reads three axes as (N, C, L) in dropout2d
    return (*shape[:batch], *[1] * (len(shape) - batch))


def _dropped(op: str, x: Any, shape: Shape, p: float, training: bool, generator: Any) -> Any:
    """Apply dropout with one draw for each element of `shape`, which broadcasts to that of `x`."""
    kept = _kept(op, shape, p, training, generator)
    return x if kept is None else mask_and_scale(x, kept, 1 / (1 - p) if p < 1 else 0.0)


def _alpha_dropped(op: str, x: Any, shape: Shape, p: float, training: bool, generator: Any) -> Any:
    """Apply alpha dropout with one draw for each element of `shape`, which broadcasts to that of `x`."""
    kept = _kept(op, shape, p, training, generator)
    if kept is None or p == 1:
        return x if kept is None else mask_and_scale(x, kept, 0.0)
    limit = -SELU_SCALE * SELU_ALPHA
    scale = 1 / math.sqrt((1 - p) * (1 + p * limit**2))
    dropped = np.where(kept, 0.0, limit * scale) - limit * scale * p
    return mask_and_scale(x, kept, scale) + dropped.astype(x.dtype)


def _kept(op: str, shape: Shape, p: float, training: bool, generator: Any) -> Array | None:
    """Draw which elements are kept; None: all of them, without a draw."""
    if not 0 <= p <= 1:
        raise ValueError(f"{op}: p must be within [0, 1], got {p}")
    if not training or p == 0:
        return None
    return np.asarray((generator or default_generator()).random(shape, dtype=np.float32) >= p)
