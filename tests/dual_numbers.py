"""Forward-mode differentiation by dual numbers: a value and its derivative along one direction, carried side by side.

Independent of the engine: no tape, no rules of the library. The parts of a dual number may be dual numbers themselves, so
that derivatives of every order come of it. This module stands in for NumPy where a random graph runs (`xp`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Dual:
    value: Any
    slope: Any

    __array_ufunc__ = None  # array + Dual is ours

    def __add__(self, other):
        a, b = lift(self), lift(other)
        return Dual(a.value + b.value, a.slope + b.slope)

    def __neg__(self):
        return Dual(-self.value, -self.slope)

    def __sub__(self, other):
        return self + -lift(other)

    def __mul__(self, other):
        a, b = lift(self), lift(other)
        return Dual(a.value * b.value, a.slope * b.value + a.value * b.slope)

    def __truediv__(self, other):
        a, b = lift(self), lift(other)
        quotient = a.value / b.value
        return Dual(quotient, (a.slope - quotient * b.slope) / b.value)

    def __matmul__(self, other):
        a, b = lift(self), lift(other)
        return Dual(a.value @ b.value, a.slope @ b.value + a.value @ b.slope)

    def __getitem__(self, index):
        return Dual(self.value[index], self.slope[index])

    def __radd__(self, other):
        return lift(other) + self

    def __rmul__(self, other):
        return lift(other) * self


def lift(x):
    return x if isinstance(x, Dual) else Dual(x, x * 0)


def shape(x):
    return shape(x.value) if isinstance(x, Dual) else np.shape(x)


def smooth(function, derivative):
    """A function of one number, of numbers or dual numbers; so is its derivative."""

    def apply(x):
        return Dual(apply(x.value), derivative(x.value) * x.slope) if isinstance(x, Dual) else function(x)

    return apply


def linear(function):
    """A linear function: the slope goes the way of the value."""

    def apply(x, *args, **options):
        if isinstance(x, Dual):
            return Dual(apply(x.value, *args, **options), apply(x.slope, *args, **options))
        return function(x, *args, **options)

    return apply


square = smooth(np.square, lambda x: x * 2.0)
sin = smooth(np.sin, lambda x: cos(x))
cos = smooth(np.cos, lambda x: -sin(x))
exp = smooth(np.exp, lambda x: exp(x))
tanh = smooth(np.tanh, lambda x: -square(tanh(x)) + 1.0)
reciprocal = smooth(np.reciprocal, lambda x: -square(reciprocal(x)))
log = smooth(np.log, lambda x: reciprocal(x))
sqrt = smooth(np.sqrt, lambda x: reciprocal(sqrt(x)) * 0.5)
sum = linear(np.sum)
reshape = linear(np.reshape)
transpose = linear(np.transpose)


def concatenate(parts, axis):
    if not any(isinstance(part, Dual) for part in parts):
        return np.concatenate(parts, axis)
    parts = [lift(part) for part in parts]
    return Dual(concatenate([p.value for p in parts], axis), concatenate([p.slope for p in parts], axis))
