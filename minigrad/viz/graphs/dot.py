"""The graph as DOT, built with the `graphviz` library, which handles the quoting."""

from __future__ import annotations

import shutil
from typing import Any

from minigrad.viz.graphs.cards import body, facts
from minigrad.viz.graphs.look import Look
from minigrad.viz.graphs.numbers import number
from minigrad.viz.graphs.text_width import one_line
from minigrad.viz.graphs.view import View, places
from minigrad.viz.palette import DARK, LIGHT, fill, flow

__all__ = ["digraph", "rendered"]

KINDS: dict[str, dict[str, str]] = {
    "input": {"shape": "box", "style": "rounded,filled"},
    "data": {"shape": "box", "style": "rounded,filled,dashed"},
    "parameter": {"shape": "octagon", "style": "filled"},
    "buffer": {"shape": "octagon", "style": "filled,dashed"},
    "op": {"shape": "box", "style": "filled"},
    "unknown": {"shape": "box", "style": "filled,dashed"},
    "module": {"shape": "box3d", "style": "filled"},
    "output": {"shape": "box", "style": "rounded,filled", "peripheries": "2"},
}


def digraph(view: View, look: Look) -> Any:
    """Return a `graphviz.Digraph` of the view, to restyle and render with that library."""
    import graphviz

    colors = DARK if look.theme == "dark" else LIGHT
    graph = graphviz.Digraph("minigrad")
    graph.attr(
        "graph", rankdir=look.direction, label=_label([view.ir.title, *view.ir.notes]), labelloc="t", fontsize="14",
        fontname="Helvetica", bgcolor=colors["paper"], fontcolor=colors["ink"], nodesep="0.3", ranksep="0.4",
    )  # fmt: skip
    graph.attr("node", fontname="Helvetica", fontsize="10", fontcolor=colors["ink"], margin="0.12,0.06", height="0.3")
    graph.attr("edge", color=colors["line"], fontcolor=colors["soft"], fontname="Helvetica", fontsize="8", arrowsize="0.7")
    bodies = {-1: graph, **{key: graphviz.Digraph(f"cluster_{key}") for key in view.boxes}}
    for card in view.cards.values():
        marked = facts(view.ir, card).marks
        name = "fault" if marked else fill(card.kind)
        first, *lines = (row.whole for row in body(view, card, look.show, 1).rows)
        times = f" ×{card.times}" if card.times > 1 else ""
        bodies[card.group].node(
            card.key, _label([first + times, *lines]), fillcolor=colors[name],
            color=colors[f"{name}-line"], penwidth="2.5" if marked else "1.2", **KINDS[card.kind],
        )  # fmt: skip
    for key, box in reversed(list(view.boxes.items())):
        bodies[key].attr(
            label=_label([box.heading.strip()]), labeljust="l", style="rounded,filled",
            fillcolor=colors["box"], color=colors["box-line"], fontcolor=colors["soft"], fontsize="10",
        )  # fmt: skip
        bodies[box.parent].subgraph(bodies[key])
    for link, place in zip(view.links, places(view), strict=True):
        style = {} if link.tracked else {"style": "dashed"}
        graph.edge(link.source, link.target, **style, **({"headlabel": place, "labeldistance": "1.6"} if place else {}))
        rms = view.ir.nodes[link.value].gradient
        if "grads" in look.show and link.tracked and rms is not None and view.cards[link.source].copies == 1:
            color, thick = flow(rms)
            color = color if color[0] == "#" else colors["fault-line"]
            graph.edge(link.target, link.source, color=color, penwidth=number(thick), constraint="false")
    return graph


def rendered(graph: Any, format: str) -> bytes:
    """Render a digraph by the program `dot`; raise FileNotFoundError, with ways to install it, if it is missing."""
    if shutil.which("dot") is None:
        raise FileNotFoundError(
            f"save: .{format} needs Graphviz's program dot, which is not installed (apt install graphviz, brew install "
            "graphviz, or graphviz.org); .svg and .html need nothing"
        )
    return bytes(graph.pipe(format=format))


def _label(lines: list[str]) -> Any:
    """Return centered lines; nothing in them is markup, or an entity, which Graphviz decodes in any label."""
    import graphviz

    return graphviz.nohtml(r"\n".join(graphviz.escape(one_line(line).replace("&", "&amp;")) for line in lines))
