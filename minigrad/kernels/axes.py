"""Axes as users name them, counted from either end, made plain or refused."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

__all__ = ["every_axis", "one_axis"]


def one_axis(op: str, axis: Any, ndim: int) -> int:
    """`axis` counted from the front. Raises AxisError, an IndexError, where there is no such axis.

    >>> one_axis("sum", -1, 3)
    2
    """
    try:
        index = operator.index(axis)
    except TypeError:
        raise np.exceptions.AxisError(f"{op}: an axis is an int, got {axis!r}") from None
    if not -ndim <= index < ndim:
        valid = f"valid are {-ndim}..{ndim - 1}" if ndim else "a 0-d array has none"
        raise np.exceptions.AxisError(f"{op}: axis {index} does not exist: the array has {ndim} axes; {valid}")
    return index % ndim


def every_axis(op: str, axis: Any, ndim: int) -> tuple[int, ...]:
    """The axes that `axis` names (None: all of them), counted from the front. Raises AxisError, also for one named twice.

    >>> every_axis("sum", (0, -1), 3), every_axis("sum", None, 2)
    ((0, 2), (0, 1))
    """
    if axis is None:
        return tuple(range(ndim))
    axes = tuple([one_axis(op, a, ndim) for a in (axis if isinstance(axis, tuple | list) else (axis,))])
    if len(set(axes)) < len(axes):
        raise np.exceptions.AxisError(f"{op}: an axis is named twice: {axis}, of {ndim} axes")
    return axes
