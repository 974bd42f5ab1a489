"""Windows over the spatial axes of a batch: the gather of im2col and its adjoint, the overlapping sum of col2im.

Any number of spatial axes. Images are (N, C, *S) in logical order; windows are (C, *K, *O, N), contiguous, so that
``reshape(C*prod(K), prod(O)*N)`` is the matrix of im2col without another copy. The batch is innermost in memory on both
sides, so that every copy moves runs of at least N neighbors.

Padding is a pair (before, after) for each axis. Nothing is padded in memory: elements of a window outside the input read
zeros and add to nothing. A negative number leaves elements at that end out.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import product
from typing import Any

import numpy as np

from minigrad.arrays import Array

__all__ = ["Padding", "Sizes", "fill_windows", "gather_windows", "offsets", "overlap_add", "window_counts"]

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
    for inside, read, outside in _places(x.shape[-1 - n : -1], kernel, counts, stride, padding, dilation):
        out[inside] = x[read]
        for border in outside:
            out[border] = 0


def overlap_add(windows: Array, size: Sizes, stride: Sizes, padding: Padding, dilation: Sizes) -> Array:
    """Accumulate windows (C, *K, *O, N) into images (N, C, *size), batch innermost: the adjoint of `gather_windows`."""
    n = len(size)
    C, N = windows.shape[0], windows.shape[-1]
    out = np.zeros((C, *size, N), windows.dtype)
    for inside, read, _ in _places(size, windows.shape[1 : 1 + n], windows.shape[1 + n : -1], stride, padding, dilation):
        out[read] += windows[inside]
    return np.moveaxis(out, -1, 0)


def window_counts(size: Sizes, kernel: Sizes, stride: Sizes, padding: Padding, dilation: Sizes) -> Sizes:
    """Return the number of windows along each axis."""
    return tuple(
        (n + before + after - d * (k - 1) - 1) // s + 1
        for n, k, s, (before, after), d in zip(size, kernel, stride, padding, dilation, strict=True)
    )


def offsets(n: int, kernel: int, stride: int, before: int, dilation: int, count: int) -> list[tuple[slice, slice]]:
    """Return, for each offset in a window along an axis of size `n`, two slices of equal length.

    The first selects the windows, of `count`, whose element at that offset lies inside the axis; the second those elements.
    """
    slices = []
    for start in range(-before, kernel * dilation - before, dilation):
        low = min(count, max(0, -(start // stride)))
        high = max(low, min(count, (n - 1 - start) // stride + 1))
        read = slice(start + low * stride, start + (high - 1) * stride + 1, stride) if low < high else slice(0, 0)
        slices.append((slice(low, high), read))
    return slices


@lru_cache(maxsize=256)  # the same shapes come again at every step
def _places(
    size: Sizes, kernel: Sizes, counts: Sizes, stride: Sizes, padding: Padding, dilation: Sizes
) -> list[tuple[Any, ...]]:
    """Return indices for each place in a window: of the windows where it lies inside the input, of its elements there, of
    the windows on either side.
    """
    axes = [
        offsets(n, k, s, before, d, count)
        for n, k, s, (before, _), d, count in zip(size, kernel, stride, padding, dilation, counts, strict=True)
    ]
    every = slice(None)
    places = []
    for place, pairs in zip(product(*map(range, kernel)), product(*axes), strict=True):
        at, read = zip(*pairs, strict=True)
        outside = [
            (..., *place, *at[:axis], side, *[every] * (len(at) - axis))
            for axis, count in enumerate(counts)
            for side in (slice(0, at[axis].start), slice(at[axis].stop, count))
            if side.start < side.stop
        ]
        places.append(((..., *place, *at, every), (..., *read, every), outside))
    return places
