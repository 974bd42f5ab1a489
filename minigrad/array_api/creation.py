"""Creation functions of the array API standard."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad import ops
from minigrad.array_api.dtypes import Scalar, operands
from minigrad.arrays import DType
from minigrad.config import get_default_dtype
from minigrad.interop.dlpack import from_dlpack
from minigrad.ops import tril, triu
from minigrad.tensors import creation
from minigrad.tensors.creation import empty_like, full_like, ones_like, zeros_like
from minigrad.tensors.tensor import Tensor, tensor

__all__ = [
    "arange", "asarray", "empty", "empty_like", "eye", "from_dlpack", "full", "full_like", "linspace", "meshgrid", "ones",
    "ones_like", "tril", "triu", "zeros", "zeros_like",
]  # fmt: skip


def asarray(obj: Any, /, *, dtype: DType = None, device: Any = None, copy: bool | None = None) -> Tensor:
    """Return a tensor of a number, a nested sequence, an array or a tensor; see `minigrad.asarray`."""
    return creation.asarray(obj, dtype, device, copy)


def arange(
    start: Scalar, /, stop: Scalar | None = None, step: Scalar = 1, *, dtype: DType = None, device: Any = None
) -> Tensor:
    """Return start, start + step, ... up to but excluding `stop`; with one argument 0, 1, ... up to that."""
    if step == 0:
        raise ValueError(f"arange: the step must not be 0, got {step}")
    first, last = (0, start) if stop is None else (start, stop)
    default = np.int64 if all(isinstance(n, int) for n in (first, last, step)) else get_default_dtype()
    return tensor(np.arange(first, last, step, dtype=dtype or default), device=device)


def zeros(shape: int | tuple[int, ...], *, dtype: DType = None, device: Any = None) -> Tensor:
    """Return a tensor of zeros."""
    return creation.zeros(shape, dtype=dtype, device=device)


def ones(shape: int | tuple[int, ...], *, dtype: DType = None, device: Any = None) -> Tensor:
    """Return a tensor of ones."""
    return creation.ones(shape, dtype=dtype, device=device)


def empty(shape: int | tuple[int, ...], *, dtype: DType = None, device: Any = None) -> Tensor:
    """Return a tensor of zeros: uninitialized memory would make programs unpredictable."""
    return creation.zeros(shape, dtype=dtype, device=device)


def full(shape: int | tuple[int, ...], fill_value: Scalar, *, dtype: DType = None, device: Any = None) -> Tensor:
    """Return a tensor filled with one number."""
    return creation.full(shape, fill_value, dtype=dtype, device=device)


def eye(n_rows: int, n_cols: int | None = None, /, *, k: int = 0, dtype: DType = None, device: Any = None) -> Tensor:
    """Return a matrix with ones on the `k`-th diagonal, counted upwards, and zeros elsewhere."""
    return tensor(np.eye(n_rows, n_cols, k, dtype or get_default_dtype()), device=device)


def linspace(
    start: Scalar, stop: Scalar, /, num: int, *, dtype: DType = None, device: Any = None, endpoint: bool = True
) -> Tensor:
    """Return `num` numbers at equal distances from `start` to `stop`, the end included unless `endpoint` is False."""
    return tensor(np.linspace(start, stop, num, endpoint, dtype=dtype or get_default_dtype()), device=device)


def meshgrid(*arrays: Tensor, indexing: str = "xy") -> list[Tensor]:
    """Return the coordinates of a grid, one tensor for each vector: the first varies along axis 1, or by "ij" along 0."""
    return list(ops.meshgrid(*operands("meshgrid", *arrays), indexing=indexing)) if arrays else []
