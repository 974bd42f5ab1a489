"""Einstein summation of two arrays, as one matrix product where possible."""

from __future__ import annotations

import functools
import math
from typing import NamedTuple

import numpy as np

from minigrad.arrays import Array

__all__ = ["contract"]


class Plan(NamedTuple):
    """A contraction such as ``"bik,bkj->bij"`` as a matrix product: its batch, row, column and summed axes."""

    x_axes: tuple[int, ...]  # batch, rows, summed
    y_axes: tuple[int, ...]  # batch, summed, columns
    out_axes: tuple[int, ...]  # from (batch, rows, columns) to the labels of the result
    counts: tuple[int, int, int]  # of batch, row and column axes


def contract(x: Array, y: Array, subscripts: str) -> Array:
    """Compute ``np.einsum(subscripts, x, y)``, faster.

    No label occurs twice in one term, and each label occurs in at least two of the three terms.

    >>> contract(np.ones((2, 3)), np.ones((3, 4)), "ij,jk->ik").shape
    (2, 4)
    """
    plan = _plan(subscripts)
    if plan is None:
        return np.asarray(np.einsum(subscripts, x, y))
    if isinstance(plan, Spread):
        return np.transpose(x, plan.x_axes)[plan.x_index] * np.transpose(y, plan.y_axes)[plan.y_index]
    batch, rows, columns = plan.counts
    a, b = np.transpose(x, plan.x_axes), np.transpose(y, plan.y_axes)
    m, n = a.shape[batch : batch + rows], b.shape[b.ndim - columns :]
    k = math.prod(a.shape[batch + rows :])
    a = a.reshape(*a.shape[:batch], math.prod(m), k)
    b = b.reshape(*b.shape[:batch], k, math.prod(n))
    return np.transpose(np.matmul(a, b).reshape(*a.shape[:batch], *m, *n), plan.out_axes)


class Spread(NamedTuple):
    """An outer product such as ``"i,j->ij"``, where nothing is summed, as an elementwise product with broadcasting."""

    x_axes: tuple[int, ...]
    x_index: tuple[slice | None, ...]
    y_axes: tuple[int, ...]
    y_index: tuple[slice | None, ...]


@functools.lru_cache(4096)
def _plan(subscripts: str) -> Plan | Spread | None:
    """Return the plan of a contraction; None if only batch axes remain, for which NumPy's loop is the fastest.

    Row by row, products of (10000, 64) take 0.18 ms in that loop, 0.52 by multiply and sum. An outer product would be a
    little faster as a matrix product (two vectors of 2000: 1.2 ms, by broadcasting 1.65), which adds to 0 and so loses the
    sign of -0.
    """
    terms, out = subscripts.split("->")
    x, y = terms.split(",")
    batch = [label for label in out if label in x and label in y]
    rows = [label for label in x if label not in y]
    columns = [label for label in y if label not in x]
    summed = [label for label in x if label in y and label not in out]
    if set(x + y) <= set(out):
        spreads = []
        for labels in (x, y):
            spreads += [
                tuple(labels.index(label) for label in out if label in labels),
                tuple(slice(None) if label in labels else None for label in out),
            ]
        return Spread(*spreads)  # type: ignore[arg-type]
    if not summed or not (rows or columns):
        return None
    order = batch + rows + columns
    return Plan(
        tuple(x.index(label) for label in batch + rows + summed),
        tuple(y.index(label) for label in batch + summed + columns),
        tuple(order.index(label) for label in out),
        (len(batch), len(rows), len(columns)),
    )
