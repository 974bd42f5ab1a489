"""What layers ask of their arguments, and the values that their parameters start with."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad.config import get_default_dtype
from minigrad.errors import ShapeError
from minigrad.nn import init
from minigrad.nn.parameter import Parameter
from minigrad.primitive import DType

__all__ = ["count", "parameter", "uniform_parameter"]


def count(layer: str, name: str, value: Any) -> int:
    """An int of at least 1; raises TypeError or ShapeError for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise TypeError(f"{layer}: {name} must be an int, got {value!r}")
    if value < 1:
        raise ShapeError(f"{layer}: {name} must be at least 1, got {value}")
    return int(value)


def parameter(shape: tuple[int, ...], value: float, dtype: DType = None) -> Parameter:
    """A parameter of one value everywhere."""
    return Parameter(np.full(shape, value, dtype or get_default_dtype()))


def uniform_parameter(shape: tuple[int, ...], fan_in: int, dtype: DType = None) -> Parameter:
    """A parameter drawn uniformly from +-1/sqrt(fan_in), as PyTorch starts its linear and convolutional layers."""
    bound = 1 / math.sqrt(fan_in)
    made = parameter(shape, 0.0, dtype)
    init.uniform_(made, -bound, bound)
    return made
