"""Specs of the losses that compare element by element, or pairs, against the formulas of PyTorch's documentation."""

from __future__ import annotations

import numpy as np

import minigrad as mg
from minigrad.errors import ShapeError
from minigrad.testing import OpSpec, Refusal, Sample
from tests.ops.samples import a_shape, axes, choice, nonzero, normal, within

REDUCTIONS = ("mean", "sum", "none")
inside, signs = within(0.1, 0.9), lambda rng, shape: np.asarray(rng.choice([-1, 1], shape))


def reduce(loss, reduction):
    return {"mean": np.mean, "sum": np.sum, "none": np.asarray}[reduction](loss)


def reduced(formula):
    return lambda *args, reduction="mean", **options: reduce(formula(*args, **options), reduction)


def pairs(*draws, **options):
    """Arrays of one shape, a reduction, and each option at its default or at one of its values."""

    def sample(rng):
        shape = a_shape(rng, empty=False)
        chosen = {name: choice(rng, *values) for name, values in options.items() if rng.random() < 0.7}
        return Sample(tuple(draw(rng, shape) for draw in draws), chosen | {"reduction": choice(rng, *REDUCTIONS)})

    return sample


def distances(gap):
    """Pairs whose distance is neither near 0 nor near `gap`."""

    def sample(rng):
        shape = a_shape(rng, empty=False)
        x = normal(rng, shape)
        d = rng.choice([-1.0, 1.0], shape) * np.where(
            rng.random(shape) < 0.5, rng.uniform(0.1, gap - 0.1, shape), gap + nonzero(rng, shape) ** 2
        )
        return Sample((x, np.asarray(x - d)), {"reduction": choice(rng, *REDUCTIONS)})

    return sample


def weighted(draw):
    def sample(rng):
        shape = a_shape(rng, 1, 3, empty=False)
        x, target = draw(rng, shape), inside(rng, shape)
        weight = choice(rng, None, within(0.5, 2.0)(rng, shape), within(0.5, 2.0)(rng, shape[-1:]))
        return Sample((x, target, weight), {"reduction": choice(rng, *REDUCTIONS)})

    return sample


def with_positive_weight(rng):
    call = weighted(normal)(rng)
    shape = call.args[0].shape
    return Sample((*call.args, None, None, call.kwargs["reduction"], choice(rng, None, within(0.5, 2.0)(rng, shape[-1:]))))


def bernoulli(p, target, weight=1.0):
    return -(1.0 if weight is None else weight) * (target * np.log(p) + (1 - target) * np.log(1 - p))


def of_logits(x, target, weight, size_average, reduce_, reduction, positive):
    p, positive = 1 / (1 + np.exp(-x)), 1.0 if positive is None else positive
    loss = -(1.0 if weight is None else weight) * (positive * target * np.log(p) + (1 - target) * np.log(1 - p))
    return reduce(loss, reduction)


def divergence(x, target, size_average=None, reduce_=None, reduction="mean", log_target=False):
    loss = np.exp(target) * (target - x) if log_target else target * (np.log(target) - x)
    return loss.sum() / len(loss) if reduction == "batchmean" else reduce(loss, reduction)


def diverging(rng):
    shape = a_shape(rng, 1, 3, empty=False)
    options = {"reduction": choice(rng, *REDUCTIONS, "batchmean"), "log_target": choice(rng, True, False)}
    return Sample((inside(rng, shape), inside(rng, shape)), options)


def with_variance(rng):
    shape = a_shape(rng, 1, 3, empty=False)
    size = choice(rng, shape, (*shape[:-1], 1), shape[:-1])
    return Sample((normal(rng, shape), normal(rng, shape), within(0.5, 2.0)(rng, size)),
                  {"full": choice(rng, True, False), "reduction": choice(rng, *REDUCTIONS)})  # fmt: skip


def gaussian(x, target, var, full):
    var = var[..., None] if var.ndim < x.ndim else var
    return np.log(np.sqrt(var) * (np.sqrt(2 * np.pi) if full else 1)) + (x - target) ** 2 / (2 * var)


def poisson(x, target, log_input=True, full=False, eps=1e-8):
    loss = np.exp(x) - target * x if log_input else x - target * np.log(x + eps)
    stirling = target * np.log(target) - target + 0.5 * np.log(2 * np.pi * target)
    return loss + np.where(target > 1, stirling, 0) * full


def not_near_1(rng, shape):
    return np.asarray(np.where(rng.random(shape) < 0.5, rng.uniform(0.2, 0.9, shape), rng.uniform(1.1, 4.0, shape)))


def hinge(x, target, margin=1.0):
    return np.where(target == 1, x, np.maximum(0, margin - x))


def similar(rng):
    shape = tuple(int(n) for n in rng.integers(2, 5, rng.integers(1, 4)))
    return Sample((normal(rng, shape), normal(rng, shape), axes(rng, len(shape), one=True)))


def cosine(x, y, axis=-1):
    return (x * y).sum(axis) / np.sqrt((x * x).sum(axis) * (y * y).sum(axis))


def apart(rng):
    shape = a_shape(rng, 1, 3, empty=False)
    return Sample((normal(rng, shape), normal(rng, shape), choice(rng, 2.0, 3.0)), {"keepdims": choice(rng, True, False)})


def distance(x, y, p=2.0, keepdims=False):
    return (np.abs(x - y + 1e-6) ** p).sum(-1, keepdims=keepdims) ** (1 / p)


def angles(rng):
    shape = (*a_shape(rng, 0, 1, empty=False), int(rng.integers(2, 5)))
    target = signs(rng, shape[:-1])
    return Sample((normal(rng, shape), normal(rng, shape), target),
                  {"margin": choice(rng, -2.0, 2.0), "reduction": choice(rng, *REDUCTIONS)})  # fmt: skip


def triplets(rng):
    shape = (*a_shape(rng, 0, 2, empty=False), int(rng.integers(2, 5)))
    options = {"margin": choice(rng, 20.0, 0.5), "p": choice(rng, 2.0, 3.0), "reduction": choice(rng, *REDUCTIONS)}
    anchor = normal(rng, shape)  # the positive is near, the negative farther than the smaller margin
    parts = anchor, anchor + 0.1 * nonzero(rng, shape), anchor + 3 + 0.3 * nonzero(rng, shape)
    return Sample(parts, options | {"swap": choice(rng, True, False)})


def triplet(a, b, c, margin, p, swap):
    far = np.minimum(distance(a, c, p), distance(b, c, p)) if swap else distance(a, c, p)
    return np.maximum(0, margin + distance(a, b, p) - far)


def huber(x, target, delta):
    d = np.abs(x - target)
    return np.where(d <= delta, d * d / 2, delta * (d - delta / 2))


def with_labels(rng):
    shape = a_shape(rng, 1, 3, empty=False)
    weight = choice(rng, None, within(0.5, 2.0)(rng, shape[-1:]))
    return Sample((normal(rng, shape), rng.integers(0, 2, shape), weight), {"reduction": choice(rng, *REDUCTIONS)})


def several_labels(x, target, weight, reduction):
    p = 1 / (1 + np.exp(-x))
    loss = -np.log(np.where(target == 1, p, 1 - p)) * (1 if weight is None else weight)
    return reduce(loss.mean(-1), reduction)


def refused(op, *args, says=None, **kwargs):
    x = np.full((2, 3), 0.5)
    own = (Refusal(Sample(args, kwargs), ValueError, says),) if says else ()
    return {"errors": (
        *own,
        Refusal(Sample((x, x[0])), ShapeError, rf"{op}: input has shape \(2, 3\), target \(3,\)"),
        Refusal(Sample((x, x), {"reduction": "avg"}), ValueError, f"{op}: reduction must be 'mean', 'sum' or 'none'"),
        Refusal(Sample((x[:0], x[:0])), ValueError, f'{op}: the mean of 0 items\n  hint: use reduction="sum"'),
    )}  # fmt: skip


ONE, LARGE = np.ones((2, 3)), np.array([[0.5, 1.5]])
SPECS = [
    OpSpec("mse_loss", mg.mse_loss, reduced(lambda x, t: (x - t) ** 2), pairs(normal, normal), **refused("mse_loss")),
    OpSpec("l1_loss", mg.l1_loss, reduced(lambda x, t: np.abs(x - t)), distances(1.0), homogeneous_in=(0, 1),
           **refused("l1_loss")),
    OpSpec("huber_loss", mg.huber_loss, reduced(lambda x, t: huber(x, t, 1.0)), distances(1.0),
           **refused("huber_loss", ONE, ONE, delta=0.0, says="delta must be above 0")),
    OpSpec("smooth_l1_loss", lambda x, t, **o: mg.smooth_l1_loss(x, t, beta=0.5, **o),
           reduced(lambda x, t: huber(x, t, 0.5) / 0.5), distances(0.5)),
    OpSpec("smooth_l1_loss as it is", mg.smooth_l1_loss, reduced(lambda x, t: huber(x, t, 1.0)), distances(1.0),
           ("smooth_l1_loss",),
           errors=(Refusal(Sample((ONE, ONE), {"beta": -1.0}), ValueError, "smooth_l1_loss: beta must be at least 0"),
                   Refusal(Sample((ONE, ONE[0])), ShapeError, "huber_loss: ")),
           ),
    OpSpec("binary_cross_entropy", mg.binary_cross_entropy, reduced(bernoulli), weighted(inside),
           **refused("binary_cross_entropy", LARGE, LARGE, says=r"input must be within \[0, 1\], got 1.5")),
    OpSpec("binary_cross_entropy_with_logits", mg.binary_cross_entropy_with_logits, of_logits, with_positive_weight,
           **refused("binary_cross_entropy_with_logits")),
    OpSpec("kl_div", mg.kl_div, divergence, diverging, **refused("kl_div")),
    OpSpec("gaussian_nll_loss", mg.gaussian_nll_loss, reduced(gaussian), with_variance, errors=(
        Refusal(Sample((ONE, ONE, -ONE)), ValueError, "var must be at least 0, got -1.0"),
        Refusal(Sample((ONE[None], ONE[None], ONE[0])), ShapeError,
                r"var has shape \(3,\), expected \(1, 2, 3\) or \(1, 2, 1\)"))),
    OpSpec("poisson_nll_loss", mg.poisson_nll_loss, reduced(poisson),
           pairs(within(0.5, 2.0), not_near_1, log_input=(True, False), full=(True, False)),
           **refused("poisson_nll_loss")),
    OpSpec("hinge_embedding_loss", mg.hinge_embedding_loss, reduced(hinge),
           pairs(within(1.1, 1.9), signs, margin=(1.0, 2.0)), **refused("hinge_embedding_loss")),
    OpSpec("margin_ranking_loss", mg.margin_ranking_loss,
           reduced(lambda x, y, t, margin=0.0: np.maximum(0, margin - t * (x - y))),
           pairs(within(1.1, 1.9), within(0.1, 0.9), signs, margin=(2.0, -2.0))),
    OpSpec("soft_margin_loss", mg.soft_margin_loss, reduced(lambda x, t: np.log(1 + np.exp(-t * x))), pairs(normal, signs),
           **refused("soft_margin_loss")),
    OpSpec("multilabel_soft_margin_loss", mg.multilabel_soft_margin_loss, several_labels, with_labels,
           **refused("multilabel_soft_margin_loss")),
    OpSpec("cosine_similarity", mg.cosine_similarity, cosine, similar),
    OpSpec("pairwise_distance", mg.pairwise_distance, distance, apart),
    OpSpec("cosine_embedding_loss", mg.cosine_embedding_loss,
           reduced(lambda x, y, t, margin: np.where(t == 1, 1 - cosine(x, y), np.maximum(0, cosine(x, y) - margin))),
           angles, errors=(Refusal(Sample((ONE, ONE, ONE)), ShapeError, r"target \(N,\) or \(\)"),
                           Refusal(Sample((ONE[:0], ONE[:0], ONE[:0, 0])), ValueError, "the mean of 0 items"))),
    OpSpec("triplet_margin_loss", mg.triplet_margin_loss, reduced(triplet), triplets, errors=(
        Refusal(Sample((ONE, ONE, ONE[0])), ShapeError, r"input has shape \(2, 3\), negative \(3,\)"),
        Refusal(Sample((ONE, ONE, ONE), {"margin": 0.0}), ValueError, "margin must be above 0, got 0.0"),
        Refusal(Sample((ONE[:, None][:, :0],) * 3), ValueError, "triplet_margin_loss: the mean of 0 items"))),
    OpSpec("triplet_margin_with_distance_loss",
           lambda a, b, c, p, **o: mg.triplet_margin_with_distance_loss(
               a, b, c, distance_function=lambda x, y: mg.pairwise_distance(x, y, p), **o),
           reduced(triplet), triplets, ("triplet_margin_with_distance_loss",)),
    OpSpec("triplet_margin_with_distance_loss as it is", mg.triplet_margin_with_distance_loss,
           lambda a, b, c: np.mean(triplet(a, b, c, 1.0, 2.0, False)),
           lambda rng: Sample(triplets(rng).args),
           ("triplet_margin_with_distance_loss",), errors=(
        Refusal(Sample((ONE, ONE, ONE[0])), ShapeError, r"input has shape \(2, 3\), negative \(3,\)"),
        Refusal(Sample((ONE, ONE, ONE), {"margin": 0.0}), ValueError,
                "triplet_margin_with_distance_loss: margin must be above 0, got 0.0"))),
]  # fmt: skip
