"""Activation functions, under PyTorch's names (``minigrad.nn.functional``).

Each is finite at +-1e4 and warns of nothing there, in its value and in its derivatives. At a kink the derivative is
PyTorch's: 0 for relu and the functions that saturate (hardtanh, relu6, hardsigmoid), the slope of the negative side for
leaky_relu, prelu and elu.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad.arrays import Array, DType, shape_of
from minigrad.engine.composite import composite
from minigrad.engine.fused import fuse
from minigrad.engine.primitive import primitive
from minigrad.engine.promotion import floating
from minigrad.errors import ShapeError
from minigrad.kernels import activation as kernels
from minigrad.kernels import special
from minigrad.kernels.axes import one_axis
from minigrad.kernels.checks import check_at_least, check_choice
from minigrad.kernels.errstate import errstate
from minigrad.ops.elementwise import clip, sigmoid, tanh, where
from minigrad.ops.indexing import index_axis
from minigrad.ops.reduction import softmax
from minigrad.ops.shape import reshape
from minigrad.ops.special import erf

__all__ = [
    "celu", "elu", "gelu", "glu", "hardshrink", "hardsigmoid", "hardswish", "hardtanh", "leaky_relu", "logsigmoid", "mish",
    "prelu", "relu", "relu6", "selu", "silu", "softmin", "softplus", "softshrink", "softsign", "tanhshrink", "threshold",
]  # fmt: skip

GELU_SCALE = 2 * math.sqrt(2 / math.pi)
SELU_SCALE, SELU_ALPHA = 1.0507009873554804934193349852946, 1.6732632423543772848170429916717


@primitive
def relu(x: Array) -> Array:
    """Compute max(x, 0) elementwise; the derivative at 0 is 0.

    >>> import numpy as np
    >>> relu(np.array([-1.0, 2.0]))
    array([0., 2.])
    """
    return kernels.relu(x)


@relu.gradient("x")
def _(g: Any, out: Any) -> Any:
    return g * (out != 0)  # at a NaN the gradient passes


@floating("x")
@primitive
def leaky_relu(x: Array, negative_slope: float = 0.01) -> Array:
    """Return x where it is positive, else negative_slope * x.

    >>> import numpy as np
    >>> leaky_relu(np.array([-1.0, 2.0]))
    array([-0.01,  2.  ])
    """
    return kernels.leaky_relu(x, negative_slope)


@leaky_relu.gradient("x", kernel=kernels.leaky_relu_gradient)
def _(g: Any, x: Any, negative_slope: float) -> Any:
    return where(x > 0, g, negative_slope * g)


@composite
def prelu(x: Any, weight: Any) -> Any:
    """Apply `leaky_relu` with learned slopes.

    `weight` holds one slope, or one for each channel, the second axis of `x`. He et al. (2015). Raises ShapeError for
    another number of slopes.

    >>> import numpy as np
    >>> prelu(np.array([[-1.0, -1.0]]), np.array([0.5, 0.1]))
    array([[-0.5, -0.1]])
    """
    shape, size = shape_of(x), math.prod(shape_of(weight))
    channels = shape[1] if len(shape) > 1 else 1
    if size != 1 and (size != channels or len(shape_of(weight)) != 1):
        raise ShapeError(f"prelu: weight has shape {shape_of(weight)}, the input {shape}: expected 1 or {channels} slopes")
    slopes = reshape(weight, (size, *[1] * (len(shape) - 2)) if shape else ())
    return where(x > 0, x, slopes * x)


@floating("x")
@primitive
def elu(x: Array, alpha: float = 1.0) -> Array:
    """Return x where it is positive, else alpha * (exp(x) - 1). Clevert et al. (2016).

    >>> import numpy as np
    >>> elu(np.array([-1e4, 2.0]))
    array([-1.,  2.])
    """
    return kernels.elu(x, alpha)


@elu.gradient("x", kernel=kernels.elu_gradient)
def _(g: Any, x: Any, alpha: float) -> Any:
    return where(x > 0, g, g * (alpha * np.exp(clip(x, None, 0))))


@floating("x")
@composite
def selu(x: Any) -> Any:
    """Apply `elu`, scaled so that layers keep mean 0 and variance 1. Klambauer et al. (2017)."""
    return SELU_SCALE * elu(x, SELU_ALPHA)


@floating("x")
@composite
def celu(x: Any, alpha: float = 1.0) -> Any:
    """Return x where it is positive, else alpha * (exp(x / alpha) - 1), which is smooth for every alpha. Barron (2017).

    Raises ValueError for an `alpha` of 0.
    """
    if alpha == 0:
        raise ValueError("celu: alpha must not be 0")
    return alpha * elu(x / alpha)


@floating("x")
@composite
def gelu(x: Any, approximate: str = "none") -> Any:
    """Compute x * Phi(x), where Phi is the distribution function of the standard normal distribution.

    `approximate` is "none" for the exact function or "tanh" for the usual approximation; anything else raises ValueError.
    Hendrycks and Gimpel (2016).

    >>> import numpy as np
    >>> gelu(np.array([-1.0, 1.0])).round(4), gelu(np.array([-1.0, 1.0]), "tanh").round(4)
    (array([-0.1587,  0.8413]), array([-0.1588,  0.8412]))
    """
    check_choice("gelu", "approximate", approximate, "none", "tanh")
    return gelu_erf(x) if approximate == "none" else gelu_tanh(x)


@floating("x")
@primitive
def gelu_erf(x: Array) -> Array:
    """Compute `gelu` exactly."""
    return x * (special.erf(x * math.sqrt(0.5)) + 1) * 0.5


@gelu_erf.gradient("x")
def _(g: Any, x: Any) -> Any:
    return g * ((erf(x * math.sqrt(0.5)) + 1) * 0.5 + x * np.exp(x * x * -0.5) / math.sqrt(2 * math.pi))


@floating("x")
@primitive
def gelu_tanh(x: Array) -> Array:
    """Compute x * (1 + tanh(u)) / 2 with u = sqrt(2/pi) * (x + 0.044715 x**3), as x * sigmoid(2u), which has both tails."""
    with errstate(over="ignore"):
        return x * sigmoid(x * (GELU_SCALE + GELU_SCALE * 0.044715 * (x * x)))


@gelu_tanh.gradient("x")
def _(g: Any, x: Any) -> Any:
    x = clip(x, -100, 100)  # there the function is x or 0 in any dtype, and no power of x overflows
    xx = x * x
    s = sigmoid(x * (GELU_SCALE + GELU_SCALE * 0.044715 * xx))
    return g * (s + x * (s * (1 - s)) * (GELU_SCALE + 3 * GELU_SCALE * 0.044715 * xx))


@floating("x")
@primitive
def softplus(x: Array, beta: float = 1.0, threshold: float = 20.0) -> Array:
    """Compute log(1 + exp(beta * x)) / beta; x itself where beta * x is above the threshold.

    >>> import numpy as np
    >>> softplus(np.array([-1e4, 0.0, 1e4])).round(4)
    array([0.000e+00, 6.931e-01, 1.000e+04])
    """
    return kernels.softplus(x, beta, threshold)


@softplus.gradient("x", kernel=kernels.softplus_gradient)
def _(g: Any, x: Any, beta: float, threshold: float) -> Any:
    z = beta * x
    return where(z > threshold, g, g * sigmoid(z))


@primitive
def hardtanh(x: Array, min_val: float = -1.0, max_val: float = 1.0) -> Array:
    """Limit x to [min_val, max_val]; unlike in `clip`, and as in PyTorch, the derivative on the bounds is 0.

    Raises ValueError if `min_val` is above `max_val`.

    >>> import numpy as np
    >>> hardtanh(np.array([-3.0, 0.5, 3.0]))
    array([-1. ,  0.5,  1. ])
    """
    if not min_val <= max_val:
        raise ValueError(f"hardtanh: min_val must be at most max_val, got {min_val} and {max_val}")
    return np.clip(x, min_val, max_val).astype(x.dtype, copy=False)  # integers stay integers


@hardtanh.gradient("x")
def _(g: Any, x: Any, min_val: float, max_val: float) -> Any:
    return g * ~((x <= min_val) | (x >= max_val))  # at a NaN the gradient passes


@composite
def relu6(x: Any) -> Any:
    """Limit x to [0, 6]. Krizhevsky (2010)."""
    return hardtanh(x, 0.0, 6.0)


@floating("x")
@composite
def hardsigmoid(x: Any) -> Any:
    """Compute (x + 3) / 6, limited to [0, 1].

    >>> import numpy as np
    >>> hardsigmoid(np.array([-9.0, 0.0, 9.0]))
    array([0. , 0.5, 1. ])
    """
    return (hardtanh(x, -3.0, 3.0) + 3) / 6


@floating("x")
@primitive
def hardswish(x: Array) -> Array:
    """Compute x * hardsigmoid(x). Howard et al. (2019)."""
    return kernels.hardswish(x)


@hardswish.gradient("x", kernel=kernels.hardswish_gradient)
def _(g: Any, x: Any) -> Any:
    curved = ~((x <= -3) | (x >= 3))
    return g * where(curved, clip(x, -3, 3) / 3 + 0.5, x > 0)


@floating("x")
@composite
def silu(x: Any) -> Any:
    """Compute x * sigmoid(x), also called swish. Elfwing et al. (2017)."""
    return x * sigmoid(x)


@floating("x")
@composite
def mish(x: Any) -> Any:
    """Compute x * tanh(softplus(x)). Misra (2019)."""
    return x * tanh(softplus(x))


@floating("x")
@composite
def logsigmoid(x: Any) -> Any:
    """Compute log(sigmoid(x)) without overflow.

    >>> import numpy as np
    >>> logsigmoid(np.array([-1e4, 0.0])).round(4)
    array([-1.000e+04, -6.931e-01])
    """
    return -softplus(-x, threshold=math.inf)


@floating("x")
@primitive
def softsign(x: Array) -> Array:
    """Compute x / (1 + |x|)."""
    return x / (1 + np.abs(x))


@softsign.gradient("x")
def _(g: Any, x: Any) -> Any:
    return g / np.square(1 + np.abs(x))  # not 1 / (1 + |x|) - |x| / (1 + |x|)**2, which cancel


@floating("x")
@primitive
def tanhshrink(x: Array) -> Array:
    """Compute x - tanh(x)."""
    return x - np.tanh(x)


@tanhshrink.gradient("x")
def _(g: Any, x: Any) -> Any:
    return g * np.square(np.tanh(x))  # not 1 - (1 - tanh(x)**2), which is rounded away near 0


@floating("x")
@composite
def softshrink(x: Any, lambd: float = 0.5) -> Any:
    """Move x toward 0 by `lambd`; 0 within that distance of 0, where the derivative, bounds included, is 0.

    Raises ValueError for a negative `lambd`.

    >>> import numpy as np
    >>> softshrink(np.array([-2.0, 0.25, 2.0]))
    array([-1.5,  0. ,  1.5])
    """
    check_at_least("softshrink", "lambd", lambd, 0)
    return x - clip(x, -lambd, lambd)


@composite
def hardshrink(x: Any, lambd: float = 0.5) -> Any:
    """Return x, or 0 within the distance `lambd` of 0, where the derivative, bounds included, is 0.

    >>> import numpy as np
    >>> hardshrink(np.array([-2.0, 0.25, 2.0]))
    array([-2.,  0.,  2.])
    """
    return where((x >= -lambd) & (x <= lambd), 0, x)


@composite
def threshold(x: Any, threshold: float, value: float) -> Any:
    """Return x where it is above the threshold, else `value`.

    >>> import numpy as np
    >>> np.asarray(threshold(np.array([1.0, 3.0]), 2.0, -1.0))
    array([-1.,  3.])
    """
    return where(x <= threshold, value, x)


@floating("x")
@composite
def glu(x: Any, axis: int = -1) -> Any:
    """Compute a * sigmoid(b), where a and b are the halves of `x` along `axis`. Dauphin et al. (2017).

    Raises ShapeError for an axis of odd size.

    >>> import numpy as np
    >>> glu(np.array([3.0, 0.0]))
    array([1.5])
    """
    shape = shape_of(x)
    axis = one_axis("glu", axis, len(shape))
    if shape[axis] % 2:
        raise ShapeError(f"glu: the size of axis {axis} must be even, got shape {shape}")
    half = shape[axis] // 2
    return index_axis(x, axis, slice(None, half)) * sigmoid(index_axis(x, axis, slice(half, None)))


@floating("x")
@composite
def softmin(x: Any, axis: int = -1, *, dtype: DType = None) -> Any:
    """Compute softmax(-x) along `axis`, in `dtype` if given."""
    return softmax(-x, axis, dtype=dtype)


for _op in (elu, gelu_erf, gelu_tanh, hardswish, hardtanh, leaky_relu, relu, softplus, softsign, tanhshrink):
    _op.elementwise = True

fuse(gelu, kernels.gelu, kernels.gelu_gradients, "x")
fuse(hardsigmoid, kernels.hardsigmoid, kernels.hardsigmoid_gradients, "x")
fuse(silu, kernels.silu, kernels.silu_gradients, "x")
fuse(mish, kernels.mish, kernels.mish_gradients, "x")
fuse(logsigmoid, kernels.logsigmoid, kernels.logsigmoid_gradients, "x")
