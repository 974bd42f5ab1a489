"""Embedding layer: a vector for each index, such as the words of a vocabulary."""

from __future__ import annotations

from typing import Any, Self

from minigrad.arrays import DType
from minigrad.kernels.checks import check_choice
from minigrad.nn import functional as F
from minigrad.nn import init
from minigrad.nn.layer_setup import count, parameter
from minigrad.nn.module import Module
from minigrad.nn.parameter import Parameter
from minigrad.tensors.tensor import Tensor

__all__ = ["Embedding", "EmbeddingBag"]


class _Table(Module):
    """Base of both layers: the vectors, and the options of looking them up."""

    weight: Parameter

    def _set(self, num_embeddings: int, embedding_dim: int, weight: Any, dtype: DType, **options: Any) -> None:
        kind, padding_idx = type(self).__name__, options["padding_idx"]
        self.num_embeddings = count(kind, "num_embeddings", num_embeddings)
        self.embedding_dim = count(kind, "embedding_dim", embedding_dim)
        if options["scale_grad_by_freq"]:
            raise ValueError(f"{kind}: scale_grad_by_freq is not supported")
        if padding_idx is not None and not -num_embeddings <= padding_idx < num_embeddings:
            raise ValueError(f"{kind}: padding_idx must be within the {num_embeddings} indices, got {padding_idx}")
        options["padding_idx"] = None if padding_idx is None else padding_idx % num_embeddings
        self._options = tuple(options)
        for name, value in options.items():
            setattr(self, name, value)
        if weight is None:
            self.weight = parameter((num_embeddings, embedding_dim), 0.0, dtype)
            self.reset_parameters()
        else:
            self.weight = Parameter(weight)

    def reset_parameters(self) -> None:
        """Draw the initial vectors again; that of `padding_idx` is zero."""
        init.normal_(self.weight)
        if self.padding_idx is not None:
            self.weight.data[self.padding_idx] = 0

    @classmethod
    def from_pretrained(cls, embeddings: Any, freeze: bool = True, padding_idx: int | None = None, **options: Any) -> Self:
        """Return a layer with the given vectors (num_embeddings, embedding_dim); with `freeze` they are not trained."""
        rows, columns = embeddings.shape
        kind: Any = cls
        layer: Self = kind(rows, columns, padding_idx=padding_idx, _weight=embeddings, **options)
        layer.weight.requires_grad_(not freeze)
        return layer

    def extra_repr(self) -> str:
        defaults = {"padding_idx": None, "max_norm": None, "norm_type": 2.0, "mode": None}
        values = {name: getattr(self, name) for name in self._options if name in defaults}
        shown = [f", {name}={value!r}" for name, value in values.items() if value != defaults[name]]
        return f"{self.num_embeddings}, {self.embedding_dim}{''.join(shown)}"


class Embedding(_Table):
    """A table of `num_embeddings` vectors: maps integers (*) to vectors (*, embedding_dim).

    The vectors are drawn from the standard normal distribution, or are `_weight`. The vector of `padding_idx` is zero, and
    receives no gradient. With `max_norm`, vectors in use of a greater `norm_type`-norm are scaled down to it. The gradient
    is dense, whatever `sparse` says; `scale_grad_by_freq` is not supported.

    >>> import minigrad as mg
    >>> from minigrad import nn
    >>> nn.Embedding(10, 3)(mg.tensor([[1, 2], [2, 9]])).shape
    (2, 2, 3)
    """

    def __init__(
        self, num_embeddings: int, embedding_dim: int, padding_idx: int | None = None, max_norm: float | None = None,
        norm_type: float = 2.0, scale_grad_by_freq: bool = False, sparse: bool = False, _weight: Any = None,
        _freeze: bool = False, device: Any = None, dtype: DType = None,
    ):  # fmt: skip
        super().__init__()
        self._set(
            num_embeddings, embedding_dim, _weight, dtype, padding_idx=padding_idx, max_norm=max_norm, norm_type=norm_type,
            scale_grad_by_freq=scale_grad_by_freq,
        )  # fmt: skip
        self.weight.requires_grad_(not _freeze)

    def forward(self, x: Any) -> Tensor:
        return F.embedding(x, self.weight, **{name: getattr(self, name) for name in self._options})


class EmbeddingBag(_Table):
    """Sums, means or maxima of the vectors of an embedding in bags of integers; see `functional.embedding_bag`.

    Maps bags (B, L), or a vector of all of them and the offset of each (B,), to (B, embedding_dim). The vectors and options
    are those of `Embedding`; with `mode` "sum" the vectors can be weighed by `per_sample_weights`.
    """

    def __init__(
        self, num_embeddings: int, embedding_dim: int, max_norm: float | None = None, norm_type: float = 2.0,
        scale_grad_by_freq: bool = False, mode: str = "mean", sparse: bool = False, _weight: Any = None,
        include_last_offset: bool = False, padding_idx: int | None = None, device: Any = None, dtype: DType = None,
    ):  # fmt: skip
        super().__init__()
        check_choice("EmbeddingBag", "mode", mode, "sum", "mean", "max")
        self._set(
            num_embeddings, embedding_dim, _weight, dtype, max_norm=max_norm, norm_type=norm_type,
            scale_grad_by_freq=scale_grad_by_freq, mode=mode, include_last_offset=include_last_offset,
            padding_idx=padding_idx,
        )  # fmt: skip

    def forward(self, x: Any, offsets: Any = None, per_sample_weights: Any = None) -> Tensor:
        options = {name: getattr(self, name) for name in self._options}
        return F.embedding_bag(x, self.weight, offsets, per_sample_weights=per_sample_weights, **options)
