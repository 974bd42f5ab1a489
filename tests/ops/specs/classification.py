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
        (x, labels), {"weight": weight, "reduction": choice(rng, *REDUCTIONS), "label_smoothing": choice(rng, 0.0, 0.3, 1.0)}
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


QUARTERS = mg.tensor(np.full((3, 4), 0.25, np.float32))
NO_TARGET = (
    not_a_target(IndexError, r"target 4 at position \(1,\) is not a class; valid are 0\.\.3", np.array([0, 4, 1])),
    not_a_target(IndexError, "target -1", np.array([0, -1, 1])),
    not_a_target(DTypeError, "integer classes, got float64", np.array([0.0, 1.0, 2.0])),
    not_a_target(DTypeError, "one-hot", np.eye(3, 4, dtype=int)),
    not_a_target(ShapeError, r"\(2,\), input has shape \(3, 4\)", np.array([0, 1])),
    not_a_target(ShapeError, "squeeze", np.array([[0], [1], [2]])),
    not_a_target(DTypeError, "bool", np.array([True, False, True])),
    not_a_target(ValueError, "mean of 0 items", np.full(3, -100)),
    refuse(ShapeError, r"shape \(4,\), input has shape \(4,\): expected labels \(\)", np.ones(4), np.array([0, 1, 0, 0])),
    refuse(ValueError, "ignore_index=0 has no meaning", np.ones((3, 4)), target=QUARTERS, ignore_index=0),
    refuse(
        ValueError,
        r"label_smoothing must be within \[0, 1\], got 1.5",
        np.ones((1, 4)),
        np.zeros(1, int),
        label_smoothing=1.5,
    ),
    refuse(ValueError, "got -0.5", np.ones((1, 4)), np.zeros(1, int), label_smoothing=-0.5),
    refuse(GraphError, "not differentiated", np.ones((3, 4)), np.full((3, 4), 0.25)),  # every float is made to require one
    refuse(ValueError, 'mean of 0 items\n.*reduction="sum"', np.ones((0, 4)), np.zeros(0, int)),
    refuse(ValueError, r"label_smoothing must be within \[0, 1\], got 1.5", np.ones((1, 4)), [0], label_smoothing=1.5),
    refuse(ShapeError, r"weight must be \(4,\), one for each class, got shape \(3,\)", np.ones((1, 4)), [0], np.ones(3)),
    refuse(ShapeError, r"input must be \(C,\), \(N, C\) or \(N, C, d1, ...\), got shape \(\)", np.array(1.0), 0),
    refuse(ValueError, "reduction must be", np.ones((1, 4)), np.zeros(1, int), reduction="avg"),
)


def scores(rng, shape):
    """Differences that are far from a half."""
    return np.asarray(rng.integers(-2, 3, shape) + rng.uniform(0, 0.2, shape))


def with_margin(rng):
    C, shape = int(rng.integers(2, 6)), a_shape(rng, 0, 1, empty=False)
    options = {"p": choice(rng, 1, 2), "weight": choice(rng, None, within(0.5, 2.0)(rng, (C,)))}
    return Sample((scores(rng, (*shape, C)), rng.integers(0, C, shape)),
                  options | {"margin": 0.5, "reduction": choice(rng, *REDUCTIONS)})  # fmt: skip


def margins(x, labels, p, margin, weight, reduction):
    losses = []
    for row, label in zip(rows_of(x), labels.reshape(-1), strict=True):
        others = [max(0.0, margin - row[label] + row[i]) ** p for i in range(len(row)) if i != label]
        losses.append(sum(others) / len(row) * (1 if weight is None else weight[label]))
    return {"mean": np.mean, "sum": np.sum, "none": lambda v: np.reshape(v, labels.shape)}[reduction](losses)


def with_lists(rng):
    C, shape = int(rng.integers(2, 6)), a_shape(rng, 0, 1, empty=False)
    target = np.full((*shape, C), -1)
    for row in target.reshape(-1, C):
        count = int(rng.integers(0, C + 1))
        row[:count] = rng.permutation(C)[:count]
        row[count + 1 :] = rng.integers(-1, C, max(0, C - count - 1))  # what stands behind the first -1 counts for nothing
    return Sample((1.5 * scores(rng, (*shape, C)), target), {"reduction": choice(rng, *REDUCTIONS)})


def listed_margins(x, target, reduction):
    losses = []
    for row, listed in zip(rows_of(x), target.reshape(-1, x.shape[-1]), strict=True):
        own = [*listed, -1][: [*listed, -1].index(-1)]
        losses.append(sum(max(0.0, 1 - row[j] + row[i]) for j in own for i in range(len(row)) if i not in own) / len(row))
    return {"mean": np.mean, "sum": np.sum, "none": lambda v: np.reshape(v, x.shape[:-1])}[reduction](losses)


NO_MARGIN = (
    refuse(ValueError, "multi_margin_loss: p must be 1 or 2, got 3", np.ones((1, 2)), np.array([0]), 3),
    refuse(IndexError, r"multi_margin_loss: target -1 at position \(0,\) is not a class", np.ones((1, 2)), np.array([-1])),
    refuse(ShapeError, r"input must be \(C,\) or \(N, C\), got shape \(1, 2, 3\)", np.ones((1, 2, 3)), np.array([[0]])),
    refuse(ShapeError, r"weight must be \(2,\), one for each class", np.ones((1, 2)), np.array([0]), weight=np.ones(3)),
)
NO_LIST = (
    refuse(ShapeError, r"got \(1, 2\) and \(1,\)", np.ones((1, 2)), np.array([0])),
    refuse(DTypeError, "labels must be integer classes, got bool", np.ones((1, 2)), np.ones((1, 2), bool)),
    refuse(IndexError, r"target 2 at position \(0, 1\) is not a class; valid are 0..1", np.ones((1, 2)), np.array([[0, 2]])),
)

SPECS = [
    OpSpec("multi_margin_loss", mg.multi_margin_loss, margins, with_margin, errors=NO_MARGIN),
    OpSpec("multilabel_margin_loss", mg.multilabel_margin_loss, listed_margins, with_lists, errors=NO_LIST),
    OpSpec("cross_entropy", mg.cross_entropy, by_rows, with_options, errors=NO_TARGET),
    OpSpec("cross_entropy, ignoring a class", mg.cross_entropy, by_rows, ignoring, ("cross_entropy",)),
    OpSpec("cross_entropy of probabilities", mg.cross_entropy, of_probabilities, with_probabilities, ("cross_entropy",)),
    OpSpec("nll_loss", mg.nll_loss, nll, without_smoothing, linear_in=(0,)),
]
