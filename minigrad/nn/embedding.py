"""Embedding layer: a vector for each index, such as the words of a vocabulary."""

from __future__ import annotations

from typing import Any

from minigrad.arrays import DType, array_of
from minigrad.kernels.checks import check_choice
from minigrad.nn import functional as F
from minigrad.nn import init
from minigrad.nn.layer_setup import count, parameter
from minigrad.nn.module import Module
from minigrad.nn.parameter import Parameter
from minigrad.tensors.tensor import Tensor

__all__ = ["Embedding", "EmbeddingBag"]


class Embedding(Module):
    """A table of `num_embeddings` vectors: maps integers (*) to vectors (*, embedding_dim).

    The vectors are drawn from the standard normal distribution. The vector of `padding_idx` is zero, and receives no
    gradient.

    >>> import minigrad as mg
    >>> from minigrad import nn
    >>> nn.Embedding(10, 3)(mg.tensor([[1, 2], [2, 9]])).shape
    (2, 2, 3)
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        device: Any = None,
        dtype: DType = None,
    ):
        super().__init__()
        self.num_embeddings = count("Embedding", "num_embeddings", num_embeddings)
        self.embedding_dim = count("Embedding", "embedding_dim", embedding_dim)
        if padding_idx is not None and not -num_embeddings <= padding_idx < num_embeddings:
            raise ValueError(f"Embedding: padding_idx must be within the {num_embeddings} indices, got {padding_idx}")
        self.padding_idx = None if padding_idx is None else padding_idx % num_embeddings
        self.weight: Parameter = parameter((num_embeddings, embedding_dim), 0.0, dtype)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the initial vectors again; that of `padding_idx` is zero."""
        init.normal_(self.weight)
        if self.padding_idx is not None:
            self.weight.data[self.padding_idx] = 0

    @classmethod
    def from_pretrained(cls, embeddings: Any, freeze: bool = True, padding_idx: int | None = None) -> Embedding:
        """Return a layer with the given vectors (num_embeddings, embedding_dim); with `freeze` they are not trained."""
        array = array_of(embeddings)
        num_embeddings, embedding_dim = array.shape
        layer = cls(num_embeddings, embedding_dim, padding_idx)
        layer.weight = Parameter(array, requires_grad=not freeze)
        return layer

    def forward(self, x: Any) -> Tensor:
        return F.embedding(x, self.weight, self.padding_idx)

    def extra_repr(self) -> str:
        padding = "" if self.padding_idx is None else f", padding_idx={self.padding_idx}"
        return f"{self.num_embeddings}, {self.embedding_dim}{padding}"


class EmbeddingBag(Module):
    """Sums, means or maxima of the vectors of an embedding in bags of integers; see `functional.embedding_bag`.

    Maps bags (B, L), or a vector of all of them and the offset of each (B,), to (B, embedding_dim). The vectors are those of
    `Embedding`; with `mode` "sum" they can be weighed by `per_sample_weights`. `max_norm` and `scale_grad_by_freq` are not
    supported; gradients are dense, whatever `sparse` says.
    """

    def __init__(
        self, num_embeddings: int, embedding_dim: int, max_norm: float | None = None, norm_type: float = 2.0,
        scale_grad_by_freq: bool = False, mode: str = "mean", sparse: bool = False, _weight: Any = None,
        include_last_offset: bool = False, padding_idx: int | None = None, device: Any = None, dtype: DType = None,
    ):  # fmt: skip
        super().__init__()
        self.num_embeddings = count("EmbeddingBag", "num_embeddings", num_embeddings)
        self.embedding_dim = count("EmbeddingBag", "embedding_dim", embedding_dim)
        if max_norm is not None or scale_grad_by_freq:
            raise ValueError("EmbeddingBag: max_norm and scale_grad_by_freq are not supported")
        check_choice("EmbeddingBag", "mode", mode, "sum", "mean", "max")
        self.mode, self.include_last_offset = mode, include_last_offset
        self.padding_idx = None if padding_idx is None else padding_idx % num_embeddings
        table = Embedding(num_embeddings, embedding_dim, padding_idx, dtype=dtype).weight
        self.weight: Parameter = table if _weight is None else Parameter(_weight)

    @classmethod
    def from_pretrained(cls, embeddings: Any, freeze: bool = True, **options: Any) -> EmbeddingBag:
        """Return a layer with the given vectors (num_embeddings, embedding_dim); with `freeze` they are not trained."""
        num_embeddings, embedding_dim = embeddings.shape
        layer = cls(num_embeddings, embedding_dim, _weight=array_of(embeddings), **options)
        layer.weight.requires_grad_(not freeze)
        return layer

    reset_parameters = Embedding.reset_parameters

    def forward(self, x: Any, offsets: Any = None, per_sample_weights: Any = None) -> Tensor:
        return F.embedding_bag(
            x, self.weight, offsets, mode=self.mode, per_sample_weights=per_sample_weights,
            include_last_offset=self.include_last_offset, padding_idx=self.padding_idx,
        )  # fmt: skip

    def extra_repr(self) -> str:
        padding = "" if self.padding_idx is None else f", padding_idx={self.padding_idx}"
        return f"{self.num_embeddings}, {self.embedding_dim}, mode={self.mode!r}{padding}"
