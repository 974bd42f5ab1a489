"""Fused kernels: a composite computed in one go, with one node on the tape.

A composite is a definition made of other operations. Each of them passes over memory and saves arrays of its own; a kernel
computes the same result and its first-order gradients in a few passes over blocks that stay in cache, and saves less. The
composition remains the definition: it is what a call is computed by where the kernel does not apply (integers, arrays
instead of tensors, shapes that must be refused), while a watcher looks at the operations of this thread, and whenever
gradients are themselves to be differentiated.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from minigrad.arrays import Array, Traced
from minigrad.engine.composite import Composite
from minigrad.engine.grad_mode import mode
from minigrad.engine.interrupts import Revertible
from minigrad.engine.primitive import Call, Plan, Primitive, primitive
from minigrad.engine.scope import CONSTANTS, constants, here, watched
from minigrad.engine.several import Several, select
from minigrad.engine.tape import Node, record
from minigrad.engine.walk import backward
from minigrad.kernels.conversion import snapshot

__all__ = ["Fused", "fuse", "fused", "unfused"]

# From all arguments, the operands as arrays, to the result, an array or a tuple of them, and arrays kept for `Backward`;
# None where it does not apply.
Forward = Callable[..., tuple[Any, tuple[Array, ...]] | None]
# From g, of several results a list of gradients or None, which arguments need a gradient, the arguments and the kept arrays
# to the gradients of all arguments.
Backward = Callable[..., Sequence[Array | None]]


def fuse(op: Composite, forward: Forward, backward: Backward, *operands: str) -> None:
    """Compute a composite by a kernel where its operands, as far as they are given, are tensors of one float dtype.

    `forward(*args)` gets all arguments, the operands as arrays, and returns ``(out, kept)``, where `kept` is a tuple of
    arrays for `backward`; or None, and the composition is called. `backward(g, needs, args, kept)` returns the gradient of
    each argument; those of which `needs` is False are not read.
    """
    op.compute = Fused(op.__wrapped__, forward, backward, operands)


def fused(
    forward: Forward, backward: Backward, *operands: str, outputs: int = 1, mask: str | None = None
) -> Callable[[Callable[..., Any]], Fused]:
    """Decorate a function that is no public operation, such as the steps of a sequence, to give it a kernel; see `fuse`.

    The operand `mask` may also be of booleans, as a tensor or an array.
    """
    return lambda definition: Fused(definition, forward, backward, operands, outputs, mask)


class unfused(Revertible):
    """Compute composites by their definition, without kernels, in this thread in a ``with`` block.

    >>> import minigrad as mg
    >>> x = mg.ones(1000, requires_grad=True)
    >>> with unfused():
    ...     print(mg.nn.functional.silu(x).grad_fn.name())
    Multiply
    """

    def __enter__(self) -> None:
        self._undo += (partial(setattr, here, "unfused", here.unfused),)
        here.unfused = True


class Fused(Primitive):
    """A function and its kernel, as the operation of its nodes; `fuse` gives one to a composite."""

    def __init__(
        self,
        definition: Callable[..., Any],
        forward: Forward,
        backward: Backward,
        operands: Sequence[str],
        outputs: int = 1,
        mask: str | None = None,
    ):
        super().__init__(definition)
        self.definition, self.outputs = definition, outputs
        self.kernel, self.backward = forward, backward
        self.arrays = frozenset(map(self.names.index, operands))
        self.mask = None if mask is None else self.names.index(mask)
        for name in operands:
            self.declare(name, None)  # no rule of its own: the plan has a joint one

    def __call__(self, *args: Any, **options: Any) -> Any:
        if not (here.unfused or watched()):
            out = self._fused(self.bind(args, options))
            if out is not None:
                return out
        return self.definition(*args, **options)

    def _fused(self, args: tuple[Any, ...]) -> Any:
        """Call the kernel; return None where it does not apply."""
        arrays, parents = list(args), []
        like: Any = None
        tracked = False
        for at, arg in enumerate(args):
            node = None
            if isinstance(arg, Traced):
                array = arrays[at] = arg.array
                if like is None:
                    like, dtype = arg, array.dtype
                    if dtype.char not in "fd":
                        return None
                if at not in self.arrays or (array.dtype is not dtype and not (at == self.mask and _is_mask(array))):
                    return None
                node = arg.node
                tracked = tracked or node is not None
            elif arg is not None and at in self.arrays and not (at == self.mask and _is_mask(arg)):
                return None
            parents.append(node)
        computed = None if like is None else self.kernel(*arrays)
        if computed is None:
            return None
        out, kept = computed
        call = None
        if tracked and mode.enabled:
            plan = self._joint_plan(tuple([parent is not None for parent in parents]), len(kept))
            value: Any = out if self.outputs == 1 else Several({})
            # An array or list of the caller, who may write into it before backward.
            own = [snapshot(a) if a is arg and type(a) not in CONSTANTS else a for a, arg in zip(arrays, args, strict=True)]
            call = Node(value, self, plan, parents, [*own, *kept])
            call.constants = constants(args, plan.constants)
        if self.outputs == 1:
            return like.from_array(out, call)
        nodes = [None if call is None else select(self, call, i, array) for i, array in enumerate(out)]
        return tuple([like.from_array(array, node) for array, node in zip(out, nodes, strict=True)])

    def _joint_plan(self, needs: tuple[bool, ...], kept: int) -> Plan:
        plan = self._plans.get((needs, kept))
        if plan is None:
            calls = tuple([Call(at, None, ()) for at, need in enumerate(needs) if need])
            saves = [("arg" if at in self.arrays else "option", at) for at in range(len(needs))]
            saves += [("kept", at) for at in range(kept)]
            others = tuple([at for at, need in enumerate(needs) if not need])
            plan = self._plans[needs, kept] = Plan(calls, tuple(saves), True, self._gradients, others)
        return plan

    def _gradients(self, node: Node, g: Any, wrap: Any) -> Sequence[Any]:
        """Return the gradients of all arguments: tensors that can be differentiated again, or arrays without `wrap`."""
        count = len(node.parents)
        if wrap is None:
            needs = [parent is not None for parent in node.parents]
            given = [g.parts.get(i) for i in range(self.outputs)] if isinstance(g, Several) else g
            return self.backward(given, needs, node.saved[:count], node.saved[count:])
        args = list(node.saved[:count])
        cuts: list[Node | None] = [None] * count
        parts = g.parts if isinstance(g, Several) else {0: g}
        parts = {i: part if isinstance(part, Traced) else wrap(part, None) for i, part in parts.items()}
        outer = here.scope
        here.scope = node.scope
        try:
            self._separate(node, wrap, args, cuts)
            out = self.definition(*args)
        finally:
            here.scope = outer
        outs = out if self.outputs > 1 else (out,)
        seeds = [(outs[i].node, part) for i, part in parts.items() if outs[i].node is not None]
        targets = [cut for cut in cuts if cut is not None]
        grads = backward(seeds, wrap, targets=targets, retain_graph=True, create_graph=True)
        found = dict(zip(targets, grads, strict=True))
        return [None if cut is None else found[cut] for cut in cuts]

    def _separate(self, node: Node, wrap: Any, args: list[Any], cuts: list[Node | None]) -> None:
        """Make tensors of the operands, each with a node of its own: one operand may be made of another."""
        for at in self.arrays:
            if at < len(args) and args[at] is not None:
                args[at] = wrap(args[at], node.parents[at])
                if node.parents[at] is not None:
                    args[at] = wrap(*record(passed, (args[at],)))
                    cuts[at] = args[at].node


def _is_mask(array: Any) -> bool:
    return type(array) is np.ndarray and array.dtype == bool


@primitive
def passed(x: Array) -> Array:
    """Return x."""
    return x


@passed.gradient("x")
def _(g: Any) -> Any:
    return g
