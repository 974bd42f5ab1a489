"""minigrad: a tiny PyTorch on NumPy.

A `Tensor` with a dynamic computation graph, gradients of every order, networks, optimizers, real data, and nothing in
between that cannot be read in an evening::

    import minigrad as mg
    from minigrad import nn, optim
    import minigrad.nn.functional as F
"""

import importlib
from typing import TYPE_CHECKING, Any

from numpy import bool_, e, finfo, float16, float32, float64, iinfo, inf, int8, int16, int32, int64, nan, pi, uint8

from minigrad import autograd, comparison, config, func, linalg, nn, optim, special
from minigrad.autograd import detect_anomaly
from minigrad.comparison import allclose, isclose
from minigrad.config import get_default_dtype, set_default_dtype
from minigrad.creation import *
from minigrad.devices import accelerator, backends, cuda, device
from minigrad.errors import AnomalyError, DatasetFileError, DTypeError, GraphError, ShapeError, WeightsFileError
from minigrad.func import grad
from minigrad.grad_mode import enable_grad, inference_mode, is_grad_enabled, no_grad, set_grad_enabled
from minigrad.ops import *
from minigrad.primitive import primitive, register_ufunc
from minigrad.printing import get_printoptions, set_printoptions
from minigrad.random import Generator, manual_seed
from minigrad.registry import register_function
from minigrad.tensor import Tensor, tensor

if TYPE_CHECKING:
    from minigrad import data, interop, models, testing, training, utils, viz
    from minigrad.serialization import load, save

# PyTorch's other names of dtypes; the builtins of the same names are not needed here.
half, float, double = float16, float32, float64
equal = comparison.equal  # the question; ops.equal is NumPy's, element by element
short, int, long, bool = int16, int32, int64, bool_

# What is built upon the rest is imported when it is first asked for.
ROOMS = ("data", "interop", "models", "serialization", "testing", "training", "utils", "viz")
FILES = ("load", "save")


if not TYPE_CHECKING:  # a checker of types shall miss a name that is nowhere

    def __getattr__(name: str) -> Any:
        if name in ROOMS:
            return importlib.import_module(f"minigrad.{name}")
        if name in FILES:
            return getattr(importlib.import_module("minigrad.serialization"), name)
        raise AttributeError(f"module 'minigrad' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *ROOMS, *FILES})


__version__ = "0.1.0"
