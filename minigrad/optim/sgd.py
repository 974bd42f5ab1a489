"""SGD: gradient descent with momentum."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Unpack

import numpy as np

from minigrad.arrays import Array
from minigrad.optim.optimizer import Execution, Group, Numbers, Optimizer

__all__ = ["SGD"]


class SGD(Optimizer):
    """Gradient descent: p -= lr * g.

    With `momentum`, p -= lr * b, where b = momentum * b + (1 - dampening) * g, and b = g at the first step; with `nesterov`,
    p -= lr * (g + momentum * b). Weight decay adds weight_decay * p to g; `maximize` negates g. Equations and defaults are
    PyTorch's.

    >>> import minigrad as mg
    >>> x = mg.tensor(1.0, requires_grad=True)
    >>> (x * x).backward()
    >>> mg.optim.SGD([x], lr=0.25).step()
    >>> x
    tensor(0.5000, requires_grad=True)
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        **execution: Unpack[Execution],
    ):
        options = {"lr": lr, "momentum": momentum, "dampening": dampening, "weight_decay": weight_decay}
        super().__init__(params, {**options, "nesterov": nesterov, "maximize": maximize}, execution)

    def check(self, options: Mapping[str, Any]) -> None:
        if options["nesterov"] and (options["momentum"] <= 0 or options["dampening"] != 0):
            raise ValueError(f"SGD: nesterov needs a momentum and no dampening, got momentum={options['momentum']}")

    def state_names(self, group: Group) -> tuple[str, ...]:
        return ("momentum_buffer",) if group["momentum"] else ()

    def start(self, group: Group, state: dict[str, Any]) -> Numbers:
        # the first buffer is the gradient itself; as in PyTorch, SGD does not count its steps
        return {"fresh": 1 - group["dampening"] if "momentum_buffer" in state else 1.0}

    def update(self, group: Group, numbers: Numbers, p: Array, g: Array, state: list[Array], work: list[Array]) -> None:
        w = work[0]
        if group["momentum"]:
            (b,) = state
            b *= group["momentum"]
            b += np.multiply(g, numbers["fresh"], out=w)
            g = np.add(g, np.multiply(b, group["momentum"], out=w), out=w) if group["nesterov"] else b
        p -= np.multiply(g, group["lr"], out=w)
