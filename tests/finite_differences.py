"""Numerical derivatives, independent of the engine, and the comparison of a gradient with them.

A directional derivative is the five-point Richardson formula D = (8[f(h/2) - f(-h/2)] - [f(h) - f(-h)]) / 6h. Directions
and incoming gradients are random, signed and never small; they come from independent streams.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

import minigrad as mg

Arrays = Sequence[np.ndarray]


def check_gradients(f: Callable, arrays: Arrays, seed: int = 0, order: int = 2, linear: bool = False) -> None:
    """Compare first-order (and second-order) gradients of `f(*tensors)` with differences, for each float input."""
    arrays = [np.asarray(a) for a in arrays]
    rng = np.random.default_rng([seed, 1])
    g = signed(rng, value(f, arrays).shape)
    _compare(f, arrays, g, rng, linear)
    if order == 2:
        v = [signed(rng, a.shape) for a in arrays]
        _compare(lambda *xs: _vjp(f, xs[:-1], xs[-1], v), [*arrays, g], np.asarray(signed(rng, ())), rng, False)


def check_adjoint(f: Callable, u: np.ndarray, seed: int = 0) -> None:
    """<c, f(u)> == <f*(c), u> exactly, on integers, for a linear `f`."""
    rng = np.random.default_rng([seed, 2])
    x = mg.tensor(rng.integers(-9, 10, u.shape).astype(float), requires_grad=True)
    c = rng.integers(-9, 10, value(f, [u]).shape).astype(float)
    (adjoint,) = mg.autograd.grad(f(x), x, c)
    assert np.vdot(c, value(f, [u])) == np.vdot(adjoint.detach().numpy(), u)


def signed(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Numbers of either sign, none of them near zero."""
    return np.asarray(rng.choice([-1.0, 1.0], shape) * rng.uniform(0.3, 1.5, shape))


def value(f: Callable, arrays: Arrays) -> np.ndarray:
    return f(*(mg.tensor(a) for a in arrays)).detach().numpy()


def _vjp(f: Callable, xs: Sequence, g: mg.Tensor, v: Arrays) -> mg.Tensor:
    """sum_i <v_i, gradient of f with respect to x_i under the incoming gradient g>: a scalar function of xs and g."""
    xs = [x if x.requires_grad else mg.Tensor(x, requires_grad=True) for x in xs]
    out = f(*xs)
    if not out.requires_grad:
        return mg.tensor(0.0, dtype=np.float64)
    grads = mg.autograd.grad(out, xs, g, create_graph=True, allow_unused=True)
    total = mg.tensor(0.0, dtype=np.float64)
    for gradient, weight in zip(grads, v, strict=True):
        if gradient is not None:
            total = total + (gradient * weight).sum()
    return total


def _compare(f: Callable, arrays: Arrays, g: np.ndarray, rng: np.random.Generator, linear: bool) -> None:
    tensors = [mg.tensor(a, requires_grad=True) for a in arrays]
    out = f(*tensors)
    grads = mg.autograd.grad(out, tensors, g, allow_unused=True) if out.requires_grad else [None] * len(tensors)
    for i, (array, gradient) in enumerate(zip(arrays, grads, strict=True)):
        analytic = np.zeros_like(array) if gradient is None else gradient.detach().numpy()
        assert analytic.shape == array.shape and analytic.dtype == array.dtype
        assert np.isfinite(analytic).all()
        for _ in range(2):
            u = signed(rng, array.shape)
            numeric, scale = _directional(f, arrays, i, u, g, 1.0 if linear else 1e-3)
            found = np.vdot(u, analytic)
            scale += np.vdot(np.abs(u), np.abs(analytic))
            rtol = 1e-12 if linear else 1e-7
            assert abs(found - numeric) <= rtol * scale + 1e-9, (i, found, numeric, analytic)


def _directional(f: Callable, arrays: Arrays, i: int, u: np.ndarray, g: np.ndarray, h: float) -> tuple[float, float]:
    """The derivative of <g, f> along `u` in argument i, and the size of the terms that it is made of."""

    def at(t: float) -> np.ndarray:
        return value(f, [a + t * u if j == i else a for j, a in enumerate(arrays)])

    slope = (at(1.0) - at(-1.0)) / 2 if h == 1.0 else (8 * (at(h / 2) - at(-h / 2)) - (at(h) - at(-h))) / (6 * h)
    return float(np.vdot(g, slope)), float(np.vdot(np.abs(g), np.abs(slope)))
