"""Borders around the last axes; `padding` is an int, or (left, right, top, bottom, ...) as in `functional.pad`."""

from __future__ import annotations

from typing import ClassVar

from minigrad.kernels.geometry import per_axis
from minigrad.nn import functional as F
from minigrad.nn.module import Module
from minigrad.tensors.tensor import Tensor

__all__ = [
    "CircularPad1d", "CircularPad2d", "CircularPad3d", "ConstantPad1d", "ConstantPad2d", "ConstantPad3d",
    "ReflectionPad1d", "ReflectionPad2d", "ReflectionPad3d", "ReplicationPad1d", "ReplicationPad2d", "ReplicationPad3d",
    "ZeroPad1d", "ZeroPad2d", "ZeroPad3d",
]  # fmt: skip


class _Pad(Module):
    _axes: ClassVar[int]
    _mode: ClassVar[str] = "constant"

    def __init__(self, padding: int | tuple[int, ...]):
        super().__init__()
        self.padding = per_axis(type(self).__name__, "padding", padding, 2 * self._axes, -(2**62))

    def forward(self, x: Tensor) -> Tensor:
        return F.pad(x, self.padding, self._mode)

    def extra_repr(self) -> str:
        return f"{self.padding}"


class ZeroPad1d(_Pad):
    """Zeros around (..., L)."""

    _axes = 1


class ZeroPad2d(_Pad):
    """Zeros around (..., H, W).

    >>> import minigrad as mg
    >>> from minigrad import nn
    >>> nn.ZeroPad2d((1, 0, 0, 1))(mg.ones(1, 1, 1, 2))
    tensor([[[[0., 1., 1.],
              [0., 0., 0.]]]])
    """

    _axes = 2


class ZeroPad3d(_Pad):
    """Zeros around (..., D, H, W)."""

    _axes = 3


class _ConstantPad(_Pad):
    def __init__(self, padding: int | tuple[int, ...], value: float):
        super().__init__(padding)
        self.value = value

    def forward(self, x: Tensor) -> Tensor:
        return F.pad(x, self.padding, "constant", self.value)

    def extra_repr(self) -> str:
        return f"padding={self.padding}, value={self.value}"


class ConstantPad1d(_ConstantPad):
    """One value around (..., L)."""

    _axes = 1


class ConstantPad2d(_ConstantPad):
    """One value around (..., H, W)."""

    _axes = 2


class ConstantPad3d(_ConstantPad):
    """One value around (..., D, H, W)."""

    _axes = 3


class ReflectionPad1d(_Pad):
    """The mirror image of what is inside, without the border itself, around (..., L)."""

    _axes, _mode = 1, "reflect"


class ReflectionPad2d(_Pad):
    """The mirror image of what is inside, without the border itself, around (..., H, W)."""

    _axes, _mode = 2, "reflect"


class ReflectionPad3d(_Pad):
    """The mirror image of what is inside, without the border itself, around (..., D, H, W)."""

    _axes, _mode = 3, "reflect"


class ReplicationPad1d(_Pad):
    """The nearest value at the border, around (..., L)."""

    _axes, _mode = 1, "replicate"


class ReplicationPad2d(_Pad):
    """The nearest value at the border, around (..., H, W)."""

    _axes, _mode = 2, "replicate"


class ReplicationPad3d(_Pad):
    """The nearest value at the border, around (..., D, H, W)."""

    _axes, _mode = 3, "replicate"


class CircularPad1d(_Pad):
    """The values of the opposite side, around (..., L)."""

    _axes, _mode = 1, "circular"


class CircularPad2d(_Pad):
    """The values of the opposite side, around (..., H, W)."""

    _axes, _mode = 2, "circular"


class CircularPad3d(_Pad):
    """The values of the opposite side, around (..., D, H, W)."""

    _axes, _mode = 3, "circular"
