"""Numbers that say how good a network is."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad.graph import no_grad
from minigrad.nn import Module
from minigrad.nn import functional as F
from minigrad.primitive import Array
from minigrad.tensor import Tensor

__all__ = ["evaluate", "gradient_norm"]


def evaluate(network: Module, x: Array, t: Array, batch_size: int = 500) -> tuple[float, float]:
    """Mean cross-entropy and accuracy (0..1) of a classifier on images `x` with classes `t`, in evaluation mode.

    Each image counts once, also where the batches do not come out even.
    """
    if not len(x):
        raise ValueError("evaluate: no images")
    was_training = network.training
    network.eval()
    loss, right = 0.0, 0
    try:
        with no_grad():
            for start in range(0, len(x), batch_size):
                batch, labels = Tensor(x[start : start + batch_size]), t[start : start + batch_size]
                scores = network(batch)
                loss += F.cross_entropy(scores, labels, reduction="sum").item()
                right += count_right(scores, labels)
    finally:
        network.train(was_training)
    return loss / len(x), right / len(x)


def count_right(scores: Tensor, labels: Any) -> int:
    """How many rows have their highest score at their label."""
    return int(np.count_nonzero(scores._array.argmax(1) == np.asarray(labels)))


def gradient_norm(network: Module) -> float:
    """The Euclidean norm of all gradients together."""
    grads = [p.grad._array for p in network.parameters() if p.grad is not None]
    return math.sqrt(sum(float(np.vdot(g, g)) for g in grads))
