"""The product of two arrays, summed over the labels that the result lacks: one matrix product, wherever it is one."""

from __future__ import annotations

import functools
import math
from typing import NamedTuple

import numpy as np

from minigrad.arrays import Array

__all__ = ["contract"]


class Plan(NamedTuple):
    """How ``"bik,bkj->bij"`` becomes a matrix product: which axes are a stack, rows, columns, and summed."""

    x_axes: tuple[int, ...]  # stack, rows, summed
    y_axes: tuple[int, ...]  # stack, summed, columns
    out_axes: tuple[int, ...]  # from (stack, rows, columns) to the labels of the result
    counts: tuple[int, int, int]  # of stack, rows and columns


def contract(x: Array, y: Array, subscripts: str) -> Array:
    """``np.einsum(subscripts, x, y)``, faster. No label twice in one term; each stands in two terms of the three at least.

    >>> contract(np.ones((2, 3)), np.ones((3, 4)), "ij,jk->ik").shape
    (2, 4)
    """
    plan = _plan(subscripts)
    if plan is None:
        return np.asarray(np.einsum(subscripts, x, y))
    if isinstance(plan, Spread):
        return np.transpose(x, plan.x_axes)[plan.x_index] * np.transpose(y, plan.y_axes)[plan.y_index]
    stack, rows, columns = plan.counts
    a, b = np.transpose(x, plan.x_axes), np.transpose(y, plan.y_axes)
    m, n = a.shape[stack : stack + rows], b.shape[b.ndim - columns :]
    k = math.prod(a.shape[stack + rows :])
    a = a.reshape(*a.shape[:stack], math.prod(m), k)
    b = b.reshape(*b.shape[:stack], k, math.prod(n))
    return np.transpose(np.matmul(a, b).reshape(*a.shape[:stack], *m, *n), plan.out_axes)


class Spread(NamedTuple):
    """How ``"i,j->ij"``, where nothing is summed, becomes an elementwise product of both, broadcast."""

    x_axes: tuple[int, ...]
    x_index: tuple[slice | None, ...]
    y_axes: tuple[int, ...]
    y_index: tuple[slice | None, ...]


@functools.lru_cache(4096)
def _plan(subscripts: str) -> Plan | Spread | None:
    """None where there is no matrix product, because nothing is left beside the stack: NumPy's own loop is the faster one.

    A product of (10000, 64) by rows takes 0.18 ms, by multiply and sum 0.52. Where nothing is summed, it would be a little
    faster, too (vectors of 2000, one with the other: 1.2 ms, by broadcasting 1.65), but adds to 0, and loses the sign of -0.
    """
    terms, out = subscripts.split("->")
    x, y = terms.split(",")
    stack = [label for label in out if label in x and label in y]
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
    made = stack + rows + columns
    return Plan(
        tuple(x.index(label) for label in stack + rows + summed),
        tuple(y.index(label) for label in stack + summed + columns),
        tuple(made.index(label) for label in out),
        (len(stack), len(rows), len(columns)),
    )
