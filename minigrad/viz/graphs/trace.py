"""From a graph to its frozen GraphIR: names, sizes, rules, what is saved, gradients, kernels; and no array left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from minigrad.arrays import Array
from minigrad.engine.tape import Node as TapeNode
from minigrad.nn import Module, Parameter
from minigrad.tensors.tensor import Tensor
from minigrad.viz.graphs.flow import gradients, root_mean_square
from minigrad.viz.graphs.from_forward import Call, Recording
from minigrad.viz.graphs.from_tape import Data, Reading, is_operation, lane_of, variables
from minigrad.viz.graphs.groups import LANES, Groups
from minigrad.viz.graphs.ir import Edge, GraphIR, Group, Image, Node
from minigrad.viz.graphs.numbers import byte_count, counted, summary
from minigrad.viz.graphs.rules import rule_text
from minigrad.viz.graphs.saved_bytes import buffer_of, leaf_of, saved_bytes, saved_names
from minigrad.viz.graphs.thumbnails import kernel_images

__all__ = ["trace"]

NAMES = {"multiply_matrices": "matmul"}  # as a reader knows what is another step inside


def trace(
    outputs: Sequence[Tensor],
    *,
    model: Module | None = None,
    recording: Recording | None = None,
    names: Mapping[str, Any] | None = None,
    initial: Mapping[str, Any] | None = None,
    show: frozenset[str] = frozenset(),
    marks: Mapping[int, tuple[str, str]] | None = None,
    title: str = "",
    known: bool = True,
) -> GraphIR:
    """Everything that the outputs were computed from; `marks` gives (what is wrong, where) by number of a node.

    The values of outputs that are not `known`, because only their nodes are left, are not looked at.
    """
    reading = Reading(outputs, model, recording, known)
    facts = _Facts(reading, show, initial or {}, marks or {})
    if "grads" in show:
        facts.measure(outputs)
    called = variables(names or {})
    index = {id(made): i for i, made in enumerate(reading.made)}
    nodes = [facts.node(made, called) for made in reading.made]
    edges = [
        Edge(index[id(slot.source)], index[id(made)], slot.name, slot.tracked)
        for made in filter(is_operation, reading.made)
        for slot in reading.slots[id(made)]
    ]
    for i, output in enumerate(outputs):
        made = reading.source_of(output)
        name = _name_of(output, called) or _guess(output, reading) + (f" {i}" if len(outputs) > 1 else "")
        value = summary(output.array) if known else ""
        nodes.append(Node("output", name, output.shape, str(output.dtype), value=value))
        edges.append(Edge(index[id(made)], len(nodes) - 1, "", output.node is not None))
    groups, nodes = _used(reading.groups, nodes)
    subject = title or _subject(reading, outputs, called)
    notes = [*facts.notes, *_unused_lanes(nodes), *_without_graph(reading, outputs, recording is not None, called)]
    return GraphIR(tuple(nodes), tuple(edges), groups, _title(subject, nodes, groups), tuple(dict.fromkeys(notes)))


class _Facts:
    """What is said of each node beside its place in the graph."""

    def __init__(
        self, reading: Reading, show: frozenset[str], initial: Mapping[str, Any], marks: Mapping[int, tuple[str, str]]
    ):
        self.reading, self.show, self.initial, self.marks = reading, show, initial, marks
        self.notes: list[str] = []
        self.saved = saved_bytes(reading.nodes)
        self.gradients: dict[int, Any] = {}
        if any(node.saved is None for node in reading.nodes):
            self.notes.append("backward has freed what was saved; draw before it, or pass retain_graph=True")

    def measure(self, outputs: Sequence[Tensor]) -> None:
        """The strength of every gradient, and a copy of those of kernels, by one more walk."""

        def look(node: TapeNode, g: Array) -> tuple[float, Array | None]:
            kernel = g.copy() if node.primitive is None and g.ndim == 4 else None
            return root_mean_square(g), kernel

        self.gradients, note = gradients(outputs, self.reading.nodes, look)
        if note:
            self.notes.append(note)

    def node(self, made: Any, called: Mapping[int, str]) -> Node:
        array = self.reading.arrays.get(id(made))
        value = summary(array) if array is not None and "values" in self.show else ""
        if isinstance(made, TapeNode) and made.primitive is None:
            return self._leaf(made, array, value, called)
        if isinstance(made, Data):
            return self._data(made, array, value, called)
        op = made.op if isinstance(made, Call) else made.primitive
        call = made if isinstance(made, Call) else self.reading.recording.by_number.get(made.number)
        lane = lane_of(made)
        fields: dict[str, Any] = {}
        if isinstance(made, TapeNode):
            rms, _ = self.gradients.get(made.number, (None, None))
            mark, where = self.marks.get(made.number, ("", ""))
            rules = tuple((op.input_name(at), rule_text(rule)) for at, rule, _ in made.plan.calls)
            fields = {"rules": rules, "saves": saved_names(made), "saved": self.saved[made.number],
                      "gradient": rms, "mark": mark, "where": where, "variable": called.get(id(made), "")}  # fmt: skip
        shape, dtype = (made.shape, made.dtype) if isinstance(made, TapeNode) else (made.out.shape, made.out.dtype)
        return Node(
            "op", NAMES.get(op.__name__, op.__name__), shape, str(dtype), self.reading.groups.of(made.scope, lane), lane,
            self.reading.options[id(made)], value=value, seconds=call.seconds if call else None, **fields,
        )  # fmt: skip

    def _leaf(self, node: TapeNode, array: Array | None, value: str, called: Mapping[int, str]) -> Node:
        leaf = leaf_of(node)
        kind, name = self._owner(leaf.array) if leaf is not None else ("", "")
        kind = kind or ("parameter" if isinstance(leaf, Parameter) else "input")
        rms, kernel = self.gradients.get(node.number, (None, None))
        images = self._kernels(kind, array, name, kernel)
        variable = called.get(id(node), "")
        mark, where = self.marks.get(node.number, ("", ""))
        return Node(
            kind, name or variable, node.shape, str(node.dtype), self._lane_group(), variable=variable, value=value,
            gradient=rms, images=images, mark=mark, where=where,
        )  # fmt: skip

    def _data(self, data: Data, array: Array | None, value: str, called: Mapping[int, str]) -> Node:
        kind, name = self._owner(array) if array is not None else ("", "")
        variable = called.get(id(array), "") if array is not None else ""
        images = self._kernels(kind, array, name)
        return Node(
            kind or "data", name or variable or data.name, data.shape, str(data.dtype), self._lane_group(),
            variable=variable, value=value, images=images,
        )  # fmt: skip

    def _owner(self, array: Array) -> tuple[str, str]:
        return self.reading.owners.get(id(buffer_of(array)), ("", ""))

    def _kernels(self, kind: str, array: Array | None, name: str, gradient: Array | None = None) -> tuple[Image, ...]:
        if array is None or kind != "parameter" or not self.show & {"values", "grads"}:
            return ()
        before = self.initial.get(name)
        initial = before.array if isinstance(before, Tensor) else None if before is None else np.asarray(before)
        return kernel_images(array, initial, gradient)

    def _lane_group(self) -> int:
        """Inputs and parameters stand in the lane of the forward, outside every call."""
        return self.reading.groups.of(None, 0)


def _name_of(output: Tensor, called: Mapping[int, str]) -> str:
    return called.get(id(output.array if output.node is None else output.node), "")


def _guess(output: Tensor, reading: Reading) -> str:
    """What an output without a name may be called: the number that a network ends in is its loss."""
    return "loss" if reading.groups.roots and output.numel() == 1 else "output"


def _used(groups: Groups, nodes: Sequence[Node]) -> tuple[tuple[Group, ...], list[Node]]:
    """The groups that hold a node, renumbered, and the nodes with the new numbers."""
    kept = set()
    for node in nodes:
        at = node.group
        while at >= 0 and at not in kept:
            kept.add(at)
            at = groups.found[at].parent
    order = {old: new for new, old in enumerate(sorted(kept))}
    order[-1] = -1
    found = tuple(replace(groups.found[old], parent=order[groups.found[old].parent]) for old in sorted(kept))
    return found, [node if node.group < 0 else replace(node, group=order[node.group]) for node in nodes]


def _subject(reading: Reading, outputs: Sequence[Tensor], called: Mapping[int, str]) -> str:
    roots = [type(root).__name__ for root in reading.groups.roots]
    names = [_name_of(output, called) for output in outputs]
    what = ", ".join(filter(None, names)) or (_guess(outputs[0], reading) if len(outputs) == 1 else "outputs")
    return f"{roots[0]} {what}" if len(roots) == 1 else what if any(names) else "graph"


def _unused_lanes(nodes: Sequence[Node]) -> list[str]:
    """Derivatives of which nothing is needed further on have no lane: a reader would miss them."""
    used = {node.lane for node in nodes}
    unused = [LANES[lane] for lane in range(1, min(max(used), len(LANES))) if lane not in used]
    return [f"nothing of the {name} is needed here" for name in unused]


def _without_graph(reading: Reading, outputs: Sequence[Tensor], ran: bool, called: Mapping[int, str]) -> list[str]:
    """Why there is nothing above an output, where it is neither an operation's result nor what a call was handed."""
    bare = []
    for i, output in enumerate(outputs):
        made = reading.source_of(output)
        if isinstance(made, Data) and made.scope is None and not reading.owners.get(id(buffer_of(output.array))):
            bare.append(_name_of(output, called) or (f"output {i}" if len(outputs) > 1 else "the output"))
    if not bare:
        return []
    why = "made under no_grad(), detached, or of nothing that requires a gradient"
    if ran:  # every operation was seen
        why = "the function only returned it"
    return [f"no graph of {', '.join(bare)}: {why}"]


def _title(subject: str, nodes: Sequence[Node], groups: Sequence[Group]) -> str:
    """``SimpleConvNet loss: 8 ops, 433,890 parameters, 12.4 MB saved for backward``; a composite function is one op."""
    operations = set()
    for i, node in enumerate(nodes):
        if node.kind != "op":
            continue
        at, whole = node.group, i
        while at >= 0:
            whole = -1 - at if groups[at].kind == "function" else whole
            at = groups[at].parent
        operations.add(whole)
    parameters = sum(node.size for node in nodes if node.kind == "parameter")
    saved = sum(node.saved for node in nodes)
    parts = [counted(len(operations), "op")]
    if parameters:
        parts.append(counted(parameters, "parameter"))
    if saved:
        parts.append(f"{byte_count(saved)} saved for backward")
    return f"{subject}: {', '.join(parts)}"
