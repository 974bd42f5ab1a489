"""The deep network of chapter 8 of "Deep Learning from Scratch": small filters, many layers, dropout."""

from __future__ import annotations

from typing import Any

from minigrad.models.book_network import BookNetwork, initialize
from minigrad.nn import Conv2d, Dropout, Linear, MaxPool2d, ReLU, Sequential
from minigrad.tensors.tensor import Tensor

__all__ = ["DeepConvNet"]


class DeepConvNet(BookNetwork):
    """Conv - ReLU - Conv - ReLU - Pool three times, then Affine - ReLU - Dropout - Affine - Dropout - Softmax.

    All filters are 3x3, as in VGG: two of them in a row see 5x5 pixels with 18 weights for each pair of channels instead of
    25, and have one more nonlinearity. The channels are 16, 32 and 64; weights are initialized with standard deviation
    sqrt(2/fan_in) (He); images are 28x28.

    Differs from the book: dropout scales in training instead of in evaluation, which is the same on average.

    >>> import numpy as np
    >>> net = DeepConvNet()
    >>> net.predict(np.zeros((2, 1, 28, 28), np.float32)).shape, net.params["W7"].shape
    ((2, 10), (1024, 50))
    """

    def __init__(self, input_channels: int = 1, hidden_size: int = 50, output_size: int = 10):
        super().__init__()
        self.features = Sequential()
        channels = input_channels
        for wanted, pads in [(16, (1, 1)), (32, (1, 2)), (64, (1, 1))]:  # the fourth padding of 2 turns 14 into an even 16
            for pad in pads:
                self.features.append(Conv2d(channels, wanted, 3, padding=pad)).append(ReLU())
                channels = wanted
            self.features.append(MaxPool2d(2))
        self.fc1 = Linear(64 * 4 * 4, hidden_size)
        self.relu = ReLU()
        self.drop1 = Dropout(0.5)
        self.fc2 = Linear(hidden_size, output_size)
        self.drop2 = Dropout(0.5)
        initialize(self, "he")

    def forward(self, x: Any) -> Tensor:
        """Return the scores before softmax, (N, output_size), of images (N, input_channels, 28, 28)."""
        x = self.features(self._as_input(x)).flatten(1)
        return self.drop2(self.fc2(self.drop1(self.relu(self.fc1(x)))))
