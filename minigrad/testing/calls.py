"""A call seen as a map from its float inputs to its float outputs, wherever in arguments and results they stand."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from minigrad import autograd
from minigrad.arrays import Array
from minigrad.errors import DTypeError
from minigrad.tensors.tensor import Tensor

__all__ = ["Call", "filled", "flat", "gradients", "joined", "plain"]


class Call:
    """`function(*inputs, **kwargs)` as a function of its float arrays and tensors, numbered in the order they stand.

    Inputs may be nested in lists and tuples; integers, options and everything in `kwargs` stay as they are. `wrt` chooses
    the inputs to differentiate: unless given, the tensors that require a gradient, or every input if none does.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        inputs: Any,
        kwargs: Mapping[str, Any] | None = None,
        wrt: int | Sequence[int] | None = None,
    ):
        self.function = function
        self.args = tuple(inputs) if isinstance(inputs, list | tuple) else (inputs,)
        self.kwargs = dict(kwargs or {})
        leaves = [part for part in flat(self.args) if _is_leaf(part)]
        self.arrays = [np.array(plain(leaf), order="K") for leaf in leaves]
        asked = [i for i, leaf in enumerate(leaves) if isinstance(leaf, Tensor) and leaf.requires_grad]
        self.wrt = [wrt] if isinstance(wrt, int) else list(wrt if wrt is not None else asked or range(len(leaves)))
        for i in self.wrt:
            if not 0 <= i < len(leaves):
                raise ValueError(f"{self.name}: wrt names input {i}; the float inputs are 0..{len(leaves) - 1}")

    @classmethod
    def of_floats(
        cls,
        check: str,
        function: Callable[..., Any],
        inputs: Any,
        kwargs: Any = None,
        wrt: int | Sequence[int] | None = None,
    ) -> Call:
        """The call that `check` is to differentiate. Raises DTypeError for complex inputs, and where none is of floats."""
        call = cls(function, inputs, kwargs, wrt)
        given = [plain(x) if isinstance(x, Tensor | np.ndarray | np.generic) else x for x in flat(call.args)]
        if any(np.iscomplexobj(x) for x in given):
            raise DTypeError(f"{check}: an input of {call.name} is complex; gradients are of real numbers")
        if not call.arrays:
            kinds = [f"{x.dtype} {x.shape}" if isinstance(x, np.ndarray) else f"a Python {type(x).__name__}" for x in given]
            raise DTypeError(
                f"{check}: {call.name} has no array or tensor of floats to differentiate; "
                f"given {', '.join(kinds) or 'nothing'}\n  hint: pass np.array(1.0) instead of 1.0, or x.astype(float)"
            )
        return call

    @property
    def name(self) -> str:
        return str(getattr(self.function, "__name__", type(self.function).__name__))

    @property
    def dtype(self) -> np.dtype[Any]:
        """The least precise dtype among the inputs: what a comparison can expect."""
        return min((a.dtype for a in self.arrays), key=lambda dtype: dtype.itemsize, default=np.dtype(np.float64))

    def only(self, *wrt: int) -> Call:
        """The same call, differentiated in other inputs."""
        other = copy.copy(self)
        other.wrt = list(wrt)
        return other

    def tensors(self, arrays: Sequence[Array] | None = None) -> list[Tensor]:
        """New leaves of these values, those of `wrt` requiring a gradient."""
        return [Tensor(a, requires_grad=i in self.wrt) for i, a in enumerate(self.arrays if arrays is None else arrays)]

    def results(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        """Run the function on tensors in the places of its inputs; gives the tensors it returned, wherever they stood."""
        result = self.function(*filled(self.args, tensors), **self.kwargs)
        found = [part for part in flat(result) if isinstance(part, Tensor)]
        if not found:
            raise TypeError(f"{self.name}: must return a tensor or several, got {type(result).__name__}")
        return found

    def outputs(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        """The results that are floats."""
        return [y for y in self.results(tensors) if y.dtype.kind == "f"]

    def compares_nothing(self, outputs: Sequence[Tensor]) -> str:
        """Why there is no derivative to compare: what has no elements; empty where there is one."""
        if not outputs:
            return "no result is of floats"
        if not any(self.arrays[i].size for i in self.wrt):
            return "the inputs to differentiate have no elements" if self.wrt else "wrt names no input"
        return "" if any(y.numel() for y in outputs) else "the results have no elements"

    def value(self, arrays: Sequence[Array]) -> Array:
        """All outputs as one vector, computed in float64."""
        return joined(self.outputs([Tensor(np.asarray(a, np.float64)) for a in arrays]))

    def gradients(
        self, outputs: Sequence[Tensor], tensors: Sequence[Tensor], gs: Sequence[Any], **options: Any
    ) -> list[Any]:
        """The gradients for the inputs of `wrt` under incoming gradients `gs`, one for each output; None for zero."""
        return gradients(outputs, [tensors[i] for i in self.wrt], gs, **options)

    def vjp(self, gs: Sequence[Any], arrays: Sequence[Array] | None = None) -> list[Array]:
        """The gradients of a new forward, as arrays."""
        tensors = self.tensors(arrays)
        return self.dense(self.gradients(self.outputs(tensors), tensors, gs))

    def dense(self, gradients: Sequence[Tensor | None]) -> list[Array]:
        """Gradients as arrays; zeros for None."""
        pairs = zip(self.wrt, gradients, strict=True)
        return [np.zeros_like(self.arrays[i]) if g is None else plain(g) for i, g in pairs]


def gradients(outputs: Sequence[Tensor], leaves: Sequence[Tensor], gs: Sequence[Any], **options: Any) -> list[Any]:
    """`autograd.grad`, but an output that no leaf reaches contributes nothing; None for zero."""
    seeds = [(y, g) for y, g in zip(outputs, gs, strict=True) if y.requires_grad]
    if not seeds or not leaves:
        return [None] * len(leaves)
    ys, weights = (list(part) for part in zip(*seeds, strict=True))
    return list(autograd.grad(ys, leaves, weights, allow_unused=True, **options))


def plain(x: Any) -> Array:
    """The values of a tensor or an array, out of the graph."""
    return x.detach().numpy() if isinstance(x, Tensor) else np.asarray(x)


def joined(parts: Sequence[Any]) -> Array:
    """Tensors or arrays as one float64 vector."""
    return np.concatenate([np.zeros(0), *(np.asarray(plain(part), np.float64).ravel() for part in parts)])


def flat(tree: Any) -> Iterator[Any]:
    """The parts of lists, tuples and dicts, in order."""
    if isinstance(tree, list | tuple | dict):
        for part in tree.values() if isinstance(tree, dict) else tree:
            yield from flat(part)
    else:
        yield tree


def filled(args: Any, values: Iterable[Any]) -> Any:
    """The arguments with other values in the places of their float arrays and tensors."""
    return _filled(args, iter(values))


def _filled(arg: Any, values: Iterator[Any]) -> Any:
    if isinstance(arg, list | tuple):
        parts = [_filled(part, values) for part in arg]
        return type(arg)(*parts) if hasattr(arg, "_fields") else type(arg)(parts)
    if isinstance(arg, dict):
        return {key: _filled(part, values) for key, part in arg.items()}
    return next(values) if _is_leaf(arg) else arg


def _is_leaf(arg: Any) -> bool:
    return isinstance(arg, Tensor | np.ndarray) and arg.dtype.kind == "f"
