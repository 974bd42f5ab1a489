"""BookNetwork: the common interface of the networks of "Deep Learning from Scratch", on top of a Module."""

from __future__ import annotations

import copy
import math
import os
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import Any

import numpy as np

from minigrad import autograd
from minigrad.arrays import Array, array_of, shape_of
from minigrad.errors import DTypeError, ShapeError, WeightsFileError
from minigrad.nn import Conv2d, Linear, Module, Parameter, init
from minigrad.nn import functional as F
from minigrad.nn.inference import evaluating, scores
from minigrad.serialization import load, save
from minigrad.tensors.tensor import Tensor, tensor

__all__ = ["BookNetwork", "classes", "deviation", "initialize", "numerical_gradient", "read_params"]

INITIAL = {"relu": 2.0, "he": 2.0, "sigmoid": 1.0, "xavier": 1.0}  # the variance of a weight, times fan_in


class BookNetwork(Module):
    """Base class of classifiers with the book's methods, which name parameters W1 b1 W2 b2 ... in the order of the layers.

    Parameters have the book's layouts there: a linear weight is (in, out) instead of (out, in).
    """

    def __call__(self, x: Any) -> Tensor:
        """Run `forward` on a tensor: an array is converted before the call, so that pictures know it as the argument."""
        return super().__call__(self._as_input(x))

    def predict(self, x: Any, train_flg: bool = False) -> Array:
        """Return the scores before softmax as an array, without recording; with `train_flg` in training mode (dropout)."""
        with evaluating(self):
            if train_flg:
                self.train()
            return self(x).array

    def loss(self, x: Any, t: Any) -> Tensor:
        """Return the mean cross-entropy of a batch; `t` holds classes (N,) or (N, 1), or one-hot rows (N, C)."""
        return F.cross_entropy(self(x), classes(t))

    def gradient(self, x: Any, t: Any) -> dict[str, Array]:
        """Return the gradient of the loss as arrays W1 b1 W2 b2 ... in the book's layouts; `.grad` is not changed."""
        named = _parameters(self)
        gradients = autograd.grad(self.loss(x, t), [parameter for parameter, _ in named.values()])
        return {name: _swapped(g.array, named[name][1]).copy() for name, g in zip(named, gradients, strict=True)}

    def numerical_gradient(self, x: Any, t: Any) -> dict[str, Array]:
        """Return `gradient` by central differences in float64: two passes for each weight, so for small networks only."""
        wide = copy.deepcopy(self).double()
        params, images = wide.params, np.asarray(x, np.float64)

        def loss(name: str) -> Callable[[Array], float]:
            original = params[name]

            def at(values: Array) -> float:
                params[name] = values
                value = float(wide.loss(images, t).item())
                params[name] = original  # or the last element would stay shifted while others are differentiated
                return value

            return at

        return {name: numerical_gradient(loss(name), params[name]) for name in params}

    def accuracy(self, x: Any, t: Any, batch_size: int = 100) -> float:
        """Return the fraction of images whose highest score is that of their class, in evaluation mode."""
        if not len(x):
            raise ValueError("accuracy: no images")
        return float(np.mean(scores(self, x, batch_size).argmax(1) == classes(t)))

    @property
    def params(self) -> MutableMapping[str, Array]:
        """The parameters as arrays W1 b1 W2 b2 ... in the book's layouts; reading copies, assignment replaces."""
        return _BookParams(self)

    def save_params(self, file_name: str | os.PathLike[str] = "params.npz") -> None:
        """Write the parameters under the book's names to a `.npz` or `.safetensors` file, atomically."""
        save(dict(self.params), file_name)

    def load_params(self, file_name: str | os.PathLike[str] = "params.npz") -> None:
        """Read all parameters from a file of `save_params`, or from the book's `params.pkl`.

        Raises WeightsFileError for a damaged file, or one whose arrays do not fit; no parameter is changed then.
        """
        params = self.params
        params.update(read_params(file_name, params, type(self).__name__))

    def _as_input(self, x: Any) -> Tensor:
        return x if isinstance(x, Tensor) else tensor(x, next(self.parameters()).dtype)


class _BookParams(MutableMapping[str, Array]):
    """View of a network's parameters under the book's names and in its layouts."""

    def __init__(self, net: Module):
        self._net = net

    def __getitem__(self, name: str) -> Array:
        parameter, swap = _parameters(self._net)[name]
        return _swapped(parameter.array, swap).copy()

    def __setitem__(self, name: str, value: Any) -> None:
        parameter, swap = _parameters(self._net)[name]
        array = _swapped(np.asarray(value), swap)
        if array.shape != parameter.shape:
            raise ShapeError(f"params[{name!r}]: has shape {np.shape(value)}, expected {self[name].shape}")
        parameter.replace_array(np.array(array, parameter.dtype, order="C"))

    def __delitem__(self, name: str) -> None:
        raise TypeError("the parameters of a network cannot be deleted")

    def __iter__(self) -> Iterator[str]:
        return iter(_parameters(self._net))

    def __len__(self) -> int:
        return len(_parameters(self._net))

    def __repr__(self) -> str:
        return "{" + ", ".join(f"{name}: {self[name].shape}" for name in self) + "}"


def numerical_gradient(f: Callable[[Array], float], x: Array) -> Array:
    """Return the gradient of `f` at `x` by central differences with the book's step of 1e-4.

    `f` maps an array to a number; `x` is modified in place meanwhile, and restored, also if `f` fails. Raises DTypeError
    for an array of integers, in which a step of 1e-4 would be lost.

    >>> numerical_gradient(lambda x: float((x**2).sum()), np.array([3.0, 4.0])).round(6)
    array([6., 8.])
    """
    if x.dtype.kind != "f":
        raise DTypeError(f"numerical_gradient: x must be an array of floats, got {x.dtype}\n  hint: x.astype(float)")
    h, gradient = 1e-4, np.zeros_like(x)
    for at in np.ndindex(x.shape):
        value = x[at]
        try:
            x[at] = value + h
            above = f(x)
            x[at] = value - h
            gradient[at] = (above - f(x)) / (2 * h)
        finally:
            x[at] = value
    return gradient


def read_params(file_name: str | os.PathLike[str], params: Mapping[str, Array], owner: str) -> dict[str, Array]:
    """Return the arrays of a weights file under the names of `params`.

    Raises WeightsFileError for a damaged file, and for one whose names or shapes differ, with a list of all of them, in the
    name of the network `owner`.
    """
    found = load(file_name)
    found = found if isinstance(found, dict) else {}  # a file of something else lacks every name
    problems = [f"{name}: missing" for name in params if name not in found]
    problems += [f"{name}: unexpected" for name in found if name not in params]
    problems += [
        f"{name}: has shape {shape_of(found[name])}, the network {array.shape}"
        for name, array in params.items()
        if name in found and shape_of(found[name]) != array.shape
    ]
    if problems:
        raise WeightsFileError(f"{file_name}: does not fit this {owner}\n  " + "\n  ".join(problems))
    return {name: array_of(value) for name, value in found.items()}


def classes(t: Any) -> Array:
    """Return the classes (N,) of labels: classes (N,) or (N, 1), or one-hot rows (N, C)."""
    labels = array_of(t)
    if labels.ndim != 2:
        return labels
    return labels.argmax(1) if labels.shape[1] > 1 else labels[:, 0]


def deviation(std: float | str, fan_in: int, owner: str) -> float:
    """Return the standard deviation of a weight.

    `std` is a number, or "relu"/"he" for sqrt(2/fan_in), or "sigmoid"/"xavier" for sqrt(1/fan_in). Raises ValueError for
    another word, in the name of the network `owner`.
    """
    if not isinstance(std, str):
        return std
    if std.lower() not in INITIAL:
        raise ValueError(f"{owner}: weight_init_std must be a number or one of {', '.join(INITIAL)}, got {std!r}")
    return math.sqrt(INITIAL[std.lower()] / fan_in)


def initialize(net: Module, std: float | str) -> None:
    """Initialize the layers of a network: weights from a normal distribution (see `deviation`), biases to zero."""
    for layer in _layers(net):
        fan_in = math.prod(layer.weight.shape[1:])
        init.normal_(layer.weight, 0.0, deviation(std, fan_in, type(net).__name__))
        if layer.bias is not None:
            init.zeros_(layer.bias)


def _layers(net: Module) -> list[Conv2d | Linear]:
    return [module for module in net.modules() if isinstance(module, Conv2d | Linear)]


def _parameters(net: Module) -> dict[str, tuple[Parameter, bool]]:
    """Return each parameter under its name in the book, and whether its axes are swapped there."""
    named = {}
    for i, layer in enumerate(_layers(net), 1):
        named[f"W{i}"] = layer.weight, isinstance(layer, Linear)
        if layer.bias is not None:
            named[f"b{i}"] = layer.bias, False
    return named


def _swapped(array: Array, swap: bool) -> Array:
    return array.T if swap else array
