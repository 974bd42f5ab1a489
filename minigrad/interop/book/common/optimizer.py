"""Optimizers of dicts of arrays, which are updated in place: the book's `common/optimizer.py`.

Each is an optimizer of `minigrad.optim` with the book's defaults; its options are attributes, and may be changed between
two updates. The book's programs take NumPy from here, too.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, MutableMapping
from typing import Any

import numpy as np

from minigrad import optim
from minigrad.errors import ShapeError
from minigrad.interop.book.common.functions import floats
from minigrad.nn import Parameter
from minigrad.tensors.tensor import tensor

__all__ = ["SGD", "AdaGrad", "Adam", "Momentum", "Nesterov", "RMSprop", "np"]

EPS = 1e-7  # what the book adds to a root that it divides by


class BookOptimizer:
    """Base class: `update` takes a step of an optimizer of `minigrad.optim`, which `kind` and `options` name."""

    kind: type[optim.Optimizer] = optim.SGD
    lr: float

    def options(self, step: int) -> dict[str, Any]:
        """Return the options of minigrad's optimizer at its step number `step`, from 1."""
        return {"lr": self.lr}

    def over(self, parameters: Iterable[Parameter]) -> optim.Optimizer:
        """Return minigrad's optimizer of these parameters, whose options follow the attributes of this one."""
        optimizer = self.kind(parameters, **self.options(1))

        def follow(*event: Any) -> None:
            for group in optimizer.param_groups:
                group.update(self.options(1 + optimizer.state[group["params"][0]].get("step", 0)))

        optimizer.register_step_pre_hook(follow)
        return optimizer

    def update(self, params: MutableMapping[str, Any], grads: Mapping[str, Any]) -> None:
        """Take a step: write the new values into the arrays of `params`; plain numbers among them are replaced.

        Raises ShapeError for a gradient of another shape, and for params of other names or shapes than in the first update,
        unless the optimizer is SGD, which remembers nothing of them.
        """
        found = {name: floats(value) for name, value in params.items()}
        shapes = {name: array.shape for name, array in found.items()}
        own: dict[str, Parameter] = getattr(self, "_own", {})
        if {name: p.shape for name, p in own.items()} != shapes:
            if own and type(self) is not SGD:
                raise ShapeError(
                    f"{type(self).__name__}: params {_listed(shapes)} are not those of the first update, "
                    f"{_listed({name: p.shape for name, p in own.items()})}\n  hint: one optimizer for each network"
                )
            own = {name: Parameter(array) for name, array in found.items()}
            self._optimizer = self.over(own.values())
        for name, p in own.items():
            if np.shape(grads[name]) != p.shape:
                raise ShapeError(
                    f"{type(self).__name__}: the gradient of {name} has shape {np.shape(grads[name])}, it {p.shape}"
                )
            p.replace_array(found[name].copy())
            p.grad = tensor(floats(grads[name]), p.dtype)
        self._own = own
        self._optimizer.step()
        for name, p in own.items():
            if isinstance(params[name], np.ndarray):
                params[name][...] = p.array
            else:
                params[name] = p.item()


class SGD(BookOptimizer):
    """Gradient descent (6.1.2), p -= lr * g: `optim.SGD`.

    >>> params = {"W": np.array([1.0, 2.0]), "b": 0.5}
    >>> SGD(lr=0.1).update(params, {"W": np.array([1.0, -1.0]), "b": 1.0})
    >>> params
    {'W': array([0.9, 2.1]), 'b': 0.4}
    """

    def __init__(self, lr: float = 0.01):
        self.lr = lr


class Momentum(BookOptimizer):
    """Gradient descent with momentum (6.1.4), v = momentum * v - lr * g, p += v: `optim.SGD` with `momentum`.

    >>> params, grads = {"W": np.array([1.0, 2.0])}, {"W": np.array([1.0, -1.0])}
    >>> optimizer = Momentum(lr=0.1)
    >>> optimizer.update(params, grads)
    >>> optimizer.update(params, grads)
    >>> params["W"].round(4)
    array([0.71, 2.29])
    """

    def __init__(self, lr: float = 0.01, momentum: float = 0.9):
        self.lr, self.momentum = lr, momentum

    def options(self, step: int) -> dict[str, Any]:
        return {"lr": self.lr, "momentum": self.momentum}


class Nesterov(Momentum):
    """Nesterov's momentum, p += momentum**2 * v - (1 + momentum) * lr * g: `optim.SGD` with `nesterov=True`.

    The v is that before the update, as in the paper, arXiv:1212.0901. Early versions of the book's code took the one after
    it, which counts the last gradient twice.

    >>> params, grads = {"W": np.array([1.0, 2.0])}, {"W": np.array([1.0, -1.0])}
    >>> Nesterov(lr=0.1).update(params, grads)
    >>> params["W"].round(4)
    array([0.81, 2.19])
    """

    def options(self, step: int) -> dict[str, Any]:
        return {**super().options(step), "nesterov": True}


class AdaGrad(BookOptimizer):
    """AdaGrad (6.1.5), h += g**2, p -= lr * g / (sqrt(h) + 1e-7): `optim.Adagrad`.

    >>> params, grads = {"W": np.array([1.0, 2.0])}, {"W": np.array([1.0, -1.0])}
    >>> AdaGrad(lr=0.1).update(params, grads)
    >>> params["W"].round(4)
    array([0.9, 2.1])
    """

    kind = optim.Adagrad

    def __init__(self, lr: float = 0.01):
        self.lr = lr

    def options(self, step: int) -> dict[str, Any]:
        return {"lr": self.lr, "eps": EPS}


class RMSprop(BookOptimizer):
    """RMSprop, h = decay_rate * h + (1 - decay_rate) * g**2, p -= lr * g / (sqrt(h) + 1e-7): `optim.RMSprop`.

    >>> params, grads = {"W": np.array([1.0, 2.0])}, {"W": np.array([1.0, -1.0])}
    >>> RMSprop(lr=0.1, decay_rate=0.75).update(params, grads)
    >>> params["W"].round(4)
    array([0.8, 2.2])
    """

    kind = optim.RMSprop

    def __init__(self, lr: float = 0.01, decay_rate: float = 0.99):
        self.lr, self.decay_rate = lr, decay_rate

    def options(self, step: int) -> dict[str, Any]:
        return {"lr": self.lr, "alpha": self.decay_rate, "eps": EPS}


class Adam(BookOptimizer):
    """Adam (6.1.6): `optim.Adam`, with 1e-7 added to the root of v before its correction, instead of 1e-8 after it.

    >>> params, grads = {"W": np.array([1.0, 2.0])}, {"W": np.array([1.0, -1.0])}
    >>> Adam(lr=0.1).update(params, grads)
    >>> params["W"].round(4)
    array([0.9, 2.1])
    """

    kind = optim.Adam

    def __init__(self, lr: float = 0.001, beta1: float = 0.9, beta2: float = 0.999):
        self.lr, self.beta1, self.beta2 = lr, beta1, beta2

    def options(self, step: int) -> dict[str, Any]:
        return {"lr": self.lr, "betas": (self.beta1, self.beta2), "eps": EPS / math.sqrt(1 - self.beta2**step)}


def _listed(shapes: Mapping[str, tuple[int, ...]]) -> str:
    return ", ".join(f"{name} {shape}" for name, shape in shapes.items())


OPTIMIZERS: dict[str, type[Any]] = {
    kind.__name__.lower(): kind for kind in (SGD, Momentum, Nesterov, AdaGrad, RMSprop, Adam)
}
