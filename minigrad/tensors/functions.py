"""PyTorch's functions of tensors that are methods here, and questions about shapes and dtypes."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.arrays import DType
from minigrad.engine.promotion import CATEGORY, common_dtype
from minigrad.kernels import checks
from minigrad.tensors.tensor import Tensor

__all__ = [
    "abs_", "acos_", "acosh_", "addmv_", "arccos_", "arccosh_", "arcsin_", "arcsinh_", "arctan_", "arctanh_", "asin_",
    "asinh_", "atan_", "atanh_", "broadcast_shapes", "can_cast", "ceil_", "clamp_", "clamp_max_", "clamp_min_", "clip_",
    "clone", "cos_", "cosh_", "deg2rad_", "detach", "detach_", "erf_", "erfc_", "exp2_", "exp_", "expm1_", "fill", "fill_",
    "fix_", "floor_", "frac_", "gcd_", "index_put_", "is_complex", "is_nonzero", "is_same_size", "is_signed", "lcm_",
    "ldexp_", "log10_", "log1p_", "log2_", "log_", "logit_", "nan_to_num_", "neg_", "negative_", "promote_types",
    "rad2deg_", "reciprocal_", "relu_", "round_", "rsqrt_", "sigmoid_", "sin_", "sinc_", "sinh_", "sqrt_", "square_",
    "tan_", "tanh_", "trunc_", "xlogy_", "zero_",
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


def fill(input: Tensor, value: Any) -> Tensor:
    """Return a tensor like `input`, filled with a number or 0-d tensor, to which gradients flow."""
    return input.clone().fill_(value)


def fill_(input: Tensor, value: Any) -> Tensor:
    """Return ``input.fill_(value)``."""
    return input.fill_(value)


def is_complex(input: Tensor) -> bool:
    """Return False: a tensor holds real numbers."""
    return input.is_complex()


def is_nonzero(input: Tensor) -> bool:
    """Return whether a tensor of one element is not 0; raise ValueError for other tensors."""
    return input.is_nonzero()


def is_same_size(input: Tensor, other: Tensor) -> bool:
    """Return whether two tensors have the same shape."""
    return input.shape == other.shape


def is_signed(input: Tensor) -> bool:
    """Return whether the dtype of a tensor has negative numbers."""
    return input.is_signed()


def _function(name: str) -> Any:
    """Return an in-place method as the function that PyTorch has, too: ``torch.relu_(x)`` is ``x.relu_()``."""
    method = getattr(Tensor, name)

    def function(input: Tensor, *args: Any, **options: Any) -> Tensor:
        changed: Tensor = method(input, *args, **options)
        return changed

    function.__name__ = function.__qualname__ = name
    function.__doc__ = method.__doc__
    vars(function).update(vars(method))  # the operation that it wraps
    return function


(
    abs_, acos_, acosh_, addmv_, arccos_, arccosh_, arcsin_, arcsinh_, arctan_, arctanh_, asin_, asinh_, atan_, atanh_,
    ceil_, clamp_, clamp_max_, clamp_min_, clip_, cos_, cosh_, deg2rad_, detach_, erf_, erfc_, exp2_, exp_, expm1_,
    fix_, floor_, frac_, gcd_, index_put_, lcm_, ldexp_, log10_, log1p_, log2_, log_, logit_, nan_to_num_, neg_,
    negative_, rad2deg_, reciprocal_, relu_, round_, rsqrt_, sigmoid_, sin_, sinc_, sinh_, sqrt_, square_, tan_, tanh_,
    trunc_, xlogy_, zero_,
) = [_function(name) for name in __all__ if name.endswith("_") and name != "fill_"]  # fmt: skip
