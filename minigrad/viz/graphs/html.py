"""The graph as one HTML page with boxes to open and close, a search and a step-by-step backward; it needs no server."""

from __future__ import annotations

import functools
import json
from dataclasses import fields
from typing import Any

from minigrad.viz.graphs.cards import BAR, FEW, body, facts, most_saved, operands, shapes
from minigrad.viz.graphs.fold import fold
from minigrad.viz.graphs.ir import GraphIR
from minigrad.viz.graphs.layout.frames import frames_of
from minigrad.viz.graphs.layout.placing import Placement, place
from minigrad.viz.graphs.look import Look
from minigrad.viz.graphs.numbers import byte_count, number, seconds, sizes, spread
from minigrad.viz.graphs.scene import DENSITIES, SMALL, Scene, depths, fits, is_plain, lay, rows_of
from minigrad.viz.graphs.svg import asset, drawing, escape, style
from minigrad.viz.graphs.view import Card, View, box_card, closed_groups, functions_of_several, make_view, unwrapped
from minigrad.viz.palette import theme_css

__all__ = ["html", "page_of", "placed"]

DATA = 'const data = JSON.parse(document.getElementById("data").textContent);\n'


def html(ir: GraphIR, look: Look) -> str:
    """Return the page. It opens as the other formats draw the graph: composite functions and deep modules closed."""
    scene, closed = page_of(ir, look)
    page = placed(scene, closed)
    width, height = page.width + 24, page.height + 28
    details = {key: _details(scene, card) for key, card in [*scene.view.cards.items(), *scene.closed.items()]}
    data = {**_layout(scene, closed), "details": details, "tape": _tape(scene)}
    embedded = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
    return asset("page.html").format(
        title=escape(ir.title),
        notes="".join(f"<span>{escape(note)}</span>" for note in ir.notes),
        theme="" if look.theme == "auto" else f' data-theme="{look.theme}"',
        style=theme_css(":root", "auto") + asset("page.css") + style("#graph", None),
        viewbox=f"-12 -14 {width:.1f} {height:.1f}",
        width=f"{width:.1f}",
        height=f"{height:.1f}",
        drawing="\n".join(drawing(scene, page)),
        data=embedded,
        script=DATA + asset("layout.js") + asset("page.js"),
    )


def page_of(ir: GraphIR, look: Look) -> tuple[Scene, set[int]]:
    """Return a scene with everything open and a card for each box, and the boxes that are closed at first.

    These are chosen as for the other formats: without a depth, as few as it takes to fit a screen.
    """
    # A function of several results stays one card: then blocks of which each takes one of them are alike.
    view = unwrapped(make_view(ir, functions_of_several(ir) if look.fold else ()))
    if look.fold:
        view = fold(view)
    rows = set(rows_of(view))
    if look.depth is not None:
        return _with_cards(lay(view, look)), _closed(view, look, look.depth)

    @functools.cache
    def made(compact: int) -> Scene:
        return _with_cards(lay(view, look, compact))

    closed = _closed(view, look, None)
    if len(placed(made(0), closed).cards) <= SMALL and is_plain(view):
        return made(0), closed
    for depth in depths(ir):
        for shut in (set(), rows) if rows else (set(),):
            closed = _closed(view, look, depth) | shut
            for compact in DENSITIES:
                if fits(placed(made(compact), closed)):
                    return made(compact), closed
    return made(DENSITIES[-1]), closed


def _with_cards(scene: Scene) -> Scene:
    """Add the card of each box, for while it is closed."""
    view, most = scene.view, most_saved(scene.view)
    for key in view.boxes:
        card = box_card(view, key)
        scene.closed[card.key] = card
        scene.bodies[card.key] = body(view, card, scene.look.show, most, scene.compact)
    return scene


def _closed(view: View, look: Look, depth: int | None) -> set[int]:
    """Return the boxes that a depth closes."""
    primitives = "primitives" in look.show
    closed = closed_groups(view.ir, depth, primitives)
    return {key for key, box in view.boxes.items() if key in closed or (not primitives and box.kind == "function")}


def placed(scene: Scene, closed: set[int]) -> Placement:
    """Place a scene with these boxes closed."""
    frames = frames_of(scene.plans, closed, scene.sizes, scene.spacing, scene.sideways)
    return place(frames, scene.sizes, scene.spacing, scene.sideways)


def _layout(scene: Scene, closed: set[int]) -> dict[str, Any]:
    """Return the data from which page.js places everything again after a box is closed or opened."""
    view, spacing = scene.view, scene.spacing
    plans = [
        [
            str(key),
            {
                "names": plan.names,
                "links": plan.links,
                "ranks": plan.ranks,
                "layers": plan.layers,
                "paths": plan.paths,
                "main": sorted(plan.main),
                "header": plan.header,
            },
        ]
        for key, plan in scene.plans.items()
    ]
    every = {**view.cards, **scene.closed}
    return {
        "plans": plans,
        "sizes": scene.sizes,
        "sideways": scene.sideways,
        "spacing": {field.name: getattr(spacing, field.name) for field in fields(spacing)},
        "closed": [str(key) for key in sorted(closed)],
        "closable": [str(key) for key, box in view.boxes.items() if box.kind != "lane"],
        "parents": {str(key): str(box.parent) for key, box in view.boxes.items()},
        "boxOf": {card.key: str(card.group) for card in every.values()},
        "saved": {key: saved for key, card in every.items() if (saved := facts(view.ir, card).saved)},
        "bar": BAR,
        "order": sorted(every, key=lambda key: (every[key].members[0], key[0] == "n", key)),
        "links": [
            [link.source, link.target, [f"{key}:{i}" for key, i in way]]
            for link, way in zip(view.links, scene.ways, strict=True)
        ],
    }  # fmt: skip


def _details(scene: Scene, card: Card) -> dict[str, Any]:
    """Return the data of a card's panel; facts with an empty value are left out."""
    ir, about = scene.view.ir, facts(scene.view.ir, card)
    node, single = about.node, card.key[0] == "n"
    found = [
        ("value", _listed(card)), ("shape", shapes(ir, card).rpartition(" · ")[0]), ("dtype", node.dtype),
        *(fact for fact in (
            ("operands", operands(card)),
            ("options", card.options),
            ("made with", card.detail),
            ("folded", f"{card.copies} alike, the first is shown" if card.copies > 1 else ""),
            ("values", node.value if len(card.every_value) == 1 else ""),
            (
                "gradient",
                "" if about.gradient is None
                else spread(about.gradients) + (" (root mean square)" if node.size > 1 else ""),
            ),
            ("saved", byte_count(about.saved) if about.saved else ""),
            ("rules keep", ", ".join(node.saves) if single else ""),
            ("time", "" if about.seconds is None else seconds(about.seconds)),
        ) if fact[1]),
        *(
            (f"{ir.nodes[i].name or ir.nodes[i].kind}{card.folded(i)}", sizes(ir.nodes[i].shape))
            for i in card.parameters
        ),
        *(("fault", mark) for mark in about.marks), *(("where", place) for place in about.places),
    ]  # fmt: skip
    kind = {"op": "operation", "data": "data, no gradient"}.get(card.kind, card.kind)
    held = card.every_parameter if single else []
    names = [
        card.title,
        card.tag,
        card.path,
        *(ir.nodes[i].name for i in held),
        *(f"n{i}" for i in card.every_value if single),
    ]
    return {
        "title": " ".join(filter(None, [card.title, card.tag])),
        "kind": " · ".join(filter(None, [kind, card.path])),
        "facts": found,
        "rules": [list(rule) for rule in node.rules if rule[1]] if single else [],
        "search": " ".join(filter(None, names)).lower(),
    }


def _listed(card: Card) -> str:
    """Return the first few of the nodes whose values leave a card."""
    return ", ".join(f"n{i}" for i in card.every_value[:FEW]) + (", …" if len(card.every_value) > FEW else "")


def _tape(scene: Scene) -> list[dict[str, Any]]:
    """Return the operations that have rules, newest first: the steps of backward."""
    nodes = scene.view.ir.nodes
    card_of = {i: card.key for card in scene.view.cards.values() for i in card.members}
    arguments: dict[int, list[tuple[str, int]]] = {}
    for edge in scene.view.ir.edges:
        if edge.tracked:
            arguments.setdefault(edge.target, []).append((edge.slot, edge.source))
    steps = []
    for i, node in reversed(list(enumerate(nodes))):
        if not node.rules or i not in card_of:
            continue
        known = [
            ("g", f"{sizes(node.shape)} {node.dtype}"),
            ("strength of g", _strength(node.gradient)),
            ("uses", ", ".join(node.saves)),
        ]
        texts = dict(node.rules)
        rules = [
            [slot, texts[slot], f"n{source} {nodes[source].name}".strip(), _strength(nodes[source].gradient)]
            for slot, source in arguments.get(i, ())
            if slot in texts
        ]
        shown = [fact for fact in known if fact[1]]
        steps.append({"id": f"n{i}", "card": card_of[i], "name": node.name, "facts": shown, "rules": rules})
    return steps


def _strength(gradient: float | None) -> str:
    return "" if gradient is None else number(gradient)
