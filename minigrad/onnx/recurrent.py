"""Conversion of LSTM, GRU and RNN layers to ONNX's nodes for whole sequences, of any length."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.nn import GRU, LSTM, RNN, RNNBase
from minigrad.onnx.graph import Graph

__all__ = ["KINDS", "recurrent"]

# The places of ONNX's gates among ours: ONNX has i, o, f, c and z, r, h, PyTorch i, f, g, o and r, z, n.
KINDS: dict[type[RNNBase], tuple[int, ...]] = {LSTM: (0, 3, 1, 2), GRU: (1, 0, 2), RNN: (0,)}


def recurrent(g: Graph, op: RNNBase, x: Any, state: Any, weights: Any) -> Any:
    """Add a node for each layer of the stack; return the outputs and the last states, or None if a node cannot do it."""
    kind, gates = type(op).__name__, KINDS[type(op)]
    suffixes = [f"{i}{direction}" for i in range(op.num_layers) for direction in ("", "_reverse")[: 1 + op.bidirectional]]
    if op.proj_size or any(f"weight_{part}_l{s}" not in weights for part in ("ih", "hh") for s in suffixes):
        return None
    batched, size, directions = len(x.shape) == 3, op.hidden_size, 1 + op.bidirectional
    rows = np.concatenate([np.arange(gate * size, (gate + 1) * size) for gate in gates])
    states = state if isinstance(state, tuple) else () if state is None else (state,)
    if not batched:
        x, states = g.Unsqueeze(x, [1]), tuple(g.Unsqueeze(part, [1]) for part in states)
    elif op.batch_first:
        x = g.Transpose(x, perm=[1, 0, 2])

    def ordered(name: str, suffix: str) -> str:
        return g.Gather(weights[f"{name}_l{suffix}"], rows) if len(gates) > 1 else g.input(weights[f"{name}_l{suffix}"])

    def joined(parts: list[str]) -> str:
        return parts[0] if len(parts) == 1 else g.add("Concat", *parts, axis=0)

    options: dict[str, Any] = {"hidden_size": size, "direction": "bidirectional" if op.bidirectional else None}
    if kind == "GRU":
        options["linear_before_reset"] = 1
    if kind == "RNN":
        options["activations"] = [op.nonlinearity.capitalize()] * directions
    last: list[list[str]] = [[] for _ in range(1 + (kind == "LSTM"))]
    for i in range(op.num_layers):
        names = suffixes[i * directions : (i + 1) * directions]
        w, r = (joined([g.Unsqueeze(ordered(f"weight_{p}", s), [0]) for s in names]) for p in ("ih", "hh"))
        b = None
        if op.bias:
            each = [g.add("Concat", *(ordered(f"bias_{p}", s) for p in ("ih", "hh")), axis=0) for s in names]
            b = joined([g.Unsqueeze(part, [0]) for part in each])
        first = [g.slice(part, {0: slice(i * directions, (i + 1) * directions)}) for part in states]
        y, *ends = g.add(kind, x, w, r, b, None, *first, outputs=1 + len(last), **options)
        for found, end in zip(last, ends, strict=True):
            found.append(end)
        x = g.Squeeze(y, [1]) if directions == 1 else g.Reshape(g.Transpose(y, perm=[0, 2, 1, 3]), [0, 0, -1])
    ends = [joined(found) for found in last]
    if not batched:
        x, ends = g.Squeeze(x, [1]), [g.Squeeze(end, [1]) for end in ends]
    elif op.batch_first:
        x = g.Transpose(x, perm=[1, 0, 2])
    return (x, *ends)
