"""Numerical derivatives of a map between vectors, with their errors measured, and detection of kinks.

A slope comes from the central difference over seven points, [45 (f1 - f-1) - 9 (f2 - f-2) + (f3 - f-3)] / 60 d, exact for
polynomials of degree six; for a linear map, from the difference over a step of one, exact but for rounding. Fornberg (1988)
lists the weights. Its distance from the difference over five points bounds the truncation, and sixth differences, to which
a smooth function contributes next to nothing, measure the rounding of the function itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np

from minigrad.arrays import Array

__all__ = ["TO_ROUNDING", "Slopes", "norm", "random_direction", "settled", "signed_vector", "slopes"]


# Rounding errors of one size and independent are multiplied by the norms of the weights: in the slope (times the step), in
# its distance from the slope over five points, and in the sixth difference.
SLOPE_ROUNDING = (2 * (45**2 + 9**2 + 1)) ** 0.5 / 30
TRUNCATION_ROUNDING = (2 * (5**2 + 4**2 + 1)) ** 0.5 / 30
SIXTH_ROUNDING = 924**0.5
TO_ROUNDING = SLOPE_ROUNDING / TRUNCATION_ROUNDING  # makes of `truncation`, where it is rounding alone, a second sample


@dataclass(frozen=True)
class Slopes:
    """The derivatives of every output along one direction: central, and from either side."""

    central: Array
    left: Array
    right: Array
    kinked: Array  # True where the two sides disagree, or a value nearby is not finite
    size: Array  # of the values that were subtracted, to which rounding is relative
    truncation: Array  # what the slope over fewer points differs by
    rounding: Array  # a sample of the rounding error of `central`: a number of its size, of either sign


def slopes(
    at: Callable[[float], Array], here: Array, step: float, linear: bool = False, moved: float = 1.0, terms: float = 1.0
) -> Slopes:
    """Compute the slopes at 0 of `at`, a vector-valued function of one number; `here` is its value at 0.

    `moved` is the size of the inputs: the rounding of a linear map is relative to them where its terms cancel. `terms` is
    the least size of the terms of one value, to which rounding is relative in the search for kinks.

    >>> import numpy as np
    >>> found = slopes(lambda t: np.array([(3 + t) ** 3, abs(t)]), np.array([27.0, 0.0]), 1e-3)
    >>> found.central.round(9), found.left.round(3), found.right.round(3), found.kinked
    (array([27.,  0.]), array([27., -1.]), array([27.,  1.]), array([False,  True]))
    """
    # The function may overflow or leave its domain at a point nearby, where `finite` is False.
    with np.errstate(all="ignore"):
        if linear:
            before, after = at(-step), at(step)
            left, right = (here - before) / step, (after - here) / step
            central, points = (after - before) / (2 * step), [before, here, after]
            truncation = np.zeros_like(central)
            rounded = (before - 2 * here + after) * (3**-0.5 / 2 / step)
            # Rounding is relative to terms that may have cancelled; a map that is not linear is off by far more.
            rounding = 1e-10 * np.max(np.abs(points), initial=0) + 1e-12 * moved
            sizes = np.max(np.abs(points), axis=0)
            curved = np.abs(right - left) > 1e-9 * (np.abs(left) + np.abs(right)) + rounding
        else:
            # Beyond the step, too: a kink anywhere within it has three points on either side.
            points = [here if n == 0 else at(n / 2 * step) for n in range(-3, 4)]
            b3, b2, b1, _, a1, a2, a3 = points
            d1, d2, d3 = a1 - b1, a2 - b2, a3 - b3
            central = (45 * d1 - 9 * d2 + d3) / (30 * step)
            truncation = central - (8 * d1 - d2) / (6 * step)
            fifth = np.diff(points, 5, axis=0)
            rounded = (fifth[1] - fifth[0]) * (SLOPE_ROUNDING / SIXTH_ROUNDING / step)
            left = (11 * here - 18 * b1 + 9 * b2 - 2 * b3) / (3 * step)
            right = (-11 * here + 18 * a1 - 9 * a2 + 2 * a3) / (3 * step)
            # A kink anywhere adds a tenth of its jump times the step, or more, to one of the two fifth differences, which
            # are O(step**5) and rounding for smooth functions.
            jump = np.max(np.abs(fifth), axis=0) / step
            sizes = np.max(np.abs(points), axis=0)
            rounding = 1e-11 / step * np.maximum(terms, sizes)
            curved = jump > 1e-2 * step * (np.abs(left) + np.abs(right)) + rounding
    return Slopes(central, left, right, curved | ~np.isfinite(sizes), sizes, truncation, rounded)


def settled(first: Slopes, last: Slopes) -> Slopes:
    """Return the slopes of a step, without the kinks that a much smaller step shows to be none.

    At a kink the slopes of the sides are the same for both. They vanish where all derivatives up to the fourth do, and grow
    where they are the rounding of values that cancel; and the kink itself vanishes where it lies beyond the smaller step.
    """
    with np.errstate(all="ignore"):
        ratio = np.divide(*(np.max(np.abs([s.left, s.central, s.right]), axis=0) for s in (last, first)))
    beyond = first.kinked & (~last.kinked | (ratio < 0.03))
    parts = {f.name: np.where(beyond, getattr(last, f.name), getattr(first, f.name)) for f in fields(Slopes)}
    return Slopes(**parts | {"kinked": first.kinked & ~beyond & ~((ratio > 30) & np.isfinite(ratio))})


def norm(x: Array) -> float:
    """Return the Euclidean norm, also of numbers whose squares overflow or vanish.

    >>> import numpy as np
    >>> norm(np.array([3e-200, 4e-200]))
    5e-200
    """
    largest = float(np.max(np.abs(x), initial=0))
    return largest * float(np.linalg.norm(x / largest)) if 0 < largest < np.inf else largest


def signed_vector(rng: np.random.Generator, size: int) -> Array:
    """Return a random vector of about unit length: signed, uneven, and no component below 0.3/sqrt(size)."""
    return rng.choice([-1.0, 1.0], size) * rng.uniform(0.3, 1.7, size) / max(size, 1) ** 0.5


def random_direction(rng: np.random.Generator, x: Array) -> Array:
    """Return a direction in the space of `x` in which each component moves in proportion to max(1, |x|)."""
    return signed_vector(rng, x.size).reshape(x.shape) * np.maximum(1, np.abs(x))
