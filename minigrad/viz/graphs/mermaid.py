"""The graph as Mermaid, which code hosts draw in a README without a binary."""

from __future__ import annotations

import json
from collections.abc import Iterable

from minigrad.viz.graphs.cards import face
from minigrad.viz.graphs.look import Look
from minigrad.viz.graphs.palette import LIGHT
from minigrad.viz.graphs.text_width import shortened
from minigrad.viz.graphs.view import View

__all__ = ["mermaid"]

PLAIN = " .,:=+-_()/'"  # punctuation that means nothing in a quoted label
SHAPES = {"input": "([{}])", "data": "([{}])", "output": "([{}])", "op": "({})", "module": "[[{}]]",
          "parameter": "{{{{{}}}}}", "buffer": "{{{{{}}}}}"}  # fmt: skip


def mermaid(view: View, look: Look) -> str:
    """A flowchart with a subgraph for each open box; data and untracked links are dotted."""
    children: dict[int, list[str]] = {-1: [], **{key: [] for key in view.boxes}}
    for card in view.cards.values():
        label = "<br/>".join(_escape(row.whole) for row in face(view, card, look.show, 1).rows)
        fault = "fault" if any(view.ir.nodes[i].mark for i in card.members) else card.kind
        children[card.group].append(f"{card.key}{SHAPES[card.kind].format(f'{chr(34)}{label}{chr(34)}')}:::{fault}")
    for key, box in reversed(list(view.boxes.items())):
        times = f" ×{box.times}" if box.times > 1 and box.kind != "row" else ""
        title = _escape(f"{box.title}{times} {box.subtitle}".strip() or box.kind)  # an empty one is a syntax error
        children[box.parent].append("\n".join([f'subgraph b{key} ["{title}"]', *_indented(children[key]), "end"]))
    links = [f"{link.source} {'-->' if link.tracked else '-.->'} {link.target}" for link in view.links]
    styles = [f"classDef {kind} {_style(kind)}" for kind in dict.fromkeys([c.kind for c in view.cards.values()])]
    if any(node.mark for node in view.ir.nodes):
        styles.append(f"classDef fault {_style('fault')},stroke-width:3px")
    if view.boxes:
        styles.append(f"classDef box fill:{LIGHT['box']},stroke:{LIGHT['box-line']},color:{LIGHT['soft']}")
        styles.append(f"class {','.join(f'b{key}' for key in view.boxes)} box")
    lines = [f"flowchart {look.direction}", *_indented([*children[-1], *links, *styles])]
    title = json.dumps(shortened(view.ir.title, 200), ensure_ascii=False)
    return f"---\ntitle: {title}\n---\n" + "\n".join(lines) + "\n"


def _style(kind: str) -> str:
    name = {"op": "card", "module": "card", "data": "input", "buffer": "parameter"}.get(kind, kind)
    dashed = ",stroke-dasharray:4 3" if kind == "data" else ""
    return f"fill:{LIGHT[name]},stroke:{LIGHT[f'{name}-line']},color:{LIGHT['ink']}{dashed}"


def _indented(blocks: Iterable[str]) -> list[str]:
    return ["  " + line for block in blocks for line in block.split("\n")]


def _escape(text: str) -> str:
    """Whatever could end the label, or mean something in it, as a character code."""
    return "".join(c if c.isalnum() or c in PLAIN or (ord(c) > 127 and c.isprintable()) else f"#{ord(c)};" for c in text)
