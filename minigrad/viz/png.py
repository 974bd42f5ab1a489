"""Small images as PNG, written with zlib alone, for pages without external files."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Sequence

import numpy as np

from minigrad.arrays import Array

__all__ = ["data_uri", "png"]

KINDS, INDEXED = {1: 0, 3: 2, 4: 6}, 3  # PNG's color type by number of channels: gray, RGB, RGBA; that of a palette


def png(pixels: Array, palette: Sequence[tuple[int, int, int]] | None = None) -> bytes:
    """Return a PNG file of bytes (H, W), (H, W, 3) or (H, W, 4): gray, RGB, or RGBA.

    With a palette the bytes (H, W) are indices: 0 is transparent, 1 the first color. Format: https://www.w3.org/TR/png-3.

    >>> png(np.zeros((2, 3), np.uint8))[1:4]
    b'PNG'
    """
    height, width, *channels = pixels.shape
    flat = np.ascontiguousarray(pixels, np.uint8).reshape(height, -1)
    rows = np.pad(flat, ((0, 0), (1, 0)))  # each row begins with its filter: none
    kind = KINDS[channels[0] if channels else 1] if palette is None else INDEXED
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0))]
    if palette is not None:
        chunks += [(b"PLTE", bytes([0, 0, 0, *(level for color in palette for level in color)])), (b"tRNS", b"\0")]
    chunks += [(b"IDAT", zlib.compress(rows.tobytes(), 9)), (b"IEND", b"")]
    framed = [
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(framed)


def data_uri(file: bytes) -> str:
    """Return a data URI that holds a PNG file."""
    return "data:image/png;base64," + base64.b64encode(file).decode("ascii")
