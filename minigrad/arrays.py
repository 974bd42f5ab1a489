"""Array types and the base class of tensors, shared by kernels, operations and the engine."""

from __future__ import annotations

from types import EllipsisType
from typing import TYPE_CHECKING, Any, Protocol, SupportsIndex, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

__all__ = ["Array", "Axis", "DType", "Shape", "Traced", "array_of", "shape_of"]

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


class Traced:
    """The interface of tensors to operations and the engine, implemented by `Tensor`.

    `array` is the value; it is changed by `Tensor.replace_array`. `node` is the tensor's node on the tape, or None for a
    constant. `place` tells where a tensor with views lies in its memory (tensors/views.py).
    """

    __slots__ = ("array", "node", "place")
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

        def replace_with(self, result: Any, name: str, reshapes: bool = False) -> Any:
            """Take the value and the node of `result`, computed by operation `name`; return the tensor itself."""

        def sum_to_size(self, *size: Any) -> Any:
            """Sum over the axes along which a tensor of that shape was broadcast to this one."""


def shape_of(x: Any) -> tuple[int, ...]:
    """Return the shape of a tensor, an array or a number; np.shape would first go through NumPy's dispatch."""
    try:
        return x.shape
    except AttributeError:
        return np.shape(x)


def array_of(x: Any) -> Array:
    """Return the values of a tensor, an array or a number as an array, for computations that need no gradient."""
    return np.asarray(x.array if isinstance(x, Traced) else x)
