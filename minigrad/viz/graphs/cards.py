"""What a card says: rows of text with a size, for every renderer that draws cards."""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import wrap

from minigrad.viz.graphs.ir import GraphIR, Image, Node
from minigrad.viz.graphs.numbers import byte_count, number, seconds, sizes
from minigrad.viz.graphs.text_width import shortened, width
from minigrad.viz.graphs.view import Card, View

__all__ = ["Face", "Facts", "Row", "face", "facts"]

TITLE, TEXT = 13.0, 11.0  # font sizes
LINE, HEAD = 15.0, 18.0  # heights of rows
SIDE = 11.0  # room left and right of the text
ROOM = 7.0  # above and below
BAR = 28.0  # least length of the room for a bar
STRENGTH = 62.0  # room for the number of a gradient
FEW = 3  # parameters that a card names one by one
MOST = 36  # characters of a name


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a card. Its style is a class of the style sheet; a bar, in 0..1, is drawn under it."""

    style: str  # "title", "soft", "parameter", "buffer", "saved", "gradient", "fault", "value"
    text: str
    right: str = ""
    bar: float | None = None
    strength: float | None = None  # of a gradient, at the right end

    @property
    def whole(self) -> str:
        """All of it as plain text."""
        parts = [self.text, self.right, "" if self.strength is None else number(self.strength)]
        return "  ".join(filter(None, parts))


@dataclass(frozen=True, slots=True)
class Face:
    """The rows of a card, the pictures below them, and the room they need."""

    rows: tuple[Row, ...]
    images: tuple[tuple[Image, float], ...]  # and its scale
    width: float
    height: float
    times: int


@dataclass(frozen=True, slots=True)
class Facts:
    """The numbers of a card: of everything that it stands for."""

    node: Node  # whose value leaves it
    saved: int
    seconds: float | None
    gradient: float | None
    marks: tuple[str, ...]
    places: tuple[str, ...]
    images: tuple[Image, ...]


def facts(ir: GraphIR, card: Card) -> Facts:
    """What is known of a card, summed over the nodes it stands for."""
    members = [ir.nodes[i] for i in card.members]
    times = [node.seconds for node in members if node.seconds is not None]
    node = ir.nodes[card.value]
    images = [image for i in [*card.parameters, card.value] for image in ir.nodes[i].images]
    return Facts(
        node,
        sum(member.saved for member in members),
        sum(times) if times else None,
        node.gradient,
        tuple(member.mark for member in members if member.mark),
        tuple(dict.fromkeys(member.where for member in members if member.where)),
        tuple(images),
    )


def face(view: View, card: Card, show: frozenset[str], most_saved: int) -> Face:
    """The face of a card; `most_saved` is the longest bar of the ledger."""
    ir, told = view.ir, facts(view.ir, card)
    node = told.node
    rows = [Row("title", _title(card, node), _tag(card, node))]
    if card.options:
        rows.append(Row("soft", _listed(card.options)))
    if "shapes" in show and node.dtype:  # what an operation that failed would have given is not known
        rows.append(Row("soft", f"{sizes(node.shape)} · {node.dtype}"))
    if "values" in show and node.value:
        rows.append(Row("value", shortened(f"= {node.value}", MOST)))
    if "grads" in show and told.gradient is not None and card.kind != "output":
        rows.append(Row("gradient", "gradient", strength=told.gradient))
    rows += _parameters([ir.nodes[i] for i in card.parameters], card.copies, show)
    if "saved" in show and told.saved:
        rows.append(Row("saved", f"saved {byte_count(told.saved)}", bar=told.saved / max(1, most_saved)))
    if told.seconds is not None:
        rows.append(Row("soft", seconds(told.seconds)))
    rows += [Row("fault", line) for mark in told.marks[:FEW] for line in wrap(shortened(mark, 4 * MOST), MOST)]
    rows += [Row("soft", shortened(place, MOST)) for place in told.places]
    images = _scaled(told.images)
    wide = max(
        max(_row_width(row) for row in rows),
        sum(image.width * scale for image, scale in images) + 8 * max(0, len(images) - 1),
    )
    tall = sum(HEAD if row.style == "title" else LINE for row in rows)
    tall += max((image.height * scale + LINE + 2 for image, scale in images), default=0.0)
    pill = 8.0 if card.kind in ("input", "data", "output") else 0.0
    return Face(tuple(rows), images, round(wide + 2 * (SIDE + pill), 1), round(tall + 2 * ROOM, 1), card.times)


def _listed(options: str) -> str:
    """As many whole options as there is room for."""
    kept = options
    while len(kept) > MOST and ", " in kept:
        kept = kept.rpartition(", ")[0]
    return shortened(kept if kept == options else f"{kept}, …", MOST + 3)


def _title(card: Card, node: Node) -> str:
    return shortened(card.title, MOST)


def _tag(card: Card, node: Node) -> str:
    return shortened(card.tag or (node.variable if card.kind == "op" else ""), MOST)


def _parameters(nodes: list[Node], copies: int, show: frozenset[str]) -> list[Row]:
    """A row for each; of many, what they add up to."""
    times = f" ×{copies}" if copies > 1 else ""
    if len(nodes) > FEW:
        count = sum(node.size for node in nodes if node.kind == "parameter")
        return [Row("parameter", f"{count:,} parameters{times}", f"in {len(nodes)} tensors")]
    rows = []
    for node in nodes:
        strength = node.gradient if "grads" in show else None
        name = shortened(node.name or node.kind, MOST) + times
        rows.append(Row(node.kind, name, sizes(node.shape), strength=strength))
        if "values" in show and node.value:
            rows.append(Row("value", shortened(f"= {node.value}", MOST)))
    return rows


def _scaled(images: tuple[Image, ...]) -> tuple[tuple[Image, float], ...]:
    """Kernels a few pixels wide, enlarged by whole numbers to about 140 pixels."""
    return tuple((image, float(max(1, min(6, round(140 / max(image.width, image.height)))))) for image in images)


def _row_width(row: Row) -> float:
    size = TITLE if row.style == "title" else TEXT
    left = width(row.text, size, row.style in ("title", "fault"))
    mark = 12.0 if row.style in ("parameter", "buffer") else 0.0
    bar = 8.0 + BAR if row.bar is not None else STRENGTH + 8.0 if row.strength is not None else 0.0
    return left + mark + bar + (12.0 + width(row.right, TEXT) if row.right else 0.0)
