"""The graph as an SVG: one file for light and dark screens, without a script or external resources."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable
from html import escape as _escape
from importlib import resources

from minigrad.viz import palette
from minigrad.viz.graphs.cards import (
    BAR,
    HEAD,
    LINE,
    ROUND,
    SIDE,
    STRENGTH,
    Body,
    Facts,
    Row,
    facts,
    image_width,
    most_saved,
)
from minigrad.viz.graphs.ir import Node, ancestors
from minigrad.viz.graphs.layout.placing import ARROW, Placement, Rect, path, place
from minigrad.viz.graphs.numbers import byte_count, number, px
from minigrad.viz.graphs.scene import Scene
from minigrad.viz.graphs.text_width import one_line, shortened, width
from minigrad.viz.graphs.view import Card, box_places, places
from minigrad.viz.png import data_uri

__all__ = ["asset", "drawing", "escape", "style", "svg"]

MARGIN = 24.0
UID = "\0"  # stands for the id of the picture until its content is known; no text can hold it
SAVED = 250.0  # width of the list of saved bytes
ENTRIES = 14  # of it at most
NOWHERE: Rect = (0.0, 0.0, 0.0, 0.0)
CHIPS = {"parameter": "chip", "buffer": "buffer-chip"}  # marks of rows
KINDS = {"input": "input", "data": "data, no gradient", "op": "operation", "module": "closed box",
         "unknown": "steps not recorded", "output": "output"}  # fmt: skip


def svg(scene: Scene) -> str:
    """Return the picture: title, graph, list of saved bytes and legend."""
    page = place(scene.frames, scene.sizes, scene.spacing, scene.sideways)
    ir = scene.view.ir
    saved = _saved_entries(scene) if "saved" in scene.look.show else []
    top = MARGIN + 30 + 16 * len(ir.notes)
    beside = bool(saved) and not scene.sideways
    inner = page.width + (SAVED + 40 if beside else 0)
    wide = max(inner, width(ir.title, 15, True), *(width(note, 11) for note in ir.notes), 360) + 2 * MARGIN
    legend, lines = _legend(scene, wide - 2 * MARGIN)
    listed = 34 + 22.0 * (len(saved) + 1) if saved else 0.0
    tall = max(page.height, listed) if beside or not saved else page.height + 24 + listed
    left = MARGIN + (wide - 2 * MARGIN - inner) / 2
    height = top + tall + 34 + 20 * lines
    parts = [
        f'<rect class="paper" width="{px(wide)}" height="{px(height)}" rx="8"/>',
        _text(MARGIN, MARGIN + 8, ir.title, "heading"),
        *(_text(MARGIN, MARGIN + 28 + 16 * i, note, "note") for i, note in enumerate(ir.notes)),
        f'<g transform="translate({px(left)} {px(top)})">',
        *drawing(scene, page),
        "</g>",
    ]
    if saved:
        corner = (left + page.width + 40, top) if beside else (left, top + page.height + 24)
        parts += [f'<g transform="translate({px(corner[0])} {px(corner[1])})">', *_saved_list(saved), "</g>"]
    if legend:
        parts += [f'<g transform="translate({px(MARGIN)} {px(top + tall + 26)})">', *legend, "</g>"]
    text = (
        f'<svg xmlns="http://www.w3.org/2000/svg" id="{UID}" viewBox="0 0 {px(wide)} {px(height)}" '
        f'width="{px(wide)}" height="{px(height)}" role="img" style="max-width:100%;height:auto">\n'
        f"<title>{escape(ir.title)}</title>\n<style>{style(f'#{UID}', scene.look.theme)}</style>\n"
        + "\n".join(parts)
        + "\n</svg>\n"
    )
    return text.replace(UID, "mg" + hashlib.sha256(text.encode()).hexdigest()[:10])


def drawing(scene: Scene, page: Placement) -> Iterable[str]:
    """Yield the graph alone, in layers: boxes, lines, the titles of boxes, cards.

    Items without a place, because they are inside a closed box, are included but hidden; so are the cards of boxes that may
    be closed, while these are open. page.js shows, hides and moves them.
    """
    yield from _boxes(scene, page)
    yield from _lines(scene, page)
    yield from _box_titles(scene, page)
    for key in scene.bodies:
        yield _card(scene, key, page.cards.get(key))


def style(selector: str, theme: str | None) -> str:
    """Return the style sheet for one picture alone; without a theme, the colors are those of the page around it."""
    scoped = []
    for rule in filter(str.strip, asset("style.css").split("}")):
        names, body = rule.strip().split("{")
        scoped.append(",".join(f"{selector} {name}" for name in names.split(",")) + "{" + body + "}")
    return (palette.theme_css(selector, theme) + "\n" if theme else "") + "\n".join(scoped)


def asset(name: str) -> str:
    """Return a file of this folder."""
    return resources.files("minigrad.viz.graphs").joinpath(name).read_text("utf-8")


def escape(text: str) -> str:
    """Escape text for XML, also in attributes; characters that XML cannot hold become spaces."""
    return _escape(one_line(text))


def _boxes(scene: Scene, page: Placement) -> Iterable[str]:
    for key, box in scene.view.boxes.items():
        odd = " odd" if _is_odd(scene, key) else ""
        x, y, w, h = page.boxes.get(key, NOWHERE)
        if box.count:
            yield _copies(x, y, w, h, 10, key, key in page.boxes)
        yield f'<rect class="box {box.kind}{odd}" data-box="{key}" {_rect(x, y, w, h)} rx="10"{_hidden(key in page.boxes)}/>'


def _box_titles(scene: Scene, page: Placement) -> Iterable[str]:
    for key, box in scene.view.boxes.items():
        x, y, _, _ = page.boxes.get(key, NOWHERE)
        odd = " odd-title" if _is_odd(scene, key) else ""
        kind = "".join(f'<tspan class="box-type" dx="6">{escape(text)}</tspan>' for text in (box.subtitle, box.note) if text)
        yield (
            f'<text class="box-title{odd}" data-box="{key}" x="{px(x + 12)}" y="{px(y + 18)}"{_hidden(key in page.boxes)}>'
            f"{escape(box.title + box.count)}{kind}</text>"
        )


def _is_odd(scene: Scene, key: int) -> bool:
    """Return whether a box is inside an odd number of others: neighboring levels have different colors."""
    return len(list(ancestors(scene.view.boxes, key))) % 2 == 0


def _lines(scene: Scene, page: Placement) -> Iterable[str]:
    """Yield forward lines, then the gradients that flow back beside them."""
    drawn: set[tuple[int, int]] = set()
    backward = []
    closable = {key: box_places(scene.view, int(key[1:])) for key in scene.closed}
    for link, way, operand in zip(scene.view.links, scene.ways, places(scene.view), strict=True):
        rms = scene.view.ir.nodes[link.value].gradient if "grads" in scene.look.show and link.tracked else None
        if scene.view.cards[link.source].copies > 1:  # its card has the range
            rms = None
        for piece in way:
            if piece in drawn:
                continue
            drawn.add(piece)
            of = scene.frames[piece[0]].pieces[piece[1]]
            data = f' data-piece="{piece[0]}:{piece[1]}"'
            points = page.lines.get(piece)
            ends = points is not None and _arrives(of.target, page)
            dashed = "" if link.tracked else " untracked"
            yield f'<path class="line{dashed}"{data} d="{path(points, scene.sideways) if points else ""}"/>'
            if ends or points is None or of.target[0] == "b":
                yield f'<path class="head"{data} d="{_head(points[-1], ARROW, scene.sideways) if ends else ""}"/>'  # type: ignore[index]
            label = operand if of.target == link.target else closable.get(f"g{of.target[1:]}", {}).get(link.value, "")
            if label:
                yield _place(label, points[-1] if ends and points else None, data, scene.sideways)
            if rms is not None:
                starts = points is not None and not of.branch and _arrives(of.source, page)
                backward.append(_backward(points, rms, data, starts, ends, scene.sideways))
    yield from backward


def _place(label: str, point: tuple[float, float] | None, data: str, sideways: bool) -> str:
    """Return the place of an operand, beside the head of its line."""
    x, y = point or (0.0, 0.0)
    x, y = (x + 2, y - 6) if sideways else (x - 5, y + ARROW - 0.5)
    anchor = "" if sideways else ' text-anchor="end"'
    return f'<text class="place"{data} x="{px(x)}" y="{px(y)}"{anchor}{_hidden(point is not None)}>{label}</text>'


def _arrives(item: str, page: Placement) -> bool:
    """Return whether a line meets a card there, and not the border of an open box."""
    return item in page.cards or (item[0] == "b" and f"g{item[1:]}" in page.cards)


def _backward(
    points: list[tuple[float, float]] | None, rms: float, data: str, starts: bool, ends: bool, sideways: bool
) -> str:
    """Return the line of a gradient, from the user of a value back to its source."""
    color, thick = palette.flow(rms)
    shift, size = 5.0 + thick / 2, 4.0 + thick
    dead = ' stroke-dasharray="1 4"' if rms == 0 else ""
    data += f' data-thick="{thick}"'
    back, arrow = f'class="back" style="stroke:{color};stroke-width:{thick}"{dead}', f'class="tip" style="fill:{color}"'
    if points is None:
        return f"<path {back}{data}/><path {arrow}{data}/>"
    line = [(x, y + shift) if sideways else (x + shift, y) for x, y in points]
    if ends:  # all the way to the card
        x, y = line[-1]
        line[-1] = (x + ARROW - 1, y) if sideways else (x, y + ARROW - 1)
    tip = ""
    if starts:
        x, y = line[0]
        line[0] = (x + size, y) if sideways else (x, y + size)
        tip = _head((x, y), -size, sideways, size * 0.62)
    return f'<path {back}{data} d="{path(line, sideways, shift)}"/><path {arrow}{data} d="{tip}"/>'


def _head(point: tuple[float, float], length: float, sideways: bool, half: float = 3.4) -> str:
    """Return the head of an arrow: at `point` its base, or with a negative length its tip."""
    x, y = point
    base, tip = (0.0, length) if length > 0 else (-length, 0.0)
    corners = ((base, -half), (base, half), (tip, 0.0))
    return "M" + "L".join(f"{px(x + (a if sideways else b))},{px(y + (b if sideways else a))}" for a, b in corners) + "Z"


def _card(scene: Scene, key: str, rect: Rect | None) -> str:
    view, look, body = scene.view, scene.look, scene.bodies[key]
    card = scene.closed[key] if key in scene.closed else view.cards[key]
    about = facts(view.ir, card)
    x, y, *_ = rect or NOWHERE
    w, h = body.width, body.height
    fault = " fault" if about.marks else ""
    at = f'transform="translate({px(x)} {px(y)})"{_hidden(rect is not None)}'
    parts = [f'<g class="card {card.kind}{fault}" data-key="{key}" {at}>']
    parts.append(f"<title>{escape(_tooltip(card, about.node))}</title>")
    if body.times > 1:
        parts.append(_copies(0, 0, w, h, 7))
    parts += _frame(card.kind, w, h)
    if look.color != "kind" and card.kind in ("op", "module"):
        shade = _shading(scene, about)
        if shade:
            parts.append(f'<rect width="{px(w)}" height="{px(h)}" rx="7" style="fill:{shade};fill-opacity:.38"/>')
    parts += _body(card.kind, body)
    if body.times > 1:
        parts.append(_badge(w, body.times))
    parts.append("</g>")
    return "".join(parts)


def _frame(kind: str, w: float, h: float) -> list[str]:
    """Return the outline, which differs by kind: inputs and outputs are round, parameters have cut corners."""
    if kind in ROUND:
        round_ = min(h / 2, 18.0)
        outline = [f'<rect class="frame" width="{px(w)}" height="{px(h)}" rx="{px(round_)}"/>']
        if kind == "output":
            outline.append(
                f'<rect class="inner" x="3" y="3" width="{px(w - 6)}" height="{px(h - 6)}" rx="{px(round_ - 3)}"/>'
            )
        return outline
    if kind in ("parameter", "buffer"):
        c = 8.0
        corners = [(c, 0), (w - c, 0), (w, c), (w, h - c), (w - c, h), (c, h), (0, h - c), (0, c)]
        return ['<path class="frame" d="M' + "L".join(f"{px(a)},{px(b)}" for a, b in corners) + 'Z"/>']
    return [f'<rect class="frame" width="{px(w)}" height="{px(h)}" rx="7"/>']


def _body(kind: str, body: Body) -> list[str]:
    """Return the rows and images of a card, from its upper left corner."""
    parts: list[str] = []
    y, side = body.room, SIDE
    for row in body.rows:
        tall = HEAD if row.style == "title" else LINE
        if kind in ROUND and row.strength is not None:  # the same row, as narrow as it can be, in the middle
            strength = width(number(row.strength), 11) + 15
            room = (body.width - width(row.text, 11) - strength - 9) / 2
            parts.append(_row(row, room, y + tall - 4.5, body.width - room, strength))
        elif kind in ROUND:
            parts.append(_text(body.width / 2, y + tall - 4.5, row.text, row.style, "middle"))
        else:
            parts.append(_row(row, side, y + tall - 4.5, body.width - side))
        if row.bar is not None:
            at = body.width - side - BAR
            parts.append(f'<rect class="bar-room" {_rect(at, y + 4, BAR, 7)} rx="2"/>')
            parts.append(f'<rect class="bar" {_rect(at, y + 4, max(1.5, BAR * row.bar), 7)} rx="2"/>')
        y += tall
    x = side
    for image, scale in body.images:
        w, h = image.width * scale, image.height * scale
        parts.append(f'<image class="kernel" {_rect(x, y + 2, w, h)} href="{data_uri(image.png)}"/>')
        parts.append(_text(x, y + h + 13, image.caption, "small"))
        x += image_width(image, scale) + 8
    return parts


def _row(row: Row, left: float, y: float, right: float, strength: float = STRENGTH) -> str:
    parts = []
    if row.strength is not None:
        mark = palette.flow(row.strength)[0]
        parts.append(f'<circle style="fill:{mark}" cx="{px(right - strength + 5)}" cy="{px(y - 3.5)}" r="3.5"/>')
        parts.append(_text(right, y, number(row.strength), "soft", "end"))
        right -= strength + 6
    if row.style in CHIPS:
        parts.append(f'<rect class="{CHIPS[row.style]}" {_rect(left, y - 7, 7, 7)} rx="1.5"/>')
        parts += [_text(left + 12, y, row.text, "parameter-text"), _text(right, y, row.right, "soft", "end")]
    else:
        style = {"fault": "fault-text", "saved": "soft", "gradient": "soft"}.get(row.style, row.style)
        parts += [_text(left, y, row.text, style), _text(right, y, row.right, "tag", "end")]
    return "".join(parts)


def _tooltip(card: Card, node: Node) -> str:
    lines = [f"{card.title} {card.tag}".strip() + (f" ({card.detail})" if card.detail else "")]
    lines.append(f"{node.shape} {node.dtype}")
    if node.kind == "op" and card.key[0] == "n":
        lines += [f"gradient of {name}: {text}" for name, text in node.rules if text]
    return "; ".join(lines)


def _copies(x: float, y: float, w: float, h: float, r: float, box: int | None = None, shown: bool = True) -> str:
    """Return two outlines behind a card or a box."""
    parts = []
    for d in (8.0, 4.0):
        data = "" if box is None else f' data-box="{box}" data-behind="{px(d)}"'
        parts.append(f'<rect class="copies"{data} {_rect(x + d, y + d, w, h)} rx="{px(r)}"{_hidden(shown)}/>')
    return "".join(parts)


def _badge(w: float, times: int) -> str:
    text = f"×{times:,}"
    wide = width(text, 10, True) + 12
    return (
        f'<rect class="badge" {_rect(w - wide + 8, -9, wide, 17)} rx="8.5"/>'
        f'<text class="badge-text" x="{px(w - wide / 2 + 8)}" y="3" text-anchor="middle">{text}</text>'
    )


def _shading(scene: Scene, about: Facts) -> str:
    """Return the color of a card by its gradient, bytes or time, as `Look.color` says; empty if that is not known."""
    by = {"grad": "gradient", "bytes": "saved", "time": "seconds"}[scene.look.color]
    value = getattr(about, by)
    if value is None or by == "gradient":
        return "" if value is None else palette.flow(value)[0]
    largest = max(getattr(facts(scene.view.ir, card), by) or 0 for card in scene.view.cards.values())
    return palette.ramp(math.sqrt(value / largest) if largest else 0.0)


def _saved_entries(scene: Scene) -> list[tuple[str, int]]:
    """Return name and bytes of each card that saves something; of many, the smallest are summed up."""
    saved = [(shortened(_listed(card), 28), facts(scene.view.ir, card).saved) for card in scene.view.cards.values()]
    found = [entry for entry in saved if entry[1]]
    if len(found) > ENTRIES:
        kept = set(sorted(range(len(found)), key=lambda i: (-found[i][1], i))[: ENTRIES - 1])
        rest = [found[i][1] for i in range(len(found)) if i not in kept]
        found = [*(found[i] for i in sorted(kept)), (f"{len(rest)} more", sum(rest))]
    return found


def _listed(card: Card) -> str:
    """Return the path of a module; one that is a number, and that of a derivative, behind the title of the card."""
    plain = card.path and not card.path.isdigit() and not card.title.startswith("∇ ")
    return card.path if plain else f"{card.title} {card.path}".strip()


def _saved_list(entries: list[tuple[str, int]]) -> Iterable[str]:
    most = max(saved for _, saved in entries)
    yield _text(0, 12, "saved for backward", "title")
    for i, (name, saved) in enumerate([*entries, ("total", sum(saved for _, saved in entries))]):
        y = 34 + 22 * i
        if i < len(entries):
            yield _text(0, y, name, "key")
            yield _text(SAVED, y, byte_count(saved), "", "end")
            yield f'<rect class="bar" {_rect(0, y + 4, max(1.5, SAVED * saved / most), 3)} rx="1.5"/>'
        else:
            yield f'<path class="rule" d="M0,{y - 12}H{px(SAVED)}"/>'
            yield _text(0, y + 3, name, "")
            yield _text(SAVED, y + 3, byte_count(saved), "", "end")


def _legend(scene: Scene, room: float) -> tuple[list[str], int]:
    """Return the legend of the shapes and colors in use, and its number of lines."""
    view, look = scene.view, scene.look
    kinds = dict.fromkeys(card.kind for card in view.cards.values())
    parts: list[str] = []
    x, line = 0.0, 0

    def entry(mark: str, text: str, wide: float = 22.0) -> None:
        nonlocal x, line
        needed = wide + 6 + width(text, 11)
        if x and x + needed > room:
            x, line = 0.0, line + 1
        parts.append(f'<g transform="translate({px(x)} {20 * line})">{mark}{_text(wide + 6, 10, text, "key")}</g>')
        x += needed + 20

    for kind, name in KINDS.items():
        if kind in kinds:
            entry(f'<g class="card {kind}">{"".join(_frame(kind, 22, 13))}</g>', name)
    kept = {view.ir.nodes[i].kind for card in view.cards.values() for i in card.parameters}
    for kind, chip in CHIPS.items():
        if kind in kept and not scene.compact:
            entry(f'<rect class="{chip}" x="12" y="3" width="8" height="8" rx="1.5"/>', kind, 20)
    if any(not link.tracked for link in view.links):
        entry('<path class="line untracked" d="M0,7H24"/>', "no gradient flows back", 24)
    if any(places(view)):
        entry('<text class="place" x="0" y="10">1 2</text>', "order of operands", 14)
    if "saved" in look.show and most_saved(view):
        entry('<rect class="bar" x="2" y="3" width="20" height="7" rx="2"/>', "saved for backward")
    if any(node.mark for node in view.ir.nodes):
        entry(f'<g class="card fault">{"".join(_frame("op", 22, 13))}</g>', "what failed")
    if "grads" in look.show or look.color == "grad":
        thick = [1 + i / 4 for i in range(16)]
        bars = "".join(
            f'<rect style="fill:{palette.ramp(i / 15)}" {_rect(4 * i, 6.5 - h / 2, 4.2, h)}/>' for i, h in enumerate(thick)
        )
        low, high = number(10.0**palette.SMALLEST), number(10.0**palette.LARGEST)
        several = any(node.size > 1 for node in view.ir.nodes if node.gradient is not None)
        entry(bars, f"gradient, {'root mean square ' * several}{low} … {high}", 64)
    return parts, line + 1


def _hidden(shown: bool) -> str:
    return "" if shown else ' style="display:none"'


def _text(x: float, y: float, text: str, style: str, anchor: str = "") -> str:
    if not text:
        return ""
    kind = f' class="{style}"' if style else ""
    end = f' text-anchor="{anchor}"' if anchor else ""
    return f'<text{kind} x="{px(x)}" y="{px(y)}"{end}>{escape(text)}</text>'


def _rect(x: float, y: float, w: float, h: float) -> str:
    return f'x="{px(x)}" y="{px(y)}" width="{px(w)}" height="{px(h)}"'
