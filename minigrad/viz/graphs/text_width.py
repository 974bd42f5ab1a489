"""The width of a text, without a font library: the widths of Helvetica, which Arial and Liberation Sans share."""

from __future__ import annotations

import unicodedata

__all__ = ["one_line", "shortened", "width"]

# Thousandths of the font's size for the characters from the space to the tilde (Adobe's Core 14 metrics).
WIDTHS = (
    278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556, 556, 556, 556, 556, 556,
    556, 556, 278, 278, 584, 584, 584, 556, 1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833, 722, 778,
    667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556, 333, 556, 556, 500, 556, 556, 278, 556,
    556, 222, 222, 500, 222, 833, 556, 556, 556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584,
)  # fmt: skip
BOLD = 1.07  # about the ratio of the widths of bold and regular text


def width(text: str, size: float, bold: bool = False) -> float:
    """Return the width in pixels at a font size in pixels.

    >>> width("conv1", 10), width("", 10)
    (26.68, 0.0)
    """
    units = sum(_units(character) for character in text)
    return round(units * size / 1000 * (BOLD if bold else 1.0), 2)


def shortened(text: str, most: int) -> str:
    """Return the text on one line and of at most `most` characters; the middle is left out.

    >>> shortened("a.very.long.name", 9)
    'a.ve…name'
    """
    text = one_line(text)
    if len(text) <= most:
        return text
    head = most // 2
    return f"{text[:head]}…{text[len(text) - (most - 1 - head) :]}"


def one_line(text: str) -> str:
    """Return the text with a space for each character that is not printable, such as a line break."""
    return "".join(c if c.isprintable() else " " for c in text)


def _units(character: str) -> int:
    at = ord(character) - 32
    if 0 <= at < len(WIDTHS):
        return WIDTHS[at]
    return 1000 if character == "…" or unicodedata.east_asian_width(character) in "WF" else 600
