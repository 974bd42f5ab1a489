"""NumPy's ufuncs and their derivatives, one line each, then the few elementwise functions that are not ufuncs.

At kinks the convention is stated beside the rule: abs'(0) = 0, equal operands of maximum share the gradient, clip passes it
on its bounds. Powers: d/dx x**0 = 0 and d/dy 0**y = 0, without a NaN from log 0.
PyTorch's names, where they differ from NumPy's, are at the end of the file.
"""

from __future__ import annotations

import functools
import inspect
import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad.arrays import Array, Shape, Traced, array_of
from minigrad.engine.composite import composite
from minigrad.engine.out import call_into
from minigrad.engine.primitive import Primitive, primitive
from minigrad.engine.promotion import Operands, common_dtype, floating, promoting
from minigrad.engine.registry import register
from minigrad.engine.ufuncs import binary, unary
from minigrad.errors import DTypeError
from minigrad.kernels import activation, masking, special
from minigrad.kernels.checks import check_choice

__all__ = [
    "abs", "absolute", "acos", "acosh", "add", "arccos", "arccosh", "arcsin", "arcsinh", "arctan", "arctan2",
    "arctanh", "asin", "asinh", "astype", "atan", "atan2", "atanh", "bitwise_and", "bitwise_left_shift", "bitwise_not",
    "bitwise_or", "bitwise_right_shift", "bitwise_xor", "cbrt", "ceil", "clamp", "clip", "conj", "copysign", "cos",
    "cosh", "deg2rad", "degrees", "divide", "divmod", "eq", "equal", "exp", "exp2", "expm1", "fabs", "fix",
    "float_power", "floor", "floor_divide", "fmax", "fmin", "fmod", "gcd", "ge", "greater", "greater_equal", "gt",
    "heaviside", "hypot", "invert", "isfinite", "isinf", "isnan", "isneginf", "isposinf", "isreal", "lcm", "ldexp",
    "le", "less", "less_equal", "log", "log10", "log1p", "log2", "logaddexp", "logaddexp2", "logical_and",
    "logical_not", "logical_or", "logical_xor", "lt", "maximum", "minimum", "modf", "mul", "multiply", "ne", "neg",
    "negative", "nextafter", "not_equal", "positive", "pow", "power", "rad2deg", "radians", "real", "reciprocal",
    "remainder", "rint", "rsub", "sgn", "sigmoid", "sign", "signbit", "sin", "sinh", "sqrt", "square", "sub",
    "subtract", "tan", "tanh", "true_divide", "trunc", "where",
]  # fmt: skip

Forward = Callable[..., Any]
LOG_2, LOG_10 = math.log(2), math.log(10)
DEGREE = math.pi / 180


def _kind(x: Any) -> str:
    """Return the kind of dtype of an array or a number."""
    return np.asarray(x).dtype.kind


def _rounding(ufunc: np.ufunc) -> Forward:
    """Return the forward of a step function that leaves booleans as they are, and integers in their dtype."""

    def forward(x: Any) -> Any:
        kind = _kind(x)
        if kind == "f" or (kind in "iu" and ufunc is np.sign):
            return ufunc(x)
        return np.positive(x) if kind in "iu" else x.copy()

    return forward


def _rejecting_booleans(name: str, function: Forward) -> Forward:
    """Wrap a function of two operands to raise DTypeError for booleans, which NumPy would convert to int8."""

    def forward(x: Any, y: Any) -> Any:
        if getattr(x, "dtype", None) == np.bool_ and _kind(y) == "b":
            raise DTypeError(f"{name}: not defined for booleans\n  hint: use x.int(), or logical_and and its like")
        return function(x, y)

    return forward


def _division(ufunc: Any) -> Forward:
    """Wrap an integer division or remainder to raise ZeroDivisionError for integers, for which NumPy returns 0 and warns."""

    def forward(x: Any, y: Any) -> Any:
        if _kind(y) in "iu" and _kind(x) in "iu" and not np.all(y):
            raise ZeroDivisionError(
                f"{ufunc.__name__}: integers cannot be divided by zero\n  hint: use floats for inf and nan"
            )
        return ufunc(x, y)

    return _rejecting_booleans(ufunc.__name__, forward)


class Weighted(Primitive):
    """Sum or difference whose second operand can be weighted, as in PyTorch: ``add(x, y, alpha=2)``."""

    @property
    def __signature__(self) -> inspect.Signature:
        weight = inspect.Parameter("alpha", inspect.Parameter.KEYWORD_ONLY, default=1)
        return super().__signature__.replace(parameters=[*super().__signature__.parameters.values(), weight])

    def bind(self, args: tuple[Any, ...], options: dict[str, Any]) -> tuple[Any, ...]:
        alpha = options.pop("alpha", 1)
        x, y = super().bind(args, options)
        return x, y if isinstance(alpha, int) and alpha == 1 else multiply(y, alpha)


class Division(Primitive):
    """Division with PyTorch's `rounding_mode`: None, "floor" (down) or "trunc" (toward 0); exact for rounded integers."""

    @property
    def __signature__(self) -> inspect.Signature:
        mode = inspect.Parameter("rounding_mode", inspect.Parameter.KEYWORD_ONLY, default=None)
        return super().__signature__.replace(parameters=[*super().__signature__.parameters.values(), mode])

    def __call__(self, *args: Any, rounding_mode: str | None = None, **options: Any) -> Any:
        if rounding_mode is None:
            return super().__call__(*args, **options)
        if "out" in options:
            return call_into(functools.partial(self, rounding_mode=rounding_mode), "div", args, options)
        check_choice("div", "rounding_mode", rounding_mode, None, "trunc", "floor")
        x, y = self.bind(args, options)
        if rounding_mode == "floor":
            return floor_divide(x, y)
        whole = common_dtype([array_of(x), array_of(y)]).kind in "iu"
        return floor_divide(x - fmod(x, y), y) if whole else trunc(super().__call__(x, y))


@primitive
def sech_squared(x: Array) -> Array:
    """Compute 1 / cosh(x)**2, the derivative of `tanh`, accurate in both tails."""
    return special.sech_squared(x)


@sech_squared.gradient("x")
def _(g: Any, x: Any, out: Any) -> Any:
    return g * out * (-2 * np.tanh(x))


@primitive
def logistic_density(x: Array) -> Array:
    """Compute the derivative of `sigmoid`, the density of the logistic distribution, accurate in both tails."""
    return special.logistic_density(x)


@logistic_density.gradient("x")
def _(g: Any, x: Any, out: Any) -> Any:
    return g * out * -np.tanh(x / 2)


@floating("x")
@primitive
def sigmoid(x: Array) -> Array:
    """Compute 1 / (1 + exp(-x)) elementwise, without overflow and accurate in both tails.

    >>> import numpy as np
    >>> sigmoid(np.array([-1e4, 0.0, 1e4]))
    array([0. , 0.5, 1. ])
    """
    return special.sigmoid(x)


@sigmoid.gradient("x", kernel=activation.sigmoid_gradient)
def _(g: Any, x: Any) -> Any:
    return g * logistic_density(x)


@primitive
def one_less_square(x: Array) -> Array:
    """Compute 1 - x**2, accurate near -1 and 1; the derivative -2 x is accurate near 0, unlike that of (1-x) * (1+x)."""
    return (1 - x) * (1 + x)


@one_less_square.gradient("x")
def _(g: Any, x: Any) -> Any:
    return g * (-2 * x)


add = binary(np.add, lambda g: g, lambda g: g, kind=Weighted)
subtract = binary(np.subtract, lambda g: g, lambda g: -g, kind=Weighted)
multiply = binary(np.multiply, lambda g, y: g * y, lambda g, x: g * x)
divide = binary(np.divide, lambda g, y: g / y, lambda g, y, out: -g * out / y, kind=Division)
negative = unary(np.negative, lambda g: -g)
positive = unary(np.positive, lambda g: g)
square = unary(np.square, lambda g, x: g * (2 * x))
reciprocal = unary(np.reciprocal, lambda g, out: -g * out * out)
absolute = unary(np.absolute, lambda g, x: g * np.sign(x))
fabs = unary(np.fabs, lambda g, x: g * np.sign(x))
deg2rad = unary(np.deg2rad, lambda g: g * DEGREE)
radians = unary(np.radians, lambda g: g * DEGREE)
rad2deg = unary(np.rad2deg, lambda g: g / DEGREE)
degrees = unary(np.degrees, lambda g: g / DEGREE)

exp = unary(np.exp, lambda g, out: g * out)
exp2 = unary(np.exp2, lambda g, out: g * (out * LOG_2))
expm1 = unary(np.expm1, lambda g, x: g * np.exp(x))  # not out + 1, which is 0 for large negative x
log = unary(np.log, lambda g, x: g / x)
log2 = unary(np.log2, lambda g, x: g / (x * LOG_2))
log10 = unary(np.log10, lambda g, x: g / (x * LOG_10))
log1p = unary(np.log1p, lambda g, x: g / (1 + x))
sqrt = unary(np.sqrt, lambda g, out: g / (2 * out))  # +inf at 0
cbrt = unary(np.cbrt, lambda g, out: g / (3 * out * out))  # +inf at 0

sin = unary(np.sin, lambda g, x: g * np.cos(x))
cos = unary(np.cos, lambda g, x: -g * np.sin(x))
tan = unary(np.tan, lambda g, out: g * (1 + out * out))
arcsin = unary(np.arcsin, lambda g, x: g / np.sqrt(one_less_square(x)))  # +inf at -1 and 1
arccos = unary(np.arccos, lambda g, x: -g / np.sqrt(one_less_square(x)))
arctan = unary(np.arctan, lambda g, x: g / (1 + x * x))
sinh = unary(np.sinh, lambda g, x: g * np.cosh(x))
cosh = unary(np.cosh, lambda g, x: g * np.sinh(x))
tanh = unary(np.tanh, lambda g, x: g * sech_squared(x), activation.tanh_gradient)  # not 1 - out**2, which is 0 in the tails
arcsinh = unary(np.arcsinh, lambda g, x: g / np.hypot(x, 1))
arccosh = unary(np.arccosh, lambda g, x: g / np.sqrt(np.abs(x) - 1) / np.sqrt(np.abs(x) + 1))  # x * x overflows
arctanh = unary(np.arctanh, lambda g, x: g / one_less_square(x))

# At the origin, where neither has a derivative, 0.
hypot = binary(np.hypot, lambda g, x, out: norm_gradient(g, x, out), lambda g, y, out: norm_gradient(g, y, out))
arctan2 = binary(  # of (y, x) in the order of NumPy and PyTorch: x stands for the numerator here
    np.arctan2,
    lambda g, x, y: g * _over_square(y, x, y),
    lambda g, x, y: -g * _over_square(x, x, y),
)
# The share of exp(x) in exp(x) + exp(y) is sigmoid(x - y).
logaddexp = binary(np.logaddexp, lambda g, x, y: g * sigmoid(x - y), lambda g, x, y: g * sigmoid(y - x))
logaddexp2 = binary(
    np.logaddexp2,
    lambda g, x, y: g * sigmoid((x - y) * LOG_2),
    lambda g, x, y: g * sigmoid((y - x) * LOG_2),
)

# As in PyTorch, equal operands get half of g each, and both get all of it if one is NaN. In fmax and fmin, which ignore a
# NaN, the chosen operand gets all of it, the first of two equal ones.
maximum = binary(
    np.maximum,
    lambda g, x, y: g * ~(x <= y) + (g / 2) * (x == y),
    lambda g, x, y: g * ~(x >= y) + (g / 2) * (x == y),
)
minimum = binary(
    np.minimum,
    lambda g, x, y: g * ~(x >= y) + (g / 2) * (x == y),
    lambda g, x, y: g * ~(x <= y) + (g / 2) * (x == y),
)
fmax = binary(
    np.fmax,
    lambda g, x, y: g * ((x >= y) | np.isnan(y)),
    lambda g, x, y: g * ~((x >= y) | np.isnan(y)),
)
fmin = binary(
    np.fmin,
    lambda g, x, y: g * ((x <= y) | np.isnan(y)),
    lambda g, x, y: g * ~((x <= y) | np.isnan(y)),
)

# x minus an integer multiple of y. The integer is computed from the result: x / y may round to the next one.
remainder = binary(np.remainder, lambda g: g, lambda g, x, y, out: -g * np.rint((x - out) / y))
fmod = binary(np.fmod, lambda g: g, lambda g, x, y, out: -g * np.rint((x - out) / y))
copysign = binary(np.copysign, lambda g, x, out: g * (np.sign(x) * np.sign(out)), None)
scale_by_power = binary(np.ldexp, lambda g, y: np.ldexp(g, y), None)  # x * 2**y for integers y
scale_by_power.takes(Operands((0,), floating=True))

# Piecewise constant: the derivative is 0 wherever it exists, and 0 by convention at the steps.
sign = unary(np.sign, lambda g: np.zeros_like(g))
floor = unary(np.floor, lambda g: np.zeros_like(g))
ceil = unary(np.ceil, lambda g: np.zeros_like(g))
trunc = unary(np.trunc, lambda g: np.zeros_like(g))
rint = unary(np.rint, lambda g: np.zeros_like(g))
floor_divide = binary(np.floor_divide, None, None)
heaviside = binary(np.heaviside, None, lambda g, x: g * (x == 0))  # y is the value at 0

# Differences from NumPy, or from some of its versions: integers are rounded to themselves; integer division by zero raises;
# heaviside keeps its dtype; booleans are refused where PyTorch refuses them.
for _op, _ufunc in ((floor, np.floor), (ceil, np.ceil), (trunc, np.trunc), (rint, np.rint), (sign, np.sign)):
    _op.forward = _rounding(_ufunc)
    _op.takes(Operands((0,), floating=False))
for _op in (floor_divide, remainder, fmod):
    _op.forward = _division(_op.forward)
reciprocal.takes(Operands((0,), floating=True))
square.forward = lambda x: np.square(x.astype(np.int64) if _kind(x) == "b" else x)
heaviside.forward = lambda x, y: np.heaviside(x, y).astype(np.result_type(x, y), copy=False)  # integers stay integers
heaviside.takes(Operands((0, 1), floating=False))


def _predicates(*ufuncs: np.ufunc, beyond: str = "") -> tuple[Primitive, ...]:
    """Make primitives without gradients; with `beyond`, the operands are brought to one dtype (see `Operands`)."""
    made = tuple([Primitive(f, ("x", "y")[: f.nin], elementwise=True) for f in ufuncs])
    for op in made:
        register(op.forward)(op)
        if beyond:
            op.takes(Operands((0, 1), floating=False, beyond=beyond))
    return made


isnan, isinf, isfinite, signbit = _predicates(np.isnan, np.isinf, np.isfinite, np.signbit)
logical_not, invert = _predicates(np.logical_not, np.invert)
logical_and, logical_or, logical_xor = _predicates(np.logical_and, np.logical_or, np.logical_xor)
equal, not_equal = _predicates(np.equal, np.not_equal, beyond="keep")
less, less_equal, greater, greater_equal = _predicates(np.less, np.less_equal, np.greater, np.greater_equal, beyond="keep")
bitwise_and, bitwise_or, bitwise_xor = _predicates(np.bitwise_and, np.bitwise_or, np.bitwise_xor, beyond="wrap")
gcd, lcm = _predicates(np.gcd, np.lcm, beyond="wrap")
bitwise_left_shift, bitwise_right_shift = _predicates(np.left_shift, np.right_shift, beyond="wrap")
(nextafter,) = _predicates(np.nextafter)
nextafter.gradient("x")(lambda g: g)
nextafter.zero_gradient("y")


def _power(x: Any, y: Any) -> Any:
    """Compute x ** y; of floats to a small whole power as products: np.power takes 60 times as long for x**3."""
    if type(y) in (int, float) and y in (3, 4, -2, -3) and _kind(x) == "f":
        squares = x * x
        return squares * x if y == 3 else squares * squares if y == 4 else 1 / (squares if y == -2 else squares * x)
    return x**y  # not np.power: x**2 and x**0.5 have fast paths


power = Primitive(operator.pow, ("x", "y"), elementwise=True)
power.forward = _rejecting_booleans("power", _power)
power.takes(Operands((0, 1), floating=False, beyond="wrap"))
float_power = Primitive(np.float_power, ("x", "y"), elementwise=True)  # always in float64
register(np.power)(power)
register(np.float_power)(float_power)


@power.gradient("x")
@float_power.gradient("x")
def _(g: Any, x: Any, y: Any) -> Any:
    if isinstance(y, int | float):  # x**2 and its like; a Python number keeps float32
        return g * (y * x ** (y - 1)) if y else None
    nonzero = y != 0
    return g * (y * x ** where(nonzero, y - 1, y))  # y = 0: 0 * x**0, not 0 * x**-1


@power.gradient("y")
@float_power.gradient("y")
def _(g: Any, x: Any, y: Any, out: Any) -> Any:
    flat = (x == 0) & (y >= 0)  # the slope of 0**y is 0, not 0 * log(0)
    return g * (out * np.log(where(flat, np.ones((), out.dtype), x)))


@floating("x")
@primitive
def root(x: Array) -> Array:
    """Compute sqrt(x) with the gradient 0 at 0: a norm from its square."""
    return np.sqrt(x)


@root.gradient("x")
def _(g: Any, out: Any) -> Any:
    return divide_by_norm(g, out) / 2


class Choice(Primitive):
    """A primitive of a condition and two branches; of a condition alone, it is `nonzero`, as in NumPy and PyTorch."""

    def __call__(self, *args: Any, **options: Any) -> Any:
        if len(args) == 1 and not options:
            tensor = isinstance(args[0], Traced)
            return args[0].nonzero(as_tuple=True) if tensor else np.nonzero(args[0])
        return super().__call__(*args, **options)


@register(np.where)
@promoting("x", "y")
@Choice
def where(condition: Array, x: Array, y: Array) -> Array:
    """Return `x` where the condition holds, else `y`; ``where(condition)`` is the tuple of indices where it holds.

    The gradient of the branch that is not chosen is exactly 0, even if an element of it is inf or NaN.

    >>> import numpy as np
    >>> where(np.array([True, False]), 1.0, 2.0)
    array([1., 2.])
    """
    return masking.where(condition, x, y)


@where.gradient("x")
def _(g: Any, condition: Any) -> Any:
    return where(condition, g, 0)


@where.gradient("y")
def _(g: Any, condition: Any) -> Any:
    return where(condition, 0, g)


where.zero_gradient("condition")


@register(np.clip)
@promoting("x", "min", "max")
@primitive
def clip(x: Array, min: Any = None, max: Any = None) -> Array:
    """Limit `x` to [min, max]; the gradient passes inside and on the bounds, and is 0 outside.

    The bounds are numbers or arrays, or None for no bound; without both, ValueError.

    >>> import numpy as np
    >>> clip(np.array([-2.0, 0.5, 3.0]), 0, 1)
    array([0. , 0.5, 1. ])
    """
    if min is None and max is None:
        raise ValueError("clip: needs min, max or both, got neither")
    return np.clip(x, min, max)


@clip.gradient("x")
def _(g: Any, x: Any, min: Any, max: Any) -> Any:
    inside = True if min is None else x >= min
    return g * (inside if max is None else inside & (x <= max))


@clip.gradient("min")
def _(g: Any, x: Any, min: Any, max: Any) -> Any:
    below = x < min
    return g * (below if max is None else below & (min <= max))


@clip.gradient("max")
def _(g: Any, x: Any, min: Any, max: Any) -> Any:
    above = x > max
    return g * (above if min is None else above | (min > max))  # bounds that cross: max wins


@primitive
def astype(x: Array, dtype: Any) -> Array:
    """Convert to another dtype; the gradient is converted back to the dtype of `x`.

    >>> import numpy as np
    >>> astype(np.array([1.5]), np.int64)
    array([1])
    """
    return x.astype(dtype, copy=False)


@astype.gradient("x")
def _(g: Any) -> Any:
    return g  # the engine casts every gradient to the dtype of its input


for _op in (clip, logistic_density, one_less_square, root, sech_squared, sigmoid, where):
    _op.elementwise = True


@register(np.ldexp)
@composite
def ldexp(x: Any, y: Any) -> Any:
    """Compute x * 2**y; exact for integers y.

    >>> import numpy as np
    >>> ldexp(np.array([3.0]), np.array([2]))
    array([12.])
    """
    return x * exp2(y) if _kind(array_of(y)) == "f" else scale_by_power(x, y)


@composite
def rsub(x: Any, y: Any, alpha: float = 1) -> Any:
    """Compute y - alpha * x, `subtract` with its operands swapped.

    >>> import numpy as np
    >>> rsub(np.array([1.0, 2.0]), 3.0)
    array([2., 1.])
    """
    return subtract(y, x, alpha=alpha)


@register(np.isposinf)
@composite
def isposinf(x: Any) -> Any:
    """Return where `x` is +inf.

    >>> import numpy as np
    >>> isposinf(np.array([np.inf, -np.inf, 1.0]))
    array([ True, False, False])
    """
    return equal(x, math.inf)


@register(np.isneginf)
@composite
def isneginf(x: Any) -> Any:
    """Return where `x` is -inf."""
    return equal(x, -math.inf)


@register(np.isreal)
@composite
def isreal(x: Any) -> Any:
    """Return True for each element, NaN included: tensors hold real numbers."""
    return greater_equal(isnan(x), False)


@register(np.real)
@composite
def real(x: Any) -> Any:
    """Return `x` itself, the real part of real numbers; `conj` is the same."""
    return x


@register(np.divmod)
def divmod(x: Any, y: Any) -> tuple[Any, Any]:
    """Return the quotient, rounded down, and the remainder."""
    return floor_divide(x, y), remainder(x, y)


@register(np.modf)
def modf(x: Any) -> tuple[Any, Any]:
    """Return the fractional and the integer part, both with the sign of `x`."""
    whole = trunc(x)
    return x - whole, whole


def norm_gradient(g: Any, x: Any, norm: Any, axes: Shape = ()) -> Any:
    """Compute x * g / norm, the gradient of a 2-norm with respect to its component x; `axes` are the reduced axes of x."""
    sizes = array_of(norm)
    if sizes.max(initial=0) < float(np.finfo(sizes.dtype).max) ** 0.4:
        return x * np.expand_dims(divide_by_norm(g, norm), axes)
    return np.expand_dims(g, axes) * (x / np.expand_dims(where(sizes == 0, 1, norm), axes))  # g / norm might underflow


def divide_by_norm(g: Any, norm: Any) -> Any:
    """Compute g / norm, for the gradient x * g / norm of a norm; where the norm is 0, the limit for smooth functions of it.

    The gradient of f(norm) at the origin is 0 by convention, or because g = f'(0) = 0. Then f(norm) is smooth, with the
    second derivative f''(0), the limit of g / norm: dg / dnorm, which is known from the graph if the gradient is recorded.
    """
    zero = array_of(norm) == 0
    if not zero.any():
        return g / norm
    slope = g.slope(norm) if isinstance(g, Traced) and isinstance(norm, Traced) else 0
    return where(zero, slope, where(zero, 0, g) / where(zero, 1, norm))


def _over_square(z: Any, x: Any, y: Any) -> Any:
    """Compute z / (x**2 + y**2) without overflow; 0 at the origin."""
    length = np.hypot(x, y)
    length = length + (length == 0)
    return z / length / length


# Docstrings of the operations made of ufuncs; NumPy's own describe out=, where= and casting=, which only ``np.f`` takes.
DOCUMENTATION = {
    add: "x + alpha * y. Derivatives: 1 and alpha.",
    subtract: "x - alpha * y. Derivatives: 1 and -alpha.",
    multiply: "x * y. Derivatives: y and x.",
    divide: 'x / y, rounded if `rounding_mode` is "floor" or "trunc". Derivatives: 1 / y and -x / y**2; 0 where rounded.',
    power: "x ** y. Derivatives: y * x**(y - 1) and x**y * log(x); 0 for y = 0 and for x = 0, y >= 0.",
    float_power: "x ** y, in float64. Derivatives: as of `power`.",
    negative: "-x. Derivative: -1.",
    positive: "+x, a copy. Derivative: 1.",
    square: "x**2. Derivative: 2 * x.",
    reciprocal: "1 / x. Derivative: -1 / x**2.",
    absolute: "The absolute value of x. Derivative: sign(x), 0 at 0.",
    fabs: "The absolute value of x, as a float. Derivative: sign(x), 0 at 0.",
    deg2rad: "Degrees as radians. Derivative: pi / 180.",
    radians: "Degrees as radians. Derivative: pi / 180.",
    rad2deg: "Radians as degrees. Derivative: 180 / pi.",
    degrees: "Radians as degrees. Derivative: 180 / pi.",
    exp: "e**x. Derivative: e**x.",
    exp2: "2**x. Derivative: 2**x * log(2).",
    expm1: "e**x - 1, accurate near 0. Derivative: e**x.",
    log: "The natural logarithm of x. Derivative: 1 / x.",
    log2: "The logarithm of x to base 2. Derivative: 1 / (x * log(2)).",
    log10: "The logarithm of x to base 10. Derivative: 1 / (x * log(10)).",
    log1p: "log(1 + x), accurate near 0. Derivative: 1 / (1 + x).",
    sqrt: "The square root of x. Derivative: 1 / (2 * sqrt(x)), infinite at 0.",
    cbrt: "The cube root of x. Derivative: 1 / (3 * cbrt(x)**2), infinite at 0.",
    sin: "The sine of x, in radians. Derivative: cos(x).",
    cos: "The cosine of x, in radians. Derivative: -sin(x).",
    tan: "The tangent of x, in radians. Derivative: 1 + tan(x)**2.",
    arcsin: "The inverse sine of x, in radians. Derivative: 1 / sqrt(1 - x**2), infinite at -1 and 1.",
    arccos: "The inverse cosine of x, in radians. Derivative: -1 / sqrt(1 - x**2), infinite at -1 and 1.",
    arctan: "The inverse tangent of x, in radians. Derivative: 1 / (1 + x**2).",
    sinh: "The hyperbolic sine of x. Derivative: cosh(x).",
    cosh: "The hyperbolic cosine of x. Derivative: sinh(x).",
    tanh: "The hyperbolic tangent of x. Derivative: 1 / cosh(x)**2, accurate in both tails.",
    arcsinh: "The inverse hyperbolic sine of x. Derivative: 1 / sqrt(x**2 + 1).",
    arccosh: "The inverse hyperbolic cosine of x. Derivative: 1 / sqrt(x**2 - 1), infinite at 1.",
    arctanh: "The inverse hyperbolic tangent of x. Derivative: 1 / (1 - x**2).",
    hypot: "sqrt(x**2 + y**2), without overflow. Derivatives: x / hypot and y / hypot, 0 at the origin.",
    arctan2: "arctan(x / y) in the right quadrant: the angle, in radians, of the point with abscissa y and ordinate x. "
    "Derivatives: y / (x**2 + y**2) and -x / (x**2 + y**2).",
    logaddexp: "log(e**x + e**y), without overflow. Derivatives: sigmoid(x - y) and sigmoid(y - x).",
    logaddexp2: "log2(2**x + 2**y), without overflow. Derivatives: 2**x / (2**x + 2**y) and 2**y / (2**x + 2**y).",
    maximum: "The larger of x and y, NaN if either is. Derivative: 1 for the larger one, 1/2 for each of two equal ones.",
    minimum: "The smaller of x and y, NaN if either is. Derivative: 1 for the smaller one, 1/2 for each of two equal ones.",
    fmax: "The larger of x and y, ignoring a NaN. Derivative: 1 for the one chosen, x of two equal ones; else 0.",
    fmin: "The smaller of x and y, ignoring a NaN. Derivative: 1 for the one chosen, x of two equal ones; else 0.",
    remainder: "x % y, with the sign of y. Derivatives: 1 and -floor(x / y).",
    fmod: "The remainder of x / y, with the sign of x. Derivatives: 1 and -trunc(x / y).",
    copysign: "The magnitude of x with the sign of y. Derivatives: 1 where the sign is kept, else -1; and 0.",
    scale_by_power: "x * 2**y for integers y. Derivative with respect to x: 2**y.",
    sign: "-1, 0 or 1: the sign of x. Derivative: 0.",
    floor: "The largest integer not above x. Derivative: 0.",
    ceil: "The smallest integer not below x. Derivative: 0.",
    trunc: "x rounded toward 0. Derivative: 0.",
    rint: "x rounded to the nearest integer, halves to the even one. Derivative: 0.",
    floor_divide: "x // y, rounded down. Derivatives: 0.",
    heaviside: "0 for x < 0, y for x = 0, 1 for x > 0. Derivatives: 0; and 1 where x = 0, else 0.",
    isnan: "True where x is NaN.",
    isinf: "True where x is infinite.",
    isfinite: "True where x is neither infinite nor NaN.",
    signbit: "True where x is negative, -0.0 included.",
    logical_not: "True where x is 0 or False.",
    invert: "~x: the bits of an integer inverted, the negation of a boolean.",
    equal: "x == y, element by element, as booleans.",
    not_equal: "x != y, element by element, as booleans.",
    less: "x < y, element by element, as booleans.",
    less_equal: "x <= y, element by element, as booleans.",
    greater: "x > y, element by element, as booleans.",
    greater_equal: "x >= y, element by element, as booleans.",
    logical_and: "Return where x and y are both not 0, as booleans.",
    logical_or: "Return where x or y is not 0, as booleans.",
    logical_xor: "Return where exactly one of x and y is not 0, as booleans.",
    bitwise_and: "x & y, bit by bit, of integers or booleans.",
    bitwise_or: "x | y, bit by bit, of integers or booleans.",
    bitwise_xor: "x ^ y, bit by bit, of integers or booleans.",
    gcd: "The greatest common divisor of the integers x and y, at least 0.",
    lcm: "The least common multiple of the integers x and y, at least 0.",
    bitwise_left_shift: "x << y, of integers: x * 2**y, of which the high bits are lost.",
    bitwise_right_shift: "x >> y, of integers: x / 2**y, rounded down.",
    nextafter: "The float next to x in the direction of y. Derivatives: 1 and 0.",
}
for _op, _text in DOCUMENTATION.items():
    _op.__doc__, _op.__module__ = _text, "minigrad.ops"

# PyTorch's names.
abs, neg, pow, sgn, clamp, fix, conj = absolute, negative, power, sign, clip, trunc, real
sub, mul, true_divide = subtract, multiply, divide
asin, acos, atan, atan2, asinh, acosh, atanh = arcsin, arccos, arctan, arctan2, arcsinh, arccosh, arctanh
eq, ne, lt, le, gt, ge, bitwise_not = equal, not_equal, less, less_equal, greater, greater_equal, invert
if hasattr(np, "fix"):  # deprecated since NumPy 2.5
    register(np.fix)(trunc)
