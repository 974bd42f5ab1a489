"""Rprop: step sizes from the signs of gradients alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Unpack

import numpy as np

from minigrad.arrays import Array
from minigrad.optim.optimizer import Execution, Group, Numbers, Optimizer

__all__ = ["Rprop"]


class Rprop(Optimizer):
    """Rprop: each element has a step size, which grows while its gradient keeps its sign, and shrinks when it turns.

    Riedmiller and Braun (1993); equations and defaults are PyTorch's. `etas` are the factors (shrink, grow), `step_sizes`
    the bounds; the first step size is `lr`. An element whose gradient has turned rests for one step. For whole batches:
    noise turns gradients. `maximize` negates the gradient.
    """

    def __init__(
        self, params: Iterable[Any], lr: float = 1e-2, etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50), *, maximize: bool = False, **execution: Unpack[Execution],
    ):  # fmt: skip
        super().__init__(params, {"lr": lr, "etas": etas, "step_sizes": step_sizes, "maximize": maximize}, execution)

    def check(self, options: Mapping[str, Any]) -> None:
        if not 0 < options["etas"][0] < 1 < options["etas"][1]:
            raise ValueError(f"Rprop: etas must be numbers below and above 1, got {options['etas']}")

    def state_names(self, group: Group) -> tuple[str, ...]:
        return ("prev", "step_size")

    def start(self, group: Group, state: dict[str, Any]) -> Numbers:
        super().start(group, state)
        return {"first": 0.0 if "step_size" in state else group["lr"]}  # state arrays start at zero

    def update(self, group: Group, numbers: Numbers, p: Array, g: Array, state: list[Array], work: list[Array]) -> None:
        (previous, size), (factor, move), (shrink, grow) = state, work, group["etas"]
        size += numbers["first"]
        np.sign(np.multiply(g, previous, out=factor), out=factor)
        turned = factor < 0
        factor[factor > 0] = grow
        factor[factor == 0] = 1
        factor[turned] = shrink
        size *= factor
        np.clip(size, *group["step_sizes"], out=size)
        previous[...] = g
        previous[turned] = 0
        p -= np.multiply(np.sign(previous, out=move), size, out=move)
