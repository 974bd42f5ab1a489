"""Losses as modules; what each computes stands with its function. `reduction` is "mean", "sum" or "none"."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from minigrad.nn import functional as F
from minigrad.nn.module import Module
from minigrad.tensors.tensor import Tensor

__all__ = [
    "BCELoss", "BCEWithLogitsLoss", "CosineEmbeddingLoss", "CosineSimilarity", "CrossEntropyLoss", "GaussianNLLLoss",
    "HingeEmbeddingLoss", "HuberLoss", "KLDivLoss", "L1Loss", "MSELoss", "MarginRankingLoss", "MultiLabelMarginLoss",
    "MultiLabelSoftMarginLoss", "MultiMarginLoss", "NLLLoss", "PairwiseDistance", "PoissonNLLLoss", "SmoothL1Loss",
    "SoftMarginLoss", "TripletMarginLoss",
]  # fmt: skip


class _Loss(Module):
    _function: ClassVar[Callable[..., Any]]

    def __init__(self, reduction: str = "mean"):
        super().__init__()
        if reduction not in ("mean", "sum", "none") and (type(self), reduction) != (KLDivLoss, "batchmean"):
            raise ValueError(f'{type(self).__name__}: reduction must be "mean", "sum" or "none", got {reduction!r}')
        self.reduction = reduction


class CrossEntropyLoss(_Loss):
    """Cross-entropy of softmax(logits) with integer classes or class probabilities.

    >>> import minigrad as mg
    >>> from minigrad import nn
    >>> nn.CrossEntropyLoss()(mg.zeros(1, 10), mg.tensor([3]))
    tensor(2.3026)
    """

    _function = F.cross_entropy

    def __init__(
        self, weight: Tensor | None = None, ignore_index: int = -100, reduction: str = "mean", label_smoothing: float = 0.0
    ):
        super().__init__(reduction)
        self.register_buffer("weight", weight)
        self.ignore_index, self.label_smoothing = ignore_index, label_smoothing

    def forward(self, x: Tensor, target: Any) -> Tensor:
        return type(self)._function(x, target, self.weight, self.ignore_index, self.reduction, self.label_smoothing)


class NLLLoss(_Loss):
    """Minus the log-probability of integer classes, of which the input holds the logarithms."""

    _function = F.nll_loss

    def __init__(self, weight: Tensor | None = None, ignore_index: int = -100, reduction: str = "mean"):
        super().__init__(reduction)
        self.register_buffer("weight", weight)
        self.ignore_index = ignore_index

    def forward(self, x: Tensor, target: Any) -> Tensor:
        return type(self)._function(x, target, self.weight, self.ignore_index, self.reduction)


class MSELoss(_Loss):
    """The mean squared difference."""

    _function = F.mse_loss

    def forward(self, x: Tensor, target: Any) -> Tensor:
        return type(self)._function(x, target, self.reduction)


class L1Loss(_Loss):
    """The mean absolute difference."""

    _function = F.l1_loss

    def forward(self, x: Tensor, target: Any) -> Tensor:
        return type(self)._function(x, target, self.reduction)


class SmoothL1Loss(_Loss):
    """Half the squared difference over `beta` within `beta`, the absolute difference beyond."""

    _function = F.smooth_l1_loss

    def __init__(self, reduction: str = "mean", beta: float = 1.0):
        super().__init__(reduction)
        self.beta = beta

    def forward(self, x: Tensor, target: Any) -> Tensor:
        return type(self)._function(x, target, self.reduction, self.beta)


class HuberLoss(_Loss):
    """Half the squared difference within `delta`, `delta` times the absolute difference beyond: Huber (1964)."""

    _function = F.huber_loss

    def __init__(self, reduction: str = "mean", delta: float = 1.0):
        super().__init__(reduction)
        self.delta = delta

    def forward(self, x: Tensor, target: Any) -> Tensor:
        return type(self)._function(x, target, self.reduction, self.delta)


class BCELoss(_Loss):
    """Cross-entropy of probabilities with targets in [0, 1]."""

    _function = F.binary_cross_entropy

    def __init__(self, weight: Tensor | None = None, reduction: str = "mean"):
        super().__init__(reduction)
        self.register_buffer("weight", weight)

    def forward(self, x: Tensor, target: Any) -> Tensor:
        return type(self)._function(x, target, self.weight, self.reduction)


class BCEWithLogitsLoss(_Loss):
    """Cross-entropy of sigmoid(logits) with targets in [0, 1]; `pos_weight` weighs what is 1."""

    _function = F.binary_cross_entropy_with_logits

    def __init__(self, weight: Tensor | None = None, reduction: str = "mean", pos_weight: Tensor | None = None):
        super().__init__(reduction)
        self.register_buffer("weight", weight)
        self.register_buffer("pos_weight", pos_weight)

    def forward(self, x: Tensor, target: Any) -> Tensor:
        return type(self)._function(x, target, self.weight, self.reduction, self.pos_weight)


class KLDivLoss(_Loss):
    """Divergence of a target distribution from the one whose logarithm the input holds; also reduction "batchmean"."""

    _function = F.kl_div

    def __init__(self, reduction: str = "mean", log_target: bool = False):
        super().__init__(reduction)
        self.log_target = log_target

    def forward(self, x: Tensor, target: Any) -> Tensor:
        return type(self)._function(x, target, self.reduction, self.log_target)


class PoissonNLLLoss(_Loss):
    """Minus the log-probability of counts under Poisson distributions, whose rates, or their logarithms, the input holds."""

    _function = F.poisson_nll_loss

    def __init__(self, log_input: bool = True, full: bool = False, eps: float = 1e-8, reduction: str = "mean"):
        super().__init__(reduction)
        self.log_input, self.full, self.eps = log_input, full, eps

    def forward(self, x: Tensor, target: Any) -> Tensor:
        return type(self)._function(x, target, self.log_input, self.full, self.eps, self.reduction)


class GaussianNLLLoss(_Loss):
    """Minus the log-density of the target under normal distributions with the input as mean."""

    _function = F.gaussian_nll_loss

    def __init__(self, *, full: bool = False, eps: float = 1e-6, reduction: str = "mean"):
        super().__init__(reduction)
        self.full, self.eps = full, eps

    def forward(self, x: Tensor, target: Any, var: Any) -> Tensor:
        return type(self)._function(x, target, var, self.full, self.eps, self.reduction)


class HingeEmbeddingLoss(_Loss):
    """x where the target is 1, max(0, margin - x) where it is -1."""

    _function = F.hinge_embedding_loss

    def __init__(self, margin: float = 1.0, reduction: str = "mean"):
        super().__init__(reduction)
        self.margin = margin

    def forward(self, x: Tensor, target: Any) -> Tensor:
        return type(self)._function(x, target, self.margin, self.reduction)


class SoftMarginLoss(_Loss):
    """log(1 + exp(-target * x)) for targets 1 and -1."""

    _function = F.soft_margin_loss

    def forward(self, x: Tensor, target: Any) -> Tensor:
        return type(self)._function(x, target, self.reduction)


class MarginRankingLoss(_Loss):
    """max(0, margin - target * (x1 - x2)): the first is to be larger where the target is 1, smaller where it is -1."""

    _function = F.margin_ranking_loss

    def __init__(self, margin: float = 0.0, reduction: str = "mean"):
        super().__init__(reduction)
        self.margin = margin

    def forward(self, x1: Tensor, x2: Any, target: Any) -> Tensor:
        return type(self)._function(x1, x2, target, self.margin, self.reduction)


class CosineEmbeddingLoss(_Loss):
    """1 - cos(x1, x2) where the target is 1, max(0, cos(x1, x2) - margin) where it is -1."""

    _function = F.cosine_embedding_loss

    def __init__(self, margin: float = 0.0, reduction: str = "mean"):
        super().__init__(reduction)
        self.margin = margin

    def forward(self, x1: Tensor, x2: Any, target: Any) -> Tensor:
        return type(self)._function(x1, x2, target, self.margin, self.reduction)


class TripletMarginLoss(_Loss):
    """max(0, margin + distance to the positive - distance to the negative); `swap` takes the nearer of two negatives."""

    _function = F.triplet_margin_loss

    def __init__(self, margin: float = 1.0, p: float = 2.0, eps: float = 1e-6, swap: bool = False, reduction: str = "mean"):
        super().__init__(reduction)
        self.margin, self.p, self.eps, self.swap = margin, p, eps, swap

    def forward(self, anchor: Tensor, positive: Any, negative: Any) -> Tensor:
        return type(self)._function(anchor, positive, negative, self.margin, self.p, self.eps, self.swap, self.reduction)


class MultiMarginLoss(_Loss):
    """How far each other class comes within `margin` of the target's score, to the power of `p`, 1 or 2."""

    _function = F.multi_margin_loss

    def __init__(self, p: int = 1, margin: float = 1.0, weight: Tensor | None = None, reduction: str = "mean"):
        super().__init__(reduction)
        if p not in (1, 2):
            raise ValueError(f"MultiMarginLoss: p must be 1 or 2, got {p}")
        self.register_buffer("weight", weight)
        self.p, self.margin = p, margin

    def forward(self, x: Tensor, target: Any) -> Tensor:
        return type(self)._function(x, target, self.p, self.margin, self.weight, self.reduction)


class MultiLabelMarginLoss(_Loss):
    """How far any other class comes within 1 of the scores of those that an item has."""

    _function = F.multilabel_margin_loss

    def forward(self, x: Tensor, target: Any) -> Tensor:
        return type(self)._function(x, target, self.reduction)


class MultiLabelSoftMarginLoss(_Loss):
    """The mean over classes of the cross-entropy of sigmoid(logits) with whether an item has them."""

    _function = F.multilabel_soft_margin_loss

    def __init__(self, weight: Tensor | None = None, reduction: str = "mean"):
        super().__init__(reduction)
        self.register_buffer("weight", weight)

    def forward(self, x: Tensor, target: Any) -> Tensor:
        return type(self)._function(x, target, self.weight, self.reduction)


class CosineSimilarity(Module):
    """The cosine of the angle between vectors along the axis `dim`."""

    _function = F.cosine_similarity

    def __init__(self, dim: int = 1, eps: float = 1e-8):
        super().__init__()
        self.dim, self.eps = dim, eps

    def forward(self, x1: Tensor, x2: Any) -> Tensor:
        return type(self)._function(x1, x2, self.dim, self.eps)


class PairwiseDistance(Module):
    """The p-norm of the difference of vectors along the last axis."""

    _function = F.pairwise_distance

    def __init__(self, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False):
        super().__init__()
        self.norm, self.eps, self.keepdim = p, eps, keepdim

    def forward(self, x1: Tensor, x2: Any) -> Tensor:
        return type(self)._function(x1, x2, self.norm, self.eps, self.keepdim)
