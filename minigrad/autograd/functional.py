"""The transforms of `mg.func` with the names and arguments of `torch.autograd.functional`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minigrad.autograd import transforms
from minigrad.pytree import map_leaves
from minigrad.tensors.tensor import Tensor

__all__ = ["hessian", "hvp", "jacobian", "jvp", "vhp", "vjp"]

Function = Callable[..., Any]


def jacobian(function: Function, inputs: Any, create_graph: bool = False) -> Any:
    """Return the Jacobian of a function at `inputs`, a tensor or a tuple; for a tuple, a tuple. See `func.jacobian`.

    >>> import minigrad as mg
    >>> mg.autograd.functional.jacobian(lambda x: x * x, mg.tensor([1.0, 2.0]))
    tensor([[2., 0.],
            [0., 4.]])
    """
    args, argnums = _arguments(inputs)
    return _result(transforms.jacobian(function, argnums)(*args), create_graph)


def hessian(function: Function, inputs: Any, create_graph: bool = False) -> Any:
    """Return the Hessian of a scalar function; for a tuple of inputs, a tuple of tuples. See `func.hessian`."""
    args, argnums = _arguments(inputs)
    return _result(transforms.hessian(function, argnums)(*args), create_graph)


def vjp(function: Function, inputs: Any, v: Any = None, create_graph: bool = False) -> Any:
    """Return the result and the product of `v` with the Jacobian; `v` is 1 by default for a result of one element."""
    args, argnums = _arguments(inputs)
    out, pull = transforms.vjp(function, *args)
    pulled = pull(out.new_ones(out.shape) if v is None else v)
    return _result((out, pulled if isinstance(argnums, tuple) else pulled[0]), create_graph)


def jvp(function: Function, inputs: Any, v: Any = None, create_graph: bool = False) -> Any:
    """Return the result and the product of the Jacobian with `v`; `v` is 1 by default for an input of one element."""
    args, _ = _arguments(inputs)
    return _result(transforms.jvp(function, args, _tangents(args, v)), create_graph)


def hvp(function: Function, inputs: Any, v: Any = None, create_graph: bool = False) -> Any:
    """Return the value and the product of the Hessian with `v`."""
    args, argnums = _arguments(inputs)
    product = transforms.hvp(function, args, _tangents(args, v))
    if isinstance(argnums, tuple) and len(args) == 1:
        product = (product,)
    return _result((function(*args), product), create_graph)


vhp = hvp  # a Hessian is symmetric


def _arguments(inputs: Any) -> tuple[tuple[Any, ...], Any]:
    """Return the arguments, and argnums: a tuple of inputs has a tuple of results."""
    return (tuple(inputs), tuple(range(len(inputs)))) if isinstance(inputs, tuple | list) else ((inputs,), 0)


def _tangents(args: tuple[Any, ...], v: Any) -> tuple[Any, ...]:
    if v is None:
        return tuple(arg.new_ones(arg.shape) for arg in args)
    return tuple(v) if isinstance(v, tuple | list) else (v,)


def _result(tree: Any, create_graph: bool) -> Any:
    return tree if create_graph else map_leaves(lambda leaf: leaf.detach() if isinstance(leaf, Tensor) else leaf, tree)
