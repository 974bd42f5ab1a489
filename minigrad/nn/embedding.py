"""Embedding layer: a vector for each index, such as the words of a vocabulary."""

from __future__ import annotations

from typing import Any

from minigrad.arrays import DType, array_of
from minigrad.nn import functional as F
from minigrad.nn import init
from minigrad.nn.layer_setup import count, parameter
from minigrad.nn.module import Module
from minigrad.nn.parameter import Parameter
from minigrad.tensors.tensor import Tensor

__all__ = ["Embedding"]


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
