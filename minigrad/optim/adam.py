"""Steps scaled by the first two moments of the gradient."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from minigrad.optim.optimizer import Optimizer
from minigrad.primitive import Array

__all__ = ["Adam", "AdamW"]


class Adam(Optimizer):
    """m = b1*m + (1-b1)*g; v = b2*v + (1-b2)*g**2; p -= lr * m' / (sqrt(v') + eps), m' and v' corrected for their start.

    Kingma and Ba (2015), algorithm 1. Weight decay adds weight_decay * p to g. Equations and defaults are PyTorch's.

    >>> import minigrad as mg
    >>> x = mg.tensor(1.0, requires_grad=True)
    >>> (x * x).backward()
    >>> mg.optim.Adam([x], lr=0.1).step()
    >>> x
    tensor(0.9000, requires_grad=True)
    """

    buffers = ("exp_avg", "exp_avg_sq")

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ):
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay})

    def start(self, group: dict[str, Any], step: int) -> dict[str, float]:
        beta1, beta2 = group["betas"]
        return {"rate": group["lr"] / (1 - beta1**step), "root": math.sqrt(1 - beta2**step)}

    def update(
        self, group: dict[str, Any], numbers: dict[str, float], p: Array, g: Array, state: list[Array], work: list[Array]
    ) -> None:
        (m, v), (w, u), (beta1, beta2) = state, work, group["betas"]
        if self.decoupled:
            p *= 1 - group["lr"] * group["weight_decay"]
        m *= beta1
        m += np.multiply(g, 1 - beta1, out=w)
        v *= beta2
        v += np.multiply(np.multiply(g, g, out=w), 1 - beta2, out=w)
        np.sqrt(v, out=w)
        w /= numbers["root"]
        w += group["eps"]
        np.divide(m, w, out=u)
        u *= numbers["rate"]
        p -= u


class AdamW(Adam):
    """Adam whose weight decay shrinks the weights themselves, p -= lr * weight_decay * p: Loshchilov and Hutter (2019)."""

    decoupled = True

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
    ):
        super().__init__(params, lr, betas, eps, weight_decay)
