"""Array types and the base class of tensors, shared by kernels, operations and the engine."""

from __future__ import annotations

import math
from types import EllipsisType
from typing import TYPE_CHECKING, Any, Protocol, SupportsIndex, TypeAlias, TypeVar, overload

import numpy as np
import numpy.typing as npt

__all__ = ["Array", "Axis", "DType", "Shape", "Size", "Traced", "array_of", "shape_of"]

Array = npt.NDArray[Any]
DType = npt.DTypeLike | None
Shape = tuple[int, ...]
Axis = int | tuple[int, ...] | None  # one axis, several, or all

if TYPE_CHECKING:
    Index: TypeAlias = "SupportsIndex | slice | EllipsisType | Traced | Array | list[Any] | tuple[Any, ...] | None"

    class Differentiable(Protocol):
        """A tensor to type checkers: an operation on one returns one."""

        @property
        def requires_grad(self) -> bool: ...

    SameTensor = TypeVar("SameTensor", bound=Differentiable)


class Size(tuple[int, ...]):
    """The shape of a tensor: a tuple that knows the number of elements. `Tensor(size)` makes a tensor of this shape.

    >>> Size((2, 3)).numel(), Size((2, 3)) == (2, 3), Size((2, 3))[1:]
    (6, True, (3,))
    """

    __slots__ = ()

    def numel(self) -> int:
        """Return the number of elements of a tensor of this shape."""
        return math.prod(self)

    @overload
    def __getitem__(self, index: SupportsIndex) -> int: ...
    @overload
    def __getitem__(self, index: slice) -> Size: ...
    def __getitem__(self, index: Any) -> Any:
        part = super().__getitem__(index)
        return Size(part) if isinstance(index, slice) else part

    def __add__(self, other: tuple[Any, ...]) -> Any:
        return Size(super().__add__(other))


class Traced:
    """The interface of tensors to operations and the engine, implemented by `Tensor`.

    `array` is the value; it is changed by `Tensor.replace_array`. `node` is the tensor's node on the tape, or None for a
    constant. `place` tells where a tensor with views lies in its memory (tensors/views.py).
    """

    __slots__ = {
        "array": "The values, an ndarray that is never written to.",
        "node": "The operation that made the tensor, on the tape; None for a constant.",
        "place": "The memory that views share; None without views.",
    }
    array: Array
    node: Any
    place: Any

    if TYPE_CHECKING:  # defined by Tensor

        @staticmethod
        def from_array(array: Array, node: Any = None) -> Any:
            """Return a tensor that wraps an array and its node, without a copy."""

        @staticmethod
        def record(op: Any, args: tuple[Any, ...]) -> Any:
            """Call a primitive on tensors and arrays; return the result as a tensor on the tape."""

        def slope(self, other: Traced) -> Array:
            """Return the derivative of each element with respect to the same element of another tensor."""
            raise NotImplementedError

        def refuse_change(self, name: str) -> None:
            """Raise GraphError if the operation `name` must not change this tensor in place."""

        def replace_array(self, array: Array) -> None:
            """Replace the value, unrecorded."""

        def replace_with(self, result: Any, name: str, reshapes: bool = False) -> Any:
            """Take the value and the node of `result`, computed by operation `name`; return the tensor itself."""

        def clone(self) -> Any:
            """Return a copy, recorded."""

        def sum_to_size(self, *size: Any) -> Any:
            """Sum over the axes along which a tensor of that shape was broadcast to this one."""


def shape_of(x: Any) -> tuple[int, ...]:
    """Return the shape of a tensor, an array or a number; np.shape would first go through NumPy's dispatch."""
    if isinstance(x, Traced):
        return x.array.shape
    try:
        return x.shape
    except AttributeError:
        return np.shape(x)


def array_of(x: Any) -> Array:
    """Return the values of a tensor, an array or a number as an array, for computations that need no gradient."""
    return np.asarray(x.array if isinstance(x, Traced) else x)
