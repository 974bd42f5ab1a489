"""Convolution as matrix products: the three derivatives of one trilinear form, in any number of dimensions.

The form is T(x, w, y) = sum over n, f, o, c, k of w[f, c, k] x[n, c, o*S + k*D - P] y[n, f, o]. Its derivative with
respect to y is the convolution, to x the transposed convolution, to w the gradient of the weight.

Consecutive windows along the first spatial axis overlap in memory instead of being copied: with rows laid out as
(rows, C, *K[1:], *O[1:], N), the KH rows under a kernel are one contiguous matrix, and the matrix of the next window starts
S rows later (Cho and Brand, 2017, "MEC"). This copies and holds KH times less than im2col, and the products come in blocks
that fit the cache.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.lib.stride_tricks import as_strided

from minigrad.arrays import Array
from minigrad.kernels.blocks import row_blocks, run_blocks
from minigrad.kernels.errstate import errstate
from minigrad.kernels.windows import Padding, Sizes, fill_windows, overlap_add, window_counts

__all__ = ["convolve", "convolve_for_weight", "convolve_transposed"]

WIDE = 256  # columns from which a block is worth a separate product
SMALL = 10**6  # multiplications up to which OpenBLAS skips packing: nearly twice as fast for few rows, ...
SHORT = 256  # ... except with fewer columns than this, ...
SUMMED = 512  # ... or than this where columns are what is summed
LINE = 16  # elements between rows of windows: rows a power of two apart would drive one another out of the cache
BAND = 4  # neighboring windows, from which a band of them saves time
MANY = 16  # images, from which their windows at one place are worth a product
HELD = 1 << 16  # elements of images whose windows stay in cache
SHARE = 8 * HELD  # elements of images that are a thread's


def convolve(
    x: Array, weight: Array, bias: Array | None, stride: Sizes, padding: Padding, dilation: Sizes, groups: int
) -> Array:
    """Convolve images (N, C, *S) with weights (F, C/groups, *K), plus a bias (F,): (N, F, *O)."""
    F, _, *K = weight.shape
    O = window_counts(x.shape[2:], tuple(K), stride, padding, dilation)
    operands = (x, weight) if bias is None else (x, weight, bias)
    out = np.empty((F, *O, x.shape[0]), np.result_type(*operands))
    band = _band(len(x), tuple(K), O, dilation, F, groups)
    if not (band and _convolve_in_bands(x, weight, out, band, stride, padding, dilation)):
        columns = _columns(x, tuple(K), O, stride, padding, dilation, groups, F, SHORT)
        rows = np.ascontiguousarray(np.moveaxis(weight, 2, 1)).reshape(groups, 1, 1, F // groups, -1)
        np.matmul(rows, columns, out=_as_products(out, columns))
    if bias is not None:
        out += bias.reshape(F, *[1] * (out.ndim - 1))
    return np.moveaxis(out, -1, 0)


def convolve_transposed(
    g: Array, weight: Array, size: Sizes, stride: Sizes, padding: Padding, dilation: Sizes, groups: int
) -> Array:
    """Accumulate weights (F, C/groups, *K), times `g` (N, F, *O), into images (N, C, *size)."""
    F, C, *K = weight.shape
    weight = weight.reshape(groups, F // groups, C, *K)
    if max(stride) > 1 and _band(len(g), tuple(K), size, dilation, C * groups, groups):
        g, stride = _spread(g, stride), (1,) * len(stride)
    if C * groups >= F and max(stride) == 1:
        # A convolution with flipped kernels, which copies F channels instead of accumulating C channels.
        flipped = np.flip(weight, tuple(range(3, weight.ndim))).swapaxes(1, 2).reshape(groups * C, F // groups, *K)
        reach = [d * (k - 1) for k, d in zip(K, dilation, strict=True)]
        before = [r - p for r, (p, _) in zip(reach, padding, strict=True)]
        after = [n + r - o - b for n, r, o, b in zip(size, reach, g.shape[2:], before, strict=True)]
        return convolve(g, flipped, None, stride, tuple(zip(before, after, strict=True)), dilation, groups)
    g = np.moveaxis(g, 0, -1)
    columns = np.matmul(weight.reshape(groups, F // groups, -1).mT, g.reshape(groups, F // groups, -1))
    return overlap_add(columns.reshape(groups * C, *K, *g.shape[1:]), size, stride, padding, dilation)


def convolve_for_weight(
    x: Array, g: Array, kernel: Sizes, stride: Sizes, padding: Padding, dilation: Sizes, groups: int
) -> Array:
    """Accumulate the windows of images `x` (N, C, *S), times `g` (N, F, *O), into weights (F, C/groups, *kernel)."""
    F, *O = g.shape[1:]
    band = _band(len(x), kernel, tuple(O), dilation, F, groups)
    if band:
        return _convolve_bands_for_weight(x, g, kernel, band, stride, padding, dilation)
    columns = _columns(x, kernel, tuple(O), stride, padding, dilation, groups, F, SUMMED)
    # columns @ g.T; g @ columns.T takes up to 1.4 times as long
    products = np.matmul(columns, _as_products(np.moveaxis(g, 0, -1), columns).mT)
    out = np.add.reduce(products, (1, 2)).mT.reshape(F, kernel[0], -1, *kernel[1:])
    return np.moveaxis(out, 1, 2)


def _band(N: int, kernel: Sizes, O: Sizes, dilation: Sizes, F: int, groups: int) -> int:
    """Return how many neighboring windows to convolve at once where each group has one filter, or 0 for window by window.

    A product with one filter is a single row, which takes as long as reading and copying its windows. A band of windows is
    one wider window, convolved by a matrix that has the filter in each row, moved by the stride: a third of it are zeros,
    and yet it takes half the time. The band divides the last axis.
    """
    if groups != F or N < MANY or dilation[:-1] not in ((), (1,)) or kernel[-1] == 1 or O[-1] == 1:
        return 0
    return next((band for band in range(min(BAND, O[-1]), 8 * BAND) if O[-1] % band == 0), 0)


def _spread(g: Array, stride: Sizes) -> Array:
    """Return images (N, F, *O) with zeros in between: the stride of the windows that they are products of becomes 1."""
    N, F, *O = g.shape
    out = np.zeros((F, *[(o - 1) * s + 1 for o, s in zip(O, stride, strict=True)], N), g.dtype)
    out[(slice(None), *[slice(None, None, s) for s in stride])] = np.moveaxis(g, 0, -1)
    return np.moveaxis(out, -1, 0)


def _convolve_in_bands(
    x: Array, weight: Array, out: Array, band: int, stride: Sizes, padding: Padding, dilation: Sizes
) -> bool:
    """Convolve images with one filter for each group into `out` (F, *O, N), in blocks of groups that stay in cache.

    Return whether that holds: with an infinity or NaN in a window, the zeros for its neighbors make NaN, too.
    """
    F, C, *K = weight.shape
    places = _places_in_band(band, K[-1], stride[-1], dilation[-1])
    matrix = np.zeros((F, band, math.prod(K[:-1]), C, places[-1].stop), weight.dtype)
    for row, place in enumerate(places):
        matrix[:, row, ..., place] = weight.reshape(F, C, -1, K[-1]).swapaxes(1, 2)
    matrix = matrix.reshape(F, 1, 1, band, -1)

    def convolve_part(part: slice) -> bool:
        for block, columns in _band_columns(x, part, C, places, tuple(K), out.shape[1:-1], stride, padding):
            with errstate(invalid="ignore"):
                np.matmul(matrix[block], columns, out=_as_bands(out[block], columns))
            if np.isnan(out[block].reshape(-1).max()):
                return False
        return True

    return all(run_blocks(convolve_part, row_blocks(F, x.size // F, SHARE)))


def _convolve_bands_for_weight(
    x: Array, g: Array, kernel: Sizes, band: int, stride: Sizes, padding: Padding, dilation: Sizes
) -> Array:
    """Return `convolve_for_weight` with one filter for each group, in blocks of groups that stay in cache."""
    F, *O = g.shape[1:]
    C = x.shape[1] // F
    places = _places_in_band(band, kernel[-1], stride[-1], dilation[-1])
    gs = np.ascontiguousarray(np.moveaxis(g, 0, -1))
    out = np.empty((F, C, *kernel), np.result_type(x, g))

    def convolve_part(part: slice) -> None:
        for block, columns in _band_columns(x, part, C, places, kernel, tuple(O), stride, padding):
            products = np.add.reduce(np.matmul(columns, _as_bands(gs[block], columns).mT), (1, 2))
            products = products.reshape(len(columns), *kernel[:-1], C, -1, band)
            out[block] = np.moveaxis(sum(products[..., place, row] for row, place in enumerate(places)), -2, 1)

    run_blocks(convolve_part, row_blocks(F, x.size // F, SHARE))
    return out


def _places_in_band(band: int, kernel: int, stride: int, dilation: int) -> list[slice]:
    """Return where each window of a band lies in the wider window."""
    return [slice(at, at + dilation * (kernel - 1) + 1, dilation) for at in range(0, band * stride, stride)]


def _band_columns(
    x: Array, part: slice, C: int, places: list[slice], kernel: Sizes, O: Sizes, stride: Sizes, padding: Padding
) -> Iterator[tuple[slice, Array]]:
    """Yield blocks of a part of the groups, C channels each, and their bands: (groups, bands, O[0], K[0]*C*width, N).

    Those of one column of bands share rows in memory. All blocks use one memory, which stays in cache.
    """
    N, _, *S = x.shape
    bands, width = O[-1] // len(places), places[-1].stop
    images = np.ascontiguousarray(np.moveaxis(x[:, C * part.start : C * part.stop], 0, -1))
    if len(S) == 1:
        S, kernel, O, stride, padding = [1, *S], (1, *kernel), (1, *O), (1, *stride), ((0, 0), *padding)
    images = images.reshape(-1, C, *S, N)
    blocks = list(row_blocks(len(images), images[0].size, HELD))
    out = np.empty((blocks[0].stop, bands, (O[0] - 1) * stride[0] + kernel[0], C, width, N), x.dtype)
    # As windows: `bands` places, at a distance of the stride of a band, of rows by `width` windows.
    windows = out.transpose(0, 3, 1, 2, 4, 5)[:, :, None]
    group, one, row, _, column, item = out.strides
    shape = len(out), bands, O[0], kernel[0] * C * width, N
    columns = as_strided(out, shape, (group, one, stride[0] * row, column, item), writeable=False)
    for block in blocks:
        count = block.stop - block.start
        fill_windows(windows[:count], images[block], (1, 1), padding, (1, stride[-1] * len(places)))
        yield slice(part.start + block.start, part.start + block.stop), columns[:count]


def _as_bands(images: Array, columns: Array) -> Array:
    """Return a view of images (F, *O, N) shaped like products of bands with `columns`: (F, bands, O[0], band, N)."""
    F, bands, rows, _, N = columns.shape
    return images.reshape(F, rows, bands, -1, N).swapaxes(1, 2)


def _columns(
    x: Array, kernel: Sizes, O: Sizes, stride: Sizes, padding: Padding, dilation: Sizes, groups: int, F: int, short: int
) -> Array:
    """Return all windows as read-only matrices (groups, blocks, parts, depth, width), for products with F/groups rows.

    A column holds a window, (K[0], C/groups, *K[1:]). Blocks, parts and columns together run over (*O, N): one block, or
    O[0] blocks that overlap in memory, each cut into parts of a width that multiplies fast.
    """
    N, C, *S = x.shape
    images = np.ascontiguousarray(np.moveaxis(x, 0, -1)).reshape(groups, C // groups, *S, N)
    if math.prod(kernel) == math.prod(stride) == 1 and not any(map(any, padding)):
        columns = images.reshape(groups, 1, C // groups, math.prod(S) * N)
    elif math.prod(O[1:]) * N >= WIDE and dilation[0] == 1 and stride[0] <= kernel[0]:
        columns = _overlapping_columns(images, kernel, O, stride, padding, dilation)
    else:
        out = np.empty((groups, kernel[0], C // groups, *kernel[1:], *O, N), x.dtype)
        fill_windows(np.moveaxis(out, 1, 2), images, stride, padding, dilation)
        columns = out.reshape(groups, 1, C // groups * math.prod(kernel), math.prod(O) * N)
    *_, blocks, depth, width = columns.shape
    parts = _parts(width, depth * F // groups, short)
    return columns.reshape(groups, blocks, depth, parts, width // parts).swapaxes(2, 3)


def _overlapping_columns(x: Array, kernel: Sizes, O: Sizes, stride: Sizes, padding: Padding, dilation: Sizes) -> Array:
    """Return the windows of images (G, C, *S, N) as matrices (G, O[0], C*prod(K), prod(O[1:])*N) that share rows."""
    G, C, *_, N = x.shape
    rows = (O[0] - 1) * stride[0] + kernel[0]
    width = math.prod(O[1:]) * N
    out = np.empty((G, rows, C, *kernel[1:], width + LINE), x.dtype)[..., :width]
    out = out.reshape(*out.shape[:-1], *O[1:], N)
    along_rows = np.moveaxis(out, 1, len(O) + 1)[:, :, None]  # windows one row high, with a stride of one row
    fill_windows(along_rows, x, (1, *stride[1:]), padding, dilation)
    group, row, column = out.strides[0], out.strides[1], (width + LINE) * x.itemsize
    strides = group, stride[0] * row, column, x.itemsize
    return as_strided(out, (G, O[0], C * math.prod(kernel), width), strides, writeable=False)


def _as_products(images: Array, columns: Array) -> Array:
    """Return a view of images (F, *O, N) shaped like products with `columns`: (groups, blocks, parts, F/groups, width)."""
    groups, blocks, parts, _, width = columns.shape
    return images.reshape(groups, len(images) // groups, blocks, parts, width).transpose(0, 2, 3, 1, 4)


def _parts(width: int, products: int, short: int) -> int:
    """Return the number of parts of equal width to cut a product into: enough to make it small, but none below `short`."""
    parts = max(1, -(-width * products // SMALL))
    while width % parts and width >= parts * short:
        parts += 1
    return parts if width >= parts * short else 1
