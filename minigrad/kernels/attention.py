"""Attention, forward and backward, by blocks of heads that stay in cache."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from minigrad.arrays import Array, Shape
from minigrad.kernels.blocks import row_blocks, run_blocks
from minigrad.kernels.broadcasting import sum_to

__all__ = ["attention", "attention_gradients"]

SIZE = 1 << 17  # scores of a block: always the same, because a block decides for all its rows whether they are shifted
# Scores below SMALL, of which each row has some above log(TINY), need no shift before the exponential.
SMALL, TINY = 20.0, 1e-9


def attention(q: Array, k: Array, v: Array, mask: Array | None, scale: float) -> Any:
    """Return softmax(q @ k.T * scale + mask) @ v for q (..., L, E), k (..., S, E) and v (..., S, V).

    A mask of booleans says which keys a query attends to; a query that attends to none gets zeros. Kept are weights that
    are not divided by their sum, and 1 / sum. None where leading axes are broadcast, where there is nothing, or where a
    score is infinite or NaN.
    """
    lead, L, S = q.shape[:-2], q.shape[-2], k.shape[-2]
    if not (q.size and v.size) or k.shape[:-2] != lead or v.shape[:-2] != lead:
        return None
    if mask is not None:
        if not _broadcasts(mask.shape, (*lead, L, S)):
            return None
        mask = np.where(mask, q.dtype.type(0), q.dtype.type(-np.inf)) if mask.dtype == np.bool_ else mask
        mask = np.broadcast_to(mask, (*lead, L, S))
    out = np.empty_like(q) if v.shape[-1] == q.shape[-1] else np.empty((*lead, L, v.shape[-1]), q.dtype)
    weights, inverse = np.empty((*lead, L, S), q.dtype), np.empty((*lead, L, 1), q.dtype)
    ones = np.ones((S, 1), q.dtype)

    def attend(block: Any) -> bool:
        w = weights[block]

        def score() -> None:
            np.matmul(q[block] * q.dtype.type(scale), np.ascontiguousarray(k[block].mT), w)
            if mask is not None:
                np.add(w, mask[block], w)

        score()
        total = np.matmul(np.exp(w, w), ones) if w.max() < SMALL else None
        if total is None or total.min() < TINY:
            score()
            greatest = np.maximum.reduce(w, -1, keepdims=True)  # of each row: takes as long as the product
            if not (greatest < np.inf).all() or (mask is None and not np.isfinite(greatest).all()):
                return False
            greatest[greatest == -np.inf] = 0
            w -= greatest
            total = np.matmul(np.exp(w, w), ones)
            np.maximum(total, 1, out=total)  # the greatest score adds 1: less is 0, where all keys are masked
        np.divide(1, total, inverse[block])
        np.matmul(w, v[block], out[block])
        out[block] *= inverse[block]
        return True

    return (out, (weights, inverse)) if all(run_blocks(attend, _blocks(lead, L * S))) else None


def attention_gradients(g: Array, needs: Sequence[bool], args: Sequence[Any], kept: Sequence[Array]) -> list[Any]:
    """Return the gradients of `attention` for queries, keys, values and a mask of floats."""
    q, k, v, mask, scale = args
    weights, inverse = kept
    hidden = None if mask is None or mask.dtype != np.bool_ else np.broadcast_to(~mask, weights.shape)
    gq, gk, gv = (np.empty_like(x) if need else None for x, need in zip((q, k, v), needs, strict=False))
    gm = np.empty_like(weights) if needs[3] else None

    def differentiate(block: Any) -> None:
        w, r = weights[block], inverse[block]
        gb = g[block] * r
        if gv is not None:
            np.matmul(w.mT, gb, gv[block])
        if not (needs[0] or needs[1] or needs[3]):
            return
        # With h = g @ v.T * r, the gradient of the scores is w * (h - r * sum(h * w)).
        h = np.matmul(gb, np.ascontiguousarray(v[block].mT), None if gm is None else gm[block])
        sums = np.einsum("...ij,...ij->...i", h, w)[..., None] * r
        h -= sums
        h *= w
        if hidden is not None and not np.isfinite(sums).all():
            np.copyto(h, 0, where=hidden[block])
        if gq is not None:
            np.multiply(np.matmul(h, k[block]), q.dtype.type(scale), gq[block])
        if gk is not None:
            np.matmul(h.mT, q[block] * q.dtype.type(scale), gk[block])

    run_blocks(differentiate, _blocks(weights.shape[:-2], math.prod(weights.shape[-2:])))
    return [gq, gk, gv, None if gm is None else sum_to(gm, mask.shape), None]


def _broadcasts(shape: Shape, to: Shape) -> bool:
    return len(shape) <= len(to) and all(n in (1, m) for n, m in zip(shape[::-1], to[::-1], strict=False))


def _blocks(shape: Shape, size: int) -> Iterator[tuple[slice, ...]]:
    """Yield the slices, along some of the first axes, that divide (*shape, size) elements into blocks of `SIZE`."""
    if not shape:
        yield ()
        return
    inner = math.prod(shape[1:]) * size
    for block in row_blocks(shape[0], inner, SIZE):
        yield from ((block, *rest) for rest in (_blocks(shape[1:], size) if inner > SIZE else [()]))
