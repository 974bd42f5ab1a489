"""In-place changes: the tensor becomes the result of a pure operation, and all that share its memory show it (views.py).

So a change is differentiable, and nothing that was saved for a gradient is ever written to. A leaf whose gradient is being
recorded refuses, and so does a view of it; under `no_grad` its value is replaced by `replace_array`, and nodes that saved
the former value then refuse to go backward.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from minigrad import ops
from minigrad.arrays import Array, Traced
from minigrad.config import get_default_dtype
from minigrad.engine import tape
from minigrad.engine.grad_mode import is_grad_enabled
from minigrad.engine.scope import watchers
from minigrad.errors import DTypeError, GraphError, ShapeError
from minigrad.kernels.conversion import check_range, native, to_array
from minigrad.ops.indexing import assign, frozen_index, moved_block, setitem
from minigrad.random import default_generator
from minigrad.tensors import views

if TYPE_CHECKING:
    from minigrad.arrays import Index

__all__ = ["InPlace", "write_all"]


class InPlace(Traced):
    """The in-place methods of `Tensor`, except those that are one operation (methods.py)."""

    __slots__ = ("_frozen",)
    _frozen: Any  # the node of a leaf while `requires_grad` is off

    def copy_(self, other: Any, non_blocking: bool = False) -> Self:
        """Copy the values of `other`, of any dtype and a shape that broadcasts to this one; return the tensor itself.

        The gradient flows to `other`. Raises GraphError for a leaf that requires a gradient, except under `no_grad()`.
        """
        return self._take(other, "copy_")

    def _take(self, other: Any, name: str) -> Self:
        self.refuse_change(name)
        if not isinstance(other, Traced):
            if not hasattr(other, "dtype"):
                check_range(name, other, self.array.dtype)
            other = to_array(other, None, get_default_dtype())
        array = np.empty_like(self.array)  # in the memory order of the tensor
        try:
            value = self.record(ops.broadcast_to, (ops.astype(other, array.dtype), array.shape))
        except ShapeError:
            raise ShapeError(f"copy_: shape {other.shape} does not broadcast to {array.shape}") from None
        if self.node is not None and is_grad_enabled():  # a result stays one, with a gradient of zeros
            return self.replace_with(self.record(setitem, (self, ..., value)), name)
        array[...] = value.array
        value.array = array
        return self.replace_with(value, name)

    def fill_(self, value: Any) -> Self:
        """Set all elements to a number or a 0-d tensor; return the tensor itself. See `copy_`."""
        if np.ndim(value):
            raise ShapeError(f"fill_: the value must be a number or a 0-d tensor, got shape {np.shape(value)}")
        return self._take(value, "fill_")

    def zero_(self) -> Self:
        """Set all elements to zero; return the tensor itself. See `copy_`."""
        return self._take(0, "zero_")

    def resize_(self, *size: Any, memory_format: Any = None) -> Self:
        """Give the tensor another shape, with the elements it has, in order; return the tensor itself. New ones are zeros.

        Raises GraphError for a tensor that requires a gradient, and for more elements than a memory has that others share.
        """
        shape = tuple(size[0] if len(size) == 1 and isinstance(size[0], Sequence) else size)
        if shape == self.array.shape:
            return self
        if any(n < 0 for n in shape):
            raise ShapeError(f"resize_: sizes must be at least 0, got {shape}")
        if self.node is not None:
            raise GraphError("resize_: the tensor requires a gradient, so its shape stays\n  hint: x.reshape(shape)")
        if (count := math.prod(shape)) <= self.array.size:
            result = self.record(ops.getitem, (self.record(ops.reshape, (self, -1)), slice(count)))
            result = self.record(ops.reshape, (result, shape))  # the views in between are gone, which `move` asks for
            return self.replace_with(result, "resize_", True)
        if len(views.members(self)) > 1:
            raise GraphError(
                f"resize_: other tensors share the {self.array.size} elements, {count} do not fit\n"
                "  hint: make a new tensor of the shape"
            )
        views.leave(self)
        array = np.zeros(count, self.array.dtype)
        array[: self.array.size] = self.array.reshape(-1)
        self.array = array.reshape(shape)
        return self

    def resize_as_(self, the_template: Traced, *, memory_format: Any = None) -> Self:
        """Give the tensor the shape of another; see `resize_`."""
        return self.resize_(the_template.array.shape)

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

    def random_(self, from_: Any = None, to: Any = None, *, generator: np.random.Generator | None = None) -> Self:
        """Draw all elements from the integers in [from_, to), ``random_(to)`` from [0, to); return the tensor itself.

        Without bounds, from 0 to the largest integer up to which the dtype holds all. Raises ValueError for bounds beyond
        the dtype, or that leave nothing to draw.
        """
        dtype = self.array.dtype
        most = 2 ** (np.finfo(dtype).nmant + 1) if dtype.kind == "f" else 1 if dtype.kind == "b" else np.iinfo(dtype).max
        least = -most if dtype.kind == "f" else 0 if dtype.kind == "b" else np.iinfo(dtype).min
        first, end = (0, most + 1 if from_ is None else from_) if to is None else (from_ or 0, to)
        if not least <= first < end <= most + 1:
            raise ValueError(f"random_: needs from_ < to within {least} to {most + 1} for {dtype}, got {first} and {end}")
        return self._draw("random_", lambda source: source.integers(first, end, self.array.shape), generator)

    def exponential_(self, lambd: float = 1.0, *, generator: np.random.Generator | None = None) -> Self:
        """Draw all elements from the exponential distribution of rate `lambd`, mean 1 / lambd; return the tensor itself."""
        self._check_floats("exponential_")
        _check_positive("exponential_", "lambd", lambd)
        return self._draw("exponential_", lambda source: source.standard_exponential(self.array.shape) / lambd, generator)

    def geometric_(self, p: float, *, generator: np.random.Generator | None = None) -> Self:
        """Draw all elements as the number of trials, 1 or more, up to the first success of chance `p`; return the tensor.

        Raises ValueError unless 0 < p < 1.
        """
        if not 0 < p < 1:
            raise ValueError(f"geometric_: p must be between 0 and 1, got {p}")
        return self._draw("geometric_", lambda source: source.geometric(p, self.array.shape), generator)

    def log_normal_(self, mean: float = 1.0, std: float = 2.0, *, generator: np.random.Generator | None = None) -> Self:
        """Draw all elements as exp of a normal distribution with this mean and deviation; return the tensor itself."""
        self._check_floats("log_normal_")
        _check_positive("log_normal_", "std", std)
        return self._draw("log_normal_", lambda source: source.lognormal(mean, std, self.array.shape), generator)

    def cauchy_(self, median: float = 0.0, sigma: float = 1.0, *, generator: np.random.Generator | None = None) -> Self:
        """Draw all elements from the Cauchy distribution of this median and half width `sigma`; return the tensor itself."""
        self._check_floats("cauchy_")
        _check_positive("cauchy_", "sigma", sigma)
        return self._draw("cauchy_", lambda s: median + sigma * s.standard_cauchy(self.array.shape), generator)

    def fill_diagonal_(self, fill_value: float, wrap: bool = False) -> Self:
        """Set the elements on the main diagonal to a number; return the tensor itself.

        With `wrap` the diagonal of a matrix with more rows than columns begins again below its end. Raises ShapeError for
        fewer than two axes, and for more of different sizes.
        """
        self.refuse_change("fill_diagonal_")
        shape = self.array.shape
        if len(shape) < 2 or (len(shape) > 2 and len(set(shape)) > 1):
            raise ShapeError(f"fill_diagonal_: needs a matrix, or more axes of one size, got shape {shape}")
        step = sum(math.prod(shape[i:]) for i in range(1, len(shape) + 1))
        diagonal = slice(None, shape[1] ** 2 if len(shape) == 2 and not wrap else None, step)
        filled = self.record(ops.setitem, (self.record(ops.reshape, (self, -1)), diagonal, fill_value))
        return self.replace_with(self.record(ops.reshape, (filled, shape)), "fill_diagonal_")

    def _draw(self, name: str, draw: Callable[[np.random.Generator], Any], generator: np.random.Generator | None) -> Self:
        self.refuse_change(name)
        return self._take(np.asarray(draw(generator or default_generator())), name)

    def _check_floats(self, name: str) -> None:
        if self.array.dtype.kind != "f":
            raise DTypeError(f"{name}: draws floats, but the tensor is of dtype {self.array.dtype}")

    def __setitem__(self, index: Index, value: Any) -> None:
        """Change x to ``ops.setitem(x, index, value)``; gradients flow to x and to the value."""
        self.refuse_change("setitem")
        index = frozen_index(index)
        if views.repeats(self):
            self._set_repeated(index, value)
            return
        block = moved_block(index, self.array.ndim)
        if block is not None and np.ndim(value):
            count, place, ndim = block
            value = value if isinstance(value, Traced) else to_array(value, None, get_default_dtype())
            value = ops.reshape(value, (1,) * (ndim - value.ndim) + value.shape)
            first = value.ndim - ndim  # an assignment drops leading axes of size 1
            moved = tuple(range(first + place, first + place + count))
            value = ops.moveaxis(value, moved, tuple(range(first, first + count)))
        if not self._set_in_place(index, value):
            self.replace_with(self.record(setitem, (self, index, value)), "setitem")

    def _set_in_place(self, index: Any, value: Any) -> bool:
        """Write elements into the array itself, if nothing is recorded and nothing else holds it; return whether it was."""
        tracked = self.node is not None or (isinstance(value, Traced) and value.node is not None)
        if (tracked and is_grad_enabled()) or watchers or not views.is_exclusive(self):
            return False
        if isinstance(value, Traced):
            value = value.array
        elif type(value) in (list, tuple):
            value = to_array(value, None, get_default_dtype())
        try:
            assign(self.array, index, native("setitem", value))
        except Exception:  # raised again, with its explanation, by the operation
            return False
        self._mark_changed()
        return True

    def _set_repeated(self, index: Any, value: Any) -> None:
        """Set elements of an expanded tensor, of which each shows in several positions."""
        part: Any = self[index]  # type: ignore[index]
        if part.place is None:
            raise GraphError(REPEATED.format("setitem"))
        if np.ndim(value):
            part.copy_(value)
        else:
            part.fill_(value)

    def refuse_change(self, name: str) -> None:
        """Raise GraphError if this is a leaf that requires a gradient, or a view of one, except under `no_grad()`."""
        if self.node is not None and is_grad_enabled():
            if self.node.primitive is None:
                raise GraphError(REFUSAL.format(name, "a leaf"))
            self._refuse_leaf(name)

    def _refuse_leaf(self, name: str) -> None:
        """Raise GraphError if this is a view of a leaf that requires a gradient."""
        base = None if self.place is None else self.place.base
        if base is not None and base.node is not None and base.node.primitive is None:
            raise GraphError(REFUSAL.format(name, "a view of a leaf"))

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
        if name not in ("fill_", "zero_") and views.repeats(self):
            raise GraphError(REPEATED.format(name))
        former, moves = self._origin(), reshapes and views.is_view(result, self)
        if result.node is None if self.node is None else not is_grad_enabled():
            if moves:
                views.move(self, result, name)
            else:
                self.replace_array(result.array)
            return self
        self._refuse_leaf(name)  # a view taken under no_grad
        if moves:
            views.move(self, result, name)
            self.node = result.node
        elif self.place is None or result.shape != shape:
            views.leave(self)
            self.array, self.node = result.array, result.node
        else:
            views.rebase(self, result)
        if former is None:
            return self
        if former.primitive is None:
            tape.mark_written(former)
            self._frozen = None
        else:
            tape.move_receiver(former, self.node, self)
        return self

    def replace_array(self, array: Array) -> None:
        """Replace the value, unrecorded, in all tensors that share it; nodes that saved it refuse to go backward."""
        if self.place is None:
            self.array = array
        elif array.shape != self.array.shape or array.dtype != self.array.dtype:
            views.leave(self)
            self.array = array
        elif views.is_exclusive(self):
            self.array[...] = array
        else:
            views.change([self], [array])
        self._mark_changed()

    def _mark_changed(self) -> None:
        """Mark the nodes of all tensors that share the value as written to."""
        for tensor in views.members(self):
            node = tensor._origin()  # type: ignore[attr-defined]
            if node is not None:
                tape.mark_written(node)

    def _origin(self) -> Any:
        """Return the node of this tensor; of a leaf also while `requires_grad` is off."""
        return getattr(self, "_frozen", None) if self.node is None else self.node


REFUSAL = (
    "{}: {} that requires a gradient cannot be changed while operations are recorded\n"
    "  hint: change it inside no_grad(), or make a new tensor: x = x + 1, where, concatenate, x.clone()"
)
REPEATED = (
    "{}: an element of the tensor shows in several positions, as after expand, and could hold only one of the new values\n"
    "  hint: use x.clone() first"
)


def _check_positive(op: str, name: str, value: float) -> None:
    if not value > 0:
        raise ValueError(f"{op}: {name} must be greater than 0, got {value}")


def write_all(tensors: Sequence[InPlace], arrays: Sequence[Array]) -> None:
    """Replace the arrays of several tensors: of all of them or, after an interrupt, of none.

    Nodes are marked as written to first: after an interrupt they may refuse to go backward without need.
    """
    for tensor in tensors:
        tensor._mark_changed()
    views.change(tensors, arrays)
