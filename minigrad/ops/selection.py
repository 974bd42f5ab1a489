"""NumPy functions that select or assemble elements and have no PyTorch name: for ``np.f(tensor)`` alone.

Each is composed of other operations and takes NumPy's arguments.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from minigrad.arrays import array_of, shape_of
from minigrad.engine.registry import register
from minigrad.kernels.axes import one_axis
from minigrad.ops.elementwise import astype, where
from minigrad.ops.indexing import take
from minigrad.ops.joining import concatenate
from minigrad.ops.shape import broadcast_to, moveaxis, ravel, reshape
from minigrad.ops.sorting import nondifferentiable, nonzero

__all__: list[str] = []  # PyTorch has none of them


@register(np.compress)
def compress(condition: Any, a: Any, axis: int | None = None) -> Any:
    """Return the slices of `a` along an axis, or its elements, where the condition holds."""
    return take(a, np.flatnonzero(array_of(condition)), axis)


@register(np.extract)
def extract(condition: Any, arr: Any) -> Any:
    """Return the elements of `arr` where the condition holds, as a vector."""
    return take(arr, np.flatnonzero(array_of(condition)))


@register(np.delete)
def delete(arr: Any, obj: Any, axis: int | None = None) -> Any:
    """Return `arr` without the slices, or the elements, at `obj`."""
    n = math.prod(shape_of(arr)) if axis is None else shape_of(arr)[one_axis("delete", axis, len(shape_of(arr)))]
    return take(arr, np.delete(np.arange(n), obj if isinstance(obj, slice) else array_of(obj)), axis)


@register(np.insert)
def insert(arr: Any, obj: Any, values: Any, axis: int | None = None) -> Any:
    """Return `arr` with `values` inserted before the slices, or the elements, at `obj`."""
    if axis is None:
        arr, axis = ravel(arr), 0
    axis, ndim = one_axis("insert", axis, len(shape_of(arr))), len(shape_of(arr))
    at = obj if isinstance(obj, slice) else array_of(obj)
    values = values if hasattr(values, "shape") else np.asarray(values)
    values = reshape(values, (1,) * (ndim - len(shape_of(values))) + shape_of(values))
    if not isinstance(at, slice) and at.ndim == 0:  # a single index: the first axis of the values is the insertion axis
        values, count = moveaxis(values, 0, axis), shape_of(moveaxis(values, 0, axis))[axis]
    else:
        count = len(np.arange(shape_of(arr)[axis])[at])
    size = list(shape_of(arr))
    size[axis] = count
    values = astype(broadcast_to(values, tuple(size)), arr.dtype)
    n = shape_of(arr)[axis]
    return take(concatenate([arr, values], axis), np.insert(np.arange(n), at, n + np.arange(count)), axis)


@register(np.block)
def block(arrays: Any) -> Any:
    """Assemble an array from nested lists of blocks; the innermost lists are joined along the last axis."""

    def depth(node: Any) -> int:
        if not isinstance(node, list):
            return 0
        below = {depth(part) for part in node}
        if len(below) != 1:
            raise ValueError("block: lists must be nested to one depth everywhere, and none may be empty")
        return 1 + below.pop()

    def leaves(node: Any) -> list[Any]:
        return [leaf for part in node for leaf in leaves(part)] if isinstance(node, list) else [node]

    levels = depth(arrays)
    ndim = max(levels, *[len(shape_of(leaf)) for leaf in leaves(arrays)])

    def joined(node: Any, level: int) -> Any:
        if isinstance(node, list):
            return concatenate([joined(part, level - 1) for part in node], -level)
        return reshape(node, (1,) * (ndim - len(shape_of(node))) + shape_of(node))

    return joined(arrays, levels)


@register(np.resize)
def resize(a: Any, new_shape: Any) -> Any:
    """Return `a` in another shape, repeating its elements as often as needed."""
    size = (new_shape,) if isinstance(new_shape, int) else tuple(new_shape)
    return reshape(take(a, np.arange(math.prod(size)), mode="wrap"), size)


@register(np.select)
def select(condlist: Sequence[Any], choicelist: Sequence[Any], default: Any = 0) -> Any:
    """Return elements from the first choice whose condition holds, else the default."""
    if len(condlist) != len(choicelist):
        raise ValueError(f"select: {len(condlist)} conditions, but {len(choicelist)} choices")
    for condition, choice in zip(reversed(condlist), reversed(choicelist), strict=True):
        default = where(condition, choice, default)
    return default


@register(np.choose)
def choose(a: Any, choices: Sequence[Any], out: None = None, mode: str = "raise") -> Any:
    """Return, for each element of `a`, the element of the choice with that number."""
    at = array_of(a)
    if mode == "raise" and at.size and not 0 <= at.min() <= at.max() < len(choices):
        raise IndexError(f"choose: numbers must be within 0..{len(choices) - 1}, got {at.min()} to {at.max()}")
    at = at % len(choices) if mode == "wrap" else np.clip(at, 0, len(choices) - 1)
    chosen = choices[0]
    for i, choice in enumerate(choices):
        chosen = where(at == i, choice, chosen)
    return chosen


@register(np.where)
def where_or_nonzero(condition: Any, *choices: Any) -> Any:
    """Apply `where`; with a condition alone, return the indices where it holds, as `nonzero`."""
    if not choices:
        return nonzero(condition, as_tuple=True)
    if len(choices) != 2:
        raise ValueError(f"where: needs both choices or none, got {len(choices)}")
    return where(condition, *choices)


@register(np.digitize)
def digitize(x: Any, bins: Any, right: bool = False) -> Any:
    """Return the index of the bin of each element; not differentiable."""
    return nondifferentiable(x, np.digitize(array_of(x), array_of(bins), right))
