"""Repeated blocks drawn once, as xN: a row of equal boxes, each fed by the one before it, says more than a mile of them."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import replace

from minigrad.viz.graphs.view import Box, Card, Link, View

__all__ = ["fold"]

LONGEST = 16  # items in a block that is looked for
LEAST = {True: 2, False: 3}  # how often a block must stand in a row: of whole modules, of single operations


def fold(view: View) -> View:
    """The view with every row of equal blocks replaced by its first, times their number.

    Blocks are equal if their operations, options, shapes and the links within them are, and if each takes from the one
    before it what the next takes from it. Rows are found box by box, innermost first.
    """
    for key in [*reversed(list(view.boxes)), -1]:
        view = _fold_box(view, key)
    return view


def _fold_box(view: View, box: int) -> View:
    """Fold the rows among the items of one box."""
    items = _items(view, box)
    if len(items) < 2:
        return view
    inner = _Inside(view, box, items)
    i = 0
    rows: list[tuple[int, int, int]] = []  # start, items in a block, blocks
    while i < len(items):
        best = max((inner.row(i, period) for period in range(1, min(LONGEST, (len(items) - i) // 2) + 1)),
                   key=lambda row: row[1] * row[2], default=(i, 1, 1))  # fmt: skip
        if best[2] > 1:
            rows.append(best)
            i += best[1] * best[2]
        else:
            i += 1
    for row in rows:
        view = _merge(view, inner, box, *row)
    return view


def _items(view: View, box: int) -> list[str]:
    """What stands directly in a box, in creation order: keys of cards, and "b3" for boxes."""
    first: dict[str, int] = {}
    for i, card in enumerate(view.cards.values()):
        inside, at = card.key, card.group
        while at != box and at >= 0:
            inside, at = f"b{at}", view.boxes[at].parent
        if at == box:
            first.setdefault(inside, i)
    return list(first)


class _Inside:
    """The items of a box, what each looks like, and the links between them."""

    def __init__(self, view: View, box: int, items: Sequence[str]):
        self.items = items
        self.at: dict[str, int] = {}  # card: item
        self.cards: list[list[Card]] = [[] for _ in items]
        index = {item: i for i, item in enumerate(items)}
        for card in view.cards.values():
            inside, group = card.key, card.group
            while group != box and group >= 0:
                inside, group = f"b{group}", view.boxes[group].parent
            if group == box:
                self.at[card.key] = index[inside]
                self.cards[index[inside]].append(card)
        place = {card.key: i for cards in self.cards for i, card in enumerate(cards)}
        self.within: list[list[Hashable]] = [[] for _ in items]
        self.incoming: list[list[tuple[int, Hashable, int, str]]] = [
            [] for _ in items
        ]  # item or -1, its card, our card, slot
        self.outgoing: list[set[int]] = [set() for _ in items]  # items that use it; -1: something outside the box
        for link in view.links:
            source, target = self.at.get(link.source, -1), self.at.get(link.target, -1)
            if source == target:
                if source >= 0:
                    self.within[source].append((place[link.source], place[link.target], link.slot))
                continue
            if target >= 0:
                origin = place[link.source] if source >= 0 else link.source
                self.incoming[target].append((source, origin, place[link.target], link.slot))
            if source >= 0:
                self.outgoing[source].add(target)
        self.looks = [self._look(view, i) for i in range(len(items))]

    def row(self, start: int, period: int) -> tuple[int, int, int]:
        """How many equal blocks of `period` items follow one another from `start`."""
        blocks = 1
        while self._hands_on(start, period, blocks - 1) and self._continues(start, period, blocks):
            blocks += 1
        whole = any(self.items[i][0] == "b" or self.cards[i][0].kind == "module" for i in range(start, start + period))
        return (start, period, blocks) if blocks >= LEAST[whole] else (start, period, 1)

    def _look(self, view: View, i: int) -> Hashable:
        looks = []
        for card in self.cards[i]:
            node = view.ir.nodes[card.value]
            kept = tuple((view.ir.nodes[p].kind, view.ir.nodes[p].shape) for p in card.parameters)
            name = node.name if card.key[0] == "n" else view.ir.groups[int(card.key[1:])].type or card.title
            looks.append((card.kind, name, card.options, card.detail, card.copies, node.shape, node.dtype, kept))
        return self.items[i][0], tuple(looks), tuple(self.within[i])

    def _continues(self, start: int, period: int, block: int) -> bool:
        """Whether block number `block` equals the one before it, and takes from it what that took from its predecessor."""
        for i in range(start + block * period, start + (block + 1) * period):
            if i >= len(self.items) or self.looks[i] != self.looks[i - period]:
                return False
            here, before = self.incoming[i], self.incoming[i - period]
            if len(here) != len(before) or not here:
                return False
            for (source, *rest), (former, *others) in zip(here, before, strict=True):
                if rest[1:] != others[1:]:
                    return False
                shifted = source - period == former and rest[0] == others[0]
                shared = source == former and rest[0] == others[0] and not start <= source < i
                first = block == 1 and source >= start and former < start  # what the first block takes from before the row
                if not (shifted or shared or first):
                    return False
        return True

    def _hands_on(self, start: int, period: int, block: int) -> bool:
        """Whether what a block gives is used by the next one alone."""
        first = start + block * period
        return all(first <= user < first + 2 * period for i in range(first, first + period) for user in self.outgoing[i])


def _merge(view: View, inner: _Inside, box: int, start: int, period: int, blocks: int) -> View:
    """Keep the first block of a row; what the last one gives comes from it."""
    stands_for: dict[str, str] = {}
    cards = dict(view.cards)
    boxes = dict(view.boxes)
    for i in range(start, start + period):
        for place, card in enumerate(inner.cards[i]):
            alike = [inner.cards[i + period * block][place] for block in range(blocks)]
            members = [member for one in alike for member in one.members]
            cards[card.key] = replace(card, members=members, copies=card.copies * blocks)
            for one in alike[1:]:
                stands_for[one.key] = card.key
                del cards[one.key]
    first = inner.items[start]
    if period > 1:
        key = max(boxes, default=-1) + 1 + len(view.ir.groups)
        boxes[key] = Box(key, box, f"×{blocks}", "", "row", blocks)
        for item in inner.items[start : start + period]:
            if item[0] == "b":
                boxes[int(item[1:])] = replace(boxes[int(item[1:])], parent=key)
            else:
                cards[item].group = key
        order = dict(sorted(boxes.items(), key=lambda pair: _level(boxes, pair[0])))
        boxes = order
    elif first[0] == "b":
        boxes[int(first[1:])] = replace(boxes[int(first[1:])], times=blocks)
    else:
        cards[first].times = cards[first].copies
    last = {card.key for i in range(start + period * (blocks - 1), start + period * blocks) for card in inner.cards[i]}
    links = []
    for link in view.links:
        source, target = stands_for.get(link.source, link.source), stands_for.get(link.target, link.target)
        inside = inner.at.get(link.source, -1), inner.at.get(link.target, -1)
        row = [start <= at < start + period * blocks for at in inside]
        if row[1] and not start <= inside[1] < start + period:
            continue  # into a later block: the first one shows it
        if row[0] and link.source not in last and not row[1]:
            continue
        links.append(Link(source, target, link.value, link.slot, link.tracked))
    kept = {card.group for card in cards.values()}
    for key in list(kept):
        while key >= 0:
            kept.add(key)
            key = boxes[key].parent
    return View(view.ir, cards, links, {key: b for key, b in boxes.items() if key in kept})


def _level(boxes: dict[int, Box], key: int) -> int:
    level = 0
    while key >= 0:
        key, level = boxes[key].parent, level + 1
    return level
