"""Pictures from files, by Pillow, which is imported when one is read."""

from __future__ import annotations

import os
import warnings
from typing import Any

import numpy as np

from minigrad.arrays import Array
from minigrad.errors import DatasetFileError

__all__ = ["read_picture"]

WIDE = ("I;16", "I;16B", "I;16L", "I;16N", "I")  # Pillow's modes of 16 bits per pixel
CLEAR = ("RGBA", "LA", "PA", "RGBa", "La")  # Pillow's modes with transparency


def read_picture(path: str | os.PathLike[str], channels: int = 3, largest: int | None = None) -> Array:
    """Return the pixels (C, H, W) of a picture that Pillow reads, float32 within 0..1; 1 channel is gray, 3 are RGB.

    A picture is turned as its EXIF orientation says, and put on white where it is transparent. One of more than `largest`
    pixels on a side is reduced to that. Raises DatasetFileError for a file that is no picture, is damaged, or has several
    frames; FileNotFoundError; ImportError without Pillow.
    """
    name = os.fspath(path)
    open(name, "rb").close()  # an OSError, such as FileNotFoundError, rather than one about formats
    try:
        from PIL import Image, ImageOps
    except ImportError as error:
        raise ImportError(
            f"{name}: pictures are read by Pillow, which is not installed\n"
            "  hint: pip install pillow (the extra named images; it comes with matplotlib)"
        ) from error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about details of the file, such as damaged EXIF data
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(name) as picture:
                frames = 1 if picture.format == "MPO" else getattr(picture, "n_frames", 1)  # MPO: a camera's, with previews
                if frames > 1:
                    raise DatasetFileError(f"{name}: has {frames} frames\n  hint: save a single frame")
                return _pixels(ImageOps.exif_transpose(picture), channels, largest)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise DatasetFileError(f"{name}: has more pixels than Pillow accepts: {error}") from None
    except DatasetFileError:
        raise
    except (OSError, ValueError, SyntaxError) as error:
        raise DatasetFileError(f"{name}: not a picture that Pillow can read: {error}") from None


def _pixels(picture: Any, channels: int, largest: int | None) -> Array:
    from PIL import Image

    if picture.mode in WIDE or picture.mode == "F":
        values = np.asarray(picture, np.float32) / np.float32(1 if picture.mode == "F" else 65535)
        return np.repeat(_array(Image.fromarray(values), largest), channels, axis=0)
    if picture.mode in CLEAR or "transparency" in picture.info:
        clear = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", clear.size, "white"), clear)
    rgb = picture if picture.mode in ("1", "L", "RGB") else picture.convert("RGB")
    return _array(rgb.convert("L" if channels == 1 else "RGB"), largest) / np.float32(255)


def _array(picture: Any, largest: int | None) -> Array:
    if largest is not None:
        picture.thumbnail((largest, largest))
    values = np.asarray(picture, np.float32)
    return values[np.newaxis] if values.ndim == 2 else np.moveaxis(values, -1, 0)
