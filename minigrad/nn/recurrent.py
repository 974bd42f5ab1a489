"""Recurrent networks with PyTorch's equations: whole sequences through layers both ways, or one step in a cell."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np

from minigrad.arrays import DType
from minigrad.errors import ShapeError
from minigrad.nn import functional as F
from minigrad.nn.arguments import count, uniform_parameter
from minigrad.nn.module import Module
from minigrad.nn.parameter import Parameter
from minigrad.ops import concatenate, split, stack, unbind
from minigrad.tensors.tensor import Tensor

__all__ = ["GRU", "LSTM", "RNN", "GRUCell", "LSTMCell", "RNNCell"]

State = tuple[Tensor, ...]


class _Equation(Module):
    """One step: what the input and the state say to all gates, and the state; gives the next state, the output first."""

    _gates: ClassVar[int]
    _states: ClassVar[int] = 1
    hidden_size: int

    def _advance(self, of_input: Tensor, of_state: Tensor, state: State) -> State:
        raise NotImplementedError

    def _zeros(self, model: Tensor, *lead: int) -> State:
        return (Tensor.from_array(np.zeros((*lead, self.hidden_size), model.dtype)),) * self._states


class _Plain(_Equation):
    """h' = tanh(W_ih x + b_ih + W_hh h + b_hh), or "relu" instead."""

    _gates = 1
    nonlinearity: str

    def _choose(self, nonlinearity: str) -> None:
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(f'{type(self).__name__}: nonlinearity must be "tanh" or "relu", got {nonlinearity!r}')
        self.nonlinearity = nonlinearity

    def _advance(self, of_input: Tensor, of_state: Tensor, state: State) -> State:
        return ((F.tanh if self.nonlinearity == "tanh" else F.relu)(of_input + of_state),)


class _LongShort(_Equation):
    """c' = sigmoid(f) c + sigmoid(i) tanh(g) and h' = sigmoid(o) tanh(c').

    Hochreiter and Schmidhuber (1997), with the forget gate of Gers et al. (2000).
    """

    _gates, _states = 4, 2

    def _advance(self, of_input: Tensor, of_state: Tensor, state: State) -> State:
        i, f, g, o = split(of_input + of_state, self.hidden_size, -1)
        c = F.sigmoid(f) * state[1] + F.sigmoid(i) * F.tanh(g)
        return F.sigmoid(o) * F.tanh(c), c


class _Gated(_Equation):
    """h' = (1 - z) n + z h, with n = tanh(W x + r (U h)) and gates r and z: Cho et al. (2014)."""

    _gates = 3

    def _advance(self, of_input: Tensor, of_state: Tensor, state: State) -> State:
        (ir, iz, in_), (hr, hz, hn) = (split(part, self.hidden_size, -1) for part in (of_input, of_state))
        r, z = F.sigmoid(ir + hr), F.sigmoid(iz + hz)
        return ((1 - z) * F.tanh(in_ + r * hn) + z * state[0],)


class _Cell(_Equation):
    """One step; call it once for each item of a sequence."""

    weight_ih: Parameter
    weight_hh: Parameter
    bias_ih: Parameter | None
    bias_hh: Parameter | None

    def __init__(self, input_size: int, hidden_size: int, bias: bool = True, dtype: DType = None):
        super().__init__()
        self.input_size = count(type(self).__name__, "input_size", input_size)
        self.hidden_size = count(type(self).__name__, "hidden_size", hidden_size)
        _register(self, "", self._gates * hidden_size, input_size, hidden_size, bias, dtype)

    def forward(self, x: Tensor, state: Any = None) -> Any:
        if state is None:
            state = self._zeros(self.weight_hh, *x.shape[:-1])
        elif self._states == 1:
            state = (state,)
        of_input = F.linear(x, self.weight_ih, self.bias_ih)
        new = self._advance(of_input, F.linear(state[0], self.weight_hh, self.bias_hh), state)
        return new if self._states > 1 else new[0]

    def extra_repr(self) -> str:
        bias = "" if self.bias_ih is not None else ", bias=False"
        return f"{self.input_size}, {self.hidden_size}{bias}"


class _Layers(_Equation):
    """`num_layers` of them one above the other, each over the whole sequence, backwards too if `bidirectional`."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        dtype: DType = None,
    ):
        super().__init__()
        kind = type(self).__name__
        self.input_size, self.hidden_size = count(kind, "input_size", input_size), count(kind, "hidden_size", hidden_size)
        self.num_layers = count(kind, "num_layers", num_layers)
        if not 0 <= dropout <= 1:
            raise ValueError(f"{kind}: dropout must be within [0, 1], got {dropout}")
        self.bias, self.batch_first, self.dropout, self.bidirectional = bias, batch_first, dropout, bidirectional
        for layer, suffix in self._passes():
            given = input_size if layer == 0 else hidden_size * (2 if bidirectional else 1)
            _register(self, suffix, self._gates * hidden_size, given, hidden_size, bias, dtype)

    def _passes(self) -> Iterator[tuple[int, str]]:
        """The layer of each walk along the sequence, and the end of its parameters' names: from the input upwards."""
        ways = ("", "_reverse") if self.bidirectional else ("",)
        return ((layer, f"_l{layer}{way}") for layer, way in itertools.product(range(self.num_layers), ways))

    def forward(self, x: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        batched = self._check(x)
        if not batched:
            x = x.unsqueeze(1)
        elif self.batch_first:
            x = x.transpose(0, 1)
        start = self._started(state, x, batched)
        ends: list[State] = []
        for layer, walks in itertools.groupby(self._passes(), lambda item: item[0]):
            if layer:
                x = F.dropout(x, self.dropout, self.training)
            outputs = []
            for _, suffix in walks:
                output, end = self._walk(x, suffix, start[len(ends)])
                outputs.append(output)
                ends.append(end)
            x = concatenate(outputs, -1) if self.bidirectional else outputs[0]
        last = tuple(stack(part, 0) for part in zip(*ends, strict=True))
        if not batched:
            x, last = x.squeeze(1), tuple(part.squeeze(1) for part in last)
        elif self.batch_first:
            x = x.transpose(0, 1)
        return x, last if self._states > 1 else last[0]

    def extra_repr(self) -> str:
        shown = f"{self.input_size}, {self.hidden_size}"
        defaults = {"num_layers": 1, "bias": True, "batch_first": False, "dropout": 0, "bidirectional": False}
        return shown + "".join(f", {name}={getattr(self, name)}" for name, v in defaults.items() if getattr(self, name) != v)

    def _walk(self, x: Tensor, suffix: str, state: State) -> tuple[Tensor, State]:
        """The outputs of one layer in one direction, (L, N, hidden_size), and the state after the last item."""
        named: dict[str, Any] = self._parameters
        of_inputs = unbind(F.linear(x, named[f"weight_ih{suffix}"], named.get(f"bias_ih{suffix}")))
        weight, bias = named[f"weight_hh{suffix}"], named.get(f"bias_hh{suffix}")
        order = slice(None, None, -1 if suffix.endswith("_reverse") else 1)
        outputs = []
        for of_input in of_inputs[order]:
            state = self._advance(of_input, F.linear(state[0], weight, bias), state)
            outputs.append(state[0])
        return stack(outputs[order], 0), state

    def _check(self, x: Tensor) -> bool:
        """Whether there is a batch; raises ShapeError for what is no sequence of inputs."""
        if x.ndim not in (2, 3) or x.shape[-1] != self.input_size or 0 in x.shape:
            batch = "N, L" if self.batch_first else "L, N"
            wanted = f"({batch}, {self.input_size}) or (L, {self.input_size}), not empty"
            raise ShapeError(f"{type(self).__name__}: needs {wanted}, got {x.shape}")
        return x.ndim == 3

    def _started(self, given: Any, x: Tensor, batched: bool) -> list[State]:
        """The state that each walk starts with."""
        walks = sum(1 for _ in self._passes())
        if given is None:
            return [self._zeros(x, x.shape[1])] * walks
        parts = tuple(given) if self._states > 1 else (given,)
        wanted = (walks, *(x.shape[1:2] if batched else ()), self.hidden_size)
        if len(parts) != self._states or any(part.shape != wanted for part in parts):
            shapes = ", ".join(str(part.shape) for part in parts)
            raise ShapeError(f"{type(self).__name__}: the first state must be of shape {wanted}, got {shapes}")
        parts = parts if batched else tuple(part.unsqueeze(1) for part in parts)
        return list(zip(*(unbind(part) for part in parts), strict=True))


class RNNCell(_Plain, _Cell):
    """h' = tanh(W_ih x + b_ih + W_hh h + b_hh), or "relu" instead: (N, input_size) and h (N, hidden_size), zero at first."""

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, nonlinearity: str = "tanh", dtype: DType = None
    ):
        super().__init__(input_size, hidden_size, bias, dtype)
        self._choose(nonlinearity)

    def extra_repr(self) -> str:
        shown = super().extra_repr()
        return shown if self.nonlinearity == "tanh" else f"{shown}, nonlinearity={self.nonlinearity}"


class LSTMCell(_LongShort, _Cell):
    """(h', c') of (N, hidden_size), both zero at first: the equations of `LSTM`.

    >>> import minigrad as mg
    >>> from minigrad import nn
    >>> h, c = nn.LSTMCell(4, 3)(mg.ones(2, 4))
    >>> h.shape, c.shape
    ((2, 3), (2, 3))
    """


class GRUCell(_Gated, _Cell):
    """h' of (N, hidden_size), zero at first: the equation of `GRU`."""


class RNN(_Plain, _Layers):
    """h' = tanh(W_ih x + b_ih + W_hh h + b_hh), or "relu" instead, along a sequence: Elman (1990).

    (L, N, input_size), (N, L, input_size) with `batch_first`, or (L, input_size) gives (outputs, h): outputs like the input,
    of `hidden_size` features for each direction, and the last h of each layer and direction,
    (num_layers * directions, N, hidden_size), as the state to start with is given. `dropout` acts between the layers.
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
        dtype: DType = None,
    ):
        super().__init__(input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, dtype)
        self._choose(nonlinearity)


class LSTM(_LongShort, _Layers):
    """Long short-term memory along a sequence; shapes as in `RNN`, with a state of two parts (h, c).

    c' = sigmoid(f) c + sigmoid(i) tanh(g) and h' = sigmoid(o) tanh(c'), where each of i, f, g and o is W x + b + U h + d.
    Hochreiter and Schmidhuber (1997), with the forget gate of Gers et al. (2000).

    >>> import minigrad as mg
    >>> from minigrad import nn
    >>> out, (h, c) = nn.LSTM(4, 3, num_layers=2, bidirectional=True)(mg.ones(7, 2, 4))
    >>> out.shape, h.shape, c.shape
    ((7, 2, 6), (4, 2, 3), (4, 2, 3))
    """


class GRU(_Gated, _Layers):
    """A gated recurrent unit along a sequence; shapes as in `RNN`: Cho et al. (2014).

    h' = (1 - z) n + z h, with n = tanh(W x + b + r (U h + d)) and gates r and z.
    """


def _register(module: Module, suffix: str, rows: int, input_size: int, hidden_size: int, bias: bool, dtype: DType) -> None:
    """The weights and biases of one step, drawn as PyTorch does; a bias that is not wanted is None."""
    for name, width in (("weight_ih", input_size), ("weight_hh", hidden_size)):
        module.register_parameter(name + suffix, uniform_parameter((rows, width), hidden_size, dtype))
    for name in ("bias_ih", "bias_hh"):
        drawn = uniform_parameter((rows,), hidden_size, dtype) if bias else None
        module.register_parameter(name + suffix, drawn)
