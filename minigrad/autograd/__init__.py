"""Automatic differentiation under the names of `torch.autograd`."""

import typing as _typing

from minigrad.autograd import functional, graph
from minigrad.autograd.anomaly import detect_anomaly, set_detect_anomaly
from minigrad.autograd.checkpoint import checkpoint
from minigrad.autograd.function import Function, once_differentiable
from minigrad.autograd.gradient import backward, grad
from minigrad.autograd.variable import Variable
from minigrad.engine.grad_mode import enable_grad, inference_mode, is_grad_enabled, no_grad, set_grad_enabled
from minigrad.pictures import registered as _registered

__all__ = [
    "Function", "Variable", "backward", "checkpoint", "detect_anomaly", "enable_grad", "functional", "grad",
    "graph", "inference_mode", "is_grad_enabled", "no_grad", "once_differentiable", "set_detect_anomaly", "set_grad_enabled",
]  # fmt: skip

if not _typing.TYPE_CHECKING:

    def __getattr__(name):
        if name in ("gradcheck", "gradgradcheck"):  # of `minigrad.testing`, a higher room
            return _registered(name)
        raise AttributeError(f"module 'minigrad.autograd' has no attribute {name!r}")
