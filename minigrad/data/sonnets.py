"""Twenty-four sonnets of Shakespeare, a small text that is bundled with the package."""

from __future__ import annotations

from pathlib import Path

__all__ = ["load_sonnets"]

FILE = Path(__file__).with_name("sonnets.txt")


def load_sonnets() -> str:
    r"""Return 24 sonnets of William Shakespeare, a text for small models of language.

    14 lines each, with an empty line between two: numbers 1, 2, 12, 15, 18, 19, 29, 30, 33, 55, 60, 64, 65, 71, 73, 87, 94,
    97, 104, 106, 116, 130, 138 and 147 of the Sonnets (1609), in modern spelling. They are in the public domain.

    >>> text = load_sonnets()
    >>> len(text.split("\n\n")), text[:42]
    (24, 'From fairest creatures we desire increase,')
    """
    return FILE.read_text("utf-8")
