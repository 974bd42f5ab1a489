"""Creation of tensors: constants, ranges, random numbers, and PyTorch's functions that convert data.

Shapes are ``zeros(2, 3)`` or ``zeros((2, 3))``. The dtype is the default one (float32) unless given; `generator` is a NumPy
Generator, and the library's own unless given; a `device` may be named, if it is the CPU.
"""

from __future__ import annotations

import functools
import inspect
import math
import operator
from collections.abc import Callable, Sequence
from typing import Any, SupportsIndex, TypeVar

import numpy as np

from minigrad import ops
from minigrad.arrays import Array, DType, Traced
from minigrad.config import get_default_dtype, set_default_dtype
from minigrad.engine.out import call_into
from minigrad.engine.registry import register
from minigrad.errors import DTypeError, ShapeError
from minigrad.kernels.conversion import check_numbers
from minigrad.kernels.errstate import errstate
from minigrad.random import default_generator, draw_categories
from minigrad.tensors import devices
from minigrad.tensors.inspection import TYPES
from minigrad.tensors.tensor import Tensor, tensor

__all__ = [
    "BoolTensor", "ByteTensor", "CharTensor", "DoubleTensor", "FloatTensor", "HalfTensor", "IntTensor", "LongTensor",
    "ShortTensor", "set_default_tensor_type", "arange", "as_tensor", "asarray",
    "bernoulli", "empty", "empty_like", "eye", "from_numpy", "full", "full_like", "is_floating_point", "is_tensor",
    "linspace", "logspace", "multinomial", "normal", "numel", "ones", "ones_like", "rand", "rand_like",
    "randint", "randint_like", "randn", "randn_like", "randperm", "scalar_tensor", "tril_indices", "triu_indices",
    "zeros", "zeros_like",
]  # fmt: skip

Sizes = SupportsIndex | Sequence[SupportsIndex]
Factory = TypeVar("Factory", bound=Callable[..., Tensor])


def _with_out(factory: Factory) -> Factory:
    """Let a function that makes a tensor accept `out`, which takes the values, in its own dtype unless one is given."""
    signature = inspect.signature(factory)
    has_dtype = "dtype" in signature.parameters
    option = inspect.Parameter("out", inspect.Parameter.KEYWORD_ONLY, default=None, annotation="Tensor | None")
    signature = signature.replace(parameters=[*signature.parameters.values(), option])

    @functools.wraps(factory)
    def make(*args: Any, **options: Any) -> Any:
        if "out" not in options:
            return factory(*args, **options)
        out = options["out"]
        if has_dtype and isinstance(out, Tensor) and options.get("dtype") is None:
            options["dtype"] = out.dtype
        return call_into(factory, factory.__name__, args, options)

    make.__signature__ = signature  # type: ignore[attr-defined]
    return make  # type: ignore[return-value]


class _OfDtype(type):
    """The class of PyTorch's older constructors, which make a `Tensor`; tensors of their dtype are their instances."""

    dtype: np.dtype[Any]  # NumPy reads it where a dtype is given: ``x.type(mg.LongTensor)``

    def __call__(cls, *data: Any, device: Any = None) -> Any:
        return Tensor(*data, dtype=cls.dtype, device=device)

    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, Tensor) and instance.dtype == cls.dtype


def _of_dtype(name: str) -> _OfDtype:
    dtype = TYPES[name]
    text = f"""``Tensor(..., dtype={dtype})``, PyTorch's older constructor; in `isinstance`, the tensors of this dtype.

    >>> import minigrad as mg
    >>> x = mg.{name}Tensor([1, 0])
    >>> x.dtype, isinstance(x, mg.{name}Tensor)
    (dtype('{dtype}'), True)
    """
    return _OfDtype(f"{name}Tensor", (), {"dtype": dtype, "__doc__": text, "__module__": __name__})


BoolTensor, ByteTensor, CharTensor = _of_dtype("Bool"), _of_dtype("Byte"), _of_dtype("Char")
DoubleTensor, FloatTensor, HalfTensor = _of_dtype("Double"), _of_dtype("Float"), _of_dtype("Half")
IntTensor, LongTensor, ShortTensor = _of_dtype("Int"), _of_dtype("Long"), _of_dtype("Short")


def set_default_tensor_type(t: Any) -> None:
    """Set the default dtype to that of a type, ``mg.DoubleTensor`` or its name "torch.DoubleTensor"; see `Tensor.type`.

    >>> import minigrad as mg
    >>> mg.set_default_tensor_type(mg.DoubleTensor)
    >>> mg.tensor(1.5).dtype
    dtype('float64')
    >>> mg.set_default_tensor_type("torch.FloatTensor")
    """
    set_default_dtype(Tensor().type(t).dtype)


@_with_out
def zeros(
    *sizes: Sizes, size: Sizes | None = None, dtype: DType = None, requires_grad: bool = False, device: Any = None
) -> Tensor:
    """Return a tensor of zeros.

    >>> import minigrad as mg
    >>> mg.zeros(2)
    tensor([0., 0.])
    """
    return _made(np.zeros(_shape("zeros", sizes, size), dtype or get_default_dtype()), requires_grad, device)


@_with_out
def ones(
    *sizes: Sizes, size: Sizes | None = None, dtype: DType = None, requires_grad: bool = False, device: Any = None
) -> Tensor:
    """Return a tensor of ones; see `zeros`."""
    return _made(np.ones(_shape("ones", sizes, size), dtype or get_default_dtype()), requires_grad, device)


empty = zeros  # uninitialized memory would make programs unpredictable


@_with_out
def full(size: Sizes, fill_value: Any, dtype: DType = None, requires_grad: bool = False, device: Any = None) -> Tensor:
    """Return a tensor filled with one value, by default of the dtype of ``tensor(fill_value)``. Gradients flow to a tensor.

    >>> import minigrad as mg
    >>> mg.full((2,), 7)
    tensor([7, 7])
    """
    return _filled(_shape("full", (size,)), fill_value, dtype, requires_grad, device)


@_with_out
def arange(
    start: float = 0,
    end: float | None = None,
    step: float = 1,
    dtype: DType = None,
    requires_grad: bool = False,
    device: Any = None,
) -> Tensor:
    """Return start, start + step, ... up to but excluding `end`; integers if all three are.

    In a dtype of integers the three are cut to integers first, as PyTorch does. Raises ValueError for a step of 0 or away
    from `end`, and for a range that is not finite.

    >>> import minigrad as mg
    >>> mg.arange(3), mg.arange(0.0, 1.0, 0.25)
    (tensor([0, 1, 2]), tensor([0.0000, 0.2500, 0.5000, 0.7500]))
    """
    first, last, by = map(_number, (0, start, step) if end is None else (start, end, step))
    if dtype is None:
        dtype = get_default_dtype() if any(isinstance(v, float) for v in (first, last, by)) else np.int64
    dtype = np.dtype(dtype)
    if not (math.isfinite(first) and math.isfinite(last) and by == by):
        raise ValueError(f"arange: start, end and step must be finite, got {first}, {last}, {by}")
    count, whole = _steps(first, last, by), dtype.kind in "iu"
    if whole:
        ints = int(first), int(last), int(by)
        count = _steps(*ints) if dtype == np.int64 else count  # for other dtypes PyTorch counts before it converts
        first, by = ints[0], ints[2]
    values = first + by * np.arange(count, dtype=np.int64 if whole else np.float64)
    return _made(values.astype(_of_numbers("arange", dtype)), requires_grad, device)


@_with_out
def linspace(
    start: float, end: float, steps: int, dtype: DType = None, requires_grad: bool = False, device: Any = None
) -> Tensor:
    """Return `steps` evenly spaced numbers from `start` to `end`, both included, each computed from the nearer end.

    In a dtype of integers each is cut to an integer. Raises ValueError for a negative number of steps.

    >>> import minigrad as mg
    >>> mg.linspace(0, 1, 3)
    tensor([0.0000, 0.5000, 1.0000])
    """
    dtype = np.dtype(dtype or get_default_dtype())
    return _made(_spaced("linspace", start, end, steps, dtype).astype(dtype), requires_grad, device)


@_with_out
def logspace(
    start: float,
    end: float,
    steps: int,
    base: float = 10.0,
    dtype: DType = None,
    requires_grad: bool = False,
    device: Any = None,
) -> Tensor:
    """Return `base` to the powers of ``linspace(start, end, steps)``."""
    dtype = np.dtype(dtype or get_default_dtype())
    return _made((_number(base) ** _spaced("logspace", start, end, steps, dtype)).astype(dtype), requires_grad, device)


@_with_out
def eye(n: int, m: int | None = None, dtype: DType = None, requires_grad: bool = False, device: Any = None) -> Tensor:
    """Return an (n, m) matrix with ones on the diagonal; `m` is `n` by default."""
    rows, columns = _shape("eye", (n, n if m is None else m))
    return _made(np.eye(rows, columns, dtype=dtype or get_default_dtype()), requires_grad, device)


@_with_out
def rand(
    *sizes: Sizes,
    size: Sizes | None = None,
    generator: np.random.Generator | None = None,
    dtype: DType = None,
    requires_grad: bool = False,
    device: Any = None,
) -> Tensor:
    """Return random numbers from the uniform distribution on [0, 1). Raises DTypeError unless `dtype` is a float."""
    shape, dtype = _shape("rand", sizes, size), _of_floats("rand", dtype)
    return _drawn((generator or default_generator()).random(shape), dtype, requires_grad, device)


@_with_out
def randn(
    *sizes: Sizes,
    size: Sizes | None = None,
    generator: np.random.Generator | None = None,
    dtype: DType = None,
    requires_grad: bool = False,
    device: Any = None,
) -> Tensor:
    """Return random numbers from the standard normal distribution. Raises DTypeError unless `dtype` is a float."""
    shape, dtype = _shape("randn", sizes, size), _of_floats("randn", dtype)
    return _drawn((generator or default_generator()).standard_normal(shape), dtype, requires_grad, device)


@_with_out
def normal(
    mean: Any = 0.0,
    std: Any = 1.0,
    size: Any = None,
    generator: np.random.Generator | None = None,
    dtype: DType = None,
    requires_grad: bool = False,
    device: Any = None,
) -> Tensor:
    """Return random numbers from normal distributions; `mean` and `std`, numbers or tensors, broadcast and get no gradient.

    `dtype` defaults to that of `mean` if it is a tensor, else of `std`. Raises ValueError for a negative `std`, DTypeError
    for a dtype that is not of floats.
    """
    means, stds = _plain(mean), _plain(std)
    if not np.all(np.asarray(stds) >= 0):
        raise ValueError(f"normal: std must be at least 0, got {stds}")
    given = next((x.dtype for x in (means, stds) if isinstance(x, np.ndarray)), None)
    dtype = _of_floats("normal", given if dtype is None else dtype)
    try:
        shape = np.broadcast_shapes(np.shape(means), np.shape(stds)) if size is None else _shape("normal", (size,))
    except ValueError:
        raise ShapeError(f"normal: shapes {np.shape(means)} and {np.shape(stds)} do not broadcast") from None
    drawn = (generator or default_generator()).standard_normal(shape)
    return _drawn(means + stds * drawn, dtype, requires_grad, device)


@_with_out
def bernoulli(input: Any, p: float | None = None, *, generator: np.random.Generator | None = None) -> Tensor:
    """Return 1 with the probabilities in `input`, or with probability `p`, else 0, in the shape and dtype of `input`.

    No gradient flows to `input`. Raises ValueError for a probability outside [0, 1].
    """
    shaped = tensor(_plain(input)).array
    probabilities = shaped if p is None else np.asarray(p)
    if p is None:
        _of_floats("bernoulli", shaped.dtype)
    if not ((probabilities >= 0) & (probabilities <= 1)).all():
        raise ValueError(f"bernoulli: a probability must be within [0, 1], got {input if p is None else p}")
    return _made(((generator or default_generator()).random(shaped.shape) < probabilities).astype(shaped.dtype))


@_with_out
def multinomial(
    input: Any, num_samples: int, replacement: bool = False, generator: np.random.Generator | None = None
) -> Tensor:
    """Draw indices with probabilities proportional to the weights in `input`, of shape (C,) or (N, C), one draw per row.

    Returns int64 indices of shape (..., num_samples). Raises ValueError for weights that are negative, not finite or all
    zero, and for more samples than there are weights above zero, unless with `replacement`.

    >>> import minigrad as mg
    >>> mg.multinomial(mg.tensor([0.0, 3.0, 0.0]), 2, replacement=True)
    tensor([1, 1])
    """
    return _made(draw_categories(np.asarray(_plain(input)), num_samples, replacement, generator or default_generator()))


@_with_out
def randint(
    low: int = 0,
    high: Any = None,
    size: Any = None,
    generator: np.random.Generator | None = None,
    dtype: DType = None,
    requires_grad: bool = False,
    device: Any = None,
) -> Tensor:
    """Return random integers in [low, high): ``randint(low, high, size)`` or ``randint(high, size)``.

    `dtype` may be any that holds the range; default int64. Raises ValueError unless low < high.
    """
    if size is None:
        low, high, size = 0, low, high
    elif high is None:
        low, high = 0, low
    first, last, dtype = _whole("randint", low), _whole("randint", high), np.dtype(dtype or np.int64)
    if size is None:
        raise TypeError("randint: needs a size, as randint(high, size) or randint(low, high, size)")
    if first >= last:
        raise ValueError(f"randint: high must be greater than low, got low {first} and high {last}")
    _fitting("randint", dtype, first, last - 1)
    drawn = (generator or default_generator()).integers(first, last, _shape("randint", (size,)))
    return _drawn(drawn, dtype, requires_grad, device)


@_with_out
def randperm(
    n: int,
    generator: np.random.Generator | None = None,
    dtype: DType = None,
    requires_grad: bool = False,
    device: Any = None,
) -> Tensor:
    """Return a random permutation of the integers from 0 to n - 1."""
    (count,), dtype = _shape("randperm", (n,)), np.dtype(dtype or np.int64)
    _fitting("randperm", dtype, 0, count)
    return _drawn((generator or default_generator()).permutation(count), dtype, requires_grad, device)


def zeros_like(
    input: Any, dtype: DType = None, requires_grad: bool = False, device: Any = None, memory_format: Any = None
) -> Tensor:
    """Return zeros in the shape and dtype of `input`. `memory_format` is ignored, as in all these functions."""
    return _made(np.zeros_like(_plain(input), dtype=dtype), requires_grad, device)


empty_like = zeros_like


def ones_like(
    input: Any, dtype: DType = None, requires_grad: bool = False, device: Any = None, memory_format: Any = None
) -> Tensor:
    """Return ones in the shape and dtype of `input`."""
    return _made(np.ones_like(_plain(input), dtype=dtype), requires_grad, device)


@register(np.zeros_like, np.empty_like)
def _zeros_of_shape(a: Any, dtype: DType = None, *, shape: Any = None) -> Tensor:
    """Return what NumPy's functions return for a tensor: in its shape or, to be filled like an array, in another."""
    return _made(np.zeros_like(_plain(a), dtype=dtype, shape=shape), False, None)


@register(np.ones_like)
def _ones_of_shape(a: Any, dtype: DType = None, *, shape: Any = None) -> Tensor:
    """Return what NumPy's function returns for a tensor, in its shape or in another."""
    return _made(np.ones_like(_plain(a), dtype=dtype, shape=shape), False, None)


@register(np.full_like)
def full_like(
    input: Any,
    fill_value: Any,
    dtype: DType = None,
    requires_grad: bool = False,
    device: Any = None,
    memory_format: Any = None,
) -> Tensor:
    """Return a tensor filled with one value, in the shape and dtype of `input`. Gradients flow to a tensor."""
    if isinstance(fill_value, Tensor) and fill_value.requires_grad:
        return _filled(np.shape(input), fill_value, _plain(input).dtype if dtype is None else dtype, requires_grad, device)
    check_numbers("full_like", "fill_value", _plain(fill_value))
    like = np.asarray(_plain(input))
    value = tensor(fill_value, like.dtype if dtype is None else dtype).array
    return _made(np.full_like(like, value, dtype=value.dtype), requires_grad, device)


def rand_like(
    input: Any,
    generator: np.random.Generator | None = None,
    dtype: DType = None,
    requires_grad: bool = False,
    device: Any = None,
    memory_format: Any = None,
) -> Tensor:
    """Return uniform random numbers in the shape and dtype of `input`; see `rand`."""
    dtype = dtype or input.dtype
    return rand(input.shape, generator=generator, dtype=dtype, requires_grad=requires_grad, device=device)


def randn_like(
    input: Any,
    generator: np.random.Generator | None = None,
    dtype: DType = None,
    requires_grad: bool = False,
    device: Any = None,
    memory_format: Any = None,
) -> Tensor:
    """Return standard normal random numbers in the shape and dtype of `input`; see `randn`."""
    dtype = dtype or input.dtype
    return randn(input.shape, generator=generator, dtype=dtype, requires_grad=requires_grad, device=device)


def randint_like(
    input: Any,
    low: int = 0,
    high: Any = None,
    generator: np.random.Generator | None = None,
    dtype: DType = None,
    requires_grad: bool = False,
    device: Any = None,
    memory_format: Any = None,
) -> Tensor:
    """Return random integers in [low, high), or below the one bound, in the shape and dtype of `input`; see `randint`."""
    low, high = (0, low) if high is None else (low, high)
    dtype = dtype or input.dtype
    return randint(low, high, input.shape, generator, dtype, requires_grad, device)


def tril_indices(row: int, col: int, offset: int = 0, *, dtype: DType = None, device: Any = None) -> Tensor:
    """Return the indices (2, K) of the elements of a (row, col) matrix that `tril` keeps, row by row; default int64.

    >>> import minigrad as mg
    >>> mg.tril_indices(2, 2)
    tensor([[0, 1, 1],
            [0, 0, 1]])
    """
    rows, columns = _shape("tril_indices", (row, col))
    return _made(np.stack(np.tril_indices(rows, offset, columns)).astype(dtype or np.int64), device=device)


def triu_indices(row: int, col: int, offset: int = 0, *, dtype: DType = None, device: Any = None) -> Tensor:
    """Return the indices (2, K) of the elements of a (row, col) matrix that `triu` keeps; see `tril_indices`."""
    rows, columns = _shape("triu_indices", (row, col))
    return _made(np.stack(np.triu_indices(rows, offset, columns)).astype(dtype or np.int64), device=device)


def as_tensor(data: Any, dtype: DType = None, device: Any = None) -> Tensor:
    """Return a tensor unchanged, or in `dtype`; convert any other data to a tensor."""
    if device is not None:
        devices.device(device)
    if isinstance(data, Tensor):
        return data if dtype is None or data.dtype == dtype else data.astype(dtype)
    return tensor(data, dtype)


def asarray(
    obj: Any, dtype: DType = None, device: Any = None, copy: bool | None = None, requires_grad: bool = False
) -> Tensor:
    """Return `as_tensor` of an object, with `copy` always a copy, and with `requires_grad` a leaf that requires one.

    Raises ValueError for `copy` False unless `obj` is a tensor, in the same dtype: only it can be returned as it is.
    """
    made = as_tensor(obj, dtype, device)
    if copy is False and made is not obj:
        raise ValueError(
            f"asarray: a {type(obj).__name__} becomes a tensor of {made.dtype} by a copy, and copy is False\n"
            "  hint: mg.from_dlpack(array, copy=False) shares the memory of an array"
        )
    made = made.clone() if copy and made is obj else made
    return made.detach().requires_grad_() if requires_grad else made


def scalar_tensor(s: float, *, dtype: DType = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Return a 0-d tensor of a number, of the default float dtype unless given.

    >>> import minigrad as mg
    >>> mg.scalar_tensor(2)
    tensor(2.)
    """
    return full((), s, get_default_dtype() if dtype is None else dtype, requires_grad, device)


def from_numpy(ndarray: Array) -> Tensor:
    """Return a tensor with a copy of an array, which PyTorch would share."""
    if not isinstance(ndarray, np.ndarray):
        raise TypeError(f"from_numpy: needs an array, got {type(ndarray).__name__}")
    return tensor(ndarray)


def is_tensor(obj: Any) -> bool:
    """Return whether an object is a Tensor."""
    return isinstance(obj, Tensor)


def is_floating_point(input: Tensor) -> bool:
    """Return whether the dtype of a tensor is a float."""
    return input.is_floating_point()


def numel(input: Tensor) -> int:
    """Return the number of elements of a tensor."""
    return input.numel()


def _made(array: Any, requires_grad: bool = False, device: Any = None) -> Tensor:
    """Return a tensor around a new array."""
    if device is not None:
        devices.device(device)
    made = Tensor.from_array(np.asarray(array))
    if made.dtype.kind not in "fiub":
        made = tensor(array)  # raises the error
    return made.requires_grad_() if requires_grad else made


def _filled(shape: tuple[int, ...], value: Any, dtype: DType, requires_grad: bool, device: Any) -> Tensor:
    """Return a tensor filled with one value: a constant, or a result if the value requires a gradient."""
    if not isinstance(value, Tensor) or not value.requires_grad:
        return _made(np.full(shape, tensor(value, dtype).array), requires_grad, device)
    if device is not None:
        devices.device(device)
    return ops.broadcast_to(value if dtype is None else value.astype(dtype), shape)


def _drawn(numbers: Any, dtype: DType, requires_grad: bool, device: Any) -> Tensor:
    return _made(np.asarray(numbers).astype(dtype), requires_grad, device)


def _plain(x: Any) -> Any:
    return x.array if isinstance(x, Traced) else x


def _number(x: Any) -> Any:
    """Return a Python number, given as such or as a tensor or array of one element; booleans are numbers."""
    x = float(x) if isinstance(x, Tensor) and x.requires_grad else _plain(x)  # float() warns of the lost gradient
    x = x.item() if isinstance(x, np.ndarray | np.generic) else x
    if not isinstance(x, int | float):
        raise TypeError(f"a range is of real numbers, got {type(x).__name__}")
    return int(x) if isinstance(x, bool) else x


def _whole(op: str, n: Any) -> int:
    try:
        return operator.index(n)
    except TypeError:
        raise TypeError(f"{op}: needs an integer, got {n!r}") from None


def _steps(start: float, end: float, step: float) -> int:
    """Return the number of steps from `start` up to `end`."""
    if step == 0 or (start != end and (step > 0) != (start < end)):
        what = "must not be 0" if step == 0 else f"leads from {start} away from {end}"
        raise ValueError(f"arange: the step {what}, got {step}")
    if isinstance(start, int) and isinstance(end, int) and isinstance(step, int):
        return -((start - end) // step)
    return math.ceil((end - start) / step)


def _spaced(op: str, start: Any, end: Any, steps: Any, dtype: np.dtype[Any]) -> Array:
    """Return evenly spaced numbers, each computed from the nearer end: both ends are exact and the result is symmetric."""
    first, last, count = _number(start), _number(end), _whole(op, steps)
    if count < 0:
        raise ValueError(f"{op}: steps must be at least 0, got {steps}")
    if _of_numbers(op, dtype).kind in "iu":
        _fitting(op, dtype, first, last)
        first, last = int(first), int(last)
    at = np.arange(count)
    with errstate(invalid="ignore"):
        distance = (last - first) / max(count - 1, 1)
        return np.where(at < count // 2, first + distance * at, (last if count > 1 else first) - distance * at[::-1])


def _of_numbers(op: str, dtype: np.dtype[Any]) -> np.dtype[Any]:
    if dtype.kind == "b":
        raise DTypeError(f"{op}: a range is of numbers, not of dtype {dtype}")
    return dtype


def _of_floats(op: str, dtype: DType) -> np.dtype[Any]:
    """Return the dtype of random numbers, the default dtype unless given."""
    wanted = get_default_dtype() if dtype is None else np.dtype(dtype)
    if wanted.kind != "f":
        raise DTypeError(f"{op}: the dtype must be of floats, got {wanted}")
    return wanted


def _fitting(op: str, dtype: np.dtype[Any], *values: float) -> None:
    """Raise an error for numbers out of range of an integer dtype."""
    if dtype.kind in "iub":
        low, high = (0, 1) if dtype.kind == "b" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
        for value in values:
            if not low <= value <= high:
                raise ValueError(f"{op}: {value} is out of bounds for dtype {dtype}")


def _shape(op: str, sizes: tuple[Any, ...], size: Any = None) -> tuple[int, ...]:
    """Return the shape given as ``f(2, 3)``, ``f((2, 3))`` or ``f(size=(2, 3))``."""
    if size is not None:
        if sizes:
            raise TypeError(f"{op}: the size is given twice, as {sizes} and as size={size}")
        sizes = (size,)
    given = sizes[0] if len(sizes) == 1 and isinstance(sizes[0], tuple | list) else sizes
    shape = tuple([_whole(op, n) for n in given])
    if any(n < 0 for n in shape):
        raise ShapeError(f"{op}: a size must be at least 0, got {shape}")
    return shape
