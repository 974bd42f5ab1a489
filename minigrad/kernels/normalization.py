"""Normalization over the last axes, or of channels over all others, forward and backward, in blocks that stay in cache."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from minigrad.arrays import Array, Shape
from minigrad.kernels.blocks import BLOCK, SHARE, row_blocks, run_blocks
from minigrad.kernels.summation import PART, add_up

__all__ = ["batch_norm", "batch_norm_gradients", "layer_norm", "layer_norm_gradients"]

LONG = 64  # elements in a row of one channel from which blocks of channels save time


def batch_norm(x: Array, weight: Any, bias: Any, axes: Shape, eps: float) -> Any:
    """Return ``(x - mean) / sqrt(var + eps) * weight + bias`` with the mean and var of each channel, the axis 1 of `x`.

    The mean and 1 / sqrt(var + eps) are kept. None where not all other axes are normalized over.
    """
    if axes[0] != 0 or not x.size:
        return None
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
    x, weight, *_ = args
    mean, scale = kept[0].reshape(1, -1, 1), kept[1]
    g = gs[0]
    out = np.empty_like(x)
    axes, shape = _around_channels(out)
    M = x.size // shape[1]
    xs, g, outs = (a.transpose(axes).reshape(shape) for a in (x, g, out))  # (A, C, B)
    gw, gb = np.empty((2, shape[1]), x.dtype)
    for block in _channel_blocks(shape):
        part, s = g[:, block], scale[:, block]
        normal = xs[:, block] - mean[:, block]
        normal *= s
        gb[block] = add_up(part, (0, 2))
        gw[block] = _products(part, normal)
        if needs[0]:
            # gx = scale * weight * (g - mean(g) - normal * mean(g * normal))
            normal *= (gw[block] / M)[:, None]
            normal += (gb[block] / M)[:, None]
            np.subtract(part, normal, outs[:, block])
            outs[:, block] *= s if weight is None else s * weight[block, None]
    return [out if needs[0] else None, gw if needs[1] else None, gb if needs[2] else None, None, None]


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
        s[:, 0] = np.einsum("ij,ij->i", part, part)
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
        normal = rows[block] - mean[block]
        normal *= s
        sums = np.einsum("ij,ij->j", gr, normal) if needs[2] else None, add_up(gr, (0,)) if needs[3] else None
        if gx is None:
            return sums
        # With h = g * weight: gx = scale * (h - mean(h) - normal * mean(h * normal)).
        h = gr if weight is None else gr * w
        normal *= (np.einsum("ij,ij->i", h, normal) / D)[:, None]
        normal += np.matmul(gr, w / D)[:, None]
        np.subtract(h, normal, gx[block])
        gx[block] *= s
        return sums

    sums = run_blocks(differentiate, row_blocks(len(rows), D, SHARE))
    gw, gb = (None if parts[0] is None else sum(parts[1:], parts[0]) for parts in zip(*sums, strict=True))
    shaped = [None if v is None else v.reshape(a.shape) for v, a in ((gx, x), (gw, weight), (gb, bias))]
    return [shaped[0], None, shaped[1], shaped[2], None]


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
    return row_blocks(C, A * B if B >= LONG else 1, BLOCK)
