"""Changing a tensor in place: it becomes the result of a pure operation.

So a change is differentiable, and nothing that was saved for a gradient is ever written to. A leaf whose gradient is being
recorded refuses; under `no_grad` its value is replaced by `replace_array`, and nodes that saved the former value then refuse
to go backward.

A part of a tensor is a value of its own, too: ``x[0].zero_()`` changes what was read, not x, and warns; ``x[0] = 0`` changes
x. Only through ``x.data`` is it otherwise: ``x.data[0].zero_()`` changes x.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from itertools import repeat
from typing import TYPE_CHECKING, Any

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
    from minigrad.tensors.tensor import Tensor

__all__ = ["InPlace", "write_all"]


class InPlace(Traced):
    """The part of `Tensor` that changes it; what changes by one operation stands in the table of methods."""

    __slots__ = ("_frozen", "_read")
    _frozen: Any  # the node of a leaf that requires no gradient any more, for when it does again
    _read: bool  # set where this is a part that was read: a warning comes before it is changed

    def copy_(self, other: Any) -> Tensor:
        """Take the values of another, of a shape that broadcasts to this one and any dtype; gives the tensor itself.

        The gradient flows to `other`. Raises GraphError for a leaf that requires a gradient outside `no_grad()`.
        """
        self._note_change("copy_")
        return self._take(other)

    def _take(self, other: Any) -> Tensor:
        self.refuse_change("copy_")
        if not isinstance(other, Traced):
            other = to_array(other, None, get_default_dtype())
        own = np.empty_like(self.array)  # in the memory order of the tensor
        try:
            value = self.record(ops.broadcast_to, (ops.astype(other, own.dtype), own.shape))
        except ShapeError:
            raise ShapeError(f"copy_: shape {other.shape} does not broadcast to {own.shape}") from None
        own[...] = value.array
        value.array = own
        return self.replace_with(value, "copy_")

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
        largest = float(np.finfo(self.array.dtype).max)
        if not -largest <= a <= b <= largest:
            raise ValueError(f"uniform_: needs bounds a <= b within the {self.array.dtype} range, got {a} and {b}")
        return self._draw("uniform_", lambda source: a + (b - a) * source.random(self.array.shape), generator)

    def normal_(self, mean: float = 0.0, std: float = 1.0, generator: np.random.Generator | None = None) -> Tensor:
        """Numbers drawn from the normal distribution; gives the tensor itself. Raises ValueError for a negative `std`."""
        self._check_floats("normal_")
        if not std >= 0:
            raise ValueError(f"normal_: std must be at least 0, got {std}")
        return self._draw("normal_", lambda source: mean + std * source.standard_normal(self.array.shape), generator)

    def bernoulli_(self, p: Any = 0.5, generator: np.random.Generator | None = None) -> Tensor:
        """1 with probability `p`, a number or one for each element, else 0; gives the tensor itself.

        Raises ValueError for a probability outside [0, 1].
        """
        chances = np.asarray(frozen_index(p))
        if not ((chances >= 0) & (chances <= 1)).all():
            raise ValueError(f"bernoulli_: p must be within [0, 1], got {p}")
        return self._draw("bernoulli_", lambda source: source.random(self.array.shape) < chances, generator)

    def _draw(self, name: str, draw: Callable[[np.random.Generator], Any], generator: np.random.Generator | None) -> Tensor:
        self.refuse_change(name)
        self._note_change(name)
        return self._take(np.asarray(draw(generator or default_generator())))

    def _check_floats(self, name: str) -> None:
        if self.array.dtype.kind != "f":
            raise DTypeError(f"{name}: what is drawn are floats, the tensor is of dtype {self.array.dtype}")

    def __setitem__(self, index: Any, value: Any) -> None:
        """``x[index] = value``: x becomes ``ops.setitem(x, index, value)``, and gradients flow to both."""
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
        """Warn that a part that was read will change, and not the tensor it was read from, as it would elsewhere."""
        if getattr(self, "_read", False) and (self.array.base is not None or not self.array.ndim):  # not a copy, there
            warnings.warn(
                f"{name}: a part of a tensor, once read, is a value of its own: the tensor does not change with it\n"
                "  hint: write x[i, j] = ... to change x, or x[i].clone() for a copy to change",
                stacklevel=3,
            )

    def refuse_change(self, name: str) -> None:
        """Raise GraphError if this is a leaf whose gradient is being recorded."""
        if self.node is not None and self.node.primitive is None and is_grad_enabled():
            raise GraphError(
                f"{name}: a leaf that requires a gradient cannot be changed while operations are recorded\n"
                "  hint: change it inside no_grad(), or make a new tensor: x = x + 1, where, concatenate, x.clone()"
            )

    def replace_with(self, result: Tensor, name: str, reshapes: bool = False) -> Any:
        """Be `result` from now on, in this tensor's shape and dtype; without recording, only the value changes."""
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
            tape.hand_over(former, self.node, self)
        return self

    def replace_array(self, array: Array) -> None:
        """The one door through which a tensor changes: its array is replaced, never written to."""
        self.array = array
        node = self._place()
        if node is not None:
            tape.mark_written(node)

    def _place(self) -> Any:
        """The node of this tensor; of a leaf also while it asks for no gradient."""
        return getattr(self, "_frozen", None) if self.node is None else self.node


def write_all(tensors: Sequence[Tensor], arrays: Sequence[Array]) -> None:
    """Replace the arrays of several tensors: of all of them, or of none if a signal interrupts.

    Nodes count as written to before they are: one that saved a value then refuses to go backward, if needlessly.
    """
    for tensor in tensors:
        node = tensor._place()
        if node is not None:
            tape.mark_written(node)
    at_once(setattr, tensors, repeat("array"), arrays)
