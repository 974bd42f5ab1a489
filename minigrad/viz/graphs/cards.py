"""The contents of a card: rows of text with a size, for every renderer that draws cards."""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import wrap

from minigrad.viz.graphs.ir import GraphIR, Image, Node
from minigrad.viz.graphs.numbers import byte_count, number, seconds, sizes
from minigrad.viz.graphs.text_width import shortened, width
from minigrad.viz.graphs.view import Card, View

__all__ = ["Body", "Facts", "Row", "body", "facts", "image_width", "most_saved"]

TITLE, TEXT, CAPTION = 13.0, 11.0, 9.5  # font sizes
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
        """The row as one text without style."""
        return "  ".join(filter(None, [self.text, self.right, "" if self.strength is None else number(self.strength)]))


@dataclass(frozen=True, slots=True)
class Body:
    """The rows of a card, the images below them, and the size of the card."""

    rows: tuple[Row, ...]
    images: tuple[tuple[Image, float], ...]  # each with its scale
    width: float
    height: float
    times: int


@dataclass(frozen=True, slots=True)
class Facts:
    """The numbers of a card, summed over the nodes that it stands for."""

    node: Node  # whose value leaves it
    saved: int
    seconds: float | None
    gradient: float | None
    marks: tuple[str, ...]
    places: tuple[str, ...]
    images: tuple[Image, ...]


def facts(ir: GraphIR, card: Card) -> Facts:
    """Collect the numbers of a card from the nodes that it stands for."""
    members = [ir.nodes[i] for i in card.members]
    times = [node.seconds for node in members if node.seconds is not None]
    node = ir.nodes[card.value]
    return Facts(
        node,
        sum(member.saved for member in members),
        sum(times) if times else None,
        node.gradient,
        tuple(member.mark for member in members if member.mark),
        tuple(dict.fromkeys(member.where for member in members if member.where)),
        tuple(image for i in [*card.parameters, card.value] for image in ir.nodes[i].images),
    )


def most_saved(view: View) -> int:
    """Return the bytes of the card that saves most."""
    return max((facts(view.ir, card).saved for card in view.cards.values()), default=0)


def body(view: View, card: Card, show: frozenset[str], most: int) -> Body:
    """Return the contents of a card; `most` is the number of bytes of the longest bar."""
    ir, about = view.ir, facts(view.ir, card)
    node = about.node
    tag = shortened(card.tag or (node.variable if card.kind == "op" else ""), MOST)
    rows = [Row("title", shortened(card.title, MOST), tag)]
    if card.options:
        rows.append(Row("soft", _options(card.options)))
    if "shapes" in show and node.dtype:  # unknown where an operation failed
        rows.append(Row("soft", f"{sizes(node.shape)} · {node.dtype}"))
    rows += _value(node, show)
    if "grads" in show and about.gradient is not None and card.kind != "output":
        rows.append(Row("gradient", "gradient", strength=about.gradient))
    rows += _parameters([ir.nodes[i] for i in card.parameters], card.copies, show)
    if "saved" in show and about.saved:
        rows.append(Row("saved", f"saved {byte_count(about.saved)}", bar=about.saved / max(1, most)))
    if about.seconds is not None:
        rows.append(Row("soft", seconds(about.seconds)))
    rows += [Row("fault", line) for mark in about.marks[:FEW] for line in wrap(shortened(mark, 4 * MOST), MOST)]
    rows += [Row("soft", shortened(place, MOST)) for place in about.places]
    images = [(image, _scale(image)) for image in about.images]
    wide = max(
        max(_row_width(row) for row in rows),
        sum(image_width(image, scale) for image, scale in images) + 8 * max(0, len(images) - 1),
    )
    tall = sum(HEAD if row.style == "title" else LINE for row in rows)
    tall += max((image.height * scale + LINE + 2 for image, scale in images), default=0.0)
    pill = 8.0 if card.kind in ("input", "data", "output") else 0.0
    return Body(tuple(rows), tuple(images), round(wide + 2 * (SIDE + pill), 1), round(tall + 2 * ROOM, 1), card.times)


def _options(options: str) -> str:
    """Return as many whole options as there is room for."""
    kept = options
    while len(kept) > MOST and ", " in kept:
        kept = kept.rpartition(", ")[0]
    return shortened(kept if kept == options else f"{kept}, …", MOST + 3)


def _value(node: Node, show: frozenset[str]) -> list[Row]:
    return [Row("value", shortened(f"= {node.value}", MOST))] if "values" in show and node.value else []


def _parameters(nodes: list[Node], copies: int, show: frozenset[str]) -> list[Row]:
    """Return a row for each parameter; one with the totals where there are many."""
    times = f" ×{copies}" if copies > 1 else ""
    if len(nodes) > FEW:
        count = sum(node.size for node in nodes if node.kind == "parameter")
        return [Row("parameter", f"{count:,} parameters{times}", f"in {len(nodes)} tensors")]
    rows = []
    for node in nodes:
        strength = node.gradient if "grads" in show else None
        rows.append(Row(node.kind, shortened(node.name or node.kind, MOST) + times, sizes(node.shape), strength=strength))
        rows += _value(node, show)
    return rows


def image_width(image: Image, scale: float) -> float:
    """Return the room that an image takes: at least that of its caption."""
    return max(image.width * scale, width(image.caption, CAPTION))


def _scale(image: Image) -> float:
    """Return the whole number that enlarges kernels of a few pixels to about 140 pixels."""
    return float(max(1, min(6, round(140 / max(image.width, image.height)))))


def _row_width(row: Row) -> float:
    size = TITLE if row.style == "title" else TEXT
    left = width(row.text, size, row.style in ("title", "fault"))
    mark = 12.0 if row.style in ("parameter", "buffer") else 0.0
    bar = 8.0 + BAR if row.bar is not None else STRENGTH + 8.0 if row.strength is not None else 0.0
    return left + mark + bar + (12.0 + width(row.right, TEXT) if row.right else 0.0)
