"""AdaGrad with a memory that fades."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from minigrad.arrays import Array
from minigrad.optim.optimizer import Optimizer

__all__ = ["RMSprop"]


class RMSprop(Optimizer):
    """v = alpha * v + (1 - alpha) * g**2; p -= lr * g / (sqrt(v) + eps); with momentum, and centered as in Graves (2013).

    Hinton's lecture 6e; equations and defaults are PyTorch's.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
        centered: bool = False,
        *,
        maximize: bool = False,
    ):
        options = {"lr": lr, "momentum": momentum, "alpha": alpha, "eps": eps, "centered": centered}
        super().__init__(params, {**options, "weight_decay": weight_decay, "maximize": maximize})

    def state_names(self, group: dict[str, Any]) -> tuple[str, ...]:
        wanted = {"square_avg": True, "grad_avg": group["centered"], "momentum_buffer": group["momentum"]}
        return tuple(name for name, want in wanted.items() if want)

    def update(
        self, group: dict[str, Any], numbers: dict[str, float], p: Array, g: Array, state: list[Array], work: list[Array]
    ) -> None:
        (square_avg, *others), (w, v), alpha = state, work, group["alpha"]
        square_avg *= alpha
        square_avg += np.multiply(np.multiply(g, g, out=w), 1 - alpha, out=w)
        if group["centered"]:
            mean = others.pop(0)
            mean *= alpha
            mean += np.multiply(g, 1 - alpha, out=w)
            np.subtract(square_avg, np.multiply(mean, mean, out=w), out=w)
            np.sqrt(w, out=w)
        else:
            np.sqrt(square_avg, out=w)
        w += group["eps"]
        np.divide(g, w, out=v)
        if group["momentum"]:
            b = others.pop(0)
            b *= group["momentum"]
            b += v
            v[...] = b
        v *= group["lr"]
        p -= v
