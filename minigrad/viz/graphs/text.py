"""The graph as a tree of text, for a terminal and for logs."""

from __future__ import annotations

from minigrad.viz.graphs.cards import facts
from minigrad.viz.graphs.numbers import byte_count, number, seconds, sizes
from minigrad.viz.graphs.text_width import one_line, shortened
from minigrad.viz.graphs.view import Card, View

__all__ = ["text"]


def text(view: View, show: frozenset[str]) -> str:
    """One line for each card, in creation order, under the boxes that hold it; values are called n0, n1, ...

    A line reads like an assignment: ``n8 = conv2d(n7)  conv1  100×30×24×24 float32``.
    """
    sources: dict[str, list[str]] = {key: [] for key in view.cards}
    for link in view.links:
        sources[link.target].append(f"n{view.cards[link.source].value}")
    inside: dict[int, list[str]] = {-1: [], **{key: [] for key in view.boxes}}
    placed: set[int] = set()
    for card in view.cards.values():
        entry, at = card.key, card.group
        while True:
            inside[at].append(entry)
            if at == -1 or at in placed:
                break
            placed.add(at)
            entry, at = f"b{at}", view.boxes[at].parent
    lines = [view.ir.title, *(f"({note})" for note in view.ir.notes)]
    stack = [(entry, "", i == len(inside[-1]) - 1) for i, entry in enumerate(inside[-1])][::-1]
    while stack:
        entry, indent, last = stack.pop()
        branch = "" if indent == "" and entry[0] != "b" else "└─ " if last else "├─ "
        branch = "" if indent == "" else branch
        if entry[0] == "b":
            box = view.boxes[int(entry[1:])]
            times = f" ×{box.times}" if box.times > 1 and box.kind != "row" else ""
            lines.append(
                f"{indent[:-3]}{branch}{_clean(box.title)}{times}" + (f"  {_clean(box.subtitle)}" if box.subtitle else "")
            )
            inner = inside[box.key]
            below = indent[:-3] + ("" if indent == "" else "   " if last else "│  ") + "   "
            stack += [(e, below, i == len(inner) - 1) for i, e in enumerate(inner)][::-1]
        else:
            card = view.cards[entry]
            lines.append(f"{indent[:-3]}{branch}{_line(view, card, sources[entry], show)}")
    return "\n".join(map(one_line, lines))


def _line(view: View, card: Card, sources: list[str], show: frozenset[str]) -> str:
    told = facts(view.ir, card)
    node = told.node
    if card.kind in ("op", "module"):
        arguments = ", ".join(filter(None, [*sources, card.options]))
        head = f"n{card.value} = {_clean(card.title)}({arguments})"
    elif card.kind == "output":
        head = f"{_clean(card.title)} = {', '.join(sources or (view.ir.nodes[i].name for i in card.parameters))}"
    else:
        head = f"n{card.value} = {card.kind} {_clean(card.title)}".replace(f"{card.kind} {card.kind}", card.kind)
    parts = [head, f"×{card.copies}" if card.copies > 1 else "", _clean(card.tag)]
    if "shapes" in show and node.dtype:
        parts.append(f"{sizes(node.shape)} {node.dtype}")
    parts += [f"{_clean(view.ir.nodes[i].name)} {sizes(view.ir.nodes[i].shape)}" for i in card.parameters]
    if "values" in show and node.value:
        parts.append(f"value {node.value}")
    if "grads" in show and told.gradient is not None:
        parts.append(f"gradient {number(told.gradient)}")
    if "saved" in show and told.saved:
        parts.append(f"saved {byte_count(told.saved)}")
    if told.seconds is not None:
        parts.append(seconds(told.seconds))
    parts += [f"<-- {mark}" for mark in told.marks] + list(told.places)
    return "  ".join(filter(None, parts))


def _clean(text: str) -> str:
    return shortened(text, 60)
