"""Small images as PNG, written with zlib alone, for pages that are to stand by themselves."""

from __future__ import annotations

import base64
import struct
import zlib

import numpy as np

from minigrad.primitive import Array

__all__ = ["data_uri", "grey", "heat", "png"]

KINDS = {1: 0, 3: 2, 4: 6}  # PNG's number for so many channels: grey, colours, colours and opacity
NEGATIVE, ZERO, POSITIVE = np.array([0, 90, 150]), np.array([247, 247, 247]), np.array([190, 80, 10])


def png(pixels: Array) -> bytes:
    """A PNG file of bytes (H, W), (H, W, 3) or (H, W, 4): grey, colours, or colours and opacity.

    Format: https://www.w3.org/TR/png-3.

    >>> png(np.zeros((2, 3), np.uint8))[:8]
    b'\\x89PNG\\r\\n\\x1a\\n'
    """
    height, width, *channels = pixels.shape
    flat = np.ascontiguousarray(pixels, np.uint8).reshape(height, -1)
    rows = np.pad(flat, ((0, 0), (1, 0)))  # each row begins with its filter: none
    head = struct.pack(">IIBBBBB", width, height, 8, KINDS[channels[0] if channels else 1], 0, 0, 0)
    chunks = [(b"IHDR", head), (b"IDAT", zlib.compress(rows.tobytes(), 9)), (b"IEND", b"")]
    framed = [
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(framed)


def data_uri(pixels: Array) -> str:
    """The image as an address that holds it."""
    return "data:image/png;base64," + base64.b64encode(png(pixels)).decode("ascii")


def grey(values: Array, low: float = 0.0, high: float = 1.0) -> Array:
    """Numbers as ink, (..., 4): `low` and NaN are transparent, `high` is black."""
    share = np.nan_to_num((values - low) / ((high - low) or 1.0)).clip(0, 1)
    out = np.zeros((*values.shape, 4), np.uint8)
    out[..., 3] = np.rint(255 * share)
    return out


def heat(values: Array, scale: float) -> Array:
    """Numbers as colours, (..., 4): zero white, -scale blue, +scale orange; NaN is transparent."""
    share = np.nan_to_num(values / (scale or 1.0)).clip(-1, 1)[..., np.newaxis]
    colours = ZERO + np.abs(share) * (np.where(share < 0, NEGATIVE, POSITIVE) - ZERO)
    opaque = np.where(np.isnan(values), 0, 255)[..., np.newaxis]
    return np.concatenate([np.rint(colours), opaque], axis=-1).astype(np.uint8)
