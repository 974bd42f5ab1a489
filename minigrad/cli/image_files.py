"""Images from files, in the shape of a run's data, with values within 0..1."""

from __future__ import annotations

import math
from pathlib import Path
from typing import NamedTuple

import numpy as np

from minigrad.arrays import Array
from minigrad.data.picture_files import read_picture
from minigrad.errors import DatasetFileError, ShapeError, WeightsFileError
from minigrad.serialization.npy import load_npy

__all__ = ["Images", "read_images"]

DARK = 16  # the largest pixel of the UCI digits: bytes up to it, such as masks of 0 and 1, are not 0..255
LARGE = 1024  # pixels on a side; larger pictures are first reduced to it, so that a photograph costs little memory
FAINT = 0.2  # of the brightest ink: fainter pixels, such as the grain of paper, do not belong to the digit
LEVELS = 64  # of brightness, between which ink and paper are told apart


class Images(NamedTuple):
    """Float32 images (N, C, H, W) within 0..1, and whether they were inverted; None for an array, which never is."""

    values: Array
    inverted: bool | None


def read_images(name: str, shape: tuple[int, ...], digit: int | None = None) -> Images:
    """Read images from a `.npy` file, or one from a picture of any size that Pillow reads.

    `shape` is (C, H, W). uint8 values are divided by 255, as those of a run's data were. A picture is turned as its EXIF
    orientation says, put on white where it is transparent, and resized; if its border is brighter than the whole, a gray
    one is inverted. With `digit`, a picture of another size is prepared as MNIST was (LeCun et al. 1998, Gradient-based
    learning applied to document recognition, section III.A): the digit is scaled to that many pixels, keeping its aspect
    ratio, and its center of mass is put in the middle, as far as there is room.

    Raises DatasetFileError for a file without an image, or with values that are not finite or not within 0..1; ShapeError
    for an array of another size; ImportError without Pillow.
    """
    if Path(name).suffix == ".npy":
        return Images(_checked(name, _from_npy(name, shape)), None)
    channels, height, width = shape
    if channels not in (1, 3):
        raise ShapeError(f"{name}: a picture has 1 or 3 channels, the run's network takes images of {shape}")
    try:
        picture = read_picture(name, channels, largest=LARGE)
    except ImportError as error:
        raise ImportError(f"{error}, or save the image as a .npy file") from error.__cause__
    pixels = _checked(name, picture)
    dark = channels == 1 and _is_dark_on_light(pixels[0])
    if dark:
        pixels = 1 - pixels
    if pixels.shape != shape:
        pixels = _resized(pixels, height, width) if digit is None else _digit(name, pixels[0], height, width, digit)
    return Images(pixels[np.newaxis], dark)


def _checked(name: str, images: Array) -> Array:
    if not images.size:
        raise DatasetFileError(f"{name}: has no image: its shape is {images.shape}")
    if not np.isfinite(images).all():
        bad = int(np.count_nonzero(~np.isfinite(images)))
        raise DatasetFileError(f"{name}: {bad} of {images.size} values are NaN or infinite")
    if not 0 <= images.min() <= images.max() <= 1:
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
    hint, pixels = "", math.prod(shape)
    if array.ndim and array.shape[-1] == pixels:
        hint = f"\n  hint: give each image its shape: array.reshape(-1, {', '.join(map(str, shape))})"
    elif array.ndim >= 3 and (array.shape[-1], *array.shape[-3:-1]) == shape:
        hint = "\n  hint: move the channels to the front: np.moveaxis(array, -1, -3)"
    elif array.ndim >= 2 and array.shape[-2:] != shape[1:]:
        hint = f"\n  hint: resize it to {shape[1]}x{shape[2]}"
    raise ShapeError(f"{name}: has shape {array.shape}, the run's network takes images of {shape}{hint}")


def _border(pixels: Array) -> Array:
    wide = max(1, min(pixels.shape) // 20)
    inside = np.zeros(pixels.shape, bool)
    inside[wide:-wide, wide:-wide] = True
    return pixels[~inside]


def _is_dark_on_light(pixels: Array) -> bool:
    uniform = pixels.min() == pixels.max()
    return bool(not uniform and _border(pixels).mean(dtype=np.float64) > pixels.mean(dtype=np.float64))


def _resized(pixels: Array, height: int, width: int) -> Array:
    from PIL import Image

    smaller = height <= pixels.shape[1] and width <= pixels.shape[2]
    sampling = Image.Resampling.BOX if smaller else Image.Resampling.BILINEAR  # means of blocks, as the UCI digits are
    return np.stack([np.asarray(Image.fromarray(channel).resize((width, height), sampling)) for channel in pixels])


def _digit(name: str, pixels: Array, height: int, width: int, digit: int) -> Array:
    """Return the digit, bright on zero, scaled to fit in a square of `digit` pixels and centered by its mass."""
    ink = np.maximum(pixels - np.median(_border(pixels)), 0)
    if not ink.max() > 0:
        raise DatasetFileError(f"{name}: shows no digit: no pixel is brighter than the border (transparent ones are white)")
    ink /= ink.max()
    dense = ink > max(FAINT, _threshold(ink))
    rows, columns = (np.flatnonzero(dense.any(axis)) for axis in (1, 0))
    ink = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    fitted = _resized(ink[np.newaxis], *(max(1, round(n * digit / max(ink.shape))) for n in ink.shape))[0]
    image = np.zeros((1, height, width), np.float32)
    place: list[slice] = []
    for axis, (room, size) in enumerate(zip((height, width), fitted.shape, strict=True)):
        center = np.average(np.arange(size) + 0.5, weights=fitted.sum(1 - axis))
        start = min(max(0, round(room / 2 - center)), room - size)
        place.append(slice(start, start + size))
    image[0, place[0], place[1]] = fitted
    return image


def _threshold(ink: Array) -> float:
    """Return the brightness that separates ink from unevenly lit paper best (Otsu 1979, A threshold selection method)."""
    counts, edges = np.histogram(ink, LEVELS, (0, 1))
    below, sums = counts.cumsum() / ink.size, (counts * (edges[:-1] + edges[1:]) / 2).cumsum() / ink.size
    between = (sums[-1] * below - sums) ** 2 / np.maximum(below * (1 - below), 1 / ink.size**2)  # variance between the two
    return float(edges[1 + between.argmax()])
