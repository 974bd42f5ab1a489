"""The graph as a tree of text, for a terminal and for logs."""

from __future__ import annotations

from minigrad.viz.graphs.cards import facts
from minigrad.viz.graphs.numbers import byte_count, seconds, sizes, spread
from minigrad.viz.graphs.text_width import one_line, shortened
from minigrad.viz.graphs.view import Card, View, contents

__all__ = ["text"]


def text(view: View, show: frozenset[str]) -> str:
    """Return one line for each card, in creation order, under the boxes that hold it; values are called n0, n1, ...

    A line reads like an assignment: ``n8 = conv2d(n7)  conv1  100×30×24×24 float32``.
    """
    sources: dict[str, list[str]] = {key: [] for key in view.cards}
    for link in view.links:
        source = view.cards[link.source]
        times = f" ×{link.times}" if link.times > 1 else ""
        sources[link.target].append(f"n{source.values[link.output] if source.values else source.value}{times}")
    inside = contents(view.cards, view.boxes)
    lines = [view.ir.title, *(f"({note})" for note in view.ir.notes)]
    stack = [(item, "", "", "") for item in reversed(inside[-1])]  # item, indent, branch, indent of what is inside
    while stack:
        item, indent, branch, below = stack.pop()
        if item[0] != "b":
            lines.append(f"{indent}{branch}{_line(view, view.cards[item], sources[item], show)}")
            continue
        box = view.boxes[int(item[1:])]
        subtitle = f"  {_clean(box.subtitle)}" if box.subtitle else ""
        lines.append(f"{indent}{branch}{_clean(box.title)}{box.count}{subtitle}")
        inner = [(item, below, "├─ ", f"{below}│  ") for item in inside[box.key]]
        inner[-1] = (inner[-1][0], below, "└─ ", f"{below}   ")
        stack += reversed(inner)
    return "\n".join(map(one_line, lines))


def _line(view: View, card: Card, sources: list[str], show: frozenset[str]) -> str:
    about = facts(view.ir, card)
    node = about.node
    if card.kind in ("op", "module", "unknown"):
        remaining = iter(sources)
        given = [_clean(operand) or next(remaining, "") for operand in card.operands]
        arguments = ", ".join(filter(None, [*given, *remaining, card.options]))
        head = f"{', '.join(f'n{value}' for value in card.values or [card.value])} = {_clean(card.title)}({arguments})"
    elif card.kind == "output":
        head = f"{_clean(card.title)} = {', '.join(sources or (view.ir.nodes[i].name for i in card.parameters))}"
    else:
        head = f"n{card.value} = {card.kind} {_clean(card.title)}".replace(f"{card.kind} {card.kind}", card.kind)
    parts = [head, f"×{card.copies}" if card.copies > 1 else "", _clean(card.tag)]
    if "shapes" in show and node.dtype:
        made = [view.ir.nodes[i] for i in card.values or [card.value]]
        parts.append(", ".join(dict.fromkeys(f"{sizes(node.shape)} {node.dtype}" for node in made)))
    parts += [
        f"{_clean(view.ir.nodes[i].name or 'parameter')} {sizes(view.ir.nodes[i].shape)}{card.folded(i)}"
        for i in card.parameters
    ]
    if "values" in show and node.value and len(card.every_value) == 1:
        parts.append(f"value {node.value}")
    if "grads" in show and about.gradient is not None:
        parts.append(f"gradient {spread(about.gradients)}")
    if "saved" in show and about.saved:
        parts.append(f"saved {byte_count(about.saved)}")
    if about.seconds is not None:
        parts.append(seconds(about.seconds))
    parts += [f"<-- {mark}" for mark in about.marks] + list(about.places)
    return "  ".join(filter(None, parts))


def _clean(text: str) -> str:
    return shortened(text, 60)
