"""minigrad: a tiny PyTorch on NumPy.

A `Tensor` with a dynamic computation graph, gradients of every order, networks, optimizers and real data, in code that is
meant to be read::

    import minigrad as mg
    from minigrad import nn, optim
    import minigrad.nn.functional as F
"""

import importlib as _importlib
import sys as _sys
import typing as _typing

# isort: off
# An alias of the same name marks a name as public to type checkers (PEP 484).
from numpy import (
    bool_ as bool_, e as e, finfo as finfo, float16 as float16, float32 as float32, float64 as float64, iinfo as iinfo,
    inf as inf, int8 as int8, int16 as int16, int32 as int32, int64 as int64, nan as nan, newaxis as newaxis, pi as pi,
    uint8 as uint8, uint16 as uint16, uint32 as uint32, uint64 as uint64,
)  # fmt: skip

from minigrad.arrays import Size as Size
from minigrad import config as config, linalg as linalg, special as special
from minigrad.tensors.equality import allclose as allclose, isclose as isclose
from minigrad.tensors import equality as _equality
from minigrad.config import (
    bfloat16 as bfloat16, dtype as dtype, get_default_dtype as get_default_dtype, set_default_dtype as set_default_dtype,
)  # fmt: skip
from minigrad.tensors.creation import *
from minigrad.tensors.functions import *
from minigrad.compat.paths import PathFinder as _PathFinder
from minigrad.tensors.devices import device as device
from minigrad.errors import (
    AnomalyError as AnomalyError, DatasetFileError as DatasetFileError, DTypeError as DTypeError,
    GraphError as GraphError, ShapeError as ShapeError, WeightsFileError as WeightsFileError,
)  # fmt: skip
from minigrad.engine.grad_mode import (
    enable_grad as enable_grad, inference_mode as inference_mode, is_grad_enabled as is_grad_enabled, no_grad as no_grad,
    set_grad_enabled as set_grad_enabled,
)  # fmt: skip
from minigrad.ops import *
from minigrad.engine.primitive import primitive as primitive
from minigrad.engine.ufuncs import register_ufunc as register_ufunc
from minigrad.engine.promotion import result_type as result_type
from minigrad.tensors.printing import get_printoptions as get_printoptions, set_printoptions as set_printoptions
from minigrad.pictures import register_drawing as _register_drawing
from minigrad.random import manual_seed as manual_seed
from minigrad.engine.registry import register_function as register_function
from minigrad.tensors.tensor import Tensor as Tensor, tensor as tensor

if _typing.TYPE_CHECKING:
    import multiprocessing as multiprocessing

    from minigrad import (
        array_api as array_api,
        autograd as autograd,
        data as data,
        distributed as distributed,
        distributions as distributions,
        func as func,
        interop as interop,
        models as models,
        nn as nn,
        onnx as onnx,
        optim as optim,
    )
    from minigrad import errors as errors, ops as ops, random as random, serialization as serialization
    from minigrad import testing as testing, training as training, utils as utils, viz as viz
    from minigrad.autograd import detect_anomaly as detect_anomaly
    from minigrad.compat import amp as amp, backends as backends, cuda as cuda, hub as hub
    from minigrad.compat import jit as jit
    from minigrad.compat.amp import GradScaler as GradScaler, autocast as autocast
    from minigrad.compat.amp import is_autocast_enabled as is_autocast_enabled
    from minigrad.compat.backends import version as version
    from minigrad.compat.jit import compile as compile
    from minigrad.compat.settings import *
    from minigrad.autograd.batching import vmap as vmap
    from minigrad.autograd.transforms import grad as grad
    from minigrad.generator import Generator as Generator
    from minigrad.interop import from_dlpack as from_dlpack
    from minigrad.interop.hips import (
        checkpoint as checkpoint, elementwise_grad as elementwise_grad, hessian as hessian,
        hessian_vector_product as hessian_vector_product, jacobian as jacobian, make_jvp as make_jvp, make_vjp as make_vjp,
        value_and_grad as value_and_grad,
    )  # fmt: skip
    from minigrad.interop.hips import array_functions as _array_functions, scipy_modules as _scipy_modules
    from minigrad.nn.functional import (
        alpha_dropout_ as alpha_dropout_, celu_ as celu_, dropout_ as dropout_,
        feature_alpha_dropout_ as feature_alpha_dropout_, rrelu_ as rrelu_, selu_ as selu_, threshold_ as threshold_,
    )  # fmt: skip
    from minigrad.serialization import load as load, save as save

    accelerator, mps, xpu, compiler, fx, numpy, scipy = cuda, cuda, cuda, jit, jit, _array_functions, _scipy_modules
# isort: on

for _name, _function in {
    "array namespace": "minigrad:array_api",
    "autopsy": "minigrad.viz.graphs.autopsy:autopsy",
    "gradcheck": "minigrad.compat.gradcheck:gradcheck",
    "gradgradcheck": "minigrad.compat.gradcheck:gradgradcheck",
    "module graph": "minigrad.viz.graphs:module_graph",
    "module html": "minigrad.viz.graphs.notebook:module_html",
    "tensor graph": "minigrad.viz.graphs:graph",
    "tensor html": "minigrad.viz.graphs.notebook:tensor_html",
}.items():
    _register_drawing(_name, _function)

# PyTorch's other names of dtypes; the builtins of these names are not needed here.
half, float, double = float16, float32, float64
equal = _equality.equal  # torch.equal returns a bool; ops.equal compares elements, as NumPy's
short, int, long, bool = int16, int32, int64, bool_

_sys.meta_path.append(_PathFinder("minigrad"))

# Imported at first use.
_ROOMS = (
    "array_api",
    "autograd",
    "data",
    "distributed",
    "distributions",
    "func",
    "interop",
    "models",
    "nn",
    "onnx",
    "optim",
    "serialization",
    "testing",
    "training",
    "utils",
    "viz",
)
# Namespaces of PyTorch and of HIPS autograd that have a path in compat/paths.py.
_NAMESPACES = (
    "accelerator", "amp", "backends", "compiler", "cuda", "fx", "hub", "jit", "mps", "multiprocessing", "numpy",
    "scipy", "version", "xpu",
)  # fmt: skip
_NAMES = {
    "Generator": "generator", "GradScaler": "compat.amp", "autocast": "compat.amp", "_assert": "compat.jit",
    "compile": "compat.jit", "detect_anomaly": "autograd", "from_dlpack": "interop",
    "grad": "autograd.transforms",
    "is_autocast_enabled": "compat.amp", "load": "serialization", "save": "serialization",
    "vmap": "autograd.batching",
    **dict.fromkeys(
        ("are_deterministic_algorithms_enabled", "channels_last", "channels_last_3d", "contiguous_format",
         "get_default_device", "get_float32_matmul_precision", "get_num_threads", "get_rng_state", "initial_seed",
         "memory_format", "preserve_format", "seed", "set_default_device", "set_float32_matmul_precision",
         "set_num_threads", "set_rng_state", "use_deterministic_algorithms"),
        "compat.settings",
    ),
    **dict.fromkeys(
        ("alpha_dropout_", "celu_", "dropout_", "feature_alpha_dropout_", "rrelu_", "selu_", "threshold_"),
        "nn.functional",
    ),
    **dict.fromkeys(
        ("checkpoint", "elementwise_grad", "hessian", "hessian_vector_product", "jacobian", "make_jvp", "make_vjp",
         "value_and_grad"),
        "interop.hips",
    ),
}  # fmt: skip
# What names of PyTorch begin with that have no meaning here.
_OUTSIDE = {
    "sparse": "sparse tensors", "spmm": "sparse tensors", "complex": "complex numbers", "cfloat": "complex numbers",
    "cdouble": "complex numbers", "view_as_": "complex numbers", "fft": "complex numbers", "stft": "complex numbers",
    "istft": "complex numbers", "quant": "quantized tensors", "qint": "quantized tensors", "nested": "nested tensors",
}  # fmt: skip
# Modules that importing the package binds here, and that are not for users.
_INTERNAL = {"arrays", "cli", "compat", "engine", "generator", "kernels", "pictures", "progress", "pytree", "tensors"}


if not _typing.TYPE_CHECKING:  # a type checker must report a name that does not exist

    def __getattr__(name):
        if name in _ROOMS or name in _NAMESPACES:
            return _importlib.import_module(f"minigrad.{name}")
        if name in _NAMES:
            globals()[name] = getattr(_importlib.import_module(f"minigrad.{_NAMES[name]}"), name)
            return globals()[name]
        kind = next((kind for start, kind in _OUTSIDE.items() if name.startswith(start)), None)
        hint = f"\n  hint: {kind} are outside of minigrad: its tensors are dense, of real numbers" if kind else ""
        raise AttributeError(f"module 'minigrad' has no attribute {name!r}{hint}")


def __dir__() -> list[str]:
    """Return the names that users call; other modules of the package are not among them."""
    names = {*globals(), *_ROOMS, *_NAMESPACES, *_NAMES} - _INTERNAL
    return sorted(name for name in names if name[0].isalpha() or name == "__version__")


__version__ = "0.1.0"
