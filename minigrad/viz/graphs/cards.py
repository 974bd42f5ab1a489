"""The contents of a card: rows of text with a size, for every renderer that draws cards."""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import wrap

from minigrad.viz.graphs.ir import GraphIR, Image, Node
from minigrad.viz.graphs.numbers import byte_count, counted, number, seconds, sizes, spread
from minigrad.viz.graphs.text_width import shortened, width
from minigrad.viz.graphs.view import INFIX, Card, View

__all__ = ["BAR", "FEW", "ROUND", "Body", "Facts", "Row", "body", "facts", "image_width", "most_saved", "operands", "shapes"]

TITLE, TEXT, CAPTION = 13.0, 11.0, 9.5  # font sizes
LINE, HEAD = 15.0, 18.0  # heights of rows
SIDE = 11.0  # room left and right of the text
ROOM = 7.0  # above and below
TIGHT = 3.0  # the same, in a compact card
BAR = 44.0  # length of the longest bar
STRENGTH = 62.0  # room for the number of a gradient
ROUND = ("input", "data", "output")  # kinds whose cards are pills
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
    room: float = ROOM  # above its rows, and below


@dataclass(frozen=True, slots=True)
class Facts:
    """The numbers of a card, summed over the nodes that it stands for."""

    node: Node  # whose value leaves it
    saved: int
    seconds: float | None
    gradient: float | None
    gradients: list[float]  # of all that was folded into it, where known
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
        [g for i in card.every_value if (g := ir.nodes[i].gradient) is not None],
        tuple(member.mark for member in members if member.mark),
        tuple(dict.fromkeys(member.where for member in members if member.where)),
        tuple(image for i in [*card.parameters, card.value] for image in ir.nodes[i].images),
    )


def most_saved(view: View) -> int:
    """Return the bytes of the card that saves most."""
    return max((facts(view.ir, card).saved for card in view.cards.values()), default=0)


def body(view: View, card: Card, show: frozenset[str], most: int, compact: int = 0) -> Body:
    """Return the contents of a card; `most` is the number of bytes of the longest bar.

    Compact: without pictures, its numbers are in one row below the title, or with 2 beside it.
    """
    rows = _compact(view.ir, card, show, compact > 1) if compact else _rows(view.ir, card, show, most)
    about = facts(view.ir, card)
    rows += [Row("fault", line) for mark in about.marks[:FEW] for line in wrap(shortened(mark, 4 * MOST), MOST)]
    rows += [Row("soft", shortened(place, MOST)) for place in about.places]
    images = [] if compact else [(image, _scale(image)) for image in about.images]
    wide = max(
        max(_row_width(row) for row in rows),
        sum(image_width(image, scale) for image, scale in images) + 8 * max(0, len(images) - 1),
    )
    room = TIGHT if compact else ROOM
    tall = sum(HEAD if row.style == "title" else LINE for row in rows)
    tall += max((image.height * scale + LINE + 2 for image, scale in images), default=0.0)
    pill = 8.0 if card.kind in ROUND else 0.0
    return Body(tuple(rows), tuple(images), round(wide + 2 * (SIDE + pill), 1), round(tall + 2 * room, 1), card.times, room)


def _rows(ir: GraphIR, card: Card, show: frozenset[str], most: int) -> list[Row]:
    about = facts(ir, card)
    node = about.node
    tag = shortened(card.tag or (node.variable if card.kind == "op" else ""), MOST)
    rows = [Row("title", shortened(card.title, MOST), tag)]
    if any(card.operands):
        rows.append(Row("soft", shortened(operands(card), MOST + 3)))
    if card.options:
        rows.append(Row("soft", _options(card.options)))
    if "shapes" in show and node.dtype:  # unknown where an operation failed
        rows.append(Row("soft", shapes(ir, card)))
    if len(card.every_value) == 1:  # several differ
        rows += _value(node, show)
    if "grads" in show and about.gradient is not None and card.kind != "output":
        rows.append(_gradient("gradient", "gradient", about.gradients))
    rows += _parameters(ir, card, show)
    if "saved" in show and about.saved:
        rows.append(Row("saved", f"saved {byte_count(about.saved)}", bar=about.saved / max(1, most)))
    if about.seconds is not None:
        rows.append(Row("soft", seconds(about.seconds)))
    return rows


def _compact(ir: GraphIR, card: Card, show: frozenset[str], one: bool) -> list[Row]:
    """Return a title and, in one row, what `_rows` has below it; or both as one row."""
    about = facts(ir, card)
    tag = shortened(card.tag or (about.node.variable if card.kind == "op" else ""), MOST)
    count = sum(ir.nodes[i].size for i in card.every_parameter if ir.nodes[i].kind == "parameter")
    known = "shapes" in show and about.node.dtype
    parts = [
        shortened(operands(card), MOST + 3),
        _options(card.options) if card.options else "",
        shapes(ir, card).replace(" · ", " ") if known else "",
        f"= {about.node.value}" if "values" in show and about.node.value and len(card.every_value) == 1 else "",
        f"gradient {spread(about.gradients)}" if "grads" in show and about.gradients and card.kind != "output" else "",
        counted(count, "parameter") if count else "",
        f"saved {byte_count(about.saved)}" if "saved" in show and about.saved else "",
        "" if about.seconds is None else seconds(about.seconds),
    ]
    text = ", ".join(filter(None, parts))
    if one and card.kind not in ROUND:
        return [Row("title", shortened(card.title, MOST), ": ".join(filter(None, [tag, text])))]
    return [Row("title", shortened(card.title, MOST), tag), *([Row("soft", text)] if text else [])]


def shapes(ir: GraphIR, card: Card) -> str:
    """Return ``2×3 · float32``, or the few different shapes of all values that leave a card: ``7×2×4, 2×4 · float32``."""
    made = [ir.nodes[i] for i in card.values or [card.value]]
    dtype = made[-1].dtype
    each = [sizes(node.shape) if node.dtype == dtype else f"{sizes(node.shape)} {node.dtype}" for node in made]
    known = list(dict.fromkeys(each[::-1]))[::-1]
    known = known if len(known) <= FEW else [*known[: FEW - 1], "…", known[-1]]
    return f"{', '.join(known)} · {dtype}"


def operands(card: Card) -> str:
    """Return the operands with a dot for each link: ``1 - ·`` or ``(·, 0.5)``; "" if no number is among them."""
    given = [operand or "·" for operand in card.operands]
    if not any(card.operands):
        return ""
    if len(given) == 2 and card.title.removeprefix("∇ ") in INFIX:
        return f" {INFIX[card.title.removeprefix('∇ ')]} ".join(given)
    return f"({', '.join(given)})"


def _options(options: str) -> str:
    """Return as many whole options as there is room for."""
    kept = options
    while len(kept) > MOST and ", " in kept:
        kept = kept.rpartition(", ")[0]
    return shortened(kept if kept == options else f"{kept}, …", MOST + 3)


def _value(node: Node, show: frozenset[str]) -> list[Row]:
    return [Row("value", shortened(f"= {node.value}", MOST))] if "values" in show and node.value else []


def _gradient(style: str, text: str, gradients: list[float], right: str = "") -> Row:
    """Return a row with the strength of a gradient; of a fold, whose gradients differ, their range."""
    text_range = spread(gradients)
    if " " in text_range:
        return Row(style, text, f"{right}  {text_range}".strip())
    return Row(style, text, right, strength=gradients[0])


def _parameters(ir: GraphIR, card: Card, show: frozenset[str]) -> list[Row]:
    """Return a row for each parameter; one with the totals where there are many."""
    if len(card.parameters) > FEW:
        kinds = [ir.nodes[i].kind for i in card.every_parameter]
        kind = "parameter" if "parameter" in kinds else "buffer"
        count = sum(ir.nodes[i].size for i in card.every_parameter if ir.nodes[i].kind == kind)
        text = counted(count, "parameter") if kind == "parameter" else f"{count:,} numbers"
        return [Row(kind, text, f"in {kinds.count(kind)} tensors")]
    rows = []
    for i in card.parameters:
        node, folded = ir.nodes[i], card.folded(i)
        name = shortened(node.name or node.kind, MOST) + folded
        every = [g for j in (i, *card.alike.get(i, ())) if (g := ir.nodes[j].gradient) is not None]
        if "grads" in show and every:
            rows.append(_gradient(node.kind, name, every, sizes(node.shape)))
        else:
            rows.append(Row(node.kind, name, sizes(node.shape)))
        if not folded:
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
