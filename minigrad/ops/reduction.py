"""Operations that take axes away, and the softmax family, which normalises along one.

`axis` is None (all), an int or a tuple; PyTorch's names `dim` and `keepdim` are accepted everywhere.
"""

from __future__ import annotations

import builtins
import math
from typing import Any, NamedTuple

import numpy as np

from minigrad.ops.elementwise import square
from minigrad.ops.indexing import take_along_axis
from minigrad.ops.shape import broadcast_to, reshape, squeeze
from minigrad.primitive import Array, composite, primitive, register, shape_of

__all__ = [
    "all", "amax", "amin", "any", "argmax", "argmin", "log_softmax", "max", "mean", "min", "softmax", "sum", "var",
]  # fmt: skip

Axis = int | tuple[int, ...] | None

# Any: NumPy's stubs know no axis and keepdims together.
_add: Any = np.add.reduce
_maximum: Any = np.maximum.reduce
_minimum: Any = np.minimum.reduce
_logical_or: Any = np.logical_or.reduce
_logical_and: Any = np.logical_and.reduce


class Extremum(NamedTuple):
    """What `max` and `min` along an axis give: the values, and where each was found first."""

    values: Any
    indices: Any


@register(np.sum)
@primitive
def sum(x: Array, axis: Axis = None, keepdims: bool = False) -> Array:
    """The sum over `axis`; integers and booleans add up to int64.

    >>> import numpy as np
    >>> sum(np.array([[1.0, 2.0], [3.0, 4.0]]), 0)
    array([4., 6.])
    """
    return _add(x, axis, None, None, keepdims)


@sum.gradient("x")
def _(g: Any, shape: tuple[int, ...], axis: Axis, keepdims: bool) -> Any:
    return broadcast_to(_kept(g, shape, axis, keepdims), shape)


@primitive
def amax(x: Array, axis: Axis = None, keepdims: bool = False) -> Array:
    """The maximum over `axis`; equal maxima share the gradient evenly.

    Raises ValueError over an empty axis: there is no identity.

    >>> import numpy as np
    >>> amax(np.array([[1.0, 2.0], [3.0, 0.0]]), 1)
    array([2., 3.])
    """
    return _maximum(x, axis, None, None, keepdims)


@primitive
def amin(x: Array, axis: Axis = None, keepdims: bool = False) -> Array:
    """The minimum over `axis`; equal minima share the gradient evenly. See `amax`."""
    return _minimum(x, axis, None, None, keepdims)


@amax.gradient("x")
@amin.gradient("x")
def _(g: Any, x: Any, out: Any, shape: tuple[int, ...], axis: Axis, keepdims: bool) -> Any:
    ties = x == _kept(out, shape, axis, keepdims)
    count = sum(ties, axis, True)
    return ties * (_kept(g, shape, axis, keepdims) / count.astype(g.dtype))


@register(np.argmax)
@primitive
def argmax(x: Array, axis: int | None = None, keepdims: bool = False) -> Array:
    """Where the maximum is, first come first; without `axis`, in the flattened array."""
    return np.argmax(x, axis, keepdims=keepdims)


@register(np.argmin)
@primitive
def argmin(x: Array, axis: int | None = None, keepdims: bool = False) -> Array:
    """Where the minimum is, first come first; without `axis`, in the flattened array."""
    return np.argmin(x, axis, keepdims=keepdims)


@register(np.any)
@primitive
def any(x: Array, axis: Axis = None, keepdims: bool = False) -> Array:
    """Whether any element is true."""
    return _logical_or(x, axis, None, None, keepdims)


@register(np.all)
@primitive
def all(x: Array, axis: Axis = None, keepdims: bool = False) -> Array:
    """Whether all elements are true."""
    return _logical_and(x, axis, None, None, keepdims)


@primitive
def softmax(x: Array, axis: int = -1) -> Array:
    """exp(x) / sum(exp(x)) along `axis`, shifted by the maximum, so that no finite logit overflows.

    >>> import numpy as np
    >>> softmax(np.array([1e308, 1e308]))
    array([0.5, 0.5])
    """
    with np.errstate(over="ignore", invalid="ignore"):
        e = np.exp(x - np.maximum.reduce(x, axis, keepdims=True))
        e /= np.add.reduce(e, axis, keepdims=True)
    return e


@softmax.gradient("x")
def _(g: Any, out: Any, axis: int) -> Any:
    return out * (g - sum(g * out, axis, True))


@primitive
def log_softmax(x: Array, axis: int = -1) -> Array:
    """log(softmax(x)) along `axis`, shifted by the maximum and never leaving the logarithm.

    >>> import numpy as np
    >>> log_softmax(np.array([0.0, -1e4]))
    array([     0., -10000.])
    """
    with np.errstate(over="ignore", invalid="ignore"):
        z = x - np.maximum.reduce(x, axis, keepdims=True)
        z -= np.log(np.add.reduce(np.exp(z), axis, keepdims=True))
    return z


@log_softmax.gradient("x")
def _(g: Any, out: Any, axis: int) -> Any:
    return g - np.exp(out) * sum(g, axis, True)


@register(np.mean)
@composite
def mean(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The mean over `axis`; of integers, in the default float dtype.

    >>> import numpy as np
    >>> mean(np.array([[1.0, 2.0], [3.0, 4.0]]), 1)
    array([1.5, 3.5])
    """
    return sum(x, axis, keepdims) / _count(shape_of(x), axis)


@composite
def var(x: Any, axis: Axis = None, keepdims: bool = False, correction: float = 1) -> Any:
    """The variance over `axis`: sum((x - mean)**2) / (n - correction); unbiased by default, as PyTorch's.

    ``np.var(tensor)`` keeps NumPy's default, correction 0.

    >>> import numpy as np
    >>> var(np.array([1.0, 2.0, 3.0]))
    np.float64(1.0)
    """
    return sum(square(x - mean(x, axis, True)), axis, keepdims) / builtins.max(_count(shape_of(x), axis) - correction, 0)


@register(np.var)
def numpy_var(x: Any, axis: Axis = None, ddof: float = 0, keepdims: bool = False) -> Any:
    """`var` with NumPy's default, the biased one."""
    return var(x, axis, keepdims, ddof)


@composite
def max(x: Any, axis: int | None = None, keepdims: bool = False) -> Any:
    """The maximum of all elements; with `axis`, as PyTorch, (values, indices) along it.

    Along an axis the whole gradient goes to the first maximum; over all elements it is shared evenly by the ties.
    ``np.max(tensor, axis)`` gives values alone, ties sharing.

    >>> import numpy as np
    >>> max(np.array([[1.0, 5.0, 5.0], [7.0, 0.0, 2.0]]), 1)
    Extremum(values=array([5., 7.]), indices=array([1, 0]))
    """
    return amax(x) if axis is None else _first(x, argmax(x, axis, True), axis, keepdims)


@composite
def min(x: Any, axis: int | None = None, keepdims: bool = False) -> Any:
    """The minimum of all elements; with `axis`, (values, indices) along it. See `max`."""
    return amin(x) if axis is None else _first(x, argmin(x, axis, True), axis, keepdims)


register(np.max, np.amax)(amax)
register(np.min, np.amin)(amin)


def _first(x: Any, indices: Any, axis: int, keepdims: bool) -> Extremum:
    values = take_along_axis(x, indices, axis)
    return Extremum(values, indices) if keepdims else Extremum(squeeze(values, axis), squeeze(indices, axis))


def _kept(reduced: Any, shape: tuple[int, ...], axis: Axis, keepdims: bool) -> Any:
    """What a reduction of `shape` gave, with the reduced axes put back as size 1."""
    if keepdims or axis is None:  # a 0-d array broadcasts to any shape as it is
        return reduced
    axes = [a % len(shape) for a in (axis if isinstance(axis, tuple) else (axis,))]
    return reshape(reduced, tuple([1 if i in axes else n for i, n in enumerate(shape)]))


def _count(shape: tuple[int, ...], axis: Axis) -> int:
    """How many elements a reduction over `axis` adds up."""
    if axis is None:
        return math.prod(shape)
    axes = axis if isinstance(axis, tuple) else (axis,)
    return math.prod([shape[a] for a in axes])
