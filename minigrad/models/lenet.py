"""LeNet-5, an early convolutional network: Y. LeCun, L. Bottou, Y. Bengio, P. Haffner (1998), doi:10.1109/5.726791."""

from __future__ import annotations

from typing import Any

from minigrad.models.book_network import BookNetwork, initialize
from minigrad.nn import AvgPool2d, Conv2d, Linear, MaxPool2d, ReLU, Sigmoid, Tanh
from minigrad.tensors.tensor import Tensor

__all__ = ["LeNet5"]

ACTIVATIONS = {"sigmoid": (Sigmoid, "xavier"), "tanh": (Tanh, "xavier"), "relu": (ReLU, "he")}
SUBSAMPLINGS = {"average": AvgPool2d, "max": MaxPool2d}


class LeNet5(BookNetwork):
    """Conv 5x5 - subsampling - Conv 5x5 - subsampling - Affine - Affine - Affine - Softmax, for 28x28 images.

    Differences from present networks, according to the book (7.6.1): the activation was a sigmoid, where ReLU is common now
    (`activation`: "sigmoid", "tanh" or "relu"), and images were reduced by averaging, where the maximum is common now
    (`subsampling`: "average" or "max"). ``LeNet5(activation="relu", subsampling="max")`` is the modern variant.

    Simplified, as is usual: subsampling has no weights, every map of the second convolution sees all six of the first, and
    the scores go to a softmax instead of radial basis functions. Images are padded to the 32x32 of the paper.

    >>> import numpy as np
    >>> net = LeNet5()
    >>> net.predict(np.zeros((2, 1, 28, 28), np.float32)).shape, sum(p.numel() for p in net.parameters())
    ((2, 10), 61706)
    """

    def __init__(
        self, input_channels: int = 1, output_size: int = 10, activation: str = "tanh", subsampling: str = "average"
    ):
        super().__init__()
        if activation not in ACTIVATIONS:
            raise ValueError(f"LeNet5: activation must be one of {', '.join(ACTIVATIONS)}, got {activation!r}")
        if subsampling not in SUBSAMPLINGS:
            raise ValueError(f"LeNet5: subsampling must be one of {', '.join(SUBSAMPLINGS)}, got {subsampling!r}")
        act, std = ACTIVATIONS[activation]
        self.conv1, self.act1, self.pool1 = Conv2d(input_channels, 6, 5, padding=2), act(), SUBSAMPLINGS[subsampling](2)
        self.conv2, self.act2, self.pool2 = Conv2d(6, 16, 5), act(), SUBSAMPLINGS[subsampling](2)
        self.fc1, self.act3 = Linear(16 * 5 * 5, 120), act()
        self.fc2, self.act4 = Linear(120, 84), act()
        self.fc3 = Linear(84, output_size)
        initialize(self, std)

    def forward(self, x: Any) -> Tensor:
        """Return the scores before softmax, (N, output_size), of images (N, input_channels, 28, 28)."""
        x = self.pool1(self.act1(self.conv1(self._as_input(x))))
        x = self.pool2(self.act2(self.conv2(x))).flatten(1)
        return self.fc3(self.act4(self.fc2(self.act3(self.fc1(x)))))
