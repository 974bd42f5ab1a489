"""In-place changes: the tensor becomes the result of a pure operation.

So a change is differentiable, and nothing that was saved for a gradient is ever written to. A leaf whose gradient is being
recorded refuses; under `no_grad` its value is replaced by `replace_array`, and nodes that saved the former value then refuse
to go backward.

An indexed part is a separate value: ``x[0].zero_()`` changes the part that was read, not x, and warns; ``x[0] = 0`` changes
x. Only ``x.data`` has parts that share its value: ``x.data[0].zero_()`` changes x.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from itertools import repeat
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from minigrad import ops
from minigrad.arrays import Array, Traced
from minigrad.config import get_default_dtype
from minigrad.engine import tape
from minigrad.engine.grad_mode import is_grad_enabled
from minigrad.engine.interrupts import at_once
from minigrad.errors import DTypeError, GraphError, ShapeError
from minigrad.kernels.conversion import to_array
from minigrad.ops.indexing import frozen_index, moved_block
from minigrad.random import default_generator

if TYPE_CHECKING:
    from minigrad.arrays import Index

__all__ = ["InPlace", "write_all"]


class InPlace(Traced):
    """The in-place methods of `Tensor`, except those that are one operation (methods.py)."""

    __slots__ = ("_frozen", "_read")
    _frozen: Any  # the node of a leaf while `requires_grad` is off
    _read: bool  # set on a part returned by indexing: a change of it warns

    def copy_(self, other: Any, non_blocking: bool = False) -> Self:
        """Copy the values of `other`, of any dtype and a shape that broadcasts to this one; return the tensor itself.

        The gradient flows to `other`. Raises GraphError for a leaf that requires a gradient, except under `no_grad()`.
        """
        self._note_change("copy_")
        return self._take(other)

    def _take(self, other: Any) -> Self:
        self.refuse_change("copy_")
        if not isinstance(other, Traced):
            other = to_array(other, None, get_default_dtype())
        array = np.empty_like(self.array)  # in the memory order of the tensor
        try:
            value = self.record(ops.broadcast_to, (ops.astype(other, array.dtype), array.shape))
        except ShapeError:
            raise ShapeError(f"copy_: shape {other.shape} does not broadcast to {array.shape}") from None
        array[...] = value.array
        value.array = array
        return self.replace_with(value, "copy_")

    def fill_(self, value: Any) -> Self:
        """Set all elements to a number or a 0-d tensor; return the tensor itself. See `copy_`."""
        if np.ndim(value):
            raise ShapeError(f"fill_: the value must be a number or a 0-d tensor, got shape {np.shape(value)}")
        self._note_change("fill_")
        return self._take(value)

    def zero_(self) -> Self:
        """Set all elements to zero; return the tensor itself. See `copy_`."""
        self._note_change("zero_")
        return self._take(0)

    def uniform_(self, from_: float = 0.0, to: float = 1.0, generator: np.random.Generator | None = None) -> Self:
        """Draw all elements uniformly from [from_, to); return the tensor.

        Raises ValueError unless from_ <= to, both finite.
        """
        self._check_floats("uniform_")
        largest = float(np.finfo(self.array.dtype).max)
        if not -largest <= from_ <= to <= largest:
            raise ValueError(f"uniform_: needs bounds from_ <= to within the {self.array.dtype} range, got {from_} and {to}")
        return self._draw("uniform_", lambda source: from_ + (to - from_) * source.random(self.array.shape), generator)

    def normal_(self, mean: float = 0.0, std: float = 1.0, generator: np.random.Generator | None = None) -> Self:
        """Draw all elements from a normal distribution; return the tensor itself. Raises ValueError for a negative `std`."""
        self._check_floats("normal_")
        if not std >= 0:
            raise ValueError(f"normal_: std must be at least 0, got {std}")
        return self._draw("normal_", lambda source: mean + std * source.standard_normal(self.array.shape), generator)

    def bernoulli_(self, p: Any = 0.5, generator: np.random.Generator | None = None) -> Self:
        """Set each element to 1 with probability `p`, else to 0; `p` broadcasts to the tensor. Return the tensor itself.

        Raises ValueError for a probability outside [0, 1].
        """
        chances = np.asarray(frozen_index(p))
        if not ((chances >= 0) & (chances <= 1)).all():
            raise ValueError(f"bernoulli_: p must be within [0, 1], got {p}")
        return self._draw("bernoulli_", lambda source: source.random(self.array.shape) < chances, generator)

    def _draw(self, name: str, draw: Callable[[np.random.Generator], Any], generator: np.random.Generator | None) -> Self:
        self.refuse_change(name)
        self._note_change(name)
        return self._take(np.asarray(draw(generator or default_generator())))

    def _check_floats(self, name: str) -> None:
        if self.array.dtype.kind != "f":
            raise DTypeError(f"{name}: draws floats, but the tensor is of dtype {self.array.dtype}")

    def __setitem__(self, index: Index, value: Any) -> None:
        """Replace x by ``ops.setitem(x, index, value)``; gradients flow to x and to the value."""
        self.refuse_change("setitem")
        self._note_change("setitem")
        index = frozen_index(index)
        block = moved_block(index, self.array.ndim)
        if block is not None and np.ndim(value):
            count, place, ndim = block
            value = value if isinstance(value, Traced) else to_array(value, None, get_default_dtype())
            value = ops.reshape(value, (1,) * (ndim - value.ndim) + value.shape)
            first = value.ndim - ndim  # an assignment drops leading axes of size 1
            moved = tuple(range(first + place, first + place + count))
            value = ops.moveaxis(value, moved, tuple(range(first, first + count)))
        self.replace_with(self.record(ops.setitem, (self, index, value)), "setitem")

    def _note_change(self, name: str) -> None:
        """Warn that a part changes without the tensor it was read from, unlike in NumPy and PyTorch."""
        if getattr(self, "_read", False) and (self.array.base is not None or not self.array.ndim):  # no copy there
            warnings.warn(
                f"{name}: a part of a tensor is a separate value: the tensor does not change with it\n"
                "  hint: write x[i, j] = ... to change x, or x[i].clone() for a copy to change",
                stacklevel=3,
            )

    def refuse_change(self, name: str) -> None:
        """Raise GraphError if this is a leaf that requires a gradient, except under `no_grad()`."""
        if self.node is not None and self.node.primitive is None and is_grad_enabled():
            raise GraphError(
                f"{name}: a leaf that requires a gradient cannot be changed while operations are recorded\n"
                "  hint: change it inside no_grad(), or make a new tensor: x = x + 1, where, concatenate, x.clone()"
            )

    def replace_with(self, result: Any, name: str, reshapes: bool = False) -> Any:
        """Replace value and node by those of `result`, or the value alone without recording; shape and dtype stay."""
        shape, dtype = self.array.shape, self.array.dtype
        if result.shape != shape and not (reshapes and (self.node is None or is_grad_enabled())):
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
            self.array, self.node = result.array, result.node
            return self
        if result.node is None if self.node is None else not is_grad_enabled():
            self.replace_array(result.array)
            return self
        self.array, self.node, self._frozen = result.array, result.node, None
        if former.primitive is None:
            tape.mark_written(former)
        else:
            tape.move_receiver(former, self.node, self)
        return self

    def replace_array(self, array: Array) -> None:
        """Replace the array, the only way in which a tensor changes; nodes that saved it refuse to go backward."""
        self.array = array
        node = self._place()
        if node is not None:
            tape.mark_written(node)

    def _place(self) -> Any:
        """Return the node of this tensor; of a leaf also while `requires_grad` is off."""
        return getattr(self, "_frozen", None) if self.node is None else self.node


def write_all(tensors: Sequence[InPlace], arrays: Sequence[Array]) -> None:
    """Replace the arrays of several tensors: of all of them or, after an interrupt, of none.

    Nodes are marked as written to first: after an interrupt they may refuse to go backward without need.
    """
    for tensor in tensors:
        node = tensor._place()
        if node is not None:
            tape.mark_written(node)
    at_once(setattr, tensors, repeat("array"), arrays)
