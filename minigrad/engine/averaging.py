"""PyTorch's former options of losses, `size_average` and `reduce`, which `reduction` replaced in 2018."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar

from minigrad.errors import warn

__all__ = ["averaging", "averaging_before"]

HINT = "  hint: reduction is given by name, as in PyTorch: reduction='sum'"

Loss = TypeVar("Loss", bound=Callable[..., Any])


def averaging_before(follower: str) -> Callable[[Loss], Loss]:
    """Return the decorator `averaging` for a loss in which `size_average` comes before the argument `follower`."""
    return functools.partial(_with_former_options, follower)


def averaging(loss: Loss) -> Loss:
    """Let a loss, or the constructor of its layer, accept `size_average` and `reduce` before its `reduction`.

    If either is given, a warning names the `reduction` that it means, and which replaces that argument: "mean", without
    `size_average` "sum", without `reduce` "none".

    >>> @averaging
    ... def summed(x, reduction="mean"):
    ...     return reduction
    >>> import warnings
    >>> with warnings.catch_warnings(action="ignore"):
    ...     summed(1.0, None, False), summed(1.0, size_average=False), summed(1.0)
    ('none', 'sum', 'mean')
    """
    return _with_former_options("reduction", loss)


def _with_former_options(follower: str, loss: Loss) -> Loss:
    signature = inspect.signature(loss)
    parameters = list(signature.parameters.values())
    for name, before in (("reduce", "reduction"), ("size_average", "reduce" if follower == "reduction" else follower)):
        option = inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=None, annotation="bool | None")
        parameters.insert([p.name for p in parameters].index(before), option)
    signature = signature.replace(parameters=parameters)
    first = [p.name for p in parameters].index("size_average")

    @functools.wraps(loss)
    def accepting(*args: Any, **options: Any) -> Any:
        if len(args) <= first and options.get("size_average") is options.get("reduce") is None:
            options.pop("size_average", None), options.pop("reduce", None)
            return loss(*args, **options)
        given = signature.bind(*args, **options).arguments
        average, reduce = given.pop("size_average", None), given.pop("reduce", None)
        name = type(args[0]).__name__ if loss.__name__ == "__init__" else loss.__name__
        if not all(value is None or isinstance(value, bool) for value in (average, reduce)):
            raise TypeError(f"{name}: size_average and reduce are booleans, got {average!r} and {reduce!r}\n{HINT}")
        if average is not None or reduce is not None:
            given["reduction"] = "none" if reduce is False else "sum" if average is False else "mean"
            warn(f"{name}: size_average and reduce are deprecated\n  hint: use reduction={given['reduction']!r}")
        return loss(**given)

    accepting.__signature__ = signature  # type: ignore[attr-defined]
    return accepting  # type: ignore[return-value]
