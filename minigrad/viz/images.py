"""Image arguments of pictures: single images or batches, with or without a channel axis; and class names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minigrad.arrays import Array, array_of
from minigrad.errors import ShapeError
from minigrad.nn import Module

__all__ = ["class_name", "drawable", "dtype_of", "one_image"]


def one_image(op: str, image: Any, model: Module) -> Array:
    """Return an image (H, W), (C, H, W) or (1, C, H, W) as (1, C, H, W), in the dtype of the model."""
    array = array_of(image)
    if array.ndim in (2, 3):
        array = array.reshape(1, *(1,) * (3 - array.ndim), *array.shape)
    if array.ndim != 4 or len(array) != 1:
        raise ShapeError(f"{op}: needs one image (H, W), (C, H, W) or (1, C, H, W), got shape {np.shape(image)}")
    return array.astype(dtype_of(model))


def dtype_of(model: Module) -> np.dtype[Any]:
    """Return the dtype of a model's first parameter; float32 if it has none."""
    return next((p.dtype for p in model.parameters()), np.dtype(np.float32))


def drawable(images: Array) -> Array:
    """Return images (N, C, H, W) for drawing: (N, H, W, 3) if there are three channels, else their mean (N, H, W)."""
    return images.transpose(0, 2, 3, 1) if images.shape[1] == 3 else images.mean(1)


def class_name(classes: Sequence[str] | None, label: int) -> str:
    """Return the name of a class; its number where there are no names."""
    return str(label) if classes is None else classes[label]
