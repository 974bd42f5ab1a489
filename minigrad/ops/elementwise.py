"""NumPy's ufuncs and their derivatives, one line each, then the few functions that are not ufuncs.

At kinks the convention is stated beside the rule: relu'(0) = 0, abs'(0) = 0, equal operands of maximum share the gradient,
clip passes it on its bounds. Powers: d/dx x**0 = 0 and d/dy 0**y = 0, without a NaN from log 0.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from minigrad.primitive import Array, Primitive, binary, primitive, register, unary

__all__ = [
    "absolute", "add", "astype", "bitwise_and", "bitwise_or", "bitwise_xor", "ceil", "clip", "cos", "divide", "equal",
    "exp", "expm1", "floor", "floor_divide", "greater", "greater_equal", "invert", "isfinite", "isinf", "isnan", "less",
    "less_equal", "log", "log1p", "maximum", "minimum", "multiply", "negative", "not_equal", "positive", "power", "relu",
    "remainder", "round_", "sigmoid", "sign", "sin", "sqrt", "square", "subtract", "tanh", "where",
]  # fmt: skip

add = binary(np.add, lambda g: g, lambda g: g)
subtract = binary(np.subtract, lambda g: g, lambda g: -g)
multiply = binary(np.multiply, lambda g, y: g * y, lambda g, x: g * x)
divide = binary(np.divide, lambda g, y: g / y, lambda g, y, out: -g * out / y)
negative = unary(np.negative, lambda g: -g)
positive = unary(np.positive, lambda g: g)
square = unary(np.square, lambda g, x: g * (2 * x))
absolute = unary(np.absolute, lambda g, x: g * np.sign(x))

exp = unary(np.exp, lambda g, out: g * out)
expm1 = unary(np.expm1, lambda g, out: g * (out + 1))
log = unary(np.log, lambda g, x: g / x)
log1p = unary(np.log1p, lambda g, x: g / (1 + x))
sqrt = unary(np.sqrt, lambda g, out: g / (2 * out))  # +inf at 0
sin = unary(np.sin, lambda g, x: g * np.cos(x))
cos = unary(np.cos, lambda g, x: -g * np.sin(x))
tanh = unary(np.tanh, lambda g, out: g * (1 - out * out))

# Half of g to each of two equal operands.
maximum = binary(
    np.maximum,
    lambda g, x, y: g * (x > y) + (g / 2) * (x == y),
    lambda g, x, y: g * (x < y) + (g / 2) * (x == y),
)
minimum = binary(
    np.minimum,
    lambda g, x, y: g * (x < y) + (g / 2) * (x == y),
    lambda g, x, y: g * (x > y) + (g / 2) * (x == y),
)

remainder = binary(np.remainder, lambda g: g, lambda g, x, y: -g * np.floor(x / y))

# Piecewise constant: the derivative is 0 wherever it exists, and 0 by convention at the steps.
sign = unary(np.sign, lambda g: np.zeros_like(g))
floor = unary(np.floor, lambda g: np.zeros_like(g))
ceil = unary(np.ceil, lambda g: np.zeros_like(g))
round_ = unary(np.rint, lambda g: np.zeros_like(g))
floor_divide = binary(np.floor_divide, None, None)

isnan, isinf, isfinite = (Primitive(f, ("x",), True) for f in (np.isnan, np.isinf, np.isfinite))
equal, not_equal, less, less_equal, greater, greater_equal = (
    Primitive(f, ("x", "y"), True) for f in (np.equal, np.not_equal, np.less, np.less_equal, np.greater, np.greater_equal)
)
bitwise_and, bitwise_or, bitwise_xor = (
    Primitive(f, ("x", "y"), True) for f in (np.bitwise_and, np.bitwise_or, np.bitwise_xor)
)
invert = Primitive(np.invert, ("x",), True)
for _op in (isnan, isinf, isfinite, equal, not_equal, less, less_equal, greater, greater_equal,
            bitwise_and, bitwise_or, bitwise_xor, invert):  # fmt: skip
    register(_op.forward)(_op)


power = Primitive(operator.pow, ("x", "y"), elementwise=True)  # not np.power: x**2 and x**0.5 have fast paths
register(np.power)(power)


@power.gradient("x")
def _(g: Any, x: Any, y: Any) -> Any:
    if isinstance(y, int | float):  # x**2 and its like; a Python number keeps float32
        return g * (y * x ** (y - 1)) if y else None
    nonzero = y != 0
    return g * (y * x ** where(nonzero, y - 1, y))  # y = 0: 0 * x**0, not 0 * x**-1


@power.gradient("y")
def _(g: Any, x: Any, y: Any, out: Any) -> Any:
    flat = (x == 0) & (y >= 0)  # 0**y = 0 for y > 0: its slope is 0, not 0 * log(0)
    return g * (out * np.log(where(flat, np.ones((), out.dtype), x)))


@primitive
def relu(x: Array) -> Array:
    """max(x, 0), elementwise; the derivative at 0 is 0.

    >>> import numpy as np
    >>> relu(np.array([-1.0, 2.0]))
    array([0., 2.])
    """
    return np.maximum(x, 0)


@relu.gradient("x")
def _(g: Any, out: Any) -> Any:
    return g * (out > 0)


@primitive
def sigmoid(x: Array) -> Array:
    """1 / (1 + exp(-x)), elementwise, without overflow and accurate in both tails.

    >>> import numpy as np
    >>> sigmoid(np.array([-1e4, 0.0, 1e4]))
    array([0. , 0.5, 1. ])
    """
    decay = np.exp(-np.abs(x))
    return np.where(np.asarray(x) >= 0, np.ones((), decay.dtype), decay) / (1 + decay)


@sigmoid.gradient("x")
def _(g: Any, out: Any) -> Any:
    return g * (out * (1 - out))


@primitive
def where(condition: Array, x: Array, y: Array) -> Array:
    """`x` where the condition holds, else `y`; the branch that is not chosen gets exactly 0, even from inf or NaN.

    >>> import numpy as np
    >>> where(np.array([True, False]), 1.0, 2.0)
    array([1., 2.])
    """
    return np.where(condition, x, y)


where.elementwise = True


@where.gradient("x")
def _(g: Any, condition: Any) -> Any:
    return where(condition, g, 0)


@where.gradient("y")
def _(g: Any, condition: Any) -> Any:
    return where(condition, 0, g)


where.zero_gradient("condition")


@primitive
def clip(x: Array, min: Any = None, max: Any = None) -> Array:
    """`x` limited to [min, max], numbers or arrays; the gradient passes inside and on the bounds, and is 0 outside.

    >>> import numpy as np
    >>> clip(np.array([-2.0, 0.5, 3.0]), 0, 1)
    array([0. , 0.5, 1. ])
    """
    if min is None and max is None:
        raise ValueError("clip: needs min, max or both, got neither")
    return np.clip(x, min, max)


clip.elementwise = True


@clip.gradient("x")
def _(g: Any, x: Any, min: Any, max: Any) -> Any:
    inside = True if min is None else x >= min
    return g * (inside if max is None else inside & (x <= max))


@clip.gradient("min")
def _(g: Any, x: Any, min: Any) -> Any:
    return g * (x < min)


@clip.gradient("max")
def _(g: Any, x: Any, max: Any) -> Any:
    return g * (x > max)


register(np.where)(where)
register(np.clip)(clip)


@primitive
def astype(x: Array, dtype: Any) -> Array:
    """The same values in another dtype; the gradient comes back in the dtype of `x`.

    >>> import numpy as np
    >>> astype(np.array([1.5]), np.int64)
    array([1])
    """
    return x.astype(dtype, copy=False)


@astype.gradient("x")
def _(g: Any) -> Any:
    return g  # the engine casts every gradient to the dtype of its input
