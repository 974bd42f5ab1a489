"""ASGD: gradient descent that also averages its parameters."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Unpack

import numpy as np

from minigrad.arrays import Array
from minigrad.optim.optimizer import Execution, Group, Numbers, Optimizer

__all__ = ["ASGD"]


class ASGD(Optimizer):
    """Averaged gradient descent: p -= eta * (g + lambd * p), with eta = lr / (1 + lambd * lr * t)**alpha after step t.

    Polyak and Juditsky (1992); equations and defaults are PyTorch's, which keeps eta in float32 unless its default dtype is
    float64. The average of the parameters, over the steps after `t0`, is ``state[p]["ax"]``. Weight decay adds
    weight_decay * p to g; `maximize` negates g.
    """

    def __init__(
        self, params: Iterable[Any], lr: float = 1e-2, lambd: float = 1e-4, alpha: float = 0.75, t0: float = 1e6,
        weight_decay: float = 0.0, *, maximize: bool = False, **execution: Unpack[Execution],
    ):  # fmt: skip
        options = {"lr": lr, "lambd": lambd, "alpha": alpha, "t0": t0, "weight_decay": weight_decay, "maximize": maximize}
        super().__init__(params, options, execution)

    def state_names(self, group: Group) -> tuple[str, ...]:
        return ("ax",)

    def state_numbers(self) -> tuple[str, ...]:
        return ("eta", "mu")

    def start(self, group: Group, state: dict[str, Any]) -> Numbers:
        super().start(group, state)
        now = {"eta": state.get("eta", group["lr"]), "mu": state.get("mu", 1.0)}
        state["eta"] = group["lr"] / (1 + group["lambd"] * group["lr"] * state["step"]) ** group["alpha"]
        state["mu"] = 1 / max(1, state["step"] - group["t0"])
        return now

    def update(self, group: Group, numbers: Numbers, p: Array, g: Array, state: list[Array], work: list[Array]) -> None:
        (average,), (w, _), eta = state, work, numbers["eta"]
        np.multiply(g, eta, out=w)
        p *= 1 - group["lambd"] * eta
        p -= w
        average += np.multiply(np.subtract(p, average, out=w), numbers["mu"], out=w)
