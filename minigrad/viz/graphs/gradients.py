"""The strength of the gradient at every node, by one more walk of the tape that leaves every `.grad` as it was."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from itertools import repeat
from typing import Any

import numpy as np

from minigrad.arrays import Array
from minigrad.engine import walk
from minigrad.engine.interrupts import at_once
from minigrad.engine.tape import Node
from minigrad.errors import GraphError
from minigrad.tensors.tensor import Tensor

__all__ = ["gradients", "root_mean_square"]


def gradients(
    outputs: Sequence[Tensor], nodes: Sequence[Node], measure: Callable[[Node, Array], Any]
) -> tuple[dict[int, Any], str]:
    """Apply `measure` to the gradient of the sum of the outputs at each node; return the results by number, and a note.

    Hooks run, as they do in every walk. After backward has freed the tape, only gradients that tensors keep in `.grad` are
    known, and the note says so. Raises GraphError otherwise for an output of more than one element, which has no single
    gradient.
    """
    found: dict[int, Any] = {}
    if any(node.saved is None for node in nodes):
        for node in nodes:
            tensor: Any = None if node.receiver is None else node.receiver()
            if tensor is not None and tensor.stored_grad is not None:
                found[node.number] = measure(node, tensor.stored_grad.array)
        return found, "backward has freed the tape: the gradients are those in .grad, of leaves"
    for output in outputs:
        if output.node is not None and output.numel() != 1:
            raise GraphError(f'graph: show="grads" needs a scalar, the output has shape {output.shape}\n  hint: use .sum()')

    def see(node: Node) -> Callable[[Tensor], None]:
        def hook(g: Tensor) -> None:
            found[node.number] = measure(node, g.array)

        return hook

    seeds = [output.backward_seed(None, "graph") for output in outputs if output.node is not None]
    leaves = [node for node in nodes if node.primitive is None]
    # An interrupt may come when a function starts or a call ends, but not within this one call (engine/interrupts.py).
    undo = map(setattr, nodes, repeat("hooks"), [node.hooks for node in nodes])
    seeing = [{**(node.hooks or {}), -1: see(node)} for node in nodes]
    walks = walk.walking.walks
    try:
        walk.walking.walks = [walk.Walk]  # inside detect_anomaly, too: a picture of NaN is the aim
        at_once(setattr, nodes, repeat("hooks"), seeing)
        walk.backward(seeds, Tensor.from_array, targets=leaves, retain_graph=True, create_graph=False)
    finally:
        walk.walking.walks = walks
        deque(undo, maxlen=0)
    return found, ""


def root_mean_square(array: Array) -> float:
    """Return the root mean square of an array; 0 for an empty one.

    It is computed in float64, scaled by the largest element so that it neither overflows nor underflows.
    """
    if not array.size:
        return 0.0
    values = np.abs(array.astype(np.float64))
    largest = float(values.max())
    if not np.isfinite(largest) or largest == 0:
        return largest
    return largest * float(np.sqrt(np.mean(np.square(values / largest))))
