"""From frames to a page: where everything is, once it is known which boxes are open.

Only heights depend on that: each rank is as tall as its tallest item, and boxes grow from the inside. `page.js` does the
same sums when a reader closes a box.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from types import MappingProxyType

from minigrad.viz.graphs.layout.frames import ROOT, Frame, Piece, Spacing

__all__ = ["Placement", "Rect", "place"]

Rect = tuple[float, float, float, float]  # x, y, width, height
Point = tuple[float, float]
ARROW = 7.0  # how far before its card a line ends, for the arrow's head


@dataclass(slots=True)
class Placement:
    """Cards and boxes as rectangles, and the pieces of links as paths of SVG."""

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
    closed: Mapping[int, tuple[float, float]] = MappingProxyType({}),
) -> Placement:
    """Positions, with the boxes in `closed` drawn as cards "g3" of those sizes; `frames` are innermost first."""
    extents: dict[int, float] = {}
    tops: dict[int, list[float]] = {}
    heights: dict[int, list[float]] = {}
    for key, frame in frames.items():
        heights[key] = [max((_extent(item, sizes, extents) for item in layer), default=0.0) for layer in frame.layers]
        header = spacing.padding if sideways else spacing.header
        if frame.entries:
            heights[key][0] = header  # links come in straight, beside the title
        y = 0.0 if key == ROOT or frame.entries else header + 8
        tops[key] = []
        for r, height in enumerate(heights[key]):
            tops[key].append(y)
            y += height + (frame.gaps[r] if r < len(heights[key]) - 1 else 0.0)
        extents[key] = closed[key][1] if key in closed else y + (0.0 if key == ROOT or frame.exits else spacing.padding)
    page = Placement(frames[ROOT].width, extents[ROOT])
    corners: dict[int, Point] = {ROOT: (0.0, 0.0)}
    for key in reversed(list(frames)):
        if key not in corners:
            continue  # inside a closed box
        frame, (left, top) = frames[key], corners[key]
        bounds: dict[str, tuple[float, float]] = {}
        for r, layer in enumerate(frame.layers):
            for item in layer:
                extent = _extent(item, sizes, extents)
                spare = heights[key][r] - extent
                y = top + tops[key][r] + (0.0 if item[0] == "i" else spare if item in frame.low else spare / 2)
                bounds[item] = y, y + extent
                inner = int(item[1:]) if item[0] == "b" else None
                if inner is not None and inner not in closed:
                    width = frames[inner].width
                    corners[inner] = left + frame.x[item] - width / 2, y
                    page.boxes[inner] = (*corners[inner], width, extent)
                elif inner is not None:
                    width, _ = closed[inner]
                    page.cards[f"g{inner}"] = (left + centre(frame, item, frames, width) - width / 2, y, width, extent)
                elif item[0] not in "io":
                    width = sizes[item][0]
                    page.cards[item] = (left + frame.x[item] - width / 2, y, width, extent)
        for i, piece in enumerate(frame.pieces):
            page.lines[key, i] = _line(piece, frame, frames, left, top, tops[key], heights[key], bounds, closed)
    return _turned(page) if sideways else page


def path(line: list[Point], sideways: bool = False, beside: float = 0.0) -> str:
    """A line as the path of an SVG: straight within ranks, and between them in a curve that leaves and arrives straight.

    One that runs beside another turns a little earlier or later than that, so that the two do not cross.
    """
    parts = [f"M{_fmt(line[0][0])},{_fmt(line[0][1])}"]
    for (x, y), (u, v) in pairwise(line):
        if abs((y - v) if sideways else (x - u)) < 0.05:
            parts.append(f"L{_fmt(u)},{_fmt(v)}")
        elif sideways:
            middle = (x + u) / 2 + (beside if v < y else -beside)
            parts.append(f"C{_fmt(middle)},{_fmt(y)} {_fmt(middle)},{_fmt(v)} {_fmt(u)},{_fmt(v)}")
        else:
            middle = (y + v) / 2 + (beside if u < x else -beside)
            parts.append(f"C{_fmt(x)},{_fmt(middle)} {_fmt(u)},{_fmt(middle)} {_fmt(u)},{_fmt(v)}")
    return "".join(parts)


def _line(
    piece: Piece,
    frame: Frame,
    frames: Mapping[int, Frame],
    left: float,
    top: float,
    tops: list[float],
    heights: list[float],
    bounds: Mapping[str, tuple[float, float]],
    closed: Mapping[int, tuple[float, float]],
) -> list[Point]:
    """Corner points: out of the source to the end of its rank, along each rank that it passes, and down to the target."""
    (first, x), *between, (last, end) = piece.places
    x = x if piece.branch else _within(piece.source, x, frame, frames, closed)
    end = _within(piece.target, end, frame, frames, closed)
    end_of_rank = top + tops[first] + heights[first]
    points = [(left + x, end_of_rank if piece.branch else bounds[piece.source][1])]
    _append(points, left + x, end_of_rank)
    for r, bend in between:
        _append(points, left + bend, top + tops[r])
        _append(points, left + bend, top + tops[r] + heights[r])
    _append(points, left + end, top + tops[last])
    through = piece.target[0] == "o" or (piece.target[0] == "b" and int(piece.target[1:]) not in closed)
    tip = bounds[piece.target][0] - (0.0 if through else ARROW)
    if tip < points[-1][1]:
        points[-1] = (points[-1][0], tip)
    else:
        _append(points, left + end, tip)
    return points


def centre(frame: Frame, box: str, frames: Mapping[int, Frame], width: float) -> float:
    """The centre of a closed box, from the frame's left: on its main path, within what the open box takes."""
    inner = frames[int(box[1:])]
    spare = max(0.0, (inner.width - width) / 2)
    return frame.x[box] + max(-spare, min(spare, inner.axis - inner.width / 2))


def _within(
    item: str, x: float, frame: Frame, frames: Mapping[int, Frame], closed: Mapping[int, tuple[float, float]]
) -> float:
    """Where a line meets an item: where the port was, or as near to it as a closed box reaches."""
    if item[0] != "b" or int(item[1:]) not in closed:
        return x
    width, _ = closed[int(item[1:])]
    middle, half = centre(frame, item, frames, width), width / 2 - 10
    return max(middle - half, min(middle + half, x))


def _append(points: list[Point], x: float, y: float) -> None:
    if points[-1] != (x, y):
        points.append((x, y))


def _extent(item: str, sizes: Mapping[str, tuple[float, float]], extents: Mapping[int, float]) -> float:
    return extents[int(item[1:])] if item[0] == "b" else 0.0 if item[0] in "io" else sizes[item][1]


def _turned(page: Placement) -> Placement:
    """Ranks from left to right instead of from top to bottom."""
    return Placement(
        page.height, page.width,
        {key: (y, x, h, w) for key, (x, y, w, h) in page.cards.items()},
        {key: (y, x, h, w) for key, (x, y, w, h) in page.boxes.items()},
        {key: [(y, x) for x, y in line] for key, line in page.lines.items()},
    )  # fmt: skip


def _fmt(value: float) -> str:
    """At most one decimal, and never "-0"."""
    text = f"{value:.1f}".removesuffix(".0")
    return "0" if text == "-0" else text
