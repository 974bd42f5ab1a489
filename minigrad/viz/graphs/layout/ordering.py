"""The order within each rank: sweeps by barycenter, keeping the order with the fewest crossings."""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Callable, Sequence
from itertools import pairwise

__all__ = ["order"]

SWEEPS = 12
LARGE = 3000  # vertices; graphs with more get two sweeps
Neighbors = Sequence[Sequence[int]]


def order(
    layers: list[list[int]], above: Neighbors, below: Neighbors, offset: Callable[[int, int], float]
) -> list[list[int]]:
    """Return the layers reordered. `offset(v, u)` is where its link with u leaves v, as a fraction of the width of v.

    Ties keep creation order, so that the result is the same on every run.
    """
    best = current = _sweep(layers, above, range(1, len(layers)), offset)
    fewest = _crossings(best, below, offset)
    idle = 0
    for i in range(2 if sum(map(len, layers)) > LARGE else SWEEPS):
        if fewest == 0 or idle > 3:
            break
        down = i % 2 == 1
        current = _sweep(
            current, above if down else below, range(1, len(layers)) if down else range(len(layers) - 2, -1, -1), offset
        )
        crossings = _crossings(current, below, offset)
        idle += 1
        if crossings < fewest:
            best, fewest, idle = current, crossings, 0
    return _exchanged(best, below, offset) if fewest else best


def _sweep(layers: list[list[int]], fixed: Neighbors, ranks: range, offset: Callable[[int, int], float]) -> list[list[int]]:
    """Sort each layer in turn by the mean place of the neighbors in the layer before it; vertices without any stay."""
    layers = list(layers)
    place = {v: float(i) for layer in layers for i, v in enumerate(layer)}
    for r in ranks:
        means = {v: sum(place[u] + offset(u, v) for u in fixed[v]) / len(fixed[v]) for v in layers[r] if fixed[v]}
        placed = sorted(means, key=means.__getitem__)
        for v in layers[r]:
            if v not in means:
                placed.insert(min(int(place[v]), len(placed)), v)
        layers[r] = placed
        place |= {v: float(i) for i, v in enumerate(placed)}
    return layers


def _crossings(layers: list[list[int]], below: Neighbors, offset: Callable[[int, int], float]) -> int:
    """Count crossings between neighboring layers: inversions among the ends of the links, taken from left to right."""
    found = 0
    for upper, lower in pairwise(layers):
        place = {v: i for i, v in enumerate(lower)}
        ends: list[float] = []
        for v in upper:
            for _, end in sorted((offset(v, u), place[u] + offset(u, v)) for u in below[v] if u in place):
                found += len(ends) - bisect_right(ends, end)
                insort(ends, end)
    return found


def _exchanged(layers: list[list[int]], below: Neighbors, offset: Callable[[int, int], float]) -> list[list[int]]:
    """Exchange neighbors within a layer where that saves crossings; only in graphs small enough to try."""
    if sum(map(len, layers)) > LARGE // 5:
        return layers
    better = True
    while better:
        better = False
        for r, layer in enumerate(layers):
            for i in range(len(layer) - 1):
                around = slice(max(0, r - 1), r + 2)
                before = _crossings(layers[around], below, offset)
                layer[i], layer[i + 1] = layer[i + 1], layer[i]
                if _crossings(layers[around], below, offset) < before:
                    better = True
                else:
                    layer[i], layer[i + 1] = layer[i + 1], layer[i]
    return layers
