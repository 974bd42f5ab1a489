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

import numpy as np
from numpy.lib.stride_tricks import as_strided

from minigrad.arrays import Array
from minigrad.kernels.windows import Padding, Sizes, fill_windows, overlap_add, window_counts

__all__ = ["convolve", "convolve_for_weight", "convolve_transposed"]

WIDE = 256  # columns from which a block is worth a separate product
SMALL = 10**6  # multiplications up to which OpenBLAS skips packing: nearly twice as fast for few rows, ...
SHORT = 512  # ... except with fewer columns than this


def convolve(
    x: Array, weight: Array, bias: Array | None, stride: Sizes, padding: Padding, dilation: Sizes, groups: int
) -> Array:
    """Convolve images (N, C, *S) with weights (F, C/groups, *K), plus a bias (F,): (N, F, *O)."""
    F, _, *K = weight.shape
    O = window_counts(x.shape[2:], tuple(K), stride, padding, dilation)
    columns = _columns(x, tuple(K), O, stride, padding, dilation, groups, F)
    rows = np.ascontiguousarray(np.moveaxis(weight, 2, 1)).reshape(groups, 1, 1, F // groups, -1)
    operands = (x, weight) if bias is None else (x, weight, bias)
    out = np.empty((F, *O, x.shape[0]), np.result_type(*operands))
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
    if C * groups >= F and max(stride) == 1:
        # A convolution with flipped kernels, which copies F channels instead of accumulating C channels.
        flipped = np.flip(weight, tuple(range(3, weight.ndim))).swapaxes(1, 2).reshape(groups * C, F // groups, *K)
        around = tuple((d * (k - 1) - p, d * (k - 1) - q) for (p, q), k, d in zip(padding, K, dilation, strict=True))
        return convolve(g, flipped, None, stride, around, dilation, groups)
    g = np.moveaxis(g, 0, -1)
    columns = np.matmul(weight.reshape(groups, F // groups, -1).mT, g.reshape(groups, F // groups, -1))
    return overlap_add(columns.reshape(groups * C, *K, *g.shape[1:]), size, stride, padding, dilation)


def convolve_for_weight(
    x: Array, g: Array, kernel: Sizes, stride: Sizes, padding: Padding, dilation: Sizes, groups: int
) -> Array:
    """Accumulate the windows of images `x` (N, C, *S), times `g` (N, F, *O), into weights (F, C/groups, *kernel)."""
    F, *O = g.shape[1:]
    columns = _columns(x, kernel, tuple(O), stride, padding, dilation, groups, F)
    # columns @ g.T; g @ columns.T takes up to 1.4 times as long
    products = np.matmul(columns, _as_products(np.moveaxis(g, 0, -1), columns).mT)
    out = np.add.reduce(products, (1, 2)).mT.reshape(F, kernel[0], -1, *kernel[1:])
    return np.moveaxis(out, 1, 2)


def _columns(
    x: Array, kernel: Sizes, O: Sizes, stride: Sizes, padding: Padding, dilation: Sizes, groups: int, F: int
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
    parts = _parts(width, depth * F // groups)
    return columns.reshape(groups, blocks, depth, parts, width // parts).swapaxes(2, 3)


def _overlapping_columns(x: Array, kernel: Sizes, O: Sizes, stride: Sizes, padding: Padding, dilation: Sizes) -> Array:
    """Return the windows of images (G, C, *S, N) as matrices (G, O[0], C*prod(K), prod(O[1:])*N) that share rows."""
    G, C, *_, N = x.shape
    rows = (O[0] - 1) * stride[0] + kernel[0]
    out = np.empty((G, rows, C, *kernel[1:], *O[1:], N), x.dtype)
    along_rows = np.moveaxis(out, 1, len(O) + 1)[:, :, None]  # windows one row high, with a stride of one row
    fill_windows(along_rows, x, (1, *stride[1:]), padding, dilation)
    depth, width = C * math.prod(kernel), math.prod(O[1:]) * N
    group, row, column = out.strides[0], out.strides[1], x.itemsize
    return as_strided(out, (G, O[0], depth, width), (group, stride[0] * row, width * column, column), writeable=False)


def _as_products(images: Array, columns: Array) -> Array:
    """Return a view of images (F, *O, N) shaped like products with `columns`: (groups, blocks, parts, F/groups, width)."""
    groups, blocks, parts, _, width = columns.shape
    return images.reshape(groups, len(images) // groups, blocks, parts, width).transpose(0, 2, 3, 1, 4)


def _parts(width: int, products: int) -> int:
    """Return the number of parts of equal width to cut a product into: enough to make it small, but none too short."""
    parts = max(1, -(-width * products // SMALL))
    while width % parts and width >= parts * SHORT:
        parts += 1
    return parts if width >= parts * SHORT else 1
