"""One step of a recurrent network, with PyTorch's equations; call it once for each item of a sequence."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from minigrad.nn import functional as F
from minigrad.nn.arguments import count, uniform_parameter
from minigrad.nn.module import Module
from minigrad.nn.parameter import Parameter
from minigrad.ops import split
from minigrad.primitive import DType
from minigrad.tensor import Tensor, _wrap

__all__ = ["GRUCell", "LSTMCell", "RNNCell"]


class _Cell(Module):
    gates: ClassVar[int]
    bias_ih: Parameter | None
    bias_hh: Parameter | None

    def __init__(self, input_size: int, hidden_size: int, bias: bool = True, dtype: DType = None):
        super().__init__()
        self.input_size = count(type(self).__name__, "input_size", input_size)
        self.hidden_size = count(type(self).__name__, "hidden_size", hidden_size)
        rows = self.gates * hidden_size
        self.weight_ih = uniform_parameter((rows, input_size), hidden_size, dtype)
        self.weight_hh = uniform_parameter((rows, hidden_size), hidden_size, dtype)
        for name in ("bias_ih", "bias_hh"):
            self.register_parameter(name, uniform_parameter((rows,), hidden_size, dtype) if bias else None)

    def _parts(self, x: Tensor, h: Tensor) -> tuple[list[Any], list[Any]]:
        """What the input and the state say to each gate."""
        both = F.linear(x, self.weight_ih, self.bias_ih), F.linear(h, self.weight_hh, self.bias_hh)
        of_input, of_state = (list(split(part, self.hidden_size, -1)) for part in both)
        return of_input, of_state

    def _zeros(self, x: Tensor) -> Tensor:
        return _wrap(np.zeros((*x.shape[:-1], self.hidden_size), self.weight_hh.dtype), None)

    def extra_repr(self) -> str:
        bias = "" if self.bias_ih is not None else ", bias=False"
        return f"{self.input_size}, {self.hidden_size}{bias}"


class RNNCell(_Cell):
    """h' = tanh(W_ih x + b_ih + W_hh h + b_hh), or "relu" instead: (N, input_size) and h (N, hidden_size), zero at first."""

    gates = 1

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, nonlinearity: str = "tanh", dtype: DType = None
    ):
        super().__init__(input_size, hidden_size, bias, dtype)
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(f'RNNCell: nonlinearity must be "tanh" or "relu", got {nonlinearity!r}')
        self.nonlinearity = nonlinearity

    def forward(self, x: Tensor, h: Tensor | None = None) -> Tensor:
        (of_input,), (of_state,) = self._parts(x, self._zeros(x) if h is None else h)
        return (F.tanh if self.nonlinearity == "tanh" else F.relu)(of_input + of_state)

    def extra_repr(self) -> str:
        shown = super().extra_repr()
        return shown if self.nonlinearity == "tanh" else f"{shown}, nonlinearity={self.nonlinearity}"


class LSTMCell(_Cell):
    """(h', c'): c' = sigmoid(f) c + sigmoid(i) tanh(g) and h' = sigmoid(o) tanh(c'); both start at zero.

    Hochreiter and Schmidhuber (1997), with the forget gate of Gers et al. (2000).

    >>> import minigrad as mg
    >>> from minigrad import nn
    >>> h, c = nn.LSTMCell(4, 3)(mg.ones(2, 4))
    >>> h.shape, c.shape
    ((2, 3), (2, 3))
    """

    gates = 4

    def forward(self, x: Tensor, state: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, Tensor]:
        h, c = (self._zeros(x), self._zeros(x)) if state is None else state
        i, f, g, o = (a + b for a, b in zip(*self._parts(x, h), strict=True))
        c = F.sigmoid(f) * c + F.sigmoid(i) * F.tanh(g)
        return F.sigmoid(o) * F.tanh(c), c


class GRUCell(_Cell):
    """h' = (1 - z) n + z h, with n = tanh(W x + r (U h)) and gates r and z: Cho et al. (2014)."""

    gates = 3

    def forward(self, x: Tensor, h: Tensor | None = None) -> Tensor:
        h = self._zeros(x) if h is None else h
        (ir, iz, in_), (hr, hz, hn) = self._parts(x, h)
        r, z = F.sigmoid(ir + hr), F.sigmoid(iz + hz)
        return (1 - z) * F.tanh(in_ + r * hn) + z * h
