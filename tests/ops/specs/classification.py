"""Specs of cross-entropy, against loops over every row."""

from __future__ import annotations

import numpy as np

import minigrad as mg
from minigrad.errors import DTypeError, GraphError, ShapeError
from minigrad.testing import OpSpec, Sample
from tests.ops.samples import a_shape, choice, normal, refuse, within

REDUCTIONS = ("mean", "sum", "none")


def labelled(rng):
    """Logits (C,), (N, C) or (N, C, d1, ...), labels some of which are ignored, class weights."""
    C, shape = int(rng.integers(2, 6)), a_shape(rng, 0, 3, empty=False)
    x = normal(rng, (C,) if not shape else (shape[0], C, *shape[1:]))
    labels = rng.integers(0, C, shape)
    labels = np.where(rng.random(shape) < 0.2, -100, labels)
    labels.reshape(-1)[0] = rng.integers(0, C)
    return x, labels, choice(rng, None, within(0.5, 2.0)(rng, (C,)))


def with_options(rng):
    x, labels, weight = labelled(rng)
    if rng.random() < 0.5:
        labels = mg.tensor(labels)
    return Sample(
        (x, labels), {"weight": weight, "reduction": choice(rng, *REDUCTIONS), "label_smoothing": choice(rng, 0.0, 0.3)}
    )


def ignoring(rng):
    x, labels, weight = labelled(rng)
    return Sample((x, np.where(labels == -100, 2, labels)), {"weight": weight, "ignore_index": 2, "reduction": "sum"})


def with_probabilities(rng):
    C, shape = int(rng.integers(2, 6)), a_shape(rng, 0, 3, empty=False)
    size = (C,) if not shape else (shape[0], C, *shape[1:])
    weights = rng.uniform(0.1, 1.0, size).astype(np.float32)
    target = mg.tensor(weights / weights.sum(min(1, len(shape)), keepdims=True))
    options = {"reduction": choice(rng, *REDUCTIONS), "label_smoothing": choice(rng, 0.0, 0.3)}
    return Sample(
        (normal(rng, size),), {"target": target, "weight": choice(rng, None, within(0.5, 2.0)(rng, (C,)))} | options
    )


def rows_of(x):
    """(C,), (N, C) or (N, C, d1, ...) as rows of C."""
    return x.reshape(1, -1) if x.ndim == 1 else np.moveaxis(x, 1, -1).reshape(-1, x.shape[1])


def log_softmax(row):
    return row - np.log(np.exp(row).sum())


def by_rows(x, labels, weight=None, ignore_index=-100, reduction="mean", label_smoothing=0.0, normalise=log_softmax):
    labels = np.asarray(labels)
    losses, total = [], 0.0
    for row, label in zip(rows_of(x), labels.ravel(), strict=True):
        if label == ignore_index:
            losses.append(0.0)
            continue
        w = np.ones(len(row)) if weight is None else weight
        p = normalise(row)
        total += w[label]
        losses.append(-(1 - label_smoothing) * w[label] * p[label] - label_smoothing * (w * p).sum() / len(row))
    out = np.array(losses).reshape(labels.shape)
    return {"mean": out.sum() / total if total else 0.0, "sum": out.sum(), "none": out}[reduction]


def of_probabilities(x, target, weight, reduction, label_smoothing):
    target = target.numpy().astype(float)
    C = x.shape[min(1, x.ndim - 1)]
    w = np.ones(C) if weight is None else weight
    losses = [-(w * ((1 - label_smoothing) * t + label_smoothing / C) * log_softmax(row)).sum()
              for row, t in zip(rows_of(x), rows_of(target), strict=True)]  # fmt: skip
    out = np.array(losses).reshape(x.shape[:1] + x.shape[2:] if x.ndim > 1 else ())
    return {"mean": out.mean(), "sum": out.sum(), "none": out}[reduction]


def nll(x, labels, **options):
    return by_rows(x, labels, normalise=lambda row: row, **options)


def without_smoothing(rng):
    call = with_options(rng)
    return Sample(call.args, {k: v for k, v in call.kwargs.items() if k != "label_smoothing"})


def not_a_target(error, match, target):
    return refuse(error, match, np.ones((3, 4)), target=target)


NO_TARGET = (
    not_a_target(IndexError, r"target 10 at position \(1,\) is not a class; valid are 0\.\.3", np.array([0, 10, 1])),
    not_a_target(IndexError, "target -1", np.array([0, -1, 1])),
    not_a_target(DTypeError, "integer classes, got float64", np.array([0.0, 1.0, 2.0])),
    not_a_target(DTypeError, "one-hot", np.eye(3, 4, dtype=int)),
    not_a_target(ShapeError, r"\(2,\), input has shape \(3, 4\)", np.array([0, 1])),
    not_a_target(ShapeError, "squeeze", np.array([[0], [1], [2]])),
    not_a_target(DTypeError, "bool", np.array([True, False, True])),
    not_a_target(ValueError, "mean of 0 items", np.full(3, -100)),
    refuse(GraphError, "not differentiated", np.ones((3, 4)), np.full((3, 4), 0.25)),  # every float is made to require one
    refuse(ValueError, 'mean of 0 items\n.*reduction="sum"', np.ones((0, 4)), np.zeros(0, int)),
    refuse(ValueError, "reduction must be", np.ones((1, 4)), np.zeros(1, int), reduction="avg"),
)

SPECS = [
    OpSpec("cross_entropy", mg.cross_entropy, by_rows, with_options, errors=NO_TARGET),
    OpSpec("cross_entropy, ignoring a class", mg.cross_entropy, by_rows, ignoring, ("cross_entropy",)),
    OpSpec("cross_entropy of probabilities", mg.cross_entropy, of_probabilities, with_probabilities, ("cross_entropy",)),
    OpSpec("nll_loss", mg.nll_loss, nll, without_smoothing, linear_in=(0,)),
]
