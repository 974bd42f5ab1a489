"""Synthetic classification data: points in the plane whose classes no straight line separates.

Each function returns x (N, 2) as float32 and classes t (N,) as int64, sorted by class. `noise` is the standard deviation of
normal noise, drawn by `generator` (None: the default generator).
"""

from __future__ import annotations

import numpy as np

from minigrad.arrays import Array
from minigrad.data.preparation import Split
from minigrad.random import default_generator

__all__ = ["circles", "moons", "spiral"]

Generator = np.random.Generator


def spiral(
    n: int = 300, classes: int = 3, noise: float = 0.2, turns: float = 0.64, generator: Generator | None = None
) -> Split:
    """Return `n` points on spiral arms, one for each class; the noise is added to the angle, in radians.

    `turns` is the length of an arm in full turns.

    >>> x, t = spiral(6)
    >>> x.shape, t
    ((6, 2), array([0, 0, 1, 1, 2, 2]))
    """
    t = _labels(n, classes)
    radius = np.concatenate([np.arange(k) / max(k, 1) for k in np.bincount(t, minlength=classes)])
    angle = 2 * np.pi * (turns * radius + t / classes) + _noise(noise, n, generator)
    return _points(radius * np.sin(angle), radius * np.cos(angle), t)


def moons(n: int = 200, noise: float = 0.1, generator: Generator | None = None) -> Split:
    """Return `n` points on two interleaving half circles.

    >>> x, t = moons(4, noise=0.0)
    >>> x.round(2).tolist()
    [[1.0, 0.0], [-1.0, 0.0], [0.0, 0.5], [2.0, 0.5]]
    """
    t = _labels(n, 2)
    angle = np.concatenate([np.linspace(0, np.pi, k) for k in np.bincount(t, minlength=2)])
    x, y = np.where(t, 1 - np.cos(angle), np.cos(angle)), np.where(t, 0.5 - np.sin(angle), np.sin(angle))
    return _points(x + _noise(noise, n, generator), y + _noise(noise, n, generator), t)


def circles(n: int = 200, noise: float = 0.05, factor: float = 0.5, generator: Generator | None = None) -> Split:
    """Return `n` points on a circle of radius 1 and on one of radius `factor` inside it.

    >>> x, t = circles(8, noise=0.0)
    >>> (x**2).sum(1).round(2).tolist()
    [1.0, 1.0, 1.0, 1.0, 0.25, 0.25, 0.25, 0.25]
    """
    t = _labels(n, 2)
    angle = np.concatenate([np.linspace(0, 2 * np.pi, k, endpoint=False) for k in np.bincount(t, minlength=2)])
    radius = np.where(t, factor, 1.0)
    return _points(
        radius * np.cos(angle) + _noise(noise, n, generator), radius * np.sin(angle) + _noise(noise, n, generator), t
    )


def _labels(n: int, classes: int) -> Array:
    """Return sorted classes, of nearly equal counts."""
    if min(n, classes) < 1:
        raise ValueError(f"toy data: needs at least one point and one class, got {n} and {classes}")
    return np.arange(n, dtype=np.int64) * classes // n


def _noise(scale: float, n: int, generator: Generator | None) -> Array:
    return scale * (generator or default_generator()).standard_normal(n)


def _points(x: Array, y: Array, t: Array) -> Split:
    return np.stack([x, y], axis=1).astype(np.float32), t
