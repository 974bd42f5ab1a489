"""A graph made ready to be drawn: which boxes are closed, what the cards say, and where everything stands."""

from __future__ import annotations

from dataclasses import dataclass, field

from minigrad.viz.graphs.cards import Face, face, facts
from minigrad.viz.graphs.fold import fold
from minigrad.viz.graphs.ir import GraphIR
from minigrad.viz.graphs.layout.frames import Frame, Spacing, lay_out
from minigrad.viz.graphs.look import Look
from minigrad.viz.graphs.text_width import width
from minigrad.viz.graphs.view import Card, View, automatic_depth, closed_groups, look_at

__all__ = ["Scene", "box_label", "scene", "view_of"]


@dataclass(slots=True)
class Scene:
    """A view with the face of every card and the frame of every box."""

    view: View
    faces: dict[str, Face]
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
        """Of each card, across and along the ranks."""
        return _sizes(self.faces, self.sideways)


def view_of(ir: GraphIR, look: Look) -> View:
    """The cards, boxes and links that the options ask for."""
    primitives = "primitives" in look.show
    depth = automatic_depth(ir, primitives) if look.depth is None else look.depth
    view = look_at(ir, closed_groups(ir, depth, primitives))
    return fold(view) if look.fold else view


def scene(ir: GraphIR, look: Look) -> Scene:
    """The view with faces and frames, by the built-in layout."""
    return lay(view_of(ir, look), look)


def lay(view: View, look: Look) -> Scene:
    most = max((facts(view.ir, card).saved for card in view.cards.values()), default=0)
    faces = {key: face(view, card, look.show, most) for key, card in view.cards.items()}
    gradients = "grads" in look.show
    spacing = Spacing(ranks=38.0, ports=26.0, bends=22.0) if gradients else Spacing()
    headers = {key: width(" ".join(box_label(view, key)), 11, True) for key in view.boxes}
    sideways = look.direction == "LR"
    frames, ways = lay_out(view.cards, view.boxes, view.links, _sizes(faces, sideways), headers, spacing, sideways)
    return Scene(view, faces, frames, ways, spacing, look)


def box_label(view: View, key: int) -> tuple[str, str]:
    """Title and subtitle of a box."""
    box = view.boxes[key]
    times = f" ×{box.times}" if box.times > 1 and box.kind != "row" else ""
    return box.title + times, box.subtitle


def _sizes(faces: dict[str, Face], sideways: bool) -> dict[str, tuple[float, float]]:
    return {key: (f.height, f.width) if sideways else (f.width, f.height) for key, f in faces.items()}
