"""Optimizers of functions of nested containers, with the names and defaults of HIPS autograd's `misc.optimizers`.

Each takes ``gradient(x, i)``, where i is the number of the step, and a start; ``callback(x, i, g)`` is called before each.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad.interop.hips.misc.flatten import flatten

__all__ = ["adam", "rmsprop", "sgd"]

Gradient = Callable[[Any, int], Any]
Callback = Callable[[Any, int, Any], Any]


def of_containers(optimize: Callable[..., Any]) -> Callable[..., Any]:
    """Return an optimizer of vectors as one of nested containers."""

    @functools.wraps(optimize)
    def call(grad: Gradient, x0: Any, callback: Callback | None = None, *args: Any, **options: Any) -> Any:
        x, back = flatten(x0)

        def gradient(x: Any, i: int) -> Any:
            g = flatten(grad(back(x), i))[0]
            if callback is not None:
                callback(back(x), i, back(g))
            return g

        return back(optimize(gradient, x, None, *args, **options))

    return call


@of_containers
def sgd(
    grad: Gradient, x0: Any, callback: Callback | None = None, num_iters: int = 200, step_size: float = 0.1,
    mass: float = 0.9,
) -> Any:  # fmt: skip
    """Gradient descent with momentum, a mean of the gradients that decays by `mass`.

    >>> from minigrad.interop.hips.misc.optimizers import sgd
    >>> sgd(lambda x, i: 2 * x, 1.0, num_iters=2, mass=0.0)
    np.float64(0.64)
    """
    velocity = np.zeros(len(x0))
    for i in range(num_iters):
        velocity = mass * velocity - (1 - mass) * grad(x0, i)
        x0 = x0 + step_size * velocity
    return x0


@of_containers
def rmsprop(
    grad: Gradient, x0: Any, callback: Callback | None = None, num_iters: int = 100, step_size: float = 0.1,
    gamma: float = 0.9, eps: float = 1e-8,
) -> Any:  # fmt: skip
    """RMSprop, with a mean of the squares that begins at 1.

    >>> from minigrad.interop.hips.misc.optimizers import rmsprop
    >>> rmsprop(lambda x, i: 2 * x, 1.0, num_iters=1, gamma=0.0).round(6)
    np.float64(0.9)
    """
    square = np.ones(len(x0))
    for i in range(num_iters):
        g = grad(x0, i)
        square = square * gamma + g**2 * (1 - gamma)
        x0 = x0 - step_size * g / (np.sqrt(square) + eps)
    return x0


@of_containers
def adam(
    grad: Gradient, x0: Any, callback: Callback | None = None, num_iters: int = 100, step_size: float = 0.001,
    b1: float = 0.9, b2: float = 0.999, eps: float = 1e-8,
) -> Any:  # fmt: skip
    """Adam (Kingma and Ba, 2015).

    >>> from minigrad.interop.hips import grad
    >>> from minigrad.interop.hips.misc.optimizers import adam
    >>> adam(grad(lambda x, i: (x["a"] - 3) ** 2), {"a": 0.0}, num_iters=500, step_size=0.1)["a"].round(3)
    np.float64(3.0)
    """
    m = v = np.zeros(len(x0))
    for i in range(num_iters):
        g = grad(x0, i)
        m, v = (1 - b1) * g + b1 * m, (1 - b2) * g**2 + b2 * v
        x0 = x0 - step_size * (m / (1 - b1 ** (i + 1))) / (np.sqrt(v / (1 - b2 ** (i + 1))) + eps)
    return x0
