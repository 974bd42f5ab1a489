"""The transforms of `mg.func` with the names and arguments of `torch.autograd.functional`.

With `strict`, GraphError is raised where a result does not depend on an input; otherwise its derivative is zero. `vectorize`
and `strategy` choose how PyTorch computes, and change nothing here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minigrad.autograd import transforms
from minigrad.autograd.gradient import grad
from minigrad.errors import GraphError
from minigrad.pytree import leaves, map_leaves
from minigrad.tensors.tensor import Tensor

__all__ = ["hessian", "hvp", "jacobian", "jvp", "vhp", "vjp"]

Function = Callable[..., Any]


def jacobian(
    func: Function,
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    strategy: str = "reverse-mode",
) -> Any:
    """Return the Jacobian of a function at `inputs`, a tensor or a tuple; for a tuple, a tuple. See `func.jacobian`.

    >>> import minigrad as mg
    >>> mg.autograd.functional.jacobian(lambda x: x * x, mg.tensor([1.0, 2.0]))
    tensor([[2., 0.],
            [0., 4.]])
    """
    args, argnums = _arguments("jacobian", func, inputs, strict)
    return _result(transforms.jacobian(func, argnums)(*args), create_graph)


def hessian(
    func: Function,
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    outer_jacobian_strategy: str = "reverse-mode",
) -> Any:
    """Return the Hessian of a scalar function; for a tuple of inputs, a tuple of tuples. See `func.hessian`."""
    args, argnums = _arguments("hessian", func, inputs, strict)
    return _result(transforms.jacobian(transforms.grad(func, argnums), argnums)(*args), create_graph)


def vjp(func: Function, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> Any:
    """Return the result and the product of `v` with the Jacobian; `v` is 1 by default for a result of one element."""
    args, argnums = _arguments("vjp", func, inputs, strict)
    out, pull = transforms.vjp(func, *args)
    pulled = pull(out.new_ones(out.shape) if v is None else v)
    return _result((out, pulled if isinstance(argnums, tuple) else pulled[0]), create_graph)


def jvp(func: Function, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> Any:
    """Return the result and the product of the Jacobian with `v`; `v` is 1 by default for an input of one element."""
    args, _ = _arguments("jvp", func, inputs, strict)
    return _result(transforms.jvp(func, args, _tangents(args, v)), create_graph)


def hvp(func: Function, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> Any:
    """Return the value and the product of the Hessian with `v`."""
    args, argnums = _arguments("hvp", func, inputs, strict)
    product = transforms.hvp(func, args, _tangents(args, v))
    if isinstance(argnums, tuple) and len(args) == 1:
        product = (product,)
    return _result((func(*args), product), create_graph)


vhp = hvp  # a Hessian is symmetric


def _arguments(name: str, func: Function, inputs: Any, strict: bool) -> tuple[tuple[Any, ...], Any]:
    """Return the arguments, and argnums: a tuple of inputs has a tuple of results."""
    args = tuple(inputs) if isinstance(inputs, tuple | list) else (inputs,)
    if strict:
        xs = [x.detach().requires_grad_() for x in args]
        for i, y in enumerate(leaves(func(*xs))):
            found = [None] * len(xs) if y.node is None else grad(y.sum(), xs, allow_unused=True, retain_graph=True)
            for j, g in enumerate(found):
                if g is None:
                    raise GraphError(f"{name}: strict: output {i} does not depend on input {j}")
    return args, tuple(range(len(args))) if isinstance(inputs, tuple | list) else 0


def _tangents(args: tuple[Any, ...], v: Any) -> tuple[Any, ...]:
    if v is None:
        return tuple(arg.new_ones(arg.shape) for arg in args)
    return tuple(v) if isinstance(v, tuple | list) else (v,)


def _result(tree: Any, create_graph: bool) -> Any:
    return tree if create_graph else map_leaves(Tensor.detach, tree)
