"""Normalization: values shifted and scaled to mean 0 and variance 1 over some of their axes.

All functions are compositions, so every order of derivative is exact. The variance is computed from the centered values (in
two passes): it is accurate where it is small beside mean**2, and never negative.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from minigrad.arrays import Shape, Traced, array_of, shape_of
from minigrad.config import get_default_dtype
from minigrad.engine.composite import composite
from minigrad.engine.fused import fuse, fused
from minigrad.engine.promotion import floating
from minigrad.errors import ShapeError
from minigrad.kernels import normalization as kernels
from minigrad.kernels.checks import positive_int
from minigrad.kernels.pooling import Run, Windows
from minigrad.ops.elementwise import astype, clip, square
from minigrad.ops.norms import vector_norm
from minigrad.ops.pooling import sum_windows
from minigrad.ops.shape import reshape
from minigrad.ops.statistics import mean

__all__ = ["batch_norm", "group_norm", "instance_norm", "layer_norm", "local_response_norm", "normalize", "rms_norm"]


@composite
def batch_norm(
    x: Any,
    running_mean: Any,
    running_var: Any,
    weight: Any = None,
    bias: Any = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Any:
    """Normalize each channel of (N, C, *S) over all other axes, then scale by `weight` (C,) and shift by `bias` (C,).

    In training the mean and the biased variance are those of the batch. Then `running_mean` and `running_var` (C,), unless
    None, become (1 - momentum) * running + momentum * batch, with the unbiased variance; they do not change if an error is
    raised. Outside training the running statistics are used. `eps` is added to the variance. Ioffe and Szegedy (2015).

    Raises ShapeError where shapes do not fit, ValueError for a batch of one value per channel in training, or for missing
    running statistics outside training.

    >>> import numpy as np
    >>> mean, var = np.zeros(1), np.ones(1)
    >>> batch_norm(np.array([[1.0], [3.0]]), mean, var, training=True).round(3), mean, var
    (array([[-1.],
           [ 1.]]), array([0.2]), array([1.1]))
    """
    op = "batch_norm"
    shape = shape_of(x)
    if len(shape) < 2:
        raise ShapeError(f"{op}: input must be (N, C) or (N, C, *S), got shape {shape}")
    _check_shapes(op, (shape[1],), "(C,)", running_mean=running_mean, running_var=running_var, weight=weight, bias=bias)
    if training:
        axes = (0, *range(2, len(shape)))
        return _normalized_by_channel(op, x, axes, (running_mean, running_var), (weight, bias), momentum, eps)
    if running_mean is None or running_var is None:
        raise ValueError(f"{op}: needs running_mean and running_var outside training")
    scale = _inverse_deviation(_in_floats(_beside(running_var, shape)), eps)
    out = _along_channels(_in_floats(x) - _beside(running_mean, shape), scale, weight, bias)
    return _rounded_to(x.dtype, out)


@composite
def instance_norm(
    x: Any,
    running_mean: Any = None,
    running_var: Any = None,
    weight: Any = None,
    bias: Any = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Any:
    """Normalize each channel of each image (N, C, *S), then scale by `weight` (C,) and shift by `bias` (C,).

    Running statistics, if given, follow the means over the batch as in `batch_norm`; if `use_input_stats` is False they are
    used instead of the statistics of the images. Ulyanov et al. (2016). Raises as `batch_norm` does.

    >>> import numpy as np
    >>> instance_norm(np.array([[[1.0, 3.0], [20.0, 60.0]]])).round(3)
    array([[[-1.,  1.],
            [-1.,  1.]]])
    """
    op = "instance_norm"
    shape = shape_of(x)
    if len(shape) < 3:
        raise ShapeError(f"{op}: input must be (N, C, *S), got shape {shape}")
    if not use_input_stats:
        return batch_norm(x, running_mean, running_var, weight, bias, False, momentum, eps)
    _check_shapes(op, (shape[1],), "(C,)", running_mean=running_mean, running_var=running_var, weight=weight, bias=bias)
    axes = tuple(range(2, len(shape)))
    return _normalized_by_channel(op, x, axes, (running_mean, running_var), (weight, bias), momentum, eps)


@floating("x")
@composite
def layer_norm(
    x: Any, normalized_shape: int | Sequence[int], weight: Any = None, bias: Any = None, eps: float = 1e-5
) -> Any:
    """Normalize over the last axes, whose sizes are `normalized_shape`; `weight` and `bias` have that shape.

    `eps` is added to the variance. Ba et al. (2016). Raises ShapeError where shapes do not fit.

    >>> import numpy as np
    >>> layer_norm(np.array([[1.0, 2.0, 3.0]]), 3).round(3)
    array([[-1.225,  0.   ,  1.225]])
    """
    axes = _last_axes("layer_norm", x, normalized_shape, weight=weight, bias=bias)
    _, centered, variance = _moments(x, axes)
    out = centered * _inverse_deviation(variance, eps)
    out = out if weight is None else out * weight
    return out if bias is None else out + bias


@floating("x")
@composite
def group_norm(x: Any, num_groups: int, weight: Any = None, bias: Any = None, eps: float = 1e-5) -> Any:
    """Normalize `num_groups` groups of channels of each image (N, C, *S); `weight` and `bias` are (C,).

    `eps` is added to the variance. Wu and He (2018). Raises ShapeError where the channels do not divide into the groups,
    ValueError unless `num_groups` is an int of at least 1.

    >>> import numpy as np
    >>> group_norm(np.array([[[1.0], [3.0], [10.0], [30.0]]]), 2).round(3).ravel()
    array([-1.,  1., -1.,  1.])
    """
    op = "group_norm"
    shape = shape_of(x)
    if len(shape) < 2:
        raise ShapeError(f"{op}: input must be (N, C, *S), got shape {shape}")
    N, C, *S = shape
    if C % positive_int(op, "num_groups", num_groups):
        raise ShapeError(f"{op}: {C} channels of an input {shape} do not divide into {num_groups} groups")
    _check_shapes(op, (C,), "(C,)", weight=weight, bias=bias)
    grouped = reshape(x, (N, num_groups, C // num_groups, *S))
    _, centered, variance = _moments(grouped, tuple(range(2, len(S) + 3)))
    normal = reshape(centered * _inverse_deviation(variance, eps), shape)
    return normal if weight is None and bias is None else _along_channels(normal, 1, weight, bias)


@floating("x")
@composite
def rms_norm(x: Any, normalized_shape: int | Sequence[int], weight: Any = None, eps: float | None = None) -> Any:
    """Divide by the root of the mean square over the last axes, whose sizes are `normalized_shape`; not centered.

    `eps` is the machine epsilon of the dtype unless given. Zhang and Sennrich (2019). Raises ShapeError where shapes do not
    fit.

    >>> import numpy as np
    >>> rms_norm(np.array([[1.0, 7.0]]), 2)
    array([[0.2, 1.4]])
    """
    axes = _last_axes("rms_norm", x, normalized_shape, weight=weight)
    eps = float(np.finfo(x.dtype).eps) if eps is None else eps
    out = x * _inverse_deviation(mean(square(x), axes, True), eps)
    return out if weight is None else out * weight


@floating("x")
@composite
def local_response_norm(x: Any, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> Any:
    """Divide (N, C, *S) by (k + alpha * mean of squares over `size` neighboring channels) ** beta.

    Channels beyond the first and last count as zeros in the mean. Krizhevsky et al. (2012), "ImageNet classification with
    deep convolutional neural networks", 3.3, whose alpha multiplies the sum instead: PyTorch's is theirs times `size`.

    >>> import numpy as np
    >>> local_response_norm(np.array([[[1.0], [2.0]]]), 2, alpha=2.0, beta=1.0).ravel().round(3)
    array([0.5  , 0.333])
    """
    op = "local_response_norm"
    shape = shape_of(x)
    if len(shape) < 3:
        raise ShapeError(f"{op}: input must be (N, C, *S), got shape {shape}")
    size = positive_int(op, "size", size)
    neighbors = Windows(1, (Run(size, 1, size // 2, 1, shape[1]),))
    return x * (sum_windows(square(x), neighbors) * (alpha / size) + k) ** -beta


@floating("x")
@composite
def normalize(x: Any, p: float = 2.0, axis: int | Shape = 1, eps: float = 1e-12) -> Any:
    """Divide vectors along `axis` by their p-norm, or by `eps` where the norm is less.

    >>> import numpy as np
    >>> normalize(np.array([[3.0, 4.0], [0.0, 0.0]]))
    array([[0.6, 0.8],
           [0. , 0. ]])
    """
    return x / clip(vector_norm(x, p, axis, True), eps, None)


def _normalized_by_channel(
    op: str, x: Any, axes: Shape, running: tuple[Any, Any], affine: tuple[Any, Any], momentum: float, eps: float
) -> Any:
    """Normalize over `axes` by the mean and variance of `x`, apply (weight, bias), update the running (mean, variance)."""
    shape = shape_of(x)
    count = math.prod([shape[a] for a in axes])
    if count < 2:
        per = "per channel in training" if 0 in axes else "per channel and image"
        raise ValueError(f"{op}: needs more than one value {per}, got shape {shape}")
    out, average, variance = channel_norm(_in_floats(x), *affine, axes, eps)
    _update_running(running[0], average, momentum)
    _update_running(running[1], variance, momentum, count / (count - 1))
    return _rounded_to(x.dtype, out)


@fused(kernels.batch_norm, kernels.batch_norm_gradients, "x", "weight", "bias", outputs=3)
def channel_norm(x: Any, weight: Any, bias: Any, axes: Shape, eps: float) -> tuple[Any, Any, Any]:
    """Return `x` normalized over `axes`, with weight and bias (C,), the mean and the variance."""
    average, centered, variance = _moments(x, axes)
    return _along_channels(centered, _inverse_deviation(variance, eps), weight, bias), average, variance


def _in_floats(x: Any) -> Any:
    """Convert integers to floats, and float16 to float32, in which its squares fit."""
    dtype = np.float32 if x.dtype == np.float16 else get_default_dtype() if x.dtype.kind != "f" else None
    return x if dtype is None else astype(x, dtype)


def _rounded_to(dtype: Any, out: Any) -> Any:
    """Round a result to float16 if the input was float16."""
    return astype(out, dtype) if dtype == np.float16 else out


def _moments(x: Any, axes: Shape) -> tuple[Any, Any, Any]:
    """Return the mean over `axes`, `x` without it, and the biased variance."""
    average = mean(x, axes, True)
    centered = x - average
    return average, centered, mean(square(centered), axes, True)


def _inverse_deviation(variance: Any, eps: float) -> Any:
    return (variance + eps) ** -0.5


def _along_channels(x: Any, scale: Any, weight: Any, bias: Any) -> Any:
    """Compute ``x * scale * weight + bias``, with weight and bias (C,) along axis 1, in one pass over x."""
    shape = shape_of(x)
    if weight is not None:
        scale = scale * _beside(weight, shape)
    return x * scale if bias is None else x * scale + _beside(bias, shape)


def _beside(value: Any, shape: Shape) -> Any:
    """Return values (C,) in a shape that broadcasts with images of `shape`."""
    return reshape(value, (1, -1, *[1] * (len(shape) - 2)))


def _update_running(running: Any, batch: Any, momentum: float, factor: float = 1.0) -> None:
    """Move a running statistic (C,), unless None, toward `factor` times that of a batch (N or 1, C, 1, ...)."""
    if running is None:
        return
    values = array_of(batch)
    values = values.reshape(*values.shape[:2]).mean(0) * factor
    if isinstance(running, Traced):
        running.copy_((1 - momentum) * running.array + momentum * values)  # type: ignore[attr-defined]
    else:
        running[...] = (1 - momentum) * running + momentum * values


def _last_axes(op: str, x: Any, normalized_shape: int | Sequence[int], **affine: Any) -> Shape:
    """Return the axes to normalize over; raise ShapeError unless they, weight and bias have the normalized shape."""
    shape = shape_of(x)
    size = (normalized_shape,) if isinstance(normalized_shape, int | np.integer) else tuple(normalized_shape)
    if not size or shape[-len(size) :] != size:
        raise ShapeError(f"{op}: the input's last axes must be normalized_shape {size}, got shape {shape}")
    _check_shapes(op, size, "normalized_shape", **affine)
    return tuple(range(-len(size), 0))


def _check_shapes(op: str, shape: Shape, meaning: str, **values: Any) -> None:
    """Raise ShapeError unless each value is None or has the shape."""
    for name, value in values.items():
        if value is not None and shape_of(value) != shape:
            raise ShapeError(f"{op}: {name} must be {shape} = {meaning}, got shape {shape_of(value)}")


fuse(group_norm, kernels.group_norm, kernels.group_norm_gradients, "x", "weight", "bias")
fuse(layer_norm, kernels.layer_norm, kernels.layer_norm_gradients, "x", "weight", "bias")
