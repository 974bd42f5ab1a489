"""Elementwise functions of the array API standard: operations of ours after the standard's type promotion."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from minigrad import ops
from minigrad.array_api.dtypes import Scalar, converted, operands
from minigrad.tensors.tensor import Tensor

Unary = Callable[[Tensor], Tensor]
Binary = Callable[[Tensor | Scalar, Tensor | Scalar], Tensor]

__all__ = [
    "abs", "acos", "acosh", "asin", "asinh", "atan", "atanh", "bitwise_invert", "ceil", "conj", "cos", "cosh", "exp",
    "expm1", "floor", "isfinite", "isinf", "isnan", "log", "log10", "log1p", "log2", "logical_not", "negative",
    "positive", "real", "reciprocal", "round", "sign", "signbit", "sin", "sinh", "sqrt", "square", "tan", "tanh",
    "trunc",
    "add", "atan2", "bitwise_and", "bitwise_left_shift", "bitwise_or", "bitwise_right_shift", "bitwise_xor", "copysign",
    "divide", "equal", "floor_divide", "greater", "greater_equal", "hypot", "less", "less_equal", "logaddexp",
    "logical_and", "logical_or", "logical_xor", "maximum", "minimum", "multiply", "nextafter", "not_equal", "pow",
    "remainder", "subtract",
    "clip",
]  # fmt: skip

_end = __all__.index("add")
WITHOUT_OPTIONS = {  # what operations do that have more options
    "add": "x1 + x2. Derivatives: 1 and 1.", "subtract": "x1 - x2. Derivatives: 1 and -1.",
    "divide": "x1 / x2. Derivatives: 1 / x2 and -x1 / x2**2.",
    "round": "The integer nearest to x, of two the even one. Derivative: 0.",
}  # fmt: skip


def _named(function: Callable[..., Tensor], name: str, line: str) -> Any:
    function.__name__ = function.__qualname__ = name
    function.__doc__ = WITHOUT_OPTIONS.get(name, line)
    return function


def _unary(name: str) -> Unary:
    op = getattr(ops, {"bitwise_invert": "invert"}.get(name, name))

    def function(x: Tensor, /) -> Tensor:
        return op(*operands(name, x))

    return _named(function, name, op.__doc__.partition("\n")[0])


def _binary(name: str) -> Binary:
    op = getattr(ops, name)

    def function(x1: Tensor | Scalar, x2: Tensor | Scalar, /) -> Tensor:
        return op(*operands(name, x1, x2))

    line = re.sub(r"\bx\b", "x1", op.__doc__.partition("\n")[0])
    return _named(function, name, re.sub(r"\by\b", "x2", line))


(
    abs, acos, acosh, asin, asinh, atan, atanh, bitwise_invert, ceil, conj, cos, cosh, exp, expm1,
    floor, isfinite, isinf, isnan, log, log10, log1p, log2, logical_not, negative, positive, real,
    reciprocal, round, sign, signbit, sin, sinh, sqrt, square, tan, tanh, trunc,
) = map(_unary, __all__[:_end])  # fmt: skip
(
    add, atan2, bitwise_and, bitwise_left_shift, bitwise_or, bitwise_right_shift, bitwise_xor, copysign,
    divide, equal, floor_divide, greater, greater_equal, hypot, less, less_equal, logaddexp,
    logical_and, logical_or, logical_xor, maximum, minimum, multiply, nextafter, not_equal, pow,
    remainder, subtract,
) = map(_binary, __all__[_end:-1])  # fmt: skip


def clip(x: Tensor, /, min: Tensor | Scalar | None = None, max: Tensor | Scalar | None = None) -> Tensor:
    """Limit the elements to `min` and `max`, numbers or tensors; None is no bound. The dtype is that of `x`."""
    limits = [bound for bound in (min, max) if bound is not None]
    if not limits:
        return positive(x)
    values, *bounds = operands("clip", x, *limits)
    out = ops.clip(values, *([None] if min is None else []), *bounds)
    return out if x.dtype.kind != out.dtype.kind == "f" else converted(out, x.dtype)
