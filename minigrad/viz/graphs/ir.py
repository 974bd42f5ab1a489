"""GraphIR: the data of a picture. Frozen text and numbers: a snapshot keeps no array and no tensor alive."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

__all__ = ["Edge", "GraphIR", "Group", "Image", "Node", "ancestors"]


@dataclass(frozen=True, slots=True)
class Image:
    """A small picture of a parameter: kernels before training, after it, and their gradient."""

    caption: str
    width: int
    height: int
    png: bytes


@dataclass(frozen=True, slots=True)
class Node:
    """A value: an input, a parameter, or the result of an operation.

    kind       "input" (requires a gradient), "data" (does not), "parameter", "buffer", "op", "output", or "unknown": steps
               of a call that were not recorded
    name       of an op its primitive; of others the name in the model, or the variable in the caller's code
    group      the innermost group it belongs to, as an index into GraphIR.groups; -1: none
    lane       the order of the derivative that recorded it, or that it was computed from; 0: the forward
    operands   of an op, in the order of the call: "" for each edge, and the numbers between them
    options    of an op: its other arguments, as far as they are known, such as "axis=1"
    saves      the names of the values that its gradient rules save
    saved      the bytes of those that no older node saves
    gradient   the root mean square of the gradient of this value, of a single number with its sign; None: not requested,
               or not known
    rules      (input, source of the rule)
    """

    kind: str
    name: str
    shape: tuple[int, ...]
    dtype: str
    group: int = -1
    lane: int = 0
    operands: tuple[str, ...] = ()
    options: str = ""
    variable: str = ""
    value: str = ""
    saves: tuple[str, ...] = ()
    saved: int = 0
    rules: tuple[tuple[str, str], ...] = ()
    gradient: float | None = None
    seconds: float | None = None
    where: str = ""
    mark: str = ""
    images: tuple[Image, ...] = ()

    @property
    def size(self) -> int:
        return math.prod(self.shape)


@dataclass(frozen=True, slots=True)
class Edge:
    """One argument of one operation; nodes are indices into GraphIR.nodes. Untracked: no gradient flows back along it."""

    source: int
    target: int
    slot: str
    tracked: bool = True


@dataclass(frozen=True, slots=True)
class Group:
    """One call of a module or of a composite function, or the lane of one order of derivative.

    kind      "module", "function", "lane"
    name      of a module its name in the module around it
    path      of a module its dotted name from the root
    type      of a module its class
    detail    of a module its options, such as "1, 30, kernel_size=(5, 5)"
    operands  of a function the nodes that are its arguments, in order
    options   of a function its other arguments, such as "eps=1e-5"
    """

    kind: str
    name: str
    parent: int = -1
    path: str = ""
    type: str = ""
    detail: str = ""
    operands: tuple[int, ...] = ()
    options: str = ""


@dataclass(frozen=True, slots=True)
class GraphIR:
    """Nodes in creation order, so that ids are n0, n1, ..., and sources come before their users. Groups: parents first."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    groups: tuple[Group, ...]
    title: str
    notes: tuple[str, ...] = ()  # remarks for the reader about facts that the tape does not hold


def ancestors(nested: Any, key: int) -> Iterator[int]:
    """Yield a group or box and those around it, innermost first; `nested` holds them by key, -1 is outside all."""
    while key >= 0:
        yield key
        key = nested[key].parent
