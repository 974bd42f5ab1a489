"""Adam and AdamW: steps scaled by estimates of the first two moments of the gradient."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from minigrad.arrays import Array
from minigrad.optim.optimizer import Group, Numbers, Optimizer

__all__ = ["Adam", "AdamW"]


class Adam(Optimizer):
    """Adam: m = b1*m + (1-b1)*g; v = b2*v + (1-b2)*g**2; p -= lr * m' / (sqrt(v') + eps), with `betas` (b1, b2).

    m' and v' are m and v corrected for their bias toward zero: m / (1 - b1**t) and v / (1 - b2**t) at step t. Kingma and Ba
    (2015), algorithm 1; equations and defaults are PyTorch's. Weight decay adds weight_decay * p to g; `amsgrad` divides by
    the largest v so far (Reddi et al., 2018); `maximize` negates g.

    >>> import minigrad as mg
    >>> x = mg.tensor(1.0, requires_grad=True)
    >>> (x * x).backward()
    >>> mg.optim.Adam([x], lr=0.1).step()
    >>> x
    tensor(0.9000, requires_grad=True)
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
    ):
        options = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay}
        super().__init__(params, {**options, "amsgrad": amsgrad, "maximize": maximize})

    def state_names(self, group: Group) -> tuple[str, ...]:
        moments = ("exp_avg", "exp_avg_sq")
        return (*moments, "max_exp_avg_sq") if group["amsgrad"] else moments

    def start(self, group: Group, state: dict[str, Any]) -> Numbers:
        super().start(group, state)
        (beta1, beta2), step = group["betas"], state["step"]
        return {"rate": group["lr"] / (1 - beta1**step), "root": math.sqrt(1 - beta2**step)}

    def update(self, group: Group, numbers: Numbers, p: Array, g: Array, state: list[Array], work: list[Array]) -> None:
        (m, v, *largest), (w, u), (beta1, beta2) = state, work, group["betas"]
        if self.decoupled:
            p *= 1 - group["lr"] * group["weight_decay"]
        m *= beta1
        m += np.multiply(g, 1 - beta1, out=w)
        v *= beta2
        v += np.multiply(np.multiply(g, g, out=w), 1 - beta2, out=w)
        if largest:
            v = np.maximum(largest[0], v, out=largest[0])
        np.sqrt(v, out=w)
        w /= numbers["root"]
        w += group["eps"]
        np.divide(m, w, out=u)
        u *= numbers["rate"]
        p -= u


class AdamW(Adam):
    """Adam with decoupled weight decay, p -= lr * weight_decay * p: Loshchilov and Hutter (2019)."""

    decoupled = True

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
    ):
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad, maximize=maximize)
