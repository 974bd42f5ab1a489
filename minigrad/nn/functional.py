"""The functions behind the layers, under PyTorch's names: ``import minigrad.nn.functional as F``."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad import ops
from minigrad.arrays import Traced
from minigrad.config import get_default_dtype
from minigrad.engine.arguments import renamed as _renamed
from minigrad.ops import (
    adaptive_avg_pool1d,
    adaptive_avg_pool2d,
    adaptive_avg_pool3d,
    adaptive_max_pool1d,
    adaptive_max_pool2d,
    adaptive_max_pool3d,
    avg_pool1d,
    avg_pool2d,
    avg_pool3d,
    batch_norm,
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    conv1d,
    conv2d,
    conv3d,
    conv_transpose1d,
    conv_transpose2d,
    conv_transpose3d,
    cosine_embedding_loss,
    cosine_similarity,
    cross_entropy,
    embedding,
    fold,
    gaussian_nll_loss,
    gelu,
    glu,
    group_norm,
    hardshrink,
    hinge_embedding_loss,
    huber_loss,
    instance_norm,
    interpolate,
    kl_div,
    l1_loss,
    layer_norm,
    linear,
    local_response_norm,
    log_softmax,
    logsigmoid,
    margin_ranking_loss,
    max_pool1d,
    max_pool2d,
    max_pool3d,
    mse_loss,
    multi_margin_loss,
    multilabel_margin_loss,
    multilabel_soft_margin_loss,
    nll_loss,
    normalize,
    one_hot,
    pairwise_distance,
    pixel_shuffle,
    pixel_unshuffle,
    poisson_nll_loss,
    prelu,
    rms_norm,
    scaled_dot_product_attention,
    sigmoid,
    smooth_l1_loss,
    soft_margin_loss,
    softmax,
    softmin,
    softplus,
    softshrink,
    softsign,
    tanh,
    tanhshrink,
    triplet_margin_loss,
    unfold,
)
from minigrad.ops.rearrange import crop
from minigrad.ops.rearrange import pad as pad_axes
from minigrad.random import default_generator as _default_generator

__all__ = [
    "adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d", "adaptive_max_pool1d", "adaptive_max_pool2d",
    "adaptive_max_pool3d", "avg_pool1d", "avg_pool2d", "avg_pool3d", "batch_norm", "binary_cross_entropy",
    "binary_cross_entropy_with_logits", "celu", "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d",
    "conv_transpose3d", "cosine_embedding_loss", "cosine_similarity", "cross_entropy", "dropout", "dropout1d",
    "dropout2d", "dropout3d", "elu", "embedding", "fold", "gaussian_nll_loss", "gelu", "glu", "group_norm",
    "gumbel_softmax", "hardshrink", "hardsigmoid", "hardswish", "hardtanh", "hinge_embedding_loss", "huber_loss",
    "instance_norm", "interpolate", "kl_div", "l1_loss", "layer_norm", "leaky_relu", "linear", "local_response_norm",
    "log_softmax", "logsigmoid", "margin_ranking_loss", "max_pool1d", "max_pool2d", "max_pool3d", "mish", "mse_loss",
    "multi_margin_loss", "multilabel_margin_loss", "multilabel_soft_margin_loss", "nll_loss", "normalize", "one_hot",
    "pad", "pairwise_distance", "pixel_shuffle", "pixel_unshuffle", "poisson_nll_loss", "prelu", "relu", "relu6",
    "rms_norm", "scaled_dot_product_attention", "selu", "sigmoid", "silu", "smooth_l1_loss", "soft_margin_loss",
    "softmax", "softmin", "softplus", "softshrink", "softsign", "tanh", "tanhshrink", "threshold", "triplet_margin_loss",
    "unfold",
]  # fmt: skip


def _overwriting(op: Any) -> Callable[..., Any]:
    """The function with PyTorch's option `inplace`: then the tensor `x` itself becomes the result, and is given back."""
    most = len(op.names)

    @functools.wraps(op)
    def function(*args: Any, inplace: bool = False, **options: Any) -> Any:
        if len(args) > most:
            *args, inplace = args  # type: ignore[assignment]
        if not inplace:
            return op(*args, **options)
        options = _renamed(options, op.known)
        x, *args = args or (options.pop("x", None),)  # type: ignore[assignment]
        if not isinstance(x, Traced):
            return op(x, *args, **options)
        name = f"{op.__name__}_"
        x.refuse_change(name)
        return x.replace_with(op(x, *args, **options), name)

    function.__module__ = __name__  # where it is found again when it is unpickled
    signature = inspect.signature(op)
    option = inspect.Parameter("inplace", inspect.Parameter.POSITIONAL_OR_KEYWORD, default=False)
    function.__signature__ = signature.replace(parameters=[*signature.parameters.values(), option])  # type: ignore[attr-defined]
    return function


celu, elu, selu = map(_overwriting, (ops.celu, ops.elu, ops.selu))
relu, relu6, leaky_relu = map(_overwriting, (ops.relu, ops.relu6, ops.leaky_relu))
hardsigmoid, hardswish, hardtanh = map(_overwriting, (ops.hardsigmoid, ops.hardswish, ops.hardtanh))
mish, silu, threshold = map(_overwriting, (ops.mish, ops.silu, ops.threshold))
dropout, dropout1d, dropout2d, dropout3d = map(_overwriting, (ops.dropout, ops.dropout1d, ops.dropout2d, ops.dropout3d))


def gumbel_softmax(
    logits: Any, tau: float = 1.0, hard: bool = False, dim: int = -1, generator: np.random.Generator | None = None
) -> Any:
    """softmax((logits + noise) / tau), with Gumbel's noise: nearly one-hot, with the chances of softmax(logits).

    With `hard`, one-hot, but with the gradient of what is not. Jang et al. (2017), Maddison et al. (2017).

    >>> import minigrad as mg
    >>> import minigrad.nn.functional as F
    >>> F.gumbel_softmax(mg.tensor([0.0, 1000.0]), hard=True)
    tensor([0., 1.])
    """
    if logits.dtype.kind != "f":
        logits = logits.astype(get_default_dtype())
    noise = -np.log((generator or _default_generator()).standard_exponential(logits.shape)).astype(logits.dtype)
    soft = softmax((logits + noise) / tau, dim)
    if not hard:
        return soft
    values = soft.detach()
    return (values == values.max(dim, keepdim=True).values).astype(soft.dtype) - values + soft


def pad(input: Any, pad: tuple[int, ...], mode: str = "constant", value: float | None = None) -> Any:
    """A border around the last axes; `pad` counts from the last axis: (left, right, top, bottom, ...), as in PyTorch.

    A negative width cuts off. `mode` is "constant" (of `value`, 0), "replicate", "reflect" (narrower than the axis) or
    "circular" (no wider than it); see `mg.pad`. Raises ValueError for widths that do not fit.

    >>> import minigrad as mg
    >>> import minigrad.nn.functional as F
    >>> F.pad(mg.tensor([[1, 2, 3]]), (2, -1), "reflect")
    tensor([[3, 2, 1, 2]])
    """
    shape = tuple(input.shape)
    if len(pad) % 2 or len(pad) > 2 * len(shape):
        raise ValueError(f"pad: needs (before, after) for at most {len(shape)} axes of shape {shape}, got {tuple(pad)}")
    if not all(isinstance(width, int | np.integer) for width in pad):
        raise TypeError(f"pad: widths must be integers, got {tuple(pad)}")
    if mode not in ("constant", "replicate", "reflect", "circular"):
        raise ValueError(f"pad: mode must be 'constant', 'replicate', 'reflect' or 'circular', got {mode!r}")
    if mode != "constant" and value is not None:
        raise ValueError(f"pad: mode {mode!r} takes no value, got {value}")
    pairs = [(0, 0)] * (len(shape) - len(pad) // 2) + [(pad[i], pad[i + 1]) for i in range(0, len(pad), 2)][::-1]
    cuts = [(max(-before, 0), max(-after, 0)) for before, after in pairs]
    wider = [(max(before, 0), max(after, 0)) for before, after in pairs]
    mirrors = mode in ("replicate", "reflect")  # what is cut off is seen in the mirror still; otherwise it is gone before
    for axis, (n, cut, width) in enumerate(zip(shape, cuts, wider, strict=True)):
        if n < sum(cut) - (sum(width) if mirrors else 0):
            raise ValueError(f"pad: widths {pairs[axis]} cut more than the {n} elements of axis {axis} of shape {shape}")
        if mode == "reflect" and max(width) >= max(n, 1):
            raise ValueError(
                f"pad: {mode!r} needs widths less than {n}, the size of axis {axis} of shape {shape}, got {width}"
            )
        if mode == "circular" and max(width) > n - sum(cut):
            raise ValueError(
                f"pad: {mode!r} has {n - sum(cut)} elements along axis {axis} of shape {shape}, got widths {width}"
            )
    if mirrors:
        return crop(pad_axes(input, wider, mode), cuts)
    return pad_axes(crop(input, cuts) if min(pad, default=0) < 0 else input, wider, mode, 0 if value is None else value)
