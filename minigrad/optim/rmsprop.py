"""RMSprop: step sizes from a decaying average of squared gradients."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Unpack

import numpy as np

from minigrad.arrays import Array
from minigrad.optim.optimizer import Execution, Group, Numbers, Optimizer

__all__ = ["RMSprop"]


class RMSprop(Optimizer):
    """RMSprop: v = alpha * v + (1 - alpha) * g**2; p -= lr * g / (sqrt(v) + eps).

    Hinton's lecture 6e; equations and defaults are PyTorch's. With `momentum`, p -= lr * b, where
    b = momentum * b + g / (sqrt(v) + eps). With `centered`, the square of an average of g is subtracted from v (Graves,
    2013). Weight decay adds weight_decay * p to g; `maximize` negates g.
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
        **execution: Unpack[Execution],
    ):
        options = {"lr": lr, "momentum": momentum, "alpha": alpha, "eps": eps, "centered": centered}
        super().__init__(params, {**options, "weight_decay": weight_decay, "maximize": maximize}, execution)

    def state_names(self, group: Group) -> tuple[str, ...]:
        used = {"square_avg": True, "grad_avg": group["centered"], "momentum_buffer": group["momentum"]}
        return tuple(name for name in used if used[name])

    def update(self, group: Group, numbers: Numbers, p: Array, g: Array, state: list[Array], work: list[Array]) -> None:
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
