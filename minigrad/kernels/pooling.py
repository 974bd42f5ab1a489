"""Maximum of windows along one axis, and the two maps that follow where each maximum was found first.

A window maximum over several axes is one axis after another; taking the first of equal maxima at each stage gives exactly
the first in row-major order. Nothing is padded and no index array is made: a window that sticks out over the border
compares what lies inside, and a maximum is found again by comparing with the result (performance.md, lesson 5).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from minigrad.primitive import Array

__all__ = ["Windows", "max_windows", "pick", "route"]

Windows = tuple[int, int, int, int, int, int]  # axis, size, stride, padding, dilation, how many


def max_windows(x: Array, windows: Windows) -> Array:
    """The maximum of each window along an axis."""
    reads = list(_reads(x, windows))
    if _all_inside(x, windows):
        (_, first), *rest = reads
        out = x[first].copy(order="K") if not rest else np.maximum(x[first], x[rest[0][1]])
        for _, read in rest[1:]:
            np.maximum(out, x[read], out=out)
        return out
    axis, count = windows[0], windows[-1]
    lowest = -np.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).min
    out = np.full_like(x, lowest, shape=(*x.shape[:axis], count, *x.shape[axis + 1 :]))
    for at, read in reads:
        np.maximum(out[at], x[read], out=out[at])
    return out


def route(g: Array, x: Array, out: Array, windows: Windows) -> Array:
    """Add each element of `g` up where its window's maximum was found first: the adjoint of `pick`."""
    if _tiles(x, windows):
        return _route_tiles(g, x, out, windows)
    gx = np.zeros_like(x, dtype=g.dtype)
    rest = g.copy(order="K")
    for at, read in _reads(x, windows):
        part = rest[at] * (x[read] == out[at])
        gx[read] += part
        rest[at] -= part  # exact: it leaves g or 0, so a later tie gets nothing
    return gx


def _route_tiles(g: Array, x: Array, out: Array, windows: Windows) -> Array:
    """`route` where the windows tile the axis: each place is written once. Halves the time of the general way."""
    gx = np.empty_like(x, dtype=g.dtype)
    *reads, (_, last) = _reads(x, windows)
    rest = g
    for _, read in reads:
        part = np.multiply(rest, x[read] == out, out=gx[read])
        rest = rest - part
    gx[last] = rest
    return gx


def pick(v: Array, x: Array, out: Array, windows: Windows) -> Array:
    """Read `v` where each window of `x` has its first maximum."""
    found = np.zeros_like(out, dtype=bool)
    picked = np.zeros_like(out, dtype=v.dtype)
    for at, read in _reads(x, windows):
        hit = (x[read] == out[at]) & ~found[at]
        picked[at] += v[read] * hit
        found[at] |= hit
    return picked


def _reads(x: Array, windows: Windows) -> Iterator[tuple[tuple[slice, ...], tuple[slice, ...]]]:
    """For each place in a window: which windows have it inside the input, and where it then lies."""
    axis, size, stride, padding, dilation, count = windows
    before = (slice(None),) * axis
    n = x.shape[axis]
    for offset in range(size):
        start = offset * dilation - padding
        low = max(0, -(start // stride))  # the first window whose place is not left of the input
        high = min(count, (n - 1 - start) // stride + 1)
        if low < high:
            read = slice(start + low * stride, start + (high - 1) * stride + 1, stride)
            yield (*before, slice(low, high)), (*before, read)


def _tiles(x: Array, windows: Windows) -> bool:
    axis, size, stride, padding, dilation, count = windows
    return size == stride and padding == 0 and dilation == 1 and count * size == x.shape[axis]


def _all_inside(x: Array, windows: Windows) -> bool:
    axis, size, stride, padding, dilation, count = windows
    return padding == 0 and (count - 1) * stride + dilation * (size - 1) < x.shape[axis]
