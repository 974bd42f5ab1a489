"""What the commands' arguments look like on the command line, and what is said about one that does not."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence

import numpy as np

__all__ = ["SIZES", "at_least_zero", "count", "joined", "number", "shape", "shape_and_dtype"]

SIZES = "sizes as 1,28,28 or 1x28x28 or 1 28 28"  # how help texts describe a shape
SHAPE_OPTIONS = ("--shape", "--input")


def count(text: str) -> int:
    """An int of at least 1."""
    return _integer(text, 1)


def at_least_zero(text: str) -> int:
    """An int of at least 0."""
    return _integer(text, 0)


def number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be a number, got {text!r}") from None


def shape(text: str) -> tuple[int, ...]:
    """Sizes between commas, spaces or x; of nothing, the shape of a number."""
    try:
        parts = re.split(r"\s*[,x×]\s*|\s+", text.strip(" ()[]").removesuffix(","))
        sizes = tuple(map(int, parts)) if parts != [""] else ()
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be {SIZES}, got {text!r}") from None
    if min(sizes, default=0) < 0:
        raise argparse.ArgumentTypeError(f"sizes must be at least 0, got {text!r}")
    return sizes


def shape_and_dtype(text: str) -> tuple[tuple[int, ...], str]:
    """A shape, and after a colon a dtype, float32 unless given."""
    sizes, _, dtype = text.partition(":")
    try:
        np.dtype(dtype or "float32")
    except TypeError:
        raise argparse.ArgumentTypeError(f"there is no dtype {dtype!r}, as in 8,16:int64; got {text!r}") from None
    return shape(sizes), dtype or "float32"


def joined(argv: Sequence[str]) -> list[str]:
    """The arguments with ``--shape 1 28 28``, sizes that are arguments of their own, as one argument."""
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
