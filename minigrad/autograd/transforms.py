"""Transforms of functions into their derivatives, under the names of `torch.func`.

Arguments and results are tensors, arrays or floats, or dicts, lists, tuples and named tuples of them. Transforms nest to any
order: a derivative depends on tensors recorded outside of it, and on nothing else.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol, overload

import numpy as np

from minigrad import ops
from minigrad.arrays import Array
from minigrad.autograd.gradient import grad as gradients_of
from minigrad.engine import tape, walk
from minigrad.engine.grad_mode import enable_grad, is_grad_enabled
from minigrad.errors import DTypeError, GraphError, ShapeError
from minigrad.pytree import flatten, map_leaves
from minigrad.tensors.tensor import Tensor, tensor

__all__ = [
    "grad",
    "grad_and_value",
    "hessian",
    "hvp",
    "jacfwd",
    "jacobian",
    "jacrev",
    "jvp",
    "linearize",
    "value_and_grad",
    "vjp",
]

Function = Callable[..., Any]
Argnums = int | Sequence[int] | None  # positions of arguments; None: all of them
Leaf = Tensor | Array | np.generic | float

if TYPE_CHECKING:

    class Gradient(Protocol):
        """The gradient with respect to the first argument: a tensor for a tensor, an array or a number; else a tree."""

        @overload
        def __call__(self, x: Leaf, /, *args: Any, **kwargs: Any) -> Tensor: ...
        @overload
        def __call__(self, *args: Any, **kwargs: Any) -> Any: ...

    class Gradients(Protocol):
        """The gradients with respect to several arguments."""

        @overload
        def __call__(self, *args: Leaf) -> tuple[Tensor, ...]: ...
        @overload
        def __call__(self, *args: Any, **kwargs: Any) -> tuple[Any, ...]: ...

    class ValueAndGradient(Protocol):
        """The value and the gradient with respect to the first argument."""

        @overload
        def __call__(self, x: Leaf, /, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]: ...
        @overload
        def __call__(self, *args: Any, **kwargs: Any) -> tuple[Tensor, Any]: ...


@overload
def grad(func: Function, argnums: Literal[0] = 0, has_aux: Literal[False] = False) -> Gradient: ...
@overload
def grad(func: Function, argnums: Sequence[int] | None, has_aux: Literal[False] = False) -> Gradients: ...
@overload
def grad(func: Function, argnums: Argnums = 0, has_aux: bool = False) -> Function: ...
@overload
def grad(
    func: Tensor | Sequence[Tensor], argnums: Tensor | Sequence[Tensor], grad_outputs: Any = None,
    retain_graph: bool | None = None, create_graph: bool = False, *, materialize_grads: bool = False,
) -> tuple[Tensor, ...]: ...  # fmt: skip
@overload
def grad(
    func: Tensor | Sequence[Tensor], argnums: Tensor | Sequence[Tensor], *args: Any, **options: Any
) -> tuple[Any, ...]: ...
def grad(func: Any, argnums: Any = 0, *args: Any, **options: Any) -> Any:
    """Return the gradient of a scalar function as a function of the same arguments.

    `argnums` selects the arguments by position, the first by default; for several, the result is a tuple. Apply `grad` again
    for higher orders. With ``has_aux=True`` the function returns (value, aux), and its gradient (gradient, aux). Called with
    tensors instead of a function, this is PyTorch's ``autograd.grad(outputs, inputs, ...)``.

    >>> import numpy as np
    >>> import minigrad as mg
    >>> mg.grad(np.sin)(0.0), mg.grad(mg.grad(np.sin))(0.0)
    (tensor(1.), tensor(-0.))
    >>> mg.grad(lambda p, x: p["a"] * x + p["b"], argnums=(0, 1))({"a": 2.0, "b": 1.0}, 3.0)
    ({'a': tensor(3.), 'b': tensor(1.)}, tensor(2.))
    """
    if not callable(func):
        return gradients_of(func, argnums, *args, **options)
    return _gradient_function("grad", func, options.pop("argnum", argnums), *args, **options)  # HIPS autograd's name


@overload
def value_and_grad(func: Function, argnums: Literal[0] = 0, has_aux: Literal[False] = False) -> ValueAndGradient: ...
@overload
def value_and_grad(func: Function, argnums: Argnums = 0, has_aux: bool = False) -> Function: ...
def value_and_grad(func: Function, argnums: Argnums = 0, has_aux: bool = False) -> Any:
    """Return a function that returns (value, gradient), or ((value, aux), gradient) with `has_aux`. See `grad`.

    >>> import minigrad as mg
    >>> mg.func.value_and_grad(lambda x: x**3)(2.0)
    (tensor(8.), tensor(12.))
    """

    @functools.wraps(func)
    def both(*args: Any, **kwargs: Any) -> Any:
        call = _Call("value_and_grad", func, args, argnums, kwargs, has_aux)
        return (call.result, call.aux) if has_aux else call.result, call.gradient()

    return both


def grad_and_value(func: Function, argnums: Argnums = 0, has_aux: bool = False) -> Function:
    """Return a function that returns (gradient, value), or (gradient, (value, aux)): `value_and_grad` in PyTorch's order."""
    both = value_and_grad(func, argnums, has_aux)
    return functools.wraps(func)(lambda *args, **kwargs: both(*args, **kwargs)[::-1])


def vjp(func: Function, *primals: Any, has_aux: bool = False) -> Any:
    """Return the result of ``func(*primals)`` and a function that computes vector-Jacobian products.

    That function takes a tree like the result and returns a tuple with one gradient for each primal; it can be called again.

    >>> import minigrad as mg
    >>> value, pull = mg.func.vjp(lambda x, y: x * y, 2.0, 3.0)
    >>> value, pull(1.0)
    (tensor(6.), (tensor(3.), tensor(2.)))
    """
    call = _Call("vjp", func, primals, tuple(range(len(primals))), has_aux=has_aux)

    def pull(cotangents: Any) -> Any:
        given = call.matching(cotangents, call.outputs, "the result")
        with call:
            return call.like_inputs(call.derivative(call.outputs.values(), given, call.inputs.values()))

    return (call.result, pull, call.aux) if has_aux else (call.result, pull)


def jvp(func: Function, primals: tuple[Any, ...], tangents: tuple[Any, ...], has_aux: bool = False) -> Any:
    """Return the result of ``func(*primals)`` and its derivative along `tangents`, two tuples as long as the arguments.

    J^T g is linear in g, so its derivative with respect to g along v is J v (the double-backward trick, Townsend
    2017). Raises GraphError for an operation that cannot be differentiated twice.

    >>> import minigrad as mg
    >>> mg.func.jvp(lambda x, y: x * y, (2.0, 3.0), (1.0, 10.0))
    (tensor(6.), tensor(23.))
    """
    call = _Call("jvp", func, _tuple("jvp", "primals", primals), has_aux=has_aux)
    pushed = _linear(call)(*_tuple("jvp", "tangents", tangents))
    return (call.result, pushed, call.aux) if has_aux else (call.result, pushed)


def linearize(func: Function, *primals: Any) -> tuple[Any, Function]:
    """Return the result of ``func(*primals)`` and a function of tangents, the derivative along them; see `jvp`.

    The function is called and differentiated once, the derivative computed for as many tangents as wanted.

    >>> import minigrad as mg
    >>> value, push = mg.func.linearize(lambda x, y: x * y, 2.0, 3.0)
    >>> value, push(1.0, 10.0), push(0.0, 1.0)
    (tensor(6.), tensor(23.), tensor(2.))
    """
    call = _Call("linearize", func, primals, tuple(range(len(primals))))
    return call.result, _linear(call)


def _linear(call: _Call) -> Function:
    """Return the derivative of a call as a function of tangents."""
    with call:
        g = [call.add_leaf(tensor(np.ones_like(y.array), requires_grad=True)) for y in call.outputs.values()]
        pulled = call.derivative(call.outputs.values(), g, call.inputs.values(), again=True)

    def push(*tangents: Any) -> Any:
        along = call.matching(dict(enumerate(tangents)), call.inputs, "the primals")
        with call:
            return call.like_outputs(call.derivative(pulled, along, g))

    return push


def hvp(func: Function, primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> Any:
    """Return the product of the Hessian of a scalar function with `tangents`, at the cost of two gradients.

    The result is a tree like the primals.

    >>> import minigrad as mg
    >>> mg.func.hvp(lambda x: x**3, (2.0,), (10.0,))
    tensor(120.)
    """
    call = _Call("hvp", func, _tuple("hvp", "primals", primals))
    along = call.matching(dict(enumerate(_tuple("hvp", "tangents", tangents))), call.inputs, "the primals")
    with call:
        first = call.derivative([call.only_output()], [None], call.inputs.values(), again=True)
        return call.like_inputs(call.derivative(first, along, call.inputs.values()))


@overload
def jacobian(func: Callable[..., Tensor], argnums: Literal[0] = 0) -> Gradient: ...
@overload
def jacobian(
    func: Function, argnums: Argnums = 0, has_aux: bool = False, *, chunk_size: int | None = None, randomness: str = "error"
) -> Function: ...
def jacobian(
    func: Function, argnums: Argnums = 0, has_aux: bool = False, *, chunk_size: int | None = None, randomness: str = "error"
) -> Any:
    """Return the Jacobian of a function as a function of the same arguments.

    Its shape is (*shape of the result, *shape of the argument). For trees it is the tree of the result, with the tree of the
    argument at each leaf. It takes one backward walk for each element of the result. With `has_aux` the function returns
    (value, aux), and this one (Jacobian, aux). The function is called once, so that `chunk_size` and `randomness`, which
    PyTorch's `jacrev` and `jacfwd` have, change nothing.

    >>> import numpy as np
    >>> import minigrad as mg
    >>> mg.func.jacobian(lambda x: x * x[0])(np.array([1.0, 2.0]))
    tensor([[2., 0.],
            [2., 1.]], dtype=float64)
    """
    return _jacobian_function("jacobian", func, argnums, has_aux)


def _jacobian_function(name: str, func: Function, argnums: Argnums, has_aux: bool = False) -> Function:
    @functools.wraps(func)
    def derivative(*args: Any, **kwargs: Any) -> Any:
        call = _Call(name, func, args, argnums, kwargs, has_aux)
        with call:
            found = call.like_outputs(call.like_inputs(call.rows(y)) for y in call.outputs.values())
        return (found, call.aux) if has_aux else found

    return derivative


jacrev = jacfwd = jacobian  # torch.func's names: forward or reverse mode, the Jacobian is the same


@overload
def hessian(func: Function, argnums: Literal[0] = 0) -> Gradient: ...
@overload
def hessian(func: Function, argnums: Argnums) -> Function: ...
def hessian(func: Function, argnums: Argnums = 0) -> Any:
    """Return the Hessian of a function, the Jacobian of its Jacobian, as a function of the same arguments.

    Its shape is (*shape of the result, *shape of the argument, *shape of the argument).

    >>> import numpy as np
    >>> import minigrad as mg
    >>> mg.func.hessian(lambda x: x[0] ** 2 * x[1])(np.array([3.0, 5.0]))
    tensor([[10.,  6.],
            [ 6.,  0.]], dtype=float64)
    """
    return jacobian(_jacobian_function("hessian", func, argnums), argnums)


def _gradient_function(name: str, func: Function, argnums: Argnums = 0, has_aux: bool = False) -> Function:
    @functools.wraps(func)
    def derivative(*args: Any, **kwargs: Any) -> Any:
        call = _Call(name, func, args, argnums, kwargs, has_aux)
        return (call.gradient(), call.aux) if has_aux else call.gradient()

    return derivative


class _Call:
    """One call of a function on new tensors, and the differentiation of its result.

    Inside a ``with`` block the new tensors are leaves of the graph, visible to a transform inside this one; after it they
    are constants.
    """

    def __init__(
        self,
        name: str,
        function: Function,
        args: Sequence[Any],
        argnums: Argnums = None,
        kwargs: dict[str, Any] | None = None,
        has_aux: bool = False,
    ):
        self.name = name
        self.recorded = is_grad_enabled()
        self._leaves: list[Tensor] = []
        numbers = _numbers(name, argnums, len(args))
        self._single = isinstance(argnums, int) or (argnums is None and len(args) == 1)
        leaves, rebuild = flatten({number: args[number] for number in numbers})
        self.inputs = {path: self._fresh(f"argument {path}", leaf) for path, leaf in leaves.items()}
        self._rebuild_inputs = rebuild
        given = rebuild(self.inputs.values())
        with self, enable_grad():
            out = function(*(given.get(i, arg) for i, arg in enumerate(args)), **(kwargs or {}))
            aux = None
            if has_aux:
                if not isinstance(out, tuple) or len(out) != 2:
                    raise TypeError(f"{name}: with has_aux the function must return (value, aux), got {type(out).__name__}")
                out, aux = out
            leaves, self.like_outputs = flatten(out)
            self.outputs = {path: self._output(path, leaf) for path, leaf in leaves.items()}
            self.result = self.like_outputs(map(self._closed, self.outputs.values()))
            self.aux = map_leaves(lambda leaf: self._closed(leaf) if isinstance(leaf, Tensor) else leaf, aux)

    def __enter__(self) -> None:
        for x in self._leaves:
            tape.retain(x.node, x)

    def __exit__(self, *exc: object) -> None:
        for x in self._leaves:
            x.node.receiver = None

    def add_leaf(self, x: Tensor) -> Tensor:
        """Register a new leaf of the graph for this call; return it."""
        self._leaves.append(x)
        return x

    def like_inputs(self, values: Iterable[Any]) -> Any:
        """Return values in the tree of the differentiated argument, or in a tuple of trees for several."""
        tree = tuple(self._rebuild_inputs(values).values())
        return tree[0] if self._single else tree

    def only_output(self) -> Tensor:
        """Return the scalar result of the function; raise GraphError if it is not a scalar."""
        found = list(self.outputs.values())
        if len(found) != 1 or found[0].numel() != 1:
            what = f"shape {found[0].shape}" if len(found) == 1 else f"{len(found)} tensors"
            raise GraphError(f"{self.name}: the function must return a tensor of one element, got {what}")
        return found[0]

    def gradient(self) -> Any:
        """Return the gradient of the scalar result."""
        with self:
            return self.like_inputs(self.derivative([self.only_output()], [None], self.inputs.values(), keep=False))

    def rows(self, y: Tensor) -> list[Tensor]:
        """Return the Jacobian of one output with respect to each input."""
        xs = list(self.inputs.values())
        found: list[list[Tensor]] = []
        outside = self._reaches_outside([y])
        for i in range(y.numel()):
            row = np.zeros(y.shape, y.dtype)
            row.flat[i] = 1
            found.append(self.derivative([y], [row], xs, outside=outside))
        return [
            ops.reshape(ops.stack(column), y.shape + x.shape) if column else tensor(np.zeros(y.shape + x.shape, x.dtype))
            for x, column in zip(xs, zip(*found, strict=True) if found else [()] * len(xs), strict=True)
        ]

    def derivative(
        self,
        ys: Iterable[Tensor],
        gs: Iterable[Any],
        xs: Iterable[Tensor],
        again: bool = False,
        keep: bool = True,
        outside: bool | None = None,
    ) -> list[Tensor]:
        """Return the sum over i of g_i dy_i/dx for each x, detached unless it will be differentiated `again`.

        `outside` says whether the ys and gs depend on tensors recorded outside, where the caller knows.
        """
        pairs = [(y, g) for y, g in zip(ys, gs, strict=True) if y.requires_grad]
        xs = list(xs)
        if not pairs:
            return [tensor(np.zeros_like(x.array)) for x in xs]
        if outside is None and not again:
            outside = self._reaches_outside([t for pair in pairs for t in pair if isinstance(t, Tensor)])
        record = again or bool(outside)
        found = gradients_of(
            [y for y, _ in pairs], xs, [g for _, g in pairs], record or keep, create_graph=record, materialize_grads=True
        )
        return list(found) if again else [self._closed(g) for g in found]

    def matching(self, tree: Any, like: dict[str, Tensor], what: str) -> list[Tensor]:
        """Return the leaves of a tree as tensors; raise an error unless structure, shapes and dtypes match `like`."""
        leaves, _ = flatten(tree)
        if leaves.keys() != like.keys():
            raise ValueError(
                f"{self.name}: the trees differ\n"
                f"  given   {', '.join(map(repr, leaves)) or 'nothing'}\n"
                f"  wanted  {', '.join(map(repr, like)) or 'nothing'}, as {what}"
            )
        found = []
        for path, leaf in leaves.items():
            t = leaf if isinstance(leaf, Tensor) else tensor(leaf)
            if t.shape != like[path].shape:
                raise ShapeError(f"{self.name}: {path or 'a tensor'} has shape {t.shape}, {what} has {like[path].shape}")
            found.append(t.astype(like[path].dtype))
        return found

    def _fresh(self, path: str, leaf: Any) -> Tensor:
        """Return a leaf of the argument as a new tensor of the graph, so that its gradient belongs to this call alone."""
        if isinstance(leaf, Tensor) and leaf.requires_grad and self.recorded:
            return leaf.clone()
        if not isinstance(leaf, Tensor | np.ndarray | np.generic | float | int):
            raise TypeError(
                f"{self.name}: {path} is of type {type(leaf).__name__}; tensors, arrays and floats are differentiated\n"
                "  hint: leave the others out of argnums, or pass them as keywords"
            )
        try:
            return self.add_leaf(tensor(leaf, requires_grad=True))
        except DTypeError as error:
            raise DTypeError(f"{self.name}: {path}: {error}") from None

    def _output(self, path: str, leaf: Any) -> Tensor:
        if isinstance(leaf, Tensor):
            return leaf
        raise GraphError(
            f"{self.name}: the function must return tensors, got {type(leaf).__name__}{path and f' at {path}'}\n"
            "  hint: x.item(), float(x) and x.detach() leave the graph, and so do NumPy functions of x.detach().numpy()"
        )

    def _closed(self, t: Tensor) -> Tensor:
        """Return the tensor, detached if it does not depend on tensors recorded outside."""
        return t if t.node is None or self._reaches_outside([t]) else t.detach()

    def _reaches_outside(self, tensors: Iterable[Tensor]) -> bool:
        if not self.recorded:
            return False
        leaves = {x.node for x in self._leaves}
        return not leaves.issuperset(walk.open_leaves([t.node for t in tensors if t.node is not None]))


def _numbers(name: str, argnums: Argnums, count: int) -> list[int]:
    """Return the positions of the differentiated arguments, counted from the front."""
    given = range(count) if argnums is None else (argnums,) if isinstance(argnums, int) else tuple(argnums)
    for number in given:
        if not -count <= number < count:
            raise TypeError(f"{name}: argnums selects argument {number}, but the function was called with {count}")
    numbers = [number % count for number in given]
    if len(set(numbers)) < len(numbers):
        raise TypeError(f"{name}: argnums selects an argument twice: {argnums}")
    return numbers


def _tuple(name: str, what: str, given: Any) -> tuple[Any, ...]:
    if not isinstance(given, tuple | list):
        raise TypeError(f"{name}: {what} must be a tuple, one entry for each argument, got {type(given).__name__}")
    return tuple(given)
