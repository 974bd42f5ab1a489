"""Equality of tensors, exact or up to a tolerance: PyTorch's `equal`, `allclose` and `isclose`, which record nothing."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.arrays import array_of
from minigrad.kernels.equality import is_close
from minigrad.tensors.tensor import Tensor

__all__ = ["allclose", "equal", "isclose"]


def equal(input: Any, other: Any) -> bool:
    """Return whether two tensors have one shape and the same values; ``input == other`` compares elements, as `np.equal`.

    >>> import minigrad as mg
    >>> mg.equal(mg.tensor([1, 2]), mg.tensor([1, 2])), mg.equal(mg.ones(2), mg.ones(1))
    (True, False)
    """
    return np.array_equal(array_of(input), array_of(other))


def allclose(input: Any, other: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> bool:
    """Return whether all elements are close; see `isclose`."""
    return bool(is_close(array_of(input), array_of(other), rtol, atol, equal_nan).all())


def isclose(input: Any, other: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Tensor:
    """Return a boolean tensor: ``|input - other| <= atol + rtol * |other|``, element by element.

    With `equal_nan`, NaN is close to NaN. Raises ValueError for a negative tolerance.

    >>> import minigrad as mg
    >>> mg.isclose(mg.tensor([1.0, 2.0]), mg.tensor([1.0, 2.1]))
    tensor([ True, False])
    """
    return Tensor.from_array(is_close(array_of(input), array_of(other), rtol, atol, equal_nan))
