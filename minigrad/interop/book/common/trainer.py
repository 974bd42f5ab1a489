"""The Trainer for the book's networks: its `common/trainer.py`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from minigrad import training
from minigrad.arrays import Array
from minigrad.autograd import Function
from minigrad.interop.book.common.functions import floats
from minigrad.interop.book.common.optimizer import OPTIMIZERS
from minigrad.interop.book.network import Network
from minigrad.nn import Module, Parameter
from minigrad.tensors.tensor import Tensor, tensor

__all__ = ["Trainer"]


class Trainer(training.Trainer):
    """A `training.Trainer` that also trains the book's networks: objects with params, predict, loss and gradient.

    The book's names of optimizers ("sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam") mean those of
    `common.optimizer`; the default is SGD, as in the book.

    Differs from the book: each epoch visits every sample once, in random order, instead of drawing them with replacement,
    and accuracies are measured after each epoch, not after its first batch.

    >>> import numpy as np
    >>> from minigrad.interop.book.two_layer_net import TwoLayerNet
    >>> x, t = np.eye(4), np.arange(4)
    >>> trainer = Trainer(TwoLayerNet(4, 8, 4), x, t, x, t, epochs=2, mini_batch_size=2, verbose=False)
    >>> trainer.train()
    >>> len(trainer.history)
    2
    """

    def __init__(
        self, network: Any, x_train: Any, t_train: Any = None, x_test: Any = None, t_test: Any = None, epochs: int = 20,
        mini_batch_size: int = 100, optimizer: Any = "SGD", optimizer_param: dict[str, Any] | None = None, *args: Any,
        **options: Any,
    ):  # fmt: skip
        module = network if isinstance(network, Module) else _Wrapped(network)
        if isinstance(optimizer, str) and optimizer.lower() in OPTIMIZERS:
            optimizer = OPTIMIZERS[optimizer.lower()](**(optimizer_param or {})).over(module.parameters())
            optimizer_param = None
        super().__init__(
            module, x_train, t_train, x_test, t_test, epochs, mini_batch_size, optimizer, optimizer_param, *args, **options
        )

    def train_step(self, x: Any, t: Any) -> tuple[float, int]:
        done = super().train_step(x, t)
        self._copy_back()
        return done

    def forward(self, x: Any, t: Any) -> tuple[Tensor, Tensor]:
        if not isinstance(self.network, _Wrapped):
            return super().forward(x, t)
        network, images = self.network.wrapped, x.array
        if isinstance(network, Network):
            scores, loss, gradient = network.forward_backward(images, t)
        else:
            gradient, loss, scores = network.gradient(images, t), network.loss(images, t), network.predict(images)
        return tensor(scores), cast(
            Tensor, _Loss.apply(loss, {name: gradient[name] for name in network.params}, *self.network.parameters())
        )

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
            self.register_parameter(name, Parameter(floats(array)))

    def forward(self, x: Tensor) -> Tensor:
        return tensor(self.wrapped.predict(x.array))

    def copy_back(self) -> None:
        """Write the parameters into the network's own arrays, which its layers hold, too."""
        for name, parameter in self.named_parameters():
            self.wrapped.params[name][...] = parameter.array


class _Loss(Function):
    """A loss, given with its gradient for each parameter."""

    @staticmethod
    def forward(ctx: Any, loss: float, gradient: Mapping[str, Array], *parameters: Tensor) -> Tensor:
        ctx.gradients = list(gradient.values())
        ctx.dtype = parameters[0].dtype
        return tensor(loss, ctx.dtype)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        (g,) = gradients
        return None, None, *(g * tensor(gradient, ctx.dtype) for gradient in ctx.gradients)
