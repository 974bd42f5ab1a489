"""Weight initialization: each function replaces the value of a tensor in place and returns the tensor.

`generator` is a NumPy Generator, by default the library's (`mg.manual_seed`). Fans: a Linear weight (out, in) has
fan_in = in and fan_out = out; a convolution's weight (F, C, KH, KW) has fan_in = C*KH*KW and fan_out = F*KH*KW. Functions
with fans raise ShapeError for tensors of less than two axes.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from minigrad.arrays import Array
from minigrad.errors import ShapeError, warn
from minigrad.random import default_generator
from minigrad.tensors.tensor import Tensor

__all__ = [
    "calculate_fan_in_and_fan_out", "calculate_gain", "constant_", "dirac_",
    "eye_", "kaiming_normal_", "kaiming_uniform_", "normal_", "ones_",
    "orthogonal_", "sparse_", "trunc_normal_", "uniform_", "xavier_normal_", "xavier_uniform_", "zeros_",
]  # fmt: skip

Generator = np.random.Generator
LINEAR = ("linear", "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d")


def constant_(tensor: Tensor, val: float) -> Tensor:
    """Fill with one value."""
    return _filled(tensor, np.full(tensor.shape, val))


def zeros_(tensor: Tensor) -> Tensor:
    """Fill with zeros."""
    return constant_(tensor, 0.0)


def ones_(tensor: Tensor) -> Tensor:
    """Fill with ones."""
    return constant_(tensor, 1.0)


def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Draw uniformly from [a, b). Raises ValueError for a > b."""
    if not a <= b:
        raise ValueError(f"uniform_: needs bounds a <= b, got {a} and {b}")
    return _filled(tensor, (generator or default_generator()).uniform(a, b, tensor.shape))


def normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Draw from a normal distribution with the given mean and standard deviation. Raises ValueError for std < 0."""
    if not std >= 0:
        raise ValueError(f"normal_: std must be at least 0, got {std}")
    return _filled(tensor, (generator or default_generator()).normal(mean, std, tensor.shape))


def trunc_normal_(
    tensor: Tensor,
    mean: float = 0.0,
    std: float = 1.0,
    a: float = -2.0,
    b: float = 2.0,
    generator: Generator | None = None,
) -> Tensor:
    """Draw from a normal distribution truncated to [a, b]; these are values, not multiples of `std`."""
    if not (a < b and std > 0):
        raise ValueError(f"trunc_normal_: needs a < b and std > 0, got a={a}, b={b}, std={std}")
    rng, low, high = generator or default_generator(), (a - mean) / std, (b - mean) / std
    flipped = low > 0  # probabilities of the lower tail are exact
    low, high = (-high, -low) if flipped else (low, high)
    from statistics import NormalDist  # slow to import, and rarely needed

    normal = NormalDist()
    below, above = normal.cdf(low), normal.cdf(high)
    if above - below > 0.01:
        drawn = rng.standard_normal(tensor.shape)
        while (outside := (drawn < low) | (drawn > high)).any():
            drawn = np.where(outside, rng.standard_normal(tensor.shape), drawn)
    else:  # too rare for rejection: invert the distribution function
        chances = np.maximum(below + (above - below) * rng.random(tensor.shape), np.finfo(float).tiny)
        drawn = np.clip(np.vectorize(normal.inv_cdf, otypes=[float])(chances), low, high)
    return _filled(tensor, np.clip(mean + std * (-drawn if flipped else drawn), a, b))


def eye_(tensor: Tensor) -> Tensor:
    """Fill a matrix with the identity, cut to its shape. Raises ShapeError unless it has two axes."""
    if tensor.ndim != 2:
        raise ShapeError(f"eye_: needs a matrix, got shape {tensor.shape}")
    return _filled(tensor, np.eye(tensor.shape[0], tensor.shape[1]))


def dirac_(tensor: Tensor, groups: int = 1) -> Tensor:
    """Fill a convolution's weight (F, C, *K) such that it copies as many channels as possible, within each of the groups."""
    F = tensor.shape[0] if 3 <= tensor.ndim <= 5 else 0
    if not F or groups < 1 or F % groups:
        raise ShapeError(f"dirac_: needs a weight (F, C, *K) with F divisible by groups={groups}, got shape {tensor.shape}")
    values = np.zeros(tensor.shape)
    middle = tuple(k // 2 for k in tensor.shape[2:])
    for group in range(groups):
        for c in range(min(F // groups, tensor.shape[1])):
            values[(group * (F // groups) + c, c, *middle)] = 1
    return _filled(tensor, values)


def orthogonal_(tensor: Tensor, gain: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Fill with `gain` times a random matrix with orthonormal rows, or columns if there are fewer: Saxe et al. (2014).

    A weight of more than two axes counts as the matrix (F, C*K).
    """
    if tensor.ndim < 2:
        raise ShapeError(f"orthogonal_: needs at least two axes, got shape {tensor.shape}")
    if not tensor.numel():
        return tensor
    rows, columns = tensor.shape[0], tensor.numel() // tensor.shape[0]
    drawn = (generator or default_generator()).standard_normal((max(rows, columns), min(rows, columns)))
    q, r = np.linalg.qr(drawn)
    q *= np.sign(np.diag(r))  # makes the distribution uniform over orthogonal matrices
    return _filled(tensor, gain * (q.T if rows < columns else q).reshape(tensor.shape))


def sparse_(tensor: Tensor, sparsity: float, std: float = 0.01, generator: Generator | None = None) -> Tensor:
    """Draw from a normal distribution, and zero the fraction `sparsity` of each column, rounded up: Martens (2010)."""
    if tensor.ndim != 2 or not 0 <= sparsity <= 1:
        raise ShapeError(f"sparse_: needs a matrix and a fraction in [0, 1], got shape {tensor.shape} and {sparsity}")
    rng, (rows, columns) = generator or default_generator(), tensor.shape
    values = std * rng.standard_normal((rows, columns))
    for column in range(columns):
        values[rng.permutation(rows)[: math.ceil(sparsity * rows)], column] = 0
    return _filled(tensor, values)


def xavier_uniform_(tensor: Tensor, gain: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Draw uniformly from +-gain * sqrt(6 / (fan_in + fan_out)): Glorot and Bengio (2010)."""
    bound = gain * math.sqrt(6.0 / sum(calculate_fan_in_and_fan_out(tensor)))
    return uniform_(tensor, -bound, bound, generator)


def xavier_normal_(tensor: Tensor, gain: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Draw from a normal distribution with std = gain * sqrt(2 / (fan_in + fan_out)): Glorot and Bengio (2010)."""
    return normal_(tensor, 0.0, gain * math.sqrt(2.0 / sum(calculate_fan_in_and_fan_out(tensor))), generator)


def kaiming_uniform_(
    tensor: Tensor,
    a: float = 0.0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> Tensor:
    """Draw uniformly from +-gain * sqrt(3 / fan): He et al. (2015).

    `mode` is "fan_in" or "fan_out", the fan in the formula; `nonlinearity` and `a`, the negative slope of a leaky ReLU,
    determine the gain: see `calculate_gain`.
    """
    bound = math.sqrt(3.0) * _kaiming_std(tensor, a, mode, nonlinearity)
    return uniform_(tensor, -bound, bound, generator)


def kaiming_normal_(
    tensor: Tensor,
    a: float = 0.0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> Tensor:
    """Draw from a normal distribution with std = gain / sqrt(fan): He et al. (2015). See `kaiming_uniform_`."""
    return normal_(tensor, 0.0, _kaiming_std(tensor, a, mode, nonlinearity), generator)


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """Return the factor for a layer's weights that keeps the variance of signals through a nonlinearity.

    `nonlinearity` is "relu", "leaky_relu", "tanh", "sigmoid", "selu", "linear" or the name of a convolution; `param` is the
    negative slope of a leaky ReLU, 0.01 by default. Raises ValueError for other names.

    >>> calculate_gain("relu")
    1.4142135623730951
    """
    slope = 0.01 if param is None else param
    gains = {
        **dict.fromkeys(LINEAR, 1.0), "sigmoid": 1.0, "tanh": 5 / 3, "selu": 0.75,
        "relu": math.sqrt(2.0), "leaky_relu": math.sqrt(2.0 / (1 + slope**2)),
    }  # fmt: skip
    if nonlinearity not in gains:
        raise ValueError(f"calculate_gain: nonlinearity must be one of {', '.join(gains)}, got {nonlinearity!r}")
    return gains[nonlinearity]


def calculate_fan_in_and_fan_out(tensor: Tensor) -> tuple[int, int]:
    """Return (fan_in, fan_out): the number of weights that lead to an output, and from an input, of a layer.

    Raises ShapeError for a tensor of less than two axes.

    >>> import minigrad as mg
    >>> calculate_fan_in_and_fan_out(mg.zeros(8, 3, 5, 5))
    (75, 200)
    """
    shape = tensor.shape
    if len(shape) < 2:
        raise ShapeError(f"fan_in and fan_out need a tensor of at least two axes, got shape {shape}")
    field = math.prod(shape[2:])
    return shape[1] * field, shape[0] * field


_calculate_fan_in_and_fan_out = calculate_fan_in_and_fan_out  # PyTorch's name, which programs use


def _kaiming_std(tensor: Tensor, a: float, mode: str, nonlinearity: str) -> float:
    """Return gain / sqrt(fan)."""
    return calculate_gain(nonlinearity, a) / math.sqrt(_calculate_correct_fan(tensor, mode))


def _calculate_correct_fan(tensor: Tensor, mode: str) -> int:
    """Return the fan that `mode` names; programs call this function of PyTorch, too."""
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(f'kaiming: mode must be "fan_in" or "fan_out", got {mode!r}')
    return calculate_fan_in_and_fan_out(tensor)[mode == "fan_out"]


def __getattr__(name: str) -> Any:
    """Return a function under its name in PyTorch before 0.4, ``xavier_uniform`` for `xavier_uniform_`, with a warning."""
    if f"{name}_" not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    function = globals()[f"{name}_"]

    @functools.wraps(function)
    def call(*args: Any, **options: Any) -> Any:
        warn(f"nn.init.{name} is deprecated: it is called {name}_")
        return function(*args, **options)

    return call


def _filled(tensor: Tensor, values: Array) -> Tensor:
    tensor.replace_array(values.astype(tensor.dtype))
    return tensor
