"""Tensors made of nothing but a shape: constants, ranges and random numbers; and PyTorch's ways in for data.

Shapes are ``zeros(2, 3)`` or ``zeros((2, 3))``. The dtype is the default one (float32) unless given; `generator` is a NumPy
Generator, and the library's own unless given; a `device` may be named, if it is the CPU.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad import devices
from minigrad.config import get_default_dtype
from minigrad.errors import ShapeError
from minigrad.primitive import Array, DType, Traced
from minigrad.random import default_generator
from minigrad.registry import register
from minigrad.tensor import Tensor, _wrap

__all__ = [
    "BoolTensor", "DoubleTensor", "FloatTensor", "IntTensor", "LongTensor", "arange", "as_tensor", "asarray",
    "bernoulli", "empty", "empty_like", "eye", "from_numpy", "full", "full_like", "is_floating_point", "is_tensor",
    "linspace", "logspace", "multinomial", "normal", "numel", "ones", "ones_like", "rand", "rand_like", "randint",
    "randn", "randn_like", "randperm", "zeros", "zeros_like",
]  # fmt: skip

Generator = np.random.Generator | None


def _typed(name: str, dtype: type) -> Callable[[Any], Tensor]:
    """PyTorch's old name for a tensor of `dtype` made of `data`."""

    def make(data: Any = ()) -> Tensor:
        return Tensor(data, dtype)

    make.__name__ = make.__qualname__ = name
    make.__doc__ = f"``tensor(data, dtype={np.dtype(dtype)})``, as PyTorch called it once."
    return make


FloatTensor, DoubleTensor = _typed("FloatTensor", np.float32), _typed("DoubleTensor", np.float64)
IntTensor, LongTensor, BoolTensor = (
    _typed("IntTensor", np.int32), _typed("LongTensor", np.int64), _typed("BoolTensor", np.bool_),
)  # fmt: skip


def zeros(*size: Any, dtype: DType = None, requires_grad: bool = False, device: Any = None) -> Tensor:
    """Zeros.

    >>> import minigrad as mg
    >>> mg.zeros(2)
    tensor([0., 0.])
    """
    return _made(np.zeros(_shape(size), dtype or get_default_dtype()), requires_grad, device)


def ones(*size: Any, dtype: DType = None, requires_grad: bool = False, device: Any = None) -> Tensor:
    """Ones."""
    return _made(np.ones(_shape(size), dtype or get_default_dtype()), requires_grad, device)


empty = zeros  # nobody is served by what happened to be there


def full(size: Any, fill_value: Any, dtype: DType = None, requires_grad: bool = False, device: Any = None) -> Tensor:
    """One value everywhere; without `dtype`, in that of ``tensor(fill_value)``.

    >>> import minigrad as mg
    >>> mg.full((2,), 7)
    tensor([7, 7])
    """
    return _made(np.full(_shape((size,)), Tensor(fill_value, dtype)._array), requires_grad, device)


def arange(
    start: float,
    end: float | None = None,
    step: float = 1,
    dtype: DType = None,
    requires_grad: bool = False,
    device: Any = None,
) -> Tensor:
    """start, start + step, ... up to but without `end`; integers where all three are.

    >>> import minigrad as mg
    >>> mg.arange(3), mg.arange(0.0, 1.0, 0.25)
    (tensor([0, 1, 2]), tensor([0.0000, 0.2500, 0.5000, 0.7500]))
    """
    first, last = (0, start) if end is None else (start, end)
    if dtype is None and any(isinstance(v, float) for v in (first, last, step)):
        dtype = get_default_dtype()
    return _made(np.arange(first, last, step, dtype=dtype), requires_grad, device)


def linspace(
    start: float, end: float, steps: int, dtype: DType = None, requires_grad: bool = False, device: Any = None
) -> Tensor:
    """`steps` numbers at equal distances from `start` to `end`, both included.

    >>> import minigrad as mg
    >>> mg.linspace(0, 1, 3)
    tensor([0.0000, 0.5000, 1.0000])
    """
    return _made(np.linspace(start, end, steps, dtype=dtype or get_default_dtype()), requires_grad, device)


def logspace(
    start: float,
    end: float,
    steps: int,
    base: float = 10.0,
    dtype: DType = None,
    requires_grad: bool = False,
    device: Any = None,
) -> Tensor:
    """`base` to the powers of ``linspace(start, end, steps)``."""
    return _made(np.logspace(start, end, steps, base=base, dtype=dtype or get_default_dtype()), requires_grad, device)


def eye(n: int, m: int | None = None, dtype: DType = None, requires_grad: bool = False, device: Any = None) -> Tensor:
    """Ones on the diagonal of an (n, m) matrix."""
    return _made(np.eye(n, m, dtype=dtype or get_default_dtype()), requires_grad, device)


def rand(
    *size: Any, generator: Generator = None, dtype: DType = None, requires_grad: bool = False, device: Any = None
) -> Tensor:
    """Uniform in [0, 1)."""
    return _drawn((generator or default_generator()).random(_shape(size)), dtype, requires_grad, device)


def randn(
    *size: Any, generator: Generator = None, dtype: DType = None, requires_grad: bool = False, device: Any = None
) -> Tensor:
    """Standard normal."""
    return _drawn((generator or default_generator()).standard_normal(_shape(size)), dtype, requires_grad, device)


def normal(mean: Any, std: Any = 1.0, size: Any = None, generator: Generator = None) -> Tensor:
    """Normal with means and standard deviations that are numbers or tensors, which broadcast; nothing flows back to them."""
    shape = np.broadcast_shapes(np.shape(mean), np.shape(std)) if size is None else _shape((size,))
    drawn = (generator or default_generator()).standard_normal(shape)
    return _drawn(_plain(mean) + _plain(std) * drawn, None, False, None)


def bernoulli(p: Any, generator: Generator = None) -> Tensor:
    """1 with the probabilities in `p`, else 0, in the shape and dtype of `p`; nothing flows back to it."""
    probabilities = Tensor(p)._array
    return _made(
        ((generator or default_generator()).random(probabilities.shape) < probabilities).astype(probabilities.dtype)
    )


def multinomial(weights: Any, num_samples: int, replacement: bool = False, generator: Generator = None) -> Tensor:
    """Indices drawn with probabilities in proportion to `weights`, (C,) or a row for each draw (N, C): (..., num_samples).

    Raises ValueError for weights that are negative, not finite or all zero, and for more samples than there are weights
    above zero, unless with `replacement`.

    >>> import minigrad as mg
    >>> mg.multinomial(mg.tensor([0.0, 3.0, 0.0]), 2, replacement=True)
    tensor([1, 1])
    """
    w = np.asarray(_plain(weights), np.float64)
    source = generator or default_generator()
    if w.ndim not in (1, 2):
        raise ShapeError(f"multinomial: weights must be (C,) or (N, C), got shape {w.shape}")
    if not (np.isfinite(w).all() and (w >= 0).all() and w.any(-1).all()):
        raise ValueError("multinomial: weights must be finite, at least 0, and not all of a row 0")
    possible = int(np.count_nonzero(w, -1).min())
    if num_samples < 1 or (not replacement and num_samples > possible):
        raise ValueError(f"multinomial: num_samples must be 1 to {possible}, the weights above 0, got {num_samples}")
    if replacement:
        upto = np.cumsum(w, -1)
        drawn = source.random((*w.shape[:-1], num_samples)) * upto[..., -1:]
        return _made((drawn[..., None] >= upto[..., None, :]).sum(-1))
    with np.errstate(divide="ignore"):  # a race: each arrives after a time of mean 1/weight
        return _made(np.argsort(source.standard_exponential(w.shape) / w, -1)[..., :num_samples])


def randint(low: int, high: Any, size: Any = None, generator: Generator = None, dtype: DType = None) -> Tensor:
    """Integers from `low` (included) to `high` (not included): ``randint(low, high, size)`` or ``randint(high, size)``."""
    first, last, size = (0, low, high) if size is None else (low, high, size)
    return _made((generator or default_generator()).integers(first, last, _shape((size,)), dtype or np.int64))


def randperm(n: int, generator: Generator = None) -> Tensor:
    """The integers from 0 to n - 1 in a random order."""
    return _made((generator or default_generator()).permutation(n))


@register(np.zeros_like, np.empty_like)
def zeros_like(x: Any, dtype: DType = None, requires_grad: bool = False, device: Any = None) -> Tensor:
    """Zeros in the shape and dtype of `x`."""
    return _made(np.zeros_like(_plain(x), dtype=dtype), requires_grad, device)


empty_like = zeros_like


@register(np.ones_like)
def ones_like(x: Any, dtype: DType = None, requires_grad: bool = False, device: Any = None) -> Tensor:
    """Ones in the shape and dtype of `x`."""
    return _made(np.ones_like(_plain(x), dtype=dtype), requires_grad, device)


@register(np.full_like)
def full_like(x: Any, fill_value: Any, dtype: DType = None, requires_grad: bool = False, device: Any = None) -> Tensor:
    """One value in the shape and dtype of `x`."""
    return _made(np.full_like(_plain(x), _plain(fill_value), dtype=dtype), requires_grad, device)


def rand_like(
    x: Any, generator: Generator = None, dtype: DType = None, requires_grad: bool = False, device: Any = None
) -> Tensor:
    """Uniform in [0, 1), in the shape and dtype of `x`."""
    return rand(x.shape, generator=generator, dtype=dtype or x.dtype, requires_grad=requires_grad, device=device)


def randn_like(
    x: Any, generator: Generator = None, dtype: DType = None, requires_grad: bool = False, device: Any = None
) -> Tensor:
    """Standard normal, in the shape and dtype of `x`."""
    return randn(x.shape, generator=generator, dtype=dtype or x.dtype, requires_grad=requires_grad, device=device)


def as_tensor(data: Any, dtype: DType = None, device: Any = None) -> Tensor:
    """A tensor as it is, in another dtype if one is given; a constant of anything else."""
    if device is not None:
        devices.device(device)
    if isinstance(data, Tensor):
        return data if dtype is None or data.dtype == dtype else data.astype(dtype)
    return Tensor(data, dtype)


asarray = as_tensor


def from_numpy(array: Array) -> Tensor:
    """A constant with the values of an array; a copy of them, because tensors are values."""
    if not isinstance(array, np.ndarray):
        raise TypeError(f"from_numpy: needs an array, got {type(array).__name__}")
    return Tensor(array)


def is_tensor(x: Any) -> bool:
    """Whether something is a Tensor."""
    return isinstance(x, Tensor)


def is_floating_point(x: Tensor) -> bool:
    """Whether the dtype of a tensor is one of floats."""
    return x.is_floating_point()


def numel(x: Tensor) -> int:
    """The number of elements of a tensor."""
    return x.numel()


def _made(array: Any, requires_grad: bool = False, device: Any = None) -> Tensor:
    """A tensor around a fresh array."""
    if device is not None:
        devices.device(device)
    made = _wrap(np.asarray(array), None)
    if made.dtype.kind not in "fiub":
        made = Tensor(array)  # says what is wrong with it
    return made.requires_grad_() if requires_grad else made


def _drawn(numbers: Any, dtype: DType, requires_grad: bool, device: Any) -> Tensor:
    return _made(np.asarray(numbers).astype(dtype or get_default_dtype()), requires_grad, device)


def _plain(x: Any) -> Any:
    return x._array if isinstance(x, Traced) else x


def _shape(size: tuple[Any, ...]) -> tuple[int, ...]:
    return tuple(size[0]) if len(size) == 1 and isinstance(size[0], tuple | list) else size
