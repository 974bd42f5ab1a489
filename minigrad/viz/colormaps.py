"""Numbers as pixels: as ink, or as the two colours of negative and positive."""

from __future__ import annotations

import numpy as np

from minigrad.arrays import Array
from minigrad.viz.palette import NEGATIVE, POSITIVE, ZERO

__all__ = ["grey", "heat"]


def grey(values: Array, low: float = 0.0, high: float = 1.0) -> Array:
    """Numbers as ink, (..., 4): `low` and NaN are transparent, `high` is black."""
    share = np.nan_to_num((values - low) / ((high - low) or 1.0)).clip(0, 1)
    out = np.zeros((*values.shape, 4), np.uint8)
    out[..., 3] = np.rint(255 * share)
    return out


def heat(values: Array, scale: float) -> Array:
    """Numbers as colours, (..., 4): zero white, -scale blue, +scale orange; NaN is transparent."""
    share = np.nan_to_num(values / (scale or 1.0)).clip(-1, 1)[..., np.newaxis]
    colours = ZERO + np.abs(share) * (np.where(share < 0, NEGATIVE, POSITIVE) - np.array(ZERO))
    opaque = np.where(np.isnan(values), 0, 255)[..., np.newaxis]
    return np.concatenate([np.rint(colours), opaque], axis=-1).astype(np.uint8)
