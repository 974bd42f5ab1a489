"""AlexNet: A. Krizhevsky, I. Sutskever, G. Hinton (2012)."""

from __future__ import annotations

from minigrad.models.book_network import initialize
from minigrad.tensors.tensor import Tensor

from minigrad.nn import (  # isort: skip
    AdaptiveAvgPool2d, Conv2d, Dropout, Flatten, Linear, LocalResponseNorm, MaxPool2d, Module, ReLU, Sequential,
)  # fmt: skip

__all__ = ["AlexNet", "AlexNetSmall"]


class AlexNet(Module):
    """Five convolutions and three linear layers for images (N, 3, 224, 224), with torchvision's layers and state names.

    Differences from LeNet, according to the book (7.6.2): the activation is ReLU, local response normalization follows the
    first two convolutions, and dropout precedes the large linear layers. Besides, pooling overlaps: windows of 3 with
    stride 2.

    Widths are those of the single-column version (Krizhevsky, 2014, "One weird trick for parallelizing convolutional neural
    networks"), 64 192 384 256 256, as in torchvision; the paper's were 96 256 384 384 256, split between two GPUs.
    torchvision omits local response normalization: with ``local_response_norm=False`` its weights yield its scores.

    >>> sum(p.numel() for p in AlexNet().parameters())  # doctest: +SKIP
    61100840
    """

    def __init__(self, num_classes: int = 1000, dropout: float = 0.5, local_response_norm: bool = True):
        super().__init__()
        norms = [{name: LocalResponseNorm(5, 5e-4, 0.75, 2.0)} if local_response_norm else {} for name in ("1n", "4n")]
        self.features = Sequential({
            "0": Conv2d(3, 64, 11, stride=4, padding=2), "1": ReLU(), **norms[0], "2": MaxPool2d(3, 2),
            "3": Conv2d(64, 192, 5, padding=2), "4": ReLU(), **norms[1], "5": MaxPool2d(3, 2),
            "6": Conv2d(192, 384, 3, padding=1), "7": ReLU(),
            "8": Conv2d(384, 256, 3, padding=1), "9": ReLU(),
            "10": Conv2d(256, 256, 3, padding=1), "11": ReLU(), "12": MaxPool2d(3, 2),
        })  # fmt: skip
        self.avgpool = AdaptiveAvgPool2d((6, 6))
        self.classifier = Sequential(
            Dropout(dropout), Linear(256 * 6 * 6, 4096), ReLU(),
            Dropout(dropout), Linear(4096, 4096), ReLU(),
            Linear(4096, num_classes),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        """Return the scores before softmax, (N, num_classes)."""
        return self.classifier(self.avgpool(self.features(x)).flatten(1))


class AlexNetSmall(Module):
    """AlexNet for images (N, C, 28, 28): the same layers in the same order, but smaller, and a first stride of 1.

    Weights are initialized with standard deviation sqrt(2/fan_in) (He).

    >>> import minigrad as mg
    >>> AlexNetSmall()(mg.zeros(2, 1, 28, 28)).shape
    (2, 10)
    """

    def __init__(self, input_channels: int = 1, num_classes: int = 10, dropout: float = 0.5):
        super().__init__()
        self.features = Sequential(
            Conv2d(input_channels, 32, 5, padding=2), ReLU(), LocalResponseNorm(5, 5e-4, 0.75, 2.0), MaxPool2d(3, 2),  # 13
            Conv2d(32, 64, 5, padding=2), ReLU(), LocalResponseNorm(5, 5e-4, 0.75, 2.0), MaxPool2d(3, 2),  # 6
            Conv2d(64, 96, 3, padding=1), ReLU(),
            Conv2d(96, 64, 3, padding=1), ReLU(),
            Conv2d(64, 64, 3, padding=1), ReLU(), MaxPool2d(3, 2),  # 2
        )  # fmt: skip
        self.classifier = Sequential(
            Flatten(), Dropout(dropout), Linear(64 * 2 * 2, 256), ReLU(),
            Dropout(dropout), Linear(256, 256), ReLU(),
            Linear(256, num_classes),
        )  # fmt: skip
        initialize(self, "he")

    def forward(self, x: Tensor) -> Tensor:
        """Return the scores before softmax, (N, num_classes)."""
        return self.classifier(self.features(x))
