"""Function calls as maps from float inputs to float outputs, at any position in the arguments and the results."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np

from minigrad import autograd
from minigrad.arrays import Array, array_of
from minigrad.errors import DTypeError
from minigrad.pytree import flatten, leaves
from minigrad.tensors.tensor import Tensor, tensor
from minigrad.testing.closures import Surroundings

__all__ = ["Call", "concatenated", "gradients", "with_floats"]


class Call:
    """A call ``function(*inputs, **kwargs)`` as a function of its float arrays and tensors, numbered in order.

    Inputs may be nested in lists and tuples; integers, options and everything in `kwargs` are constants. With `closure` the
    tensors that the function uses beside its arguments and that require a gradient are inputs, too, numbered after the
    others. `wrt` numbers the inputs to differentiate; by default the tensors that require a gradient, or all arguments if
    none of them does, and what the function closes over.

    Each call starts with the same buffers and random numbers, and leaves them as they were.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        inputs: Any,
        kwargs: Mapping[str, Any] | None = None,
        wrt: int | Sequence[int] | None = None,
        closure: bool = False,
    ):
        self.function = function
        self.args = tuple(inputs) if isinstance(inputs, list | tuple) else (inputs,)
        self.kwargs = dict(kwargs or {})
        self._given, self._rebuild = _flattened(self.args)
        floats = [leaf for leaf, is_float in self._given if is_float]
        self.arrays = [np.array(array_of(leaf)) for leaf in floats]
        self.labels = [f"input {i}" for i in range(len(floats))]
        self.closed: list[Tensor] = []
        self.surroundings: Surroundings | None = None
        tracked = [i for i, leaf in enumerate(floats) if isinstance(leaf, Tensor) and leaf.requires_grad]
        self.wrt = tracked or [*range(len(floats))]
        if closure:
            self._add_closed(Surroundings(function, self.args, self.kwargs))
        if wrt is not None:
            self.wrt = [wrt] if isinstance(wrt, int) else list(wrt)
        for i in self.wrt:
            if not 0 <= i < len(self.arrays):
                raise ValueError(f"{self.name}: wrt names input {i}; the float inputs are 0..{len(self.arrays) - 1}")

    def _add_closed(self, surroundings: Surroundings) -> None:
        """Make the tensors that the function closes over inputs, which are named."""
        if not self.arrays and not any(t.requires_grad for _, t in surroundings.tensors):
            return
        with np.errstate(all="ignore"):
            found = surroundings.closed_over(lambda: self.outputs(self.tensors()))
        if found or surroundings.modules or surroundings.draws:
            self.surroundings = surroundings
        self.wrt += range(len(self.arrays), len(self.arrays) + len(found))
        self.closed = [*found.values()]
        self.arrays += [np.array(array_of(t)) for t in self.closed]
        self.labels += found

    @classmethod
    def of_floats(
        cls,
        check: str,
        function: Callable[..., Any],
        inputs: Any,
        kwargs: Any = None,
        wrt: int | Sequence[int] | None = None,
        closure: bool = False,
    ) -> Call:
        """Return the call that `check` differentiates. Raises DTypeError for complex inputs, or without a float input."""
        given = [array_of(x) if isinstance(x, Tensor | np.ndarray | np.generic) else x for x in leaves(inputs)]
        for n, x in enumerate(given):
            if np.iscomplexobj(x):
                what = f"{x.dtype} {x.shape}" if isinstance(x, np.ndarray) else f"{x!r}"
                raise DTypeError(
                    f"{check}: an input of {_name(function)} is complex: argument {n}, {what}; gradients are of real numbers"
                )
        call = cls(function, inputs, kwargs, wrt, closure)
        if not call.arrays:
            kinds = [f"{x.dtype} {x.shape}" if isinstance(x, np.ndarray) else f"a Python {type(x).__name__}" for x in given]
            raise DTypeError(
                f"{check}: {call.name} has no array or tensor of floats to differentiate; "
                f"given {', '.join(kinds) or 'nothing'}\n  hint: pass np.array(1.0) instead of 1.0, or x.astype(float)"
            )
        return call

    @property
    def name(self) -> str:
        """The function's name, for messages."""
        return _name(self.function)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The least precise dtype among the inputs, which limits the accuracy of a comparison."""
        return min((a.dtype for a in self.arrays), key=lambda dtype: dtype.itemsize, default=np.dtype(np.float64))

    def only(self, *wrt: int) -> Call:
        """Return the same call, differentiated in other inputs."""
        other = copy.copy(self)
        other.wrt = list(wrt)
        return other

    def tensors(self, arrays: Sequence[Array] | None = None) -> list[Tensor]:
        """Return new leaf tensors of these values (default: the inputs); those of `wrt` require a gradient."""
        return [tensor(a, requires_grad=i in self.wrt) for i, a in enumerate(self.arrays if arrays is None else arrays)]

    def results(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        """Call the function with `tensors` as its float inputs; return the tensors among its results, in order."""
        with self._closing_over(tensors):
            new = iter(tensors)
            args = self._rebuild([next(new) if is_float else leaf for leaf, is_float in self._given])
            result = self.function(*args, **self.kwargs)
        found = [leaf for leaf in leaves(result) if isinstance(leaf, Tensor)]
        if not found:
            raise TypeError(f"{self.name}: must return a tensor or several, got {type(result).__name__}")
        return found

    def outputs(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        """Return the results that are floats."""
        return [y for y in self.results(tensors) if y.dtype.kind == "f"]

    def compares_nothing(self, outputs: Sequence[Tensor]) -> str:
        """Return why there is no derivative to compare, naming what has no elements; empty if there is one."""
        if not outputs:
            return "no result is of floats"
        if not any(self.arrays[i].size for i in self.wrt):
            return "the inputs to differentiate have no elements" if self.wrt else "wrt names no input"
        return "" if any(y.numel() for y in outputs) else "the results have no elements"

    def value(self, arrays: Sequence[Array]) -> Array:
        """Return all outputs as one vector, computed in float64."""
        return concatenated(self.outputs([tensor(np.asarray(a, np.float64)) for a in arrays]))

    def gradients(
        self, outputs: Sequence[Tensor], tensors: Sequence[Tensor], gs: Sequence[Any], **options: Any
    ) -> list[Any]:
        """Return the gradients for the inputs of `wrt`, given an incoming gradient for each output; None means zero."""
        with self._closing_over(tensors):  # a checkpoint runs the function again
            return gradients(outputs, [tensors[i] for i in self.wrt], gs, **options)

    def _closing_over(self, tensors: Sequence[Tensor]) -> AbstractContextManager[None]:
        """Give what the function closes over the values of the last of `tensors`, within a ``with`` block."""
        if self.surroundings is None:
            return nullcontext()
        return self.surroundings.with_values(self.closed, tensors[len(tensors) - len(self.closed) :])

    def vjp(self, gs: Sequence[Any], arrays: Sequence[Array] | None = None) -> list[Array]:
        """Run a new forward and backward; return the gradients as arrays."""
        tensors = self.tensors(arrays)
        return self.dense(self.gradients(self.outputs(tensors), tensors, gs))

    def jacobians(self, outputs: Sequence[Tensor], tensors: Sequence[Tensor], gs: Sequence[Array]) -> list[Array]:
        """Return the Jacobian (outputs, inputs) for each input of `wrt`, one backward for each row; keep the graph.

        Each row is multiplied by its element of the incoming gradients `gs`.
        """
        blocks: list[list[Array]] = [[] for _ in self.wrt]
        for n, g in enumerate(gs):
            for k in range(g.size):
                one = [np.zeros_like(part) for part in gs]
                one[n].reshape(-1)[k] = g.reshape(-1)[k]
                rows = self.dense(self.gradients(outputs, tensors, one, retain_graph=True))
                for block, row in zip(blocks, rows, strict=True):
                    block.append(np.asarray(row, np.float64).ravel())
        return [np.reshape(block, (len(block), self.arrays[i].size)) for i, block in zip(self.wrt, blocks, strict=True)]

    def dense(self, gradients: Sequence[Tensor | None]) -> list[Array]:
        """Return gradients as arrays, with zeros for None."""
        pairs = zip(self.wrt, gradients, strict=True)
        return [np.zeros_like(self.arrays[i]) if g is None else array_of(g) for i, g in pairs]


def gradients(outputs: Sequence[Tensor], inputs: Sequence[Tensor], gs: Sequence[Any], **options: Any) -> list[Any]:
    """Compute gradients by `autograd.grad`; outputs that depend on no input contribute nothing, and None means zero."""
    seeds = [(y, g) for y, g in zip(outputs, gs, strict=True) if y.requires_grad]
    if not seeds or not inputs:
        return [None] * len(inputs)
    ys, weights = (list(part) for part in zip(*seeds, strict=True))
    return list(autograd.grad(ys, inputs, weights, allow_unused=True, **options))


def concatenated(parts: Sequence[Any]) -> Array:
    """Return the elements of tensors or arrays as one float64 vector."""
    return np.concatenate([np.zeros(0), *(np.asarray(array_of(part), np.float64).ravel() for part in parts)])


def with_floats(args: Any, values: Iterable[Any]) -> Any:
    """Return the arguments with their float arrays and tensors replaced by `values`, in order."""
    found, rebuild = _flattened(args)
    new = iter(values)
    return rebuild([next(new) if is_float else leaf for leaf, is_float in found])


def _flattened(args: Any) -> tuple[list[tuple[Any, bool]], Callable[[Iterable[Any]], Any]]:
    """Return the leaves of the arguments, each with whether it is of floats, and what rebuilds them from others."""
    found, rebuild = flatten(args)
    return [(leaf, isinstance(leaf, (Tensor, np.ndarray)) and leaf.dtype.kind == "f") for leaf in found.values()], rebuild


def _name(function: Any) -> str:
    return str(getattr(function, "__name__", type(function).__name__))
