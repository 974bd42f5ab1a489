"""Images from files, in the shape of a run's data, with values within 0..1."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from minigrad.arrays import Array
from minigrad.errors import DatasetFileError, ShapeError, WeightsFileError
from minigrad.serialization.npy import load_npy

__all__ = ["read_images"]

DARK = 16  # the largest pixel of the UCI digits: bytes up to it, such as masks of 0 and 1, are not 0..255
WIDE = ("I;16", "I;16B", "I;16L", "I;16N", "I")  # Pillow's modes of 16 bits per pixel


def read_images(name: str, shape: tuple[int, ...]) -> Array:
    """Read float32 images (N, C, H, W) within 0..1 from a `.npy` file, or from a picture that Pillow reads.

    `shape` is (C, H, W). uint8 values are divided by 255, as those of a run's data were. Raises DatasetFileError for a file
    without an image, or with values that are not finite or not within 0..1; ShapeError for an image of another size;
    ImportError without Pillow.
    """
    images = _from_npy(name, shape) if Path(name).suffix == ".npy" else _from_picture(name, shape)
    if not np.isfinite(images).all():
        bad = int(np.count_nonzero(~np.isfinite(images)))
        raise DatasetFileError(f"{name}: {bad} of {images.size} values are NaN or infinite")
    if images.size and not 0 <= images.min() <= images.max() <= 1:
        raise DatasetFileError(
            f"{name}: its values are within {images.min():.4g}..{images.max():.4g}, those of the run's data within 0..1\n"
            "  hint: scale them, or save bytes (uint8, 0..255), which are scaled here"
        )
    return images.astype(np.float32)


def _from_npy(name: str, shape: tuple[int, ...]) -> Array:
    try:
        array = load_npy(name)
    except WeightsFileError as error:
        raise DatasetFileError(f"{name}: not a .npy file of numbers: {str(error).removeprefix(f'{name}: ')}") from None
    if array.dtype == np.uint8 and 0 < array.max(initial=0) <= DARK:
        raise DatasetFileError(
            f"{name}: bytes are read as 0..255, but the largest value is {array.max()}\n"
            "  hint: save floats within 0..1, divided by the largest possible value"
        )
    scaled = array / np.float32(255) if array.dtype == np.uint8 else array
    places = [(), (0,), (0, 1), (1,)] if shape[0] == 1 else [(), (0,)]
    for missing in places:
        if array.ndim + len(missing) == 4 and np.expand_dims(array, missing).shape[1:] == shape:
            return np.expand_dims(scaled, missing)
    hint = ""
    if array.ndim >= 3 and (array.shape[-1], *array.shape[-3:-1]) == shape:
        hint = "\n  hint: move the channels to the front: np.moveaxis(array, -1, -3)"
    elif array.ndim >= 2 and array.shape[-2:] != shape[1:]:
        hint = f"\n  hint: resize it to {shape[1]}x{shape[2]}"
    raise ShapeError(f"{name}: has shape {array.shape}, the run's network takes images of {shape}{hint}")


def _from_picture(name: str, shape: tuple[int, ...]) -> Array:
    Path(name).open("rb").close()  # an OSError, such as FileNotFoundError, rather than one about formats
    try:
        from PIL import Image, ImageOps
    except ImportError as error:
        raise ImportError(
            f"{name}: pictures are read by Pillow, which is not installed\n"
            "  hint: pip install pillow (it comes with matplotlib), or save the image as a .npy file"
        ) from error
    channels, height, width = shape
    if channels not in (1, 3):
        raise ShapeError(f"{name}: a picture has 1 or 3 channels, the run's network takes images of {shape}")
    try:
        with Image.open(name) as picture:
            frames = getattr(picture, "n_frames", 1)
            if frames > 1:
                raise DatasetFileError(f"{name}: has {frames} frames; save a single frame")
            upright = ImageOps.exif_transpose(picture) if math.prod(picture.size) == height * width else picture
            if upright.size != (width, height):
                raise ShapeError(
                    f"{name}: is {upright.size[1]} high and {upright.size[0]} wide, the run's network takes "
                    f"{height}x{width}\n  hint: crop it as the data are, and resize it to {width}x{height} pixels"
                )
            return _pixels(name, upright, channels)
    except (ShapeError, DatasetFileError):
        raise
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise DatasetFileError(f"{name}: not a picture that Pillow can read, nor a .npy file: {error}") from None


def _pixels(name: str, picture: Any, channels: int) -> Array:
    """Return the pixels (1, C, H, W) of a picture of any mode, within 0..1."""
    if picture.mode in WIDE or picture.mode == "F":
        values = np.asarray(picture, np.float32) / np.float32(1 if picture.mode == "F" else 65535)
        return np.repeat(values[np.newaxis, np.newaxis], channels, axis=1)
    if picture.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in picture.info:
        picture = picture.convert("RGBA")
        if picture.getextrema()[3][0] < 255:
            raise DatasetFileError(
                f"{name}: has transparent pixels, whose color is not known\n  hint: put it on a background and save it again"
            )
    rgb = picture if picture.mode in ("1", "L", "RGB") else picture.convert("RGB")
    values = np.asarray(rgb.convert("L" if channels == 1 else "RGB"), np.float32) / np.float32(255)
    return values[np.newaxis, np.newaxis] if channels == 1 else np.moveaxis(values, -1, 0)[np.newaxis]
