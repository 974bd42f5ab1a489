"""Views of a graph: cards in boxes, and links between them. Closed groups are cards, parameters are rows of cards."""

from __future__ import annotations

import math
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from minigrad.viz.graphs.ir import GraphIR, Group, Node, ancestors
from minigrad.viz.graphs.numbers import counted

__all__ = [
    "INFIX", "Box", "Card", "Link", "View", "box_card", "box_places", "closed_groups", "contents", "functions_of_several",
    "make_view", "module_depth", "places", "unwrapped", "with_closed",
]  # fmt: skip

INFIX = {"add": "+", "subtract": "-", "multiply": "×", "divide": "/", "floor_divide": "//", "pow": "**", "matmul": "@"}
SIDED = {*INFIX, "where", "concatenate", "stack", "hstack", "vstack", "dstack", "column_stack", "block_diag"}
IN_ANY_ORDER = {
    "add", "bitwise_and", "bitwise_or", "bitwise_xor", "equal", "fmax", "fmin", "hypot", "isclose", "l1_loss", "logaddexp",
    "logical_and", "logical_or", "logical_xor", "maximum", "minimum", "mse_loss", "multiply", "not_equal",
}  # fmt: skip


@dataclass(slots=True)
class Card:
    """An input, an operation, or a closed group with all nodes in it."""

    key: str  # "n12" of a node, "g3" of a group
    kind: str  # that of its node; "op" of a closed function, "module" of a closed module
    title: str
    tag: str
    value: int  # the node whose value leaves it
    members: list[int]  # the nodes it stands for
    group: int
    parameters: list[int] = field(default_factory=list)
    operands: list[str] = field(default_factory=list)  # "" for each link in turn; a number, or the name of a parameter
    options: str = ""
    values: list[int] = field(default_factory=list)  # the nodes whose values leave it, if there are several
    detail: str = ""  # the options of a module's constructor
    path: str = ""  # the dotted name of the module that it is, or is the only operation of
    copies: int = 1  # how many cards, itself included, it stands for after folding
    repeats: list[int] = field(default_factory=list)  # the values that leave those others
    alike: dict[int, list[int]] = field(default_factory=dict)  # by parameter: others that stand in its place there
    times: int = 1  # the number drawn on it, where it was folded alone and not with the box around it

    @property
    def every_value(self) -> list[int]:
        """The nodes whose values leave it, and the cards folded into it."""
        return [*(self.values or [self.value]), *self.repeats]

    @property
    def every_parameter(self) -> list[int]:
        """Its parameters and buffers, and those of the cards folded into it, each once."""
        return list(dict.fromkeys(i for first in self.parameters for i in (first, *self.alike.get(first, ()))))

    def folded(self, parameter: int) -> str:
        """Return the text " ×3" of a parameter that stands for three; copies may share one."""
        others = self.alike.get(parameter, ())
        return f" ×{1 + len(others)}" if others else ""


@dataclass(slots=True)
class Link:
    """A value on its way from one card to another."""

    source: str
    target: str
    value: int  # the node whose value it is
    slot: str = ""
    tracked: bool = True
    times: int = 1  # how many links of folded cards it stands for
    output: int = 0  # the number of the value among those that leave the source


@dataclass(slots=True)
class Box:
    """An open group around its cards."""

    key: int
    parent: int
    title: str
    subtitle: str
    kind: str  # that of its group; "row" around a folded block of several items
    times: int = 1
    path: str = ""
    detail: str = ""

    @property
    def count(self) -> str:
        """The text " ×3" of a box that stands for three; that of a row is in its title."""
        return f" ×{self.times}" if self.times > 1 and self.kind != "row" else ""

    @property
    def note(self) -> str:
        """What is in a box that stands for several: of these the first, with the numbers of all."""
        return f"first of {self.times}, sums of all" if self.times > 1 else ""

    @property
    def heading(self) -> str:
        """Title, count, subtitle and note."""
        return "  ".join(filter(None, [self.title + self.count, self.subtitle, self.note]))


@dataclass(slots=True)
class View:
    """Cards and boxes in creation order."""

    ir: GraphIR
    cards: dict[str, Card]
    links: list[Link]
    boxes: dict[int, Box]


def make_view(ir: GraphIR, closed: Iterable[int]) -> View:
    """Return the view in which these groups are closed."""
    outermost = _outermost(ir.groups, set(closed))
    rows = _parameter_rows(ir)
    keys = [
        f"n{i}" if node.group < 0 or outermost[node.group] < 0 else f"g{outermost[node.group]}"
        for i, node in enumerate(ir.nodes)
    ]
    cards: dict[str, Card] = {}
    for i, node in enumerate(ir.nodes):
        if i in rows:
            continue
        if keys[i] not in cards:
            cards[keys[i]] = _card(ir, i, node, keys[i])
        else:
            cards[keys[i]].members.append(i)
    links, leaving = _links(ir, keys, cards, rows)
    for card in cards.values():
        card.operands = _operands(ir, card, rows)
        card.parameters.sort(key=lambda i: (ir.nodes[i].kind == "buffer", i))
    for key, values in leaving.items():
        card = cards[key]
        card.value, card.values = max(values), sorted(values) if len(values) > 1 else []
    for link in links:
        link.output = sorted(leaving[link.source]).index(link.value)
    view = View(ir, cards, links, _boxes(ir.groups, cards.values()))
    _name_single_operations(view)
    return view


def contents(cards: Mapping[str, Card], boxes: Mapping[int, Box]) -> dict[int, list[str]]:
    """Return the items directly inside each box, and under -1 those outside all, in the order of their first cards.

    An item is the key of a card, or "b3" for box 3.
    """
    inside: dict[int, list[str]] = {-1: [], **{key: [] for key in boxes}}
    seen = set()
    for card in cards.values():
        item = card.key
        for around in ancestors(boxes, card.group):
            inside[around].append(item)
            item = f"b{around}"
            if around in seen:
                break
            seen.add(around)
        else:
            inside[-1].append(item)
    return inside


def closed_groups(ir: GraphIR, depth: int | None, primitives: bool) -> set[int]:
    """Return the groups to close: modules `depth` levels below the outermost, and functions unless `primitives`.

    A module of one operation stays open: its name goes on the card of the operation.
    """
    functions = {i for i, group in enumerate(ir.groups) if group.kind == "function" and not primitives}
    if depth is None:
        return functions
    levels, inside = _module_levels(ir.groups), _cards_inside(ir, functions)
    modules = {i for i, group in enumerate(ir.groups) if group.kind == "module" and levels[i] >= depth and inside[i] != 1}
    return functions | modules


def functions_of_several(ir: GraphIR) -> set[int]:
    """Return the functions from which several values leave: unbind, split."""
    leaving: dict[int, set[int]] = {}
    for edge in ir.edges:
        inside = set(ancestors(ir.groups, ir.nodes[edge.target].group))
        for group in ancestors(ir.groups, ir.nodes[edge.source].group):
            if group not in inside and ir.groups[group].kind == "function":
                leaving.setdefault(group, set()).add(edge.source)
    return {group for group, values in leaving.items() if len(values) > 1}


def module_depth(ir: GraphIR) -> int:
    """Return how many modules are around the innermost one."""
    return max(_module_levels(ir.groups), default=0)


def with_closed(view: View, keys: Iterable[int]) -> View:
    """Return the view with these boxes closed, too."""
    outermost: dict[int, int] = {-1: -1}
    wanted = set(keys)
    for key, box in view.boxes.items():  # parents first
        around = outermost[box.parent]
        outermost[key] = around if around >= 0 else key if key in wanted else -1
    cards: dict[str, Card] = {}
    at = {}
    for card in view.cards.values():
        closed = outermost[card.group]
        at[card.key] = card.key if closed < 0 else f"g{closed}"
        if at[card.key] not in cards:
            cards[at[card.key]] = card if closed < 0 else box_card(view, closed)
    links: dict[tuple[Any, ...], Link] = {}
    for i, link in enumerate(view.links):
        source, target = at[link.source], at[link.target]
        if source != target:
            once = target != link.target  # a closed box takes each value once
            value = value_of(view, link)
            output = cards[source].values.index(value) if value in cards[source].values else 0
            links.setdefault(
                (link.value, target) if once else (i,),
                replace(link, source=source, target=target, slot="" if once else link.slot, output=output),
            )
    boxes = {key: box for key, box in view.boxes.items() if outermost[key] < 0}
    return View(view.ir, cards, list(links.values()), boxes)


def unwrapped(view: View) -> View:
    """Remove the boxes of modules that hold one function and nothing else: the function's box has both names."""
    inside = contents(view.cards, view.boxes)
    for key in reversed(list(view.boxes)):
        outer, items = view.boxes[key], inside[key]
        if outer.kind != "module" or len(items) != 1 or items[0][0] != "b":
            continue
        box, group = view.boxes[int(items[0][1:])], view.ir.groups[key]
        if box.kind == "function" and not box.path:
            box.parent, box.subtitle, box.path, box.detail = outer.parent, _title(group), group.path, group.detail
            around = inside[outer.parent]
            around[around.index(f"b{key}")] = items[0]
            del view.boxes[key]
    return view


def box_card(view: View, key: int) -> Card:
    """Return the card that stands for a box while it is closed."""
    box, inside = view.boxes[key], {key}
    for other, child in view.boxes.items():  # parents first
        if child.parent in inside:
            inside.add(other)
    cards = [card for card in view.cards.values() if card.group in inside]
    keys = {card.key for card in cards}
    links = [link for link in view.links if link.source in keys and link.target not in keys]
    leaving = sorted({value_of(view, link) for link in links}) or [cards[-1].value]
    values = leaving if len(leaving) > 1 else []
    copies = math.prod(view.boxes[around].times for around in ancestors(view.boxes, key))
    repeats = [value for link in links for value in view.cards[link.source].repeats] if copies > 1 else []
    alike: dict[int, list[int]] = {}
    for card in cards:
        for first, others in card.alike.items():
            alike[first] = list(dict.fromkeys([*alike.get(first, ()), *others]))
    title, tag = box.title, box.subtitle
    if box.kind == "row":
        done = [card for card in cards if card.kind not in ("data", "input", "parameter", "buffer")]
        title, tag = " … ".join(dict.fromkeys([done[0].title, done[-1].title])), counted(len(done), "operation")
    return Card(
        f"g{key}", "op" if box.kind == "function" else "module", title, tag,
        leaving[-1], [member for card in cards for member in card.members], box.parent,
        list(dict.fromkeys(p for card in cards for p in card.parameters)), detail=box.detail, path=box.path,
        copies=copies, repeats=[value for value in dict.fromkeys(repeats) if value not in leaving], values=values,
        alike=alike, times=box.times,
        operands=_sides(view.ir, view.ir.groups[key], {p for card in cards for p in card.parameters})
        if key < len(view.ir.groups) else [],
        options=view.ir.groups[key].options if key < len(view.ir.groups) else "",
    )  # fmt: skip


def value_of(view: View, link: Link) -> int:
    """Return the node whose value a link takes; of folded cards that of the first."""
    source = view.cards[link.source]
    return source.values[link.output] if source.values else source.value


def places(view: View) -> list[str]:
    """Return, for each link, its place among the operands of its card: "1", "2"; "" where the order cannot matter."""
    arriving: dict[str, list[int]] = {}
    for i, link in enumerate(view.links):
        card, group = view.cards[link.target], int(link.target[1:])
        if card.kind == "op" and (link.target[0] == "n" or link.value in view.ir.groups[group].operands):
            arriving.setdefault(link.target, []).append(i)
    found = [""] * len(view.links)
    for key, numbers in arriving.items():
        if all(view.links[i].times == 1 for i in numbers):
            name = view.ir.nodes[int(key[1:])].name if key[0] == "n" else view.ir.groups[int(key[1:])].name
            for i, place in zip(numbers, _places(view.ir, name, [view.links[i].value for i in numbers]), strict=True):
                found[i] = place
    return found


def box_places(view: View, key: int) -> dict[int, str]:
    """Return the places of the values that enter the box of a function, while that is closed; see `places`."""
    if view.boxes[key].kind != "function":
        return {}
    entering = [link for link in view.links if key in ancestors(view.boxes, view.cards[link.target].group)]
    values = {link.value for link in entering if key not in ancestors(view.boxes, view.cards[link.source].group)}
    given = [value for value in view.ir.groups[key].operands if value in values]
    found: dict[int, str] = {}
    for value, place in zip(given, _places(view.ir, view.ir.groups[key].name, given), strict=True):
        found[value] = f"{found[value]}, {place}" if value in found else place
    return found


def _places(ir: GraphIR, name: str, values: Sequence[int]) -> list[str]:
    """Return "1", "2", ...; or "" for each if they can change places, or if their kinds of dtype tell them apart."""
    kinds = {ir.nodes[value].dtype[:1] for value in values}
    same = len(set(values)) < 2 or name in IN_ANY_ORDER or name.startswith("∇ ") or len(kinds) == len(values)
    return ["" if same else str(i + 1) for i in range(len(values))]


def _module_levels(groups: Sequence[Group]) -> list[int]:
    """Return how many modules are around each group."""
    levels: list[int] = []
    for group in groups:
        above = group.parent
        levels.append(0 if above < 0 else levels[above] + (groups[above].kind == "module"))
    return levels


def _cards_inside(ir: GraphIR, closed: set[int]) -> list[int]:
    """Return how many cards of operations each group has in it while these are closed."""
    outermost = _outermost(ir.groups, closed)
    inside = [0] * len(ir.groups)
    for group in closed:
        if outermost[group] == group and ir.groups[group].parent >= 0:
            inside[ir.groups[group].parent] += 1
    for node in ir.nodes:
        if node.kind == "op" and node.group >= 0 and outermost[node.group] < 0:
            inside[node.group] += 1
    for group in range(len(ir.groups) - 1, -1, -1):  # children first
        if ir.groups[group].parent >= 0 and group not in closed:
            inside[ir.groups[group].parent] += inside[group]
    return inside


def _outermost(groups: Sequence[Group], closed: set[int]) -> list[int]:
    """Return for each group the outermost closed one around it, or -1; parents come first."""
    found: list[int] = []
    for i, group in enumerate(groups):
        around = found[group.parent] if group.parent >= 0 else -1
        found.append(around if around >= 0 else i if i in closed else -1)
    return found


def _parameter_rows(ir: GraphIR) -> set[int]:
    """Return the parameters and buffers that some operation uses: they are rows of its card."""
    used = {edge.source for edge in ir.edges if ir.nodes[edge.target].kind in ("op", "unknown")}
    return {i for i, node in enumerate(ir.nodes) if node.kind in ("parameter", "buffer") and i in used}


def _card(ir: GraphIR, i: int, node: Node, key: str) -> Card:
    if key[0] == "n":
        return Card(key, node.kind, node.name or node.kind, "", i, [i], node.group, options=node.options)
    group = ir.groups[int(key[1:])]
    module = group.kind == "module"
    return Card(
        key, "module" if module else "op", _title(group), _subtitle(group), i, [i], group.parent,
        detail=group.detail, path=group.path if module else "", options=group.options,
    )  # fmt: skip


def _operands(ir: GraphIR, card: Card, rows: set[int]) -> list[str]:
    """Return the operands of an operation: "" for each link, in their order, and the numbers between them.

    They are left out if there is no number, and no parameter whose side matters: parameters are rows of the card.
    """
    if card.key[0] == "g":
        return _sides(ir, ir.groups[int(card.key[1:])], rows)
    node = ir.nodes[card.value]
    sided = node.name in SIDED and not rows.isdisjoint(card.parameters)
    if not (sided or any(node.operands)):
        return []
    sources = iter([edge.source for edge in ir.edges if edge.target == card.value])
    return _named(ir, [text or next(sources, "") for text in node.operands], rows)


def _sides(ir: GraphIR, group: Group, rows: Container[int]) -> list[str]:
    """Return the operands of a function, if a parameter is on one side of it."""
    sided = group.kind == "function" and group.name in SIDED
    return _named(ir, group.operands, rows) if sided and any(i in rows for i in group.operands) else []


def _named(ir: GraphIR, given: Sequence[int | str], rows: Container[int]) -> list[str]:
    """Return texts as they are, the names of rows, and "" for other nodes."""
    names = {i: ir.nodes[i].name or "parameter" for i in given if i in rows and isinstance(i, int)}
    return [part if isinstance(part, str) else names.get(part, "") for part in given]


def _links(
    ir: GraphIR, keys: Sequence[str], cards: dict[str, Card], rows: set[int]
) -> tuple[list[Link], dict[str, set[int]]]:
    """Return the links between cards, and the values that leave each card; parameters become rows of their card.

    A closed function takes its arguments in their order, any other closed group each value once.
    """
    links = []
    seen: set[tuple[int, str]] = set()
    begun: set[str] = set()
    leaving: dict[str, set[int]] = {}
    tracked = {(edge.source, keys[edge.target]) for edge in ir.edges if edge.tracked}
    entering = {(edge.source, keys[edge.target]) for edge in ir.edges}
    for edge in ir.edges:
        source, target = keys[edge.source], keys[edge.target]
        if edge.source in rows:
            card = cards.get(target)
            if card is not None and edge.source not in card.parameters:
                card.parameters.append(edge.source)
            continue
        if source == target:
            continue
        leaving.setdefault(source, set()).add(edge.source)
        if target[0] == "g":
            if (edge.source, target) in seen:
                continue
            arguments = ir.groups[int(target[1:])].operands if target not in begun else ()
            begun.add(target)
            for part in [*arguments, *([] if edge.source in arguments else [edge.source])]:
                if (part, target) in entering and part not in rows and keys[part] != target:
                    seen.add((part, target))
                    leaving.setdefault(keys[part], set()).add(part)
                    links.append(Link(keys[part], target, part, "", (part, target) in tracked))
            continue
        links.append(Link(source, target, edge.source, edge.slot if target[0] == "n" else "", edge.tracked))
    return links, leaving


def _boxes(groups: Sequence[Group], cards: Iterable[Card]) -> dict[int, Box]:
    """Return the open groups around cards, parents first."""
    boxes = {}
    for i in sorted({around for group in {card.group for card in cards} for around in ancestors(groups, group)}):
        g = groups[i]
        path = g.path if g.kind == "module" else ""
        boxes[i] = Box(i, g.parent, _title(g), _subtitle(g), g.kind, path=path, detail=g.detail)
    return boxes


def _name_single_operations(view: View) -> None:
    """Remove the box of a module that is one operation: its name goes on the card."""
    inside = {key: len(items) for key, items in contents(view.cards, view.boxes).items()}
    single = {card.group: card for card in view.cards.values()}
    for box in reversed(list(view.boxes.values())):  # children first
        card = single.get(box.key)
        if box.kind != "module" or inside[box.key] != 1 or card is None or card.kind != "op":
            continue
        group = view.ir.groups[box.key]
        card.tag, card.detail, card.group = card.tag or box.title, group.detail, box.parent
        card.path = card.path or group.path
        single[box.parent] = card
        del view.boxes[box.key]


def _title(group: Group) -> str:
    """Return the name within the enclosing module; a number gets the preceding part of the path as a prefix."""
    if group.kind == "module" and group.name.partition(" ")[0].isdigit() and "." in group.path:
        return group.path.rsplit(".", 2)[-2] + "." + group.name
    return group.name


def _subtitle(group: Group) -> str:
    return group.type if group.type != group.name.partition(" #")[0] else ""
