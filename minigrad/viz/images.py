"""Images as the pictures take them: one, or many, with or without an axis for channels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minigrad.arrays import Array
from minigrad.errors import ShapeError
from minigrad.nn import Module
from minigrad.tensors.tensor import Tensor

__all__ = ["class_name", "drawable", "one_image"]


def one_image(op: str, image: Any, model: Module) -> Array:
    """An image (H, W), (C, H, W) or (1, C, H, W) as (1, C, H, W), in the dtype of the model."""
    array = image.detach().array if isinstance(image, Tensor) else np.asarray(image)
    if array.ndim == 2:
        array = array[np.newaxis]
    if array.ndim == 3:
        array = array[np.newaxis]
    if array.ndim != 4 or len(array) != 1:
        raise ShapeError(f"{op}: needs one image (H, W), (C, H, W) or (1, C, H, W), got shape {np.shape(image)}")
    return array.astype(next((p.dtype for p in model.parameters()), np.dtype(np.float32)))


def drawable(images: Array) -> Array:
    """Images (N, C, H, W) for drawing: (N, H, W, 3) where there are three channels, else the mean of all, (N, H, W)."""
    return images.transpose(0, 2, 3, 1) if images.shape[1] == 3 else images.mean(1)


def class_name(classes: Sequence[str] | None, label: int) -> str:
    return str(label) if classes is None else classes[label]
