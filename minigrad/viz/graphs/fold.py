"""Fold repeated blocks: a row of equal boxes, each fed by the one before it, is drawn once as xN."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace
from typing import NamedTuple

from minigrad.viz.graphs.ir import ancestors
from minigrad.viz.graphs.view import Box, Card, Link, View

__all__ = ["fold"]

LONGEST = 16  # items in a block
SOURCES = ("data", "input", "parameter", "buffer")  # kinds of cards that nothing enters
LEAST = {True: 2, False: 3}  # blocks in a row: of whole modules, of single operations


def fold(view: View) -> View:
    """Return the view with every row of equal blocks replaced by its first, times their number.

    Blocks are equal if their operations, options, shapes and the links within them are, and if each takes from the one
    before it what the next takes from it. The results of all may be collected by one operation behind the row, as the steps
    of a recurrence are. Rows are found box by box, innermost first.
    """
    for key in [*reversed(list(view.boxes)), -1]:
        view = _fold_box(view, key)
    return view


class _Row(NamedTuple):
    """Equal blocks of `period` items that follow one another from item number `start`."""

    start: int
    period: int
    blocks: int

    def block(self, item: int) -> int:
        """Return the number of the block that an item is in; -1 outside the row."""
        block = (item - self.start) // self.period
        return block if 0 <= block < self.blocks else -1


def _fold_box(view: View, box: int) -> View:
    """Fold the rows among the items of one box."""
    inside = _Inside(view, box)
    rows = []
    i = 0
    while i < len(inside.items):
        periods = range(1, min(LONGEST, (len(inside.items) - i) // 2) + 1)
        found = (inside.row(i, period) for period in periods)
        best = max(found, key=lambda row: row.period * row.blocks, default=_Row(i, 1, 1))
        if best.blocks > 1:
            rows.append(best)
            i += best.period * best.blocks
        else:
            i += 1
    for row in rows:
        view = _merge(view, inside, box, row)
    return view


class _Inside:
    """The items directly in a box, in creation order, with the cards in each and the links between them."""

    def __init__(self, view: View, box: int):
        cards: dict[str, list[Card]] = {}  # by item: the key of a card, or "b3" for box 3
        for card in view.cards.values():
            item = card.key
            for around in [*ancestors(view.boxes, card.group), -1]:
                if around == box:
                    cards.setdefault(item, []).append(card)
                    break
                item = f"b{around}"
        # Sources first: where data was made says nothing about the order of the operations.
        self.items = sorted(cards, key=lambda item: item[0] != "n" or view.cards[item].kind not in SOURCES)
        self.cards = [cards[item] for item in self.items]
        self.at = {card.key: i for i, inner in enumerate(self.cards) for card in inner}  # card: number of its item
        place = {card.key: i for inner in self.cards for i, card in enumerate(inner)}
        self.within: list[list[Hashable]] = [[] for _ in cards]
        # Number of an item or -1 for outside the box, its card, our card, slot.
        self.incoming: list[list[tuple[int, Hashable, int, str]]] = [[] for _ in cards]
        self.outgoing: list[set[int]] = [set() for _ in cards]  # items that use it; -1: something outside the box
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
        self.looks = [self._look(view, i) for i in range(len(cards))]

    def row(self, start: int, period: int) -> _Row:
        """Return the longest row of blocks of `period` items from `start`."""
        blocks = 1
        collected = self._collected(start, period, 0)
        while self._collected(start, period, blocks - 1) == collected and self._continues(start, period, blocks):
            blocks += 1
        if not self._users(start, period, blocks - 1) >= collected:
            blocks -= 1
        if collected and (blocks < 3 or any(0 <= user < start + period * blocks for _, user in collected)):
            blocks = 1
        whole = any(self.items[i][0] == "b" or self.cards[i][0].kind == "module" for i in range(start, start + period))
        return _Row(start, period, blocks if blocks >= LEAST[whole] else 1)

    def _look(self, view: View, i: int) -> Hashable:
        """Return the properties in which equal items agree."""
        looks = []
        for card in self.cards[i]:
            node = view.ir.nodes[card.value]
            parameters = tuple((view.ir.nodes[p].kind, view.ir.nodes[p].shape) for p in card.parameters)
            made = [view.ir.nodes[i] for i in card.members]
            inner = tuple((n.name, n.options, n.operands, n.shape) for n in made if n.kind == "op")
            names = {view.ir.nodes[p].name or "parameter" for p in card.parameters}  # each block has its own
            name = node.name if card.key[0] == "n" else view.ir.groups[int(card.key[1:])].type or card.title
            looks.append(
                (
                    card.kind,
                    name,
                    tuple("parameter" if operand in names else operand for operand in card.operands),
                    card.options,
                    card.detail,
                    card.copies,
                    inner,
                    node.shape,
                    node.dtype,
                    parameters,
                )
            )
        return self.items[i][0], tuple(looks), tuple(self.within[i])

    def _continues(self, start: int, period: int, block: int) -> bool:
        """Return whether a block equals the one before it, and takes from it what that took from its predecessor."""
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
                first = block == 1 and source >= start and former < start  # the first block takes from before the row
                if not (shifted or shared or first):
                    return False
        return True

    def _collected(self, start: int, period: int, block: int) -> set[tuple[int, int]]:
        """Return who uses the results of a block beside the block itself and the next one, as (item in the block, user)."""
        first = start + block * period
        return {(i, user) for i, user in self._users(start, period, block) if not first <= user < first + 2 * period}

    def _users(self, start: int, period: int, block: int) -> set[tuple[int, int]]:
        first = start + block * period
        return {(i - first, user) for i in range(first, first + period) for user in self.outgoing[i]}


def _merge(view: View, inside: _Inside, box: int, row: _Row) -> View:
    """Keep the first block of a row, with the links into the first block and out of the last."""
    cards, first = _merged_cards(view, inside, row)
    boxes = _numbered(view, inside, box, row, cards)
    links: list[Link] = []
    leaving: dict[tuple[str, str], Link] = {}  # what an operation behind the row collects from all blocks
    last = {
        (first.get(link.source, link.source), link.output): link.value
        for link in view.links
        if row.block(inside.at.get(link.source, -1)) == row.blocks - 1 and row.block(inside.at.get(link.target, -1)) < 0
    }
    for link in view.links:
        source, target = (row.block(inside.at.get(key, -1)) for key in (link.source, link.target))
        if target > 0:
            continue
        link = replace(link, source=first.get(link.source, link.source), target=first.get(link.target, link.target))
        ends = link.source, link.target
        if target < 0 <= source < row.blocks - 1:
            link.value = last.get((link.source, link.output), link.value)  # one value, so that one line leads to them
            if ends in leaving:
                leaving[ends].times += link.times
                continue
            leaving[ends] = link
        elif ends in leaving:  # of the last block
            links.remove(former := leaving.pop(ends))
            link.times += former.times
        links.append(link)
    kept = {around for group in {card.group for card in cards.values()} for around in ancestors(boxes, group)}
    return View(view.ir, cards, links, {key: box for key, box in boxes.items() if key in kept})


def _merged_cards(view: View, inside: _Inside, row: _Row) -> tuple[dict[str, Card], dict[str, str]]:
    """Return the cards without those of later blocks, and for each of these the card that stands for it."""
    cards = dict(view.cards)
    first: dict[str, str] = {}
    for i in range(row.start, row.start + row.period):
        for place, card in enumerate(inside.cards[i]):
            equal = [inside.cards[i + row.period * block][place] for block in range(row.blocks)]
            members = [member for one in equal for member in one.members]
            repeats = [*card.repeats, *(value for one in equal[1:] for value in one.every_value)]
            cards[card.key] = replace(
                card, members=members, copies=card.copies * row.blocks, repeats=repeats, alike=_alike(equal)
            )
            for one in equal[1:]:
                first[one.key] = card.key
                del cards[one.key]
    return cards, first


def _alike(equal: list[Card]) -> dict[int, list[int]]:
    """Return, by parameter of the first of equal cards, the others in its place, each once: copies may share one."""
    found = {}
    for place, first in enumerate(equal[0].parameters):
        every = [i for card in equal for i in (card.parameters[place], *card.alike.get(card.parameters[place], ()))]
        found[first] = [i for i in dict.fromkeys(every) if i != first]
    return {first: others for first, others in found.items() if others}


def _numbered(view: View, inside: _Inside, box: int, row: _Row, cards: dict[str, Card]) -> dict[int, Box]:
    """Write the number of blocks on the card, the box, or a new box around the block; return the boxes, parents first."""
    boxes = dict(view.boxes)
    items = inside.items[row.start : row.start + row.period]
    if len(items) == 1 and items[0][0] != "b":
        cards[items[0]].times = cards[items[0]].copies
    elif len(items) == 1:
        boxes[int(items[0][1:])] = replace(boxes[int(items[0][1:])], times=row.blocks)
    else:
        key = max(boxes, default=-1) + 1 + len(view.ir.groups)
        boxes[key] = Box(key, box, f"×{row.blocks}", "", "row", row.blocks)
        for item in items:
            if item[0] == "b":
                boxes[int(item[1:])] = replace(boxes[int(item[1:])], parent=key)
            else:
                cards[item].group = key
        boxes = dict(sorted(boxes.items(), key=lambda pair: len(list(ancestors(boxes, pair[0])))))
    return boxes
