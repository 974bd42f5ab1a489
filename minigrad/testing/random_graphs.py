"""Random graphs of operations: steps over a few inputs, which run on arrays, on tensors, or on a user's number type."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from minigrad.arrays import Array

__all__ = ["STEPS", "Graph", "Step"]

# The function of each step: of a namespace like NumPy, operands, and options. All are smooth, and bounded on bounded
# values, so that a long graph neither overflows nor sits on a kink.
STEPS: dict[str, Callable[..., Any]] = {
    "add": lambda xp, x, y: x + y,
    "subtract": lambda xp, x, y: x - y,
    "multiply": lambda xp, x, y: x * y,
    "divide": lambda xp, x, y: x / (xp.square(y) + 1.0),
    "matmul": lambda xp, x, y: x @ y,
    "concatenate": lambda xp, x, y, axis: xp.concatenate([x, y, x], axis=axis),
    "negative": lambda xp, x: -x,
    "sin": lambda xp, x: xp.sin(x),
    "cos": lambda xp, x: xp.cos(x),
    "tanh": lambda xp, x: xp.tanh(x),
    "exp": lambda xp, x: xp.exp(xp.sin(x)),
    "log": lambda xp, x: xp.log(xp.square(x) + 1.0),
    "sqrt": lambda xp, x: xp.sqrt(xp.square(x) + 1.0),
    "sum": lambda xp, x, axis, keepdims: xp.sum(x, axis=axis, keepdims=keepdims),
    "transpose": lambda xp, x, axes: xp.transpose(x, axes),
    "reshape": lambda xp, x, shape: xp.reshape(x, shape),
    "getitem": lambda xp, x, index: x[index],
}


@dataclass(frozen=True)
class Step:
    """One operation: its name in `STEPS`, the numbers of its operands, and its options."""

    name: str
    operands: tuple[int, ...]
    options: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Graph:
    """Inputs, and steps whose operands are inputs (numbered first) and earlier steps; a call computes the outputs.

    >>> import numpy as np
    >>> graph = Graph((np.ones(2),), (Step("sin", (0,)), Step("multiply", (0, 1))))
    >>> graph(np.zeros(2))
    [array([0., 0.])]
    """

    inputs: tuple[Array, ...]
    steps: tuple[Step, ...]

    def __call__(self, *inputs: Any, xp: Any = np) -> list[Any]:
        """Compute the outputs for other inputs; `xp` is NumPy, or a namespace with the functions that `STEPS` use."""
        values = list(inputs)
        for step in self.steps:
            values.append(STEPS[step.name](xp, *(values[n] for n in step.operands), *step.options))
        return [values[n] for n in self.outputs]

    @property
    def outputs(self) -> Sequence[int]:
        """The numbers of the values that no step uses: the outputs."""
        used = {n for step in self.steps for n in step.operands}
        return [n for n in range(len(self.inputs) + len(self.steps)) if n not in used]
