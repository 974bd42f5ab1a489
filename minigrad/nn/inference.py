"""Run a network in evaluation mode: outputs for many inputs in batches, or the output of every layer."""

from __future__ import annotations

import threading
from contextlib import ExitStack, suppress
from typing import Any

import numpy as np

from minigrad.arrays import Array, array_of
from minigrad.nn.modes import evaluating
from minigrad.nn.module import Module
from minigrad.tensors.tensor import Tensor, tensor

__all__ = ["evaluating", "layer_outputs", "scores"]


def scores(module: Module, x: Any, batch_size: int = 500) -> Array:
    """Return the outputs (N, ...) of a network for inputs `x` (N, ...), in evaluation mode, computed batch by batch.

    `x` is an array or a tensor; it is converted to the dtype of the first parameter. Raises ValueError for N = 0.

    >>> import numpy as np
    >>> from minigrad import nn
    >>> scores(nn.Linear(3, 2), np.zeros((7, 3)), batch_size=4).shape
    (7, 2)
    """
    images = array_of(x)
    if not len(images):
        raise ValueError("scores: no images")
    dtype = next((p.dtype for p in module.parameters()), images.dtype)
    with evaluating(module):
        batches = (tensor(images[at : at + batch_size], dtype) for at in range(0, len(images), batch_size))
        return np.concatenate([module(batch).array for batch in batches])


def layer_outputs(module: Module, x: Any, until: str | None = None) -> dict[str, Tensor]:
    """Return the output of each module inside for the input `x`, by name, in the order of the calls.

    Of a module that is called twice, the last output is returned; outputs that are not tensors are left out. With `until`,
    the computation ends when the module of that name has been called.

    >>> import minigrad as mg
    >>> net = mg.models.SimpleConvNet()
    >>> list(layer_outputs(net, mg.zeros(1, 1, 28, 28)))
    ['conv1', 'relu1', 'pool1', 'fc1', 'relu2', 'fc2']
    """
    found: dict[str, Tensor] = {}
    names = {inner: name for name, inner in module.named_modules() if name}
    thread = threading.get_ident()

    def remember(inner: Module, args: Any, out: Any) -> None:
        if threading.get_ident() != thread:  # another thread runs the same modules
            return
        if isinstance(out, Tensor):
            found[names[inner]] = out
        if names[inner] == until:
            raise _Enough

    with ExitStack() as hooks, suppress(_Enough):
        for inner in names:
            hooks.enter_context(inner.register_forward_hook(remember))
        module(x)
    return found


class _Enough(Exception):
    """Raised to end the computation after the last module of interest."""
