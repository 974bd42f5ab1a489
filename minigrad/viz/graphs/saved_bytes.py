"""Memory that the tape keeps for backward: each buffer is counted once, for the first node that saves it.

After backward has freed the arrays, what was saved is known from the tape: a node keeps the shapes and dtypes of its result
and of its arguments, and which of them its rules save.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from minigrad.arrays import Array
from minigrad.engine.fused import Fused
from minigrad.engine.promotion import HALF, SINGLE
from minigrad.engine.scope import Constant
from minigrad.engine.several import SELECTION
from minigrad.engine.tape import Node
from minigrad.ops.rearrange import flip
from minigrad.viz.graphs.parts import Part, kept_by

__all__ = ["arrays_in", "buffer_of", "leaf_of", "saved_bytes", "saved_names"]

# By number of a node: its arguments without a node, by name; one argument may hold several arrays.
Sources = Mapping[int, Mapping[str, Sequence[Any]]]


class Kept(NamedTuple):
    """A buffer that a node saves, under the name of an input or "out"; `key` is the same for nodes that share it."""

    name: str
    key: Any
    nbytes: int


def saved_bytes(nodes: Sequence[Node], sources: Sources) -> dict[int, int]:
    """Return, by number of each node, the bytes of the buffers that it saves, that no leaf owns and no older node saves.

    `nodes` are oldest first. A view counts as the whole buffer that it keeps alive. What backward has freed counts, too.
    """
    seen: set[Any] = set()
    for node in nodes:
        if (leaf := leaf_of(node)) is not None:
            seen |= {id(buffer_of(leaf.array)), id(node)}
    present: dict[Any, int] = {}  # the keys of buffers that are still there, by those under which freed nodes know them
    for node in nodes:
        if node.saved is not None and not isinstance(node, Part):
            known = {kept.name: kept.key for kept in _from_tape(node, sources)}
            present |= {known[kept.name]: kept.key for kept in _live(node) if kept.name in known}
    counted = {}
    for node in nodes:
        total = 0
        for kept in _kept(node, sources):
            key = present.get(kept.key, kept.key)
            if key not in seen and kept.key not in seen:
                seen.add(key)
                total += kept.nbytes
        counted[node.number] = total
    return counted


def saved_names(node: Node, sources: Sources) -> tuple[str, ...]:
    """Return the names of the arrays that the rules of a node save: "out", or inputs and options."""
    return tuple(dict.fromkeys(kept.name for kept in _kept(node, sources)))


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


def _kept(node: Node, sources: Sources) -> Iterator[Kept]:
    if isinstance(node, Part):  # the call saved what its kernel needs
        if node.fused is None:
            return iter(())
        return _live(node.fused) if node.fused.saved is not None else _from_tape(node.fused, sources, node.results)
    return _from_tape(node, sources) if node.saved is None else _live(node)


def _live(node: Node) -> Iterator[Kept]:
    if node.primitive is None:
        return
    for (kind, at), value in zip(node.plan.saves, node.saved, strict=True):
        if kind in ("arg", "out", "kept"):
            for array in arrays_in(value):
                buffer = buffer_of(array)
                yield Kept(node.primitive.input_name(at) if kind == "arg" else kind, id(buffer), buffer.nbytes)


def _from_tape(node: Node, sources: Sources, results: Sequence[Node] = ()) -> Iterator[Kept]:
    op = node.primitive
    if op is None:
        return
    computed = SINGLE if node.dtype == HALF and op.operands else node.dtype  # the dtype of the operands, converted
    for kind, at in node.plan.saves:
        if kind == "out":
            yield _buffer("out", node, computed, (id(node), "out"))
        elif kind == "arg":
            name = op.input_name(at)
            parent = node.parents[at]
            operand = op.operands is not None and at in op.operands.places
            known = _constant(node, at)
            origins = [parent] if parent is not None else [*sources.get(node.number, {}).get(name, ())]
            if not origins and isinstance(known, Constant):  # a number is text in the picture, and has no origin
                origins = [known.base or known]
            copied = parent is None and getattr(known, "tensor", None) is None  # an array, which the caller may change
            for i, origin in enumerate(origins):
                dtype, key = computed if operand else origin.dtype, (id(node), name, i)
                if copied:
                    yield Kept(name, key, math.prod(origin.shape) * dtype.itemsize)
                else:
                    yield _buffer(name, origin, dtype, key)
    keeps = isinstance(op, Fused) and node.plan is not SELECTION
    for i, (array, result) in enumerate(kept_by(node) if keeps else ()):
        key = (id(node), "kept", i)
        if results and result is not None:
            yield _buffer("kept", results[result], array.dtype, key)
        else:
            yield Kept("kept", key, array.nbytes)


def _constant(node: Node, at: int) -> Any:
    """Return what a node remembers of an argument without a node."""
    places = node.plan.constants
    return node.constants[places.index(at)] if at in places else None


def _buffer(name: str, origin: Any, dtype: Any, converted: Any) -> Kept:
    """Return the buffer of a value: that of the value it is a view of, or one of its own if it was converted."""
    if dtype != origin.dtype:
        return Kept(name, converted, math.prod(origin.shape) * dtype.itemsize)
    while not isinstance(origin, Node) or _is_view(origin):
        below = origin.parents[0] if isinstance(origin, Node) else getattr(origin, "source", None)
        if below is None:
            break
        origin = below
    key = id(origin.array) if isinstance(origin, Constant) else id(origin)
    return Kept(name, key, math.prod(origin.shape) * origin.dtype.itemsize)


def _is_view(node: Node) -> bool:
    """Return whether the result of a node is a view of its first input: of indexing, unless it is by arrays."""
    op = node.primitive
    if op is None or not (op.is_view or op is flip) or node.parents[0] is None:
        return False
    saved = node.saved or ()
    return not any(
        True for (kind, _), value in zip(node.plan.saves, saved, strict=False) if kind == "arg" for _ in arrays_in(value)
    )
