"""Constraints on the parameters and the values of distributions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from minigrad.arrays import Array, array_of

__all__ = [
    "Constraint", "boolean", "integer_interval", "interval", "lower_cholesky", "positive", "positive_definite", "real",
    "real_vector", "simplex", "unit_interval",
]  # fmt: skip


class Constraint(NamedTuple):
    """A rule in words, the function of arrays that returns where it holds, and the number of axes of one value.

    >>> even = Constraint("even", lambda x: x % 2 == 0)
    >>> even.rule, even.check(np.array([2, 3]))
    ('even', array([ True, False]))
    """

    rule: str
    check: Callable[[Array], Any]
    event_dim: int = 0


def interval(lower_bound: Any, upper_bound: Any) -> Constraint:
    """Return the constraint that values lie within [lower_bound, upper_bound], numbers or tensors that broadcast.

    >>> unit = interval(0, 1)
    >>> unit.rule, unit.check(np.array([-1.0, 0.5]))
    ('within [0, 1]', array([False,  True]))
    """
    low, high = array_of(lower_bound), array_of(upper_bound)
    return Constraint(f"within [{low}, {high}]", lambda x: (x >= low) & (x <= high))


def integer_interval(lower_bound: int, upper_bound: int) -> Constraint:
    """Return the constraint that values are whole numbers from `lower_bound` to `upper_bound`, of any dtype.

    >>> dice = integer_interval(1, 6)
    >>> dice.rule, dice.check(np.array([0, 2.5, 6]))
    ('an integer from 1 to 6', array([False, False,  True]))
    """
    rule = f"an integer from {lower_bound} to {upper_bound}"
    return Constraint(rule, lambda x: (x % 1 == 0) & (x >= lower_bound) & (x <= upper_bound))


real = Constraint("a number", lambda x: x == x)
positive = Constraint("positive", lambda x: x > 0)
unit_interval = interval(0, 1)
boolean = Constraint("0 or 1", lambda x: (x == 0) | (x == 1))
real_vector = Constraint("a vector of numbers", lambda x: (x == x).all(-1), 1)
simplex = Constraint("at least 0 with the sum 1", lambda x: (x >= 0).all(-1) & (abs(x.sum(-1) - 1) < 1e-6), 1)
lower_cholesky = Constraint(
    "lower triangular with a positive diagonal",
    lambda x: (x == np.tril(x)).all((-2, -1)) & (np.diagonal(x, 0, -2, -1) > 0).all(-1),
    2,
)
positive_definite = Constraint(
    "symmetric and positive definite",
    lambda x: np.isclose(x, x.swapaxes(-1, -2), atol=1e-6).all((-2, -1)) & (np.linalg.eigvalsh(x) > 0).all(-1),
    2,
)
