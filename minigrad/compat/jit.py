"""TorchScript, torch.fx and torch.compile: functions and modules stay the Python that they are."""

from __future__ import annotations

from typing import Any, Final, TypeVar

from minigrad.compat.amp import unchanged

__all__ = [
    "Final", "annotate", "compile", "disable", "export", "ignore", "is_compiling", "is_scripting", "is_tracing", "script",
    "script_if_tracing", "script_method", "trace", "unused", "wrap",
]  # fmt: skip

T = TypeVar("T")
BroadcastingList1 = BroadcastingList2 = BroadcastingList3 = list  # annotations of a number, or one for each axis


def script(obj: T, *args: Any, **options: Any) -> T:
    """Return the function, class or module itself: it runs as Python.

    >>> import minigrad as mg
    >>> mg.jit.script(abs) is abs
    True
    """
    return obj


trace = trace_module = script


def compile(model: Any = None, **options: Any) -> Any:
    """Return the function or module itself, or without one a decorator that does; nothing is compiled.

    >>> import minigrad as mg
    >>> mg.compile(abs) is abs
    True
    """
    return unchanged(model)


export = unused = ignore = script_method = disable = unchanged
script_if_tracing = _script_if_tracing = _overload_method = unchanged  # torchvision uses the last two


def annotate(the_type: Any, the_value: T) -> T:
    """Return the value.

    >>> import minigrad as mg
    >>> mg.jit.annotate(list[int], [1, 2])
    [1, 2]
    """
    return the_value


def wrap(fn_or_name: Any) -> Any:
    """Return the function, or its name: there is no symbolic tracing that it would have to be kept from.

    >>> import minigrad as mg
    >>> mg.fx.wrap(abs) is abs
    True
    """
    return fn_or_name


def _assert(condition: Any, message: str) -> None:
    """Raise AssertionError with the message unless the condition holds; torchvision's models call it as torch._assert."""
    assert condition, message


def is_scripting() -> bool:
    """Return False.

    >>> import minigrad as mg
    >>> mg.jit.is_scripting()
    False
    """
    return False


is_tracing = is_compiling = is_dynamo_compiling = is_scripting
