"""Image transforms under torchvision's names.

An image is an array or tensor (C, H, W); further leading axes are a batch, transformed alike. A tensor is transformed into a
tensor, an array into an array. Random transforms take an optional `generator`, a NumPy Generator (None: the default one).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from minigrad.arrays import Array, array_of
from minigrad.errors import DTypeError, ShapeError
from minigrad.kernels.geometry import per_axis
from minigrad.ops.interpolation import interpolate
from minigrad.random import default_generator
from minigrad.tensors.tensor import Tensor, tensor

__all__ = [
    "CenterCrop", "Compose", "Grayscale", "Lambda", "Normalize", "RandomCrop", "RandomHorizontalFlip", "RandomRotation",
    "Resize", "ToTensor",
]  # fmt: skip

Generator = np.random.Generator


class Transform:
    """Base class: the repr shows the attributes named in `shown`."""

    shown: tuple[str, ...] = ()

    def __call__(self, image: Any) -> Any:
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={getattr(self, name)}' for name in self.shown)})"


class Compose(Transform):
    """The composition of several transforms, applied in order.

    >>> import numpy as np
    >>> Compose([ToTensor(), Normalize((0.5,), (0.5,))])(np.zeros((2, 2), np.uint8))
    tensor([[[-1., -1.],
             [-1., -1.]]])
    """

    def __init__(self, transforms: Sequence[Callable[[Any], Any]]):
        if not isinstance(transforms, Iterable):
            raise TypeError(f"Compose: needs a list of transforms, got {type(transforms).__name__}")
        self.transforms = list(transforms)
        for i, transform in enumerate(self.transforms):
            if isinstance(transform, type) or not callable(transform):
                hint = f"\n  hint: make one: {transform.__name__}(...)" if isinstance(transform, type) else ""
                raise TypeError(f"Compose: transform {i} is not a function of an image, got {transform!r}{hint}")

    def __call__(self, image: Any) -> Any:
        for transform in self.transforms:
            image = transform(image)
        return image

    def __repr__(self) -> str:
        return "Compose(" + "".join(f"\n    {transform}" for transform in self.transforms) + "\n)"


class Lambda(Transform):
    """A transform by any function of an image."""

    def __init__(self, lambd: Callable[[Any], Any]):
        self.lambd = lambd

    def __call__(self, image: Any) -> Any:
        return self.lambd(image)


class ToTensor(Transform):
    """Convert an array to a tensor: bytes (H, W) or (H, W, C) to float32 (C, H, W) in 0..1; floats (C, H, W) are unchanged.

    >>> import numpy as np
    >>> ToTensor()(np.full((2, 3), 255, np.uint8)).shape
    (1, 2, 3)
    """

    def __call__(self, image: Any) -> Tensor:
        array = np.asarray(image)
        if array.dtype != np.uint8:
            return tensor(array)
        if array.ndim not in (2, 3):
            raise ShapeError(f"ToTensor: an image of bytes is (H, W) or (H, W, C), got shape {array.shape}")
        channels = array[np.newaxis] if array.ndim == 2 else np.moveaxis(array, -1, 0)
        return tensor(channels.astype(np.float32) / np.float32(255))


class Resize(Transform):
    """Scale the image to `size`: (H, W), or a number for the shorter side, which keeps the aspect ratio.

    Bilinear; each pixel of a smaller image is the mean of all that it covers, as Pillow's and torchvision's are.

    >>> import numpy as np
    >>> Resize(2)(np.arange(32.0).reshape(1, 4, 8)).shape
    (1, 2, 4)
    """

    shown = ("size",)

    def __init__(self, size: int | tuple[int, int]):
        per_axis("Resize", "size", size, 2, 1)
        self.size = size

    def __call__(self, image: Any) -> Any:
        array, back = _unwrap(image)
        if array.dtype.kind != "f":
            raise DTypeError(f"Resize: needs floats, got {array.dtype}\n  hint: put ToTensor() before it")
        height, width = array.shape[-2:]
        shorter, size = min(height, width), self.size
        if isinstance(size, int | np.integer):
            size = (size * height // shorter, size * width // shorter)
        if size == (height, width):
            return image
        images = array.reshape(-1, 1, height, width)
        resized = interpolate(images, size, mode="bilinear", antialias=True)
        return back(array_of(resized).reshape(*array.shape[:-2], *size))


class CenterCrop(Transform):
    """Cut a part of `size` out of the middle of the image; one that is smaller is padded by zeros.

    >>> import numpy as np
    >>> CenterCrop(2)(np.arange(16.0).reshape(1, 4, 4))
    array([[[ 5.,  6.],
            [ 9., 10.]]])
    """

    shown = ("size",)

    def __init__(self, size: int | tuple[int, int]):
        height, width = per_axis("CenterCrop", "size", size, 2, 1)
        self.size = height, width

    def __call__(self, image: Any) -> Any:
        array, back = _unwrap(image)
        missing = [max(0, size - n) for n, size in zip(array.shape[-2:], self.size, strict=True)]
        if any(missing):
            array = np.pad(array, [(0, 0)] * (array.ndim - 2) + [(n // 2, n - n // 2) for n in missing])
        room = [n - size for n, size in zip(array.shape[-2:], self.size, strict=True)]
        top, left = (round(n / 2) for n in room)
        return back(array[..., top : top + self.size[0], left : left + self.size[1]])


class Grayscale(Transform):
    """Convert RGB to gray by the weights of ITU-R 601, with one channel, or the same in 3 (`num_output_channels`).

    >>> import numpy as np
    >>> Grayscale()(np.ones((3, 2, 2))).shape
    (1, 2, 2)
    """

    shown = ("num_output_channels",)

    def __init__(self, num_output_channels: int = 1):
        if num_output_channels not in (1, 3):
            raise ValueError(f"Grayscale: num_output_channels must be 1 or 3, got {num_output_channels}")
        self.num_output_channels = num_output_channels

    def __call__(self, image: Any) -> Any:
        array, back = _unwrap(image)
        if array.ndim < 3 or array.shape[-3] not in (1, 3):
            raise ShapeError(f"Grayscale: needs an image (1 or 3, H, W), got shape {array.shape}")
        if array.dtype.kind != "f":
            raise DTypeError(f"Grayscale: needs floats, got {array.dtype}\n  hint: put ToTensor() before it")
        if array.shape[-3] == 3:
            weights = np.array([0.2989, 0.587, 0.114], array.dtype).reshape(3, 1, 1)
            array = (array * weights).sum(-3, keepdims=True)
        return back(np.repeat(array, self.num_output_channels, axis=-3))


class Normalize(Transform):
    """Compute (image - mean) / std; `mean` and `std` have one value for each channel, or one for all."""

    shown = ("mean", "std")

    def __init__(self, mean: float | Sequence[float], std: float | Sequence[float]):
        self.mean, self.std = (tuple(v) if isinstance(v, Iterable) else (v,) for v in (mean, std))
        if not all(self.std):
            raise ValueError(f"Normalize: std must not be 0, got {self.std}")

    def __call__(self, image: Any) -> Any:
        if image.ndim < 3 or len(self.mean) not in (1, image.shape[-3]):
            raise ShapeError(f"Normalize: {len(self.mean)} means for an image of shape {image.shape} = (C, H, W)")
        if image.dtype.kind != "f":
            raise DTypeError(f"Normalize: needs floats, got {image.dtype}\n  hint: put ToTensor() before it")
        mean, std = (np.reshape(np.asarray(v, image.dtype), (-1, 1, 1)) for v in (self.mean, self.std))
        return (image - mean) / std


class RandomHorizontalFlip(Transform):
    """Mirror the image, left to right, with probability `p`."""

    shown = ("p",)

    def __init__(self, p: float = 0.5, generator: Generator | None = None):
        if not 0 <= p <= 1:
            raise ValueError(f"RandomHorizontalFlip: p must be within [0, 1], got {p}")
        self.p, self.generator = p, generator

    def __call__(self, image: Any) -> Any:
        return image[..., ::-1] if (self.generator or default_generator()).random() < self.p else image


class RandomCrop(Transform):
    """Cut a random part of `size` out of the image, after padding it on all sides by `padding` pixels of value `fill`."""

    shown = ("size", "padding")

    def __init__(self, size: int | tuple[int, int], padding: int = 0, fill: float = 0.0, generator: Generator | None = None):
        height, width = per_axis("RandomCrop", "size", size, 2, 1)
        self.size = height, width
        self.padding, self.fill, self.generator = padding, fill, generator
        if padding < 0:
            raise ValueError(f"RandomCrop: padding must be at least 0, got {padding}")

    def __call__(self, image: Any) -> Any:
        array, back = _unwrap(image)
        frame = [(0, 0)] * (array.ndim - 2) + [(self.padding, self.padding)] * 2
        array = np.pad(array, frame, constant_values=self.fill) if self.padding else array
        room = [n - size for n, size in zip(array.shape[-2:], self.size, strict=True)]
        if min(room) < 0:
            raise ShapeError(f"RandomCrop: a crop of {self.size} of an image of {array.shape[-2:]}, padding included")
        rng = self.generator or default_generator()
        top, left = (int(rng.integers(r + 1)) for r in room)
        return back(array[..., top : top + self.size[0], left : left + self.size[1]])


class RandomRotation(Transform):
    """Rotate the image about its center by a random angle, in degrees, counterclockwise.

    `degrees` is a range, or a number d for (-d, d). With `interpolation` "nearest" each pixel takes the nearest pixel of the
    original, with "bilinear" the weighted mean of four; pixels from outside the image are `fill`.

    >>> import numpy as np
    >>> RandomRotation((90, 90))(np.array([[[1.0, 2.0], [3.0, 4.0]]]))
    array([[[2., 4.],
            [1., 3.]]])
    """

    shown = ("degrees", "interpolation")

    def __init__(
        self,
        degrees: float | tuple[float, float],
        interpolation: str = "nearest",
        fill: float = 0.0,
        generator: Generator | None = None,
    ):
        self.degrees = (-degrees, degrees) if isinstance(degrees, int | float) else (degrees[0], degrees[1])
        if self.degrees[0] > self.degrees[1] or interpolation not in ("nearest", "bilinear"):
            raise ValueError(
                f'RandomRotation: needs a range of degrees, and "nearest" or "bilinear", got {degrees} and {interpolation!r}'
            )
        self.interpolation, self.fill, self.generator = interpolation, fill, generator

    def __call__(self, image: Any) -> Any:
        angle = math.radians((self.generator or default_generator()).uniform(*self.degrees))
        array, back = _unwrap(image)
        H, W = array.shape[-2:]
        y, x = np.mgrid[:H, :W] - np.array([(H - 1) / 2, (W - 1) / 2]).reshape(2, 1, 1)
        sin, cos = math.sin(angle), math.cos(angle)
        # the place in the original of each pixel of the result; y points down
        from_y, from_x = sin * x + cos * y + (H - 1) / 2, cos * x - sin * y + (W - 1) / 2
        padded = np.pad(array, [(0, 0)] * (array.ndim - 2) + [(1, 1)] * 2, constant_values=self.fill)

        def at(row: Array, column: Array) -> Array:
            return padded[..., np.clip(row, -1, H) + 1, np.clip(column, -1, W) + 1]

        if self.interpolation == "nearest":
            return back(at(np.rint(from_y).astype(int), np.rint(from_x).astype(int)))
        top, left = np.floor(from_y).astype(int), np.floor(from_x).astype(int)
        down, right = (from_y - top).astype(array.dtype), (from_x - left).astype(array.dtype)
        above = at(top, left) * (1 - right) + at(top, left + 1) * right
        below = at(top + 1, left) * (1 - right) + at(top + 1, left + 1) * right
        return back(above * (1 - down) + below * down)


def _unwrap(image: Any) -> tuple[Array, Callable[[Array], Any]]:
    """Return the image as an array of at least (H, W), and a function that makes an image of the same type from an array."""
    array = array_of(image)
    if array.ndim < 2:
        raise ShapeError(f"an image has at least two axes (H, W), got shape {array.shape}")
    if not isinstance(image, Tensor):
        return array, np.ascontiguousarray
    return array, lambda result: Tensor.from_array(np.ascontiguousarray(result))
