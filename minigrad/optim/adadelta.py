"""Adadelta: steps in the units of the parameter, from averages of squared gradients and steps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Unpack

import numpy as np

from minigrad.arrays import Array
from minigrad.optim.optimizer import Execution, Group, Numbers, Optimizer

__all__ = ["Adadelta"]


class Adadelta(Optimizer):
    """Adadelta: v = rho*v + (1-rho)*g**2; d = sqrt((s + eps) / (v + eps)) * g; s = rho*s + (1-rho)*d**2; p -= lr * d.

    Zeiler (2012); equations and defaults are PyTorch's. Weight decay adds weight_decay * p to g; `maximize` negates g.

    >>> import minigrad as mg
    >>> x = mg.tensor(1.0, requires_grad=True)
    >>> (x * x).backward()
    >>> mg.optim.Adadelta([x], eps=0.01).step()
    >>> x
    tensor(0.6877, requires_grad=True)
    """

    def __init__(
        self, params: Iterable[Any], lr: float = 1.0, rho: float = 0.9, eps: float = 1e-6, weight_decay: float = 0.0, *,
        maximize: bool = False, **execution: Unpack[Execution],
    ):  # fmt: skip
        options = {"lr": lr, "rho": rho, "eps": eps, "weight_decay": weight_decay, "maximize": maximize}
        super().__init__(params, options, execution)

    def check(self, options: Mapping[str, Any]) -> None:
        if options["rho"] > 1:
            raise ValueError(f"Adadelta: rho must be within [0, 1], got {options['rho']}")

    def state_names(self, group: Group) -> tuple[str, ...]:
        return ("square_avg", "acc_delta")

    def update(self, group: Group, numbers: Numbers, p: Array, g: Array, state: list[Array], work: list[Array]) -> None:
        (v, s), (w, d), rho, eps = state, work, group["rho"], group["eps"]
        v *= rho
        v += np.multiply(np.multiply(g, g, out=w), 1 - rho, out=w)
        np.sqrt(np.add(s, eps, out=d), out=d)
        d /= np.sqrt(np.add(v, eps, out=w), out=w)
        d *= g
        s *= rho
        s += np.multiply(np.multiply(d, d, out=w), 1 - rho, out=w)
        d *= group["lr"]
        p -= d
