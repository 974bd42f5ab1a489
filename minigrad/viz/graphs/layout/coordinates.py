"""Positions across the ranks: Brandes and Koepf (2001), "Fast and Simple Horizontal Coordinate Assignment".

Vertices are aligned in blocks with their median neighbors and packed, four times: from above and from below, to the left
and to the right; the mean of the two middle results is taken. Two changes: links leave a box at ports, so a block is bent by
the ports' offsets (Ruegg et al., 2015); and the main links of an item, those without bends along which gradients flow, come
first: the path through a network stays straight, and skip connections go around it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

__all__ = ["coordinates"]

Layers = Sequence[Sequence[int]]
Neighbors = Sequence[Sequence[int]]
Port = Callable[[int, int], float]


def coordinates(
    layers: Layers,
    above: Neighbors,
    below: Neighbors,
    items: int,
    main: set[tuple[int, int]],
    distance: Callable[[int, int], float],
    port: Port,
) -> list[float]:
    """Return the center of every vertex; those from `items` on are bends. `main` holds (vertex, neighbor) to keep in line.

    `distance(u, v)` is the least distance of the centers of neighbors u and v in a layer; `port(v, u)` is the place of the
    link of v with u, from the center of v.
    """
    count = sum(map(len, layers))
    if not count:
        return []
    conflicts = _conflicts(layers, above, items)
    results = []
    for downwards in (True, False):
        for leftwards in (True, False):
            sign = 1.0 if leftwards else -1.0
            ordered = [list(layer) if leftwards else list(layer)[::-1] for layer in (layers if downwards else layers[::-1])]
            place = {v: i for layer in ordered for i, v in enumerate(layer)}
            fixed = [_aligned(v, above[v] if downwards else below[v], main, place) for v in range(count)]
            root, shift = _blocks(ordered, fixed, place, conflicts, lambda v, u, sign=sign: sign * port(v, u))  # type: ignore[misc]
            x = _packed(ordered, root, shift, distance if leftwards else lambda u, v: distance(v, u))
            results.append([sign * value for value in x])
    return _balanced(results)


def _aligned(v: int, neighbors: Sequence[int], main: set[tuple[int, int]], place: dict[int, int]) -> list[int]:
    """Return the neighbors that a vertex may align with, from left to right."""
    return sorted([u for u in neighbors if (v, u) in main] or neighbors, key=place.__getitem__)


def _conflicts(layers: Layers, above: Neighbors, items: int) -> set[tuple[int, int]]:
    """Return the links that cross a piece of a long one: they are not aligned."""
    found = set()
    for upper, lower in pairwise(layers):
        place = {v: i for i, v in enumerate(upper)}
        left, scanned = 0, 0
        for i, v in enumerate(lower):
            inner = next((place[u] for u in above[v] if u >= items), None) if v >= items else None
            if inner is None and i < len(lower) - 1:
                continue
            right = len(upper) - 1 if inner is None else inner
            for w in lower[scanned : i + 1]:
                for u in above[w]:
                    if not left <= place[u] <= right and not (u >= items and w >= items):
                        found.add((u, w))
            scanned, left = i + 1, right
    return found


def _blocks(
    layers: Layers, fixed: Neighbors, place: dict[int, int], conflicts: set[tuple[int, int]], port: Port
) -> tuple[list[int], list[float]]:
    """Return the block of each vertex, named by its first, and the distance of the vertex from that first one's center."""
    count = len(fixed)
    root, shift, taken = list(range(count)), [0.0] * count, [False] * count
    for layer in layers[1:]:
        reached = -1
        for v in layer:
            near = fixed[v]
            for middle in dict.fromkeys(((len(near) - 1) // 2, len(near) // 2)) if near else ():
                u = near[middle]
                if root[v] == v and not taken[u] and place[u] > reached and not {(u, v), (v, u)} & conflicts:
                    taken[u] = True
                    root[v] = root[u]
                    shift[v] = shift[u] + port(u, v) - port(v, u)
                    reached = place[u]
    return root, shift


def _packed(
    layers: Layers, root: Sequence[int], shift: Sequence[float], distance: Callable[[int, int], float]
) -> list[float]:
    """Move every block as far left as its neighbors allow, then as far right as those on its right allow."""
    count = len(root)
    after: list[list[tuple[int, float]]] = [[] for _ in range(count)]
    before: list[list[tuple[int, float]]] = [[] for _ in range(count)]
    waiting = [0] * count
    for layer in layers:
        for u, v in pairwise(layer):
            need = shift[u] + distance(u, v) - shift[v]
            after[root[u]].append((root[v], need))
            before[root[v]].append((root[u], need))
            waiting[root[v]] += 1
    ready = [v for v in range(count) if root[v] == v and not waiting[v]]
    sorted_blocks = []
    x = [0.0] * count
    for block in ready:  # grows while it is walked
        sorted_blocks.append(block)
        x[block] = max((x[other] + need for other, need in before[block]), default=0.0)
        for other, _ in after[block]:
            waiting[other] -= 1
            if not waiting[other]:
                ready.append(other)
    for block in reversed(sorted_blocks):
        if after[block]:
            x[block] = max(x[block], min(x[other] - need for other, need in after[block]))
    return [x[root[v]] + shift[v] for v in range(count)]


def _balanced(results: list[list[float]]) -> list[float]:
    """Return the mean of the two middle results, after moving all onto the narrowest; the leftmost center is at 0."""
    widths = [max(x) - min(x) for x in results]
    narrow = results[widths.index(min(widths))]
    for i, x in enumerate(results):
        by = min(narrow) - min(x) if i % 2 == 0 else max(narrow) - max(x)
        results[i] = [value + by for value in x]
    middle = [sum(sorted(values)[1:3]) / 2 for values in zip(*results, strict=True)]
    left = min(middle)
    return [value - left for value in middle]
