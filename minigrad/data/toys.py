"""Points in the plane that no straight line separates: data to look at while learning how networks learn.

Each gives x (N, 2) as float32 and classes t (N,) as int64, the classes in order; noise is normal, and `generator` draws it.
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
    """Arms that wind around each other: `n` points in all, the angle of each with noise, in radians.

    >>> x, t = spiral(6)
    >>> x.shape, t
    ((6, 2), array([0, 0, 1, 1, 2, 2]))
    """
    t = _labels(n, classes)
    radius = np.concatenate([np.arange(k) / max(k, 1) for k in np.bincount(t, minlength=classes)])
    angle = 2 * np.pi * (turns * radius + t / classes) + _noise(noise, n, generator)
    return _points(radius * np.sin(angle), radius * np.cos(angle), t)


def moons(n: int = 200, noise: float = 0.1, generator: Generator | None = None) -> Split:
    """Two half circles, one inside the bend of the other.

    >>> x, t = moons(4, noise=0.0)
    >>> x.round(2).tolist()
    [[1.0, 0.0], [-1.0, 0.0], [0.0, 0.5], [2.0, 0.5]]
    """
    t = _labels(n, 2)
    angle = np.concatenate([np.linspace(0, np.pi, k) for k in np.bincount(t, minlength=2)])
    x, y = np.where(t, 1 - np.cos(angle), np.cos(angle)), np.where(t, 0.5 - np.sin(angle), np.sin(angle))
    return _points(x + _noise(noise, n, generator), y + _noise(noise, n, generator), t)


def circles(n: int = 200, noise: float = 0.05, factor: float = 0.5, generator: Generator | None = None) -> Split:
    """A circle of radius 1 and one of radius `factor` inside it.

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
    """Classes in order, as many of each as come out even."""
    if min(n, classes) < 1:
        raise ValueError(f"toy data: needs at least one point and one class, got {n} and {classes}")
    return np.arange(n, dtype=np.int64) * classes // n


def _noise(scale: float, n: int, generator: Generator | None) -> Array:
    return scale * (generator or default_generator()).standard_normal(n)


def _points(x: Array, y: Array, t: Array) -> Split:
    return np.stack([x, y], axis=1).astype(np.float32), t
