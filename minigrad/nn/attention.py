"""Attention: A. Vaswani et al. (2017), "Attention is all you need"."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad.errors import ShapeError
from minigrad.nn import functional as F
from minigrad.nn import init
from minigrad.nn.arguments import count, parameter
from minigrad.nn.linear import Linear
from minigrad.nn.module import Module
from minigrad.nn.parameter import Parameter
from minigrad.ops import where
from minigrad.primitive import DType
from minigrad.tensor import Tensor

__all__ = ["MultiheadAttention"]


class MultiheadAttention(Module):
    """`num_heads` attentions side by side, each over its share of `embed_dim` features.

    Queries (L, N, E) and keys and values (S, N, E), or (N, L, E) and (N, S, E) with `batch_first`, or without N, give (out,
    weights): out like the queries, weights (N, L, S), the mean over the heads unless told otherwise. As in PyTorch, and the
    other way round than in `scaled_dot_product_attention`, a boolean mask says which keys may not be seen: `attn_mask`
    (L, S) or (N*num_heads, L, S), `key_padding_mask` (N, S); a float one is added.

    >>> import minigrad as mg
    >>> from minigrad import nn
    >>> x = mg.rand(5, 2, 8)
    >>> out, weights = nn.MultiheadAttention(8, num_heads=2)(x, x, x)
    >>> out.shape, weights.shape
    ((5, 2, 8), (2, 5, 5))
    """

    in_proj_bias: Parameter | None

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        batch_first: bool = False,
        dtype: DType = None,
    ):
        super().__init__()
        self.embed_dim = count("MultiheadAttention", "embed_dim", embed_dim)
        self.num_heads = count("MultiheadAttention", "num_heads", num_heads)
        if embed_dim % num_heads:
            raise ShapeError(f"MultiheadAttention: embed_dim={embed_dim} does not divide into num_heads={num_heads}")
        self.dropout, self.batch_first = dropout, batch_first
        self.in_proj_weight = parameter((3 * embed_dim, embed_dim), 0.0, dtype)
        init.xavier_uniform_(self.in_proj_weight)
        self.register_parameter("in_proj_bias", parameter((3 * embed_dim,), 0.0, dtype) if bias else None)
        self.out_proj = Linear(embed_dim, embed_dim, bias, dtype)
        if self.out_proj.bias is not None:
            init.zeros_(self.out_proj.bias)

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Any = None,
        need_weights: bool = True,
        attn_mask: Any = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        batched, turned = query.ndim == 3, query.ndim == 3 and self.batch_first
        given = [x.transpose(0, 1) if turned else x if batched else x.unsqueeze(1) for x in (query, key, value)]
        q, k, v = (self._heads(i, x) for i, x in enumerate(given))
        N, heads, L, width = q.shape
        if is_causal and attn_mask is None:
            attn_mask = np.triu(np.ones((L, k.shape[2]), bool), 1)
        scores = q @ k.transpose(-2, -1) * (1 / math.sqrt(width))
        if attn_mask is not None:
            scores = _masked(scores, attn_mask, (1, 1) if np.ndim(attn_mask) == 2 else (N, heads))
        if key_padding_mask is not None:
            scores = _masked(scores, key_padding_mask, (N, 1, 1))
        weights = F.dropout(F.softmax(scores, -1), self.dropout, self.training)
        out = self.out_proj((weights @ v).permute(2, 0, 1, 3).reshape(L, N, self.embed_dim))
        if not need_weights:
            weights = None
        elif average_attn_weights:
            weights = weights.mean(dim=1)
        if not batched:
            return out.squeeze(1), None if weights is None else weights.squeeze(0)
        return out.transpose(0, 1) if turned else out, weights

    def _heads(self, place: int, x: Tensor) -> Tensor:
        """The queries, keys or values (`place` 0, 1 or 2) of all heads: (T, N, E) to (N, heads, T, E / heads)."""
        rows = slice(place * self.embed_dim, (place + 1) * self.embed_dim)
        bias = None if self.in_proj_bias is None else self.in_proj_bias[rows]
        T, N, _ = x.shape
        projected = F.linear(x, self.in_proj_weight[rows], bias)
        return projected.reshape(T, N, self.num_heads, -1).permute(1, 2, 0, 3)


def _masked(scores: Tensor, mask: Any, lead: tuple[int, ...]) -> Tensor:
    """Scores without the keys that a boolean mask hides, or plus a float one; `lead` are the mask's first axes."""
    array = mask._array if isinstance(mask, Tensor) else np.asarray(mask)
    array = array.reshape(*lead, *array.shape[-2:] if len(lead) == 2 else array.shape[-1:])
    return where(array, -np.inf, scores) if array.dtype.kind == "b" else scores + array.astype(scores.dtype)
