"""The picture of a failure: the graph up to the operation that failed, marked, with the user's line.

The engine attaches the failed operation to the error (`errors.Failure`); the line comes from the traceback.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import PurePath
from types import TracebackType

import numpy as np

from minigrad.engine.tape import Node as TapeNode
from minigrad.errors import Failure
from minigrad.tensors.tensor import Tensor
from minigrad.viz.graphs.ir import Edge, GraphIR, Node, ancestors
from minigrad.viz.graphs.look import Look
from minigrad.viz.graphs.picture import Graph
from minigrad.viz.graphs.trace import trace

__all__ = ["autopsy"]

LOOK = Look(show=frozenset({"shapes", "values"}))


def autopsy(error: BaseException) -> Graph | None:
    """Return the graph of a failure; None for an error that no operation on tensors raised."""
    failure = getattr(error, "failure", Failure())
    node = getattr(error, "node", None) or failure.node
    line = _users_line(error.__traceback__)
    return _refused(error, failure, line) if node is None else _marked(error, node, failure, line)


def _marked(error: BaseException, node: TapeNode, failure: Failure, line: str) -> Graph:
    """Return the graph of a failed node: all nodes of the failed backward, or all that the node was computed from."""
    place = getattr(error, "place", None)  # of the forward, where a backward failed
    where = f"{PurePath(place.file).name}:{place.line}" if place else line
    marks = {node.number: (_first_line(error), where)}
    title = f"{type(error).__name__} in {node.operation}"
    if failure.seeds:
        outputs = [_stand_in(seed) for seed, _ in failure.seeds]
        return Graph(trace(outputs, show=LOOK.show, marks=marks, title=title, known=False), LOOK)
    out = failure.result
    outputs = [_stand_in(node) if out is None else Tensor.from_array(out, node)]
    ir = trace(outputs, show=LOOK.show, marks=marks, title=title, known=out is not None)
    ir = replace(ir, nodes=ir.nodes[:-1], edges=ir.edges[:-1])  # the failed node is the end: there is no output
    return Graph(ir, LOOK)


def _refused(error: BaseException, failure: Failure, line: str) -> Graph | None:
    """Return the graph of an operation that refused its arguments, drawn after all that they were computed from."""
    given = [(name, arg) for name, arg in failure.arguments if isinstance(arg, Tensor | np.ndarray)]
    if not given:
        return None
    tensors = [arg if isinstance(arg, Tensor) else Tensor.from_array(arg) for _, arg in given]
    ir = trace(tensors, show=LOOK.show, title=type(error).__name__)
    return Graph(_with_fault(ir, failure.operation, [name for name, _ in given], error, line), LOOK)


def _with_fault(ir: GraphIR, name: str, slots: list[str], error: BaseException, where: str) -> GraphIR:
    """Replace the outputs, which are the arguments, by the operation that refused them."""
    count = len(slots)
    path = getattr(error, "module_path", "").partition(" (")[0].partition(".")[2]
    edges = ir.edges[-count:]
    latest = ir.nodes[max(edge.source for edge in edges)]
    group = next((around for around in ancestors(ir.groups, latest.group) if _encloses(ir, around, path)), -1)
    fault = Node("op", name, (), "", group, variable=path, mark=_first_line(error), where=where)
    nodes = (*ir.nodes[:-count], fault)
    into = tuple(Edge(e.source, len(nodes) - 1, slot, e.tracked) for e, slot in zip(edges, slots, strict=True))
    return replace(ir, nodes=nodes, edges=(*ir.edges[:-count], *into), title=f"{type(error).__name__} in {path or name}")


def _encloses(ir: GraphIR, group: int, path: str) -> bool:
    """Return whether a module of that path is inside the group."""
    kind, outer = ir.groups[group].kind, ir.groups[group].path
    return kind == "module" and (not outer or f"{path}.".startswith(f"{outer}."))


def _users_line(traceback: TracebackType | None) -> str:
    """Return file and line of the innermost code outside this package; only the file's name, as pictures may be shared."""
    where = ""
    while traceback is not None:
        frame = traceback.tb_frame
        if str(frame.f_globals.get("__name__", "")).partition(".")[0] != "minigrad":
            where = f"{PurePath(frame.f_code.co_filename).name}:{traceback.tb_lineno}"
        traceback = traceback.tb_next
    return where


def _first_line(error: BaseException) -> str:
    return str(error).partition("\n")[0]


def _stand_in(node: TapeNode) -> Tensor:
    """Return a tensor for a node whose tensor is gone; its values are not read."""
    return Tensor.from_array(np.broadcast_to(np.zeros((), node.dtype), node.shape), node)
