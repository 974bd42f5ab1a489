"""Connectionist temporal classification as a sum over all sequences of classes that spell the labels."""

from __future__ import annotations

from itertools import groupby, product

import numpy as np

import minigrad.nn.functional as F
from minigrad.errors import DTypeError, ShapeError
from minigrad.testing import OpSpec, Sample
from tests.ops.samples import choice, refuse

__all__ = ["SPECS"]


def spelled(path, blank):
    return [c for c, _ in groupby(path) if c != blank]


def naive_ctc(log_probs, targets, steps, lengths, blank=0, reduction="mean", zero_infinity=False):
    batch = log_probs if log_probs.ndim == 3 else log_probs[:, None]
    steps, lengths, losses = np.reshape(steps, -1), np.reshape(lengths, -1), []
    starts = np.cumsum(lengths) - lengths
    for n in range(batch.shape[1]):
        wanted = list(targets[n][: lengths[n]] if targets.ndim == 2 else targets[starts[n] :][: lengths[n]])
        paths = product(range(batch.shape[2]), repeat=int(steps[n]))
        found = [sum(batch[t, n, c] for t, c in enumerate(path)) for path in paths if spelled(path, blank) == wanted]
        losses.append(-np.log(np.sum(np.exp(found))) if found else 0.0 if zero_infinity else np.inf)
    losses = np.array(losses)
    if reduction == "mean":
        return np.mean(losses / np.maximum(lengths, 1))
    return losses.sum() if reduction == "sum" else losses if log_probs.ndim == 3 else losses[0]


def sequences(rng):
    T, N, C = int(rng.integers(1, 5)), int(rng.integers(1, 4)), int(rng.integers(2, 4))
    blank = int(rng.integers(C))
    steps, lengths = rng.integers(0, T + 1, N), rng.integers(0, 3, N)
    labels = rng.choice([c for c in range(C) if c != blank], (N, 3))
    if rng.random() < 0.5:
        labels = labels.ravel()[: lengths.sum()]
    log_probs = np.log(rng.dirichlet(np.ones(C), (T, N)))
    options = {"blank": blank, "reduction": choice(rng, "mean", "sum", "none"), "zero_infinity": True}
    if N == 1 and rng.random() < 0.5:
        return Sample((log_probs[:, 0], labels.ravel(), steps[0], lengths[0]), options)
    return Sample((log_probs, labels, steps, tuple(lengths.tolist())), options)


X, Y = np.zeros((4, 2, 3)), np.array([[1, 2], [2, 1]])

SPECS = [
    OpSpec("ctc_loss", F.ctc_loss, naive_ctc, sequences, errors=(
        refuse(ShapeError, r"log_probs must be \(T, N, C\) or \(T, C\), got shape \(3,\)", X[0, 0], Y[0], 1, 1),
        refuse(IndexError, "blank must be a class, 0..2, got 3", X, Y, (4, 4), (2, 2), 3),
        refuse(DTypeError, "input_lengths must be integers, got float64", X, Y, np.array([4.0, 4.0]), (2, 2)),
        refuse(ShapeError, r"target_lengths must be \(2,\), one for each sequence, got shape \(1,\)", X, Y, (4, 4), (2,)),
        refuse(ValueError, "target_lengths must be at least 0, got -1", X, Y, (4, 4), (2, -1)),
        refuse(ValueError, "input_lengths must be at most 4, the steps of log_probs, got 5", X, Y, (4, 5), (2, 2)),
        refuse(DTypeError, "labels must be integer classes, got float64", X, Y + 0.0, (4, 4), (2, 2)),
        refuse(ShapeError, r"targets must be \(2, S\) with S at least 3, or all 5 labels in a row, got shape \(2, 2\)", X, Y,
               (4, 4), (2, 3)),
        refuse(IndexError, "target 3 is not a class; valid are 0..2", X, Y + 1, (4, 4), (2, 2)),
        refuse(ValueError, "reduction must be", X, Y, (4, 4), (2, 2), 0, "avg"),
        refuse(ValueError, "ctc_loss: the mean of 0 items", X[:, :0], Y[:0], (), ()),
    )),
]  # fmt: skip
