"""Reductions, sums along an axis and differences by the array API standard.

An empty tuple of axes names none, where PyTorch takes all: each element is then reduced alone.
"""

from __future__ import annotations

from collections.abc import Callable
from math import nan
from typing import Any

from minigrad import ops
from minigrad.array_api.creation import full
from minigrad.array_api.dtypes import converted, operands, widened
from minigrad.arrays import DType
from minigrad.tensors.tensor import Tensor

__all__ = [
    "all", "any", "cumulative_prod", "cumulative_sum", "diff", "max", "mean", "min", "prod", "std", "sum", "var",
]  # fmt: skip

Axes = int | tuple[int, ...] | None


def reduced(op: Callable[..., Any], x: Tensor, axis: Axes, keepdims: bool, **options: Any) -> Tensor:
    """Return a reduction along some axes, all or none."""
    if axis == ():
        x, axis, keepdims = ops.expand_dims(x, -1), -1, False
    return op(x, axis=axis, keepdims=keepdims, **options)


def sum(x: Tensor, /, *, axis: Axes = None, dtype: DType = None, keepdims: bool = False) -> Tensor:
    """Add the elements; without `dtype`, integers are added up in 64 bits.

    >>> import minigrad.array_api as xp
    >>> xp.sum(xp.asarray([200, 100], dtype=xp.uint8))
    tensor(300, dtype=uint64)
    """
    return reduced(ops.sum, x, axis, keepdims, dtype=widened(x, dtype))


def prod(x: Tensor, /, *, axis: Axes = None, dtype: DType = None, keepdims: bool = False) -> Tensor:
    """Multiply the elements; without `dtype`, integers are multiplied in 64 bits."""
    wanted = widened(x, dtype)
    return converted(reduced(ops.prod, converted(x, wanted), axis, keepdims), wanted)


def max(x: Tensor, /, *, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Return the largest element; NaN if there is one."""
    return reduced(ops.amax, x, axis, keepdims)


def min(x: Tensor, /, *, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Return the smallest element; NaN if there is one."""
    return reduced(ops.amin, x, axis, keepdims)


def mean(x: Tensor, /, *, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Return the mean of the elements; NaN of none."""
    return _moment(ops.mean, x, axis, keepdims)


def var(x: Tensor, /, *, axis: Axes = None, correction: float = 0.0, keepdims: bool = False) -> Tensor:
    """Return the sum of squared distances from the mean, divided by the number of elements less `correction`."""
    return _moment(ops.var, x, axis, keepdims, correction=correction)


def std(x: Tensor, /, *, axis: Axes = None, correction: float = 0.0, keepdims: bool = False) -> Tensor:
    """Return the square root of the variance; see `var`."""
    return _moment(ops.std, x, axis, keepdims, correction=correction)


def all(x: Tensor, /, *, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Return whether all elements are true, or not 0."""
    return reduced(ops.all, x, axis, keepdims)


def any(x: Tensor, /, *, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Return whether any element is true, or not 0."""
    return reduced(ops.any, x, axis, keepdims)


def cumulative_sum(x: Tensor, /, *, axis: int | None = None, dtype: DType = None, include_initial: bool = False) -> Tensor:
    """Return the sums of the elements up to each along an axis, which only a vector may leave out.

    With `include_initial` they begin with the sum of no elements, 0. Without `dtype`, integers are added up in 64 bits.

    >>> import minigrad.array_api as xp
    >>> xp.cumulative_sum(xp.asarray([1, 2, 3]), include_initial=True)
    tensor([0, 1, 3, 6])
    """
    return _accumulated("cumulative_sum", ops.cumsum, 0, x, axis, dtype, include_initial)


def cumulative_prod(x: Tensor, /, *, axis: int | None = None, dtype: DType = None, include_initial: bool = False) -> Tensor:
    """Return the products of the elements up to each along an axis; see `cumulative_sum`."""
    return _accumulated("cumulative_prod", ops.cumprod, 1, x, axis, dtype, include_initial)


def _accumulated(name: str, op: Any, initial: int, x: Tensor, axis: Any, dtype: DType, include_initial: bool) -> Tensor:
    if axis is None and x.ndim != 1:
        raise ValueError(f"{name}: without axis, x must be a vector, got shape {tuple(x.shape)}")
    axis, wanted = 0 if axis is None else axis, widened(x, dtype)
    out = converted(op(converted(x, wanted), axis), wanted)
    if not include_initial:
        return out
    first = list(x.shape)
    first[axis] = 1
    return ops.concatenate([full(tuple(first), initial, dtype=out.dtype), out], axis)


def diff(x: Tensor, /, *, axis: int = -1, n: int = 1, prepend: Tensor | None = None, append: Tensor | None = None) -> Tensor:
    """Return the differences of neighbors along an axis, `n` times; `prepend` and `append` are joined to `x` before."""
    parts = [part for part in (prepend, x, append) if part is not None]
    return ops.diff(ops.concatenate(operands("diff", *parts), axis) if len(parts) > 1 else x, n, axis)


def _moment(op: Any, x: Tensor, axis: Axes, keepdims: bool, **options: Any) -> Tensor:
    if 0 in x.shape:  # each result, if there is any, is that of no elements, an error in `ops`
        return full(sum(x, axis=axis, keepdims=keepdims).shape, nan, dtype=x.dtype)
    return reduced(op, x, axis, keepdims, **options)
