"""The names of "Deep Learning from Scratch", chapter 7, so that its notebooks run when they import this module.

The book's layers map arrays to arrays and store what `backward` needs. Here a layer is a function of tensors, and `backward`
computes the gradients of the last `forward` with `autograd.grad`.

`Trainer` also trains networks written in a notebook: any object with `params`, `predict`, `loss` and `gradient`.
"""

from __future__ import annotations

from typing import Any, cast

import numpy as np

from minigrad import ops, training
from minigrad.arrays import Array
from minigrad.autograd import Function, grad
from minigrad.data import load_mnist
from minigrad.engine.grad_mode import enable_grad
from minigrad.models import DeepConvNet, MultiLayerNet, SimpleConvNet
from minigrad.models.book_network import numerical_gradient
from minigrad.nn import Module, Parameter
from minigrad.nn import functional as F
from minigrad.ops import col2im, im2col
from minigrad.tensors.tensor import Tensor, tensor
from minigrad.training.metrics import labels
from minigrad.viz.filters import filter_show

__all__ = [
    "Affine", "Convolution", "DeepConvNet", "MultiLayerNet", "Pooling", "Relu", "Sigmoid", "SimpleConvNet",
    "SoftmaxWithLoss", "Trainer", "col2im", "filter_show", "im2col", "load_mnist", "numerical_gradient",
]  # fmt: skip


class Layer:
    """Base class of layers: `compute` is a function of tensors, `forward` and `backward` map arrays to arrays."""

    parameters: tuple[str, ...] = ()  # names of learned attributes; `backward` stores the gradient of W as dW

    def compute(self, x: Tensor, *parameters: Tensor) -> Tensor:
        """Compute the layer's output from tensors."""
        raise NotImplementedError

    def forward(self, x: Array) -> Array:
        """Return the layer's output for a batch."""
        with enable_grad():
            self._inputs = [
                tensor(_floats(a), requires_grad=True) for a in (x, *(getattr(self, n) for n in self.parameters))
            ]
            self._out = self.compute(*self._inputs)
        return np.array(self._out.array)

    def backward(self, dout: Any = 1) -> Array:
        """Return the gradient for the input of the last `forward`, given the gradient for its output."""
        gradients = grad(self._out, self._inputs, tensor(_floats(dout), self._out.dtype), retain_graph=True)
        dx, *others = (np.array(g.array) for g in gradients)
        for name, g in zip(self.parameters, others, strict=True):
            setattr(self, f"d{name}", g)
        return dx


class Relu(Layer):
    """max(x, 0)."""

    def compute(self, x: Tensor, *parameters: Tensor) -> Tensor:
        return F.relu(x)


class Sigmoid(Layer):
    """1 / (1 + exp(-x))."""

    def compute(self, x: Tensor, *parameters: Tensor) -> Tensor:
        return F.sigmoid(x)


class _Weighted(Layer):
    parameters = ("W", "b")
    dW: Array
    db: Array

    def __init__(self, W: Array, b: Array):
        self.W, self.b = W, b


class Affine(_Weighted):
    """``x @ W + b`` with W (in, out); inputs of more than two axes are flattened first."""

    def compute(self, x: Tensor, *parameters: Tensor) -> Tensor:
        W, b = parameters
        return x.flatten(1) @ W + b


class Convolution(_Weighted):
    """Convolution of images (N, C, H, W) with kernels W (F, C, FH, FW).

    >>> layer = Convolution(np.ones((2, 3, 5, 5)), np.zeros(2))
    >>> layer.forward(np.ones((10, 3, 7, 7))).shape
    (10, 2, 3, 3)
    >>> layer.backward(np.ones((10, 2, 3, 3))).shape, layer.dW.shape, layer.db
    ((10, 3, 7, 7), (2, 3, 5, 5), array([90., 90.]))
    """

    def __init__(self, W: Array, b: Array, stride: int = 1, pad: int = 0):
        super().__init__(W, b)
        self.stride, self.pad = stride, pad

    def compute(self, x: Tensor, *parameters: Tensor) -> Tensor:
        W, b = parameters
        return F.conv2d(x, W, b, self.stride, self.pad)


class Pooling(Layer):
    """The maximum of each window; as in the book, padding zeros count."""

    def __init__(self, pool_h: int, pool_w: int, stride: int = 1, pad: int = 0):
        self.pool_h, self.pool_w, self.stride, self.pad = pool_h, pool_w, stride, pad

    def compute(self, x: Tensor, *parameters: Tensor) -> Tensor:
        p = self.pad
        return F.max_pool2d(ops.pad(x, ((0, 0), (0, 0), (p, p), (p, p))), (self.pool_h, self.pool_w), self.stride)


class SoftmaxWithLoss(Layer):
    """The mean cross-entropy of softmax(x) and classes or one-hot rows `t`; `y` holds the probabilities.

    Differs from the book: no small constant is added inside the logarithm.
    """

    y: Array
    loss: float

    def forward(self, x: Array, t: Any = None) -> Any:
        """Return the loss as a number."""
        self.t = t
        self.loss = float(super().forward(x))
        return self.loss

    def compute(self, x: Tensor, *parameters: Tensor) -> Tensor:
        self.y = np.array(F.softmax(x.detach(), 1).array)
        return F.cross_entropy(x, labels(self.t))


class Trainer(training.Trainer):
    """A Trainer that also trains the book's networks: objects with params, predict, loss and gradient."""

    def __init__(self, network: Any, *args: Any, **options: Any):
        super().__init__(network if isinstance(network, Module) else _Wrapped(network), *args, **options)

    def train_step(self, x: Any, t: Any) -> tuple[float, int]:
        done = super().train_step(x, t)
        self._copy_back()
        return done

    def forward(self, x: Any, t: Any) -> tuple[Tensor, Tensor]:
        if not isinstance(self.network, _Wrapped):
            return super().forward(x, t)
        return self.network(x), cast(Tensor, _Loss.apply(self.network.wrapped, x.array, t, *self.network.parameters()))

    def load_state_dict(self, state: Any) -> None:
        try:
            super().load_state_dict(state)
        finally:
            self._copy_back()

    def _copy_back(self) -> None:
        if isinstance(self.network, _Wrapped):
            self.network.copy_back()


class _Wrapped(Module):
    """A Module around a network of the book, with copies of its parameters."""

    def __init__(self, network: Any):
        super().__init__()
        self.wrapped = network
        for name, array in network.params.items():
            self.register_parameter(name, Parameter(_floats(array)))

    def forward(self, x: Tensor) -> Tensor:
        return tensor(self.wrapped.predict(x.array))

    def copy_back(self) -> None:
        """Write the parameters into the network's own arrays, which its layers hold, too."""
        for name, parameter in self.named_parameters():
            self.wrapped.params[name][...] = parameter.array


class _Loss(Function):
    """The loss of a network of the book, whose gradient is the network's `gradient`."""

    @staticmethod
    def forward(ctx: Any, network: Any, x: Array, t: Array, *parameters: Tensor) -> Tensor:
        ctx.gradients = network.gradient(x, t)
        ctx.names = list(network.params)
        ctx.dtype = parameters[0].dtype
        return tensor(network.loss(x, t), ctx.dtype)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        (g,) = gradients
        return None, None, None, *(g * tensor(ctx.gradients[name], ctx.dtype) for name in ctx.names)


def _floats(array: Any) -> Array:
    given = np.asarray(array)
    return given if given.dtype.kind == "f" else given.astype(np.float64)
