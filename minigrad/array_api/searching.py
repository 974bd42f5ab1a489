"""Searching, sorting and sets by the array API standard. Indices and counts are int64, and have no gradient."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from minigrad import ops
from minigrad.array_api.dtypes import Scalar, operands, plain, result_type
from minigrad.array_api.statistics import reduced
from minigrad.ops import argmax, argmin
from minigrad.tensors.tensor import Tensor

__all__ = [
    "argmax", "argmin", "argsort", "count_nonzero", "isin", "nonzero", "searchsorted", "sort", "unique_all", "unique_counts",
    "unique_inverse", "unique_values", "where",
]  # fmt: skip

Axes = int | tuple[int, ...] | None


def count_nonzero(x: Tensor, /, *, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Count the elements that are not 0."""
    return reduced(ops.count_nonzero, x, axis, keepdims)


def nonzero(x: Tensor, /) -> tuple[Tensor, ...]:
    """Return the indices of the elements that are not 0, one vector for each axis. Raises ValueError for a 0-d tensor."""
    if not x.ndim:
        raise ValueError("nonzero: a 0-d tensor has no axes")
    return ops.nonzero(x, as_tuple=True)


def where(condition: Tensor, x1: Tensor | Scalar, x2: Tensor | Scalar, /) -> Tensor:
    """Return `x1` where the condition holds and `x2` elsewhere, in their common dtype."""
    if isinstance(x1, Scalar) and isinstance(x2, Scalar):
        x1 = plain(np.array(x1, result_type(x1, x2)))
    return ops.where(condition, *operands("where", x1, x2))


def searchsorted(x1: Tensor, x2: Tensor | Scalar, /, *, side: str = "left", sorter: Tensor | None = None) -> Tensor:
    """Return where the elements of `x2` can be inserted into the sorted vector `x1`, before or behind equal ones."""
    sequence, values = operands("searchsorted", x1, x2)
    return ops.searchsorted(sequence, values, side=side, sorter=sorter)


def isin(x1: Tensor | Scalar, x2: Tensor | Scalar, /, *, invert: bool = False) -> Tensor:
    """Return for each element of `x1` whether it is among those of `x2`, or with `invert` whether it is not."""
    return ops.isin(*operands("isin", x1, x2), invert=invert)


def argsort(x: Tensor, /, *, axis: int = -1, descending: bool = False, stable: bool = True) -> Tensor:
    """Return the indices that sort the elements along an axis; equal ones stay in their order."""
    return ops.argsort(x, axis, descending, stable)


def sort(x: Tensor, /, *, axis: int = -1, descending: bool = False, stable: bool = True) -> Tensor:
    """Return the elements sorted along an axis; gradients flow back to where each came from."""
    return ops.sort(x, axis, descending, stable).values


class UniqueAll(NamedTuple):
    """Distinct values, sorted; the index of the first of each; the index of each element among them; their counts."""

    values: Tensor
    indices: Tensor
    inverse_indices: Tensor
    counts: Tensor


class UniqueCounts(NamedTuple):
    """Distinct values, and how often each occurs."""

    values: Tensor
    counts: Tensor


class UniqueInverse(NamedTuple):
    """Distinct values, and the index of each element among them."""

    values: Tensor
    inverse_indices: Tensor


def unique_all(x: Tensor, /) -> UniqueAll:
    """Return the distinct elements, sorted, first indices, inverse indices and counts; each NaN is distinct.

    >>> import minigrad.array_api as xp
    >>> xp.unique_all(xp.asarray([3, 1, 3])).inverse_indices
    tensor([1, 0, 1])
    """
    values, indices, inverse, counts = np.unique(x.array, True, True, True, equal_nan=False)
    return UniqueAll(*map(plain, (values, indices, inverse.reshape(x.shape), counts)))


def unique_counts(x: Tensor, /) -> UniqueCounts:
    """Return the distinct elements, sorted, and how often each occurs."""
    return UniqueCounts(*unique_all(x)[::3])


def unique_inverse(x: Tensor, /) -> UniqueInverse:
    """Return the distinct elements, sorted, and the index of each element of `x` among them."""
    return UniqueInverse(*unique_all(x)[:3:2])


def unique_values(x: Tensor, /) -> Tensor:
    """Return the distinct elements, sorted."""
    return unique_all(x).values
