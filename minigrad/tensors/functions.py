"""PyTorch's functions of tensors that are methods here, and questions about shapes and dtypes."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.arrays import DType
from minigrad.engine.promotion import CATEGORY, common_dtype
from minigrad.kernels import checks
from minigrad.tensors.tensor import Tensor

__all__ = [
    "broadcast_shapes", "can_cast", "clone", "detach", "is_complex", "is_nonzero", "is_same_size", "is_signed",
    "promote_types",
]  # fmt: skip


def broadcast_shapes(*shapes: int | tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape to which tensors of these shapes broadcast together; raise ShapeError if they do not.

    >>> import minigrad as mg
    >>> mg.broadcast_shapes((2,), (3, 1))
    (3, 2)
    """
    sizes = [(shape,) if isinstance(shape, int) else tuple(shape) for shape in shapes]
    return checks.broadcast_shapes(f"broadcast_shapes: {', '.join(map(str, sizes))} do not broadcast", *sizes)


def can_cast(from_: DType, to: DType) -> bool:
    """Return whether numbers of dtype `from_` may become those of `to`: floats no integers, and neither booleans.

    >>> import minigrad as mg
    >>> mg.can_cast(mg.float64, mg.float32), mg.can_cast(mg.float32, mg.int64)
    (True, False)
    """
    return CATEGORY[np.dtype(from_).kind] <= CATEGORY[np.dtype(to).kind]


def promote_types(type1: DType, type2: DType) -> np.dtype[Any]:
    """Return the dtype of the sum of tensors of two dtypes; see `result_type`.

    >>> import minigrad as mg
    >>> mg.promote_types(mg.int64, mg.float32)
    dtype('float32')
    """
    return common_dtype([np.empty(1, type1), np.empty(1, type2)])


def clone(input: Tensor, *, memory_format: Any = None) -> Tensor:
    """Return ``input.clone()``."""
    return input.clone()


def detach(input: Tensor) -> Tensor:
    """Return ``input.detach()``."""
    return input.detach()


def is_complex(input: Tensor) -> bool:
    """Return False: a tensor holds real numbers."""
    return input.is_complex()


def is_nonzero(input: Tensor) -> bool:
    """Return whether a tensor of one element is not 0; raise ValueError for other tensors."""
    return bool(input)


def is_same_size(input: Tensor, other: Tensor) -> bool:
    """Return whether two tensors have the same shape."""
    return input.shape == other.shape


def is_signed(input: Tensor) -> bool:
    """Return whether the dtype of a tensor has negative numbers."""
    return input.dtype.kind in "fi"
