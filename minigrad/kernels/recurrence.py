"""Recurrent networks over a whole sequence, forward and backward: one step after the other on arrays, weights at the end.

`terms` (L, N, gates * H) are the linear terms of the inputs. A step adds those of the state; what it needs of its gates is
kept. The gradients of the weights are one product over all steps. `reverse` runs from the last item to the first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minigrad.arrays import Array
from minigrad.kernels.errstate import errstate
from minigrad.kernels.summation import add_up

__all__ = ["gru", "gru_gradients", "lstm", "lstm_gradients", "rnn", "rnn_gradients"]

Computed = tuple[tuple[Array, ...], tuple[Array, ...]] | None


def rnn(terms: Array, weight: Array, bias: Array | None, h: Array, reverse: bool, nonlinearity: str) -> Computed:
    """Compute h' = tanh(term + W h + b) or relu of it; return ((outputs, h),)."""
    if not _fit(1, terms, weight, bias, h):
        return None
    out = np.empty((len(terms), *h.shape), h.dtype)
    for t in _order(len(terms), reverse):
        a = _from_state(h, weight, bias, out[t])
        a += terms[t]
        h = np.tanh(a, a) if nonlinearity == "tanh" else np.maximum(a, 0, out=a)
    return (out, h.copy()), (out,)


def rnn_gradients(gs: Sequence[Any], needs: Sequence[bool], args: Sequence[Any], kept: Sequence[Array]) -> list[Any]:
    """Return the gradients of `rnn`."""
    _, weight, _, h0, reverse, nonlinearity = args
    (out,) = kept
    slopes = 1 - out * out if nonlinearity == "tanh" else (out != 0).astype(out.dtype)  # at a NaN the gradient passes
    gates, dh = np.empty_like(out), _given(gs[1], h0)
    for t in _order(len(out), not reverse):
        dh = dh if gs[0] is None else dh + gs[0][t]
        np.multiply(dh, slopes[t], gates[t])
        dh = gates[t] @ weight
    return [gates, *_of_weights(gates, _before(out, h0, reverse), needs), dh, None, None]


def lstm(terms: Array, weight: Array, bias: Array | None, h: Array, c: Array, reverse: bool) -> Computed:
    """Compute c' = sigmoid(f) c + sigmoid(i) tanh(g), h' = sigmoid(o) tanh(c'); return (outputs, h, c)."""
    if not _fit(4, terms, weight, bias, h, c):
        return None
    H = h.shape[-1]
    out, cells, activated = (np.empty((len(terms), *h.shape), h.dtype) for _ in range(3))
    gates = np.empty((len(terms), len(h), 4 * H), h.dtype)
    for t in _order(len(terms), reverse):
        a = _from_state(h, weight, bias, gates[t])
        a += terms[t]
        g = a[:, 2 * H : 3 * H].copy()
        _sigmoid(a)
        np.tanh(g, a[:, 2 * H : 3 * H])
        i, f, g, o = (a[:, k * H : (k + 1) * H] for k in range(4))
        c = np.multiply(f, c, cells[t])
        c += i * g
        h = np.multiply(o, np.tanh(c, activated[t]), out[t])
    return (out, h.copy(), c.copy()), (out, cells, activated, gates)


def lstm_gradients(gs: Sequence[Any], needs: Sequence[bool], args: Sequence[Any], kept: Sequence[Array]) -> list[Any]:
    """Return the gradients of `lstm`."""
    _, weight, _, h0, c0, reverse = args
    out, cells, activated, gates = kept
    H = h0.shape[-1]
    slopes = gates * (1 - gates)  # of the sigmoids
    slopes[:, :, 2 * H : 3 * H] = 1 - np.square(gates[:, :, 2 * H : 3 * H])
    previous = _before(cells, c0, reverse)
    dh, dc = _given(gs[1], h0), _given(gs[2], c0)
    d = np.empty_like(gates)
    for t in _order(len(out), not reverse):
        dh = dh if gs[0] is None else dh + gs[0][t]
        i, f, g, o = (gates[t, :, k * H : (k + 1) * H] for k in range(4))
        di, df, dg, do = (d[t, :, k * H : (k + 1) * H] for k in range(4))
        np.multiply(dh, activated[t], do)
        dc = dc + dh * o * (1 - np.square(activated[t]))
        np.multiply(dc, g, di)
        np.multiply(dc, previous[t], df)
        np.multiply(dc, i, dg)
        d[t] *= slopes[t]
        dc *= f
        dh = d[t] @ weight
    return [d, *_of_weights(d, _before(out, h0, reverse), needs), dh, dc, None]


def gru(terms: Array, weight: Array, bias: Array | None, h: Array, reverse: bool) -> Computed:
    """Compute h' = (1 - z) n + z h with n = tanh(term + r (W h + b)), and gates r and z; return (outputs, h)."""
    if not _fit(3, terms, weight, bias, h):
        return None
    H = h.shape[-1]
    out, inner = (np.empty((len(terms), *h.shape), h.dtype) for _ in range(2))  # inner is W h + b of n
    gates = np.empty((len(terms), len(h), 3 * H), h.dtype)  # r, z, n
    for t in _order(len(terms), reverse):
        a = _from_state(h, weight, bias, gates[t])
        inner[t] = a[:, 2 * H :]
        a[:, : 2 * H] += terms[t, :, : 2 * H]
        rz, n = _sigmoid(a[:, : 2 * H]), a[:, 2 * H :]
        n *= rz[:, :H]
        n += terms[t, :, 2 * H :]
        np.tanh(n, n)
        h = np.multiply(rz[:, H:], h - n, out[t])
        h += n
    return (out, h.copy()), (out, inner, gates)


def gru_gradients(gs: Sequence[Any], needs: Sequence[bool], args: Sequence[Any], kept: Sequence[Array]) -> list[Any]:
    """Return the gradients of `gru`."""
    _, weight, _, h0, reverse = args
    out, inner, gates = kept
    H = h0.shape[-1]
    previous = _before(out, h0, reverse)
    dh = _given(gs[1], h0)
    d, from_state = np.empty_like(gates), np.empty_like(gates)  # with respect to the terms of inputs, and of states
    for t in _order(len(out), not reverse):
        dh = dh if gs[0] is None else dh + gs[0][t]
        r, z, n = (gates[t, :, k * H : (k + 1) * H] for k in range(3))
        dn = dh * (1 - z) * (1 - n * n)
        d[t, :, 2 * H :] = dn
        d[t, :, :H] = dn * inner[t] * r * (1 - r)
        d[t, :, H : 2 * H] = dh * (previous[t] - n) * z * (1 - z)
        from_state[t] = d[t]
        from_state[t, :, 2 * H :] *= r
        dh = dh * z + from_state[t] @ weight
    return [d, *_of_weights(from_state, previous, needs), dh, None]


def _fit(gates: int, terms: Array, weight: Array, bias: Array | None, *states: Array) -> bool:
    """Return whether the shapes fit, and there is a step."""
    H = weight.shape[-1]
    rows = (gates * H,)
    return (
        terms.ndim == 3
        and len(terms) > 0
        and weight.shape == (*rows, H)
        and terms.shape[2:] == rows
        and (bias is None or bias.shape == rows)
        and all(state.shape == (terms.shape[1], H) for state in states)
    )


def _order(length: int, reverse: bool) -> range:
    return range(length - 1, -1, -1) if reverse else range(length)


def _from_state(h: Array, weight: Array, bias: Array | None, out: Array) -> Array:
    np.matmul(h, weight.T, out)
    if bias is not None:
        out += bias
    return out


def _sigmoid(a: Array) -> Array:
    """Compute the sigmoid in place."""
    with errstate(over="ignore"):
        np.exp(np.negative(a, a), a)
    a += 1
    return np.divide(1, a, a)


def _given(g: Any, state: Array) -> Array:
    return np.zeros_like(state) if g is None else g


def _before(states: Array, start: Array, reverse: bool) -> Array:
    """Return the state before each step."""
    return np.concatenate([states[1:], start[None]] if reverse else [start[None], states[:-1]])


def _of_weights(d: Array, states: Array, needs: Sequence[bool]) -> tuple[Array | None, Array | None]:
    """Return the gradients of weight and bias, given those of all linear terms of the states."""
    rows = d.reshape(-1, d.shape[-1])
    weight = rows.T @ states.reshape(-1, states.shape[-1]) if needs[1] else None
    return weight, add_up(rows, (0,)) if needs[2] else None
