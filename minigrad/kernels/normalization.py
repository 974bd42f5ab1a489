"""Normalization over the last axes, forward and backward, in blocks of rows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from minigrad.arrays import Array
from minigrad.kernels.blocks import SHARE, row_blocks, run_blocks

__all__ = ["layer_norm", "layer_norm_gradients"]


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
        sums = np.einsum("ij,ij->j", gr, normal) if needs[2] else None, np.add.reduce(gr, 0) if needs[3] else None
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
