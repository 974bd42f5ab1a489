"""AdaGrad: per-element step sizes from the sum of squared gradients."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Unpack

import numpy as np

from minigrad.arrays import Array
from minigrad.optim.optimizer import Execution, Group, Numbers, Optimizer

__all__ = ["AdaGrad", "Adagrad"]


class Adagrad(Optimizer):
    """AdaGrad: s += g**2; p -= lr / (1 + (t-1) * lr_decay) * g / (sqrt(s) + eps) at step t.

    Duchi et al. (2011); equations and defaults are PyTorch's. `initial_accumulator_value` is the first s. Weight decay adds
    weight_decay * p to g; `maximize` negates g.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        lr_decay: float = 0.0,
        weight_decay: float = 0.0,
        initial_accumulator_value: float = 0.0,
        eps: float = 1e-10,
        *,
        maximize: bool = False,
        **execution: Unpack[Execution],
    ):
        options = {"lr": lr, "lr_decay": lr_decay, "weight_decay": weight_decay, "eps": eps, "maximize": maximize}
        super().__init__(params, {**options, "initial_accumulator_value": initial_accumulator_value}, execution)

    def state_names(self, group: Group) -> tuple[str, ...]:
        return ("sum",)

    def start(self, group: Group, state: dict[str, Any]) -> Numbers:
        super().start(group, state)
        # state arrays start at zero: the initial value is added at the first step
        first = 0.0 if "sum" in state else group["initial_accumulator_value"]
        return {"first": first, "lr": group["lr"] / (1 + (state["step"] - 1) * group["lr_decay"])}

    def update(self, group: Group, numbers: Numbers, p: Array, g: Array, state: list[Array], work: list[Array]) -> None:
        (s,), (w, v) = state, work
        if numbers["first"]:
            s += numbers["first"]
        s += np.multiply(g, g, out=w)
        np.sqrt(s, out=w)
        w += group["eps"]
        p -= np.multiply(np.divide(g, w, out=v), numbers["lr"], out=v)


AdaGrad = Adagrad  # the spelling of the book; the other is PyTorch's
