"""Registry of functions of higher rooms: those that draw tensors, modules and errors, and `autograd.gradcheck`.

`Tensor.graph`, `Module.graph`, `MinigradError.graph` and the notebook displays are drawn by `viz`, which imports tensors and
modules and so cannot be imported by them. minigrad/__init__.py registers the functions by name; each is imported when it is
first called.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__all__ = ["draw", "register_drawing", "registered"]

_drawings: dict[str, str] = {}


def register_drawing(name: str, function: str) -> None:
    """Register the function that draws `name`, written "module:function"; it is imported when it is first needed."""
    _drawings[name] = function


def draw(name: str, *args: Any, **options: Any) -> Any:
    """Call the function registered for `name` and return its picture."""
    return registered(name)(*args, **options)


def registered(name: str) -> Any:
    """Return the function registered for `name`."""
    module, _, function = _drawings[name].partition(":")
    return getattr(import_module(module), function)
