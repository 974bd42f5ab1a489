"""Adam and its relatives: steps scaled by estimates of the first two moments of the gradient."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, Unpack

import numpy as np

from minigrad.arrays import Array
from minigrad.optim.optimizer import Execution, Group, Numbers, Optimizer

__all__ = ["Adam", "AdamW", "Adamax", "NAdam", "RAdam"]


class Adam(Optimizer):
    """Adam: m = b1*m + (1-b1)*g; v = b2*v + (1-b2)*g**2; p -= lr * m' / (sqrt(v') + eps), with `betas` (b1, b2).

    m' and v' are m and v corrected for their bias toward zero: m / (1 - b1**t) and v / (1 - b2**t) at step t. Kingma and Ba
    (2015), algorithm 1; equations and defaults are PyTorch's. Weight decay adds weight_decay * p to g, or with
    `decoupled_weight_decay` is that of `AdamW`; `amsgrad` divides by the largest v so far (Reddi et al., 2018); `maximize`
    negates g.

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
        decoupled_weight_decay: bool = False,
        **execution: Unpack[Execution],
    ):
        options = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "amsgrad": amsgrad}
        options |= {"maximize": maximize, "decoupled_weight_decay": decoupled_weight_decay}
        super().__init__(params, options, execution)

    def state_names(self, group: Group) -> tuple[str, ...]:
        moments = ("exp_avg", "exp_avg_sq")
        return (*moments, "max_exp_avg_sq") if group["amsgrad"] else moments

    def start(self, group: Group, state: dict[str, Any]) -> Numbers:
        super().start(group, state)
        (beta1, beta2), step = group["betas"], state["step"]
        return {"rate": group["lr"] / (1 - beta1**step), "root": math.sqrt(1 - beta2**step)}

    def update(self, group: Group, numbers: Numbers, p: Array, g: Array, state: list[Array], work: list[Array]) -> None:
        (m, v, *largest), (w, u), (beta1, beta2) = state, work, group["betas"]
        _average(m, g, beta1, w)
        _average(v, np.multiply(g, g, out=u), beta2, w)
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
        **execution: Unpack[Execution],
    ):
        super().__init__(
            params, lr, betas, eps, weight_decay, amsgrad, maximize=maximize, decoupled_weight_decay=True, **execution
        )


class Adamax(Optimizer):
    """Adam with the infinity norm: m = b1*m + (1-b1)*g; u = max(b2*u, abs(g) + eps); p -= lr / (1 - b1**t) * m / u.

    Kingma and Ba (2015), algorithm 2; equations and defaults are PyTorch's. See `Adam` for the options.
    """

    def __init__(
        self, params: Iterable[Any], lr: float = 2e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
        weight_decay: float = 0.0, *, maximize: bool = False, **execution: Unpack[Execution],
    ):  # fmt: skip
        options = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "maximize": maximize}
        super().__init__(params, options, execution)

    def state_names(self, group: Group) -> tuple[str, ...]:
        return ("exp_avg", "exp_inf")

    def start(self, group: Group, state: dict[str, Any]) -> Numbers:
        super().start(group, state)
        return {"rate": group["lr"] / (1 - group["betas"][0] ** state["step"])}

    def update(self, group: Group, numbers: Numbers, p: Array, g: Array, state: list[Array], work: list[Array]) -> None:
        (m, largest), (w, _), (beta1, beta2) = state, work, group["betas"]
        _average(m, g, beta1, w)
        largest *= beta2
        np.abs(g, out=w)
        w += group["eps"]
        np.maximum(largest, w, out=largest)
        np.divide(m, largest, out=w)
        w *= numbers["rate"]
        p -= w


class NAdam(Optimizer):
    """Adam with Nesterov's momentum: Dozat (2016), with the momentum mu = b1 * (1 - 0.96**(t * momentum_decay) / 2).

    The step is that of `Adam` along (1-mu) / (1-M) * g + mu' / (1 - M*mu') * m, where mu' is the next momentum, and M the
    product of all momenta so far, the number "mu_product" of the state. Equations and defaults are PyTorch's, which keeps
    that product in float32 unless its default dtype is float64. See `Adam` for the options.
    """

    def __init__(
        self, params: Iterable[Any], lr: float = 2e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
        weight_decay: float = 0.0, momentum_decay: float = 4e-3, decoupled_weight_decay: bool = False, *,
        maximize: bool = False, **execution: Unpack[Execution],
    ):  # fmt: skip
        options = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "momentum_decay": momentum_decay}
        options |= {"decoupled_weight_decay": decoupled_weight_decay, "maximize": maximize}
        super().__init__(params, options, execution)

    def state_names(self, group: Group) -> tuple[str, ...]:
        return ("exp_avg", "exp_avg_sq")

    def state_numbers(self) -> tuple[str, ...]:
        return ("mu_product",)

    def start(self, group: Group, state: dict[str, Any]) -> Numbers:
        super().start(group, state)
        (beta1, beta2), lr, step = group["betas"], group["lr"], state["step"]
        mu, following = (beta1 * (1 - 0.5 * 0.96 ** (t * group["momentum_decay"])) for t in (step, step + 1))
        product = state["mu_product"] = state.get("mu_product", 1.0) * mu
        rates = {"gradient": lr * (1 - mu) / (1 - product), "average": lr * following / (1 - product * following)}
        return {**rates, "root": math.sqrt(1 - beta2**step)}

    def update(self, group: Group, numbers: Numbers, p: Array, g: Array, state: list[Array], work: list[Array]) -> None:
        (m, v), (w, u), (beta1, beta2) = state, work, group["betas"]
        _average(m, g, beta1, w)
        _average(v, np.multiply(g, g, out=u), beta2, w)
        np.sqrt(v, out=w)
        w /= numbers["root"]
        w += group["eps"]
        for direction, rate in ((g, numbers["gradient"]), (m, numbers["average"])):
            np.divide(direction, w, out=u)
            u *= rate
            p -= u


class RAdam(Optimizer):
    """Adam with its variance rectified: Liu et al. (2020).

    While the length rho of the average of g**2 is at most 5, p -= lr * m'; afterwards the step is that of `Adam` times
    sqrt((rho-4) * (rho-2) * R / ((R-4) * (R-2) * rho)), where R is the limit of rho. Equations and defaults are PyTorch's.
    See `Adam` for the options.
    """

    def __init__(
        self, params: Iterable[Any], lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
        weight_decay: float = 0.0, decoupled_weight_decay: bool = False, *, maximize: bool = False,
        **execution: Unpack[Execution],
    ):  # fmt: skip
        options = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "maximize": maximize}
        super().__init__(params, {**options, "decoupled_weight_decay": decoupled_weight_decay}, execution)

    def state_names(self, group: Group) -> tuple[str, ...]:
        return ("exp_avg", "exp_avg_sq")

    def start(self, group: Group, state: dict[str, Any]) -> Numbers:
        super().start(group, state)
        (beta1, beta2), step = group["betas"], state["step"]
        rate, left = group["lr"] / (1 - beta1**step), 1 - beta2**step
        limit = 2 / (1 - beta2) - 1
        length = limit - 2 * step * beta2**step / left
        if length <= 5:
            return {"rate": rate, "rectified": False}
        factor = (length - 4) * (length - 2) * limit / ((limit - 4) * (limit - 2) * length)
        return {"rate": rate * math.sqrt(factor * left), "rectified": True}

    def update(self, group: Group, numbers: Numbers, p: Array, g: Array, state: list[Array], work: list[Array]) -> None:
        (m, v), (w, u), (beta1, beta2) = state, work, group["betas"]
        _average(m, g, beta1, w)
        _average(v, np.multiply(g, g, out=u), beta2, w)
        np.multiply(m, numbers["rate"], out=u)
        if numbers["rectified"]:
            np.sqrt(v, out=w)
            w += group["eps"]
            u /= w
        p -= u


def _average(average: Array, value: Array, beta: float, work: Array) -> None:
    """Move an exponential average toward `value`."""
    average *= beta
    average += np.multiply(value, 1 - beta, out=work)
