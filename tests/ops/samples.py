"""How specs draw their inputs: shapes that tell axes apart, values that stay away from kinks and poles."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad.testing import OpSpec, Refusal, Sample

AxisError = np.exceptions.AxisError
Draw = Callable[..., np.ndarray]  # (rng, shape) -> values


def refuse(error: type[Exception], match: str, *args: Any, **options: Any) -> Refusal:
    """A call that must raise `error` with a message that has `match` in it."""
    return Refusal(Sample(args, options), error, match)


def a_shape(rng: np.random.Generator, least: int = 0, most: int = 3, empty: bool = True) -> tuple[int, ...]:
    """Mostly distinct sizes, sometimes 1, rarely 0; now and then all the same, so that a transposition shows either way."""
    sizes = [1, 2, 3, 4, 5] * 4 + [0] * empty
    shape = tuple(int(rng.choice(sizes)) for _ in range(rng.integers(least, most + 1)))
    return (3,) * len(shape) if rng.random() < 0.2 else shape


def two_shapes(rng: np.random.Generator) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Shapes that broadcast: axes stretched or missing on either side."""
    full = a_shape(rng)

    def part() -> tuple[int, ...]:
        kept = full[rng.integers(0, len(full) + 1) :] if rng.random() < 0.4 else full
        return tuple(1 if rng.random() < 0.3 else n for n in kept)

    return part(), part()


def an_axis(rng: np.random.Generator, ndim: int) -> int:
    """Counted from either end."""
    return int(rng.integers(-ndim, ndim))


def axes(rng: np.random.Generator, ndim: int, one: bool = False) -> Any:
    """An axis, or also several of them or None, counted from either end."""
    if ndim == 0 or (not one and rng.random() < 0.3):
        return None
    some = rng.permutation(ndim)[: 1 if one else rng.integers(1, ndim + 1)]
    some = [int(a) - (ndim if rng.random() < 0.3 else 0) for a in some]
    return some[0] if len(some) == 1 else tuple(some)


def choice(rng: np.random.Generator, *options: Any) -> Any:
    return options[rng.integers(len(options))]


def normal(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return np.asarray(rng.standard_normal(shape))


def within(low: float, high: float) -> Draw:
    return lambda rng, shape: np.asarray(rng.uniform(low, high, shape))


def nonzero(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Of either sign, none near 0."""
    return np.asarray(rng.choice([-1.0, 1.0], shape) * rng.uniform(0.3, 1.5, shape))


def between(*kinks: float, reach: float = 4.0, gap: float = 0.1) -> Draw:
    """At least `gap` away from every kink, on all sides of them."""
    edges = np.array([-reach, *kinks, reach])

    def draw(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        piece = rng.integers(0, len(edges) - 1, shape)
        low, high = edges[piece] + gap, edges[piece + 1] - gap
        return np.asarray(rng.uniform(low, high))

    return draw


def off_integers(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """No whole number, and no half of one, within 0.1."""
    return np.asarray(rng.integers(-4, 4, shape) + rng.choice([0.25, 0.75], shape) + rng.uniform(-0.1, 0.1, shape))


def spread(rng: np.random.Generator, shape: tuple[int, ...], gap: float = 0.1) -> np.ndarray:
    """Distinct values at least `gap` apart, in random order: far from ties."""
    count = int(np.prod(shape))
    values = (rng.permutation(count) - count / 2) * gap + rng.uniform(0, gap / 4, count)
    return np.asarray(values.reshape(shape))


def apart(rng: np.random.Generator, a: tuple[int, ...], b: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Values that differ from each other by at least 0.2 wherever they meet: integers against integers and a half."""
    return np.asarray(rng.integers(-3, 4, a) + 0.0), np.asarray(rng.integers(-3, 4, b) + rng.uniform(0.3, 0.7, b))


def both(draw_x: Draw, draw_y: Draw | None = None) -> Callable[..., tuple[np.ndarray, np.ndarray]]:
    return lambda rng, a, b: (draw_x(rng, a), (draw_y or draw_x)(rng, b))


def unary(name: str, fn: Callable[..., Any], reference: Callable[..., Any], draw: Draw = normal, **more: Any) -> OpSpec:
    """The spec of an elementwise function of one array."""
    return OpSpec(name, fn, reference, lambda rng: Sample((draw(rng, a_shape(rng)),)), **more)


def binary(name: str, fn: Callable[..., Any], reference: Callable[..., Any], draw: Any = None, **more: Any) -> OpSpec:
    """The spec of an elementwise function of two arrays that broadcast."""
    draw = draw or both(normal)
    return OpSpec(name, fn, reference, lambda rng: Sample(draw(rng, *two_shapes(rng))), **more)


def reduction(name: str, fn: Callable[..., Any], reference: Callable[..., Any], draw: Draw = normal, **more: Any) -> OpSpec:
    """The spec of a function of (x, axis, keepdims), whose reference takes NumPy's keywords; no axis is empty."""

    def sample(rng: np.random.Generator) -> Sample:
        x = draw(rng, a_shape(rng, empty=False))
        return Sample((x,), {"axis": axes(rng, x.ndim), "keepdims": bool(rng.random() < 0.5)})

    return OpSpec(name, fn, reference, sample, **more)
