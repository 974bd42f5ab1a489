"""The graph as DOT, built by the `graphviz` library: its rules of quoting are too subtle to do by hand."""

from __future__ import annotations

import shutil
from typing import Any

from minigrad.viz.graphs import palette
from minigrad.viz.graphs.cards import Face, face, facts
from minigrad.viz.graphs.look import Look
from minigrad.viz.graphs.numbers import number
from minigrad.viz.graphs.text_width import one_line
from minigrad.viz.graphs.view import View

__all__ = ["digraph", "rendered"]

KINDS: dict[str, dict[str, str]] = {
    "input": {"shape": "box", "style": "rounded,filled"},
    "data": {"shape": "box", "style": "rounded,filled,dashed"},
    "parameter": {"shape": "octagon", "style": "filled"},
    "buffer": {"shape": "octagon", "style": "filled,dashed"},
    "op": {"shape": "box", "style": "filled"},
    "module": {"shape": "box3d", "style": "filled"},
    "output": {"shape": "box", "style": "rounded,filled", "peripheries": "2"},
}
COLOURS = {"op": "card", "module": "card", "data": "input", "buffer": "parameter"}


def digraph(view: View, look: Look) -> Any:
    """A `graphviz.Digraph` of the view, to restyle and render with the library that people know."""
    import graphviz

    colours = palette.DARK if look.theme == "dark" else palette.LIGHT
    graph = graphviz.Digraph("minigrad")
    graph.attr(
        "graph", rankdir=look.direction, label=_label([view.ir.title, *view.ir.notes]), labelloc="t", fontsize="14",
        fontname="Helvetica", bgcolor=colours["paper"], fontcolor=colours["ink"], nodesep="0.3", ranksep="0.4",
    )  # fmt: skip
    graph.attr("node", fontname="Helvetica", fontsize="10", fontcolor=colours["ink"], margin="0.12,0.06", height="0.3")
    graph.attr("edge", color=colours["line"], fontcolor=colours["soft"], fontname="Helvetica", fontsize="8", arrowsize="0.7")
    bodies = {key: graphviz.Digraph(f"cluster_{key}") for key in view.boxes}
    for card in view.cards.values():
        marked = facts(view.ir, card).marks
        name = "fault" if marked else COLOURS.get(card.kind, card.kind)
        body = graph if card.group < 0 else bodies[card.group]
        body.node(
            card.key, _label(_lines(face(view, card, look.show, 1), card.times)), fillcolor=colours[name],
            color=colours[f"{name}-line"], penwidth="2.5" if marked else "1.2", **KINDS[card.kind],
        )  # fmt: skip
    for key, box in reversed(list(view.boxes.items())):
        times = f" ×{box.times}" if box.times > 1 and box.kind != "row" else ""
        bodies[key].attr(
            label=_label([f"{box.title}{times} {box.subtitle}".strip()]), labeljust="l", style="rounded,filled",
            fillcolor=colours["box"], color=colours["box-line"], fontcolor=colours["soft"], fontsize="10",
        )  # fmt: skip
        (graph if box.parent < 0 else bodies[box.parent]).subgraph(bodies[key])
    for link in view.links:
        graph.edge(link.source, link.target, **({} if link.tracked else {"style": "dashed"}))
        rms = view.ir.nodes[link.value].gradient
        if "grads" in look.show and link.tracked and rms is not None:
            colour, thick = palette.flow(rms)
            colour = colour if colour[0] == "#" else colours["fault-line"]
            graph.edge(link.target, link.source, color=colour, penwidth=number(thick), constraint="false")
    return graph


def rendered(graph: Any, format: str) -> bytes:
    """What the program `dot` makes of it; raises FileNotFoundError, saying how to get it, where it is not installed."""
    if shutil.which("dot") is None:
        raise FileNotFoundError(
            f"save: .{format} needs Graphviz's program dot, which is not installed (apt install graphviz, brew install "
            "graphviz, or graphviz.org); .svg and .html need nothing"
        )
    return bytes(graph.pipe(format=format))


def _lines(face: Face, times: int) -> list[str]:
    lines = [row.whole for row in face.rows]
    return [lines[0] + (f" ×{times}" if times > 1 else ""), *lines[1:]]


def _label(lines: list[str]) -> Any:
    """Lines, centred; nothing in them is markup, or an entity, which Graphviz decodes in any label."""
    import graphviz

    return graphviz.nohtml(r"\n".join(graphviz.escape(one_line(line).replace("&", "&amp;")) for line in lines))
