"""Trace a computation into a frozen GraphIR of names, sizes, rules, saved bytes, gradients and kernels, without arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from minigrad.arrays import Array
from minigrad.engine.primitive import Primitive
from minigrad.engine.scope import Scope
from minigrad.engine.tape import Node as TapeNode
from minigrad.nn import Module, Parameter
from minigrad.ops import joining
from minigrad.ops.linalg import multiply_matrices
from minigrad.tensors.tensor import Tensor
from minigrad.viz.graphs.from_forward import Call, Recording
from minigrad.viz.graphs.from_tape import Data, Origin, TapeReader, Unrecorded, is_operation, key_of, variables
from minigrad.viz.graphs.gradients import gradients, root_mean_square
from minigrad.viz.graphs.groups import LANES
from minigrad.viz.graphs.ir import Edge, GraphIR, Group, Image, Node, ancestors
from minigrad.viz.graphs.numbers import byte_count, counted, option, summary
from minigrad.viz.graphs.parts import Part, opened
from minigrad.viz.graphs.rules import rule_text
from minigrad.viz.graphs.saved_bytes import leaf_of, saved_bytes, saved_names
from minigrad.viz.graphs.thumbnails import kernel_images

__all__ = ["trace"]

NAMES: dict[Primitive, str] = {multiply_matrices: "matmul"}  # of inner steps, the function that a reader knows


def trace(
    outputs: Sequence[Tensor],
    *,
    model: Module | None = None,
    recording: Recording | None = None,
    names: Mapping[str, Any] | None = None,
    initial: Mapping[str, Any] | None = None,
    show: frozenset[str] | None = frozenset(),
    marks: Mapping[int, tuple[str, str]] | None = None,
    title: str = "",
    known: bool = True,
) -> GraphIR:
    """Return the graph of everything that the outputs were computed from.

    `show` is None for what is known without another walk: after backward has freed the tape, the gradients that leaves keep.
    `marks` holds (error, place) by number of a node. The values of outputs that are not `known`, because only their nodes
    are left, are not read.
    """
    outputs, called = opened(outputs, variables(names or {}))
    reader = TapeReader(outputs, model, recording, known, called)
    if show is None:
        show = frozenset(("grads",) if any(node.saved is None for node in reader.nodes) else ())
    facts = _Facts(reader, show, called, initial or {}, marks or {})
    if "grads" in show:
        facts.measure(outputs)
    for value in (names or {}).values():  # results that variables hold, and no rule has saved
        if isinstance(value, Tensor) and value.node is not None:
            reader.arrays.setdefault(id(value.node), value.array)
    index = {id(origin): i for i, origin in enumerate(reader.origins)}
    nodes = [facts.node(origin) for origin in reader.origins]
    edges = [
        Edge(index[id(slot.source)], index[id(origin)], slot.name, slot.tracked)
        for origin in reader.origins
        for slot in reader.slots.get(id(origin), ())
    ]
    for i, output in enumerate(outputs):
        name = called.get(key_of(output)) or _guess(reader, output) + (f" {i}" if len(outputs) > 1 else "")
        value = summary(output.array) if known else ""
        edges.append(Edge(index[id(reader.origin_of(output))], len(nodes), "", output.node is not None))
        nodes.append(Node("output", name, output.shape, str(output.dtype), value=value))
    groups, nodes = _used(_with_arguments(reader, index), nodes)
    subject = title or _subject(reader, outputs, called)
    notes = [*facts.notes, *_unused_lanes(nodes), *_without_graph(reader, outputs, recording is not None, called)]
    return GraphIR(tuple(nodes), tuple(edges), groups, _title(subject, nodes, groups), tuple(dict.fromkeys(notes)))


class _Facts:
    """The properties of each node beside its place in the graph."""

    def __init__(
        self,
        reader: TapeReader,
        show: frozenset[str],
        called: Mapping[int, str],
        initial: Mapping[str, Any],
        marks: Mapping[int, tuple[str, str]],
    ):
        self.reader, self.show, self.called, self.initial, self.marks = reader, show, called, initial, marks
        self.notes: list[str] = []
        self.sources: dict[int, dict[str, list[Origin]]] = {}
        for origin in reader.nodes:
            named = self.sources[origin.number] = {}
            for slot in reader.slots.get(id(origin), ()):
                if not slot.tracked:
                    named.setdefault(slot.name, []).append(slot.source)
            if isinstance(origin, Part) and origin.fused is not None:
                named.update(reader.constants_of(origin.fused))
        self.saved = saved_bytes(reader.nodes, self.sources)
        self.gradients: dict[int, tuple[float, Array | None]] = {}  # by number: strength, and that of a kernel

    def measure(self, outputs: Sequence[Tensor]) -> None:
        """Measure every gradient, and copy those of kernels, by one more walk."""

        def look(node: TapeNode, g: Array) -> tuple[float, Array | None]:
            kernel = g.copy() if node.primitive is None and g.ndim == 4 else None
            return g.item() if g.size == 1 else root_mean_square(g), kernel

        self.gradients, note = gradients(outputs, self.reader.nodes, look)
        if note:
            self.notes.append(note)

    def node(self, origin: Origin) -> Node:
        array = self.reader.arrays.get(id(origin))
        fields: dict[str, Any] = {"value": summary(array) if array is not None and "values" in self.show else ""}
        if isinstance(origin, TapeNode):
            fields["gradient"] = self.gradients.get(origin.number, (None, None))[0]
            fields["mark"], fields["where"] = self.marks.get(origin.number, ("", ""))
        if isinstance(origin, Unrecorded):
            return Node("unknown", "not recorded", (), "", self.reader.groups.group_of(origin.scope, origin.lane))
        return self._operation(origin, fields) if is_operation(origin) else self._source(origin, array, fields)

    def _operation(self, origin: Origin, fields: dict[str, Any]) -> Node:
        reader, op = self.reader, origin.primitive
        call = origin if isinstance(origin, Call) else reader.recording.by_number.get(getattr(origin, "number", -1))
        if isinstance(origin, TapeNode):
            rules = tuple((op.input_name(at), rule_text(rule)) for at, rule, *_ in origin.plan.calls)
            fields |= {"rules": rules, "saves": saved_names(origin, self.sources), "saved": self.saved[origin.number],
                       "variable": self.called.get(id(origin), "")}  # fmt: skip
        return Node(
            "op", NAMES.get(op, op.__name__), origin.shape, str(origin.dtype), reader.group_of(origin),
            reader.lanes.get(id(origin), 0) // 2, reader.operands[id(origin)], reader.options[id(origin)],
            seconds=call.seconds if call else None, **fields,
        )  # fmt: skip

    def _source(self, origin: TapeNode | Data, array: Array | None, fields: dict[str, Any]) -> Node:
        """Return the node of a leaf or of data: outside every call, unless it has no name and one call alone uses it."""
        kind, name = origin.owner if isinstance(origin, Data) else self.reader.owners.get(id(array), ("", ""))
        kernel = None
        if isinstance(origin, Data):
            other, variable = "data", "" if array is None else self.called.get(id(array), "")
            fallback = variable or origin.name
        else:
            fallback = variable = self.called.get(id(origin), "")
            other = "parameter" if isinstance(leaf_of(origin), Parameter) else "input"
            kernel = self.gradients.get(origin.number, (None, None))[1]
        return Node(
            kind or other, name or fallback, origin.shape, str(origin.dtype),
            self.reader.groups.group_of(None, (0, 0)) if name or fallback else self.reader.group_of(origin),
            variable=variable, images=self._kernels(kind or other, array, name, kernel), **fields,
        )  # fmt: skip

    def _kernels(self, kind: str, array: Array | None, name: str, gradient: Array | None) -> tuple[Image, ...]:
        if array is None or kind != "parameter" or not self.show & {"values", "grads"}:
            return ()
        before = self.initial.get(name)
        initial = before.array if isinstance(before, Tensor) else None if before is None else np.asarray(before)
        return kernel_images(array, initial, gradient)


def _with_arguments(reader: TapeReader, index: Mapping[int, int]) -> list[Group]:
    """Return the groups; those of functions with the nodes in the picture that are their arguments, and with options."""
    groups = []
    for group, scope in zip(reader.groups.finished(), reader.groups.scopes, strict=True):
        if group.kind == "function" and scope is not None:
            arguments = list(reader.arguments_of(scope))
            found = [index[id(origin)] for _, origin in arguments if id(origin) in index]
            if not found and scope[1].__module__ == joining.__name__:
                found = [index[id(origin)] for origin in _joined(reader, scope)]
            texts = [option(name, *known) for name, known in arguments if type(known) is tuple]
            group = replace(group, operands=tuple(found), options=", ".join(filter(None, texts)))
        groups.append(group)
    return groups


def _joined(reader: TapeReader, scope: Scope) -> list[Origin]:
    """Return the values that a function joins, in order: its argument is a list, which a scope does not remember."""
    inside = [origin for origin in reader.origins if is_operation(origin) and _is_within(origin.scope, scope)]
    within = set(map(id, inside))
    found, stack = [], inside[-1:]
    while stack:
        origin = stack.pop()
        if id(origin) in within:
            stack += [slot.source for slot in reversed(reader.slots[id(origin)])]
        else:
            found.append(origin)
    return found


def _is_within(scope: Scope | None, around: Scope) -> bool:
    while scope is not None and scope is not around:
        scope = scope[0]
    return scope is not None


def _guess(reader: TapeReader, output: Tensor) -> str:
    """Return a name for an output without one: the number that a network ends in is its loss."""
    return "loss" if reader.groups.roots and output.numel() == 1 else "output"


def _used(found: Sequence[Group], nodes: Sequence[Node]) -> tuple[tuple[Group, ...], list[Node]]:
    """Return the groups that hold a node, renumbered, and the nodes with the new numbers."""
    kept = sorted({around for group in {node.group for node in nodes} for around in ancestors(found, group)})
    order = {-1: -1, **{old: new for new, old in enumerate(kept)}}
    groups = tuple(replace(found[old], parent=order[found[old].parent]) for old in kept)
    return groups, [node if node.group < 0 else replace(node, group=order[node.group]) for node in nodes]


def _subject(reader: TapeReader, outputs: Sequence[Tensor], called: Mapping[int, str]) -> str:
    """Return the first words of the title: the model if there is one, and the outputs."""
    roots = [type(root).__name__ for root in reader.groups.roots]
    named = ", ".join(filter(None, (called.get(key_of(output)) for output in outputs)))
    if len(roots) != 1:
        return named or "graph"
    return f"{roots[0]} {named or (_guess(reader, outputs[0]) if len(outputs) == 1 else 'outputs')}"


def _unused_lanes(nodes: Sequence[Node]) -> list[str]:
    """Return a note for each derivative without a lane, because nothing of it is needed further on."""
    used = {node.lane for node in nodes}
    unused = [LANES[lane] for lane in range(1, min(max(used), len(LANES))) if lane not in used]
    return [f"nothing of the {name} is needed here" for name in unused]


def _without_graph(reader: TapeReader, outputs: Sequence[Tensor], ran: bool, called: Mapping[int, str]) -> list[str]:
    """Return a note for outputs without a graph, which are neither an operation's result nor an argument of a call."""
    bare = []
    for i, output in enumerate(outputs):
        origin = reader.origin_of(output)
        if isinstance(origin, Data) and origin.scope is None and not origin.owner[0]:
            bare.append(called.get(key_of(output)) or (f"output {i}" if len(outputs) > 1 else "the output"))
    if not bare:
        return []
    why = "made under no_grad(), detached, or of nothing that requires a gradient"
    if ran:  # every operation was seen
        why = "the function only returned it"
    return [f"no graph of {', '.join(bare)}: {why}"]


def _title(subject: str, nodes: Sequence[Node], groups: Sequence[Group]) -> str:
    """Return ``Net loss: 8 ops, 433,890 parameters, 12.4 MB saved for backward``; a composite function is one op."""
    operations = set()
    for i, node in enumerate(nodes):
        if node.kind == "op":
            functions = [-1 - around for around in ancestors(groups, node.group) if groups[around].kind == "function"]
            operations.add([i, *functions][-1])
    parameters = sum(node.size for node in nodes if node.kind == "parameter")
    saved = sum(node.saved for node in nodes)
    parts = [counted(len(operations), "op")]
    if parameters:
        parts.append(counted(parameters, "parameter"))
    if saved:
        parts.append(f"{byte_count(saved)} saved for backward")
    return f"{subject}: {', '.join(parts)}"
