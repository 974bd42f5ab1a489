"""Layers of arrays, with forward and backward: the book's `common/layers.py`.

The book's layers store what `backward` needs. Here a layer is a function of tensors, and `backward` computes the gradients
of the last `forward` with `autograd.grad`. Weights are the caller's arrays, so that an update in place is seen.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad import ops
from minigrad.arrays import Array
from minigrad.autograd import grad
from minigrad.engine.grad_mode import enable_grad
from minigrad.errors import GraphError
from minigrad.interop.book.common.util import col2im, im2col
from minigrad.nn import functional as F
from minigrad.tensors.creation import rand
from minigrad.tensors.tensor import Tensor, tensor

from minigrad.interop.book.common.functions import (  # isort: skip
    cross_entropy_error, floats, identity_function, relu, relu_grad, sigmoid, sigmoid_grad, softmax, softmax_loss,
    step_function, sum_squared_error,
)  # fmt: skip

__all__ = [
    "Affine", "BatchNormalization", "Convolution", "Dropout", "Pooling", "Relu", "Sigmoid", "SoftmaxWithLoss", "col2im",
    "cross_entropy_error", "identity_function", "im2col", "np", "relu", "relu_grad", "sigmoid", "sigmoid_grad", "softmax",
    "softmax_loss", "step_function", "sum_squared_error",
]  # fmt: skip


class Layer:
    """Base class of layers: `compute` is a function of tensors, `forward` and `backward` map arrays to arrays."""

    parameters: tuple[str, ...] = ()  # names of learned attributes; `backward` stores the gradient of W as dW
    training = False  # whether the layer is in training mode; it matters to Dropout and BatchNormalization
    _out: Tensor | None = None

    def compute(self, x: Tensor, *parameters: Tensor) -> Tensor:
        """Compute the layer's output from tensors."""
        raise NotImplementedError

    def forward(self, x: Array) -> Array:
        """Return the layer's output for a batch."""
        with enable_grad():
            self._inputs = [tensor(floats(a), requires_grad=True) for a in (x, *(getattr(self, n) for n in self.parameters))]
            self._out = self.compute(*self._inputs)
        return np.array(self._out.array)

    def backward(self, dout: Any = 1) -> Array:
        """Return the gradient for the input of the last `forward`, given the gradient for its output.

        Raises GraphError before the first `forward`.
        """
        if self._out is None:
            raise GraphError(f"{type(self).__name__}.backward: forward has not been called yet")
        gradients = grad(self._out, self._inputs, tensor(floats(dout), self._out.dtype), retain_graph=True)
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

    def __init__(self, W: Array, b: Any):
        self.W, self.b = W, b


class Affine(_Weighted):
    """``x @ W + b`` with W (in, out); inputs of more than two axes are flattened first."""

    def compute(self, x: Tensor, *parameters: Tensor) -> Tensor:
        W, b = parameters
        return x.flatten(1) @ W + b


class Convolution(_Weighted):
    """Convolution of images (N, C, H, W) with kernels W (F, C, FH, FW); `b` is an array (F,), or one number for all.

    >>> layer = Convolution(np.ones((2, 3, 5, 5)), np.zeros(2))
    >>> layer.forward(np.ones((10, 3, 7, 7))).shape
    (10, 2, 3, 3)
    >>> layer.backward(np.ones((10, 2, 3, 3))).shape, layer.dW.shape, layer.db
    ((10, 3, 7, 7), (2, 3, 5, 5), array([90., 90.]))
    """

    def __init__(self, W: Array, b: Any, stride: int = 1, pad: int = 0):
        super().__init__(W, np.full(len(W), b, float) if np.ndim(b) == 0 else b)
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

    As in the book, `loss` is `cross_entropy_error`, with a small constant inside the logarithm, and its gradient is the
    exact one, without it.

    >>> layer = SoftmaxWithLoss()
    >>> round(layer.forward(np.zeros((1, 2)), np.array([0])), 4), layer.backward()
    (0.6931, array([[-0.5,  0.5]]))
    """

    y: Array
    loss: float

    def forward(self, x: Array, t: Any = None) -> Any:
        """Return the loss as a number."""
        self.t = np.asarray(t)
        super().forward(x)
        self.y = softmax(x)
        self.loss = cross_entropy_error(self.y, self.t)
        return self.loss

    def compute(self, x: Tensor, *parameters: Tensor) -> Tensor:
        one_hot = self.t.size == x.numel()
        return F.cross_entropy(x, tensor(floats(self.t.reshape(x.shape)) if one_hot else self.t.reshape(-1)))


class Dropout(Layer):
    """Set elements to zero with probability `dropout_ratio` in training; otherwise multiply by 1 - dropout_ratio (6.3.3).

    `mask` is True where an element was kept. It is drawn from minigrad's generator (`minigrad.manual_seed`). Srivastava et
    al. (2014); `nn.Dropout` scales in training instead.

    >>> layer = Dropout(0.25)
    >>> layer.forward(np.ones((1, 3)), train_flg=False)
    array([[0.75, 0.75, 0.75]])
    """

    mask: Array

    def __init__(self, dropout_ratio: float = 0.5):
        self.dropout_ratio = dropout_ratio

    def forward(self, x: Array, train_flg: bool = True) -> Array:
        """Return the layer's output for a batch, in training by default."""
        self.training = train_flg
        return super().forward(x)

    def compute(self, x: Tensor, *parameters: Tensor) -> Tensor:
        if not self.training:
            return x * (1.0 - self.dropout_ratio)
        self.mask = rand(*x.shape).array > self.dropout_ratio
        return x * self.mask


class BatchNormalization(Layer):
    """Normalize each number of a sample over the batch, then scale by gamma and shift by beta (6.3.1).

    In training the mean and the variance are those of the batch, and running_mean becomes momentum * running_mean +
    (1 - momentum) * mean; running_var likewise. Both start at zero. Otherwise they are used instead. Images (N, C, H, W) are
    flattened first, so gamma and beta have C * H * W elements. Ioffe and Szegedy (2015).

    >>> layer = BatchNormalization(np.ones(2), np.zeros(2))
    >>> layer.forward(np.array([[1.0, 10.0], [3.0, 30.0]])).round(3), layer.running_mean
    (array([[-1., -1.],
           [ 1.,  1.]]), array([0.2, 2. ]))
    """

    parameters = ("gamma", "beta")
    dgamma: Array
    dbeta: Array

    def __init__(self, gamma: Array, beta: Array, momentum: float = 0.9, running_mean: Any = None, running_var: Any = None):
        self.gamma, self.beta, self.momentum = gamma, beta, momentum
        self.running_mean, self.running_var = running_mean, running_var

    def forward(self, x: Array, train_flg: bool = True) -> Array:
        """Return the layer's output for a batch, in training by default."""
        self.training = train_flg
        return super().forward(x)

    def compute(self, x: Tensor, *parameters: Tensor) -> Tensor:
        gamma, beta = parameters
        rows = x.flatten(1)
        if self.running_mean is None:
            self.running_mean, self.running_var = np.zeros(rows.shape[1]), np.zeros(rows.shape[1])
        mean, var = self.running_mean, self.running_var
        if self.training:
            mean, var = rows.mean(0), rows.var(0, correction=0)
            self.running_mean = self.momentum * self.running_mean + (1 - self.momentum) * mean.array
            self.running_var = self.momentum * self.running_var + (1 - self.momentum) * var.array
        return F.batch_norm(rows, mean, var, gamma, beta, eps=10e-7).reshape(x.shape)
