"""Functions of networks, under PyTorch's names: ``import minigrad.nn.functional as F``."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

# isort: off
# A star, or an alias of the same name, makes a name public to type checkers.
from minigrad import ops
from minigrad.arrays import Traced
from minigrad.config import get_default_dtype as _get_default_dtype
from minigrad.engine.arguments import renamed as _renamed
from minigrad.kernels.checks import whole as _whole
from minigrad.ops import (
    bilinear as bilinear, fold as fold, linear as linear, log_softmax as log_softmax, pdist as pdist, sigmoid as sigmoid,
    softmax as softmax, tanh as tanh, unfold as unfold,
)  # fmt: skip
from minigrad.ops.activation import (
    gelu as gelu, glu as glu, hardshrink as hardshrink, logsigmoid as logsigmoid, prelu as prelu, softmin as softmin,
    softplus as softplus, softshrink as softshrink, softsign as softsign, tanhshrink as tanhshrink,
)  # fmt: skip
from minigrad.ops.attention import *
from minigrad.ops.classification import *
from minigrad.ops.convolution import *
from minigrad.ops.ctc import *
from minigrad.ops.interpolation import *
from minigrad.ops.interpolation import interpolate as interpolate
from minigrad.ops.loss import *
from minigrad.ops.normalization import *
from minigrad.ops.pooling import *
from minigrad.ops.rearrange import crop as _crop
from minigrad.ops.rearrange import pad as _pad_axes
from minigrad.ops.sampling import *
from minigrad.random import default_generator as _default_generator
# isort: on
# ruff: noqa: F403


def _overwriting(op: Any) -> Callable[..., Any]:
    """Return the function with PyTorch's option `inplace`: if it is set, the tensor `x` takes the result and is returned."""
    place = len([name for name in op.names if name != "generator"])

    @functools.wraps(op)
    def function(*args: Any, inplace: bool = False, **options: Any) -> Any:
        if len(args) > place:
            args, inplace = (*args[:place], *args[place + 1 :]), args[place]
        if not inplace:
            return op(*args, **options)
        options = _renamed(options, op.known)
        x, *args = args or (options.pop("x", None),)  # type: ignore[assignment]
        if not isinstance(x, Traced):
            return op(x, *args, **options)
        name = f"{op.__name__}_"
        x.refuse_change(name)
        return x.replace_with(op(x, *args, **options), name)

    function.__module__ = __name__  # where unpickling looks for it
    signature = inspect.signature(op)
    parameters = list(signature.parameters.values())
    parameters.insert(place, inspect.Parameter("inplace", inspect.Parameter.POSITIONAL_OR_KEYWORD, default=False))
    function.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    return function


celu, elu, selu = map(_overwriting, (ops.celu, ops.elu, ops.selu))
relu, relu6, leaky_relu = map(_overwriting, (ops.relu, ops.relu6, ops.leaky_relu))
hardsigmoid, hardswish, hardtanh = map(_overwriting, (ops.hardsigmoid, ops.hardswish, ops.hardtanh))
mish, silu, threshold = map(_overwriting, (ops.mish, ops.silu, ops.threshold))
alpha_dropout, feature_alpha_dropout, rrelu = map(_overwriting, (ops.alpha_dropout, ops.feature_alpha_dropout, ops.rrelu))
dropout, dropout1d, dropout2d, dropout3d = map(_overwriting, (ops.dropout, ops.dropout1d, ops.dropout2d, ops.dropout3d))


def _always_overwriting(function: Any) -> Callable[..., Any]:
    """Return the function with the option `inplace` set."""

    @functools.wraps(function.__wrapped__)
    def overwriting(*args: Any, **options: Any) -> Any:
        return function(*args, inplace=True, **options)

    overwriting.__module__, overwriting.__name__ = __name__, f"{function.__name__}_"
    return overwriting


celu_, elu_, hardtanh_, leaky_relu_ = map(_always_overwriting, (celu, elu, hardtanh, leaky_relu))
relu_, rrelu_, selu_, threshold_ = map(_always_overwriting, (relu, rrelu, selu, threshold))
alpha_dropout_, dropout_, feature_alpha_dropout_ = map(_always_overwriting, (alpha_dropout, dropout, feature_alpha_dropout))
upsample = upsample_nearest = interpolate  # names that PyTorch has kept from earlier versions


def upsample_bilinear(
    input: Any, size: int | tuple[int, ...] | None = None, scale_factor: float | tuple[float, ...] | None = None
) -> Any:
    """Apply `interpolate` to images in mode "bilinear" with `align_corners`: a name that PyTorch has kept."""
    return interpolate(input, size, scale_factor, "bilinear", True)


def gumbel_softmax(
    logits: Any,
    tau: float = 1.0,
    hard: bool = False,
    eps: float = 1e-10,
    dim: int = -1,
    generator: np.random.Generator | None = None,
) -> Any:
    """Return softmax((logits + noise) / tau) with Gumbel noise: a nearly one-hot sample from softmax(logits).

    `tau` is the temperature: the lower, the nearer to one-hot. With `hard`, the result is one-hot, and its gradient that of
    the soft sample. `dim` is the axis of the classes; `eps` has no effect, as in PyTorch. Jang et al. (2017), Maddison et
    al. (2017).

    >>> import minigrad as mg
    >>> import minigrad.nn.functional as F
    >>> F.gumbel_softmax(mg.tensor([0.0, 1000.0]), hard=True)
    tensor([0., 1.])
    """
    if logits.dtype.kind != "f":
        logits = logits.astype(_get_default_dtype())
    noise = -np.log((generator or _default_generator()).standard_exponential(logits.shape)).astype(logits.dtype)
    soft = softmax((logits + noise) / tau, dim)
    if not hard:
        return soft
    values = soft.detach()
    return (values == values.max(dim, keepdim=True).values).astype(soft.dtype) - values + soft


def pad(input: Any, pad: tuple[int, ...], mode: str = "constant", value: float | None = None) -> Any:
    """Add a border around the last axes; `pad` counts from the last axis: (left, right, top, bottom, ...), as in PyTorch.

    A negative width crops. `mode` is "constant" (of `value`, 0 by default), "replicate", "reflect" (narrower than the axis)
    or "circular" (no wider than the axis); see `mg.pad`. Raises ValueError for widths that do not fit.

    >>> import minigrad as mg
    >>> import minigrad.nn.functional as F
    >>> F.pad(mg.tensor([[1, 2, 3]]), (2, -1), "reflect")
    tensor([[3, 2, 1, 2]])
    """
    shape = tuple(input.shape)
    if len(pad) % 2 or len(pad) > 2 * len(shape):
        raise ValueError(f"pad: needs (before, after) for at most {len(shape)} axes of shape {shape}, got {tuple(pad)}")
    widths = [width for each in pad if (width := _whole(each)) is not None]
    if len(widths) != len(pad):
        raise TypeError(f"pad: widths must be integers, got {tuple(pad)}")
    pad = tuple(widths)
    if mode not in ("constant", "replicate", "reflect", "circular"):
        raise ValueError(f"pad: mode must be 'constant', 'replicate', 'reflect' or 'circular', got {mode!r}")
    if mode != "constant" and value is not None:
        raise ValueError(f"pad: mode {mode!r} takes no value, got {value}")
    pairs = [(0, 0)] * (len(shape) - len(pad) // 2) + [(pad[i], pad[i + 1]) for i in range(0, len(pad), 2)][::-1]
    crops = [(max(-before, 0), max(-after, 0)) for before, after in pairs]
    borders = [(max(before, 0), max(after, 0)) for before, after in pairs]
    for axis, (n, crop, border) in enumerate(zip(shape, crops, borders, strict=True)):
        _check_border(mode, f"axis {axis} of shape {shape}", n, crop, border)
    if mode in ("replicate", "reflect"):  # cropped elements are still mirrored into the border; otherwise crop first
        return _crop(_pad_axes(input, borders, mode), crops)
    return _pad_axes(_crop(input, crops) if min(pad, default=0) < 0 else input, borders, mode, 0 if value is None else value)


def _check_border(mode: str, where: str, n: int, crop: tuple[int, int], border: tuple[int, int]) -> None:
    """Raise ValueError unless an axis of `n` elements can be cropped and padded that much."""
    widest, left = max(border), n - sum(crop)
    if left + sum(border) * (mode in ("replicate", "reflect")) < 0:
        widths = tuple(b - c for b, c in zip(border, crop, strict=True))
        raise ValueError(f"pad: widths {widths} cut more than the {n} elements of {where}")
    if mode == "reflect" and widest >= max(n, 1):
        raise ValueError(f"pad: {mode!r} needs widths less than {n}, the size of {where}, got {border}")
    if mode == "circular" and widest > left:
        raise ValueError(f"pad: {mode!r} has {left} elements along {where}, got widths {border}")


if not TYPE_CHECKING:  # to which a computed list would hide all names
    __all__ = sorted(name for name, f in globals().items() if name[0] != "_" and callable(f) and not isinstance(f, type))
