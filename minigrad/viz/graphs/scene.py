"""Scenes: graphs laid out for drawing, with closed boxes, card contents and positions."""

from __future__ import annotations

from dataclasses import dataclass, field

from minigrad.viz.graphs.cards import Body, body, most_saved
from minigrad.viz.graphs.fold import fold
from minigrad.viz.graphs.ir import GraphIR
from minigrad.viz.graphs.layout.frames import Frame, Plan, Spacing, lay_out
from minigrad.viz.graphs.look import Look
from minigrad.viz.graphs.text_width import width
from minigrad.viz.graphs.view import Card, View, automatic_depth, closed_groups, make_view

__all__ = ["Scene", "closed_by", "lay", "scene", "view_of"]


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
    closed: dict[str, Card] = field(default_factory=dict)  # "g3": box 3 as a card, where a reader may close it

    @property
    def sideways(self) -> bool:
        return self.look.direction == "LR"

    @property
    def sizes(self) -> dict[str, tuple[float, float]]:
        """The size of each card, across and along the ranks."""
        return _sizes(self.bodies, self.sideways)


def closed_by(ir: GraphIR, look: Look) -> set[int]:
    """Return the groups that the options close."""
    primitives = "primitives" in look.show
    return closed_groups(ir, automatic_depth(ir, primitives) if look.depth is None else look.depth, primitives)


def view_of(ir: GraphIR, look: Look) -> View:
    """Return the cards, boxes and links that the options select."""
    view = make_view(ir, closed_by(ir, look))
    return fold(view) if look.fold else view


def scene(ir: GraphIR, look: Look) -> Scene:
    """Return the view placed by the built-in layout."""
    return lay(view_of(ir, look), look)


def lay(view: View, look: Look) -> Scene:
    """Place a view by the built-in layout."""
    most = most_saved(view)
    bodies = {key: body(view, card, look.show, most) for key, card in view.cards.items()}
    spacing = Spacing(ranks=38.0, ports=26.0, bends=22.0) if "grads" in look.show else Spacing()
    headers = {key: width(box.heading, 11, True) for key, box in view.boxes.items()}
    sideways = look.direction == "LR"
    plans, frames, ways = lay_out(view.cards, view.boxes, view.links, _sizes(bodies, sideways), headers, spacing, sideways)
    return Scene(view, bodies, plans, frames, ways, spacing, look)


def _sizes(bodies: dict[str, Body], sideways: bool) -> dict[str, tuple[float, float]]:
    return {key: (b.height, b.width) if sideways else (b.width, b.height) for key, b in bodies.items()}
