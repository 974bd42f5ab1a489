"""Checks of arguments that operations share: shapes, choices and bounds."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from minigrad.arrays import shape_of
from minigrad.errors import ShapeError

__all__ = ["broadcast_shapes", "check_at_least", "check_choice", "check_matrices", "check_square", "positive_int", "whole"]


def broadcast_shapes(message: str, *shapes: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape to which all broadcast together; raise ShapeError with `message` if they do not."""
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError:
        raise ShapeError(message) from None


def check_at_least(op: str, name: str, value: Any, least: float) -> None:
    """Raise ValueError if argument `name` is less than `least`, or NaN."""
    if not value >= least:
        raise ValueError(f"{op}: {name} must be at least {least}, got {value}")


def check_choice(op: str, name: str, value: Any, *choices: Any) -> None:
    """Raise ValueError if argument `name` is not one of the choices.

    >>> check_choice("take", "mode", "near", "raise", "wrap", "clip")
    Traceback (most recent call last):
    ValueError: take: mode must be 'raise', 'wrap' or 'clip', got 'near'
    """
    if value not in choices:
        *others, last = map(repr, choices)
        raise ValueError(f"{op}: {name} must be {', '.join(others)} or {last}, got {value!r}")


def check_matrices(op: str, x: Any) -> tuple[int, int]:
    """Return the numbers of rows and columns of a matrix or a stack of them; raise ShapeError for anything else."""
    shape = shape_of(x)
    if len(shape) < 2:
        raise ShapeError(f"{op}: needs a matrix or a stack of them, got shape {shape}")
    return shape[-2], shape[-1]


def check_square(op: str, x: Any) -> int:
    """Return the size of a square matrix or of a stack of them; raise ShapeError for anything else."""
    m, n = check_matrices(op, x)
    if m != n:
        raise ShapeError(f"{op}: needs square matrices, got shape {shape_of(x)}: {m} rows and {n} columns")
    return n


def positive_int(op: str, name: str, value: Any) -> int:
    """Return argument `name` as an int; raise ValueError unless it is an int of at least 1.

    >>> positive_int("group_norm", "num_groups", 2)
    2
    """
    number = whole(value)
    if number is None or number < 1:
        raise ValueError(f"{op}: {name} must be an int of at least 1, got {value!r}")
    return number


def whole(value: Any) -> int | None:
    """Return an integer, or that of an integer tensor of one element, as an int; None for anything else and for bools.

    >>> whole(2), whole(True), whole(2.0)
    (2, None, None)
    """
    try:
        return None if isinstance(value, bool) or getattr(value, "dtype", None) == np.bool_ else operator.index(value)
    except TypeError:
        return None
