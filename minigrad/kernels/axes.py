"""Validation of axes, negative ones counted from the end, invalid ones refused; and the shapes of arrays that are joined."""

from __future__ import annotations

import operator
from itertools import accumulate
from typing import Any

import numpy as np

__all__ = ["Shapes", "every_axis", "one_axis", "reduced_axes"]


def one_axis(op: str, axis: Any, ndim: int) -> int:
    """Return `axis` counted from the front; 0 and -1 of a 0-d array, which PyTorch treats as one element, are 0.

    Raises AxisError, an IndexError, if there is no such axis.

    >>> one_axis("sum", -1, 3)
    2
    """
    try:
        if isinstance(axis, bool | np.bool_):  # an option passed where the axis belongs
            raise TypeError
        index = operator.index(axis)
    except TypeError:
        raise np.exceptions.AxisError(f"{op}: an axis is an int, got {axis!r}") from None
    size = ndim or 1
    if not -size <= index < size:
        axes = f"{ndim} axes" if ndim else "no axes"
        raise np.exceptions.AxisError(
            f"{op}: axis {index} does not exist: the array has {axes}; valid are {-size}..{size - 1}"
        )
    return index % size


def every_axis(op: str, axis: Any, ndim: int) -> tuple[int, ...]:
    """Return the axes that `axis` names (None: all of them), counted from the front; () for a 0-d array.

    Raises AxisError for an axis that does not exist or is named twice.

    >>> every_axis("sum", (0, -1), 3), every_axis("sum", None, 2), every_axis("sum", -1, 0)
    ((0, 2), (0, 1), ())
    """
    if axis is None:
        return tuple(range(ndim))
    axes = tuple([one_axis(op, a, ndim) for a in (axis if isinstance(axis, tuple | list) else (axis,))])
    if len(set(axes)) < len(axes):
        raise np.exceptions.AxisError(f"{op}: an axis is named twice: {axis}, of {ndim} axes")
    return axes if ndim else ()


def reduced_axes(op: str, axis: Any, ndim: int) -> tuple[int, ...]:
    """Return `every_axis` for a reduction, where naming no axis, as () or [], means all of them, as in PyTorch.

    >>> reduced_axes("sum", [], 2)
    (0, 1)
    """
    return every_axis(op, None if isinstance(axis, tuple | list) and not axis else axis, ndim)


class Shapes(list[tuple[int, ...]]):
    """The shapes of several arrays; it remembers where each ends when they are joined, which every array's rule asks for.

    >>> Shapes([(2, 3), (2, 1)]).ends(1)
    [3, 4]
    """

    def ends(self, axis: int) -> list[int]:
        """Return where each array ends along an axis when all are joined along it."""
        known = getattr(self, "_ends", None)
        if known is None or known[0] != axis:
            self._ends = known = axis, list(accumulate(shape[axis] for shape in self))
        ends: list[int] = known[1]
        return ends
