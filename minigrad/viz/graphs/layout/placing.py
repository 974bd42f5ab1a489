"""Absolute positions of all items, from the frames of the open boxes.

Each rank is as tall as its tallest item, and boxes grow from the inside. `page.js` does the same sums when a reader closes a
box.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from minigrad.viz.graphs.layout.frames import ROOT, Frame, Piece, Spacing
from minigrad.viz.graphs.numbers import px

__all__ = ["ARROW", "Placement", "Rect", "path", "place"]

Rect = tuple[float, float, float, float]  # x, y, width, height
Point = tuple[float, float]
ARROW = 7.0  # how far before its card a line ends, for the arrow's head


@dataclass(slots=True)
class Placement:
    """Cards and boxes as rectangles, and the pieces of links as lines."""

    width: float = 0.0
    height: float = 0.0
    cards: dict[str, Rect] = field(default_factory=dict)
    boxes: dict[int, Rect] = field(default_factory=dict)
    lines: dict[tuple[int, int], list[Point]] = field(default_factory=dict)  # by box and index: see `path`


def place(
    frames: Mapping[int, Frame],
    sizes: Mapping[str, tuple[float, float]],
    spacing: Spacing,
    sideways: bool = False,
) -> Placement:
    """Return positions; `frames` are innermost first."""
    page = _Placing(frames, sizes, spacing, sideways).page
    return _turned(page) if sideways else page


def path(line: list[Point], sideways: bool = False, beside: float = 0.0) -> str:
    """Return a line as the path of an SVG: straight within ranks, and between them a curve that leaves and arrives straight.

    One that runs beside another turns a little earlier or later than that, so that the two do not cross.
    """
    points = _swapped(line) if sideways else line

    def at(*corners: Point) -> str:
        return " ".join(f"{px(x)},{px(y)}" for x, y in (_swapped(corners) if sideways else corners))

    parts = [f"M{at(points[0])}"]
    for (x, y), (u, v) in pairwise(points):
        middle = (y + v) / 2 + (beside if u < x else -beside)
        parts.append(f"L{at((u, v))}" if abs(x - u) < 0.05 else f"C{at((x, middle), (u, middle), (u, v))}")
    return "".join(parts)


class _Placing:
    """One placement: heights are added up from the inside to the outside, then positions from the outside to the inside."""

    def __init__(
        self,
        frames: Mapping[int, Frame],
        sizes: Mapping[str, tuple[float, float]],
        spacing: Spacing,
        sideways: bool,
    ):
        self.frames, self.sizes = frames, sizes
        self.extents: dict[int, float] = {}  # of each box, along the ranks
        self.heights: dict[int, list[float]] = {}  # of the ranks of each box
        self.tops: dict[int, list[float]] = {}
        for key, frame in frames.items():
            self._stack(key, frame, spacing.padding if sideways else spacing.header, spacing.padding)
        self.page = Placement(frames[ROOT].width, self.extents[ROOT])
        self.corners: dict[int, Point] = {ROOT: (0.0, 0.0)}  # of the open boxes
        for key in reversed(list(frames)):
            if key in self.corners:  # and not inside a closed box
                self._fill(key, frames[key])

    def _stack(self, key: int, frame: Frame, header: float, padding: float) -> None:
        """Add up the heights of the ranks of a box, after those of the boxes in it."""
        heights = [max(map(self._extent, layer), default=0.0) for layer in frame.layers]
        if frame.entries:
            heights[0] = header  # links come in straight, beside the title
        tops = []
        y = 0.0 if key == ROOT or frame.entries else header + 8
        for height, gap in zip(heights, [*frame.gaps[:-1], 0.0], strict=False):
            tops.append(y)
            y += height + gap
        self.heights[key], self.tops[key] = heights, tops
        self.extents[key] = y + (0.0 if key == ROOT or frame.exits else padding)

    def _fill(self, key: int, frame: Frame) -> None:
        """Place the items and the lines in an open box."""
        bounds: dict[str, tuple[float, float]] = {}
        for layer, top, height in zip(frame.layers, self.tops[key], self.heights[key], strict=True):
            for item in layer:
                extent = self._extent(item)
                spare = height - extent
                y = self.corners[key][1] + top + (0.0 if item[0] == "i" else spare if item in frame.low else spare / 2)
                bounds[item] = y, y + extent
                self._put(frame, item, self.corners[key][0], y, extent)
        for i, piece in enumerate(frame.pieces):
            self.page.lines[key, i] = self._line(key, frame, piece, bounds)

    def _put(self, frame: Frame, item: str, left: float, y: float, extent: float) -> None:
        """Place one item: an open box, or a card; ports take no room."""
        if item[0] == "b":
            box = int(item[1:])
            width = self.frames[box].width
            self.corners[box] = left + frame.x[item] - width / 2, y
            self.page.boxes[box] = (*self.corners[box], width, extent)
        elif item[0] not in "io":
            width = self.sizes[item][0]
            self.page.cards[item] = (left + frame.x[item] - width / 2, y, width, extent)

    def _line(self, key: int, frame: Frame, piece: Piece, bounds: Mapping[str, tuple[float, float]]) -> list[Point]:
        """Return corner points: out of the source to the end of its rank, along each rank on the way, down to the target."""
        (left, top), tops, heights = self.corners[key], self.tops[key], self.heights[key]
        (first, x), *between, (last, end) = piece.places
        end_of_rank = top + tops[first] + heights[first]
        points = [(left + x, end_of_rank if piece.branch else bounds[piece.source][1])]
        _append(points, left + x, end_of_rank)
        for r, bend in between:
            _append(points, left + bend, top + tops[r])
            _append(points, left + bend, top + tops[r] + heights[r])
        _append(points, left + end, top + tops[last])
        through = piece.target[0] in "bo"
        tip = bounds[piece.target][0] - (0.0 if through else ARROW)
        if tip < points[-1][1]:
            points[-1] = (points[-1][0], tip)
        else:
            _append(points, left + end, tip)
        return points

    def _extent(self, item: str) -> float:
        return self.extents[int(item[1:])] if item[0] == "b" else 0.0 if item[0] in "io" else self.sizes[item][1]


def _append(points: list[Point], x: float, y: float) -> None:
    if points[-1] != (x, y):
        points.append((x, y))


def _swapped(points: Sequence[Point]) -> list[Point]:
    return [(y, x) for x, y in points]


def _turned(page: Placement) -> Placement:
    """Return the placement with ranks from left to right instead of from top to bottom."""
    return Placement(
        page.height, page.width,
        {key: (y, x, h, w) for key, (x, y, w, h) in page.cards.items()},
        {key: (y, x, h, w) for key, (x, y, w, h) in page.boxes.items()},
        {key: _swapped(line) for key, line in page.lines.items()},
    )  # fmt: skip
