"""The network of chapter 7 of "Deep Learning from Scratch": Conv - ReLU - Pool - Affine - ReLU - Affine - Softmax."""

from __future__ import annotations

import difflib
import math
import os
from collections.abc import Iterator, Mapping, MutableMapping
from pathlib import Path
from typing import Any

import numpy as np

from minigrad import autograd
from minigrad.errors import ShapeError, WeightsFileError
from minigrad.graph import no_grad
from minigrad.nn import Conv2d, Linear, MaxPool2d, Module, Parameter, ReLU, init
from minigrad.nn import functional as F
from minigrad.ops.convolution import output_size
from minigrad.primitive import Array
from minigrad.serialization import load_npz, load_pickled_params, save_npz
from minigrad.tensor import Tensor

__all__ = ["SimpleConvNet"]

CONV_PARAM = {"filter_num": 30, "filter_size": 5, "pad": 0, "stride": 1}
INITIAL = {"relu": 2.0, "he": 2.0, "sigmoid": 1.0, "xavier": 1.0}  # the variance of a weight, times fan_in


class SimpleConvNet(Module):
    """A small convolutional network for classifying images, with the book's interface on top of a Module.

    `input_dim` is (C, H, W); `weight_init_std` a standard deviation, or "relu"/"he" for sqrt(2/fan_in), or
    "sigmoid"/"xavier" for sqrt(1/fan_in). Raises ShapeError where convolution or pooling would not come out even.

    Differs from the book: the pooled size honours pad and stride (the book's formula divides the wrong way), sizes that
    are not integral are refused, and there is one forward pass for loss and gradient.

    >>> import numpy as np
    >>> net = SimpleConvNet(input_dim=(1, 8, 8))
    >>> x, t = np.zeros((2, 1, 8, 8), np.float32), np.array([3, 7])
    >>> net.predict(x).shape, net.gradient(x, t)["W1"].shape
    ((2, 10), (30, 1, 5, 5))
    """

    def __init__(
        self,
        input_dim: tuple[int, int, int] = (1, 28, 28),
        conv_param: Mapping[str, int] | None = None,
        hidden_size: int = 100,
        output_size: int = 10,
        weight_init_std: float | str = 0.01,
    ):
        super().__init__()
        if len(input_dim) != 3:
            raise ShapeError(f"SimpleConvNet: input_dim must be (C, H, W), got {tuple(input_dim)}")
        conv = {**CONV_PARAM, **_known(conv_param or {})}
        self.input_dim = C, H, W = tuple(input_dim)
        size, stride, pad = conv["filter_size"], conv["stride"], conv["pad"]
        self.conv1 = Conv2d(C, conv["filter_num"], size, stride, pad, rounding="exact")
        self.relu1 = ReLU()
        self.pool1 = MaxPool2d(2)
        OH, OW = (_pooled(n, size, stride, pad) for n in (H, W))
        self.fc1 = Linear(conv["filter_num"] * OH * OW, hidden_size)
        self.relu2 = ReLU()
        self.fc2 = Linear(hidden_size, output_size)
        for layer in (self.conv1, self.fc1, self.fc2):
            _initialise(layer, weight_init_std)

    def forward(self, x: Any) -> Tensor:
        """Scores before softmax, (N, output_size), of images (N, C, H, W)."""
        x = x if isinstance(x, Tensor) else Tensor(x, self.conv1.weight.dtype)
        x = self.pool1(self.relu1(self.conv1(x)))
        return self.fc2(self.relu2(self.fc1(x.flatten(1))))

    def predict(self, x: Any) -> Array:
        """Scores before softmax, as an array; nothing is recorded."""
        with no_grad():
            return self(x)._array

    def loss(self, x: Any, t: Any) -> Tensor:
        """The mean cross-entropy of a batch; `t` holds classes (N,), or one-hot rows as the book has them."""
        return F.cross_entropy(self(x), _classes(t))

    def gradient(self, x: Any, t: Any) -> dict[str, Array]:
        """The gradient of the loss as arrays W1 b1 W2 b2 W3 b3 in the book's layouts; `.grad` stays as it was."""
        gradients = autograd.grad(self.loss(x, t), list(_book(self).values()))
        return {name: _swapped(name, g._array).copy() for name, g in zip(_book(self), gradients, strict=True)}

    def accuracy(self, x: Any, t: Any, batch_size: int = 100) -> float:
        """The share of images whose highest score is their class, in 0..1."""
        classes = _classes(t)
        if not len(x):
            raise ValueError("accuracy: no images")
        right = 0
        for start in range(0, len(x), batch_size):
            scores = self.predict(x[start : start + batch_size])
            right += int(np.count_nonzero(scores.argmax(1) == classes[start : start + batch_size]))
        return right / len(x)

    @property
    def params(self) -> MutableMapping[str, Array]:
        """The parameters as arrays W1 b1 W2 b2 W3 b3 in the book's layouts; reading copies, assigning replaces."""
        return _BookParams(self)

    def save_params(self, file_name: str | os.PathLike[str] = "params.npz") -> None:
        """Write the parameters, under the book's names, to a `.npz` file; atomically."""
        if Path(file_name).suffix != ".npz":
            raise ValueError(f"save_params: writes .npz files, got {str(file_name)!r}")
        save_npz(file_name, dict(self.params))

    def load_params(self, file_name: str | os.PathLike[str] = "params.npz") -> None:
        """Read parameters from `save_params`' `.npz`, or from the book's `params.pkl`: all of them, or none.

        Raises WeightsFileError for a damaged file or one whose arrays do not fit.
        """
        read = load_pickled_params if Path(file_name).suffix == ".pkl" else load_npz
        found, own = read(file_name), self.params
        problems = [f"{name}: missing" for name in own if name not in found]
        problems += [f"{name}: unexpected" for name in found if name not in own]
        problems += [
            f"{name}: has shape {found[name].shape}, the network {own[name].shape}"
            for name in own
            if name in found and found[name].shape != own[name].shape
        ]
        if problems:
            raise WeightsFileError(f"{file_name}: does not fit this SimpleConvNet\n  " + "\n  ".join(problems))
        for name, array in found.items():
            own[name] = array


class _BookParams(MutableMapping[str, Array]):
    """The six parameters under the book's names; its affine weights are (in, out), ours (out, in)."""

    def __init__(self, net: SimpleConvNet):
        self._net = net

    def __getitem__(self, name: str) -> Array:
        return _swapped(name, _book(self._net)[name]._array).copy()

    def __setitem__(self, name: str, value: Any) -> None:
        parameter = _book(self._net)[name]
        array = _swapped(name, np.asarray(value))
        if array.shape != parameter.shape:
            raise ShapeError(f"params[{name!r}]: has shape {np.shape(value)}, expected {self[name].shape}")
        parameter._write(np.array(array, parameter.dtype, order="C"))

    def __delitem__(self, name: str) -> None:
        raise TypeError("the parameters of a network cannot be deleted")

    def __iter__(self) -> Iterator[str]:
        return iter(_book(self._net))

    def __len__(self) -> int:
        return len(_book(self._net))

    def __repr__(self) -> str:
        return "{" + ", ".join(f"{name}: {self[name].shape}" for name in self) + "}"


def _book(net: SimpleConvNet) -> dict[str, Parameter]:
    layers = enumerate((net.conv1, net.fc1, net.fc2), 1)
    return {f"{letter}{i}": p for i, layer in layers for letter, p in zip("Wb", layer.parameters(), strict=True)}


def _swapped(name: str, array: Array) -> Array:
    return array.T if name in ("W2", "W3") else array


def _classes(t: Any) -> Array:
    labels = t._array if isinstance(t, Tensor) else np.asarray(t)
    return labels.argmax(1) if labels.ndim == 2 else labels


def _known(conv_param: Mapping[str, int]) -> Mapping[str, int]:
    for key in conv_param:
        if key not in CONV_PARAM:
            close = difflib.get_close_matches(key, CONV_PARAM, 1)
            hint = f"; did you mean {close[0]!r}?" if close else f"; there are {', '.join(CONV_PARAM)}"
            raise ValueError(f"SimpleConvNet: unknown conv_param {key!r}{hint}")
    return conv_param


def _pooled(n: int, size: int, stride: int, pad: int) -> int:
    convolved = output_size(n, size, stride, pad, rounding="exact", op="SimpleConvNet convolution")
    return output_size(convolved, 2, 2, rounding="exact", op="SimpleConvNet pooling")


def _initialise(layer: Conv2d | Linear, std: float | str) -> None:
    if isinstance(std, str):
        if std.lower() not in INITIAL:
            raise ValueError(f"SimpleConvNet: weight_init_std must be a number or one of {', '.join(INITIAL)}, got {std!r}")
        std = math.sqrt(INITIAL[std.lower()] / math.prod(layer.weight.shape[1:]))
    init.normal_(layer.weight, 0.0, std)
    if layer.bias is not None:
        init.zeros_(layer.bias)
