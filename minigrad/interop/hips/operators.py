"""Derivatives of functions, with the names, the arguments and the types of HIPS autograd's `differential_operators`.

Each is one of `func`'s transforms between two conversions. On the way in, Python's numbers and integers become float64. On
the way out, tensors become arrays, and those of no axes NumPy's float64, unless a tensor was given, or a derivative around
this one still needs them. `argnum` is a position, or several, whose derivatives are a tuple.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minigrad import autograd
from minigrad.autograd import transforms
from minigrad.pytree import leaves, map_leaves
from minigrad.tensors.tensor import Tensor

__all__ = [
    "checkpoint", "deriv", "elementwise_grad", "grad", "grad_and_aux", "grad_named", "hessian", "hessian_tensor_product",
    "hessian_vector_product", "jacobian", "make_hvp", "make_jvp", "make_jvp_reversemode", "make_vjp",
    "tensor_jacobian_product", "value_and_grad", "vector_jacobian_product",
]  # fmt: skip

Function = Callable[..., Any]
Argnum = int | Sequence[int]


def grad(fun: Function, argnum: Argnum = 0) -> Function:
    """Return the gradient of a scalar function, as a function of the same arguments.

    >>> import minigrad.numpy as np
    >>> from minigrad.interop.hips import grad
    >>> grad(np.tanh)(0.0), grad(grad(grad(np.tanh)))(0.0)
    (np.float64(1.0), np.float64(-2.0))
    >>> grad(lambda p: p["a"] @ p["b"])({"a": np.array([1.0, 2.0]), "b": np.ones(2)})
    {'a': array([1., 1.]), 'b': array([1., 2.])}
    """
    return _typed(fun, argnum, transforms.grad(fun, argnum))


def value_and_grad(fun: Function, argnum: Argnum = 0) -> Function:
    """Return a function that returns (value, gradient), as ``scipy.optimize.minimize(..., jac=True)`` takes it.

    >>> import numpy as np
    >>> from minigrad import value_and_grad
    >>> value_and_grad(lambda x: np.sum(x**2))(np.array([1.0, 2.0]))
    (np.float64(5.0), array([2., 4.]))
    """
    return _typed(fun, argnum, transforms.value_and_grad(fun, argnum))


def grad_and_aux(fun: Function, argnum: Argnum = 0) -> Function:
    """Return the gradient of the first of two results, and the second as it is.

    >>> import numpy as np
    >>> from minigrad.interop.hips import grad_and_aux
    >>> grad_and_aux(lambda x: (np.sum(x**2), x + 1))(np.array([1.0, 2.0]))
    (array([2., 4.]), array([2., 3.]))
    """
    return _typed(fun, argnum, transforms.grad(fun, argnum, has_aux=True))


def grad_named(fun: Function, argname: str) -> Function:
    """Return the gradient with respect to the parameter of a name.

    >>> from minigrad.interop.hips import grad_named
    >>> grad_named(lambda x, y: x * y, "y")(2.0, 3.0)
    np.float64(2.0)
    """
    return grad(fun, list(inspect.signature(fun).parameters).index(argname))


def jacobian(fun: Function, argnum: Argnum = 0) -> Function:
    """Return the Jacobian, of shape (*shape of the result, *shape of the argument).

    >>> import numpy as np
    >>> from minigrad import jacobian
    >>> jacobian(lambda x: x * x[0])(np.array([1.0, 2.0]))
    array([[2., 0.],
           [2., 1.]])
    """
    return _typed(fun, argnum, transforms.jacobian(fun, argnum))


def hessian(fun: Function, argnum: Argnum = 0) -> Function:
    """Return the Hessian, the Jacobian of the Jacobian.

    >>> import numpy as np
    >>> from minigrad import hessian
    >>> hessian(lambda x: x[0] ** 2 * x[1])(np.array([3.0, 5.0]))
    array([[10.,  6.],
           [ 6.,  0.]])
    """
    return _typed(fun, argnum, transforms.hessian(fun, argnum))


def elementwise_grad(fun: Function, argnum: Argnum = 0) -> Function:
    """Return the sums of the columns of the Jacobian: its diagonal, for a function of each element.

    >>> import numpy as np
    >>> from minigrad import elementwise_grad
    >>> elementwise_grad(np.exp)(np.array([0.0, 1.0]))
    array([1.        , 2.71828183])
    """

    def derivative(*args: Any, **kwargs: Any) -> Any:
        value, pull = _pull(fun, argnum, args, kwargs)
        return pull(_ones(value))

    return _typed(fun, argnum, derivative)


def deriv(fun: Function, argnum: int = 0) -> Function:
    """Return the derivative along the direction of ones, in forward mode: of a function of a number, its derivative.

    >>> import minigrad.numpy as np
    >>> from minigrad.interop.hips import deriv
    >>> deriv(lambda x: np.array([x, x**2]))(3.0)
    array([1., 6.])
    """

    def derivative(*args: Any, **kwargs: Any) -> Any:
        _, push = _push(fun, argnum, args, kwargs)
        return push(_ones(args[argnum]))

    return _typed(fun, argnum, derivative)


def make_vjp(fun: Function, argnum: Argnum = 0) -> Function:
    """Return a function of the arguments that returns (vjp, value); ``vjp(g)`` is the product of g with the Jacobian.

    >>> import numpy as np
    >>> from minigrad import make_vjp
    >>> vjp, value = make_vjp(np.sin)(np.zeros(2))
    >>> vjp(np.array([1.0, 5.0])), value
    (array([1., 5.]), array([0., 0.]))
    """

    def at(*args: Any, **kwargs: Any) -> tuple[Function, Any]:
        value, pull = _pull(fun, argnum, args, kwargs)
        return _typed(fun, 0, pull, args), value

    return _typed(fun, argnum, at)


def make_jvp(fun: Function, argnum: Argnum = 0) -> Function:
    """Return a function of the arguments that returns jvp; ``jvp(v)`` is (value, product of the Jacobian with v).

    >>> import numpy as np
    >>> from minigrad import make_jvp
    >>> make_jvp(np.sin)(np.zeros(2))(np.array([1.0, 5.0]))
    (array([0., 0.]), array([1., 5.]))
    """

    def at(*args: Any, **kwargs: Any) -> Function:
        value, push = _push(fun, argnum, args, kwargs)
        return _typed(fun, 0, lambda v: (value, push(v)), args)

    return _typed(fun, argnum, at)


def make_jvp_reversemode(fun: Function, argnum: Argnum = 0) -> Function:
    """Return a function of the arguments that returns the product with the Jacobian alone; see `make_jvp`.

    >>> import numpy as np
    >>> from minigrad.interop.hips import make_jvp_reversemode
    >>> make_jvp_reversemode(np.sin)(np.zeros(2))(np.array([1.0, 5.0]))
    array([1., 5.])
    """

    def at(*args: Any, **kwargs: Any) -> Function:
        return _typed(fun, 0, _push(fun, argnum, args, kwargs)[1], args)

    return _typed(fun, argnum, at)


def make_hvp(fun: Function, argnum: int = 0) -> Function:
    """Return a function of the arguments that returns (hvp, gradient); ``hvp(v)`` is the product of the Hessian with v.

    >>> import numpy as np
    >>> from minigrad.interop.hips import make_hvp
    >>> hvp, gradient = make_hvp(lambda x: np.sum(x**3))(np.array([1.0, 2.0]))
    >>> hvp(np.array([1.0, 0.5])), gradient
    (array([6., 6.]), array([ 3., 12.]))
    """
    return make_vjp(transforms.grad(fun, argnum), argnum)


def hessian_vector_product(fun: Function, argnum: int = 0) -> Function:
    """Return a function of the arguments, and of a vector behind them, with which it multiplies the Hessian.

    >>> import numpy as np
    >>> from minigrad import hessian_vector_product
    >>> hessian_vector_product(lambda x: np.sum(x**3))(np.array([1.0, 2.0]), np.array([1.0, 0.5]))
    array([6., 6.])
    """

    def product(*args: Any, **kwargs: Any) -> Any:
        _, pull = _pull(transforms.grad(fun, argnum), argnum, args[:-1], kwargs)
        return pull(args[-1])

    return _typed(fun, argnum, product)


def vector_jacobian_product(fun: Function, argnum: int = 0) -> Function:
    """Return a function of the arguments, and of a vector behind them, which multiplies the Jacobian from the left.

    >>> import numpy as np
    >>> from minigrad.interop.hips import vector_jacobian_product
    >>> vector_jacobian_product(np.sin)(np.zeros(2), np.array([1.0, 5.0]))
    array([1., 5.])
    """

    def product(*args: Any, **kwargs: Any) -> Any:
        return np.tensordot(args[-1], fun(*args[:-1], **kwargs), np.ndim(args[-1]))

    return jacobian(product, argnum)


hessian_tensor_product, tensor_jacobian_product = hessian_vector_product, vector_jacobian_product


def checkpoint(fun: Function) -> Function:
    """Return a function that keeps its arguments alone, and computes the rest again in backward.

    >>> import numpy as np
    >>> from minigrad import checkpoint, elementwise_grad
    >>> elementwise_grad(checkpoint(lambda x: np.sin(np.sin(x))))(0.0)
    np.float64(1.0)
    """
    return functools.wraps(fun)(lambda *args, **kwargs: autograd.checkpoint(fun, *args, **kwargs))


def _typed(fun: Function, argnum: Argnum, derivative: Function, around: Any = ()) -> Function:
    """Return a derivative that takes and returns HIPS's types; a tensor among the arguments keeps tensors."""

    @functools.wraps(fun)
    def typed(*args: Any, **kwargs: Any) -> Any:
        numbers = {n % len(args) for n in _numbers(argnum) if args}
        given = [map_leaves(_double, arg) if n in numbers else arg for n, arg in enumerate(args)]
        found = derivative(*given, **kwargs)
        if any(isinstance(leaf, Tensor) for leaf in leaves((given, kwargs, around))):
            return found
        return map_leaves(_array, found)

    return typed


def _numbers(argnum: Argnum) -> tuple[int, ...]:
    return (argnum,) if isinstance(argnum, int) else tuple(argnum)


def _double(leaf: Any) -> Any:
    """Return a number or an array of integers as float64; anything else as it is."""
    if isinstance(leaf, np.ndarray | np.generic):
        return np.float64(leaf) if leaf.dtype.kind in "iu" else leaf
    return np.float64(leaf) if isinstance(leaf, int | float) else leaf


def _array(leaf: Any) -> Any:
    """Return a tensor of no graph as a new array, which the caller may write to."""
    return leaf.array.copy()[()] if isinstance(leaf, Tensor) and not leaf.requires_grad else leaf


def _ones(tree: Any) -> Any:
    return map_leaves(lambda leaf: np.ones_like(getattr(leaf, "array", leaf)), tree)


def _selected(fun: Function, argnum: Argnum, args: Sequence[Any], kwargs: dict[str, Any]) -> tuple[Function, list[Any]]:
    """Return the function of the selected arguments alone, and these."""
    numbers = [n % len(args) for n in _numbers(argnum)]

    def of_selected(*given: Any) -> Any:
        chosen = dict(zip(numbers, given, strict=True))
        return fun(*(chosen.get(n, arg) for n, arg in enumerate(args)), **kwargs)

    return of_selected, [args[n] for n in numbers]


def _pull(fun: Function, argnum: Argnum, args: Sequence[Any], kwargs: dict[str, Any]) -> tuple[Any, Function]:
    """Return the value and the function that multiplies the Jacobian from the left."""
    of_selected, given = _selected(fun, argnum, args, kwargs)
    value, pull = transforms.vjp(of_selected, *given)
    return value, pull if not isinstance(argnum, int) else lambda g: pull(g)[0]


def _push(fun: Function, argnum: Argnum, args: Sequence[Any], kwargs: dict[str, Any]) -> tuple[Any, Function]:
    """Return the value and the function that multiplies the Jacobian from the right; a tuple for several arguments."""
    of_selected, given = _selected(fun, argnum, args, kwargs)
    value, push = transforms.linearize(of_selected, *given)
    return value, push if isinstance(argnum, int) else lambda v: push(*v)
