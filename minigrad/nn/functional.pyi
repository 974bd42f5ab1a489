"""Types of the functions behind the layers; made by tests/typing/stubs.py, which says how."""

from collections.abc import Sequence
from typing import Any, overload

import numpy as np

from minigrad.arrays import Array
from minigrad.tensors.tensor import Tensor
from minigrad.ops import adaptive_avg_pool1d as adaptive_avg_pool1d
from minigrad.ops import adaptive_avg_pool2d as adaptive_avg_pool2d
from minigrad.ops import adaptive_avg_pool3d as adaptive_avg_pool3d
from minigrad.ops import adaptive_max_pool1d as adaptive_max_pool1d
from minigrad.ops import adaptive_max_pool2d as adaptive_max_pool2d
from minigrad.ops import adaptive_max_pool3d as adaptive_max_pool3d
from minigrad.ops import avg_pool1d as avg_pool1d
from minigrad.ops import avg_pool2d as avg_pool2d
from minigrad.ops import avg_pool3d as avg_pool3d
from minigrad.ops import batch_norm as batch_norm
from minigrad.ops import binary_cross_entropy as binary_cross_entropy
from minigrad.ops import binary_cross_entropy_with_logits as binary_cross_entropy_with_logits
from minigrad.ops import conv1d as conv1d
from minigrad.ops import conv2d as conv2d
from minigrad.ops import conv3d as conv3d
from minigrad.ops import conv_transpose1d as conv_transpose1d
from minigrad.ops import conv_transpose2d as conv_transpose2d
from minigrad.ops import conv_transpose3d as conv_transpose3d
from minigrad.ops import cosine_embedding_loss as cosine_embedding_loss
from minigrad.ops import cosine_similarity as cosine_similarity
from minigrad.ops import cross_entropy as cross_entropy
from minigrad.ops import embedding as embedding
from minigrad.ops import fold as fold
from minigrad.ops import gaussian_nll_loss as gaussian_nll_loss
from minigrad.ops import gelu as gelu
from minigrad.ops import glu as glu
from minigrad.ops import group_norm as group_norm
from minigrad.ops import hardshrink as hardshrink
from minigrad.ops import hinge_embedding_loss as hinge_embedding_loss
from minigrad.ops import huber_loss as huber_loss
from minigrad.ops import instance_norm as instance_norm
from minigrad.ops import interpolate as interpolate
from minigrad.ops import kl_div as kl_div
from minigrad.ops import l1_loss as l1_loss
from minigrad.ops import layer_norm as layer_norm
from minigrad.ops import linear as linear
from minigrad.ops import local_response_norm as local_response_norm
from minigrad.ops import log_softmax as log_softmax
from minigrad.ops import logsigmoid as logsigmoid
from minigrad.ops import margin_ranking_loss as margin_ranking_loss
from minigrad.ops import max_pool1d as max_pool1d
from minigrad.ops import max_pool2d as max_pool2d
from minigrad.ops import max_pool3d as max_pool3d
from minigrad.ops import mse_loss as mse_loss
from minigrad.ops import multi_margin_loss as multi_margin_loss
from minigrad.ops import multilabel_margin_loss as multilabel_margin_loss
from minigrad.ops import multilabel_soft_margin_loss as multilabel_soft_margin_loss
from minigrad.ops import nll_loss as nll_loss
from minigrad.ops import normalize as normalize
from minigrad.ops import one_hot as one_hot
from minigrad.ops import pairwise_distance as pairwise_distance
from minigrad.ops import pixel_shuffle as pixel_shuffle
from minigrad.ops import pixel_unshuffle as pixel_unshuffle
from minigrad.ops import poisson_nll_loss as poisson_nll_loss
from minigrad.ops import prelu as prelu
from minigrad.ops import rms_norm as rms_norm
from minigrad.ops import scaled_dot_product_attention as scaled_dot_product_attention
from minigrad.ops import sigmoid as sigmoid
from minigrad.ops import smooth_l1_loss as smooth_l1_loss
from minigrad.ops import soft_margin_loss as soft_margin_loss
from minigrad.ops import softmax as softmax
from minigrad.ops import softmin as softmin
from minigrad.ops import softplus as softplus
from minigrad.ops import softshrink as softshrink
from minigrad.ops import softsign as softsign
from minigrad.ops import tanh as tanh
from minigrad.ops import tanhshrink as tanhshrink
from minigrad.ops import triplet_margin_loss as triplet_margin_loss
from minigrad.ops import unfold as unfold
_Plain = Array | np.generic | float | list[Any] | tuple[Any, ...]  # all operands but tensors

__all__ = [
    "adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d", "adaptive_max_pool1d", "adaptive_max_pool2d",
    "adaptive_max_pool3d", "avg_pool1d", "avg_pool2d", "avg_pool3d", "batch_norm", "binary_cross_entropy",
    "binary_cross_entropy_with_logits", "celu", "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d",
    "conv_transpose3d", "cosine_embedding_loss", "cosine_similarity", "cross_entropy", "dropout", "dropout1d", "dropout2d",
    "dropout3d", "elu", "embedding", "fold", "gaussian_nll_loss", "gelu", "glu", "group_norm", "gumbel_softmax",
    "hardshrink", "hardsigmoid", "hardswish", "hardtanh", "hinge_embedding_loss", "huber_loss", "instance_norm",
    "interpolate", "kl_div", "l1_loss", "layer_norm", "leaky_relu", "linear", "local_response_norm", "log_softmax",
    "logsigmoid", "margin_ranking_loss", "max_pool1d", "max_pool2d", "max_pool3d", "mish", "mse_loss", "multi_margin_loss",
    "multilabel_margin_loss", "multilabel_soft_margin_loss", "nll_loss", "normalize", "one_hot", "pad", "pairwise_distance",
    "pixel_shuffle", "pixel_unshuffle", "poisson_nll_loss", "prelu", "relu", "relu6", "rms_norm",
    "scaled_dot_product_attention", "selu", "sigmoid", "silu", "smooth_l1_loss", "soft_margin_loss", "softmax", "softmin",
    "softplus", "softshrink", "softsign", "tanh", "tanhshrink", "threshold", "triplet_margin_loss", "unfold"
]

@overload
def celu(x: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor: ...
@overload
def celu(x: Array, alpha: float = 1.0, inplace: bool = False) -> Array: ...
@overload
def celu(x: _Plain, alpha: float = 1.0, inplace: bool = False) -> Any: ...
@overload
def dropout(x: Tensor, p: float = 0.5, training: bool = True, generator: np.random.Generator | None = None, inplace: bool =
    False) -> Tensor: ...
@overload
def dropout(x: Array, p: float = 0.5, training: bool = True, generator: np.random.Generator | None = None, inplace: bool =
    False) -> Array: ...
@overload
def dropout(x: _Plain, p: float = 0.5, training: bool = True, generator: np.random.Generator | None = None, inplace: bool =
    False) -> Any: ...
@overload
def dropout1d(x: Tensor, p: float = 0.5, training: bool = True, generator: np.random.Generator | None = None, inplace: bool =
    False) -> Tensor: ...
@overload
def dropout1d(x: Array, p: float = 0.5, training: bool = True, generator: np.random.Generator | None = None, inplace: bool =
    False) -> Array: ...
@overload
def dropout1d(x: _Plain, p: float = 0.5, training: bool = True, generator: np.random.Generator | None = None, inplace: bool =
    False) -> Any: ...
@overload
def dropout2d(x: Tensor, p: float = 0.5, training: bool = True, generator: np.random.Generator | None = None, inplace: bool =
    False) -> Tensor: ...
@overload
def dropout2d(x: Array, p: float = 0.5, training: bool = True, generator: np.random.Generator | None = None, inplace: bool =
    False) -> Array: ...
@overload
def dropout2d(x: _Plain, p: float = 0.5, training: bool = True, generator: np.random.Generator | None = None, inplace: bool =
    False) -> Any: ...
@overload
def dropout3d(x: Tensor, p: float = 0.5, training: bool = True, generator: np.random.Generator | None = None, inplace: bool =
    False) -> Tensor: ...
@overload
def dropout3d(x: Array, p: float = 0.5, training: bool = True, generator: np.random.Generator | None = None, inplace: bool =
    False) -> Array: ...
@overload
def dropout3d(x: _Plain, p: float = 0.5, training: bool = True, generator: np.random.Generator | None = None, inplace: bool =
    False) -> Any: ...
@overload
def elu(x: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor: ...
@overload
def elu(x: Array, alpha: float = 1.0, inplace: bool = False) -> Array: ...
@overload
def elu(x: _Plain, alpha: float = 1.0, inplace: bool = False) -> Any: ...
@overload
def gumbel_softmax(logits: Tensor, tau: float = 1.0, hard: bool = False, dim: int = -1, generator: np.random.Generator | None
    = None, *, axis: int = ...) -> Tensor: ...
@overload
def gumbel_softmax(logits: Array, tau: float = 1.0, hard: bool = False, dim: int = -1, generator: np.random.Generator | None
    = None, *, axis: int = ...) -> Array: ...
@overload
def gumbel_softmax(logits: _Plain, tau: float = 1.0, hard: bool = False, dim: int = -1, generator: np.random.Generator | None
    = None, *, axis: int = ...) -> Any: ...
@overload
def hardsigmoid(x: Tensor, inplace: bool = False) -> Tensor: ...
@overload
def hardsigmoid(x: Array, inplace: bool = False) -> Array: ...
@overload
def hardsigmoid(x: _Plain, inplace: bool = False) -> Any: ...
@overload
def hardswish(x: Tensor, inplace: bool = False) -> Tensor: ...
@overload
def hardswish(x: Array, inplace: bool = False) -> Array: ...
@overload
def hardswish(x: _Plain, inplace: bool = False) -> Any: ...
@overload
def hardtanh(x: Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Tensor: ...
@overload
def hardtanh(x: Array, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Array: ...
@overload
def hardtanh(x: _Plain, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Any: ...
@overload
def leaky_relu(x: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor: ...
@overload
def leaky_relu(x: Array, negative_slope: float = 0.01, inplace: bool = False) -> Array: ...
@overload
def leaky_relu(x: _Plain, negative_slope: float = 0.01, inplace: bool = False) -> Any: ...
@overload
def mish(x: Tensor, inplace: bool = False) -> Tensor: ...
@overload
def mish(x: Array, inplace: bool = False) -> Array: ...
@overload
def mish(x: _Plain, inplace: bool = False) -> Any: ...
@overload
def pad(input: Tensor, pad: Sequence[int], mode: str = 'constant', value: float | None = None) -> Tensor: ...
@overload
def pad(input: Array, pad: Sequence[int], mode: str = 'constant', value: float | None = None) -> Array: ...
@overload
def pad(input: _Plain, pad: Sequence[int], mode: str = 'constant', value: float | None = None) -> Any: ...
@overload
def relu(x: Tensor, inplace: bool = False) -> Tensor: ...
@overload
def relu(x: Array, inplace: bool = False) -> Array: ...
@overload
def relu(x: _Plain, inplace: bool = False) -> Any: ...
@overload
def relu6(x: Tensor, inplace: bool = False) -> Tensor: ...
@overload
def relu6(x: Array, inplace: bool = False) -> Array: ...
@overload
def relu6(x: _Plain, inplace: bool = False) -> Any: ...
@overload
def selu(x: Tensor, inplace: bool = False) -> Tensor: ...
@overload
def selu(x: Array, inplace: bool = False) -> Array: ...
@overload
def selu(x: _Plain, inplace: bool = False) -> Any: ...
@overload
def silu(x: Tensor, inplace: bool = False) -> Tensor: ...
@overload
def silu(x: Array, inplace: bool = False) -> Array: ...
@overload
def silu(x: _Plain, inplace: bool = False) -> Any: ...
@overload
def threshold(x: Tensor, threshold: float, value: float, inplace: bool = False) -> Tensor: ...
@overload
def threshold(x: Array, threshold: float, value: float, inplace: bool = False) -> Array: ...
@overload
def threshold(x: _Plain, threshold: float, value: float, inplace: bool = False) -> Any: ...
