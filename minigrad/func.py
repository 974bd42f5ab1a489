"""Gradients of functions: `mg.grad(f)` is the function that gives the gradient of `f`."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

from minigrad import autograd
from minigrad.errors import GraphError
from minigrad.tensor import Tensor

__all__ = ["grad"]


def grad(function: Any, argnums: Any = 0, *args: Any, **options: Any) -> Any:
    """The gradient of a function of one number, as a function of the same arguments; `argnums` says of which arguments.

    Apply it again for higher orders. Given tensors instead of a function, this is PyTorch's ``autograd.grad(outputs,
    inputs, ...)``.

    >>> import numpy as np
    >>> import minigrad as mg
    >>> mg.grad(np.sin)(0.0), mg.grad(mg.grad(np.sin))(0.0)
    (tensor(1.), tensor(-0.))
    >>> mg.grad(lambda x, y: x * y, argnums=(0, 1))(2.0, 3.0)
    (tensor(3.), tensor(2.))
    """
    if not callable(function):
        return autograd.grad(function, argnums, *args, **options)
    if args or options:
        raise TypeError("grad(f) takes a function and argnums alone")
    wanted: Sequence[int] = (argnums,) if isinstance(argnums, int) else tuple(argnums)

    @functools.wraps(function)
    def gradient(*args: Any, **kwargs: Any) -> Any:
        inputs = {i: _fresh(args[i]) for i in wanted}
        out = function(*(inputs.get(i, arg) for i, arg in enumerate(args)), **kwargs)
        if not isinstance(out, Tensor) or out.numel() != 1:
            what = f"shape {out.shape}" if isinstance(out, Tensor) else type(out).__name__
            raise GraphError(f"grad: the function must give a tensor of one element, got {what}")
        # Differentiated again only if an argument is itself being differentiated.
        again = any(isinstance(args[i], Tensor) and args[i].requires_grad for i in wanted)
        if not out.requires_grad:
            found: tuple[Any, ...] = (None,) * len(wanted)
        else:
            found = autograd.grad(out, list(inputs.values()), create_graph=again, allow_unused=True)
        gradients = tuple(x.detach() * 0 if g is None else g for g, x in zip(found, inputs.values(), strict=True))
        return gradients[0] if isinstance(argnums, int) else gradients

    return gradient


def _fresh(arg: Any) -> Tensor:
    """The argument as a new place in the graph, so that its gradient is this call's alone."""
    if isinstance(arg, Tensor) and arg.requires_grad:
        return arg.clone()
    return Tensor(arg, requires_grad=True)
