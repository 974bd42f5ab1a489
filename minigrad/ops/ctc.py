"""Connectionist temporal classification: the loss of a sequence whose alignment with its labels is unknown."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad.arrays import Array, array_of, shape_of
from minigrad.engine.composite import composite
from minigrad.engine.promotion import floating
from minigrad.errors import DTypeError, ShapeError
from minigrad.ops.elementwise import clip, where
from minigrad.ops.indexing import getitem
from minigrad.ops.joining import concatenate, split, stack, unbind
from minigrad.ops.loss import check_items, check_reduction, reduce_loss
from minigrad.ops.reduction import logsumexp
from minigrad.ops.shape import squeeze, unsqueeze

__all__ = ["ctc_loss"]

IMPOSSIBLE = -1e30  # a logarithm that no sum of others reaches; unlike that of -inf, a difference of two of them is a number


@floating("log_probs")
@composite
def ctc_loss(
    log_probs: Any,
    targets: Any,
    input_lengths: Any,
    target_lengths: Any,
    blank: int = 0,
    reduction: str = "mean",
    zero_infinity: bool = False,
) -> Any:
    """Compute minus the log-probability that a sequence of steps spells its labels, over all alignments of the two.

    An alignment takes a class at each step; it spells what is left after repetitions are merged and blanks removed. Graves
    et al. (2006), "Connectionist temporal classification".

    * `log_probs`: the log-probabilities of the classes at each step, (T, N, C) or (T, C)
    * `targets`: integer labels, none of them `blank`: (N, S), or one vector of all labels of all sequences in a row
    * `input_lengths`, `target_lengths`: the numbers of steps and of labels of each sequence, (N,) or ()
    * `reduction`: as a mean, each loss is divided by its number of labels first
    * `zero_infinity`: count sequences that are too short for their labels as 0; otherwise their loss is infinite

    Unlike in PyTorch, the gradient is the derivative: PyTorch's also contains exp(log_probs), which the gradient of
    `log_softmax` cancels; and that of an infinite loss is 0, not NaN. Raises ShapeError or ValueError for lengths that do
    not fit, DTypeError or IndexError for labels that are no classes.

    >>> import numpy as np
    >>> ctc_loss(np.log(np.full((2, 1, 2), 0.5)), np.array([[1]]), (2,), (1,)).round(4)  # 1 1, 1 -, - 1: 3 of 4
    np.float64(0.2877)
    """
    op = "ctc_loss"
    check_reduction(op, reduction)
    shape = shape_of(log_probs)
    if len(shape) not in (2, 3):
        raise ShapeError(f"{op}: log_probs must be (T, N, C) or (T, C), got shape {shape}")
    T, N, C = shape if len(shape) == 3 else (shape[0], 1, shape[1])
    if not 0 <= blank < C:
        raise IndexError(f"{op}: blank must be a class, 0..{C - 1}, got {blank}")
    check_items(op, reduction, (N,))
    steps, lengths = _lengths(op, "input_lengths", input_lengths, N), _lengths(op, "target_lengths", target_lengths, N)
    if steps.max(initial=0) > T:
        raise ValueError(f"{op}: input_lengths must be at most {T}, the steps of log_probs, got {int(steps.max())}")
    labels = _labels(op, array_of(targets), lengths, C, blank)

    # The states are the labels with blanks around them; a path stays, moves on by one, or skips a blank between two labels.
    states = np.full((N, 2 * labels.shape[1] + 1), blank)
    states[:, 1::2] = labels
    item, state = np.arange(N)[:, None], np.arange(states.shape[1])
    skips = (state > 1) & (states != blank) & (states != np.roll(states, 2, 1))
    before = np.stack(np.broadcast_arrays(state + 1, state, np.where(skips, state - 1, 0)), -1)  # 0 is a state of no path
    every = log_probs if len(shape) == 3 else unsqueeze(log_probs, 1)
    scores = clip(getitem(every, (np.arange(T)[:, None, None], item, states)), IMPOSSIBLE, None)
    nowhere = np.full((N, 1), IMPOSSIBLE, scores.dtype)
    paths: Any = np.where(state == 0, 0, np.full(states.shape, IMPOSSIBLE, scores.dtype))
    reached = [paths]  # after 0, 1, ... steps: the log-probability of all paths to each state
    for block in split(scores, math.isqrt(T) + 1):  # unbind of all T steps would have an adjoint of T arrays of T steps
        for score in unbind(block):
            paths = score + logsumexp(getitem(concatenate([nowhere, paths], 1), (item[:, :, None], before)), -1)
            reached.append(paths)
    ends = 2 * lengths[:, None] - [0, 1]  # the last blank, and the last label if there is one
    last = getitem(stack(reached), (steps[:, None], item, np.maximum(ends, 0)))
    found = logsumexp(where(ends >= 0, last, nowhere), -1)
    loss = where(array_of(found) < IMPOSSIBLE / 2, 0.0 if zero_infinity else np.inf, -found)
    if reduction == "mean":
        loss = loss / np.maximum(lengths, 1).astype(loss.dtype)
    loss = reduce_loss(loss, reduction)
    return squeeze(loss, 0) if reduction == "none" and len(shape) == 2 else loss


def _lengths(op: str, name: str, lengths: Any, N: int) -> Array:
    """Return lengths as N integers. Raises DTypeError, ShapeError or ValueError for anything else."""
    counts = array_of(lengths)
    if counts.dtype.kind not in "iu":
        raise DTypeError(f"{op}: {name} must be integers, got {counts.dtype}")
    if counts.size != N or counts.ndim > 1:
        raise ShapeError(f"{op}: {name} must be ({N},), one for each sequence, got shape {counts.shape}")
    if counts.min(initial=0) < 0:
        raise ValueError(f"{op}: {name} must be at least 0, got {int(counts.min())}")
    return counts.reshape(N).astype(np.intp)


def _labels(op: str, targets: Array, lengths: Array, C: int, blank: int) -> Array:
    """Return the labels as (N, S), blanks after the last of each sequence; `targets` has that form, or all in a row."""
    if targets.dtype.kind not in "iu":
        raise DTypeError(f"{op}: labels must be integer classes, got {targets.dtype}\n  hint: targets.astype(int)")
    N, longest = len(lengths), int(lengths.max(initial=0))
    counted = np.arange(longest) < lengths[:, None]
    if targets.ndim == 1 and targets.size >= lengths.sum():
        chosen = targets[: lengths.sum()]
    elif targets.ndim == 2 and len(targets) == N and targets.shape[1] >= longest:
        chosen = targets[:, :longest][counted]
    else:
        raise ShapeError(
            f"{op}: targets must be ({N}, S) with S at least {longest}, or all {int(lengths.sum())} labels in a row, "
            f"got shape {targets.shape}"
        )
    wrong = (chosen < 0) | (chosen >= C)
    if wrong.any():
        raise IndexError(f"{op}: target {int(chosen[wrong][0])} is not a class; valid are 0..{C - 1}")
    out = np.full((N, longest), blank)
    out[counted] = chosen
    return out
