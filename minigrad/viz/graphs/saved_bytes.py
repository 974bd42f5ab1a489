"""Memory that the tape keeps for backward: each buffer is counted once, for the first node that saves it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from minigrad.arrays import Array
from minigrad.engine.tape import Node

__all__ = ["arrays_in", "buffer_of", "leaf_of", "saved_bytes", "saved_names"]


def saved_bytes(nodes: Sequence[Node]) -> dict[int, int]:
    """Return, by number of each node, the bytes of the buffers that it saves, that no leaf owns and no older node saves.

    `nodes` are oldest first. A view counts as the whole buffer that it keeps alive; arrays freed by backward count nothing.
    """
    seen = {id(buffer_of(leaf.array)) for node in nodes if (leaf := leaf_of(node)) is not None}
    counted = {}
    for node in nodes:
        total = 0
        for _, array in _saved(node):
            buffer = buffer_of(array)
            if id(buffer) not in seen:
                seen.add(id(buffer))
                total += buffer.nbytes
        counted[node.number] = total
    return counted


def saved_names(node: Node) -> tuple[str, ...]:
    """Return the names of the arrays that the rules of a node save: "out", or inputs and options."""
    return tuple(dict.fromkeys(name for name, _ in _saved(node)))


def leaf_of(node: Node) -> Any:
    """Return the tensor of a leaf; None for a result, or for a leaf whose tensor is gone."""
    return node.receiver() if node.primitive is None and node.receiver is not None else None


def buffer_of(array: Array) -> Array:
    """Return the array that owns, or stands for, the memory of a view."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


def arrays_in(value: Any) -> Iterable[Array]:
    """Yield the arrays in an argument: itself, or the elements of a tuple or list, such as an index."""
    if isinstance(value, np.ndarray):
        yield value
    elif isinstance(value, tuple | list):
        yield from (part for part in value if isinstance(part, np.ndarray))


def _saved(node: Node) -> Iterable[tuple[str, Array]]:
    if node.primitive is None or node.saved is None:
        return
    for (kind, at), value in zip(node.plan.saves, node.saved, strict=True):
        if kind in ("arg", "out"):
            for array in arrays_in(value):
                yield "out" if kind == "out" else node.primitive.input_name(at), array
