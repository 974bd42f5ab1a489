"""The graph as Mermaid, which code hosts draw in a README without a binary."""

from __future__ import annotations

import json
from collections.abc import Iterable

from minigrad.viz.graphs.cards import body
from minigrad.viz.graphs.look import Look
from minigrad.viz.graphs.text_width import shortened
from minigrad.viz.graphs.view import View, places
from minigrad.viz.palette import LIGHT, fill

__all__ = ["mermaid"]

HARMLESS = " .,:=+-_()/'"  # punctuation without a meaning in a quoted label
SHAPES = {"input": '(["{}"])', "data": '(["{}"])', "output": '(["{}"])', "op": '("{}")', "module": '[["{}"]]',
          "unknown": '(["{}"])', "parameter": '{{{{"{}"}}}}', "buffer": '{{{{"{}"}}}}'}  # fmt: skip


def mermaid(view: View, look: Look) -> str:
    """Return a flowchart with a subgraph for each open box; data and untracked links are dotted."""
    children: dict[int, list[str]] = {-1: [], **{key: [] for key in view.boxes}}
    for card in view.cards.values():
        label = "<br/>".join(_escape(row.whole) for row in body(view, card, look.show, 1).rows)
        kind = "fault" if any(view.ir.nodes[i].mark for i in card.members) else card.kind
        children[card.group].append(f"{card.key}{SHAPES[card.kind].format(label)}:::{kind}")
    for key, box in reversed(list(view.boxes.items())):
        title = _escape(box.heading.strip() or box.kind)  # an empty one is a syntax error
        children[box.parent].append("\n".join([f'subgraph b{key} ["{title}"]', *_indented(children[key]), "end"]))
    links = [
        f"{link.source} {'-->' if link.tracked else '-.->'}{f'|{place}|' if place else ''} {link.target}"
        for link, place in zip(view.links, places(view), strict=True)
    ]
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
    dashed = ",stroke-dasharray:4 3" if kind in ("data", "unknown") else ""
    return f"fill:{LIGHT[fill(kind)]},stroke:{LIGHT[f'{fill(kind)}-line']},color:{LIGHT['ink']}{dashed}"


def _indented(blocks: Iterable[str]) -> list[str]:
    return ["  " + line for block in blocks for line in block.split("\n")]


def _escape(text: str) -> str:
    """Replace characters that could end the label, or have a meaning in it, by their codes."""
    return "".join(c if c.isalnum() or c in HARMLESS or (ord(c) > 127 and c.isprintable()) else f"#{ord(c)};" for c in text)
