"""Windows over the spatial axes of a batch: the gather of im2col and its adjoint, the overlapping sum of col2im.

Any number of spatial axes. Images are (N, C, *S) in logical order; windows are (C, *K, *O, N), contiguous, so that
``reshape(C*prod(K), prod(O)*N)`` is the matrix of a convolution without another copy. The batch is innermost in memory on
both sides: every copy then moves runs of at least N neighbours (performance.md, lesson 2).
"""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from minigrad.primitive import Array

__all__ = ["gather_windows", "overlap_add"]


def gather_windows(
    x: Array, kernel: tuple[int, ...], stride: tuple[int, ...], padding: tuple[int, ...], dilation: tuple[int, ...]
) -> Array:
    """Copy every window of `x` (N, C, *S) into an array of (C, *K, *O, N)."""
    x = _padded(x, padding)  # (C, *S, N)
    C, *S, N = x.shape
    O = [(s - d * (k - 1) - 1) // st + 1 for s, k, st, d in zip(S, kernel, stride, dilation, strict=True)]
    at_kernel = [d * step for d, step in zip(dilation, x.strides[1:-1], strict=True)]
    at_output = [st * step for st, step in zip(stride, x.strides[1:-1], strict=True)]
    view = as_strided(x, (C, *kernel, *O, N), (x.strides[0], *at_kernel, *at_output, x.strides[-1]), writeable=False)
    return view.copy(order="C")


def overlap_add(
    windows: Array,
    size: tuple[int, ...],
    stride: tuple[int, ...],
    padding: tuple[int, ...],
    dilation: tuple[int, ...],
) -> Array:
    """The adjoint of `gather_windows`: add windows (C, *K, *O, N) up into images (N, C, *size), batch innermost."""
    n = len(size)
    C, N = windows.shape[0], windows.shape[-1]
    kernel, O = windows.shape[1 : 1 + n], windows.shape[1 + n : 1 + 2 * n]
    out = np.zeros((C, *(s + 2 * p for s, p in zip(size, padding, strict=True)), N), windows.dtype)
    for offset in product(*map(range, kernel)):
        where = [slice(k * d, k * d + st * (o - 1) + 1, st) for k, d, st, o in zip(offset, dilation, stride, O, strict=True)]
        place: Any = (slice(None), *offset)
        out[(slice(None), *where)] += windows[place]
    inner = out[(slice(None), *(slice(p, p + s) for p, s in zip(padding, size, strict=True)))]
    return np.moveaxis(inner, -1, 0)


def _padded(x: Array, padding: tuple[int, ...]) -> Array:
    """`x` (N, C, *S) as (C, *(S+2P), N), contiguous, with a border of zeros."""
    inner = np.moveaxis(x, 0, -1)
    if not any(padding):
        return np.ascontiguousarray(inner)
    C, *S, N = inner.shape
    out = np.zeros((C, *(s + 2 * p for s, p in zip(S, padding, strict=True)), N), x.dtype)
    out[(slice(None), *(slice(p, p + s) for p, s in zip(padding, S, strict=True)))] = inner
    return out
