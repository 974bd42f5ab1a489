"""Recurrent networks over a whole sequence, forward and backward: one step after the other on arrays, weights at the end.

`terms` (L, N, gates * H) are the linear terms of the inputs. A step adds those of the state; what it needs of its gates is
kept. The gradients of the weights are one product over all steps. `reverse` runs from the last item to the first.

Each gate of a step is an array of its own, (gates, N, H): NumPy multiplies 32x128 numbers that lie together in 0.5 us, as
columns of a wider matrix in 2.1, and the products are smaller: four of 32x128 by 128x128 take 33 us, one by 128x512 takes
50, and 76 if the weight lies transposed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
    from_state = _linear(weight, bias)
    for t in _order(len(terms), reverse):
        a = from_state(h, out[t, None])[0]
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
    out, cells, activated = (np.empty((len(terms), *h.shape), h.dtype) for _ in range(3))
    gates = np.empty((len(terms), 4, *h.shape), h.dtype)
    terms, from_state = _by_gate(terms, 4), _linear(weight, bias)
    for t in _order(len(terms), reverse):
        a = from_state(h, gates[t])
        a += terms[t]
        i, f, g, o = a
        candidate = np.tanh(g)
        _sigmoid(a)  # of all four at once, which takes less time than of three
        g[...] = candidate
        c = np.multiply(f, c, cells[t])
        c += np.multiply(i, g, candidate)
        h = np.multiply(o, np.tanh(c, activated[t]), out[t])
    return (out, h.copy(), c.copy()), (out, cells, activated, gates)


def lstm_gradients(gs: Sequence[Any], needs: Sequence[bool], args: Sequence[Any], kept: Sequence[Array]) -> list[Any]:
    """Return the gradients of `lstm`."""
    terms, weight, _, h0, c0, reverse = args
    out, cells, activated, gates = kept
    previous = _before(cells, c0, reverse)
    dh, dc = _given(gs[1], h0), _given(gs[2], c0)
    to_state, d, step = _transposed(weight), np.empty(terms.shape, out.dtype), np.empty_like(gates[0])
    ds = _by_gate(d, 4)
    for t in _order(len(out), not reverse):
        dh = dh if gs[0] is None else dh + gs[0][t]
        i, f, g, o = gates[t]
        dc = dc + dh * o * (1 - np.square(activated[t]))
        for k, (x, y) in enumerate(((dc, g), (dc, previous[t]), (dc, i), (dh, activated[t]))):
            np.multiply(x, y, step[k])
        slopes = 1 - gates[t]
        slopes *= gates[t]  # of the sigmoids
        np.subtract(1, np.square(g), slopes[2])
        step *= slopes
        ds[t] = step
        dc *= f
        dh = to_state(step)
    return [d, *_of_weights(d, _before(out, h0, reverse), needs), dh, dc, None]


def gru(terms: Array, weight: Array, bias: Array | None, h: Array, reverse: bool) -> Computed:
    """Compute h' = (1 - z) n + z h with n = tanh(term + r (W h + b)), and gates r and z; return (outputs, h)."""
    if not _fit(3, terms, weight, bias, h):
        return None
    out, inner = (np.empty((len(terms), *h.shape), h.dtype) for _ in range(2))  # inner is W h + b of n
    gates = np.empty((len(terms), 3, *h.shape), h.dtype)  # r, z, n
    terms, from_state = _by_gate(terms, 3), _linear(weight, bias)
    for t in _order(len(terms), reverse):
        a = from_state(h, gates[t])
        rz, n = a[:2], a[2]
        inner[t] = n
        rz += terms[t, :2]
        r, z = _sigmoid(rz)
        n *= r
        n += terms[t, 2]
        np.tanh(n, n)
        h = np.multiply(z, h - n, out[t])
        h += n
    return (out, h.copy()), (out, inner, gates)


def gru_gradients(gs: Sequence[Any], needs: Sequence[bool], args: Sequence[Any], kept: Sequence[Array]) -> list[Any]:
    """Return the gradients of `gru`."""
    terms, weight, _, h0, reverse = args
    out, inner, gates = kept
    previous = _before(out, h0, reverse)
    dh = _given(gs[1], h0)
    d, from_state = np.empty((2, *terms.shape), out.dtype)  # with respect to the terms of inputs, and of states
    to_state, step, ds, states = _transposed(weight), np.empty_like(gates[0]), _by_gate(d, 3), _by_gate(from_state, 3)
    for t in _order(len(out), not reverse):
        dh = dh if gs[0] is None else dh + gs[0][t]
        r, z, n = gates[t]
        dn = np.multiply(dh * (1 - z), 1 - n * n, step[2])
        np.multiply(dn * inner[t], r * (1 - r), step[0])
        np.multiply(dh * (previous[t] - n), z * (1 - z), step[1])
        ds[t] = step
        dn *= r
        states[t] = step
        dh = dh * z + to_state(step)
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


def _by_gate(terms: Array, gates: int) -> Array:
    """Return terms (L, N, gates * H) as (L, gates, N, H), in the same memory."""
    return terms.reshape(*terms.shape[:2], gates, -1).swapaxes(1, 2)


def _linear(weight: Array, bias: Array | None) -> Callable[[Array, Array], Array]:
    """Return the function that writes W h + b of each gate into (gates, N, H)."""
    H = weight.shape[-1]
    columns = np.ascontiguousarray(weight.reshape(-1, H, H).swapaxes(1, 2))
    rows = None if bias is None else bias.reshape(-1, 1, H)

    def linear(h: Array, out: Array) -> Array:
        np.matmul(h, columns, out)
        if rows is not None:
            out += rows
        return out

    return linear


def _transposed(weight: Array) -> Callable[[Array], Array]:
    """Return the function from the gradients of all gates (gates, N, H) to that of the state."""
    rows = weight.reshape(-1, *[weight.shape[-1]] * 2)
    return lambda d: np.add.reduce(np.matmul(d, rows), 0)


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
