"""minigrad: a tiny PyTorch on NumPy.

A `Tensor` with a dynamic computation graph, gradients of every order, networks, optimizers, real data, and nothing in
between that cannot be read in an evening::

    import minigrad as mg
    from minigrad import nn, optim
    import minigrad.nn.functional as F
"""

from numpy import bool_, float16, float32, float64, int8, int16, int32, int64, uint8

from minigrad import autograd, config, data, func, interop, linalg, models, nn, optim, training, viz
from minigrad.autograd import detect_anomaly
from minigrad.config import get_default_dtype, set_default_dtype
from minigrad.creation import *
from minigrad.errors import AnomalyError, DatasetFileError, DTypeError, GraphError, ShapeError, WeightsFileError
from minigrad.func import grad
from minigrad.graph import enable_grad, inference_mode, is_grad_enabled, no_grad, set_grad_enabled
from minigrad.ops import *
from minigrad.primitive import primitive
from minigrad.printing import get_printoptions, set_printoptions
from minigrad.random import manual_seed
from minigrad.serialization import load, save
from minigrad.tensor import Tensor, tensor

__version__ = "0.1.0"
