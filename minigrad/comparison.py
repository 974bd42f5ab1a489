"""Whether tensors are equal, or nearly: PyTorch's questions, whose answers are not part of any graph."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from minigrad.primitive import array_of

if TYPE_CHECKING:
    from minigrad.tensor import Tensor

__all__ = ["allclose", "equal", "isclose"]


def equal(input: Any, other: Any) -> bool:
    """Whether two tensors have one shape and the same values; ``input == other`` asks element by element, as `np.equal`.

    >>> import minigrad as mg
    >>> mg.equal(mg.tensor([1, 2]), mg.tensor([1, 2])), mg.equal(mg.ones(2), mg.ones(1))
    (True, False)
    """
    return np.array_equal(array_of(input), array_of(other))


def allclose(input: Any, other: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> bool:
    """Whether all elements are close; see `isclose`."""
    return bool(isclose(input, other, rtol, atol, equal_nan).all())


def isclose(input: Any, other: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Tensor:
    """Where ``|input - other| <= atol + rtol * |other|``, element by element.

    Raises ValueError for a negative tolerance.

    >>> import minigrad as mg
    >>> mg.isclose(mg.tensor([1.0, 2.0]), mg.tensor([1.0, 2.1]))
    tensor([ True, False])
    """
    from minigrad.tensor import _wrap  # which is made with these functions

    for name, tolerance in (("rtol", rtol), ("atol", atol)):
        if not tolerance >= 0:
            raise ValueError(f"isclose: {name} must be at least 0, got {tolerance}")
    return _wrap(np.asarray(np.isclose(array_of(input), array_of(other), rtol, atol, equal_nan)), None)
