"""The names of "Deep Learning from Scratch", chapters 3 to 8, so that its programs run when they import this package.

The package has the book's import paths: ``from common.layers import *`` becomes ``from minigrad.interop.book.common.layers
import *``, ``from dataset.mnist import load_mnist`` becomes ``from minigrad.interop.book.dataset.mnist import load_mnist``,
and ``from simple_convnet import SimpleConvNet`` becomes ``from minigrad.interop.book.simple_convnet import SimpleConvNet``.
All names are also here, at the top.

Layers and networks map arrays to arrays, as in the book; behind them are minigrad's operations and `autograd.grad`, its
optimizers, its Trainer and its files. docs/coming_from_the_book.md has a table of what to use instead of each, one day.
"""

from minigrad.interop.book.common.functions import (
    cross_entropy_error,
    identity_function,
    relu,
    relu_grad,
    sigmoid,
    sigmoid_grad,
    softmax,
    softmax_loss,
    step_function,
    sum_squared_error,
)
from minigrad.interop.book.common.gradient import numerical_gradient, numerical_gradient_2d
from minigrad.interop.book.common.layers import (
    Affine,
    BatchNormalization,
    Convolution,
    Dropout,
    Pooling,
    Relu,
    Sigmoid,
    SoftmaxWithLoss,
)
from minigrad.interop.book.common.multi_layer_net import MultiLayerNet
from minigrad.interop.book.common.multi_layer_net_extend import MultiLayerNetExtend
from minigrad.interop.book.common.optimizer import SGD, AdaGrad, Adam, Momentum, Nesterov, RMSprop
from minigrad.interop.book.common.trainer import Trainer
from minigrad.interop.book.common.util import col2im, conv_output_size, im2col, shuffle_dataset, smooth_curve
from minigrad.interop.book.dataset.mnist import load_mnist
from minigrad.interop.book.deep_convnet import DeepConvNet
from minigrad.interop.book.simple_convnet import SimpleConvNet
from minigrad.interop.book.two_layer_net import TwoLayerNet
from minigrad.viz.filters import filter_show

__all__ = [
    "SGD", "AdaGrad", "Adam", "Affine", "BatchNormalization", "Convolution", "DeepConvNet", "Dropout", "Momentum",
    "MultiLayerNet", "MultiLayerNetExtend", "Nesterov", "Pooling", "RMSprop", "Relu", "Sigmoid", "SimpleConvNet",
    "SoftmaxWithLoss", "Trainer", "TwoLayerNet", "col2im", "conv_output_size", "cross_entropy_error", "filter_show",
    "identity_function", "im2col", "load_mnist", "numerical_gradient", "numerical_gradient_2d", "relu", "relu_grad",
    "shuffle_dataset", "sigmoid", "sigmoid_grad", "smooth_curve", "softmax", "softmax_loss", "step_function",
    "sum_squared_error",
]  # fmt: skip
