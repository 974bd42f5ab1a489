"""Asking a network without teaching it: in evaluation mode, for many images in batches, or for what each layer gave."""

from __future__ import annotations

import threading
from contextlib import ExitStack, suppress
from functools import partial
from typing import Any

import numpy as np

from minigrad.arrays import Array
from minigrad.engine.grad_mode import mode
from minigrad.engine.interrupts import Revertible, in_turn
from minigrad.nn.module import Module, modes
from minigrad.tensors.tensor import Tensor

__all__ = ["evaluating", "layer_outputs", "scores"]


class evaluating(Revertible):
    """Evaluation mode for a module, and nothing recorded, for a ``with`` block and in this thread alone.

    The modules themselves are not changed: other threads may train or evaluate them meanwhile. What `train()` and `eval()`
    change inside the block, on these modules and in this thread, is forgotten at its end.
    """

    def __init__(self, module: Module):
        super().__init__()
        self.module = module

    def __enter__(self) -> None:
        inside = dict.fromkeys(map(id, self.module.modules()), False)
        undo = in_turn(partial(setattr, modes, "here", modes.here), partial(setattr, mode, "enabled", mode.enabled))
        here = modes.here | inside
        self._undo += (undo,)
        modes.here, mode.enabled = here, False


def scores(module: Module, x: Any, batch_size: int = 500) -> Array:
    """What a network says of images `x` (N, ...), in evaluation mode: its outputs (N, ...), computed batch by batch.

    >>> import numpy as np
    >>> from minigrad import nn
    >>> scores(nn.Linear(3, 2), np.zeros((7, 3)), batch_size=4).shape
    (7, 2)
    """
    images = x.array if isinstance(x, Tensor) else np.asarray(x)
    if not len(images):
        raise ValueError("scores: no images")
    dtype = next((p.dtype for p in module.parameters()), images.dtype)
    with evaluating(module):
        batches = (Tensor(images[at : at + batch_size], dtype) for at in range(0, len(images), batch_size))
        return np.concatenate([module(batch).array for batch in batches])


def layer_outputs(module: Module, x: Any, until: str | None = None) -> dict[str, Tensor]:
    """What each module inside gave for `x`, by its name, in the order of the calls; of one called twice, the last.

    With `until`, no more is computed once the module of that name has given something.

    >>> import minigrad as mg
    >>> net = mg.models.SimpleConvNet()
    >>> list(layer_outputs(net, mg.zeros(1, 1, 28, 28)))
    ['conv1', 'relu1', 'pool1', 'fc1', 'relu2', 'fc2']
    """
    found: dict[str, Tensor] = {}
    names = {inner: name for name, inner in module.named_modules() if name}
    thread = threading.get_ident()

    def remember(inner: Module, args: Any, out: Any) -> None:
        if threading.get_ident() != thread:  # which runs the same modules
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
    """What was asked for has been computed."""
