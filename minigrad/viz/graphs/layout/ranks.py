"""Ranks: each item is below its sources, and long links are broken into bends, one for each rank on the way.

Ranks are longest paths from the sources; then items without inputs move down to just above their first user. Links that
carry the same value share their bends: a value used in a thousand places is one trunk with a thousand branches.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

__all__ = ["Ranked", "rank"]

FEW, MANY = 50_000, 20  # most bends: in any graph, and in addition for each item


class Ranked(NamedTuple):
    """Items 0..n-1 and the bends after them, rank by rank in creation order, and the path of each link."""

    layers: list[list[int]]
    ranks: list[int]
    paths: list[list[int]]  # of each link: from item to item through bends, or as a branch from the last bend it shares


def rank(count: int, links: Sequence[tuple[int, int, int]], first: Sequence[int], last: Sequence[int]) -> Ranked:
    """Rank items under links (source, target, value); `first` and `last` are ports, alone in the outermost ranks."""
    below: list[list[int]] = [[] for _ in range(count)]
    above = [0] * count
    for source, target, _ in links:
        below[source].append(target)
        above[target] += 1
    entries, exits = set(first), set(last)
    ranks = _longest_paths(below, above, 1 if entries else 0, entries)
    for item in range(count):
        if not above[item] and below[item] and item not in entries:
            ranks[item] = min(ranks[target] for target in below[item]) - 1
    deepest = max((ranks[item] for item in range(count) if item not in exits), default=-1)
    for item in exits:
        ranks[item] = deepest + 1
    return _with_bends(count, links, ranks)


def _longest_paths(below: list[list[int]], above: list[int], start: int, entries: set[int]) -> list[int]:
    count = len(below)
    ranks = [0 if item in entries else start for item in range(count)]
    waiting = list(above)
    ready = deque(item for item in range(count) if not waiting[item])
    done = 0
    pending = iter(range(count))
    visited = [False] * count
    while done < count:
        if not ready:  # a cycle, which only folding can make: break it at the oldest item
            ready.append(next(item for item in pending if not visited[item]))
        item = ready.popleft()
        if visited[item]:
            continue
        visited[item] = True
        done += 1
        for target in below[item]:
            if not visited[target]:
                ranks[target] = max(ranks[target], ranks[item] + 1)
                waiting[target] -= 1
                if waiting[target] == 0:
                    ready.append(target)
    return ranks


def _shorten(
    needed: list[int], farthest: dict[tuple[int, int], int], links: Sequence[tuple[int, int, int]], most: int
) -> None:
    """Remove the bends of the longest trunks while there are more than `most`: their links go straight across."""
    spare = sum(needed[i] for i in farthest.values()) - most
    for key, i in sorted(farthest.items(), key=lambda item: -needed[item[1]]):
        if spare <= 0:
            break
        spare -= needed[i]
        farthest[key] = -1
    for i, (source, _, value) in enumerate(links):
        if farthest[source, value] < 0:
            needed[i] = 0


def _with_bends(count: int, links: Sequence[tuple[int, int, int]], ranks: list[int]) -> Ranked:
    lowest = min(ranks, default=0)
    ranks = [r - lowest for r in ranks]
    layers: list[list[int]] = [[] for _ in range(max(ranks, default=-1) + 1)]
    for item in range(count):
        layers[ranks[item]].append(item)
    farthest: dict[tuple[int, int], int] = {}  # the link that has the trunk
    needed = [max(0, ranks[target] - ranks[source] - 1) for source, target, _ in links]
    for i, (source, _, value) in enumerate(links):
        if needed[i] > needed[farthest.setdefault((source, value), i)]:
            farthest[source, value] = i
    _shorten(needed, farthest, links, FEW + MANY * count)
    trunks: dict[tuple[int, int], list[int]] = {}
    for (source, value), i in farthest.items():
        trunks[source, value] = list(range(len(ranks), len(ranks) + (needed[i] if i >= 0 else 0)))
        for bend in trunks[source, value]:
            ranks.append(ranks[source] + 1 + bend - trunks[source, value][0])
            layers[ranks[bend]].append(bend)
    paths = []
    for i, (source, target, value) in enumerate(links):
        trunk = trunks[source, value]
        if i == farthest[source, value] or not needed[i]:
            paths.append([source, *trunk[: needed[i]], target])
        else:
            paths.append([trunk[needed[i] - 1], target])
    return Ranked(layers, ranks, paths)
