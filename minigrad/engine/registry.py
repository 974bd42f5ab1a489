"""The registry of NumPy functions: ``np.f(tensor)`` calls the operation registered for ``np.f``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

__all__ = ["FUNCTIONS", "UFUNCS", "register", "register_function"]

F = TypeVar("F", bound=Callable[..., Any])

UFUNCS: dict[np.ufunc, Callable[..., Any]] = {}  # np.exp(tensor) finds the primitive `exp` here
FUNCTIONS: dict[Callable[..., Any], Callable[..., Any]] = {}  # np.sum(tensor, axis=0) finds `sum` here


def register(*numpy_functions: Callable[..., Any]) -> Callable[[F], F]:
    """Register the decorated function for NumPy functions or ufuncs."""

    def remember(function: F) -> F:
        for f in numpy_functions:
            if isinstance(f, np.ufunc):
                UFUNCS[f] = function
            else:
                FUNCTIONS[f] = function
        return function

    return remember


def register_function(numpy_function: Callable[..., Any]) -> Callable[[F], F]:
    """Register the decorated function for ``np.f(tensor)``; it is called with NumPy's positions and names of arguments.

    Raises TypeError for a function that does not dispatch on its arguments: only NumPy's functions and ufuncs do.

    >>> import numpy as np
    >>> import minigrad as mg
    >>> @mg.register_function(np.polyval)
    ... def polyval(p, x):
    ...     out = 0
    ...     for c in p:
    ...         out = out * x + c
    ...     return out
    >>> mg.grad(lambda x: np.polyval([1.0, 0.0, 0.0], x))(3.0)
    tensor(6.)
    """
    if not isinstance(numpy_function, np.ufunc | type(np.sum)):
        raise TypeError(
            f"register_function: {numpy_function!r} is no NumPy function that dispatches on its arguments\n"
            "  hint: call your function by its own name"
        )
    return register(numpy_function)
