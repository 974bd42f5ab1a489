"""Membership and counts of elements; their results have no gradient."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from minigrad.arrays import array_of, shape_of
from minigrad.engine.composite import composite
from minigrad.engine.registry import register
from minigrad.errors import DTypeError, ShapeError
from minigrad.kernels.checks import positive_int
from minigrad.ops.indexing import index_add
from minigrad.ops.sorting import nondifferentiable

__all__ = ["bincount", "histc", "histogram", "isin"]


class Histogram(NamedTuple):
    """Counts of values, and the edges of their bins."""

    hist: Any
    bin_edges: Any


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
    if values.dtype.kind != "f":  # whose sums are of float64 in PyTorch and NumPy
        return nondifferentiable(x, np.bincount(array_of(x), values, minlength))
    return index_add(np.zeros(len(counts), array_of(weights).dtype), 0, array_of(x), weights)


@composite
def histc(x: Any, bins: int = 100, min: float = 0, max: float = 0) -> Any:
    """Count the elements in each of `bins` equal bins from `min` to `max`, or over the range of `x` if both are 0.

    The last bin includes its upper end; elements outside are not counted. The counts have the dtype of `x`. Raises
    ValueError for a range that is not finite or reversed.

    >>> import numpy as np
    >>> histc(np.array([1.0, 2.0, 3.0, 2.0]), 4)
    array([1., 0., 2., 1.])
    """
    values = _floats("histc", x)
    counts, _ = _counted("histc", values, bins, (min, max) if min or max else None, None, False, 1)
    return nondifferentiable(x, counts.astype(values.dtype))


@composite
def histogram(x: Any, bins: Any = 100, *, range: Any = None, weight: Any = None, density: bool = False) -> Histogram:
    """Return (hist, bin_edges): the number of elements in each bin, or the sum of their weights.

    `bins` is a number of equal bins, over `range` (low, high) or that of `x`, or the sorted edges. With `density` the
    integral of the result is 1. Not differentiable.

    >>> import numpy as np
    >>> histogram(np.array([1.0, 2.0, 3.0, 2.0]), 2)
    Histogram(hist=array([1., 3.]), bin_edges=array([1., 2., 3.]))
    """
    values = _floats("histogram", x)
    weights = None if weight is None else array_of(weight)
    edges = bins if isinstance(bins, int) else array_of(bins)
    found = _counted("histogram", values, edges, range, weights, density, 0.5)
    return Histogram(*[nondifferentiable(x, part.astype(values.dtype)) for part in found])


def _floats(op: str, x: Any) -> Any:
    """Return the values of `x`; raise DTypeError unless they are floats."""
    values = array_of(x)
    if values.dtype.kind != "f":
        raise DTypeError(f"{op}: needs floats, got dtype {values.dtype}\n  hint: use bincount for integers, or x.float()")
    return values


def _counted(op: str, values: Any, bins: Any, limits: Any, weights: Any, density: bool, widened: float) -> tuple[Any, Any]:
    """Compute a histogram; a range of one point is widened on either side."""
    if isinstance(bins, int):
        positive_int(op, "bins", bins)
        low, high = limits or ((values.min(), values.max()) if values.size else (0, 1))
        if not (np.isfinite(low) and np.isfinite(high) and low <= high):
            raise ValueError(f"{op}: the range must be finite and not reversed, got {low} to {high}")
        limits = (low - widened, high + widened) if low == high else (low, high)
    if weights is not None and weights.shape != values.shape:
        raise ShapeError(f"{op}: weight must have the shape of x, {values.shape}, got {weights.shape}")
    return np.histogram(values, bins, limits, density, weights)
