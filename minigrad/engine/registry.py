"""Which operation answers for a function of NumPy: ``np.f(tensor)`` finds it here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

__all__ = ["FUNCTIONS", "UFUNCS", "register", "register_function"]

F = TypeVar("F", bound=Callable[..., Any])

UFUNCS: dict[np.ufunc, Callable[..., Any]] = {}  # np.exp(tensor) finds the primitive `exp` here
FUNCTIONS: dict[Callable[..., Any], Callable[..., Any]] = {}  # np.sum(tensor, axis=0) finds `sum` here


def register(*numpy_functions: Callable[..., Any]) -> Callable[[F], F]:
    """Say which function answers for ``np.f(tensor)``."""

    def remember(function: F) -> F:
        for f in numpy_functions:
            if isinstance(f, np.ufunc):
                UFUNCS[f] = function
            else:
                FUNCTIONS[f] = function
        return function

    return remember


def register_function(numpy_function: Callable[..., Any]) -> Callable[[F], F]:
    """Say which function answers for ``np.f(tensor)``, as a decorator; arguments come under NumPy's names or at its places.

    Raises TypeError for what does not ask its arguments: only NumPy's functions and ufuncs do.

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
            f"register_function: {numpy_function!r} is no function of NumPy that tensors can answer for\n"
            "  hint: give your function a name of its own"
        )
    return register(numpy_function)
