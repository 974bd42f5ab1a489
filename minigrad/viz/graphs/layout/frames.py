"""A frame for each open box, laid out by itself: its items, and the ports where values cross its border.

To the frame around it a box is one item with a size and ports. So boxes never overlap, and a value enters a box once however
many items use it there. Ranks and orders (a Plan) do not depend on which boxes are open; positions across the ranks do, and
are computed again when one is closed, here and in page.js.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from minigrad.viz.graphs.ir import ancestors
from minigrad.viz.graphs.layout.coordinates import coordinates
from minigrad.viz.graphs.layout.ordering import order
from minigrad.viz.graphs.layout.ranks import rank
from minigrad.viz.graphs.view import Box, Card, Link, contents

__all__ = ["ROOT", "Frame", "Piece", "Plan", "Spacing", "frames_of", "lay_out"]

ROOT = -1
# The key of a card, "b3" of a box, "i12" and "o12" of the ports through which the value of node 12 comes and goes.
Item = str


@dataclass(frozen=True, slots=True)
class Spacing:
    """Distances in pixels."""

    between: float = 28.0  # cards beside one another
    bends: float = 16.0  # long links beside anything
    ranks: float = 30.0
    ports: float = 22.0  # ends of links on one card
    padding: float = 16.0  # within a box
    header: float = 26.0  # of a box, for its title


@dataclass(slots=True)
class Piece:
    """The part of a link that lies in one frame: from item to item, as places (rank, distance from the frame's left)."""

    source: Item
    target: Item
    value: int
    places: list[tuple[int, float]]
    branch: bool = False  # it starts at the first of its places, on another piece, and not at the source


@dataclass(slots=True)
class Plan:
    """Ranks and orders of the items in one box. Vertices are the items, numbered as in `names`, and then bends of links."""

    names: list[Item]
    links: list[tuple[Item, Item, int]]  # source, target, value
    ranks: list[int]
    layers: list[list[int]]
    paths: list[list[int]]  # of each link, through its bends; or as a branch from a bend of another
    main: set[tuple[int, int]]  # (item, neighbor) to keep in line
    header: float | None  # the width that the box's title needs

    @property
    def entries(self) -> list[Item]:
        return [name for name in self.names if name[0] == "i"]

    @property
    def exits(self) -> list[Item]:
        return [name for name in self.names if name[0] == "o"]


@dataclass(slots=True)
class Frame:
    """The inside of a box: its items by rank, from left to right. x and width lie across the ranks."""

    layers: list[list[Item]] = field(default_factory=list)
    x: dict[Item, float] = field(default_factory=dict)  # of the center
    gaps: list[float] = field(default_factory=list)  # after each rank
    pieces: list[Piece] = field(default_factory=list)
    width: float = 0.0
    ports: dict[Item, float] = field(default_factory=dict)  # "i12": its x
    entries: bool = False  # values come in, so that the first rank is of ports
    exits: bool = False
    low: set[Item] = field(default_factory=set)  # items without inputs: at the end of their rank, near their users


def lay_out(
    cards: Mapping[str, Card],
    boxes: Mapping[int, Box],
    links: Sequence[Link],
    sizes: Mapping[str, tuple[float, float]],
    headers: Mapping[int, float],
    spacing: Spacing,
    sideways: bool = False,
) -> tuple[dict[int, Plan], dict[int, Frame], list[list[tuple[int, int]]]]:
    """Return plans and frames, innermost first, and for each link its pieces as (box, index), from source to target.

    `sizes` of the cards are (across, along) the ranks; `headers` are the widths that the titles of the boxes need.
    """
    local, ways = _split(cards, boxes, links)
    strong = {link.value for link in links if link.tracked}
    inside = contents(cards, boxes)
    plans: dict[int, Plan] = {}
    frames: dict[int, Frame] = {}
    for key in [*reversed(list(boxes)), ROOT]:
        plan = plans[key] = _ranked(inside[key], local.get(key, []), strong, headers.get(key))
        layout = _Layout(plan, frames, sizes, spacing)
        plan.layers = layout.ordered()
        frames[key] = layout.frame(sideways)
    return plans, frames, ways


def frames_of(
    plans: Mapping[int, Plan],
    closed: Collection[int],
    sizes: Mapping[str, tuple[float, float]],
    spacing: Spacing,
    sideways: bool = False,
) -> dict[int, Frame]:
    """Return the frames while these boxes are closed: box 3 is then the card "g3", whose size is in `sizes`."""
    frames: dict[int, Frame] = {}
    for key, plan in plans.items():
        if key not in closed:
            names = [f"g{name[1:]}" if name[0] == "b" and int(name[1:]) in closed else name for name in plan.names]
            renamed = dict(zip(plan.names, names, strict=True))
            links = [(renamed[source], renamed[target], value) for source, target, value in plan.links]
            frames[key] = _Layout(replace(plan, names=names, links=links), frames, sizes, spacing).frame(sideways)
    return frames


def _ranked(items: list[Item], links: list[tuple[Item, Item, int]], strong: set[int], header: float | None) -> Plan:
    """Return a plan whose layers are still in creation order; `strong` are the values along which a gradient flows."""
    entries = list(dict.fromkeys(source for source, _, _ in links if source[0] == "i"))
    exits = list(dict.fromkeys(target for _, target, _ in links if target[0] == "o"))
    names = [*entries, *items, *exits]
    index = {name: v for v, name in enumerate(names)}
    numbered = [(index[source], index[target], value) for source, target, value in links]
    layers, ranks, paths = rank(len(names), numbered, [index[port] for port in entries], [index[port] for port in exits])
    return Plan(names, links, ranks, layers, paths, _main(numbered, ranks, paths, len(names), strong), header)


def _split(
    cards: Mapping[str, Card], boxes: Mapping[int, Box], links: Sequence[Link]
) -> tuple[dict[int, list[tuple[Item, Item, int]]], list[list[tuple[int, int]]]]:
    """Return the pieces of links, one in every frame on the way; pieces that several links share are there once."""
    local: dict[int, list[tuple[Item, Item, int]]] = defaultdict(list)
    known: dict[tuple[int, Item, Item, int], int] = {}
    used: set[tuple[int, int]] = set()
    ways = []
    for link in links:
        up, down = ([*ancestors(boxes, cards[key].group), ROOT] for key in (link.source, link.target))
        inside = set(down)
        common = next(key for key in up if key in inside)
        pieces = []
        here: Item = link.source
        for key in up[: up.index(common)]:
            pieces.append((key, here, f"o{link.value}"))
            here = f"b{key}"
        into = down[: down.index(common)][::-1]
        for key, inner in zip([common, *into], [*into, None], strict=True):
            there: Item = link.target if inner is None else f"b{inner}"
            pieces.append((key, here, there))
            here = f"i{link.value}"
        way = []
        for key, source, target in pieces:
            index = known.get((key, source, target, link.value))
            final = target == link.target
            if index is None or (final and (key, index) in used):  # x*x: two links, side by side
                index = known[key, source, target, link.value] = len(local[key])
                local[key].append((source, target, link.value))
            if final:
                used.add((key, index))
            way.append((key, index))
        ways.append(way)
    return local, ways


class _Layout:
    """The layout of one frame by its plan, inside out: the frames of open boxes in it are known."""

    def __init__(
        self,
        plan: Plan,
        frames: Mapping[int, Frame],
        sizes: Mapping[str, tuple[float, float]],
        spacing: Spacing,
    ):
        self.plan, self.frames, self.spacing = plan, frames, spacing
        self.names, self.links, self.ranks, self.paths, self.layers = (
            plan.names,
            plan.links,
            plan.ranks,
            plan.paths,
            plan.layers,
        )
        self.count = len(self.names)
        self.index = {name: v for v, name in enumerate(self.names)}
        self.numbered = [(self.index[source], self.index[target], value) for source, target, value in self.links]
        self.widths = [0.0] * len(self.ranks)
        for v, name in enumerate(self.names):
            if name[0] not in "io":
                self.widths[v] = frames[int(name[1:])].width if name[0] == "b" else sizes[name][0]
        self.ports = self._box_ports()  # (vertex, neighbor): place of their link on the vertex, from its center
        self.above, self.below = self._neighbors()

    def ordered(self) -> list[list[int]]:
        """Return the layers, each from left to right."""
        self.layers = order(self.layers, self.above, self.below, self._fraction)
        return self.layers

    def frame(self, sideways: bool) -> Frame:
        """Return the frame."""
        plan, above, below = self.plan, self.above, self.below
        ends = self._spread(plan.main)
        x = coordinates(self.layers, above, below, self.count, plan.main, self._distance, self._port)
        frame = Frame([[self.names[v] for v in layer if v < self.count] for layer in self.layers])
        frame.low = {name for name, v in self.index.items() if not above[v] and below[v]}
        left = min((center - width / 2 for center, width in zip(x, self.widths, strict=True)), default=0.0)
        right = max((center + width / 2 for center, width in zip(x, self.widths, strict=True)), default=0.0)
        entries = [x[self.index[entry]] - left for entry in plan.entries]
        before, after = _margins(plan.header, right - left, entries, self.spacing, sideways)
        x = [value - left + before for value in x]
        frame.width = right - left + before + after
        frame.x = {name: x[v] for name, v in self.index.items()}
        frame.ports = {name: frame.x[name] for name in [*plan.entries, *plan.exits]}
        frame.entries, frame.exits = bool(plan.entries), bool(plan.exits)
        for (source, target, value), path, end in zip(self.links, self.paths, ends, strict=True):
            branch = path[0] != self.index[source]
            start = 0.0 if branch or source[0] != "b" else self._box_port(source, f"o{value}")
            stop = self._box_port(target, f"i{value}") if target[0] == "b" else end
            shifts = [start, *[0.0] * (len(path) - 2), stop]
            places = [(self.ranks[v], x[v] + shift) for v, shift in zip(path, shifts, strict=True)]
            frame.pieces.append(Piece(source, target, value, places, branch))
        frame.gaps = _gaps(frame, len(self.layers), self.spacing)
        return frame

    def _neighbors(self) -> tuple[list[list[int]], list[list[int]]]:
        """Return the neighbors of each vertex in the ranks above and below; a link straight across several has none."""
        above: list[dict[int, None]] = [{} for _ in self.ranks]
        below: list[dict[int, None]] = [{} for _ in self.ranks]
        for path in self.paths:
            for u, v in pairwise(path):
                if self.ranks[v] == self.ranks[u] + 1:
                    below[u][v] = None
                    above[v][u] = None
        return [list(a) for a in above], [list(b) for b in below]

    def _box_ports(self) -> dict[tuple[int, int], float]:
        """Return, for the alignment, the place of a box's first link with a neighbor."""
        found: dict[tuple[int, int], float] = {}
        for (source, target, value), path in zip(self.numbered, self.paths, strict=True):
            for box, near, port in ((source, path[1], f"o{value}"), (target, path[-2], f"i{value}")):
                if self.names[box][0] == "b" and near != box and box in (path[0], path[-1]):
                    found.setdefault((box, near), self._box_port(self.names[box], port))
        return found

    def _box_port(self, box: Item, port: Item) -> float:
        """Return the place of a port on a box, from its center."""
        inner = self.frames[int(box[1:])]
        return inner.ports[port] - inner.width / 2

    def _spread(self, main: set[tuple[int, int]]) -> list[float]:
        """Return the place where each link ends on its card, from the center; adds the ports of cards.

        Ends follow the order of the links' sources. A single main link is in the middle: the main path goes straight.
        """
        place = {v: i for layer in self.layers for i, v in enumerate(layer)}
        ends: dict[int, list[tuple[float, int, int]]] = defaultdict(list)
        arriving = [0.0] * len(self.links)
        for i, ((_, target, _), path) in enumerate(zip(self.numbered, self.paths, strict=True)):
            if self.names[target][0] not in "bio":
                ends[target].append((place[path[-2]] + self._fraction(path[-2], target), i, path[-2]))
        for target, found in ends.items():
            found.sort()
            width = self.widths[target]
            step = min(self.spacing.ports, (width - 20) / max(1, len(found) - 1))
            straight = [k for k, (_, _, near) in enumerate(found) if (target, near) in main]
            middle = straight[0] if len(straight) == 1 else (len(found) - 1) / 2
            for k, (_, i, _) in enumerate(found):
                arriving[i] = max(-width / 2 + 8, min(width / 2 - 8, (k - middle) * step))
            for near in {near for _, _, near in found}:
                offsets = [arriving[i] for _, i, n in found if n == near]
                self.ports[target, near] = sum(offsets) / len(offsets)
        return arriving

    def _port(self, v: int, u: int) -> float:
        return self.ports.get((v, u), 0.0)

    def _fraction(self, v: int, u: int) -> float:
        """Return the place of a port as a fraction of the vertex's width."""
        return self.ports[v, u] / (2 * self.widths[v]) if (v, u) in self.ports and self.widths[v] else 0.0

    def _distance(self, u: int, v: int) -> float:
        """Return the least distance between the centers of neighbors in a rank."""
        cards = u < self.count and v < self.count and self.names[u][0] not in "io"
        gap = self.spacing.between if cards else self.spacing.bends
        return self.widths[u] / 2 + gap + self.widths[v] / 2


def _main(
    links: Sequence[tuple[int, int, int]], ranks: Sequence[int], paths: Sequence[Sequence[int]], count: int, strong: set[int]
) -> set[tuple[int, int]]:
    """Return (item, neighbor) for links that are best drawn straight: those of the item's longest paths, up and down.

    Only links without bends along which a gradient flows: skip connections, and data, may come from the side.
    """
    below: list[list[int]] = [[] for _ in range(count)]
    above: list[list[int]] = [[] for _ in range(count)]
    straight: list[set[int]] = [set() for _ in range(count)]
    for (source, target, value), path in zip(links, paths, strict=True):
        below[source].append(target)
        above[target].append(source)
        if value in strong and path == [source, target] and ranks[target] == ranks[source] + 1:
            straight[source].add(target)
            straight[target].add(source)
    found = set()
    for ways, back in ((below, above), (above, below)):
        length = _longest(ways, back)
        for item in range(count):
            near = [other for other in ways[item] if other in straight[item]]
            longest = max((length[other] for other in near), default=0)
            found |= {(item, other) for other in near if length[other] == longest}
    return found


def _longest(ways: Sequence[Sequence[int]], back: Sequence[Sequence[int]]) -> list[int]:
    """Return the number of links of the longest path from each item."""
    length = [0] * len(ways)
    waiting = [len(w) for w in ways]
    ready = [item for item, left in enumerate(waiting) if not left]
    for item in ready:  # grows while it is walked
        for other in back[item]:
            length[other] = max(length[other], length[item] + 1)
            waiting[other] -= 1
            if not waiting[other]:
                ready.append(other)
    return length


def _margins(
    header: float | None, width: float, entries: Sequence[float], spacing: Spacing, sideways: bool
) -> tuple[float, float]:
    """Return the room before and after the content, across the ranks: for the title, and for links that would cross it."""
    if header is None:
        return 0.0, 0.0
    if sideways:
        return spacing.header + spacing.padding / 2, spacing.padding
    before = spacing.padding
    if entries:  # the title is left of the first link that comes in
        before = max(before, header + 20 - min(entries))
    after = max(spacing.padding, header + 16 - width - before)
    if before > spacing.padding and len(entries) == 1:  # keep the content in the middle
        after = max(after, min(before, before + 2 * min(entries) - width))
    return before, after


def _gaps(frame: Frame, ranks: int, spacing: Spacing) -> list[float]:
    """Return the room after each rank; wider where links run far across it."""
    across = [0.0] * ranks
    for piece in frame.pieces:
        for (r, x), (_, y) in pairwise(piece.places):
            across[r] = max(across[r], abs(y - x))
    gaps = [spacing.ranks + min(60.0, across[r] * 0.1) for r in range(ranks)]
    if frame.entries:  # straight ones need no room to turn
        gaps[0] = 8.0 if across[0] < 1 else gaps[0]
    if frame.exits and ranks > 1:
        gaps[-2] = spacing.padding if across[-2] < 1 else gaps[-2]
    return gaps
