"""Multi-head attention: A. Vaswani et al. (2017), "Attention is all you need"."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad.arrays import DType
from minigrad.errors import ShapeError
from minigrad.nn import functional as F
from minigrad.nn import init
from minigrad.nn.layer_setup import count, parameter
from minigrad.nn.linear import Linear
from minigrad.nn.module import Module
from minigrad.nn.parameter import Parameter
from minigrad.ops import broadcast_to, concatenate, where
from minigrad.tensors.tensor import Tensor

__all__ = ["MultiheadAttention"]


class MultiheadAttention(Module):
    """Multi-head attention: `num_heads` attentions in parallel, each over embed_dim / num_heads features.

    The inputs are queries (L, N, E) and keys and values (S, N, E), or (N, L, E) and (N, S, E) with `batch_first`; N may be
    left out. Returns (out, weights): out has the shape of the queries; weights (N, L, S) are the mean over the heads, those
    of each head (N, num_heads, L, S) with ``average_attn_weights=False``, or None with ``need_weights=False``.

    As in PyTorch, and opposite to `scaled_dot_product_attention`, a boolean mask is True for keys that are not attended to:
    `attn_mask` (L, S) or (N*num_heads, L, S), `key_padding_mask` (N, S). A float mask is added to the scores. With
    `is_causal` and no `attn_mask`, no query attends to a later key. `kdim` and `vdim` are the numbers of features of keys
    and values, by default `embed_dim`; `add_bias_kv` appends a learned key and value, `add_zero_attn` a key and value of
    zeros. `dropout` is applied to the weights in training.

    >>> import minigrad as mg
    >>> from minigrad import nn
    >>> x = mg.rand(5, 2, 8)
    >>> out, weights = nn.MultiheadAttention(8, num_heads=2)(x, x, x)
    >>> out.shape, weights.shape
    ((5, 2, 8), (2, 5, 5))
    """

    in_proj_weight: Parameter | None  # the three below in one, if their widths are equal
    q_proj_weight: Parameter | None
    k_proj_weight: Parameter | None
    v_proj_weight: Parameter | None
    in_proj_bias: Parameter | None
    bias_k: Parameter | None
    bias_v: Parameter | None

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        add_bias_kv: bool = False,
        add_zero_attn: bool = False,
        kdim: int | None = None,
        vdim: int | None = None,
        batch_first: bool = False,
        device: Any = None,
        dtype: DType = None,
    ):
        super().__init__()
        self.embed_dim = count("MultiheadAttention", "embed_dim", embed_dim)
        self.num_heads = count("MultiheadAttention", "num_heads", num_heads)
        if embed_dim % num_heads:
            raise ShapeError(f"MultiheadAttention: embed_dim={embed_dim} does not divide into num_heads={num_heads}")
        self.kdim = embed_dim if kdim is None else count("MultiheadAttention", "kdim", kdim)
        self.vdim = embed_dim if vdim is None else count("MultiheadAttention", "vdim", vdim)
        self.dropout, self.add_zero_attn, self.batch_first = dropout, add_zero_attn, batch_first
        combined = self.kdim == self.vdim == embed_dim
        widths = {"q": embed_dim, "k": self.kdim, "v": self.vdim}
        shapes = {f"{name}_proj_weight": None if combined else (embed_dim, width) for name, width in widths.items()}
        shapes["in_proj_weight"] = (3 * embed_dim, embed_dim) if combined else None
        for name, shape in shapes.items():
            self.register_parameter(name, _initialized(init.xavier_uniform_, shape, dtype))
        self.register_parameter("in_proj_bias", parameter((3 * embed_dim,), 0.0, dtype) if bias else None)
        for name in ("bias_k", "bias_v"):
            bias_shape = (1, 1, embed_dim) if add_bias_kv else None
            self.register_parameter(name, _initialized(init.xavier_normal_, bias_shape, dtype))
        self.out_proj = Linear(embed_dim, embed_dim, bias, dtype=dtype)
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
        batched, transposed = query.ndim == 3, query.ndim == 3 and self.batch_first
        inputs = [x.transpose(0, 1) if transposed else x if batched else x.unsqueeze(1) for x in (query, key, value)]
        q, k, v = (self._heads(self._projected(i, x)) for i, x in enumerate(inputs))
        N, heads, L, width = q.shape
        if is_causal and attn_mask is None:
            attn_mask = np.triu(np.ones((L, inputs[1].shape[0]), bool), 1)
        scores = q @ k.transpose(-2, -1) * (1 / math.sqrt(width))
        if attn_mask is not None:
            scores = _masked(scores, attn_mask, (1, 1) if np.ndim(attn_mask) == 2 else (N, heads))
        if key_padding_mask is not None:
            scores = _masked(scores, key_padding_mask, (N, 1, 1))
        weights: Any = F.dropout(F.softmax(scores, -1), self.dropout, self.training)
        out = self.out_proj((weights @ v).permute(2, 0, 1, 3).reshape(L, N, self.embed_dim))
        if not need_weights:
            weights = None
        elif average_attn_weights:
            weights = weights.mean(dim=1)
        if not batched:
            return out.squeeze(1), None if weights is None else weights.squeeze(0)
        return out.transpose(0, 1) if transposed else out, weights

    def _projected(self, index: int, x: Tensor) -> Tensor:
        """Project queries, keys or values (`index` 0, 1 or 2), (T, N, features) to (T, N, E), and append keys and values."""
        rows = slice(index * self.embed_dim, (index + 1) * self.embed_dim)
        separate = (self.q_proj_weight, self.k_proj_weight, self.v_proj_weight)[index]
        weight = self.in_proj_weight[rows] if separate is None else separate  # type: ignore[index]
        projected = F.linear(x, weight, None if self.in_proj_bias is None else self.in_proj_bias[rows])
        if index == 0:
            return projected
        shape, learned = (1, *projected.shape[1:]), (self.bias_k, self.bias_v)[index - 1]
        added: list[Any] = [] if learned is None else [broadcast_to(learned, shape)]
        added += [np.zeros(shape, projected.dtype)] * self.add_zero_attn
        return concatenate([projected, *added]) if added else projected

    def _heads(self, x: Tensor) -> Tensor:
        """Split the features among the heads: (T, N, E) to (N, heads, T, E / heads)."""
        T, N, _ = x.shape
        return x.reshape(T, N, self.num_heads, -1).permute(1, 2, 0, 3)


def _initialized(initialize: Callable[..., Any], shape: tuple[int, ...] | None, dtype: DType) -> Parameter | None:
    return None if shape is None else initialize(parameter(shape, 0.0, dtype))


def _masked(scores: Tensor, mask: Any, lead: tuple[int, ...]) -> Tensor:
    """Return the scores, -inf where a boolean mask is True, or plus a float mask; `lead` is the shape of its first axes.

    Keys that the layer has appended, beyond those of the mask, are not masked.
    """
    mask = mask if isinstance(mask, Tensor) else Tensor.from_array(np.asarray(mask))
    mask = mask.reshape(*lead, *mask.shape[-2:] if len(lead) == 2 else mask.shape[-1:])
    added = scores.shape[-1] - mask.shape[-1]
    mask = F.pad(mask, (0, added)) if added else mask
    return where(mask, -np.inf, scores) if mask.dtype.kind == "b" else scores + mask.astype(scores.dtype)
