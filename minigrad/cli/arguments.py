"""The parser of the command line, and the types of its arguments."""

from __future__ import annotations

import argparse
import re
import time
from collections.abc import Sequence
from typing import Any, NoReturn

import numpy as np

from minigrad.distributed.launch import launched_rank
from minigrad.errors import did_you_mean

__all__ = [
    "PAUSE",
    "SIZES",
    "Parser",
    "at_least_one",
    "at_least_zero",
    "fraction",
    "join_sizes",
    "number",
    "shape",
    "shape_and_dtype",
]

SIZES = "sizes as 1,28,28 or 1x28x28 or 1 28 28"  # how help texts describe a shape
SHAPE_OPTIONS = ("--shape", "--input")
PAUSE = 1  # seconds: a launcher may end all processes when one has failed, so the one that says why comes first


class Parser(argparse.ArgumentParser):
    """A parser that keeps its arguments in `arguments`, and suggests the closest option for an unknown one.

    Of several processes that a launcher has started with the same arguments, only the first prints.
    """

    def __init__(self, **options: Any):
        self.arguments: list[argparse.Action] = []
        super().__init__(formatter_class=argparse.RawDescriptionHelpFormatter, **options)

    def add_argument(self, *names: str, **options: Any) -> argparse.Action:
        """Add an argument, as ArgumentParser does."""
        self.arguments.append(super().add_argument(*names, **options))
        return self.arguments[-1]

    def knows(self, start: str) -> bool:
        """Return whether an option begins with the text."""
        return any(name.startswith(start) for name in self._options())

    def reject(self, word: str) -> NoReturn:
        """Exit with the usage and a message about an unknown option or argument."""
        kind = "option" if word.startswith("-") else "argument"
        self.error(f"unknown {kind} {word!r}{did_you_mean(word.partition('=')[0], self._options())}")

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:
        """End the program."""
        if status and launched_rank():
            time.sleep(PAUSE)
        super().exit(status, message)

    def _print_message(self, message: str, file: Any = None) -> None:
        if not launched_rank():
            super()._print_message(message, file)

    def _options(self) -> list[str]:
        return [name for argument in self.arguments for name in argument.option_strings]


def at_least_one(text: str) -> int:
    """Parse an int of at least 1."""
    return _integer(text, 1)


def at_least_zero(text: str) -> int:
    """Parse an int of at least 0."""
    return _integer(text, 0)


def fraction(text: str) -> float:
    """Parse a float within 0..1, without 1."""
    value = number(text)
    if not 0 <= value < 1:
        raise argparse.ArgumentTypeError(f"must be at least 0 and below 1, got {text!r}")
    return value


def number(text: str) -> float:
    """Parse a float."""
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be a number, got {text!r}") from None


def shape(text: str) -> tuple[int, ...]:
    """Parse sizes between commas, spaces or x; an empty text is the shape of a number."""
    try:
        parts = re.split(r"\s*[,x×]\s*|\s+", text.strip(" ()[]").removesuffix(","))
        sizes = tuple(map(int, parts)) if parts != [""] else ()
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be {SIZES}, got {text!r}") from None
    if min(sizes, default=0) < 0:
        raise argparse.ArgumentTypeError(f"sizes must be at least 0, got {text!r}")
    return sizes


def shape_and_dtype(text: str) -> tuple[tuple[int, ...], str]:
    """Parse a shape, and a dtype after a colon; default: float32."""
    sizes, _, dtype = text.partition(":")
    try:
        np.dtype(dtype or "float32")
    except TypeError:
        raise argparse.ArgumentTypeError(f"there is no dtype {dtype!r}, as in 8,16:int64; got {text!r}") from None
    return shape(sizes), dtype or "float32"


def join_sizes(argv: Sequence[str]) -> list[str]:
    """Join the sizes of a shape that are separate arguments, as in ``--shape 1 28 28``, into one argument."""
    out: list[str] = []
    rest = list(argv)
    while rest:
        out.append(rest.pop(0))
        if out[-1] in SHAPE_OPTIONS:
            sizes = []
            while rest and rest[0].isdecimal():
                sizes.append(rest.pop(0))
            out += [" ".join(sizes)] if sizes else []
    return out


def _integer(text: str, least: int) -> int:
    try:
        value = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be an integer of at least {least}, got {text!r}") from None
    if value < least:
        raise argparse.ArgumentTypeError(f"must be at least {least}, got {value}")
    return value
