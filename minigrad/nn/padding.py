"""Padding layers: borders around the last axes.

`padding` is the width of the border: an int for all sides, or (left, right, top, bottom, ...) from the last axis on, as in
`functional.pad`. A negative width cuts elements off.
"""

from __future__ import annotations

from typing import ClassVar

from minigrad.kernels.geometry import per_axis
from minigrad.nn import functional as F
from minigrad.nn.spatial import SpatialLayer
from minigrad.tensors.tensor import Tensor

__all__ = [
    "CircularPad1d", "CircularPad2d", "CircularPad3d", "ConstantPad1d", "ConstantPad2d", "ConstantPad3d",
    "ReflectionPad1d", "ReflectionPad2d", "ReflectionPad3d", "ReplicationPad1d", "ReplicationPad2d", "ReplicationPad3d",
    "ZeroPad1d", "ZeroPad2d", "ZeroPad3d",
]  # fmt: skip


class _Pad(SpatialLayer):
    _mode: ClassVar[str] = "constant"

    def __init__(self, padding: int | tuple[int, ...]):
        super().__init__()
        self.padding = per_axis(type(self).__name__, "padding", padding, 2 * self._axes, -(2**62))

    def __init_subclass__(cls, mode: str = "", **options: int) -> None:
        super().__init_subclass__(**options)
        cls._mode = mode or cls._mode

    def forward(self, x: Tensor) -> Tensor:
        return F.pad(x, self.padding, self._mode)

    def extra_repr(self) -> str:
        return f"{self.padding}"


class ZeroPad1d(_Pad, axes=1):
    """Zeros around (..., L); `padding` is an int or (left, right)."""


class ZeroPad2d(_Pad, axes=2):
    """Zeros around (..., H, W); `padding` is an int or (left, right, top, bottom).

    >>> import minigrad as mg
    >>> from minigrad import nn
    >>> nn.ZeroPad2d((1, 0, 0, 1))(mg.ones(1, 1, 1, 2))
    tensor([[[[0., 1., 1.],
              [0., 0., 0.]]]])
    """


class ZeroPad3d(_Pad, axes=3):
    """Zeros around (..., D, H, W); `padding` is an int or (left, right, top, bottom, front, back)."""


class _ConstantPad(_Pad):
    def __init__(self, padding: int | tuple[int, ...], value: float):
        super().__init__(padding)
        self.value = value

    def forward(self, x: Tensor) -> Tensor:
        return F.pad(x, self.padding, "constant", self.value)

    def extra_repr(self) -> str:
        return f"padding={self.padding}, value={self.value}"


class ConstantPad1d(_ConstantPad, axes=1):
    """A constant `value` around (..., L); `padding` is an int or (left, right)."""


class ConstantPad2d(_ConstantPad, axes=2):
    """A constant `value` around (..., H, W); `padding` is an int or (left, right, top, bottom)."""


class ConstantPad3d(_ConstantPad, axes=3):
    """A constant `value` around (..., D, H, W); `padding` is an int or (left, right, top, bottom, front, back)."""


class ReflectionPad1d(_Pad, axes=1, mode="reflect"):
    """The mirror image about the outermost elements around (..., L); `padding` is an int or (left, right)."""


class ReflectionPad2d(_Pad, axes=2, mode="reflect"):
    """The mirror image about the outermost elements around (..., H, W).

    `padding` is an int or (left, right, top, bottom).
    """


class ReflectionPad3d(_Pad, axes=3, mode="reflect"):
    """The mirror image about the outermost elements around (..., D, H, W).

    `padding` is an int or (left, right, top, bottom, front, back).
    """


class ReplicationPad1d(_Pad, axes=1, mode="replicate"):
    """Copies of the outermost elements around (..., L); `padding` is an int or (left, right)."""


class ReplicationPad2d(_Pad, axes=2, mode="replicate"):
    """Copies of the outermost elements around (..., H, W); `padding` is an int or (left, right, top, bottom)."""


class ReplicationPad3d(_Pad, axes=3, mode="replicate"):
    """Copies of the outermost elements around (..., D, H, W).

    `padding` is an int or (left, right, top, bottom, front, back).
    """


class CircularPad1d(_Pad, axes=1, mode="circular"):
    """The elements of the opposite side around (..., L); `padding` is an int or (left, right)."""


class CircularPad2d(_Pad, axes=2, mode="circular"):
    """The elements of the opposite side around (..., H, W); `padding` is an int or (left, right, top, bottom)."""


class CircularPad3d(_Pad, axes=3, mode="circular"):
    """The elements of the opposite side around (..., D, H, W).

    `padding` is an int or (left, right, top, bottom, front, back).
    """
