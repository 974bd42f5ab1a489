"""The picture as one page that a reader can open, close, search and step through: no server, nothing from elsewhere."""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

from minigrad.viz.graphs.cards import face, facts
from minigrad.viz.graphs.fold import fold
from minigrad.viz.graphs.ir import GraphIR, Node
from minigrad.viz.graphs.layout.placing import Placement, place
from minigrad.viz.graphs.look import Look
from minigrad.viz.graphs.numbers import byte_count, number, seconds, sizes
from minigrad.viz.graphs.palette import theme_css
from minigrad.viz.graphs.scene import Scene, lay
from minigrad.viz.graphs.svg import drawing, escape, style
from minigrad.viz.graphs.view import Card, automatic_depth, box_card, closed_groups, look_at, unwrapped

__all__ = ["html", "page_of"]


def html(ir: GraphIR, look: Look) -> str:
    """The whole page. It opens as the other formats draw the graph: composite functions and deep modules closed."""
    scene, shut = page_of(ir, look)
    page = placed(scene, shut)
    width, height = page.width + 24, page.height + 28
    told = {key: _details(scene, card) for key, card in [*scene.view.cards.items(), *scene.closed.items()]}
    data = {**_layout(scene, shut), "details": told, "tape": _tape(scene)}
    embedded = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
    return TEMPLATE.format(
        title=escape(ir.title),
        notes="".join(f"<span>{escape(note)}</span>" for note in ir.notes),
        style=theme_css(":root", look.theme) + _asset("page.css") + style("#graph", None),
        viewbox=f"-12 -14 {width:.1f} {height:.1f}",
        width=f"{width:.1f}",
        height=f"{height:.1f}",
        drawing="\n".join(drawing(scene, page)),
        data=embedded,
        script=_asset("page.js"),
    )


def page_of(ir: GraphIR, look: Look) -> tuple[Scene, set[int]]:
    """Everything laid out open, with a card for each box, and the boxes that are closed at first."""
    view = unwrapped(look_at(ir, ()))
    if look.fold:
        view = fold(view)
    scene = lay(view, look)
    for key in view.boxes:
        card = box_card(view, key)
        scene.closed[card.key] = card
        scene.faces[card.key] = face(view, card, look.show, _most(scene))
    depth = automatic_depth(ir, "primitives" in look.show) if look.depth is None else look.depth
    wanted = closed_groups(ir, depth, "primitives" in look.show)
    functions = "primitives" not in look.show
    shut = {key for key, box in view.boxes.items() if key in wanted or (functions and box.kind == "function")}
    return scene, shut


def placed(scene: Scene, shut: set[int]) -> Placement:
    sizes_of = scene.sizes
    return place(scene.frames, sizes_of, scene.spacing, scene.sideways, {key: sizes_of[f"g{key}"] for key in sorted(shut)})


def _most(scene: Scene) -> int:
    return max((facts(scene.view.ir, card).saved for card in scene.view.cards.values()), default=0)


def _layout(scene: Scene, shut: set[int]) -> dict[str, Any]:
    """What page.js needs to place everything again when a box is closed or opened."""
    view = scene.view
    frames = [
        [
            str(key),
            {
                "layers": frame.layers,
                "x": {item: round(x, 1) for item, x in frame.x.items() if item[0] not in "io"},
                "gaps": [round(gap, 2) for gap in frame.gaps],
                "width": round(frame.width, 1),
                "axis": round(frame.axis, 1),
                "entries": frame.entries,
                "exits": frame.exits,
                "low": sorted(frame.low),
                "pieces": [[p.source, p.target, [[r, round(x, 1)] for r, x in p.places], p.branch] for p in frame.pieces],
            },
        ]
        for key, frame in scene.frames.items()
    ]
    return {
        "frames": frames,
        "sizes": scene.sizes,
        "sideways": scene.sideways,
        "padding": scene.spacing.padding,
        "header": scene.spacing.header,
        "closed": [str(key) for key in sorted(shut)],
        "closable": [str(key) for key, box in view.boxes.items() if box.kind != "lane"],
        "parents": {str(key): str(box.parent) for key, box in view.boxes.items()},
        "boxOf": {card.key: str(card.group) for card in [*view.cards.values(), *scene.closed.values()]},
        "links": [
            [link.source, link.target, [f"{key}:{i}" for key, i in way]]
            for link, way in zip(view.links, scene.ways, strict=True)
        ],
    }  # fmt: skip


def _details(scene: Scene, card: Card) -> dict[str, Any]:
    ir, told = scene.view.ir, facts(scene.view.ir, card)
    node = told.node
    found = [("value", f"n{card.value}"), ("shape", sizes(node.shape)), ("dtype", node.dtype)]
    if card.options:
        found.append(("options", card.options))
    if card.detail:
        found.append(("made with", card.detail))
    if card.copies > 1:
        found.append(("folded", f"{card.copies} alike, the first is shown"))
    if node.value:
        found.append(("values", node.value))
    if told.gradient is not None:
        found.append(("gradient", f"{number(told.gradient)} (root mean square)"))
    if told.saved:
        found.append(("saved", byte_count(told.saved)))
    if card.key[0] == "n" and node.saves:
        found.append(("rules keep", ", ".join(node.saves)))
    if told.seconds is not None:
        found.append(("time", seconds(told.seconds)))
    found += [(ir.nodes[i].name or ir.nodes[i].kind, sizes(ir.nodes[i].shape)) for i in card.parameters]
    found += [("fault", mark) for mark in told.marks] + [("where", place) for place in told.places]
    kind = {"op": "operation", "module": "module", "data": "data, no gradient"}.get(card.kind, card.kind)
    names = [card.title, card.tag, card.path, *(ir.nodes[i].name for i in card.parameters), f"n{card.value}"]
    return {
        "title": " ".join(filter(None, [card.title, card.tag])),
        "kind": " · ".join(filter(None, [kind, card.path])),
        "facts": found,
        "rules": [list(rule) for rule in node.rules if rule[1]] if card.key[0] == "n" else [],
        "search": " ".join(filter(None, names)).lower(),
    }


def _tape(scene: Scene) -> list[dict[str, Any]]:
    """The operations that have rules, newest first: what backward does, step by step."""
    ir = scene.view.ir
    card_of = {i: card.key for card in scene.view.cards.values() for i in card.members}
    arguments: dict[int, list[tuple[str, int]]] = {}
    for edge in ir.edges:
        if edge.tracked:
            arguments.setdefault(edge.target, []).append((edge.slot, edge.source))
    steps = []
    for i in range(len(ir.nodes) - 1, -1, -1):
        node = ir.nodes[i]
        if not node.rules or i not in card_of:
            continue
        known = [("g", f"{sizes(node.shape)} {node.dtype}")]
        if node.gradient is not None:
            known.append(("strength of g", number(node.gradient)))
        if node.saves:
            known.append(("uses", ", ".join(node.saves)))
        texts = dict(node.rules)
        rules = [
            [slot, texts[slot], _named(ir.nodes[source], source), _strength(ir.nodes[source])]
            for slot, source in arguments.get(i, ())
            if slot in texts
        ]
        steps.append({"id": f"n{i}", "card": card_of[i], "name": node.name, "facts": known, "rules": rules})
    return steps


def _named(node: Node, i: int) -> str:
    return f"n{i} {node.name}".strip()


def _strength(node: Node) -> str:
    return "" if node.gradient is None else number(node.gradient)


def _asset(name: str) -> str:
    return resources.files("minigrad.viz.graphs").joinpath(name).read_text("utf-8")


TEMPLATE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<header>
<h1>{title}</h1>{notes}
<input id="search" type="search" placeholder="Search" aria-label="Search">
<span class="bar-group"><button id="close">Close all</button><button id="open">Open all</button></span>
<span class="bar-group"><button id="smaller" aria-label="Smaller">−</button><button id="larger" aria-label="Larger">+</button><button id="fit">Fit</button></span>
<button id="theme" aria-label="Light or dark">◐</button>
</header>
<main>
<svg id="graph" xmlns="http://www.w3.org/2000/svg" viewBox="{viewbox}" width="{width}" height="{height}">
{drawing}
</svg>
<noscript>Opening, closing and searching need JavaScript; the picture does not.</noscript>
</main>
<aside>
<div id="details"><p class="kind">Point at a card to see the way to the output; click one to keep its details, a box to close it.</p></div>
<div id="player">
<span class="bar-group"><button id="reset" aria-label="To the start">|◀</button><button id="back" aria-label="Step back">◀</button><button id="next" aria-label="Next step">▶</button><button id="play">Play</button></span>
<div class="kind">backward: <span id="step"></span></div>
</div>
</aside>
<script type="application/json" id="data">{data}</script>
<script>{script}</script>
</body>
</html>
"""  # noqa: E501
