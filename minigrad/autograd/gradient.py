"""Gradients of several outputs with respect to chosen inputs or all leaves."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, Literal, overload

import numpy as np

from minigrad.autograd.batching import vmap
from minigrad.engine import walk
from minigrad.errors import GraphError
from minigrad.tensors.tensor import Tensor, run_backward

__all__ = ["backward", "grad"]

Tensors = Tensor | Sequence[Tensor]


@overload
def grad(
    outputs: Tensors, inputs: Tensors, grad_outputs: Any = None, retain_graph: bool | None = None,
    create_graph: bool = False, only_inputs: bool = True, allow_unused: Literal[False] | None = None,
    is_grads_batched: bool = False, materialize_grads: bool = False,
) -> tuple[Tensor, ...]: ...  # fmt: skip
@overload
def grad(
    outputs: Tensors, inputs: Tensors, grad_outputs: Any = None, retain_graph: bool | None = None,
    create_graph: bool = False, only_inputs: bool = True, *, allow_unused: Literal[True], is_grads_batched: bool = False,
    materialize_grads: bool = False,
) -> tuple[Tensor | None, ...]: ...  # fmt: skip
@overload
def grad(
    outputs: Tensors, inputs: Tensors, grad_outputs: Any = None, retain_graph: bool | None = None,
    create_graph: bool = False, only_inputs: bool = True, allow_unused: bool | None = None,
    is_grads_batched: bool = False, materialize_grads: bool = False,
) -> tuple[Any, ...]: ...  # fmt: skip
def grad(
    outputs: Tensors,
    inputs: Tensors,
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    only_inputs: bool = True,
    allow_unused: bool | None = None,
    is_grads_batched: bool = False,
    materialize_grads: bool = False,
) -> tuple[Any, ...]:
    """Return the gradients of the sum of `outputs`, weighted by `grad_outputs`, with respect to `inputs`, as in PyTorch.

    Only nodes between inputs and outputs are visited, and no `.grad` changes. With `create_graph` the gradients can be
    differentiated again. Raises GraphError for an input that the outputs do not depend on; with `allow_unused` its gradient
    is None, with `materialize_grads` zeros. With `is_grads_batched` each of `grad_outputs` has one axis more in front, and
    so have the gradients: one walk for each index along it. ``only_inputs=False`` has no effect any more, and warns.

    >>> import minigrad as mg
    >>> x = mg.tensor(2.0, requires_grad=True)
    >>> (first,) = mg.autograd.grad(x**3, x, create_graph=True)
    >>> first, *mg.autograd.grad(first, x)
    (tensor(12., grad_fn=<Multiply>), tensor(12.))
    """
    if not only_inputs:
        warnings.warn("grad: only_inputs has no effect any more\n  hint: use backward()", FutureWarning, stacklevel=2)
    if is_grads_batched:
        given = [grad_outputs] if isinstance(grad_outputs, Tensor) else list(grad_outputs)

        def walked(*grads: Tensor) -> Any:
            return grad(outputs, inputs, grads, True, create_graph, True, allow_unused, False, materialize_grads)

        return vmap(walked)(*given)
    inputs = _listed(inputs)
    targets = []
    for i, x in enumerate(inputs):
        if x.node is None:
            raise GraphError(f"grad: input {i} requires no gradient\n  hint: x.requires_grad_() before it is used")
        targets.append(x.node)
    seeds = _seeds("grad", _listed(outputs), grad_outputs)
    retain = create_graph if retain_graph is None else retain_graph
    found = walk.backward(seeds, Tensor.from_array, targets=targets, retain_graph=retain, create_graph=create_graph)
    for i, g in enumerate(found):
        if g is None and materialize_grads:
            found[i] = np.zeros_like(inputs[i].array)
        elif g is None and not allow_unused:
            raise GraphError(
                f"grad: the outputs do not depend on input {i}\n  hint: pass allow_unused=True to get None for it"
            )
    # A separate tensor for each: several inputs may share one gradient.
    return tuple(
        None
        if g is None
        else Tensor.from_array(g.array, g.node)
        if isinstance(g, Tensor)
        else Tensor.from_array(np.asarray(g))
        for g in found
    )


def backward(
    tensors: Tensors,
    grad_tensors: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    grad_variables: Any = None,
    inputs: Tensors | None = None,
) -> None:
    """Add the gradients of the sum of `tensors`, weighted by `grad_tensors`, to the `.grad` of every leaf, or of `inputs`.

    See `Tensor.backward` for the arguments; a graph shared by several tensors is walked once. `grad_variables` is the old
    name of `grad_tensors`.

    >>> import minigrad as mg
    >>> x = mg.tensor(2.0, requires_grad=True)
    >>> mg.autograd.backward([x * 3, x * x])
    >>> x.grad
    tensor(7.)
    """
    if grad_variables is not None:
        warnings.warn("backward: grad_variables is called grad_tensors now", FutureWarning, stacklevel=2)
        if grad_tensors is not None:
            raise ValueError("backward: grad_tensors and grad_variables name the same argument: give one of them")
        grad_tensors = grad_variables
    run_backward(_seeds("backward", _listed(tensors), grad_tensors), retain_graph, create_graph, inputs)


def _seeds(name: str, outputs: list[Tensor], gradients: Any) -> list[tuple[Any, Any]]:
    """Return the nodes and gradients at which a walk starts."""
    if gradients is None:
        gradients = [None] * len(outputs)
    elif not isinstance(gradients, list | tuple):
        gradients = [gradients]
    if len(gradients) != len(outputs):
        raise GraphError(f"{name}: {len(outputs)} outputs, but {len(gradients)} incoming gradients")
    return [y.backward_seed(g, name) for y, g in zip(outputs, gradients, strict=True)]


def _listed(tensors: Tensors) -> list[Tensor]:
    return [tensors] if isinstance(tensors, Tensor) else list(tensors)
