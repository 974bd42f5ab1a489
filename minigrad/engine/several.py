"""Operations of several outputs: one node for the call, and for each output a later node that selects it.

So the walk visits the call once, when all gradients have arrived.
"""

from __future__ import annotations

from typing import Any

from minigrad.arrays import Array
from minigrad.engine.primitive import Call, Plan, Primitive
from minigrad.engine.tape import Node

__all__ = ["SELECTION", "Several", "select"]


class Several:
    """The values of several outputs, or the gradients of some of them, as one value on the tape."""

    shape, dtype = ("several",), None

    def __init__(self, parts: dict[int, Any]):
        self.parts = parts

    def __add__(self, other: Several) -> Several:
        mine = self.parts
        return Several(mine | {i: mine[i] + g if i in mine else g for i, g in other.parts.items()})


SELECTION = Plan((Call(0, lambda g, i: Several({i: g}), (0,)),), (("number", 0),), False)


def select(op: Primitive, call: Node, i: int, array: Array) -> Node:
    """Return the node of one output of a call."""
    return Node(array, op, SELECTION, (call,), (i,))
