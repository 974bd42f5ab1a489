"""The functions behind the layers, under PyTorch's names: ``import minigrad.nn.functional as F``."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.ops import (
    avg_pool2d,
    conv2d,
    cross_entropy,
    linear,
    log_softmax,
    max_pool2d,
    mse_loss,
    nll_loss,
    relu,
    sigmoid,
    softmax,
    tanh,
)
from minigrad.ops.shape import pad as pad_axes
from minigrad.random import default_generator
from minigrad.tensor import _wrap

__all__ = [
    "avg_pool2d", "conv2d", "cross_entropy", "dropout", "linear", "log_softmax", "max_pool2d", "mse_loss", "nll_loss",
    "pad", "relu", "sigmoid", "softmax", "tanh",
]  # fmt: skip


def dropout(x: Any, p: float = 0.5, training: bool = True, generator: np.random.Generator | None = None) -> Any:
    """In training, zero each element with probability `p` and divide the others by 1 - p; otherwise nothing.

    Srivastava et al. (2014), inverted. Raises ValueError unless 0 <= p <= 1.

    >>> import minigrad as mg
    >>> dropout(mg.ones(2), 0.5, training=False)
    tensor([1., 1.])
    """
    if not 0 <= p <= 1:
        raise ValueError(f"dropout: p must be within [0, 1], got {p}")
    if not training or p == 0:
        return x
    kept = (generator or default_generator()).random(x.shape, dtype=np.float32) >= p
    return x * _wrap(kept.astype(x.dtype) * (1 / (1 - p) if p < 1 else 0.0), None)


def pad(x: Any, pad: tuple[int, ...], mode: str = "constant", value: float = 0) -> Any:
    """A border around the last axes; `pad` counts from the last axis: (left, right, top, bottom, ...), as in PyTorch.

    >>> import minigrad as mg
    >>> dropout(mg.ones(1, 2), 0.0).shape, globals()["pad"](mg.ones(1, 2), (1, 0, 0, 2)).shape
    ((1, 2), (3, 3))
    """
    if len(pad) % 2 or len(pad) > 2 * x.ndim:
        raise ValueError(f"pad: needs (before, after) for at most {x.ndim} axes, got {pad}")
    pairs = [(pad[i], pad[i + 1]) for i in range(0, len(pad), 2)][::-1]
    return pad_axes(x, [(0, 0)] * (x.ndim - len(pairs)) + pairs, mode, value)
