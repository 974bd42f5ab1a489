"""What is drawn of a graph: cards in boxes, and links between them. Closed groups are cards, parameters rows of cards."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from minigrad.viz.graphs.ir import GraphIR, Group, Node

__all__ = ["Box", "Card", "Link", "View", "automatic_depth", "box_card", "closed_groups", "look_at", "unwrapped"]

ENOUGH = 120  # cards that a reader takes in: with depth=None, modules are closed from below until no more are left


@dataclass(slots=True)
class Card:
    """One thing to read: an input, an operation, or a closed group with all that happens in it."""

    key: str  # "n12" of a node, "g3" of a group
    kind: str  # that of its node; "op" of a closed function, "module" of a closed module
    title: str
    tag: str
    value: int  # the node whose value leaves it
    members: list[int]  # the nodes it stands for
    group: int
    parameters: list[int] = field(default_factory=list)
    options: str = ""
    detail: str = ""  # what a module was made with
    path: str = ""  # the dotted name of the module that it is, or is the only operation of
    copies: int = 1  # how many cards like it were folded into it
    times: int = 1  # the number on it, if it was folded by itself and not with the box around it


@dataclass(slots=True)
class Link:
    """A value on its way from one card to another."""

    source: str
    target: str
    value: int  # the node whose value it is
    slot: str = ""
    tracked: bool = True


@dataclass(slots=True)
class Box:
    """An open group around its cards."""

    key: int
    parent: int
    title: str
    subtitle: str
    kind: str
    times: int = 1
    path: str = ""
    detail: str = ""


@dataclass(slots=True)
class View:
    """Cards and boxes in creation order."""

    ir: GraphIR
    cards: dict[str, Card]
    links: list[Link]
    boxes: dict[int, Box]


def look_at(ir: GraphIR, closed: Iterable[int]) -> View:
    """The picture in which these groups are closed."""
    shut = _outermost(ir.groups, set(closed))
    folded = _parameter_nodes(ir)
    where = [
        f"n{i}" if node.group < 0 or shut[node.group] < 0 else f"g{shut[node.group]}" for i, node in enumerate(ir.nodes)
    ]
    cards: dict[str, Card] = {}
    for i, node in enumerate(ir.nodes):
        if i in folded:
            continue
        if where[i] not in cards:
            cards[where[i]] = _card(ir, i, node, where[i])
        else:
            cards[where[i]].members.append(i)
    links, outgoing = _links(ir, where, cards, folded)
    for card in cards.values():
        card.parameters.sort(key=lambda i: (ir.nodes[i].kind == "buffer", i))
    for key, value in outgoing.items():
        cards[key].value = value
    view = View(ir, cards, links, _boxes(ir.groups, cards.values()))
    _name_single_operations(view)
    return view


def closed_groups(ir: GraphIR, depth: int | None, primitives: bool) -> set[int]:
    """The groups that are closed: modules `depth` levels below the outermost, and functions unless `primitives`.

    A module of one operation stays open: its name goes on the card of that.
    """
    functions = {i for i, group in enumerate(ir.groups) if group.kind == "function" and not primitives}
    if depth is None:
        return functions
    levels, inside = module_levels(ir.groups), _cards_inside(ir, functions)
    modules = {i for i, group in enumerate(ir.groups) if group.kind == "module" and levels[i] >= depth and inside[i] != 1}
    return functions | modules


def _cards_inside(ir: GraphIR, closed: set[int]) -> list[int]:
    """How many cards of operations each group would have in it, with these closed."""
    shut = _outermost(ir.groups, closed)
    inside = [0] * len(ir.groups)
    for group in closed:
        if shut[group] == group and ir.groups[group].parent >= 0:
            inside[ir.groups[group].parent] += 1
    for node in ir.nodes:
        if node.kind == "op" and node.group >= 0 and shut[node.group] < 0:
            inside[node.group] += 1
    for group in range(len(ir.groups) - 1, -1, -1):  # children first
        if ir.groups[group].parent >= 0 and group not in closed:
            inside[ir.groups[group].parent] += inside[group]
    return inside


def automatic_depth(ir: GraphIR, primitives: bool) -> int | None:
    """The deepest view of at most 120 cards, closing modules from below; None where nothing need be closed."""
    levels = module_levels(ir.groups)
    deepest = max(levels, default=0)
    for depth in [None, *range(deepest, 0, -1)]:
        shut = _outermost(ir.groups, closed_groups(ir, depth, primitives))
        loose = sum(node.kind == "op" and (node.group < 0 or shut[node.group] < 0) for node in ir.nodes)
        if loose + len(set(shut) - {-1}) <= ENOUGH:
            return depth
    return 1 if deepest else None


def module_levels(groups: Sequence[Group]) -> list[int]:
    """How many modules are around each group."""
    levels: list[int] = []
    for group in groups:
        above = group.parent
        levels.append(0 if above < 0 else levels[above] + (groups[above].kind == "module"))
    return levels


def unwrapped(view: View) -> View:
    """The view without the boxes of modules that hold one function and nothing else: the function's box has both names."""
    held: dict[int, list[int]] = {}
    for key, box in view.boxes.items():
        held.setdefault(box.parent, []).append(key)
    direct = {card.group for card in view.cards.values()}
    for key in reversed(list(view.boxes)):
        inner = held.get(key, [])
        if view.boxes[key].kind != "module" or len(inner) != 1 or key in direct:
            continue
        box, group = view.boxes[inner[0]], view.ir.groups[key]
        if box.kind == "function" and not box.path:
            box.parent, box.subtitle, box.path, box.detail = view.boxes[key].parent, _title(group), group.path, group.detail
            held[box.parent] = [inner[0] if k == key else k for k in held[box.parent]]
            del view.boxes[key]
    return view


def box_card(view: View, key: int) -> Card:
    """A box as the card that stands for it when it is closed."""
    box, inside = view.boxes[key], {key}
    for other, child in view.boxes.items():  # parents first
        if child.parent in inside:
            inside.add(other)
    cards = [card for card in view.cards.values() if card.group in inside]
    keys = {card.key for card in cards}
    leaving = [link.value for link in view.links if link.source in keys and link.target not in keys]
    return Card(
        f"g{key}", "op" if box.kind == "function" else "module", box.title, box.subtitle,
        max(leaving, default=cards[-1].value), [member for card in cards for member in card.members], box.parent,
        list(dict.fromkeys(p for card in cards for p in card.parameters)), detail=box.detail, path=box.path,
        copies=max(card.copies for card in cards), times=box.times,
    )  # fmt: skip


def _outermost(groups: Sequence[Group], closed: set[int]) -> list[int]:
    """For each group the outermost closed one around it, or -1: parents come first."""
    found: list[int] = []
    for i, group in enumerate(groups):
        around = found[group.parent] if group.parent >= 0 else -1
        found.append(around if around >= 0 else i if i in closed else -1)
    return found


def _parameter_nodes(ir: GraphIR) -> set[int]:
    """Parameters and buffers that some operation uses: they are rows of its card."""
    used = {edge.source for edge in ir.edges if ir.nodes[edge.target].kind == "op"}
    return {i for i, node in enumerate(ir.nodes) if node.kind in ("parameter", "buffer") and i in used}


def _card(ir: GraphIR, i: int, node: Node, key: str) -> Card:
    if key[0] == "n":
        return Card(key, node.kind, node.name or node.kind, "", i, [i], node.group, options=node.options)
    group = ir.groups[int(key[1:])]
    kind = "module" if group.kind == "module" else "op"
    tag = group.type if group.type != group.name else ""
    path = group.path if kind == "module" else ""
    return Card(key, kind, _title(group), tag, i, [i], group.parent, detail=group.detail, path=path)


def _links(ir: GraphIR, where: Sequence[str], cards: dict[str, Card], folded: set[int]) -> tuple[list[Link], dict[str, int]]:
    """Links between different cards, and the value that leaves each. A closed group takes each value once."""
    links, seen = [], set()
    outgoing: dict[str, int] = {}
    for edge in ir.edges:
        source, target = where[edge.source], where[edge.target]
        if edge.source in folded:
            card = cards.get(target)
            if card is not None and edge.source not in card.parameters:
                card.parameters.append(edge.source)
            continue
        if source == target:
            continue
        outgoing[source] = max(edge.source, outgoing.get(source, 0))
        if target[0] == "g":
            if (edge.source, target) in seen:
                continue
            seen.add((edge.source, target))
        links.append(Link(source, target, edge.source, edge.slot if target[0] == "n" else "", edge.tracked))
    return links, outgoing


def _boxes(groups: Sequence[Group], cards: Iterable[Card]) -> dict[int, Box]:
    """The open groups around cards, parents first."""
    needed = set()
    for card in cards:
        at = card.group
        while at >= 0 and at not in needed:
            needed.add(at)
            at = groups[at].parent
    boxes = {}
    for i, g in enumerate(groups):
        if i in needed:
            module = g.kind == "module"
            boxes[i] = Box(i, g.parent, _title(g), _subtitle(g), g.kind, path=g.path if module else "", detail=g.detail)
    return boxes


def _name_single_operations(view: View) -> None:
    """A module that is one operation needs no box: its name goes on the card."""
    inside: dict[int, int] = dict.fromkeys(view.boxes, 0)
    single: dict[int, Card] = {}
    for card in view.cards.values():
        inside[card.group] = inside.get(card.group, 0) + 1
        single[card.group] = card
    for box in reversed(list(view.boxes.values())):  # children first
        if box.parent >= 0:
            inside[box.parent] += inside[box.key] > 0
        card = single.get(box.key)  # type: ignore[assignment]
        if box.kind != "module" or inside[box.key] != 1 or card is None or card.group != box.key:
            continue
        group = view.ir.groups[box.key]
        if card.kind == "op":
            card.tag, card.detail, card.group = card.tag or box.title, group.detail, box.parent
            card.path = card.path or group.path
            single[box.parent] = card
            del view.boxes[box.key]


def _title(group: Group) -> str:
    """The name in the module around it; a number says too little, so it brings the name before it along."""
    if group.kind == "module" and group.name.partition(" ")[0].isdigit() and "." in group.path:
        return group.path.rsplit(".", 2)[-2] + "." + group.name
    return group.name


def _subtitle(group: Group) -> str:
    return group.type if group.type and group.type != group.name else ""
