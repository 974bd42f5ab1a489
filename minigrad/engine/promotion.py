"""Type promotion: the dtype in which an operation computes, and that of its result.

PyTorch's table: https://docs.pytorch.org/docs/stable/tensor_attributes.html. There are three categories, booleans < integers
< floats, and three kinds of operands: arrays with axes, 0-d arrays, and numbers. Arrays with axes decide; a 0-d array counts
only if its category is higher than theirs, a number only if its category is higher than that of all arrays. So a float32
model stays float32 beside integer masks, 0-d float64 statistics and Python's numbers.

Two more rules hold for every operation that declares its operands here:

* an operation whose results are always floats (`floating`) converts integers and booleans to the default float dtype;
* float16 is computed in float32 and rounded once, at the end: squares of halves overflow at 256.

For plain arrays, without a tensor among them, binary operations promote as NumPy does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, Protocol, TypeVar

import numpy as np

from minigrad.arrays import Traced
from minigrad.config import get_default_dtype
from minigrad.errors import DTypeError

__all__ = [
    "Operands", "alike", "common_dtype", "computing_dtype", "converted", "floating", "narrowed", "promoting", "result_type",
]  # fmt: skip

CATEGORY = {"b": 0, "i": 1, "u": 1, "f": 2}
HALF, SINGLE = np.dtype(np.float16), np.dtype(np.float32)
WIDE = "fdg"  # the characters of float dtypes that are computed as they are
PLAIN = {float, int, bool, type(None)}  # numbers that take the dtype of the other operands


class Operands(NamedTuple):
    """The arguments of an operation that are converted to one dtype."""

    places: tuple[int, ...]
    floating: bool  # the results are floats: integers and booleans become the default float dtype
    beyond: str = "refuse"  # a Python integer out of range of the dtype: "refuse" it, "wrap" it as sums do, or "keep" it


class Promotable(Protocol):
    """A primitive or a composite."""

    names: tuple[str, ...]

    def takes(self, operands: Operands) -> None: ...


Operation = TypeVar("Operation", bound=Promotable)


def floating(*names: str) -> Callable[[Operation], Operation]:
    """Decorate a primitive or composite whose result is always of floats, for integers and booleans as well.

    The named inputs are converted to one float dtype, and float16 is computed in float32.

    >>> import minigrad as mg
    >>> import numpy as np
    >>> @floating("x")
    ... @mg.primitive
    ... def half_of(x):
    ...     return x * 0.5
    >>> half_of(np.array([1, 2], np.uint8))
    array([0.5, 1. ], dtype=float32)
    """
    return lambda op: _declared(op, names, True)


def promoting(*names: str) -> Callable[[Operation], Operation]:
    """Decorate a primitive that computes the named inputs in their common dtype, and float16 in float32."""
    return lambda op: _declared(op, names, False)


def result_type(*operands: Any) -> np.dtype[Any]:
    """Return the dtype of the sum of tensors, arrays and numbers, by PyTorch's promotion table.

    Raises DTypeError for integers without a common dtype (uint64 beside signed ones).

    >>> import minigrad as mg
    >>> mg.result_type(mg.ones(2), mg.tensor([1, 2]))
    dtype('float32')
    >>> mg.result_type(mg.tensor([1, 2], dtype=mg.uint8), 2.5)
    dtype('float32')
    """
    values = [x.array if isinstance(x, Traced) else x for x in operands]
    return common_dtype(values, weak=any(isinstance(x, np.ndarray) for x in values))


def common_dtype(values: Iterable[Any], weak: bool = True) -> np.dtype[Any]:
    """Return `result_type` of arrays and numbers; NumPy's scalars count as numbers if `weak`, else as 0-d arrays."""
    found: list[np.dtype[Any] | None] = [None, None, None]  # of arrays with axes, of 0-d arrays, of numbers
    for value in values:
        if isinstance(value, np.ndarray) or (isinstance(value, np.generic) and not weak):
            kind, dtype = (0 if value.ndim else 1), value.dtype
        else:
            kind, dtype = 2, _dtype_of_number(value)
        former = found[kind]
        if former is not dtype:
            found[kind] = dtype if former is None else _promoted(former, dtype)
    out: np.dtype[Any] | None = None
    for candidate in found:
        if candidate is not None and (out is None or CATEGORY[candidate.kind] > CATEGORY[out.kind]):
            out = candidate
    return get_default_dtype() if out is None else out


def computing_dtype(operands: Operands, values: Iterable[Any], weak: bool) -> tuple[np.dtype[Any], bool]:
    """Return the dtype in which an operation computes, and whether its result is rounded to float16."""
    dtype = common_dtype(values, weak)
    if dtype == HALF:
        return SINGLE, True
    return (get_default_dtype() if operands.floating and dtype.kind != "f" else dtype), False


def alike(places: tuple[int, ...], args: Sequence[Any]) -> bool:
    """Return whether the arguments at some positions are arrays of one wide float dtype, or Python numbers."""
    dtype = None
    for at in places:
        value = args[at]
        if type(value) is np.ndarray:
            if value.dtype is not dtype:
                if dtype is not None or value.dtype.char not in WIDE:
                    return False
                dtype = value.dtype
        elif type(value) not in PLAIN:
            return False
    return True


def converted(name: str, operands: Operands, args: Sequence[Any], weak: bool) -> tuple[tuple[Any, ...], bool]:
    """Convert the operands of operation `name` to one dtype; return all arguments, and whether to round to float16.

    Python numbers stay as they are: NumPy converts them to the dtype of the arrays. `weak`: see `common_dtype`. Raises
    DTypeError for a number out of range of the dtype, if the operation refuses it.
    """
    out = list(args)
    values = [out[at] for at in operands.places if out[at] is not None]
    if not all(isinstance(value, np.ndarray | np.generic | int | float) for value in values):
        return tuple(out), False  # a list, or no number: left to NumPy
    arrays = any(isinstance(value, np.ndarray | np.generic) for value in values)
    if not arrays and not weak:
        return tuple(out), False
    dtype, half = computing_dtype(operands, values, weak)
    for at in operands.places:
        value = out[at]
        if isinstance(value, np.ndarray) or (isinstance(value, np.generic) and not weak):
            if value.dtype is not dtype:
                out[at] = value.astype(dtype, copy=False)
        elif isinstance(value, np.generic):
            value = out[at] = value.item()
        if type(value) is int and dtype.kind in "iu" and operands.beyond != "keep":
            limits = np.iinfo(dtype)
            if not limits.min <= value <= limits.max:
                if operands.beyond == "refuse":
                    raise DTypeError(f"{name}: {value} is beyond {dtype}, {limits.min} to {limits.max}")
                out[at] = np.array(value).astype(dtype)
        if not arrays and value is not None:  # numbers alone, as in where(mask, 1.0, 0.0): there is no array to follow
            out[at] = np.asarray(out[at], dtype)
    return tuple(out), half


def narrowed(result: Any) -> Any:
    """Round a float32 result, or each of several, to float16; return any other unchanged."""
    if isinstance(result, tuple):
        parts = [narrowed(part) for part in result]
        return type(result)(*parts) if hasattr(result, "_fields") else tuple(parts)
    return result.astype(HALF) if getattr(result, "dtype", None) == SINGLE else result


def _dtype_of_number(value: Any) -> np.dtype[Any]:
    if isinstance(value, bool | np.bool_):
        return np.dtype(np.bool_)
    if isinstance(value, int | np.integer):
        return np.dtype(np.int64)
    return get_default_dtype()


def _promoted(x: np.dtype[Any], y: np.dtype[Any]) -> np.dtype[Any]:
    """Return the common dtype of two arrays of one kind."""
    if CATEGORY[x.kind] != CATEGORY[y.kind]:
        return max(x, y, key=lambda dtype: CATEGORY[dtype.kind])
    dtype = np.promote_types(x, y)
    if dtype.kind == "f" and x.kind != "f":
        raise DTypeError(f"result type: no integer dtype holds both {x} and {y}\n  hint: convert one of them with astype")
    return dtype


def _declared(op: Operation, names: tuple[str, ...], floats: bool) -> Operation:
    op.takes(Operands(tuple([op.names.index(name) for name in names]), floats))
    return op
