"""Colormaps from numbers to pixels: shades of gray by opacity, and two colors for negative and positive values."""

from __future__ import annotations

import numpy as np

from minigrad.arrays import Array
from minigrad.viz.palette import NEGATIVE, POSITIVE, ZERO

__all__ = ["gray", "heat"]


def gray(values: Array, low: float = 0.0, high: float = 1.0) -> Array:
    """Return numbers as black of that opacity, (..., 4): `low` and NaN are transparent, `high` is opaque."""
    share = np.nan_to_num((values - low) / ((high - low) or 1.0)).clip(0, 1)
    out = np.zeros((*values.shape, 4), np.uint8)
    out[..., 3] = np.rint(255 * share)
    return out


def heat(values: Array, scale: float) -> Array:
    """Return numbers as colors, (..., 4): zero white, -scale blue, +scale orange; NaN is transparent."""
    share = np.nan_to_num(values / (scale or 1.0)).clip(-1, 1)[..., np.newaxis]
    colors = ZERO + np.abs(share) * (np.where(share < 0, NEGATIVE, POSITIVE) - np.array(ZERO))
    opaque = np.where(np.isnan(values), 0, 255)[..., np.newaxis]
    return np.concatenate([np.rint(colors), opaque], axis=-1).astype(np.uint8)
