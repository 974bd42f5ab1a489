"""Membership and counts of elements; their results have no gradient."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.arrays import array_of, shape_of
from minigrad.engine.composite import composite
from minigrad.engine.registry import register
from minigrad.errors import ShapeError
from minigrad.ops.indexing import index_add
from minigrad.ops.sorting import nondifferentiable

__all__ = ["bincount", "isin"]


@register(np.isin)
@composite
def isin(element: Any, test_elements: Any, **options: Any) -> Any:
    """Return for each element whether it is among `test_elements`; takes NumPy's options.

    >>> import numpy as np
    >>> isin(np.array([1, 5]), np.array([5, 7]))
    array([False,  True])
    """
    return nondifferentiable(element, np.isin(array_of(element), array_of(test_elements), **options))


@register(np.bincount)
@composite
def bincount(x: Any, weights: Any = None, minlength: int = 0) -> Any:
    """Count the occurrences of 0, 1, 2, ... in a vector; or sum the `weights` of each, which have a gradient.

    The result has at least `minlength` elements. Raises ValueError for negative numbers, TypeError for numbers that are not
    integers, ShapeError unless `x` is a vector.

    >>> import numpy as np
    >>> bincount(np.array([0, 2, 2]), minlength=4)
    array([1, 0, 2, 0])
    """
    if len(shape_of(x)) != 1:
        raise ShapeError(f"bincount: needs a vector, got shape {shape_of(x)}")
    counts = np.bincount(array_of(x), minlength=minlength)
    if weights is None:
        return nondifferentiable(x, counts)
    values = array_of(weights)
    if values.dtype.kind != "f":
        weights = values.astype(np.float64)  # the dtype of these sums in PyTorch and NumPy
    return index_add(np.zeros(len(counts), array_of(weights).dtype), 0, array_of(x), weights)
