"""Tensors made of nothing but a shape: constants, ranges and random numbers.

Shapes are ``zeros(2, 3)`` or ``zeros((2, 3))``. The dtype is the default one (float32) unless given; `generator` is a NumPy
Generator, and the library's own unless given.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.config import get_default_dtype
from minigrad.primitive import DType, register
from minigrad.random import default_generator
from minigrad.tensor import Tensor

__all__ = [
    "arange", "eye", "full", "full_like", "ones", "ones_like", "rand", "rand_like", "randn", "randn_like", "zeros",
    "zeros_like",
]  # fmt: skip

Generator = np.random.Generator


def zeros(*size: Any, dtype: DType = None, requires_grad: bool = False) -> Tensor:
    """Zeros.

    >>> import minigrad as mg
    >>> mg.zeros(2)
    tensor([0., 0.])
    """
    return Tensor(np.zeros(_shape(size), dtype or get_default_dtype()), requires_grad=requires_grad)


def ones(*size: Any, dtype: DType = None, requires_grad: bool = False) -> Tensor:
    """Ones."""
    return Tensor(np.ones(_shape(size), dtype or get_default_dtype()), requires_grad=requires_grad)


def full(size: Any, fill_value: float, dtype: DType = None, requires_grad: bool = False) -> Tensor:
    """One value everywhere; without `dtype`, that of ``tensor(fill_value)``.

    >>> import minigrad as mg
    >>> mg.full((2,), 7)
    tensor([7, 7])
    """
    value = Tensor(fill_value, dtype)._array
    return Tensor(np.full(_shape((size,)), value), requires_grad=requires_grad)


def arange(
    start: float, end: float | None = None, step: float = 1, dtype: DType = None, requires_grad: bool = False
) -> Tensor:
    """start, start + step, ... up to but without `end`; integers where all three are.

    >>> import minigrad as mg
    >>> mg.arange(3), mg.arange(0.0, 1.0, 0.25)
    (tensor([0, 1, 2]), tensor([0.0000, 0.2500, 0.5000, 0.7500]))
    """
    first, last = (0, start) if end is None else (start, end)
    if dtype is None and any(isinstance(v, float) for v in (first, last, step)):
        dtype = get_default_dtype()
    return Tensor(np.arange(first, last, step, dtype=dtype), requires_grad=requires_grad)


def eye(n: int, m: int | None = None, dtype: DType = None, requires_grad: bool = False) -> Tensor:
    """Ones on the diagonal of an (n, m) matrix."""
    return Tensor(np.eye(n, m, dtype=dtype or get_default_dtype()), requires_grad=requires_grad)


def rand(*size: Any, generator: Generator | None = None, dtype: DType = None, requires_grad: bool = False) -> Tensor:
    """Uniform in [0, 1)."""
    drawn = (generator or default_generator()).random(_shape(size))
    return Tensor(drawn.astype(dtype or get_default_dtype()), requires_grad=requires_grad)


def randn(*size: Any, generator: Generator | None = None, dtype: DType = None, requires_grad: bool = False) -> Tensor:
    """Standard normal."""
    drawn = (generator or default_generator()).standard_normal(_shape(size))
    return Tensor(np.asarray(drawn).astype(dtype or get_default_dtype()), requires_grad=requires_grad)


@register(np.zeros_like, np.empty_like)
def zeros_like(x: Tensor, dtype: DType = None, requires_grad: bool = False) -> Tensor:
    """Zeros in the shape and dtype of `x`."""
    return zeros(x.shape, dtype=dtype or x.dtype, requires_grad=requires_grad)


@register(np.ones_like)
def ones_like(x: Tensor, dtype: DType = None, requires_grad: bool = False) -> Tensor:
    """Ones in the shape and dtype of `x`."""
    return ones(x.shape, dtype=dtype or x.dtype, requires_grad=requires_grad)


@register(np.full_like)
def full_like(x: Tensor, fill_value: float, dtype: DType = None, requires_grad: bool = False) -> Tensor:
    """One value in the shape and dtype of `x`."""
    return full(x.shape, fill_value, dtype=dtype or x.dtype, requires_grad=requires_grad)


def rand_like(x: Tensor, generator: Generator | None = None, dtype: DType = None, requires_grad: bool = False) -> Tensor:
    """Uniform in [0, 1), in the shape and dtype of `x`."""
    return rand(x.shape, generator=generator, dtype=dtype or x.dtype, requires_grad=requires_grad)


def randn_like(x: Tensor, generator: Generator | None = None, dtype: DType = None, requires_grad: bool = False) -> Tensor:
    """Standard normal, in the shape and dtype of `x`."""
    return randn(x.shape, generator=generator, dtype=dtype or x.dtype, requires_grad=requires_grad)


def _shape(size: tuple[Any, ...]) -> tuple[int, ...]:
    return tuple(size[0]) if len(size) == 1 and isinstance(size[0], tuple | list) else size
