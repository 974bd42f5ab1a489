"""Windows over the spatial axes of a batch: the gather of im2col and its adjoint, the overlapping sum of col2im.

Any number of spatial axes. Images are (N, C, *S) in logical order; windows are (C, *K, *O, N), contiguous, so that
``reshape(C*prod(K), prod(O)*N)`` is the matrix of the literature without another copy. The batch is innermost in memory on
both sides: every copy then moves runs of at least N neighbors, and no step of a network transposes.

Padding is a pair (before, after) for each axis. Nothing is padded in memory: a place of the window that lies outside the
input reads zeros, and adds to nothing. A negative number leaves elements at that end out.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import product
from typing import Any

import numpy as np

from minigrad.arrays import Array

__all__ = ["Padding", "Sizes", "fill_windows", "gather_windows", "inside", "overlap_add", "window_counts"]

Sizes = tuple[int, ...]
Padding = tuple[tuple[int, int], ...]


def gather_windows(x: Array, kernel: Sizes, stride: Sizes, padding: Padding, dilation: Sizes) -> Array:
    """Copy every window of `x` (N, C, *S) into an array of (C, *K, *O, N)."""
    N, C, *S = x.shape
    O = window_counts(tuple(S), kernel, stride, padding, dilation)
    out = np.empty((C, *kernel, *O, N), x.dtype)
    fill_windows(out, np.ascontiguousarray(np.moveaxis(x, 0, -1)), stride, padding, dilation)
    return out


def fill_windows(out: Array, x: Array, stride: Sizes, padding: Padding, dilation: Sizes) -> None:
    """Copy every window of `x` (..., *S, N) into `out` (..., *K, *O, N)."""
    n = len(stride)
    kernel, counts = out.shape[-1 - 2 * n : -1 - n], out.shape[-1 - n : -1]
    for place, into, read in _places(x.shape[-1 - n : -1], kernel, counts, stride, padding, dilation):
        part = out[(..., *place, *[slice(None)] * (n + 1))]
        part[(..., *into, slice(None))] = x[(..., *read, slice(None))]
        for axis, (kept, count) in enumerate(zip(into, counts, strict=True)):  # zeros on either side of what was copied
            after: Any = (slice(None),) * (n - axis)
            if kept.start:
                part[(..., slice(0, kept.start), *after)] = 0
            if kept.stop < count:
                part[(..., slice(kept.stop, None), *after)] = 0


def overlap_add(windows: Array, size: Sizes, stride: Sizes, padding: Padding, dilation: Sizes) -> Array:
    """The adjoint of `gather_windows`: add windows (C, *K, *O, N) up into images (N, C, *size), batch innermost."""
    n = len(size)
    C, N = windows.shape[0], windows.shape[-1]
    out = np.zeros((C, *size, N), windows.dtype)
    for place, into, read in _places(size, windows.shape[1 : 1 + n], windows.shape[1 + n : -1], stride, padding, dilation):
        out[(slice(None), *read)] += windows[(slice(None), *place, *into)]
    return np.moveaxis(out, -1, 0)


def window_counts(size: Sizes, kernel: Sizes, stride: Sizes, padding: Padding, dilation: Sizes) -> Sizes:
    """How many windows fit along each axis."""
    return tuple(
        (n + before + after - d * (k - 1) - 1) // s + 1
        for n, k, s, (before, after), d in zip(size, kernel, stride, padding, dilation, strict=True)
    )


def inside(n: int, start: int, stride: int, count: int) -> tuple[int, int]:
    """The windows, from `low` up to `high`, whose place start + i*stride lies inside an axis of size `n`."""
    low = min(count, max(0, -(start // stride)))
    return low, max(low, min(count, (n - 1 - start) // stride + 1))


@lru_cache(maxsize=256)  # the same images come again at every step
def _places(
    size: Sizes, kernel: Sizes, counts: Sizes, stride: Sizes, padding: Padding, dilation: Sizes
) -> list[tuple[Any, list[Any], list[Any]]]:
    """For each place in a window: the place, which windows have it inside the input, and where it then lies."""
    places = []
    for place in product(*map(range, kernel)):
        into, read = [], []
        for n, k, count, s, (before, _), d in zip(size, place, counts, stride, padding, dilation, strict=True):
            start = k * d - before
            low, high = inside(n, start, s, count)
            into.append(slice(low, high))
            read.append(slice(start + low * s, start + (high - 1) * s + 1, s) if low < high else slice(0, 0))
        places.append((place, into, read))
    return places
