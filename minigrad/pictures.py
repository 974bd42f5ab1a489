"""Pictures of tensors, modules and errors, drawn by the rooms that register for it.

`Tensor.graph`, `Module.graph`, `MinigradError.graph` and the displays of notebooks stand below `viz`, which draws them.
minigrad/__init__.py registers where each is drawn; it is imported at the first call.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__all__ = ["draw", "register_drawing"]

_drawings: dict[str, str] = {}


def register_drawing(name: str, function: str) -> None:
    """Register the function that draws `name`, as "module:function"; it is imported when it is first called."""
    _drawings[name] = function


def draw(name: str, *args: Any, **options: Any) -> Any:
    """Return what the function registered for `name` draws."""
    module, _, function = _drawings[name].partition(":")
    return getattr(import_module(module), function)(*args, **options)
