"""Function: user-defined operations on tensors with PyTorch's interface.

A `primitive` is shorter and preferable; a Function is for existing programs, and for several outputs. A call is one node on
the tape. With several outputs, the value of that node is all of them, and each output is a later node that selects one: so
the walk visits the call once, when all gradients have arrived.
"""

from __future__ import annotations

import functools
import inspect
import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minigrad.engine.grad_mode import is_grad_enabled, no_grad
from minigrad.engine.primitive import Call, Plan, Primitive
from minigrad.engine.scope import constants, watchers
from minigrad.engine.several import Several, select
from minigrad.engine.tape import Node
from minigrad.errors import GraphError
from minigrad.tensors.tensor import Tensor

__all__ = ["Function", "FunctionCtx", "InplaceFunction", "once_differentiable"]


class FunctionCtx:
    """The context passed from `forward` to `backward`; further values can be kept as attributes."""

    def __init__(self, name: str, needs_input_grad: tuple[bool, ...]):
        self.needs_input_grad = needs_input_grad
        self._name = name
        self._recording = is_grad_enabled()
        self._to_save: tuple[Any, ...] = ()
        self._materialize = True
        self._once = False  # set by once_differentiable
        self._constant: tuple[Any, ...] = ()
        self._dirty: tuple[Any, ...] = ()

    def save_for_backward(self, *tensors: Tensor | None) -> None:
        """Save inputs and outputs (and other tensors, as constants) for `saved_tensors` in backward.

        Unlike attributes, they are freed by backward, can be differentiated again, and are checked for later writes.
        """
        for i, t in enumerate(tensors):
            if t is not None and not isinstance(t, Tensor):
                raise TypeError(
                    f"{self._name}: save_for_backward takes tensors and None, argument {i} is of type {type(t).__name__}\n"
                    "  hint: keep it as an attribute: ctx.name = value"
                )
        self._to_save = tensors

    @property
    def saved_tensors(self) -> tuple[Tensor, ...]:
        """The tensors saved with `save_for_backward`."""
        return _running.saved.get(self, self._to_save)

    def mark_non_differentiable(self, *outputs: Tensor) -> None:
        """Declare outputs without a gradient; backward is called with zeros for them."""
        self._constant = outputs

    def save_for_forward(self, *tensors: Tensor | None) -> None:
        """Do nothing: derivatives in forward mode are computed by `backward`, and no `jvp` is called."""

    def mark_dirty(self, *tensors: Tensor) -> None:
        """Declare inputs that forward has changed in place and returns: they become the results.

        Raises GraphError for a leaf that requires a gradient, except under `no_grad()`.
        """
        for t in tensors if self._recording else ():
            if t.requires_grad and t.is_leaf:
                raise GraphError(
                    f"{self._name}: mark_dirty: a leaf that requires a gradient cannot be changed in place\n"
                    "  hint: call it on a result, e.g. x.clone(), or inside no_grad()"
                )
        self._dirty = tensors

    def set_materialize_grads(self, value: bool) -> None:
        """Set whether backward is called with zeros (the default) or None for an output without a gradient."""
        self._materialize = bool(value)


class _Running(threading.local):
    """The saved tensors of each call whose backward runs in this thread; another may walk the same graph."""

    def __init__(self) -> None:
        self.saved: dict[FunctionCtx, tuple[Any, ...]] = {}


_running = _Running()


class Function:
    """Base class of user-defined operations: define static `forward(ctx, ...)` and `backward(ctx, *grads)`, call `apply`.

    `backward` returns one gradient for each argument of `forward` after ctx, or None; written with operations on tensors, it
    is itself differentiable. With a static `setup_context(ctx, inputs, output)`, forward takes no ctx.

    Raises GraphError, with the name of the class, for gradients of the wrong number, type or shape.

    >>> import minigrad as mg
    >>> class Cube(mg.autograd.Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         ctx.save_for_backward(x)
    ...         return x**3
    ...     @staticmethod
    ...     def backward(ctx, g):
    ...         (x,) = ctx.saved_tensors
    ...         return g * 3 * x**2
    >>> mg.grad(Cube.apply)(2.0), mg.grad(mg.grad(Cube.apply))(2.0)
    (tensor(12.), tensor(12.))
    """

    _primitive: Primitive
    _signature: inspect.Signature

    def __new__(cls, *args: Any) -> Function:
        raise TypeError(f"{cls.__name__}: a Function is not instantiated\n  hint: call {cls.__name__}.apply(...)")

    def __init_subclass__(cls) -> None:
        cls._signature = inspect.signature(cls.forward)
        names = list(cls._signature.parameters)
        op = Primitive(cls.forward, names[1:] if cls.setup_context is Function.setup_context else names)
        op.__name__ = cls.__name__
        cls._primitive = op

    @staticmethod
    def forward(*args: Any, **options: Any) -> Any:
        """Return the value, a tensor or a tuple; anything else in the tuple is returned unchanged. Nothing is recorded."""
        raise NotImplementedError("a Function defines forward(ctx, ...)")

    @staticmethod
    def setup_context(ctx: FunctionCtx, inputs: tuple[Any, ...], output: Any) -> None:
        """Save what backward needs, if forward takes no ctx."""

    @staticmethod
    def backward(ctx: FunctionCtx, *grads: Any, **options: Any) -> Any:
        """Return the gradients of the arguments from those of the outputs."""
        raise NotImplementedError("a Function with a gradient defines backward(ctx, *grads)")

    @classmethod
    def apply(cls, *args: Any, **options: Any) -> Any:
        """Call the operation; arguments that are not tensors are passed unchanged.

        A forward without ctx may be called with names, and with defaults left out.
        """
        if cls.setup_context is not Function.setup_context:
            bound = cls._signature.bind(*args, **options)
            bound.apply_defaults()
            args = bound.args
        elif options:
            raise TypeError(f"{cls.__name__}: apply() takes no names of arguments, got {', '.join(options)}")
        nodes = [arg.node if isinstance(arg, Tensor) else None for arg in args]
        ctx = FunctionCtx(cls.__name__, tuple(node is not None for node in nodes))
        with no_grad():
            if cls.setup_context is Function.setup_context:
                given = cls.forward(ctx, *args)
            else:
                given = cls.forward(*args)
                cls.setup_context(ctx, args, given)
        outputs = list(given) if isinstance(given, tuple) else [given]
        for t in ctx._dirty:
            if not any(out is t for out in outputs):
                raise GraphError(f"{cls.__name__}: an input marked by mark_dirty must be returned")
        arrays = [out.array if isinstance(out, Tensor) else out for out in outputs]
        made: list[Node | None] = [None] * len(outputs)
        if is_grad_enabled() and any(ctx.needs_input_grad):
            made = _record(cls, ctx, args, nodes, outputs, arrays)
        dirty, ctx._to_save, ctx._constant, ctx._dirty = ctx._dirty, (), (), ()  # they are on the tape now
        for watcher in tuple(watchers):
            for array, node in zip(arrays, made, strict=True):
                watcher(cls._primitive, args, array, node)
        results = [Tensor.from_array(a, n) if isinstance(a, np.ndarray) else a for a, n in zip(arrays, made, strict=True)]
        for i, out in enumerate(outputs):
            if any(out is t for t in dirty):
                results[i] = out.replace_with(results[i], cls.__name__)
        return tuple(results) if isinstance(given, tuple) else results[0]


InplaceFunction = Function  # PyTorch's base class of those that may call mark_dirty


def once_differentiable(backward: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate a `backward` that cannot be differentiated: differentiating its gradients raises GraphError.

    >>> import minigrad as mg
    >>> class Square(mg.autograd.Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         ctx.save_for_backward(x)
    ...         return x**2
    ...     @staticmethod
    ...     @mg.autograd.once_differentiable
    ...     def backward(ctx, g):
    ...         return g * 2 * ctx.saved_tensors[0]
    >>> mg.grad(Square.apply)(3.0)
    tensor(6.)
    >>> mg.grad(mg.grad(Square.apply))(3.0)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    minigrad.errors.GraphError: Square: its backward can be differentiated only once
      rule    ...
    """

    @functools.wraps(backward)
    def once(ctx: FunctionCtx, *grads: Any) -> Any:
        ctx._once = True
        with no_grad():
            return _backward(backward, ctx, _detached(ctx.saved_tensors), _detached(grads))

    return once


def _backward(function: Callable[..., Any], ctx: FunctionCtx, saved: tuple[Any, ...], grads: Sequence[Any]) -> Any:
    """Call a backward that finds these saved tensors in its context."""
    outer = _running.saved
    _running.saved = {**outer, ctx: saved}
    try:
        return function(ctx, *grads)
    finally:
        _running.saved = outer


def _detached(tensors: Sequence[Any]) -> tuple[Any, ...]:
    return tuple(t.detach() if isinstance(t, Tensor) else t for t in tensors)


def _record(
    cls: type[Function],
    ctx: FunctionCtx,
    args: Sequence[Any],
    nodes: list[Node | None],
    outputs: Sequence[Any],
    arrays: Sequence[Any],
) -> list[Node | None]:
    """Record the call on the tape; return the node of each output that has a gradient."""
    saves = []
    for t in ctx._to_save:
        changed = any(t is other for other in ctx._dirty)
        places = [("arg", i) for i, arg in enumerate(args) if arg is t and not changed] + [
            ("out", i) for i, o in enumerate(outputs) if o is t
        ]
        saves.append(places[0] if places else ("constant", 0))
    saved = [None if t is None else t.array for t in ctx._to_save]
    several = len(outputs) > 1
    calls = tuple(Call(i, None, ()) for i, node in enumerate(nodes) if node is not None)
    shapes = [(a.shape, a.dtype) if isinstance(a, np.ndarray) else None for a in arrays]
    joint = functools.partial(_gradients, cls, ctx, [isinstance(arg, Tensor) for arg in args], shapes)
    plan = Plan(calls, tuple(saves), bool(saves), joint, tuple([i for i, node in enumerate(nodes) if node is None]))
    value: Any = Several({}) if several else arrays[0]
    kinds = [isinstance(a, np.ndarray) and a.dtype.kind == "f" for a in arrays]
    differentiable = [kind and not any(out is t for t in ctx._constant) for kind, out in zip(kinds, outputs, strict=True)]
    if not any(differentiable):
        return [None] * len(outputs)
    call = Node(value, cls._primitive, plan, nodes, saved)
    call.constants = constants(args, plan.constants)
    if not several:
        return [call]
    return [
        select(cls._primitive, call, i, a) if d else None
        for i, (a, d) in enumerate(zip(arrays, differentiable, strict=True))
    ]


def _gradients(
    cls: type[Function],
    ctx: FunctionCtx,
    are_tensors: Sequence[bool],
    outputs: Sequence[tuple[tuple[int, ...], Any] | None],
    node: Node,
    g: Any,
    wrap: Any,
) -> list[Any]:
    """Run a backward once; return the gradients of all arguments: arrays, or with `wrap` tensors to differentiate again."""
    again = wrap is not None
    parts = g.parts if isinstance(g, Several) else {0: g}
    arrived = [_arrived(parts.get(i), known if ctx._materialize else None) for i, known in enumerate(outputs)]
    saved = tuple(_handle(cls, node, i, again) for i in range(len(node.saved)))
    history = [t.node for t in (*arrived, *saved) if t is not None and t.node is not None]
    linear = any(t is not None and t.node is not None for t in arrived)  # then all gradients are linear in these
    given = _backward(cls.backward, ctx, saved, arrived)
    grads = _checked(cls.__name__, list(given) if isinstance(given, tuple | list) else [given], are_tensors)
    for i, grad in enumerate(grads):
        array = grad.array if isinstance(grad, Tensor) else grad
        if array is None or not again:
            grads[i] = array
        elif history and getattr(grad, "node", None) is None and (linear or ctx._once or grad is array) and array.any():
            grads[i] = _barred(cls.__name__, array, history)
    return grads


def _arrived(g: Any, output: tuple[tuple[int, ...], Any] | None) -> Tensor | None:
    """Return the gradient of an output for backward; without one, zeros if a shape is given, else None."""
    if g is None:
        return None if output is None else Tensor.from_array(np.zeros(*output))
    # A separate tensor: backward may change it in place, and other nodes may hold the same gradient.
    return Tensor.from_array(g.array, g.node) if isinstance(g, Tensor) else Tensor.from_array(np.asarray(g))


def _checked(name: str, grads: list[Any], are_tensors: Sequence[bool]) -> list[Any]:
    """Check the gradients, one for each argument, each a tensor, an array or None; raise GraphError for any other."""
    while len(grads) > len(are_tensors) and grads[-1] is None:
        grads.pop()  # PyTorch accepts further Nones
    if len(grads) != len(are_tensors):
        wanted = f"{len(are_tensors)} gradients, one for each argument"
        raise GraphError(f"{name}: backward must return {wanted}, got {len(grads)}")
    for i, (grad, is_tensor) in enumerate(zip(grads, are_tensors, strict=True)):
        if grad is not None and not is_tensor:
            raise GraphError(f"{name}: backward returned a gradient for argument {i}, which is not a tensor; return None")
        if isinstance(grad, np.generic):  # NumPy returns scalars for 0-d arrays
            grads[i] = np.asarray(grad)
        elif not isinstance(grad, Tensor | np.ndarray | None):
            raise GraphError(
                f"{name}: backward returned {type(grad).__name__} for argument {i}\n"
                "  rule    a gradient is a tensor or an array, or None for zero"
            )
    return grads


def _barred(name: str, array: Any, history: Sequence[Node]) -> Tensor:
    """A gradient that left the graph: differentiating it raises GraphError, because it is not a constant."""

    def refuse(g: Any) -> Any:
        raise GraphError(
            f"{name}: its backward can be differentiated only once\n"
            "  rule    to be differentiated again, it is made of operations on tensors: no arrays, no detach, and no "
            "once_differentiable"
        )

    op = Primitive(refuse, ["g"])
    op.__name__ = name
    plan = Plan(tuple(Call(i, refuse, ()) for i in range(len(history))), (), False)
    return Tensor.from_array(array, Node(array, op, plan, history, ()))


def _handle(cls: type[Function], node: Node, i: int, again: bool) -> Tensor | None:
    """Return a saved tensor for backward; with its node if it is to be differentiated again."""
    (kind, at), array = node.plan.saves[i], node.saved[i]
    if array is None or not again or kind == "constant":
        return None if array is None else Tensor.from_array(array)
    if kind == "arg":
        return Tensor.from_array(array, node.parents[at])
    return Tensor.from_array(array, select(cls._primitive, node, at, array) if node.shape is Several.shape else node)
