"""Softmax and its logarithm along one or more axes; along the last one of large arrays in blocks of rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.arrays import Array
from minigrad.kernels.blocks import row_blocks

__all__ = ["log_softmax", "log_softmax_gradient", "softmax", "softmax_gradient"]

LARGE = 1 << 15  # elements from which blocks save time


def softmax(x: Array, axis: Any) -> Array:
    """Compute exp(x - max) / sum(exp(x - max)) along `axis`, which has elements."""
    with np.errstate(over="ignore", invalid="ignore"):
        if not _in_rows(axis, x):
            return _softmax(x, axis, None)
        out = np.empty_like(x)
        rows, outs = _rows(x), _rows(out)
        for block in row_blocks(*rows.shape):
            _softmax(rows[block], 1, outs[block])
        return out


def softmax_gradient(g: Array, out: Array, axis: Any) -> Array:
    """Return out * (g - sum(g * out))."""
    if not _in_rows(axis, g, out):
        return out * (g - np.add.reduce(g * out, axis, keepdims=True))
    gx = np.empty_like(out)
    gs, outs, gxs = _rows(g), _rows(out), _rows(gx)
    for block in row_blocks(*outs.shape):
        part = gxs[block]
        np.subtract(gs[block], np.einsum("ij,ij->i", gs[block], outs[block])[:, None], part)
        part *= outs[block]
    return gx


def log_softmax(x: Array, axis: Any) -> Array:
    """Compute (x - max) - log(sum(exp(x - max))) along `axis`, which has elements."""
    with np.errstate(over="ignore", invalid="ignore"):
        if not _in_rows(axis, x):
            return _log_softmax(x, axis, None)
        out = np.empty_like(x)
        rows, outs = _rows(x), _rows(out)
        for block in row_blocks(*rows.shape):
            _log_softmax(rows[block], 1, outs[block])
        return out


def log_softmax_gradient(g: Array, out: Array, axis: Any) -> Array:
    """Return g - exp(out) * sum(g)."""
    if not _in_rows(axis, g, out):
        return g - np.exp(out) * np.add.reduce(g, axis, keepdims=True)
    gx = np.empty_like(out)
    gs, outs, gxs = _rows(g), _rows(out), _rows(gx)
    for block in row_blocks(*outs.shape):
        part = np.exp(outs[block], gxs[block])
        part *= np.add.reduce(gs[block], 1, keepdims=True)
        np.subtract(gs[block], part, part)
    return gx


def _softmax(x: Array, axis: Any, out: Array | None) -> Array:
    e = np.exp(np.subtract(x, np.maximum.reduce(x, axis, keepdims=True), out), out)
    return np.divide(e, np.add.reduce(e, axis, keepdims=True), out)


def _log_softmax(x: Array, axis: Any, out: Array | None) -> Array:
    z = np.subtract(x, np.maximum.reduce(x, axis, keepdims=True), out)
    return np.subtract(z, np.log(np.add.reduce(np.exp(z), axis, keepdims=True)), out)


def _in_rows(axis: Any, *arrays: Array) -> bool:
    """Return whether `axis` is the last one of large arrays in C order."""
    last, size = arrays[0].ndim - 1, arrays[0].size
    return size >= LARGE and axis in (-1, last) and False not in [a.flags.c_contiguous for a in arrays]


def _rows(x: Array) -> Array:
    return x.reshape(-1, x.shape[-1])
