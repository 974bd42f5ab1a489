"""Numerical derivatives of a map between vectors, and what its values nearby say about kinks.

A slope comes from the five-point Richardson formula D = (8[f(h/2) - f(-h/2)] - [f(h) - f(-h)]) / 6h, exact for polynomials
of degree four; of a linear map from the difference over a step of one, exact but for rounding. Fornberg (1988) has the
weights.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from minigrad.primitive import Array

__all__ = ["Slopes", "directed", "signed", "slopes"]


@dataclass(frozen=True)
class Slopes:
    """The derivatives of every output along one direction: what was found from both sides and from each."""

    central: Array
    left: Array
    right: Array
    kinked: Array  # where the two sides disagree, or a value nearby is not finite
    size: Array  # of the values that were subtracted: what rounding is relative to


def slopes(at: Callable[[float], Array], here: Array, step: float, linear: bool = False) -> Slopes:
    """The slopes at 0 of `at`, a function of one number that gives a vector; `here` is its value at 0.

    >>> import numpy as np
    >>> found = slopes(lambda t: np.array([(3 + t) ** 3, abs(t)]), np.array([27.0, 0.0]), 1e-3)
    >>> found.central.round(9), found.left.round(3), found.right.round(3), found.kinked
    (array([27.,  0.]), array([27., -1.]), array([27.,  1.]), array([False,  True]))
    """
    # The function may overflow or leave its domain on the way: that is found out below.
    with np.errstate(all="ignore"):
        if linear:
            before, after = at(-step), at(step)
            left, right = (here - before) / step, (after - here) / step
            central, points = (after - before) / (2 * step), [here, before, after]
            # Rounding is relative to terms that may have cancelled; what is not linear is off by far more.
            curved = np.abs(right - left) > 1e-9 * (np.abs(left) + np.abs(right)) + 1e-10 * np.max(np.abs(points), initial=0)
        else:
            far_before, before, after, far_after = (at(t * step) for t in (-1.0, -0.5, 0.5, 1.0))
            central = (8 * (after - before) - (far_after - far_before)) / (6 * step)
            right = (4 * after - far_after - 3 * here) / step
            left = (3 * here - 4 * before + far_before) / step
            points = [here, far_before, before, after, far_after]
            # A kink within the step shows as a jump between the sides, where smooth functions differ by O(step**3); but not
            # at a third of the step, where it shows between the two central slopes, which otherwise differ by O(step**2).
            scale, size = 1e-3 * (np.abs(left) + np.abs(right)), np.maximum(1, _largest(points))
            curved = np.abs(right - left) > scale + 1e-6 * size
            curved |= np.abs((far_after - far_before) / 2 - (after - before)) / step > scale + 1e-4 * size
        finite = np.all(np.isfinite(points), axis=0)
    return Slopes(central, left, right, curved | ~finite, _largest(points))


def signed(rng: np.random.Generator, size: int) -> Array:
    """A vector of about unit length: signed, uneven, and no component below 0.3/sqrt(size)."""
    return rng.choice([-1.0, 1.0], size) * rng.uniform(0.3, 1.7, size) / max(size, 1) ** 0.5


def directed(rng: np.random.Generator, x: Array) -> Array:
    """A direction in the space of `x` in which each component moves in proportion to max(1, |x|)."""
    return signed(rng, x.size).reshape(x.shape) * np.maximum(1, np.abs(x))


def _largest(points: list[Array]) -> Array:
    return np.max(np.abs(points), axis=0)
