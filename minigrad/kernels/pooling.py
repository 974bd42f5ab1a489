"""Maximum and sum of windows along one axis, with the maps that follow where each maximum was found first.

A window over several axes is one axis after another; taking the first of equal maxima at each stage gives exactly the first
in row-major order. A NaN is larger than any number; of several the last has the index, as in PyTorch. Nothing is padded and
no index array is made: a window that sticks out over the border reduces what lies inside, and a maximum is found again by
comparing with the result.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from minigrad.arrays import Array
from minigrad.kernels.windows import inside

__all__ = ["Run", "Windows", "max_windows", "pick", "route", "spread_windows", "sum_windows"]

At = tuple[slice, ...]


class Run(NamedTuple):
    """Windows of one size along an axis, a stride apart; the first starts `padding` before the axis does."""

    size: int
    stride: int
    padding: int
    dilation: int
    number: int


class Windows(NamedTuple):
    """All windows along an axis, in runs."""

    axis: int
    runs: tuple[Run, ...]


def max_windows(x: Array, windows: Windows) -> Array:
    """The maximum of each window."""
    if x.dtype.kind == "b":  # which has no least value to start from
        return max_windows(x.view(np.uint8), windows).view(np.bool_)
    return _reduced(np.maximum, -np.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).min, x, windows)


def sum_windows(x: Array, windows: Windows) -> Array:
    """The sum of each window."""
    return _reduced(np.add, 0, x, windows)


def spread_windows(y: Array, windows: Windows, size: int) -> Array:
    """Add each element of `y` to every place of its window, along an axis of `size`: the adjoint of `sum_windows`."""
    axis = windows.axis
    out = np.zeros_like(y, shape=(*y.shape[:axis], size, *y.shape[axis + 1 :]))
    tiles = _tiles(size, windows)
    for at, read in _reads(size, windows):
        if tiles:
            out[read] = y
        else:
            out[read] += y[at]
    return out


def route(g: Array, x: Array, out: Array, windows: Windows) -> Array:
    """Add each element of `g` up where its window's maximum was found first: the adjoint of `pick`."""
    if _holds_nan(out):
        lost = np.isnan(out)
        numbers, others = np.where(lost, 0, g), np.where(lost, g, 0)
        return _route(numbers, x, out, windows) + _route(others, np.isnan(x), lost, windows, backwards=True)
    if _tiles(x.shape[windows.axis], windows):
        return _route_tiles(g, x, out, windows)
    return _route(g, x, out, windows)


def _route(g: Array, x: Array, out: Array, windows: Windows, backwards: bool = False) -> Array:
    """`route` by equality alone, to the first place of each window or to the last."""
    gx = np.zeros_like(x, dtype=g.dtype)
    rest = g.copy(order="K")
    for at, read in _reads(x.shape[windows.axis], windows)[:: -1 if backwards else 1]:
        part = rest[at] * (x[read] == out[at])
        gx[read] += part
        rest[at] -= part  # exact: it leaves g or 0, so a later tie gets nothing
    return gx


def _route_tiles(g: Array, x: Array, out: Array, windows: Windows) -> Array:
    """`route` where the windows tile the axis: each place is written once. Halves the time of the general way."""
    gx = np.empty_like(x, dtype=g.dtype)
    *reads, last = [read for _, read in _reads(x.shape[windows.axis], windows)]
    if not reads:
        gx[last] = g
    rest = g
    for read in reads:
        np.multiply(rest, x[read] == out, out=gx[read])
        rest = np.subtract(rest, gx[read], out=gx[last])  # what is left for later places; kept in the last: 12 % less time
    return gx


def pick(v: Array, x: Array, out: Array, windows: Windows) -> Array:
    """Read `v` where each window of `x` has its first maximum."""
    picked = _pick(v, x, out, windows)
    if _holds_nan(out):
        lost = np.isnan(out)
        picked = np.where(lost, _pick(v, np.isnan(x), lost, windows, backwards=True), picked)
    return picked


def _pick(v: Array, x: Array, out: Array, windows: Windows, backwards: bool = False) -> Array:
    """`pick` by equality alone, from the first place of each window or from the last."""
    found = np.zeros_like(out, dtype=bool)
    picked = np.zeros_like(out, dtype=v.dtype)
    for at, read in _reads(x.shape[windows.axis], windows)[:: -1 if backwards else 1]:
        hit = (x[read] == out[at]) & ~found[at]
        picked[at] += v[read] * hit
        found[at] |= hit
    return picked


def _reduced(ufunc: np.ufunc, neutral: float, x: Array, windows: Windows) -> Array:
    """Each window reduced by a ufunc."""
    axis, runs = windows
    n, before = x.shape[axis], (slice(None),) * axis
    out = np.empty_like(x, shape=(*x.shape[:axis], sum(run.number for run in runs), *x.shape[axis + 1 :]))
    start = 0
    for run in runs:
        part = out[(*before, slice(start, start + run.number))]
        start += run.number
        reads = _reads(n, Windows(axis, (run,)))
        if not _all_inside(n, run):
            part[...] = neutral
            for at, read in reads:
                ufunc(part[at], x[read], out=part[at])
        elif len(reads) == 1:
            part[...] = x[reads[0][1]]
        else:
            ufunc(x[reads[0][1]], x[reads[1][1]], out=part)
            for _, read in reads[2:]:
                ufunc(part, x[read], out=part)
    return out


@lru_cache(maxsize=256)  # the same images come again at every step
def _reads(n: int, windows: Windows) -> list[tuple[At, At]]:
    """For each place in a window along an axis of size `n`: which windows have it inside, and where it then lies."""
    before = (slice(None),) * windows.axis
    first, reads = 0, []
    for size, stride, padding, dilation, count in windows.runs:
        for offset in range(size):
            start = offset * dilation - padding
            low, high = inside(n, start, stride, count)
            if low < high:
                read = slice(start + low * stride, start + (high - 1) * stride + 1, stride)
                reads.append(((*before, slice(first + low, first + high)), (*before, read)))
        first += count
    return reads


def _holds_nan(out: Array) -> bool:
    return out.dtype.kind == "f" and out.size > 0 and bool(np.isnan(out.max()))


def _tiles(n: int, windows: Windows) -> bool:
    (size, stride, padding, dilation, count), *more = windows.runs
    return not more and size == stride and padding == 0 and dilation == 1 and count * size == n


def _all_inside(n: int, run: Run) -> bool:
    size, stride, padding, dilation, count = run
    return padding <= 0 and (count - 1) * stride - padding + dilation * (size - 1) < n
