"""Base class of layers that call one function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from minigrad.nn.module import Module

__all__ = ["FunctionLayer"]


class FunctionLayer(Module):
    """A layer that calls a function on its inputs and on its options, which are attributes."""

    _function: ClassVar[Callable[..., Any]]
    _options: tuple[str, ...] = ()

    def _keep(self, **options: Any) -> None:
        """Store the options of the function, in the order in which it takes them; weights become buffers."""
        self._options = tuple(options)
        for name, value in options.items():
            if name.endswith("weight"):
                self.register_buffer(name, value)
            else:
                setattr(self, name, value)

    def _call_function(self, *inputs: Any) -> Any:
        return type(self)._function(*inputs, *[getattr(self, name) for name in self._options])
