"""Padding of sequences of different lengths."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from minigrad.errors import ShapeError
from minigrad.nn import functional as F
from minigrad.ops import stack
from minigrad.tensors.tensor import Tensor

__all__ = ["pad_sequence"]


def pad_sequence(
    sequences: Sequence[Tensor], batch_first: bool = False, padding_value: float = 0.0, padding_side: str = "right"
) -> Tensor:
    """Stack sequences (L_i, ...) into one tensor (longest, N, ...), or (N, longest, ...) with `batch_first`.

    Shorter sequences are padded with `padding_value` at the side `padding_side`, "right" or "left". Raises ValueError for no
    sequences, and ShapeError for sequences whose shapes differ beyond the length.

    >>> import minigrad as mg
    >>> pad_sequence([mg.tensor([1, 2, 3]), mg.tensor([4])], batch_first=True)
    tensor([[1, 2, 3],
            [4, 0, 0]])
    """
    if padding_side not in ("left", "right"):
        raise ValueError(f"pad_sequence: padding_side must be 'left' or 'right', got {padding_side!r}")
    given = list(sequences)
    if not given:
        raise ValueError("pad_sequence: needs at least one sequence")
    for i, sequence in enumerate(given):
        if not sequence.ndim or sequence.shape[1:] != given[0].shape[1:]:
            raise ShapeError(f"pad_sequence: sequence {i} has shape {sequence.shape}, sequence 0 has {given[0].shape}")
    longest = max(len(sequence) for sequence in given)
    filled = []
    for sequence in given:
        missing = longest - len(sequence)
        sides = (0, missing) if padding_side == "right" else (missing, 0)
        value = np.asarray(padding_value, sequence.dtype).item()
        filled.append(F.pad(sequence, (0, 0) * (sequence.ndim - 1) + sides, value=value) if missing else sequence)
    return stack(filled, 0 if batch_first else 1)
