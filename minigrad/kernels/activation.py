"""Activation functions and their derivatives, in blocks that stay in cache, as few passes as their accuracy allows.

`f` and `f_gradients` are a pair for `engine.fused.fuse`, `f_gradient` is the kernel of one rule (engine/primitive.py).
Gradients are computed from x again: but for gelu nothing is kept. Infinite exponentials are valid steps on the way to 0 or
1, and raise no warning.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minigrad.arrays import Array
from minigrad.kernels.blocks import by_blocks
from minigrad.kernels.errstate import errstate

__all__ = [
    "elu", "elu_gradient", "gelu", "gelu_gradients", "hardsigmoid", "hardsigmoid_gradients", "hardswish",
    "hardswish_gradient", "leaky_relu", "leaky_relu_gradient", "log1p", "logsigmoid", "logsigmoid_gradients", "mish",
    "mish_gradients", "relu", "sigmoid_gradient", "silu", "silu_gradients", "softplus", "softplus_gradient", "tanh_gradient",
]  # fmt: skip

SMALL = 512  # elements below which the composition is as fast
WIDE = 1 << 13  # elements from which np.clip is faster than np.maximum, whose loop for an array and a number has no vectors
# The distribution function of the normal distribution is Phi(x) = (1 + tanh(z)) / 2 with z = artanh(erf(x / sqrt(2))), which
# is odd and smooth: x times this polynomial in x**2, fitted on -6..6 so that Phi is off by at most 3e-8 (in float32 9.6e-8).
# np.tanh in float32 takes less time than np.exp; the whole a tenth of the time of the table of `special.erf`.
NORMAL = (
    7.97884941e-01, 3.63330844e-02, -3.25947357e-05, -5.53063210e-05, 3.96477401e-06, -1.32266354e-07, 1.75627975e-09,
)  # fmt: skip
GELU_SCALE = math.sqrt(2 / math.pi)


def relu(x: Array) -> Array:
    """Compute max(x, 0), also of integers."""
    return np.maximum(x, 0) if x.dtype.kind != "f" or x.size < WIDE else _at_least(x, 0)


def gelu(x: Array, approximate: str) -> Any:
    """Compute x * Phi(x), in float32; the exact Phi(x) is kept, which takes twice the time of the rest of the gradient."""
    if approximate not in ("none", "tanh") or x.dtype != np.float32 or x.size < SMALL:
        return None
    if approximate == "tanh":
        return _computed(_gelu_tanh, x)
    with errstate(over="ignore"):
        phi = by_blocks(_normal, x)
    return x * phi, (phi,)


def gelu_gradients(g: Array, needs: Sequence[bool], args: Sequence[Any], kept: Sequence[Array]) -> list[Any]:
    """Return g * (Phi(x) + x * phi(x)), where phi is the density."""
    return [_slopes(_gelu_slope if args[1] == "none" else _gelu_tanh_slope, g, args[0], *kept), None]


def silu(x: Array) -> Any:
    """Compute x * sigmoid(x)."""
    return _computed(_silu, x)


def silu_gradients(g: Array, needs: Sequence[bool], args: Sequence[Any], kept: Sequence[Array]) -> list[Any]:
    """Return g * s * (1 + x * (1 - s)) with s = sigmoid(x)."""
    return [_slopes(_silu_slope, g, args[0])]


def logsigmoid(x: Array) -> Any:
    """Compute min(x, 0) - log(1 + exp(-|x|))."""
    return _computed(_logsigmoid, x)


def logsigmoid_gradients(g: Array, needs: Sequence[bool], args: Sequence[Any], kept: Sequence[Array]) -> list[Any]:
    """Return g * sigmoid(-x)."""
    return [_slopes(_logsigmoid_slope, g, args[0])]


def mish(x: Array) -> Any:
    """Compute x * tanh(log(1 + e)) as x * n / (n + 2), where e = exp(x) and n = e * (e + 2)."""
    return _computed(_mish, x)


def mish_gradients(g: Array, needs: Sequence[bool], args: Sequence[Any], kept: Sequence[Array]) -> list[Any]:
    """Return g * (n / (n + 2) + 4 x e (1 + e) / (n + 2)**2)."""
    return [_slopes(_mish_slope, g, args[0])]


def sigmoid_gradient(g: Array, x: Array) -> Array:
    """Return g / (u + 2 + 1/u) with u = exp(x), which is g * sigmoid(x) * sigmoid(-x)."""

    def block(x: Array, g: Array, out: Array) -> None:
        np.exp(x, out)
        out += 1 / out
        out += 2
        np.divide(g, out, out)

    return _slopes(block, g, x)


def tanh_gradient(g: Array, x: Array) -> Array:
    """Return 4 g / (u + 1/u)**2 with u = exp(x), which is 1 - tanh(x)**2 with the digits that the difference loses."""
    if x.size < SMALL:  # three passes: 2 us against 5 for 4x4 elements; but cosh has no vector loop
        c = np.cosh(x)
        return g / (c * c)

    def block(x: Array, g: Array, out: Array) -> None:
        np.exp(x, out)
        out += 1 / out
        np.square(out, out)
        np.divide(g, out, out)
        out *= 4

    return _slopes(block, g, x)


def softplus(x: Array, beta: float, threshold: float) -> Array:
    """Compute log(1 + exp(beta * x)) / beta; x itself where beta * x is above the threshold."""

    def block(x: Array, out: Array) -> None:
        z = x if beta == 1 else beta * x
        np.abs(z, out)
        np.negative(out, out)
        np.exp(out, out)
        np.add(log1p(out), _at_least(z, 0), out)
        if beta != 1:
            out /= beta
        if not (beta == 1 and _is_beyond_float32(threshold, x)):
            np.copyto(out, x, where=z > threshold)

    with errstate(over="ignore"):
        return by_blocks(block, x)


def softplus_gradient(g: Array, x: Array, beta: float, threshold: float) -> Array:
    """Return g * sigmoid(beta * x), and g above the threshold."""

    def block(x: Array, g: Array, out: Array) -> None:
        np.multiply(x, -beta, out)
        above = None if _is_beyond_float32(threshold, x) else out < -threshold
        _sigmoid_of_negative(out)
        out *= g
        if above is not None:
            np.copyto(out, g, where=above)

    return _slopes(block, g, x)


def elu(x: Array, alpha: float) -> Array:
    """Compute max(x, 0) + alpha * (exp(min(x, 0)) - 1)."""

    def block(x: Array, out: Array) -> None:
        _at_most(x, 0, out)
        np.expm1(out, out)
        if alpha != 1:
            out *= alpha
        out += _at_least(x, 0)

    return by_blocks(block, x)


def elu_gradient(g: Array, x: Array, alpha: float) -> Array:
    """Return g, and g * alpha * exp(x) where x is not positive."""

    def block(x: Array, g: Array, out: Array) -> None:
        _at_most(x, 0, out)
        np.exp(out, out)
        if alpha != 1:  # else exp(0) is the slope above 0
            out *= (x <= 0) * x.dtype.type(alpha) + (x > 0)
        out *= g

    return _slopes(block, g, x)


def leaky_relu(x: Array, negative_slope: float) -> Array:
    """Compute max(x, 0) + negative_slope * min(x, 0)."""

    def block(x: Array, out: Array) -> None:
        if 0 < negative_slope <= 1:
            np.maximum(x, np.multiply(x, negative_slope, out), out=out)
        else:
            _at_most(x, 0, out)
            out *= negative_slope
            out += _at_least(x, 0)

    return by_blocks(block, x)


def leaky_relu_gradient(g: Array, x: Array, negative_slope: float) -> Array:
    """Return g, and g * negative_slope where x is not positive."""

    def block(x: Array, g: Array, out: Array) -> None:
        if 0 <= negative_slope <= 1:
            np.copyto(out, x > 0)
            _at_least(out, negative_slope, out)
        else:
            np.copyto(out, negative_slope)
            np.copyto(out, 1, where=x > 0)
        out *= g

    return _slopes(block, g, x)


def hardsigmoid(x: Array) -> Any:
    """Compute (x + 3) / 6, limited to [0, 1]."""
    return _computed(_hardsigmoid, x)


def hardsigmoid_gradients(g: Array, needs: Sequence[bool], args: Sequence[Any], kept: Sequence[Array]) -> list[Any]:
    """Return g / 6 inside of (-3, 3), and 0 outside."""
    return [_slopes(_hardsigmoid_slope, g, args[0])]


def hardswish(x: Array) -> Array:
    """Compute x * (x + 3) / 6, where x + 3 is limited to [0, 6]."""

    def block(x: Array, out: Array) -> None:
        np.clip(x, -3, 3, out=out)
        out += 3
        out *= x
        out /= 6

    return by_blocks(block, x)


def hardswish_gradient(g: Array, x: Array) -> Array:
    """Return g * (x / 3 + 1/2) inside of (-3, 3), 0 below and g above."""

    def block(x: Array, g: Array, out: Array) -> None:
        np.divide(x, 3, out)
        out += 0.5
        np.copyto(out, 0, where=x <= -3)  # at a NaN the gradient is NaN
        np.copyto(out, 1, where=x >= 3)
        out *= g

    return _slopes(block, g, x)


def _is_beyond_float32(threshold: float, x: Array) -> bool:
    """Return whether softplus and its slope are x and 1 above the threshold anyway, in the dtype of x."""
    return threshold >= 20 and x.dtype == np.float32


def _computed(block: Callable[[Array, Array], None], x: Array) -> tuple[Array, tuple[()]] | None:
    if x.size < SMALL:
        return None
    with errstate(over="ignore"):
        return by_blocks(block, x), ()


def _at_least(x: Array, least: float, out: Array | None = None) -> Array:
    """Compute max(x, least): np.clip with both bounds takes a half to a third of the time of np.maximum with a number."""
    return np.clip(x, least, math.inf, out=out)


def _at_most(x: Array, most: float, out: Array | None = None) -> Array:
    return np.clip(x, -math.inf, most, out=out)


def _slopes(block: Callable[..., None], g: Array, x: Array, *kept: Array) -> Array:
    return by_blocks(block, x, g, *kept)  # the backward walk lets exponentials overflow


def _normal(x: Array, out: Array) -> None:
    """Compute Phi(x)."""
    squares = x * x
    np.multiply(squares, NORMAL[-1], out)
    for c in NORMAL[-2:0:-1]:
        out += c
        out *= squares
    out += NORMAL[0]
    out *= x
    np.tanh(out, out)
    out *= 0.5
    out += 0.5


def _gelu_slope(x: Array, g: Array, phi: Array, out: Array) -> None:
    np.multiply(x, x, out)
    out *= -0.5
    np.exp(out, out)
    out *= x
    out *= 1 / math.sqrt(2 * math.pi)
    out += phi
    out *= g


def _gelu_tanh(x: Array, out: Array) -> None:
    np.multiply(x, _gelu_tanh_share(x, x * x), out)


def _gelu_tanh_share(x: Array, squares: Array) -> Array:
    """Return (1 + tanh(u)) / 2 with u = sqrt(2/pi) * (x + 0.044715 x**3), as sigmoid(2u), which has both tails."""
    u = squares * (-2 * GELU_SCALE * 0.044715)
    u -= 2 * GELU_SCALE
    u *= x
    return _sigmoid_of_negative(u)


def _gelu_tanh_slope(x: Array, g: Array, out: Array) -> None:
    x = np.clip(x, -100, 100)  # there the function is x or 0, and no power of x overflows
    squares = x * x
    s = _gelu_tanh_share(x, squares)
    squares *= 6 * GELU_SCALE * 0.044715
    squares += 2 * GELU_SCALE
    squares *= x
    squares *= 1 - s
    squares += 1
    squares *= s
    np.multiply(g, squares, out)


def _sigmoid_of_negative(z: Array) -> Array:
    """Return 1 / (1 + exp(z)), in place."""
    np.exp(z, z)
    z += 1
    return np.divide(1, z, z)


def _hardsigmoid(x: Array, out: Array) -> None:
    np.clip(x, -3, 3, out=out)
    out += 3
    out /= 6


def _hardsigmoid_slope(x: Array, g: Array, out: Array) -> None:
    np.abs(x, out)
    np.multiply(g, ~(out >= 3), out)  # at a NaN the gradient passes
    out /= 6


def _silu(x: Array, out: Array) -> None:
    np.negative(x, out)
    np.exp(out, out)
    out += 1
    np.divide(x, out, out)


def _silu_slope(x: Array, g: Array, out: Array) -> None:
    s = _sigmoid_of_negative(np.negative(x))
    np.subtract(1, s, out)
    out *= x
    out += 1
    out *= s
    out *= g


def _logsigmoid(x: Array, out: Array) -> None:
    np.abs(x, out)
    np.negative(out, out)
    np.exp(out, out)
    log = log1p(out)
    _at_most(x, 0, out)
    out -= log


def _logsigmoid_slope(x: Array, g: Array, out: Array) -> None:
    np.multiply(g, _sigmoid_of_negative(x.copy()), out)


def _mish(x: Array, out: Array) -> None:
    e = _at_most(x, 20)  # above, tanh is 1
    np.exp(e, e)
    np.add(e, 2, out)
    e *= out
    np.add(e, 2, out)
    e /= out
    np.multiply(e, x, out)


def _mish_slope(x: Array, g: Array, out: Array) -> None:
    e = _at_most(x, 20)
    np.exp(e, e)
    n = e + 2
    n *= e
    below = n + 2
    e += e * e  # e * (1 + e)
    e *= _at_most(x, 20)
    e *= 4
    e /= below
    e += n
    e /= below
    np.multiply(g, e, out)


def log1p(z: Array) -> Array:
    """Compute log(1 + z) for 0 <= z <= 1, about as accurately as np.log; np.log1p has no vector loop on every processor.

    u = 1 + z is rounded; log(1 + z) is log(u) - ((u - 1) - z) / u but for the square of the rounding error. Without the
    division, which takes a tenth of the time, the error is half a unit in the last place greater at most.

    >>> log1p(np.array([0.0, 1e-20, 1.0]))
    array([0.00000000e+00, 1.00000000e-20, 6.93147181e-01])
    """
    u = z + 1
    rest = u - 1
    rest -= z
    out = np.asarray(np.log(u))
    out -= rest
    return out
