"""checkpoint: recompute a function in backward instead of keeping the arrays that its gradient rules need.

The function is recorded as usual, and its nodes stay on the tape, without their saved arrays. The first rule that reads one
runs the function again and restores the arrays of all nodes. So gradients of tensors in the closure, of chosen inputs, and
of any order need no further code.
"""

from __future__ import annotations

import functools
import threading
import weakref
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np

from minigrad.engine.grad_mode import enable_grad, is_grad_enabled
from minigrad.engine.interrupts import Locked
from minigrad.engine.scope import watch
from minigrad.engine.tape import Node
from minigrad.errors import GraphError
from minigrad.pytree import map_leaves
from minigrad.random import draws_from, isolate_draws
from minigrad.tensors.tensor import Tensor

__all__ = ["checkpoint", "checkpoint_sequential"]


def checkpoint(
    function: Callable[..., Any],
    *args: Any,
    use_reentrant: bool | None = None,
    preserve_rng_state: bool = True,
    context_fn: Callable[[], tuple[AbstractContextManager[Any], AbstractContextManager[Any]]] | None = None,
    determinism_check: str = "default",
    debug: bool = False,
    early_stop: bool = True,
    **kwargs: Any,
) -> Any:
    """Return ``function(*args, **kwargs)``, recomputed in backward: less memory for one more forward (Chen et al. 2016).

    The function must compute the same again: it may depend on its arguments, on tensors that are not written to before
    backward, and on the default generator, whose state is restored for it unless `preserve_rng_state` is False. Its side
    effects happen twice, such as updates of running averages in batch normalization. Backward raises GraphError if a tensor
    was written to or if the second run recorded other operations. `context_fn` returns the contexts of the two runs.
    `use_reentrant`, `determinism_check`, `debug` and `early_stop` are accepted for PyTorch's programs, and ignored.

    >>> import minigrad as mg
    >>> x = mg.tensor([0.5, 1.0], requires_grad=True)
    >>> mg.autograd.checkpoint(lambda x: x.sin().exp(), x).sum().backward()
    >>> x.grad
    tensor([1.4174, 1.2534])
    """
    if not is_grad_enabled():
        return function(*args, **kwargs)

    first, second = (nullcontext(), nullcontext()) if context_fn is None else context_fn()

    def run(random: Any) -> Any:
        region = _Region(function, args, kwargs, random, second)
        with first:
            out, nodes = _recorded(function, args, kwargs)
        region.release(nodes)
        return out

    return isolate_draws(run) if preserve_rng_state else run(None)


def checkpoint_sequential(
    functions: Iterable[Callable[[Any], Any]], segments: int, input: Any, use_reentrant: bool | None = None, **options: Any
) -> Any:
    """Apply functions, or the modules of a Sequential, one after the other; all segments but the last are checkpoints.

    Raises ValueError unless `segments` is between 1 and the number of functions.

    >>> import minigrad as mg
    >>> net = mg.nn.Sequential(*[mg.nn.Tanh() for _ in range(4)])
    >>> mg.utils.checkpoint.checkpoint_sequential(net, 2, mg.tensor(0.5))
    tensor(0.3858)
    """
    layers = list(functions)
    if not 1 <= segments <= len(layers):
        raise ValueError(f"checkpoint_sequential: segments must be within 1..{len(layers)}, got {segments}")
    size = len(layers) // segments
    for start in range(0, size * (segments - 1), size):
        part = functools.partial(functools.reduce, lambda x, f: f(x), layers[start : start + size])
        input = checkpoint(part, input, use_reentrant=use_reentrant, **options)
    return functools.reduce(lambda x, f: f(x), layers[(segments - 1) * size :], input)


WRITTEN = (
    "checkpoint: a tensor that the function uses was written to before backward\n"
    "  hint: call backward() before optimizer.step(), copy_(), mul_() or load_state_dict()"
)


class _Region:
    """One call of a function, which can be repeated."""

    def __init__(
        self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], random: Any, context: Any
    ):
        self._function: Callable[..., Any] | None = function
        self._args, self._kwargs = map_leaves(_kept, (args, kwargs))
        self._random = random  # the state of the generator at its start; None: not restored
        self._context = context  # of the second run
        self._lock = threading.RLock()
        self._names: list[str] = []
        self._outside: set[Node] = set()  # what its nodes depend on
        self._last = -1
        self._saved: weakref.WeakValueDictionary[int, _Recomputed] = weakref.WeakValueDictionary()

    def release(self, nodes: Sequence[Node]) -> None:
        """Release the saved arrays of the nodes."""
        self._names = [node.operation for node in nodes]
        self._outside = _outside(nodes)
        self._last = nodes[-1].number if nodes else -1
        for place, node in enumerate(nodes):
            if node.plan.holds_arrays and node.saved is not None:
                node.saved = self._saved[place] = _Recomputed(self, len(node.saved))

    def check(self) -> None:
        """Raise GraphError if a tensor that the function uses was written to."""
        if any(node.written > self._last for node in self._outside):
            raise GraphError(WRITTEN)

    def run_again(self) -> None:
        """Restore the saved arrays of all nodes that are still alive, once for all threads."""
        with Locked(self._lock):
            if self._function is not None:
                self._run_again(self._function)

    def _run_again(self, function: Callable[..., Any]) -> None:
        self.check()
        args, kwargs = map_leaves(_kept, (self._args, self._kwargs))
        with draws_from(self._random) if self._random is not None else nullcontext(), self._context:
            _, nodes = _recorded(function, args, kwargs)
        names = [node.operation for node in nodes]
        if names != self._names:
            at = next((i for i, (a, b) in enumerate(zip(names, self._names, strict=False)) if a != b), -1)
            what = (
                f"operation {at} was {self._names[at]}, is {names[at]}"
                if at >= 0
                else f"{len(self._names)}, then {len(names)}"
            )
            raise GraphError(
                f"checkpoint: the function recorded other operations the second time: {what}\n"
                "  rule    it depends on its arguments and on the library's generator alone"
            )
        if any(node.primitive and node not in self._outside for node in _outside(nodes)):  # of a tensor in the closure
            raise GraphError(WRITTEN)
        for place, recomputed in self._saved.items():
            recomputed.values = nodes[place].saved
        self._function = self._args = self._kwargs = None  # all nodes are restored: release the inputs


class _Recomputed(Sequence[Any]):
    """The saved values of a node, recomputed when they are read."""

    __slots__ = ("__weakref__", "_length", "_region", "values")

    def __init__(self, region: _Region, length: int):
        self._region = region
        self._length = length
        self.values: Any = None

    def check(self) -> None:
        """Raise GraphError, before a walk, if the values cannot be computed again."""
        if self.values is None:
            self._region.check()

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, slot: Any) -> Any:
        if self.values is None:
            self._region.run_again()
        return self.values[slot]


def _recorded(function: Callable[..., Any], args: Any, kwargs: Any) -> tuple[Any, list[Node]]:
    """Return the result of a function, and the nodes it records, in order."""
    nodes: dict[Node, None] = {}

    def see(op: Any, args: Any, out: Any, node: Node | None) -> None:
        if node is not None:
            for parent in node.parents:
                if parent is not None and parent.dtype is None:  # a Function of several outputs: node selects one of them
                    nodes[parent] = None
            nodes[node] = None

    with watch(see), enable_grad():
        out = function(*args, **kwargs)
    return out, list(nodes)


def _outside(nodes: Sequence[Node]) -> set[Node]:
    """Return the nodes that some others, recorded together, depend on."""
    return {parent for node in nodes for parent in node.parents if parent is not None}.difference(nodes)


def _kept(arg: Any) -> Any:
    """Return a copy of an argument: the caller or the function may change it in place."""
    if isinstance(arg, Tensor):
        return Tensor.from_array(arg.array, arg.node)
    return arg.copy() if isinstance(arg, np.ndarray) else arg
