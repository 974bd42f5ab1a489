"""Loss layers; the function of each layer documents the computation.

`reduction` is "mean", "sum" or "none": how the losses of the elements or items are combined.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from minigrad.engine.averaging import averaging_before
from minigrad.nn import functional as F
from minigrad.nn.function_layer import FunctionLayer
from minigrad.tensors.tensor import Tensor

__all__ = [
    "BCELoss", "BCEWithLogitsLoss", "CTCLoss", "CosineEmbeddingLoss", "CosineSimilarity", "CrossEntropyLoss",
    "GaussianNLLLoss", "HingeEmbeddingLoss", "HuberLoss", "KLDivLoss", "L1Loss", "MSELoss", "MarginRankingLoss",
    "MultiLabelMarginLoss", "MultiLabelSoftMarginLoss", "MultiMarginLoss", "NLLLoss", "NLLLoss2d", "PairwiseDistance",
    "PoissonNLLLoss", "SmoothL1Loss", "SoftMarginLoss", "TripletMarginLoss", "TripletMarginWithDistanceLoss",
]  # fmt: skip


class _Loss(FunctionLayer):
    def __init__(self, size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean"):
        super().__init__()
        if size_average is not None or reduce is not None:  # the words for it before `reduction`
            reduction = "none" if reduce is False else "sum" if size_average is False else "mean"
        self.reduction = reduction

    _averages_before: ClassVar[str] = "reduction"  # the argument that follows size_average; "": PyTorch lacks both options

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if cls.__module__ == __name__ and cls.__name__[0] != "_" and cls._averages_before:
            cls.__init__ = averaging_before(cls._averages_before)(cls.__init__)  # type: ignore[method-assign]

    def _keep(self, **options: Any) -> None:
        reduction = options["reduction"]
        if reduction not in ("mean", "sum", "none") and (type(self), reduction) != (KLDivLoss, "batchmean"):
            raise ValueError(f'{type(self).__name__}: reduction must be "mean", "sum" or "none", got {reduction!r}')
        super()._keep(**options)

    def _call_function(self, *inputs: Any) -> Any:
        options = {name: getattr(self, name) for name in self._options}
        return type(self)._function(*inputs, **options)  # by name: size_average and reduce stand between them


class _WeightedLoss(_Loss):  # which losses written for PyTorch extend
    def __init__(
        self, weight: Tensor | None = None, size_average: bool | None = None, reduce: bool | None = None,
        reduction: str = "mean",
    ):  # fmt: skip
        super().__init__(size_average, reduce, reduction)
        self.register_buffer("weight", weight)


class _TargetLoss(_Loss):
    def forward(self, x: Tensor, target: Any) -> Tensor:
        return self._call_function(x, target)


class _LossWithoutOptions(_TargetLoss):
    def __init__(self, reduction: str = "mean"):
        super().__init__()
        self._keep(reduction=reduction)


class CrossEntropyLoss(_TargetLoss):
    """Cross-entropy of softmax(logits): input (N, C, ...), target integer classes (N, ...) or probabilities (N, C, ...).

    `weight` (C,) weighs the classes. Integer targets equal to `ignore_index` are left out. `label_smoothing` in [0, 1] mixes
    the target with the uniform distribution.

    >>> import minigrad as mg
    >>> from minigrad import nn
    >>> nn.CrossEntropyLoss()(mg.zeros(1, 10), mg.tensor([3]))
    tensor(2.3026)
    """

    _function = F.cross_entropy
    _averages_before = "ignore_index"

    def __init__(
        self, weight: Tensor | None = None, ignore_index: int = -100, reduction: str = "mean", label_smoothing: float = 0.0
    ):
        super().__init__()
        self._keep(weight=weight, ignore_index=ignore_index, reduction=reduction, label_smoothing=label_smoothing)


class NLLLoss(_TargetLoss):
    """Negative log-likelihood of integer classes (N, ...), given log-probabilities (N, C, ...).

    `weight` (C,) weighs the classes. Targets equal to `ignore_index` are left out.
    """

    _function = F.nll_loss
    _averages_before = "ignore_index"

    def __init__(self, weight: Tensor | None = None, ignore_index: int = -100, reduction: str = "mean"):
        super().__init__()
        self._keep(weight=weight, ignore_index=ignore_index, reduction=reduction)


class NLLLoss2d(NLLLoss):
    """`NLLLoss`, under the name that PyTorch has kept for images (N, C, H, W)."""

    _averages_before = ""  # its constructor has both


class CTCLoss(_Loss):
    """Negative log-likelihood of labels that are not aligned with the steps, given log-probabilities (T, N, C).

    Called on (log_probs, targets, input_lengths, target_lengths); see `functional.ctc_loss`. With `zero_infinity`, sequences
    too short for their labels do not count.
    """

    _averages_before = ""
    _function = F.ctc_loss

    def __init__(self, blank: int = 0, reduction: str = "mean", zero_infinity: bool = False):
        super().__init__()
        self._keep(blank=blank, reduction=reduction, zero_infinity=zero_infinity)

    def forward(self, x: Tensor, targets: Any, input_lengths: Any, target_lengths: Any) -> Tensor:
        return self._call_function(x, targets, input_lengths, target_lengths)


class MSELoss(_LossWithoutOptions):
    """Mean squared error."""

    _function = F.mse_loss


class L1Loss(_LossWithoutOptions):
    """Mean absolute error."""

    _function = F.l1_loss


class SmoothL1Loss(_TargetLoss):
    """d**2 / (2 * beta) for differences d below `beta`, abs(d) - beta / 2 for larger ones: Girshick (2015)."""

    _function = F.smooth_l1_loss

    def __init__(self, reduction: str = "mean", beta: float = 1.0):
        super().__init__()
        self._keep(reduction=reduction, beta=beta)


class HuberLoss(_TargetLoss):
    """Half the square of differences d below `delta`, delta * (abs(d) - delta / 2) for larger ones: Huber (1964)."""

    _function = F.huber_loss
    _averages_before = ""

    def __init__(self, reduction: str = "mean", delta: float = 1.0):
        super().__init__()
        self._keep(reduction=reduction, delta=delta)


class BCELoss(_TargetLoss):
    """Binary cross-entropy of probabilities with targets in [0, 1]; `weight` broadcasts to them."""

    _function = F.binary_cross_entropy

    def __init__(self, weight: Tensor | None = None, reduction: str = "mean"):
        super().__init__()
        self._keep(weight=weight, reduction=reduction)


class BCEWithLogitsLoss(_TargetLoss):
    """Binary cross-entropy of sigmoid(logits) with targets in [0, 1].

    `weight` broadcasts to the losses; `pos_weight` multiplies the terms of positive targets.
    """

    _function = F.binary_cross_entropy_with_logits

    def __init__(self, weight: Tensor | None = None, reduction: str = "mean", pos_weight: Tensor | None = None):
        super().__init__()
        self._keep(weight=weight, reduction=reduction, pos_weight=pos_weight)


class KLDivLoss(_TargetLoss):
    """Kullback-Leibler divergence of the target distribution from the input, which holds log-probabilities.

    With `log_target`, the target holds log-probabilities, too. `reduction` may also be "batchmean": the sum divided by N.
    """

    _function = F.kl_div

    def __init__(self, reduction: str = "mean", log_target: bool = False):
        super().__init__()
        self._keep(reduction=reduction, log_target=log_target)


class PoissonNLLLoss(_TargetLoss):
    """Negative log-likelihood of counts under Poisson distributions with the input as rate.

    With `log_input`, the input is the logarithm of the rate; otherwise `eps` is added to the rate before its logarithm is
    taken. With `full`, Stirling's approximation of log(target!) is included.
    """

    _function = F.poisson_nll_loss
    _averages_before = "eps"

    def __init__(self, log_input: bool = True, full: bool = False, eps: float = 1e-8, reduction: str = "mean"):
        super().__init__()
        self._keep(log_input=log_input, full=full, eps=eps, reduction=reduction)


class GaussianNLLLoss(_Loss):
    """Negative log-likelihood of the target under normal distributions with the input as mean and `var` as variance.

    Variances are at least `eps`. With `full`, the constant term is included.
    """

    _function = F.gaussian_nll_loss
    _averages_before = ""

    def __init__(self, *, full: bool = False, eps: float = 1e-6, reduction: str = "mean"):
        super().__init__()
        self._keep(full=full, eps=eps, reduction=reduction)

    def forward(self, x: Tensor, target: Any, var: Any) -> Tensor:
        return self._call_function(x, target, var)


class HingeEmbeddingLoss(_TargetLoss):
    """x where the target is 1, max(0, margin - x) where it is -1."""

    _function = F.hinge_embedding_loss

    def __init__(self, margin: float = 1.0, reduction: str = "mean"):
        super().__init__()
        self._keep(margin=margin, reduction=reduction)


class SoftMarginLoss(_LossWithoutOptions):
    """Logistic loss, log(1 + exp(-target * x)), for targets 1 and -1."""

    _function = F.soft_margin_loss


class MarginRankingLoss(_Loss):
    """max(0, margin - target * (x1 - x2)): x1 should be larger where the target is 1, smaller where it is -1."""

    _function = F.margin_ranking_loss

    def __init__(self, margin: float = 0.0, reduction: str = "mean"):
        super().__init__()
        self._keep(margin=margin, reduction=reduction)

    def forward(self, x1: Tensor, x2: Any, target: Any) -> Tensor:
        return self._call_function(x1, x2, target)


class CosineEmbeddingLoss(_Loss):
    """1 - cos(x1, x2) where the target is 1, max(0, cos(x1, x2) - margin) where it is -1."""

    _function = F.cosine_embedding_loss

    def __init__(self, margin: float = 0.0, reduction: str = "mean"):
        super().__init__()
        self._keep(margin=margin, reduction=reduction)

    def forward(self, x1: Tensor, x2: Any, target: Any) -> Tensor:
        return self._call_function(x1, x2, target)


class TripletMarginLoss(_Loss):
    """Triplet loss: max(0, margin + distance(anchor, positive) - distance(anchor, negative)), with the p-norm.

    With `swap`, the distance of positive and negative is used if it is less than that of anchor and negative. `eps` is added
    to the differences.
    """

    _function = F.triplet_margin_loss

    def __init__(self, margin: float = 1.0, p: float = 2.0, eps: float = 1e-6, swap: bool = False, reduction: str = "mean"):
        super().__init__()
        self._keep(margin=margin, p=p, eps=eps, swap=swap, reduction=reduction)

    def forward(self, anchor: Tensor, positive: Any, negative: Any) -> Tensor:
        return self._call_function(anchor, positive, negative)


class TripletMarginWithDistanceLoss(_Loss):
    """`TripletMarginLoss` with any function of two batches as distance, by default `PairwiseDistance`."""

    _averages_before = ""
    _function = F.triplet_margin_with_distance_loss

    def __init__(
        self,
        *,
        distance_function: Callable[[Tensor, Tensor], Tensor] | None = None,
        margin: float = 1.0,
        swap: bool = False,
        reduction: str = "mean",
    ):
        super().__init__()
        self._keep(margin=margin, swap=swap, reduction=reduction)
        self.distance_function = PairwiseDistance() if distance_function is None else distance_function

    def forward(self, anchor: Tensor, positive: Any, negative: Any) -> Tensor:
        return type(self)._function(
            anchor, positive, negative, distance_function=self.distance_function, margin=self.margin, swap=self.swap,
            reduction=self.reduction,
        )  # fmt: skip


class MultiMarginLoss(_TargetLoss):
    """Multi-class margin loss: the sum of max(0, margin - x[target] + x[c])**p / C over all other classes c.

    `p` is 1 or 2; `weight` (C,) weighs the classes.
    """

    _function = F.multi_margin_loss

    def __init__(self, p: int = 1, margin: float = 1.0, weight: Tensor | None = None, reduction: str = "mean"):
        super().__init__()
        if p not in (1, 2):
            raise ValueError(f"MultiMarginLoss: p must be 1 or 2, got {p}")
        self._keep(p=p, margin=margin, weight=weight, reduction=reduction)


class MultiLabelMarginLoss(_LossWithoutOptions):
    """Multi-label margin loss: the sum of max(0, 1 - x[t] + x[c]) / C over the classes t of an item and all others c."""

    _function = F.multilabel_margin_loss


class MultiLabelSoftMarginLoss(_TargetLoss):
    """Mean over classes of the binary cross-entropy of sigmoid(logits) with targets 0 and 1; `weight` (C,) weighs them."""

    _function = F.multilabel_soft_margin_loss

    def __init__(self, weight: Tensor | None = None, reduction: str = "mean"):
        super().__init__()
        self._keep(weight=weight, reduction=reduction)


class CosineSimilarity(FunctionLayer):
    """Cosine of the angle between vectors along the axis `dim`; norms are at least `eps`."""

    _function = F.cosine_similarity

    def __init__(self, dim: int = 1, eps: float = 1e-8):
        super().__init__()
        self._keep(dim=dim, eps=eps)

    def forward(self, x1: Tensor, x2: Any) -> Tensor:
        return self._call_function(x1, x2)


class PairwiseDistance(FunctionLayer):
    """p-norm of the difference of vectors along the last axis; `eps` is added to the differences."""

    _function = F.pairwise_distance

    def __init__(self, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False):
        super().__init__()
        self._keep(norm=p, eps=eps, keepdim=keepdim)

    def forward(self, x1: Tensor, x2: Any) -> Tensor:
        return self._call_function(x1, x2)
