"""Transformers: A. Vaswani et al. (2017), optionally with the normalization first; PyTorch's names and options."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad.arrays import DType
from minigrad.errors import ShapeError
from minigrad.nn import functional as F
from minigrad.nn import init
from minigrad.nn.attention import MultiheadAttention
from minigrad.nn.containers import ModuleList
from minigrad.nn.dropout import Dropout
from minigrad.nn.linear import Linear
from minigrad.nn.module import Module
from minigrad.nn.normalization import LayerNorm
from minigrad.tensors.creation import full
from minigrad.tensors.tensor import Tensor

__all__ = [
    "Transformer", "TransformerDecoder", "TransformerDecoderLayer", "TransformerEncoder", "TransformerEncoderLayer",
]  # fmt: skip

ACTIVATIONS: dict[str, Callable[..., Any]] = {"relu": F.relu, "gelu": F.gelu}


class _Layer(Module):
    """Base of encoder and decoder layers: residual blocks, each with a normalization after it, or before it.

    `activation` is "relu", "gelu" or a function; `norm_first` puts each normalization before its block.
    """

    _attentions: tuple[str, ...]
    self_attn: MultiheadAttention

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: str | Callable[..., Any] = F.relu,
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        device: Any = None,
        dtype: DType = None,
    ):
        super().__init__()
        if isinstance(activation, str) and activation not in ACTIVATIONS:
            raise ValueError(f'{type(self).__name__}: activation must be "relu", "gelu" or a function, got {activation!r}')
        for name in self._attentions:
            attention = MultiheadAttention(d_model, nhead, dropout, bias, batch_first=batch_first, dtype=dtype)
            self.add_module(name, attention)
        self.linear1 = Linear(d_model, dim_feedforward, bias, dtype=dtype)
        self.dropout = Dropout(dropout)
        self.linear2 = Linear(dim_feedforward, d_model, bias, dtype=dtype)
        self.norm_first = norm_first
        blocks = range(1, len(self._attentions) + 2)
        for i in blocks:
            self.add_module(f"norm{i}", LayerNorm(d_model, layer_norm_eps, bias=bias, dtype=dtype))
        for i in blocks:
            self.add_module(f"dropout{i}", Dropout(dropout))
        self.activation = ACTIVATIONS[activation] if isinstance(activation, str) else activation

    def _residual(self, x: Tensor, i: int, block: Callable[[Tensor], Tensor]) -> Tensor:
        """Return x + block(x), with normalization and dropout number `i`."""
        norm, dropout = getattr(self, f"norm{i}"), getattr(self, f"dropout{i}")
        return x + dropout(block(norm(x))) if self.norm_first else norm(x + dropout(block(x)))

    def _feed_forward(self, x: Tensor) -> Tensor:
        return self.linear2(self.dropout(self.activation(self.linear1(x))))


class TransformerEncoderLayer(_Layer):
    """Encoder layer: self-attention, then two linear layers at each position.

    Input and output have shape (S, N, d_model), or the other shapes of `MultiheadAttention`, which also describes masks and
    `is_causal`. `activation` is "relu", "gelu" or a function, between the linear layers of width `dim_feedforward`;
    `norm_first` puts each normalization before its block instead of after.

    >>> import minigrad as mg
    >>> from minigrad import nn
    >>> nn.TransformerEncoderLayer(8, nhead=2, dim_feedforward=16)(mg.rand(5, 3, 8)).shape
    (5, 3, 8)
    """

    _attentions = ("self_attn",)

    def forward(
        self, src: Tensor, src_mask: Any = None, src_key_padding_mask: Any = None, is_causal: bool = False
    ) -> Tensor:
        x = self._residual(src, 1, lambda x: _attend(self.self_attn, x, x, src_mask, src_key_padding_mask, is_causal))
        return self._residual(x, 2, self._feed_forward)


class TransformerDecoderLayer(_Layer):
    """Decoder layer: self-attention, attention to the encoder's output `memory`, then two linear layers at each position.

    Shapes, masks and options are those of `TransformerEncoderLayer`.
    """

    _attentions = ("self_attn", "multihead_attn")
    multihead_attn: MultiheadAttention

    def forward(
        self,
        tgt: Tensor,
        memory: Tensor,
        tgt_mask: Any = None,
        memory_mask: Any = None,
        tgt_key_padding_mask: Any = None,
        memory_key_padding_mask: Any = None,
        tgt_is_causal: bool = False,
        memory_is_causal: bool = False,
    ) -> Tensor:
        this, other = self.self_attn, self.multihead_attn
        x = self._residual(tgt, 1, lambda x: _attend(this, x, x, tgt_mask, tgt_key_padding_mask, tgt_is_causal))
        x = self._residual(x, 2, lambda x: _attend(other, x, memory, memory_mask, memory_key_padding_mask, memory_is_causal))
        return self._residual(x, 3, self._feed_forward)


class _Stack(Module):
    def __init__(self, layer: Module, num_layers: int, norm: Module | None = None):
        super().__init__()
        self.layers = ModuleList([copy.deepcopy(layer) for _ in range(num_layers)])
        self.num_layers, self.norm = num_layers, norm

    def _run(self, x: Tensor, *args: Any) -> Tensor:
        for layer in self.layers:
            x = layer(x, *args)
        return x if self.norm is None else self.norm(x)


class TransformerEncoder(_Stack):
    """A stack of `num_layers` copies of an encoder layer, with an optional normalization `norm` at the end.

    `enable_nested_tensor` and `mask_check` select optimizations of PyTorch, and have no effect here.
    """

    def __init__(
        self,
        encoder_layer: Module,
        num_layers: int,
        norm: Module | None = None,
        enable_nested_tensor: bool = True,
        mask_check: bool = True,
    ):
        super().__init__(encoder_layer, num_layers, norm)

    def forward(
        self, src: Tensor, mask: Any = None, src_key_padding_mask: Any = None, is_causal: bool | None = None
    ) -> Tensor:
        return self._run(src, mask, src_key_padding_mask, bool(is_causal))


class TransformerDecoder(_Stack):
    """A stack of `num_layers` copies of a decoder layer, with an optional normalization `norm` at the end."""

    def __init__(self, decoder_layer: Module, num_layers: int, norm: Module | None = None):
        super().__init__(decoder_layer, num_layers, norm)

    def forward(
        self,
        tgt: Tensor,
        memory: Tensor,
        tgt_mask: Any = None,
        memory_mask: Any = None,
        tgt_key_padding_mask: Any = None,
        memory_key_padding_mask: Any = None,
        tgt_is_causal: bool | None = None,
        memory_is_causal: bool = False,
    ) -> Tensor:
        masks = tgt_mask, memory_mask, tgt_key_padding_mask, memory_key_padding_mask
        return self._run(tgt, memory, *masks, bool(tgt_is_causal), memory_is_causal)


class Transformer(Module):
    """Encoder and decoder: source (S, N, d_model) and target (T, N, d_model) to output (T, N, d_model).

    With `batch_first`, the first two axes are swapped. Options are those of the layers; `custom_encoder` and
    `custom_decoder` replace the stacks. Matrices are initialized by `init.xavier_uniform_`.

    >>> import minigrad as mg
    >>> from minigrad import nn
    >>> net = nn.Transformer(8, nhead=2, num_encoder_layers=1, num_decoder_layers=1, dim_feedforward=16)
    >>> mask = nn.Transformer.generate_square_subsequent_mask(4)
    >>> net(mg.rand(5, 3, 8), mg.rand(4, 3, 8), tgt_mask=mask).shape
    (4, 3, 8)
    """

    def __init__(
        self,
        d_model: int = 512,
        nhead: int = 8,
        num_encoder_layers: int = 6,
        num_decoder_layers: int = 6,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: str | Callable[..., Any] = F.relu,
        custom_encoder: Module | None = None,
        custom_decoder: Module | None = None,
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        device: Any = None,
        dtype: DType = None,
    ):
        super().__init__()
        sizes = d_model, nhead, dim_feedforward, dropout
        options = *sizes, activation, layer_norm_eps, batch_first, norm_first, bias, device, dtype
        norm = LayerNorm(d_model, layer_norm_eps, bias=bias, dtype=dtype)
        if custom_encoder is None:
            custom_encoder = TransformerEncoder(TransformerEncoderLayer(*options), num_encoder_layers, norm)
        if custom_decoder is None:
            custom_decoder = TransformerDecoder(TransformerDecoderLayer(*options), num_decoder_layers, copy.deepcopy(norm))
        self.encoder, self.decoder = custom_encoder, custom_decoder
        self._reset_parameters()
        self.d_model, self.nhead, self.batch_first = d_model, nhead, batch_first

    def _reset_parameters(self) -> None:  # PyTorch's name, with the underscore
        for p in self.parameters():
            if p.ndim > 1:
                init.xavier_uniform_(p)

    def forward(
        self,
        src: Tensor,
        tgt: Tensor,
        src_mask: Any = None,
        tgt_mask: Any = None,
        memory_mask: Any = None,
        src_key_padding_mask: Any = None,
        tgt_key_padding_mask: Any = None,
        memory_key_padding_mask: Any = None,
        src_is_causal: bool | None = None,
        tgt_is_causal: bool | None = None,
        memory_is_causal: bool = False,
    ) -> Tensor:
        if {src.shape[-1], tgt.shape[-1]} != {self.d_model}:
            raise ShapeError(f"Transformer: src {src.shape} and tgt {tgt.shape} must have {self.d_model} features")
        memory = self.encoder(src, src_mask, src_key_padding_mask, src_is_causal)
        masks = tgt_mask, memory_mask, tgt_key_padding_mask, memory_key_padding_mask
        return self.decoder(tgt, memory, *masks, tgt_is_causal, memory_is_causal)

    @staticmethod
    def generate_square_subsequent_mask(sz: int, device: Any = None, dtype: DType = None) -> Tensor:
        """Return a causal mask (sz, sz), -inf above the diagonal and 0 elsewhere: no position attends to a later one."""
        return full((sz, sz), -np.inf, dtype=dtype, device=device).triu(1)


def _attend(attention: MultiheadAttention, x: Tensor, y: Tensor, mask: Any, padding: Any, is_causal: bool) -> Tensor:
    return attention(x, y, y, padding, need_weights=False, attn_mask=mask, is_causal=is_causal)[0]
