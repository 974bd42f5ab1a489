"""`torch.autograd`'s names: gradients of outputs with respect to chosen inputs, and the recording switches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minigrad import graph
from minigrad.errors import GraphError
from minigrad.graph import enable_grad, no_grad, set_grad_enabled
from minigrad.tensor import Tensor, _wrap

__all__ = ["enable_grad", "grad", "no_grad", "set_grad_enabled"]


def grad(
    outputs: Tensor | Sequence[Tensor],
    inputs: Tensor | Sequence[Tensor],
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    allow_unused: bool = False,
) -> tuple[Any, ...]:
    """The gradients of the sum of `outputs` with respect to `inputs`, weighted by `grad_outputs`; as in PyTorch.

    Visits only what lies between them, and leaves every `.grad` as it was. With `create_graph` the gradients can be
    differentiated again. Raises GraphError for an input that the outputs do not depend on, unless `allow_unused`, which
    gives None for it.

    >>> import minigrad as mg
    >>> x = mg.tensor(2.0, requires_grad=True)
    >>> (first,) = mg.autograd.grad(x**3, x, create_graph=True)
    >>> first, *mg.autograd.grad(first, x)
    (tensor(12., grad_fn=<Multiply>), tensor(12.))
    """
    outputs = [outputs] if isinstance(outputs, Tensor) else list(outputs)
    inputs = [inputs] if isinstance(inputs, Tensor) else list(inputs)
    if grad_outputs is None or isinstance(grad_outputs, Tensor | np.ndarray):
        grad_outputs = [grad_outputs] * len(outputs) if grad_outputs is None else [grad_outputs]
    if len(grad_outputs) != len(outputs):
        raise GraphError(f"grad: {len(outputs)} outputs, but {len(grad_outputs)} grad_outputs")
    targets = []
    for i, x in enumerate(inputs):
        if x._node is None:
            raise GraphError(f"grad: input {i} requires no gradient\n  hint: x.requires_grad_() before it is used")
        targets.append(x._node)
    seeds = [y._seed(g, "grad") for y, g in zip(outputs, grad_outputs, strict=True)]
    retain = create_graph if retain_graph is None else retain_graph
    found = graph.backward(seeds, _wrap, targets=targets, retain_graph=retain, create_graph=create_graph)
    for i, g in enumerate(found):
        if g is None and not allow_unused:
            raise GraphError(
                f"grad: the outputs do not depend on input {i}\n  hint: pass allow_unused=True to get None for it"
            )
    return tuple(g if g is None or isinstance(g, Tensor) else _wrap(np.asarray(g), None) for g in found)
