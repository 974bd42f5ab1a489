"""Helpers for the constructors of layers: checks of arguments, and parameters with initial values."""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from minigrad.arrays import DType, shape_of
from minigrad.config import get_default_dtype
from minigrad.engine.arguments import parameters_of
from minigrad.errors import ShapeError
from minigrad.kernels.checks import whole
from minigrad.nn import init
from minigrad.nn.parameter import Parameter
from minigrad.tensors import devices
from minigrad.tensors.tensor import Tensor

__all__ = ["checks_device", "count", "draw_uniformly", "parameter", "refuse_data"]


def count(layer: str, name: str, value: Any) -> int:
    """Return the argument `name` of a layer as an int; raise TypeError or ShapeError unless it is an int of at least 1."""
    number = whole(value)
    if number is None:
        raise TypeError(f"{layer}: {name} must be an int, got {value!r}")
    if number < 1:
        raise ShapeError(f"{layer}: {name} must be at least 1, got {value}")
    return number


def checks_device(init: Callable[..., None]) -> Callable[..., None]:
    """Return the `__init__` of a layer that first raises ValueError for a `device` other than the CPU."""
    names = parameters_of(init).names
    if "device" not in names:
        return init
    place = names.index("device") - 1  # without self

    @functools.wraps(init)
    def __init__(self: Any, *args: Any, **options: Any) -> None:
        device = args[place] if len(args) > place else options.get("device")
        if device is not None:
            devices.device(device)
        init(self, *args, **options)

    return __init__


def refuse_data(layer: Any, args: tuple[Any, ...]) -> None:
    """Raise TypeError for ``nn.ReLU(x)`` or ``nn.MSELoss(x, t)``: a layer is created with options, then called on data.

    The first argument may be a tensor if it is the `weight` of classes.
    """
    parameters = list(inspect.signature(layer.__init__).parameters.values())[1:]
    given = args[1:2] if parameters and parameters[0].name == "weight" else args[:1]
    if not any((isinstance(arg, Tensor | np.ndarray) and arg.ndim) or isinstance(arg, list) for arg in given):
        return
    if parameters and parameters[0].kind is inspect.Parameter.VAR_POSITIONAL:
        return
    options = "" if all(p.default is not inspect.Parameter.empty for p in parameters) else "..."
    data = ", ".join([p for p in inspect.signature(layer.forward).parameters if p != "self"][: len(args)])
    function = getattr(getattr(layer, "_function", None), "__name__", None)
    also = f", or F.{function}({data})" if function and not options else ""
    raise TypeError(
        f"{layer.__name__}: takes options, and is then called on data; got data of shape "
        f"{' and '.join(str(shape_of(arg)) for arg in args if not isinstance(arg, str))}\n"
        f"  hint: nn.{layer.__name__}({options})({data}){also}"
    )


def parameter(shape: tuple[int, ...], value: float, dtype: DType = None) -> Parameter:
    """Return a parameter filled with one value, of the default dtype unless given."""
    return Parameter(np.full(shape, value, dtype or get_default_dtype()))


def draw_uniformly(fan_in: int, parameters: Iterable[Parameter | None]) -> None:
    """Draw parameters uniformly from +-1/sqrt(fan_in), PyTorch's default for linear, convolutional and recurrent layers."""
    bound = 1 / math.sqrt(fan_in)
    for p in parameters:
        if p is not None:
            init.uniform_(p, -bound, bound)
