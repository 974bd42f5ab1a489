"""Normalization over the last axes, or of channels over all others, forward and backward, in blocks that stay in cache."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

import numpy as np

from minigrad.arrays import Array, Shape
from minigrad.kernels.blocks import BLOCK, SHARE, row_blocks, run_blocks
from minigrad.kernels.summation import PART, add_up

__all__ = [
    "batch_norm", "batch_norm_gradients", "group_norm", "group_norm_gradients", "layer_norm", "layer_norm_gradients",
]  # fmt: skip

LONG = 64  # elements in a row of one channel from which blocks of channels save time


def batch_norm(x: Array, weight: Any, bias: Any, axes: Shape, eps: float) -> Any:
    """Return ``(x - mean) / sqrt(var + eps) * weight + bias`` with the mean and var of each channel, the axis 1 of `x`.

    Each image has its own where the axis 0 is not among `axes`. The mean and 1 / sqrt(var + eps) are kept.
    """
    if not x.size:
        return None
    if axes[0] != 0:
        out, average, var, scale = _normalized_groups(x, x.shape[1], weight, bias, eps)
        moments = [_batch_first(v, (*x.shape[:2], *[1] * len(axes)), _batch_is_last(x)) for v in (average, var)]
        return (out, *moments), (average, scale)
    out = np.empty_like(x)
    axes, shape = _around_channels(out)
    xs, outs = x.transpose(axes).reshape(shape), out.transpose(axes).reshape(shape)  # (A, C, B)
    mean, var, scale = (np.empty((1, shape[1], 1), x.dtype) for _ in range(3))
    for block in _channel_blocks(shape):
        part, m, v, s = outs[:, block], mean[:, block], var[:, block], scale[:, block]
        m[...] = add_up(xs[:, block], (0, 2), True)
        m /= x.size // shape[1]
        np.subtract(xs[:, block], m, part)
        v[0, :, 0] = _products(part, part)
        v /= x.size // shape[1]
        np.sqrt(v + eps, s)
        np.divide(1, s, s)
        part *= s if weight is None else s * weight[block, None]
        if bias is not None:
            part += bias[block, None]
    beside = (1, -1, *[1] * (x.ndim - 2))
    average = mean.reshape(beside)
    return (out, average, var.reshape(beside)), (average, scale)


def batch_norm_gradients(gs: Sequence[Any], needs: Sequence[bool], args: Sequence[Any], kept: Sequence[Array]) -> list[Any]:
    """Return the gradients of `batch_norm`, whose mean and var are not differentiated, for x, weight and bias."""
    x, weight, _, axes, _ = args
    g = gs[0]
    if axes[0] != 0:
        return [*_group_gradients(g, needs, x, x.shape[1], weight, kept), None, None]
    mean, scale = kept[0].reshape(1, -1, 1), kept[1]
    out = np.empty_like(x)
    axes, shape = _around_channels(out)
    M = x.size // shape[1]
    xs, g, outs = (a.transpose(axes).reshape(shape) for a in (x, g, out))  # (A, C, B)
    gw, gb = np.empty((2, shape[1]), x.dtype)
    memory: Any = None  # one for all blocks, which stays in cache
    for block in _channel_blocks(shape):
        part, s = g[:, block], scale[:, block]
        if memory is None:
            memory = np.empty(part.shape, x.dtype)
        centered = np.subtract(xs[:, block], mean[:, block], memory[:, : part.shape[1]])
        gb[block] = add_up(part, (0, 2))
        gw[block] = _products(part, centered) * s[0, :, 0]
        if needs[0]:
            # With normal = centered * scale: gx = scale * weight * (g - mean(g) - normal * mean(g * normal)).
            centered *= s * (gw[block] / M)[:, None]
            centered += (gb[block] / M)[:, None]
            np.subtract(part, centered, outs[:, block])
            outs[:, block] *= s if weight is None else s * weight[block, None]
    return [out if needs[0] else None, gw if needs[1] else None, gb if needs[2] else None, None, None]


def group_norm(x: Array, groups: Any, weight: Any, bias: Any, eps: float) -> Any:
    """Return `x` with groups of channels of each image normalized, scaled and shifted by channel.

    The mean and 1 / sqrt(var + eps) of each group are kept. None where a shape is to be refused.
    """
    if not (x.ndim > 1 and x.size and type(groups) is int and groups > 0 and x.shape[1] % groups == 0):
        return None
    if not all(v is None or v.shape == (x.shape[1],) for v in (weight, bias)):
        return None
    out, mean, _, scale = _normalized_groups(x, groups, weight, bias, eps)
    return out, (mean, scale)


def group_norm_gradients(g: Array, needs: Sequence[bool], args: Sequence[Any], kept: Sequence[Array]) -> list[Any]:
    """Return the gradients of `group_norm` for x, weight and bias."""
    x, groups, weight, *_ = args
    gx, gw, gb = _group_gradients(g, (needs[0], *needs[2:]), x, groups, weight, kept)
    return [gx, None, gw, gb, None]


def layer_norm(x: Array, normalized_shape: Any, weight: Any, bias: Any, eps: float) -> Any:
    """Return ``(x - mean) / sqrt(var + eps) * weight + bias``, and the mean and 1 / sqrt(var + eps) of each row.

    None where a shape is to be refused.
    """
    size = (normalized_shape,) if isinstance(normalized_shape, int | np.integer) else tuple(normalized_shape)
    D = math.prod(size)
    fits = all(v is None or v.shape == size for v in (weight, bias))
    if not (size and x.size and fits and x.shape[-len(size) :] == size):
        return None
    rows = x.reshape(-1, D)  # (R, D)
    out = np.empty(rows.shape, x.dtype)
    mean, scale = np.empty((2, len(rows), 1), x.dtype)
    w, b = (None if v is None else v.reshape(D) for v in (weight, bias))

    def normalize(block: slice) -> None:
        part, m, s = out[block], mean[block], scale[block]
        np.add.reduce(rows[block], 1, out=m, keepdims=True)  # a product with ones, in half the time, loses digits far from 0
        m /= D
        np.subtract(rows[block], m, part)
        np.vecdot(part, part, s[:, 0])
        s /= D
        s += eps
        np.sqrt(s, s)
        np.divide(1, s, s)
        part *= s
        if w is not None:
            part *= w
        if b is not None:
            part += b

    run_blocks(normalize, row_blocks(*rows.shape))
    return out.reshape(x.shape), (mean, scale)


def layer_norm_gradients(g: Array, needs: Sequence[bool], args: Sequence[Any], kept: Sequence[Array]) -> list[Any]:
    """Return the gradients of `layer_norm` with respect to x, weight and bias."""
    x, _, weight, bias, _ = args
    mean, scale = kept
    D = x.size // len(mean)
    rows, gs = x.reshape(-1, D), g.reshape(-1, D)
    gx = np.empty(rows.shape, x.dtype) if needs[0] else None
    w = np.ones(D, x.dtype) if weight is None else weight.reshape(D)

    def differentiate(block: slice) -> tuple[Any, Any]:
        s, gr = scale[block], gs[block]
        centered = rows[block] - mean[block]
        sums = (s.T @ (gr * centered))[0] if needs[2] else None, add_up(gr, (0,)) if needs[3] else None
        if gx is None:
            return sums
        # With h = g * weight and normal = centered * s: gx = s * (h - mean(h) - normal * mean(h * normal)).
        h = gr if weight is None else gr * w
        centered *= np.vecdot(h, centered)[:, None] * s / D * s * s
        centered += np.vecdot(gr, w)[:, None] * s / D
        np.multiply(h, s, gx[block])
        gx[block] -= centered
        return sums

    def differentiate_parts(share: slice) -> list[tuple[Any, Any]]:
        parts = row_blocks(share.stop - share.start, D, BLOCK)
        return [differentiate(slice(share.start + part.start, share.start + part.stop)) for part in parts]

    sums = list(chain(*run_blocks(differentiate_parts, row_blocks(len(rows), D, SHARE))))
    gw, gb = (None if parts[0] is None else sum(parts[1:], parts[0]) for parts in zip(*sums, strict=True))
    shaped = [None if v is None else v.reshape(a.shape) for v, a in ((gx, x), (gw, weight), (gb, bias))]
    return [shaped[0], None, shaped[1], shaped[2], None]


def _normalized_groups(x: Array, groups: int, weight: Any, bias: Any, eps: float) -> tuple[Array, Array, Array, Array]:
    """Return the result of `group_norm`, and of each group mean, var and 1 / sqrt(var + eps), as `_in_groups` lays them."""
    last = _batch_is_last(x)
    xs, w, b = (_in_groups(v, x, groups, last) for v in (x, weight, bias))
    inner, n = (1, 2) if last else (2, 3), x.size // (len(x) * groups)
    out = np.empty(xs.shape, x.dtype)
    each = [1 if axis in inner else size for axis, size in enumerate(out.shape)]
    mean, var, scale = (np.empty(each, x.dtype) for _ in range(3))
    for at in row_blocks(len(out), out[0].size, BLOCK):
        part, m, s = out[at], mean[at], scale[at]
        np.divide(add_up(xs[at], inner, True), n, m)
        np.subtract(xs[at], m, part)
        np.divide(np.add.reduce(_over_space(part, part, last), inner, keepdims=True), n, var[at])
        np.divide(1, np.sqrt(var[at] + eps), s)
        part *= s if w is None else s * w[at]
        if b is not None:
            part += b[at]
    return _batch_first(out, x.shape, last), mean, var, scale


def _group_gradients(
    g: Array, needs: Sequence[bool], x: Array, groups: int, weight: Any, kept: Sequence[Array]
) -> tuple[Any, Any, Any]:
    """Return the gradients of `_normalized_groups` for x, weight and bias."""
    mean, scale = kept
    last = _batch_is_last(x)
    xs, gs, w = (_in_groups(v, x, groups, last) for v in (x, g, weight))
    inner, n = (1, 2) if last else (2, 3), x.size // (len(x) * groups)
    out = np.empty(xs.shape, x.dtype)
    plain, scaled = np.empty((2, *[1 if axis == inner[1] else size for axis, size in enumerate(xs.shape)]), x.dtype)
    for at in row_blocks(len(out), out[0].size, BLOCK):
        part, s = gs[at], scale[at]
        centered = xs[at] - mean[at]
        plain[at] = add_up(part, inner[1:], True)
        np.multiply(_over_space(part, centered, last), s, scaled[at])
        if needs[0]:
            # With h = g * weight and normal = (x - mean) * s: gx = s * (h - mean(h) - normal * mean(h * normal)).
            first, second = (v[at] if w is None else v[at] * w[at] for v in (plain, scaled))
            centered *= np.add.reduce(second, inner[0], keepdims=True) * (s * s / n)
            centered += np.add.reduce(first, inner[0], keepdims=True) * (s / n)
            np.multiply(part, s if w is None else s * w[at], out[at])
            out[at] -= centered
    gb, gw = (np.add.reduce(v, -1 if last else 0).reshape(-1) for v in (plain, scaled))
    return _batch_first(out, x.shape, last) if needs[0] else None, gw if needs[1] else None, gb if needs[2] else None


def _batch_is_last(x: Array) -> bool:
    """Return whether the batch is the innermost axis in memory, as through a convolutional network."""
    return len(x) > 1 and x.strides[0] < x.strides[1]


def _in_groups(v: Any, x: Array, groups: int, last: bool) -> Any:
    """Return an array (N, C, *S) as (N, G, C/G, S), or where the batch is `last` (G, C/G, S, N); (C,) to fit it."""
    if v is None:
        return None
    G, c = groups, x.shape[1] // groups
    if v.ndim == 1:
        return v.reshape(G, c, 1, 1) if last else np.broadcast_to(v.reshape(G, c, 1), (len(x), G, c, 1))
    return np.moveaxis(v, 0, -1).reshape(G, c, -1, len(v)) if last else v.reshape(len(v), G, c, -1)


def _batch_first(v: Array, shape: Shape, last: bool) -> Array:
    """Return an array laid by `_in_groups` in its former shape (N, C, *S)."""
    return np.moveaxis(v.reshape(*shape[1:], shape[0]), -1, 0) if last else v.reshape(shape)


def _over_space(u: Array, v: Array, last: bool) -> Array:
    """Return the sums of u * v over the axis S."""
    return np.einsum("gcsn,gcsn->gcn", u, v)[:, :, None] if last else np.einsum("ngcs,ngcs->ngc", u, v)[..., None]


def _around_channels(x: Array) -> tuple[Shape, Shape]:
    """Return the axes of `x` in the order of its memory, and its shape (A, C, B) in that order: C is its axis 1."""
    axes = sorted(range(x.ndim), key=lambda axis: -x.strides[axis])
    at = axes.index(1)
    sizes = [x.shape[axis] for axis in axes]
    return tuple(axes), (math.prod(sizes[:at]), sizes[at], math.prod(sizes[at + 1 :]))


def _products(x: Array, y: Array) -> Array:
    """Return the sum of x * y for each channel of (A, C, B); many short rows are added in parts, as by `add_up`."""
    A, C, B = x.shape
    if B >= LONG or A < 2 * PART:
        return np.einsum("acb,acb->c", x, y)
    x, y = x.reshape(A, -1), y.reshape(A, -1)
    whole = A - A % PART
    parts = np.einsum("mij,mij->mj", *(rows[:whole].reshape(-1, PART, C * B) for rows in (x, y)))
    out = np.add.reduce(parts, 0) + np.einsum("ij,ij->j", x[whole:], y[whole:])
    return np.add.reduce(out.reshape(C, B), 1)


def _channel_blocks(shape: Shape) -> Iterator[slice]:
    A, C, B = shape
    return row_blocks(C, A * B if B >= LONG else 1, 2 * BLOCK)
