"""Changing a tensor in place: it becomes the result of a pure operation.

So a change is differentiable, and nothing that was saved for a gradient is ever written to. A leaf whose gradient is being
recorded refuses; under `no_grad` its value is replaced through the one door, `_write`, which a node that saved the former
value notices.

A part of a tensor is a value of its own, too: ``x[0].zero_()`` changes what was read, not x, and warns; ``x[0] = 0`` changes
x. Only through ``x.data`` is it otherwise: ``x.data[0].zero_()`` changes x.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from itertools import repeat
from typing import TYPE_CHECKING, Any

import numpy as np

from minigrad import graph, ops
from minigrad.config import get_default_dtype
from minigrad.errors import DTypeError, GraphError, ShapeError
from minigrad.grad_mode import is_grad_enabled
from minigrad.interrupts import at_once
from minigrad.kernels.conversion import to_array
from minigrad.ops.indexing import moved_block, plain_index
from minigrad.primitive import Array, Traced
from minigrad.random import default_generator

if TYPE_CHECKING:
    from minigrad.tensor import Tensor

__all__ = ["InPlace", "write_all"]


class InPlace(Traced):
    """The part of `Tensor` that changes it; what changes by one operation stands in the table of methods."""

    __slots__ = ()

    def copy_(self, other: Any) -> Tensor:
        """Take the values of another, of a shape that broadcasts to this one and any dtype; gives the tensor itself.

        The gradient flows to `other`. Raises GraphError for a leaf that requires a gradient outside `no_grad()`.
        """
        self._note_change("copy_")
        return self._take(other)

    def _take(self, other: Any) -> Tensor:
        self._refuse_change("copy_")
        if not isinstance(other, Traced):
            other = to_array(other, None, get_default_dtype())
        own = np.empty_like(self._array)  # in the memory order of the tensor
        try:
            value = self._record(ops.broadcast_to, (ops.astype(other, own.dtype), own.shape))
        except ShapeError:
            raise ShapeError(f"copy_: shape {other.shape} does not broadcast to {own.shape}") from None
        own[...] = value._array
        value._array = own
        return self._become(value, "copy_")

    def fill_(self, value: Any) -> Tensor:
        """One value, a number or a 0-d tensor, everywhere; gives the tensor itself. See `copy_`."""
        if np.ndim(value):
            raise ShapeError(f"fill_: the value must be a number or a 0-d tensor, got shape {np.shape(value)}")
        self._note_change("fill_")
        return self._take(value)

    def zero_(self) -> Tensor:
        """Zeros everywhere; gives the tensor itself. See `copy_`."""
        self._note_change("zero_")
        return self._take(0)

    def uniform_(self, a: float = 0.0, b: float = 1.0, generator: np.random.Generator | None = None) -> Tensor:
        """Numbers drawn uniformly from [a, b); gives the tensor itself. Raises ValueError unless a <= b, both finite."""
        self._check_floats("uniform_")
        largest = float(np.finfo(self._array.dtype).max)
        if not -largest <= a <= b <= largest:
            raise ValueError(f"uniform_: needs bounds a <= b within the {self._array.dtype} range, got {a} and {b}")
        return self._draw("uniform_", lambda source: a + (b - a) * source.random(self._array.shape), generator)

    def normal_(self, mean: float = 0.0, std: float = 1.0, generator: np.random.Generator | None = None) -> Tensor:
        """Numbers drawn from the normal distribution; gives the tensor itself. Raises ValueError for a negative `std`."""
        self._check_floats("normal_")
        if not std >= 0:
            raise ValueError(f"normal_: std must be at least 0, got {std}")
        return self._draw("normal_", lambda source: mean + std * source.standard_normal(self._array.shape), generator)

    def bernoulli_(self, p: Any = 0.5, generator: np.random.Generator | None = None) -> Tensor:
        """1 with probability `p`, a number or one for each element, else 0; gives the tensor itself.

        Raises ValueError for a probability outside [0, 1].
        """
        chances = np.asarray(plain_index(p))
        if not ((chances >= 0) & (chances <= 1)).all():
            raise ValueError(f"bernoulli_: p must be within [0, 1], got {p}")
        return self._draw("bernoulli_", lambda source: source.random(self._array.shape) < chances, generator)

    def _draw(self, name: str, draw: Callable[[np.random.Generator], Any], generator: np.random.Generator | None) -> Tensor:
        self._refuse_change(name)
        self._note_change(name)
        return self._take(np.asarray(draw(generator or default_generator())))

    def _check_floats(self, name: str) -> None:
        if self._array.dtype.kind != "f":
            raise DTypeError(f"{name}: what is drawn are floats, the tensor is of dtype {self._array.dtype}")

    def __setitem__(self, index: Any, value: Any) -> None:
        """``x[index] = value``: x becomes ``ops.setitem(x, index, value)``, and gradients flow to both."""
        self._refuse_change("setitem")
        self._note_change("setitem")
        index = plain_index(index)
        block = moved_block(index, self._array.ndim)
        if block is not None and np.ndim(value):
            count, place, ndim = block
            value = value if isinstance(value, Traced) else to_array(value, None, get_default_dtype())
            value = ops.reshape(value, (1,) * (ndim - value.ndim) + value.shape)
            first = value.ndim - ndim  # an assignment drops leading axes of size 1
            moved = tuple(range(first + place, first + place + count))
            value = ops.moveaxis(value, moved, tuple(range(first, first + count)))
        self._become(self._record(ops.setitem, (self, index, value)), "setitem")

    def _note_change(self, name: str) -> None:
        """Warn that a part that was read will change, and not the tensor it was read from, as it would elsewhere."""
        if getattr(self, "_read", False) and (self._array.base is not None or not self._array.ndim):  # not a copy, there
            warnings.warn(
                f"{name}: a part of a tensor, once read, is a value of its own: the tensor does not change with it\n"
                "  hint: write x[i, j] = ... to change x, or x[i].clone() for a copy to change",
                stacklevel=3,
            )

    def _refuse_change(self, name: str) -> None:
        """Raise GraphError if this is a leaf whose gradient is being recorded."""
        if self._node is not None and self._node.primitive is None and is_grad_enabled():
            raise GraphError(
                f"{name}: a leaf that requires a gradient cannot be changed while operations are recorded\n"
                "  hint: change it inside no_grad(), or make a new tensor: x = x + 1, where, concatenate, x.clone()"
            )

    def _become(self, result: Tensor, name: str, reshapes: bool = False) -> Any:
        """Be `result` from now on, in this tensor's shape and dtype; without recording, only the value changes."""
        shape, dtype = self._array.shape, self._array.dtype
        if result.shape != shape and not (reshapes and (self._node is None or is_grad_enabled())):
            raise ShapeError(f"{name}: the result has shape {result.shape}, the tensor has {shape} and keeps it")
        if result.dtype != dtype:
            if not np.can_cast(result.dtype, dtype, "same_kind"):
                raise DTypeError(
                    f"{name}: the result is of dtype {result.dtype}, the tensor is of {dtype} and keeps it\n"
                    f"  hint: make a new tensor instead: x = x.{name.rstrip('_')}(...)"
                )
            result = result.astype(dtype)
        former = self._place()
        if former is None:
            self._array, self._node = result._array, result._node
            return self
        if result._node is None if self._node is None else not is_grad_enabled():
            self._write(result._array)
            return self
        self._array, self._node, self._frozen = result._array, result._node, None
        if former.primitive is None:
            graph.mark_written(former)
        else:
            graph.hand_over(former, self._node, self)
        return self

    def _write(self, array: Array) -> None:
        """The one door through which a tensor changes: its array is replaced, never written to."""
        self._array = array
        node = self._place()
        if node is not None:
            graph.mark_written(node)

    def _place(self) -> Any:
        """The node of this tensor; of a leaf also while it asks for no gradient."""
        return getattr(self, "_frozen", None) if self._node is None else self._node


def write_all(tensors: Sequence[Tensor], arrays: Sequence[Array]) -> None:
    """Replace the arrays of several tensors: of all of them, or of none if a signal interrupts.

    Nodes count as written to before they are: one that saved a value then refuses to go backward, if needlessly.
    """
    for tensor in tensors:
        node = tensor._place()
        if node is not None:
            graph.mark_written(node)
    at_once(setattr, tensors, repeat("_array"), arrays)
