"""Scenes: graphs laid out for drawing, with closed boxes, card contents and positions."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from minigrad.viz.graphs.cards import Body, body, most_saved
from minigrad.viz.graphs.fold import fold
from minigrad.viz.graphs.ir import GraphIR, ancestors
from minigrad.viz.graphs.layout.frames import Frame, Plan, Spacing, lay_out
from minigrad.viz.graphs.layout.placing import Placement, place
from minigrad.viz.graphs.look import Look
from minigrad.viz.graphs.text_width import width
from minigrad.viz.graphs.view import Card, View, closed_groups, make_view, module_depth, with_closed

__all__ = ["DENSITIES", "SMALL", "Scene", "depths", "fits", "is_plain", "lay", "rows_of", "scene", "view_of"]

SCREEN = (1040.0, 784.0)  # room for a graph on a screen of 1,440 x 900 pixels: the rest is title, legend, list or panel
SMALL = 12  # cards; no more are always drawn as they are, unless boxes of folded rows or derivatives make them long
DENSITIES = (0, 1, 2)  # how compact cards are
ENOUGH = 120  # cards; more do not fit
CLOSE = Spacing(ranks=13.0, header=20.0, padding=10.0)  # between compact cards


@dataclass(slots=True)
class Scene:
    """A view with the body of every card and the frame of every box."""

    view: View
    bodies: dict[str, Body]
    plans: dict[int, Plan]
    frames: dict[int, Frame]
    ways: list[list[tuple[int, int]]]
    spacing: Spacing
    look: Look
    compact: int = 0
    closed: dict[str, Card] = field(default_factory=dict)  # "g3": box 3 as a card, where a reader may close it

    @property
    def sideways(self) -> bool:
        return self.look.direction == "LR"

    @property
    def sizes(self) -> dict[str, tuple[float, float]]:
        """The size of each card, across and along the ranks."""
        return _sizes(self.bodies, self.sideways)


def view_of(ir: GraphIR, look: Look) -> View:
    """Return the cards, boxes and links that the options select."""
    return _chosen(ir, look)[0]


def scene(ir: GraphIR, look: Look) -> Scene:
    """Return the view placed by the built-in layout."""
    view, compact, made = _chosen(ir, look)
    return made or lay(view, look, compact)


def lay(view: View, look: Look, compact: int = 0) -> Scene:
    """Place a view by the built-in layout."""
    most = most_saved(view)
    bodies = {key: body(view, card, look.show, most, compact) for key, card in view.cards.items()}
    spacing = CLOSE if compact else Spacing()
    if "grads" in look.show:
        spacing = replace(spacing, ranks=20.0 if compact else 38.0, ports=26.0, bends=22.0)
    headers = {key: width(box.heading, 11, True) for key, box in view.boxes.items()}
    sideways = look.direction == "LR"
    plans, frames, ways = lay_out(view.cards, view.boxes, view.links, _sizes(bodies, sideways), headers, spacing, sideways)
    return Scene(view, bodies, plans, frames, ways, spacing, look, compact)


def fits(page: Placement) -> bool:
    """Return whether a placement is small enough for a screen of 1,440 x 900 pixels, beside lists and panels."""
    return page.width <= SCREEN[0] and page.height <= SCREEN[1]


def rows_of(view: View) -> list[int]:
    """Return the boxes around folded blocks of several items."""
    return [key for key, box in view.boxes.items() if box.kind == "row"]


def is_plain(view: View) -> bool:
    """Return whether a view has no boxes but those of modules and functions."""
    return all(box.kind in ("module", "function") for box in view.boxes.values())


def depths(ir: GraphIR) -> list[int | None]:
    """Return the depths to try, from everything open to the outermost module alone; several are closed at last."""
    modules = {i for i, group in enumerate(ir.groups) if group.kind == "module"}
    outermost = [i for i in modules if modules.isdisjoint(ancestors(ir.groups, ir.groups[i].parent))]
    return [None, *range(module_depth(ir), 0 if len(outermost) < 2 else -1, -1)]


def _chosen(ir: GraphIR, look: Look) -> tuple[View, int, Scene | None]:
    """Return the view, whether its cards are compact, and the scene if it was laid out.

    Without a depth, it is the first that fits a screen: everything open, then modules closed from below, folded rows closed
    too, and each of these with more and more compact cards. If none fits, it is the last.
    """
    primitives = "primitives" in look.show

    def at(depth: int | None) -> View:
        view = make_view(ir, closed_groups(ir, depth, primitives))
        return fold(view) if look.fold else view

    if look.depth is not None:
        return at(look.depth), 0, None
    first = view = at(None)
    if len(first.cards) <= SMALL and is_plain(first):
        return first, 0, None
    for depth in depths(ir):
        view = first if depth is None else at(depth)
        rows = rows_of(view)
        for shut in (False, True) if rows else (False,):
            view = with_closed(view, rows) if shut else view
            for compact in DENSITIES:
                if len(view.cards) <= ENOUGH:
                    made = lay(view, look, compact)
                    if fits(place(made.frames, made.sizes, made.spacing, made.sideways)):
                        return view, compact, made
    return view, DENSITIES[-1], None


def _sizes(bodies: dict[str, Body], sideways: bool) -> dict[str, tuple[float, float]]:
    return {key: (b.height, b.width) if sideways else (b.width, b.height) for key, b in bodies.items()}
