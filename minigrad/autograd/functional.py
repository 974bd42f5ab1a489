"""`torch.autograd.functional`'s names for the transforms of `mg.func`: values come along, and inputs are one or a tuple."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minigrad.autograd import transforms
from minigrad.pytree import map_leaves
from minigrad.tensors.tensor import Tensor

__all__ = ["hessian", "hvp", "jacobian", "jvp", "vhp", "vjp"]

Function = Callable[..., Any]


def jacobian(function: Function, inputs: Any, create_graph: bool = False) -> Any:
    """The Jacobian of a function of one tensor or several; of several, a tuple. See `func.jacobian`.

    >>> import minigrad as mg
    >>> mg.autograd.functional.jacobian(lambda x: x * x, mg.tensor([1.0, 2.0]))
    tensor([[2., 0.],
            [0., 4.]])
    """
    args, argnums = _arguments(inputs)
    return _result(transforms.jacobian(function, argnums)(*args), create_graph)


def hessian(function: Function, inputs: Any, create_graph: bool = False) -> Any:
    """The Hessian of a function of one number; of several inputs, a tuple of tuples."""
    args, argnums = _arguments(inputs)
    return _result(transforms.hessian(function, argnums)(*args), create_graph)


def vjp(function: Function, inputs: Any, v: Any = None, create_graph: bool = False) -> Any:
    """The result and the product of `v` with the Jacobian; for a result of one element, `v` is 1 unless given."""
    args, argnums = _arguments(inputs)
    out, pull = transforms.vjp(function, *args)
    pulled = pull(out.new_ones(out.shape) if v is None else v)
    return _result((out, pulled if isinstance(argnums, tuple) else pulled[0]), create_graph)


def jvp(function: Function, inputs: Any, v: Any = None, create_graph: bool = False) -> Any:
    """The result and the product of the Jacobian with `v`; for an input of one element, `v` is 1 unless given."""
    args, _ = _arguments(inputs)
    return _result(transforms.jvp(function, args, _tangents(args, v)), create_graph)


def hvp(function: Function, inputs: Any, v: Any = None, create_graph: bool = False) -> Any:
    """The value and the product of the Hessian with `v`."""
    args, argnums = _arguments(inputs)
    product = transforms.hvp(function, args, _tangents(args, v))
    if isinstance(argnums, tuple) and len(args) == 1:
        product = (product,)
    return _result((function(*args), product), create_graph)


vhp = hvp  # a Hessian is symmetric


def _arguments(inputs: Any) -> tuple[tuple[Any, ...], Any]:
    """The arguments, and which of them: PyTorch gives a tuple for a tuple."""
    return (tuple(inputs), tuple(range(len(inputs)))) if isinstance(inputs, tuple | list) else ((inputs,), 0)


def _tangents(args: tuple[Any, ...], v: Any) -> tuple[Any, ...]:
    if v is None:
        return tuple(arg.new_ones(arg.shape) for arg in args)
    return tuple(v) if isinstance(v, tuple | list) else (v,)


def _result(tree: Any, create_graph: bool) -> Any:
    return tree if create_graph else map_leaves(lambda leaf: leaf.detach() if isinstance(leaf, Tensor) else leaf, tree)
