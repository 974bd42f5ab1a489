"""Recurrent networks: the equations of one step, and whole sequences by kernels.

A sequence is defined by its steps. It takes the linear terms of all inputs (L, N, gates * H), the weight (gates * H, H) and
the bias of the state, and the first state (N, H); it returns the outputs (L, N, H) and the last state.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from minigrad.arrays import shape_of
from minigrad.engine.fused import fused
from minigrad.kernels import recurrence as kernels
from minigrad.ops import linear, relu, sigmoid, split, stack, tanh, unbind

__all__ = ["gru_sequence", "gru_step", "lstm_sequence", "lstm_step", "rnn_sequence", "rnn_step"]

State = tuple[Any, ...]


def rnn_step(from_input: Any, from_state: Any, state: State, nonlinearity: str = "tanh") -> State:
    """Return h' = tanh(from_input + from_state), or relu instead of tanh. Elman (1990)."""
    return ((tanh if nonlinearity == "tanh" else relu)(from_input + from_state),)


def lstm_step(from_input: Any, from_state: Any, state: State) -> State:
    """Return h' = sigmoid(o) tanh(c') and c' = sigmoid(f) c + sigmoid(i) tanh(g).

    Hochreiter and Schmidhuber (1997), with the forget gate of Gers et al. (2000).
    """
    i, f, g, o = split(from_input + from_state, shape_of(state[1])[-1], -1)
    c = sigmoid(f) * state[1] + sigmoid(i) * tanh(g)
    return sigmoid(o) * tanh(c), c


def gru_step(from_input: Any, from_state: Any, state: State) -> State:
    """Return h' = (1 - z) n + z h, with n = tanh(W x + r (U h)) and gates r and z. Cho et al. (2014)."""
    size = shape_of(state[0])[-1]
    (ir, iz, in_), (hr, hz, hn) = (split(part, size, -1) for part in (from_input, from_state))
    r, z = sigmoid(ir + hr), sigmoid(iz + hz)
    return ((1 - z) * tanh(in_ + r * hn) + z * state[0],)


@fused(kernels.rnn, kernels.rnn_gradients, "terms", "weight", "bias", "h", outputs=2)
def rnn_sequence(terms: Any, weight: Any, bias: Any, h: Any, reverse: bool, nonlinearity: str) -> State:
    """Run `rnn_step` over a sequence."""
    return _run(partial(rnn_step, nonlinearity=nonlinearity), terms, weight, bias, (h,), reverse)


@fused(kernels.lstm, kernels.lstm_gradients, "terms", "weight", "bias", "h", "c", outputs=3)
def lstm_sequence(terms: Any, weight: Any, bias: Any, h: Any, c: Any, reverse: bool) -> State:
    """Run `lstm_step` over a sequence."""
    return _run(lstm_step, terms, weight, bias, (h, c), reverse)


@fused(kernels.gru, kernels.gru_gradients, "terms", "weight", "bias", "h", outputs=2)
def gru_sequence(terms: Any, weight: Any, bias: Any, h: Any, reverse: bool) -> State:
    """Run `gru_step` over a sequence."""
    return _run(gru_step, terms, weight, bias, (h,), reverse)


def _run(step: Callable[..., State], terms: Any, weight: Any, bias: Any, state: State, reverse: bool) -> State:
    order = slice(None, None, -1 if reverse else 1)
    outputs = []
    for from_input in unbind(terms)[order]:
        state = step(from_input, linear(state[0], weight, bias), state)
        outputs.append(state[0])
    return stack(outputs[order], 0), *state
