"""A frame for each open box, laid out by itself: its items, and the ports where values cross its border.

To the frame around it a box is one item with a size and ports. So boxes never overlap, a value enters a box once however
many items use it there, and a box can be closed without a new layout of the frames around it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from minigrad.viz.graphs.ir import ancestors
from minigrad.viz.graphs.layout.coordinates import coordinates
from minigrad.viz.graphs.layout.ordering import order
from minigrad.viz.graphs.layout.ranks import rank
from minigrad.viz.graphs.view import Box, Card, Link, contents

__all__ = ["ROOT", "Frame", "Piece", "Spacing", "lay_out"]

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
class Frame:
    """The inside of a box: its items by rank, from left to right. x and width lie across the ranks."""

    layers: list[list[Item]] = field(default_factory=list)
    x: dict[Item, float] = field(default_factory=dict)  # of the center
    gaps: list[float] = field(default_factory=list)  # after each rank
    pieces: list[Piece] = field(default_factory=list)
    width: float = 0.0
    ports: dict[Item, float] = field(default_factory=dict)  # "i12": its x
    axis: float = 0.0  # x of the main path: the place of the box's card while it is closed
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
) -> tuple[dict[int, Frame], list[list[tuple[int, int]]]]:
    """Return the frames, innermost first, and for each link its pieces as (box, index), from source to target.

    `sizes` of the cards are (across, along) the ranks; `headers` are the widths that the titles of the boxes need.
    """
    local, ways = _split(cards, boxes, links)
    strong = {link.value for link in links if link.tracked}
    inside = contents(cards, boxes)
    frames: dict[int, Frame] = {}
    for key in [*reversed(list(boxes)), ROOT]:
        frames[key] = _frame(inside[key], local.get(key, []), strong, frames, sizes, headers.get(key), spacing, sideways)
    return frames, ways


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


def _frame(
    items: list[Item],
    links: list[tuple[Item, Item, int]],
    strong: set[int],
    frames: Mapping[int, Frame],
    sizes: Mapping[str, tuple[float, float]],
    header: float | None,
    spacing: Spacing,
    sideways: bool,
) -> Frame:
    entries = list(dict.fromkeys(source for source, _, _ in links if source[0] == "i"))
    exits = list(dict.fromkeys(target for _, target, _ in links if target[0] == "o"))
    names = [*entries, *items, *exits]
    index = {name: i for i, name in enumerate(names)}
    numbered = [(index[source], index[target], value) for source, target, value in links]
    count = len(names)
    ranked = rank(count, numbered, [index[e] for e in entries], [index[e] for e in exits])
    above, below = _neighbors(ranked.paths, ranked.ranks)
    widths = [_width(name, frames, sizes) for name in names] + [0.0] * (len(ranked.ranks) - count)
    leaving = _box_ports(numbered, ranked.paths, names, widths, frames)

    def fraction(v: int, u: int) -> float:
        return leaving[v, u] / (2 * widths[v]) if (v, u) in leaving and widths[v] else 0.0

    layers = order(ranked.layers, above, below, fraction)
    main = _main(numbered, ranked.paths, ranked.ranks, strong, count)
    arriving = _spread(numbered, ranked.paths, layers, names, widths, spacing, leaving, main)

    def distance(u: int, v: int) -> float:
        gap = spacing.between if u < count and v < count and names[u][0] not in "io" else spacing.bends
        return widths[u] / 2 + gap + widths[v] / 2

    def port(v: int, u: int) -> float:
        return leaving.get((v, u), 0.0)

    x = coordinates(layers, above, below, count, main, distance, port)
    frame = Frame([[names[v] for v in layer if v < count] for layer in layers])
    frame.low = {name for name, v in index.items() if not above[v] and below[v]}
    left = min((x[v] - widths[v] / 2 for v in range(len(x))), default=0.0)
    right = max((x[v] + widths[v] / 2 for v in range(len(x))), default=0.0)
    before, after = _margins(header, right - left, [x[index[e]] - left for e in entries], spacing, sideways)
    x = [value - left + before for value in x]
    frame.width = right - left + before + after
    frame.x = {name: x[v] for name, v in index.items()}
    frame.ports = {name: frame.x[name] for name in [*entries, *exits]}
    frame.entries, frame.exits = bool(entries), bool(exits)
    through = [frame.x[name] for name in exits or entries]
    frame.axis = sum(through) / len(through) if through else frame.width / 2
    for i, (source, target, value) in enumerate(links):
        path = ranked.paths[i]
        branch = path[0] != index[source]
        start = 0.0 if branch else _port(source, f"o{value}", frames, sizes)
        end = _port(target, f"i{value}", frames, sizes) if target[0] == "b" else arriving[i]
        shifts = [start, *[0.0] * (len(path) - 2), end]
        places = [(ranked.ranks[v], x[v] + shift) for v, shift in zip(path, shifts, strict=True)]
        frame.pieces.append(Piece(source, target, value, places, branch))
    frame.gaps = _gaps(frame, len(layers), spacing)
    return frame


def _neighbors(paths: Sequence[Sequence[int]], ranks: Sequence[int]) -> tuple[list[list[int]], list[list[int]]]:
    """Return the neighbors of each vertex in the ranks above and below; a link straight across several ranks has none."""
    count = len(ranks)
    above: list[dict[int, None]] = [{} for _ in range(count)]
    below: list[dict[int, None]] = [{} for _ in range(count)]
    for path in paths:
        for u, v in pairwise(path):
            if ranks[v] == ranks[u] + 1:
                below[u][v] = None
                above[v][u] = None
    return [list(a) for a in above], [list(b) for b in below]


def _main(
    links: Sequence[tuple[int, int, int]],
    paths: Sequence[Sequence[int]],
    ranks: Sequence[int],
    strong: set[int],
    count: int,
) -> set[tuple[int, int]]:
    """Return (item, neighbor) for links that are best drawn straight: those of the item's longest paths, up and down.

    Only links without bends along which a gradient flows: skip connections, and data, may come from the side.
    """
    below: list[list[int]] = [[] for _ in range(count)]
    above: list[list[int]] = [[] for _ in range(count)]
    for source, target, _ in links:
        below[source].append(target)
        above[target].append(source)
    straight: list[set[int]] = [set() for _ in range(count)]
    for (source, target, value), path in zip(links, paths, strict=True):
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


def _width(name: Item, frames: Mapping[int, Frame], sizes: Mapping[str, tuple[float, float]]) -> float:
    if name[0] == "b":
        return frames[int(name[1:])].width
    return 0.0 if name[0] in "io" else sizes[name][0]


def _box_ports(
    links: Sequence[tuple[int, int, int]],
    paths: Sequence[Sequence[int]],
    names: Sequence[Item],
    widths: Sequence[float],
    frames: Mapping[int, Frame],
) -> dict[tuple[int, int], float]:
    """Return, for the alignment, the place of a box's first link with a neighbor, from the center of the box."""
    found: dict[tuple[int, int], float] = {}
    for (source, target, value), path in zip(links, paths, strict=True):
        for box, near, port in ((source, path[1], f"o{value}"), (target, path[-2], f"i{value}")):
            if names[box][0] == "b" and near != box and box in (path[0], path[-1]):
                found.setdefault((box, near), frames[int(names[box][1:])].ports[port] - widths[box] / 2)
    return found


def _port(item: Item, name: Item, frames: Mapping[int, Frame], sizes: Mapping[str, tuple[float, float]]) -> float:
    """Return the place of a value's port on a box, from its center; links leave a card in the middle."""
    return frames[int(item[1:])].ports[name] - _width(item, frames, sizes) / 2 if item[0] == "b" else 0.0


def _spread(
    links: Sequence[tuple[int, int, int]],
    paths: Sequence[Sequence[int]],
    layers: Sequence[Sequence[int]],
    names: Sequence[Item],
    widths: Sequence[float],
    spacing: Spacing,
    leaving: dict[tuple[int, int], float],
    main: set[tuple[int, int]],
) -> list[float]:
    """Return the place where each link ends on its card, from the center; adds the ports to `leaving`.

    Ends follow the order of the links' sources. A single main link is in the middle: the main path goes straight.
    """
    place = {v: i for layer in layers for i, v in enumerate(layer)}
    ends: dict[int, list[tuple[float, int, int]]] = defaultdict(list)
    arriving = [0.0] * len(links)
    for i, ((_, target, _), path) in enumerate(zip(links, paths, strict=True)):
        if names[target][0] not in "bio":
            shift = leaving.get((path[-2], target), 0.0) / (2 * widths[path[-2]]) if widths[path[-2]] else 0.0
            ends[target].append((place[path[-2]] + shift, i, path[-2]))
    for target, found in ends.items():
        found.sort()
        step = min(spacing.ports, (widths[target] - 20) / max(1, len(found) - 1))
        straight = [k for k, (_, _, near) in enumerate(found) if (target, near) in main]
        middle = straight[0] if len(straight) == 1 else (len(found) - 1) / 2
        for k, (_, i, _) in enumerate(found):
            arriving[i] = max(-widths[target] / 2 + 8, min(widths[target] / 2 - 8, (k - middle) * step))
        for near in {near for _, _, near in found}:
            offsets = [arriving[i] for _, i, n in found if n == near]
            leaving[target, near] = sum(offsets) / len(offsets)
    return arriving


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
        if "b" in (piece.source[0], piece.target[0]):  # a box may be closed, and its ports move
            across[piece.places[0][0]] = max(1.0, across[piece.places[0][0]])
    gaps = [spacing.ranks + min(60.0, across[r] * 0.1) for r in range(ranks)]
    if frame.entries:  # straight ones need no room to turn
        gaps[0] = 8.0 if across[0] < 1 else gaps[0]
    if frame.exits and ranks > 1:
        gaps[-2] = spacing.padding if across[-2] < 1 else gaps[-2]
    return gaps
