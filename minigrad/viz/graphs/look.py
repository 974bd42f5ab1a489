"""The options of a picture's appearance, checked when they are given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from minigrad.errors import did_you_mean

__all__ = ["Look", "look"]

CHOICES = {
    "color": ("kind", "grad", "bytes", "time"),
    "direction": ("TB", "LR"),
    "theme": ("auto", "light", "dark"),
    "engine": ("auto", "dot", "builtin"),
}
SHOWN = ("shapes", "values", "saved", "grads", "primitives")
DEFAULT = frozenset({"shapes", "saved"})


@dataclass(frozen=True, slots=True)
class Look:
    """Drawing options of a graph; see `viz.graph`."""

    depth: int | None = None
    fold: bool = True
    show: frozenset[str] = DEFAULT
    color: str = "kind"
    direction: str = "TB"
    theme: str = "auto"
    engine: str = "auto"


def look(depth: Any, fold: Any, show: Any, **choices: Any) -> Look:
    """Return a Look of checked options; `choices` are those of CHOICES. Raises ValueError that lists the names there are."""
    if depth is not None and (isinstance(depth, bool) or not isinstance(depth, int) or depth < 0):
        raise ValueError(f"graph: depth must be None or an int of at least 0, got {depth!r}")
    shown = frozenset((show,)) if isinstance(show, str) else frozenset(show)
    for name in sorted(map(str, shown)):
        _check("show", name, SHOWN)
    for option, value in choices.items():
        _check(option, value, CHOICES[option])
    return Look(depth, bool(fold), shown, **choices)


def _check(option: str, value: Any, known: tuple[str, ...]) -> None:
    if value not in known:
        options = ", ".join(map(repr, known))
        raise ValueError(f"graph: {option} must be of {options}, got {value!r}{did_you_mean(value, known)}")
