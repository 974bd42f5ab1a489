"""What a failure looked like: the graph up to the operation that failed, with that operation marked and the user's line.

Everything is read from the traceback, which holds the frames of the call that failed: nothing is recorded beforehand.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import PurePath
from types import FrameType, TracebackType
from typing import Any

import numpy as np

from minigrad import graph
from minigrad.graph import Node as TapeNode
from minigrad.nn import Module
from minigrad.primitive import Composite, Primitive
from minigrad.tensor import Tensor, _wrap
from minigrad.viz.graphs.ir import Edge, GraphIR, Group, Node
from minigrad.viz.graphs.look import Look
from minigrad.viz.graphs.picture import Graph
from minigrad.viz.graphs.trace import trace

__all__ = ["autopsy"]

LOOK = Look(show=frozenset({"shapes", "values"}))
CALLS = {graph.record.__code__: "op", Composite.__call__.__code__: "self", Primitive.__call__.__code__: "self"}


def autopsy(error: BaseException) -> Graph | None:
    """The graph of a failure; None for an error that no operation on tensors raised."""
    lines = list(_frames(error.__traceback__))
    frames = [frame for frame, _ in lines]
    node = getattr(error, "node", None) or _failed_rule(frames)
    if node is not None:
        return _marked(error, node, frames, _users_line(lines))
    return _refused(error, frames, _users_line(lines))


def _marked(error: BaseException, node: TapeNode, frames: list[FrameType], line: str) -> Graph:
    """A node of the tape is to blame: everything that backward was to walk, or all that the node was computed from."""
    seeds = next((f.f_locals["seeds"] for f in frames if f.f_code is graph.backward.__code__), None)
    place = getattr(error, "place", None)  # of the forward, where a backward failed
    where = f"{PurePath(place.file).name}:{place.line}" if place else line
    marks = {node.number: (_first_line(error), where)}
    title = f"{type(error).__name__} in {node.name}"
    if seeds is not None:
        outputs = [_stand_in(seed) for seed, _ in seeds]
        return Graph(trace(outputs, show=LOOK.show, marks=marks, title=title, known=False), LOOK)
    out = next((f.f_locals["out"] for f in frames if f.f_code is graph.record.__code__), None)
    outputs = [_stand_in(node) if out is None else _wrap(out, node)]
    ir = trace(outputs, show=LOOK.show, marks=marks, title=title, known=out is not None)
    return Graph(replace(ir, nodes=ir.nodes[:-1], edges=ir.edges[:-1]), LOOK)  # what failed is the end: there is no output


def _refused(error: BaseException, frames: list[FrameType], line: str) -> Graph | None:
    """An operation refused its arguments: it has no node, so it is drawn after all that they were computed from."""
    called = next(filter(None, map(_call, frames)), None)
    if called is None:
        return None
    name, arguments = called
    given = [(slot, _tensor(arg)) for slot, arg in arguments if isinstance(arg, Tensor | np.ndarray)]
    if not given:
        return None
    outputs = [tensor for _, tensor in given]
    model = next((f.f_locals["self"] for f in frames if f.f_code is Module.__call__.__code__), None)
    ir = trace(outputs, model=model, show=LOOK.show, title=type(error).__name__)
    return Graph(_with_fault(ir, name, [slot for slot, _ in given], error, line), LOOK)


def _call(frame: FrameType) -> tuple[str, list[tuple[str, Any]]] | None:
    """The operation that a frame is the call of, and its arguments by name; None for any other frame."""
    code, values = frame.f_code, frame.f_locals
    if code in CALLS:
        op, args = values[CALLS[code]], values["args"]
        names = [*op.names, *[op.names[-1]] * len(args)]
        return op.__name__, list(zip(names, args, strict=False))
    if str(frame.f_globals.get("__name__", "")).startswith("minigrad.ops."):
        return code.co_name, [(name, values.get(name)) for name in code.co_varnames[: code.co_argcount]]
    return None


def _with_fault(ir: GraphIR, name: str, slots: list[str], error: BaseException, where: str) -> GraphIR:
    """The outputs, which are the arguments, replaced by the operation that refused them."""
    count = len(slots)
    path = getattr(error, "module_path", "").partition(" (")[0].partition(".")[2]
    edges = ir.edges[-count:]
    group = ir.nodes[max(edge.source for edge in edges)].group
    while group >= 0 and not _encloses(ir.groups[group], path):
        group = ir.groups[group].parent
    fault = Node("op", name, (), "", group, variable=path, mark=_first_line(error), where=where)
    nodes = (*ir.nodes[:-count], fault)
    into = tuple(Edge(e.source, len(nodes) - 1, slot, e.tracked) for e, slot in zip(edges, slots, strict=True))
    return replace(ir, nodes=nodes, edges=(*ir.edges[:-count], *into), title=f"{type(error).__name__} in {path or name}")


def _encloses(group: Group, path: str) -> bool:
    """Whether a module of that path is inside the group."""
    return group.kind == "module" and (not group.path or f"{path}.".startswith(f"{group.path}."))


def _failed_rule(frames: list[FrameType]) -> TapeNode | None:
    """The node whose gradient rule was running."""
    return next((f.f_locals["node"] for f in frames if f.f_code is graph.Walk.visit.__code__), None)


def _frames(traceback: TracebackType | None) -> Iterator[tuple[FrameType, int]]:
    while traceback is not None:
        yield traceback.tb_frame, traceback.tb_lineno
        traceback = traceback.tb_next


def _users_line(lines: list[tuple[FrameType, int]]) -> str:
    """File and line of the innermost code outside this package; the name of the file alone, for a picture may be shared."""
    for frame, line in reversed(lines):
        if str(frame.f_globals.get("__name__", "")).partition(".")[0] != "minigrad":
            return f"{PurePath(frame.f_code.co_filename).name}:{line}"
    return ""


def _first_line(error: BaseException) -> str:
    return str(error).partition("\n")[0]


def _tensor(arg: Any) -> Tensor:
    return arg if isinstance(arg, Tensor) else _wrap(arg, None)


def _stand_in(node: TapeNode) -> Tensor:
    """A tensor for a node whose own is gone; its values are not looked at."""
    return _wrap(np.broadcast_to(np.zeros((), node.dtype), node.shape), node)
