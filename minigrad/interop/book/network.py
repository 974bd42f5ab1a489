"""Network: what the book's networks have in common, a stack of layers whose weights are arrays by name."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from minigrad.arrays import Array
from minigrad.autograd import grad
from minigrad.engine.grad_mode import enable_grad, no_grad
from minigrad.interop.book.common.functions import floats
from minigrad.models.book_network import classes, deviation, numerical_gradient, read_params
from minigrad.serialization import save
from minigrad.tensors.creation import randn
from minigrad.tensors.tensor import Tensor, tensor

from minigrad.interop.book.common.layers import (  # isort: skip
    Affine, Convolution, Layer, SoftmaxWithLoss,
)  # fmt: skip

__all__ = ["Network", "affine", "convolution"]


class Network:
    """A stack of the book's layers, and softmax with cross-entropy at its end.

    `layers` holds the layers by name, in order. `params` holds their arrays as W1 b1 W2 b2 ..., and gamma1 beta1 ... of the
    batch normalization behind the affine layer of that number. The arrays belong to the layers, too: they may be changed in
    place, or replaced in `params`. They are float64; initial weights come from minigrad's generator
    (`minigrad.manual_seed`).

    >>> import minigrad as mg
    >>> net = Network({"Affine1": Affine(np.array([[1.0, -1.0]]), np.zeros(2))})
    >>> x, t = np.array([[2.0], [-1.0]]), np.array([0, 0])
    >>> net.predict(x).tolist(), round(net.loss(x, t), 4), net.accuracy(x, t)
    ([[2.0, -2.0], [-1.0, 1.0]], 1.0725, 0.5)
    >>> {name: g.round(3) for name, g in net.gradient(x, t).items()}
    {'W1': array([[ 0.422, -0.422]]), 'b1': array([-0.449,  0.449])}
    """

    def __init__(self, layers: Mapping[str, Layer], weight_decay_lambda: float = 0):
        self.layers = dict(layers)
        self.last_layer = SoftmaxWithLoss()
        self.weight_decay_lambda = weight_decay_lambda
        self.params: dict[str, Array] = {}
        self._owners: dict[str, tuple[Layer, str]] = {}
        number = 0
        for layer in self.layers.values():
            number += isinstance(layer, Affine | Convolution)
            for name in layer.parameters:
                self._owners[f"{name}{number}"] = layer, name
                self.params[f"{name}{number}"] = getattr(layer, name)

    def predict(self, x: Array, train_flg: bool = False) -> Array:
        """Return the scores (N, C) before softmax; with `train_flg` in training mode (dropout, batch normalization)."""
        with no_grad():
            return np.array(self._scores(x, self._tensors(), train_flg).array)

    def loss(self, x: Array, t: Array, train_flg: bool = False) -> float:
        """Return the mean cross-entropy, plus half of weight_decay_lambda times the sum of the squared weights."""
        loss: float = self.last_layer.forward(self.predict(x, train_flg), t)
        return loss + float(self._decay(self.params))

    def accuracy(self, x: Array, t: Array, batch_size: int = 1000) -> float:
        """Return the fraction of samples whose highest score is that of their class; `t` holds classes or one-hot rows."""
        if not len(x):
            raise ValueError("accuracy: no images")
        scores = (self.predict(x[i : i + batch_size]) for i in range(0, len(x), batch_size))
        return float(np.mean(np.concatenate([y.argmax(1) for y in scores]) == classes(t)))

    def gradient(self, x: Array, t: Array) -> dict[str, Array]:
        """Return the gradient of the loss in training mode, for each of `params`; layers keep theirs as dW, db ..."""
        return self.forward_backward(x, t)[2]

    def forward_backward(self, x: Array, t: Array) -> tuple[Array, float, dict[str, Array]]:
        """Return scores, loss and gradient of one pass in training mode."""
        self.last_layer.t = np.asarray(t)
        with enable_grad():
            tensors = self._tensors()
            scores = self._scores(x, tensors, train_flg=True)
            loss = self.last_layer.compute(scores) + self._decay(tensors)
        gradients = zip(tensors, grad(loss, list(tensors.values())), strict=True)
        found = {name: np.array(g.array) for name, g in gradients}
        for name, (layer, attribute) in self._owners.items():
            setattr(layer, f"d{attribute}", found[name])
        value = self.last_layer.forward(scores.array, t) + float(self._decay(self.params))  # with the book's constant
        return np.array(scores.array), value, found

    def numerical_gradient(self, x: Array, t: Array) -> dict[str, Array]:
        """Return `gradient` by central differences: two passes for each weight, so for small networks only."""
        return {name: numerical_gradient(lambda _: self.loss(x, t, True), W) for name, W in self.params.items()}

    def save_params(self, file_name: str | os.PathLike[str] = "params.npz") -> None:
        """Write `params` to a file, atomically; the format is that of `minigrad.save`, also under the suffix `.pkl`."""
        save(self.params, file_name)

    def load_params(self, file_name: str | os.PathLike[str] = "params.npz") -> None:
        """Read all of `params` from a file of `save_params`, or from the book's `params.pkl`, which is not unpickled.

        Raises WeightsFileError for a damaged file, or one whose arrays do not fit; no array is changed then.
        """
        for name, array in read_params(file_name, self.params, type(self).__name__).items():
            self.params[name][...] = array

    def _tensors(self) -> dict[str, Tensor]:
        for name, (layer, attribute) in self._owners.items():
            setattr(layer, attribute, self.params[name])  # where an array was replaced
        return {name: tensor(floats(self.params[name]), requires_grad=True) for name in self._owners}

    def _scores(self, x: Array, tensors: Mapping[str, Tensor], train_flg: bool) -> Tensor:
        parameters = iter(tensors.values())  # in the order of the layers
        out = tensor(floats(x))
        for layer in self.layers.values():
            layer.training = train_flg
            out = layer.compute(out, *(next(parameters) for _ in layer.parameters))
        return out

    def _decay(self, params: Mapping[str, Any]) -> Any:
        if not self.weight_decay_lambda:
            return 0.0
        return 0.5 * self.weight_decay_lambda * sum((W * W).sum() for name, W in params.items() if name[0] == "W")


def affine(inputs: int, outputs: int, std: float | str, owner: str) -> Affine:
    """Return a layer with weights of standard deviation `std` (see `models.book_network.deviation`) and biases of zero."""
    return Affine(_normal(inputs, outputs, std=deviation(std, inputs, owner)), np.zeros(outputs))


def convolution(conv_param: Mapping[str, int], channels: int, std: float | str, owner: str) -> Convolution:
    """Return a convolution with "filter_num", "filter_size", "stride" (1) and "pad" (0) of `conv_param`; see `affine`."""
    count, size = conv_param["filter_num"], conv_param["filter_size"]
    W = _normal(count, channels, size, size, std=deviation(std, channels * size**2, owner))
    return Convolution(W, np.zeros(count), conv_param.get("stride", 1), conv_param.get("pad", 0))


def _normal(*shape: int, std: float) -> Array:
    return std * randn(*shape, dtype=np.float64).array
