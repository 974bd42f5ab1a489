"""The base of layers that differ only in their number of spatial axes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from minigrad.nn.module import Module

__all__ = ["SpatialLayer"]


class SpatialLayer(Module):
    """A layer over one, two or three spatial axes: ``class MaxPool2d(_MaxPool, axes=2)`` has the second of `_functions`."""

    _axes: ClassVar[int]
    _functions: ClassVar[tuple[Callable[..., Any], ...]] = ()  # over one, two and three axes
    _function: ClassVar[Callable[..., Any]]
    _displayed: ClassVar[tuple[str, ...]] = ()  # the options that the repr displays

    def __init_subclass__(cls, axes: int = 0, **options: Any) -> None:
        super().__init_subclass__(**options)
        if axes:
            cls._axes = axes
        if axes and cls._functions:
            cls._function = cls._functions[axes - 1]

    def extra_repr(self) -> str:
        return ", ".join(f"{name}={getattr(self, name)}" for name in self._displayed)
