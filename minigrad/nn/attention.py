"""Multi-head attention: A. Vaswani et al. (2017), "Attention is all you need"."""

from __future__ import annotations

import contextlib
import enum
from typing import Any

from minigrad.arrays import DType
from minigrad.errors import ShapeError
from minigrad.nn import functional as F
from minigrad.nn import init
from minigrad.nn.layer_setup import count, parameter
from minigrad.nn.linear import Linear
from minigrad.nn.module import Module
from minigrad.nn.parameter import Parameter
from minigrad.tensors.tensor import Tensor

__all__ = ["MultiheadAttention"]


class MultiheadAttention(Module):
    """Multi-head attention: `num_heads` attentions in parallel, each over embed_dim / num_heads features.

    The inputs are queries (L, N, E) and keys and values (S, N, E), or (N, L, E) and (N, S, E) with `batch_first`; N may be
    left out. Returns (out, weights): out has the shape of the queries; weights (N, L, S) are the mean over the heads, those
    of each head (N, num_heads, L, S) with ``average_attn_weights=False``, or None with ``need_weights=False``, which is
    faster: one kernel computes the attention. A query that attends to no key then gets zeros, else NaN, as in PyTorch.

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
            self.register_parameter(name, None if shape is None else parameter(shape, 0.0, dtype))
        self.register_parameter("in_proj_bias", parameter((3 * embed_dim,), 0.0, dtype) if bias else None)
        for name in ("bias_k", "bias_v"):
            self.register_parameter(name, parameter((1, 1, embed_dim), 0.0, dtype) if add_bias_kv else None)
        self.out_proj = Linear(embed_dim, embed_dim, bias, dtype=dtype)
        self._reset_parameters()

    def _reset_parameters(self) -> None:  # PyTorch's name, with the underscore
        for name in ("q_proj_weight", "k_proj_weight", "v_proj_weight", "in_proj_weight", "bias_k", "bias_v"):
            p = getattr(self, name)
            if p is not None:
                (init.xavier_normal_ if name.startswith("bias") else init.xavier_uniform_)(p)
        for p in (self.in_proj_bias, self.out_proj.bias):
            if p is not None:
                init.zeros_(p)

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
        transposed = query.ndim == 3 and self.batch_first
        if transposed:
            query, key, value = (x.transpose(0, 1) for x in (query, key, value))
        out, weights = F.multi_head_attention_forward(
            query, key, value, self.embed_dim, self.num_heads, self.in_proj_weight, self.in_proj_bias, self.bias_k,
            self.bias_v, self.add_zero_attn, self.dropout, self.out_proj.weight, self.out_proj.bias, self.training,
            key_padding_mask, need_weights, attn_mask, self.in_proj_weight is None, self.q_proj_weight, self.k_proj_weight,
            self.v_proj_weight, average_attn_weights=average_attn_weights, is_causal=is_causal,
        )  # fmt: skip
        return out.transpose(0, 1) if transposed else out, weights


class SDPBackend(enum.Enum):
    """PyTorch's kernels of `scaled_dot_product_attention`; there is one here."""

    ERROR = -1
    MATH = 0
    FLASH_ATTENTION = 1
    EFFICIENT_ATTENTION = 2
    CUDNN_ATTENTION = 3
    OVERRIDEABLE = 4


def sdpa_kernel(
    backends: SDPBackend | list[SDPBackend], set_priority: bool = False
) -> contextlib.AbstractContextManager[None]:
    """Return a context that changes nothing: every kernel computes the same.

    >>> with sdpa_kernel(SDPBackend.FLASH_ATTENTION):
    ...     pass
    """
    return contextlib.nullcontext()
