"""Recurrent networks with PyTorch's equations: layers over whole sequences, optionally in both directions, and cells."""

from __future__ import annotations

import itertools
from typing import Any, ClassVar

import numpy as np

from minigrad.arrays import DType
from minigrad.errors import ShapeError
from minigrad.nn import functional as F
from minigrad.nn.layer_setup import count, draw_uniformly, parameter
from minigrad.nn.module import Module
from minigrad.nn.parameter import Parameter
from minigrad.nn.recurrence import gru_sequence, gru_step, lstm_sequence, lstm_step, rnn_sequence, rnn_step
from minigrad.nn.utils.rnn import PackedSequence
from minigrad.ops import concatenate, split, stack, unbind
from minigrad.tensors.tensor import Tensor

__all__ = ["GRU", "LSTM", "RNN", "GRUCell", "LSTMCell", "RNNBase", "RNNCell", "RNNCellBase"]

State = tuple[Tensor, ...]


class _Equation(Module):
    """Base of the equations of one step."""

    _gates: ClassVar[int]
    _states: ClassVar[int] = 1
    hidden_size: int

    def _advance(self, from_input: Tensor, from_state: Tensor, state: State) -> State:
        """Return the next state, given the linear terms of input and state for all gates, and the state; h comes first."""
        raise NotImplementedError

    def _advance_all(self, terms: Tensor, weight: Tensor, bias: Tensor | None, state: State, reverse: bool) -> State:
        """Return the outputs of all steps and the last state, given the linear terms of all inputs (L, N, gates * H)."""
        raise NotImplementedError

    def reset_parameters(self) -> None:
        """Draw the initial values of all weights and biases again."""
        draw_uniformly(self.hidden_size, self.parameters())

    def _zeros(self, model: Tensor, *lead: int) -> State:
        return (Tensor.from_array(np.zeros((*lead, self.hidden_size), model.dtype)),) * self._states


class _ElmanEquation(_Equation):
    """h' = tanh(W_ih x + b_ih + W_hh h + b_hh), or relu instead of tanh."""

    _gates = 1
    nonlinearity: str

    def _set_nonlinearity(self, nonlinearity: str) -> None:
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(f'{type(self).__name__}: nonlinearity must be "tanh" or "relu", got {nonlinearity!r}')
        self.nonlinearity = nonlinearity

    def _advance(self, from_input: Tensor, from_state: Tensor, state: State) -> State:
        return rnn_step(from_input, from_state, state, self.nonlinearity)

    def _advance_all(self, terms: Tensor, weight: Tensor, bias: Tensor | None, state: State, reverse: bool) -> State:
        return rnn_sequence(terms, weight, bias, *state, reverse, self.nonlinearity)


class _LSTMEquation(_Equation):
    """c' = sigmoid(f) c + sigmoid(i) tanh(g) and h' = sigmoid(o) tanh(c').

    Hochreiter and Schmidhuber (1997), with the forget gate of Gers et al. (2000).
    """

    _gates, _states = 4, 2

    def _advance(self, from_input: Tensor, from_state: Tensor, state: State) -> State:
        return lstm_step(from_input, from_state, state)

    def _advance_all(self, terms: Tensor, weight: Tensor, bias: Tensor | None, state: State, reverse: bool) -> State:
        return lstm_sequence(terms, weight, bias, *state, reverse)


class _GRUEquation(_Equation):
    """h' = (1 - z) n + z h, with n = tanh(W x + r (U h)) and gates r and z: Cho et al. (2014)."""

    _gates = 3

    def _advance(self, from_input: Tensor, from_state: Tensor, state: State) -> State:
        return gru_step(from_input, from_state, state)

    def _advance_all(self, terms: Tensor, weight: Tensor, bias: Tensor | None, state: State, reverse: bool) -> State:
        return gru_sequence(terms, weight, bias, *state, reverse)


class RNNCellBase(_Equation):
    """Base of cells, which compute one step: call a cell once for each item of a sequence.

    >>> from minigrad import nn
    >>> cell = nn.GRUCell(2, 4)
    >>> isinstance(cell, nn.RNNCellBase), cell.weight_hh.shape
    (True, (12, 4))
    """

    weight_ih: Parameter
    weight_hh: Parameter
    bias_ih: Parameter | None
    bias_hh: Parameter | None

    def __init__(self, input_size: int, hidden_size: int, bias: bool = True, device: Any = None, dtype: DType = None):
        super().__init__()
        self.input_size = count(type(self).__name__, "input_size", input_size)
        self.hidden_size = count(type(self).__name__, "hidden_size", hidden_size)
        _register(self, "", self._gates * hidden_size, input_size, hidden_size, bias, dtype)
        self.reset_parameters()

    def forward(self, x: Tensor, state: Any = None) -> Any:
        if state is None:
            state = self._zeros(self.weight_hh, *x.shape[:-1])
        elif self._states == 1:
            state = (state,)
        from_input = F.linear(x, self.weight_ih, self.bias_ih)
        new = self._advance(from_input, F.linear(state[0], self.weight_hh, self.bias_hh), state)
        return new if self._states > 1 else new[0]

    def extra_repr(self) -> str:
        bias = "" if self.bias_ih is not None else ", bias=False"
        return f"{self.input_size}, {self.hidden_size}{bias}"


class RNNBase(_Equation):
    """Base of layers over sequences: `num_layers` in a stack, each in both directions if `bidirectional`.

    >>> from minigrad import nn
    >>> layer = nn.LSTM(2, 4, num_layers=2)
    >>> isinstance(layer, nn.RNNBase), layer.weight_hh_l1.shape
    (True, (16, 4))
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Any = None,
        dtype: DType = None,
    ):
        super().__init__()
        kind = type(self).__name__
        self.input_size, self.hidden_size = count(kind, "input_size", input_size), count(kind, "hidden_size", hidden_size)
        self.num_layers = count(kind, "num_layers", num_layers)
        if not 0 <= dropout <= 1:
            raise ValueError(f"{kind}: dropout must be within [0, 1], got {dropout}")
        if proj_size and self._states < 2:
            raise ValueError(f"{kind}: only LSTM has a proj_size, got {proj_size}")
        if not 0 <= proj_size < hidden_size:
            raise ValueError(f"{kind}: proj_size must be within 0 and {hidden_size - 1}, got {proj_size}")
        self.bias, self.batch_first, self.dropout, self.bidirectional = bias, batch_first, dropout, bidirectional
        self.proj_size = proj_size
        size = proj_size or hidden_size
        for layer, suffix in self._passes():
            features = input_size if layer == 0 else size * (2 if bidirectional else 1)
            _register(self, suffix, self._gates * hidden_size, features, size, bias, dtype)
            if proj_size:
                self.register_parameter(f"weight_hr{suffix}", parameter((proj_size, hidden_size), 0.0, dtype))
        self.reset_parameters()

    def _passes(self) -> list[tuple[int, str]]:
        """Return the layer and the suffix of the parameter names of each pass over the sequence, from the input upwards."""
        directions = ("", "_reverse") if self.bidirectional else ("",)
        return [(layer, f"_l{layer}{direction}") for layer in range(self.num_layers) for direction in directions]

    def forward(self, x: Any, state: Any = None) -> tuple[Any, Any]:
        packed = x if isinstance(x, PackedSequence) else None
        if packed is not None:
            x = packed.data
        batched = self._check(x, packed is not None)
        if not batched:
            x = x.unsqueeze(1)
        elif self.batch_first and packed is None:
            x = x.transpose(0, 1)
        sizes = None if packed is None else packed.batch_sizes.tolist()
        start = self._initial_states(state, x, batched, packed)
        ends: list[State] = []
        for layer, passes in itertools.groupby(self._passes(), lambda item: item[0]):
            if layer:
                x = F.dropout(x, self.dropout, self.training)
            outputs = []
            for _, suffix in passes:
                output, end = self._run(x, suffix, start[len(ends)], sizes)
                outputs.append(output)
                ends.append(end)
            x = concatenate(outputs, -1) if self.bidirectional else outputs[0]
        last = tuple(stack(part, 0) for part in zip(*ends, strict=True))
        if packed is not None:
            x = packed._replace(data=x)
            if packed.unsorted_indices is not None:
                last = tuple(part[:, packed.unsorted_indices] for part in last)
        elif not batched:
            x, last = x.squeeze(1), tuple(part.squeeze(1) for part in last)
        elif self.batch_first:
            x = x.transpose(0, 1)
        return x, last if self._states > 1 else last[0]

    @property
    def _flat_weights_names(self) -> list[str]:
        """The names of the parameters: PyTorch's private attribute, which initializations in tutorials read."""
        return [name for name, p in self._parameters.items() if p is not None]

    def flatten_parameters(self) -> None:
        """Do nothing: the parameters need not lie in one piece of memory, as they do for cuDNN."""

    def extra_repr(self) -> str:
        shown = f"{self.input_size}, {self.hidden_size}"
        if self.proj_size:
            shown += f", proj_size={self.proj_size}"
        defaults = {"num_layers": 1, "bias": True, "batch_first": False, "dropout": 0, "bidirectional": False}
        return shown + "".join(f", {name}={getattr(self, name)}" for name, v in defaults.items() if getattr(self, name) != v)

    def _run(self, x: Tensor, suffix: str, state: State, sizes: list[int] | None) -> tuple[Tensor, State]:
        """Return the outputs of one layer in one direction, and the state after the last item of each sequence.

        Inputs and outputs are (L, N, features), or packed, with `sizes[t]` sequences that have an item t. Then sequences end
        one after the other, or begin so if the direction is reverse.
        """
        terms = F.linear(x, getattr(self, f"weight_ih{suffix}"), getattr(self, f"bias_ih{suffix}"))
        weight, bias = getattr(self, f"weight_hh{suffix}"), getattr(self, f"bias_hh{suffix}")
        project = getattr(self, f"weight_hr{suffix}") if self.proj_size else None
        reverse = suffix.endswith("_reverse")
        if sizes is None and project is None:
            out, *end = self._advance_all(terms, weight, bias, state, reverse)
            return out, tuple(end)
        from_inputs = unbind(terms) if sizes is None else split(terms, sizes)
        order = slice(None, None, -1 if reverse else 1)
        start, ended, outputs = state, [], []
        for from_input in from_inputs[order]:
            here, before = from_input.shape[0], state[0].shape[0]
            if here < before:
                ended.append([part[here:] for part in state])
                state = tuple(part[:here] for part in state)
            elif here > before:
                state = tuple(concatenate([part, first[before:here]]) for part, first in zip(state, start, strict=True))
            state = self._advance(from_input, F.linear(state[0], weight, bias), state)
            if project is not None:
                state = (F.linear(state[0], project), *state[1:])
            outputs.append(state[0])
        if ended and not reverse:
            state = tuple(concatenate(list(parts)) for parts in zip(state, *reversed(ended), strict=True))
        return (stack if sizes is None else concatenate)(outputs[order], 0), state

    def _check(self, x: Tensor, packed: bool) -> bool:
        """Return True for a batch of sequences, False for one sequence; raise ShapeError for any other shape."""
        if x.ndim not in ((2,) if packed else (2, 3)) or x.shape[-1] != self.input_size or 0 in x.shape:
            batch = "N, L" if self.batch_first else "L, N"
            wanted = f"({batch}, {self.input_size}) or (L, {self.input_size}), not empty"
            raise ShapeError(f"{type(self).__name__}: needs {wanted}, got {x.shape}{' packed' if packed else ''}")
        return packed or x.ndim == 3

    def _initial_states(self, given: Any, x: Tensor, batched: bool, packed: PackedSequence | None) -> list[State]:
        """Return the initial state of each pass."""
        count, size = len(self._passes()), x.shape[1] if packed is None else int(packed.batch_sizes.array[0])
        widths = (self.proj_size or self.hidden_size, self.hidden_size)[: self._states]
        if given is None:
            return [tuple(Tensor.from_array(np.zeros((size, width), x.dtype)) for width in widths)] * count
        parts = tuple(given) if self._states > 1 else (given,)
        wanted = [(count, *((size,) if batched else ()), width) for width in widths]
        if [part.shape for part in parts] != wanted:
            shapes = ", ".join(str(part.shape) for part in parts)
            raise ShapeError(
                f"{type(self).__name__}: the initial state must be of shape {', '.join(map(str, dict.fromkeys(wanted)))}, "
                f"got {shapes}"
            )
        if packed is not None and packed.sorted_indices is not None:
            parts = tuple(part[:, packed.sorted_indices] for part in parts)
        parts = parts if batched else tuple(part.unsqueeze(1) for part in parts)
        return list(zip(*(unbind(part) for part in parts), strict=True))


class RNNCell(_ElmanEquation, RNNCellBase):
    """Elman cell: h' = tanh(W_ih x + b_ih + W_hh h + b_hh), or relu with `nonlinearity` "relu".

    Takes x (N, input_size) and optionally h (N, hidden_size), by default zero; returns h'.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        device: Any = None,
        dtype: DType = None,
    ):
        super().__init__(input_size, hidden_size, bias, dtype=dtype)
        self._set_nonlinearity(nonlinearity)

    def extra_repr(self) -> str:
        shown = super().extra_repr()
        return shown if self.nonlinearity == "tanh" else f"{shown}, nonlinearity={self.nonlinearity}"


class LSTMCell(_LSTMEquation, RNNCellBase):
    """LSTM cell, with the equations of `LSTM`.

    Takes x (N, input_size) and optionally the state (h, c) of (N, hidden_size) each, by default zero; returns (h', c').

    >>> import minigrad as mg
    >>> from minigrad import nn
    >>> h, c = nn.LSTMCell(4, 3)(mg.ones(2, 4))
    >>> h.shape, c.shape
    ((2, 3), (2, 3))
    """


class GRUCell(_GRUEquation, RNNCellBase):
    """GRU cell, with the equation of `GRU`.

    Takes x (N, input_size) and optionally h (N, hidden_size), by default zero; returns h'.
    """


class RNN(_ElmanEquation, RNNBase):
    """Elman network: h' = tanh(W_ih x + b_ih + W_hh h + b_hh) along a sequence, or relu with `nonlinearity` "relu".

    Takes x (L, N, input_size), (N, L, input_size) with `batch_first`, or (L, input_size), and optionally the initial state
    (num_layers * directions, N, hidden_size), by default zero. Returns (outputs, h): the outputs of the last layer, of
    directions * hidden_size features, and the final h of each layer and direction, in the shape of the initial state.
    `dropout` is applied between the layers in training. A `PackedSequence` is taken and returned, too: see
    `nn.utils.rnn.pack_padded_sequence`. Elman (1990).
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: Any = None,
        dtype: DType = None,
    ):
        super().__init__(input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, dtype=dtype)
        self._set_nonlinearity(nonlinearity)


class LSTM(_LSTMEquation, RNNBase):
    """Long short-term memory along a sequence; shapes and options as in `RNN`, with a state of two parts (h, c).

    c' = sigmoid(f) c + sigmoid(i) tanh(g) and h' = sigmoid(o) tanh(c'), where each of i, f, g and o is W x + b + U h + d.
    With `proj_size`, h' is W_hr times that, and has `proj_size` features. Hochreiter and Schmidhuber (1997), with the forget
    gate of Gers et al. (2000); projections: Sak et al. (2014).

    >>> import minigrad as mg
    >>> from minigrad import nn
    >>> out, (h, c) = nn.LSTM(4, 3, num_layers=2, bidirectional=True)(mg.ones(7, 2, 4))
    >>> out.shape, h.shape, c.shape
    ((7, 2, 6), (4, 2, 3), (4, 2, 3))
    """


class GRU(_GRUEquation, RNNBase):
    """Gated recurrent unit along a sequence; shapes and options as in `RNN`: Cho et al. (2014).

    h' = (1 - z) n + z h, with n = tanh(W x + b + r (U h + d)) and gates r and z.
    """


def _register(module: Module, suffix: str, rows: int, input_size: int, state_size: int, bias: bool, dtype: DType) -> None:
    """Register the weights and biases of one step; biases are None unless `bias`."""
    for name, width in (("weight_ih", input_size), ("weight_hh", state_size)):
        module.register_parameter(name + suffix, parameter((rows, width), 0.0, dtype))
    for name in ("bias_ih", "bias_hh"):
        module.register_parameter(name + suffix, parameter((rows,), 0.0, dtype) if bias else None)
