"""The network of chapter 7 of "Deep Learning from Scratch": Conv - ReLU - Pool - Affine - ReLU - Affine - Softmax."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from minigrad.errors import ShapeError, did_you_mean
from minigrad.kernels.geometry import output_size
from minigrad.models.book_network import BookNetwork, initialize
from minigrad.nn import Conv2d, Linear, MaxPool2d, ReLU
from minigrad.tensors.tensor import Tensor

__all__ = ["SimpleConvNet"]

CONV_PARAM = {"filter_num": 30, "filter_size": 5, "pad": 0, "stride": 1}


class SimpleConvNet(BookNetwork):
    """A small convolutional network for image classification, with the book's interface on top of a Module.

    * `input_dim`: the shape (C, H, W) of an image.
    * `conv_param`: the options of the convolution, "filter_num" (30), "filter_size" (5), "pad" (0) and "stride" (1).
    * `hidden_size`, `output_size`: the widths of the two linear layers.
    * `weight_init_std`: a standard deviation, or "relu"/"he" for sqrt(2/fan_in), or "sigmoid"/"xavier" for sqrt(1/fan_in).

    Raises ShapeError if the convolution or the pooling does not divide its input evenly.

    Differs from the book: the pooled size respects pad and stride (the book's formula divides the wrong way), sizes that
    are not integers are refused, and loss and gradient share one forward pass.

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
        for key in conv_param or ():
            if key not in CONV_PARAM:
                hint = did_you_mean(key, CONV_PARAM) or f"; there are {', '.join(CONV_PARAM)}"
                raise ValueError(f"SimpleConvNet: unknown conv_param {key!r}{hint}")
        conv = {**CONV_PARAM, **(conv_param or {})}
        self.input_dim = C, H, W = tuple(input_dim)
        size, stride, pad = conv["filter_size"], conv["stride"], conv["pad"]
        self.conv1 = Conv2d(C, conv["filter_num"], size, stride, pad, rounding="exact")
        self.relu1 = ReLU()
        self.pool1 = MaxPool2d(2)
        OH, OW = (_pooled(n, size, stride, pad) for n in (H, W))
        self.fc1 = Linear(conv["filter_num"] * OH * OW, hidden_size)
        self.relu2 = ReLU()
        self.fc2 = Linear(hidden_size, output_size)
        initialize(self, weight_init_std)

    def forward(self, x: Any) -> Tensor:
        """Return the scores before softmax, (N, output_size), of images (N, C, H, W)."""
        x = self.pool1(self.relu1(self.conv1(self._as_input(x))))
        return self.fc2(self.relu2(self.fc1(x.flatten(1))))


def _pooled(n: int, size: int, stride: int, pad: int) -> int:
    convolved = output_size(n, size, stride, pad, rounding="exact", op="SimpleConvNet convolution")
    return output_size(convolved, 2, 2, rounding="exact", op="SimpleConvNet pooling")
