"""ResNet-18: K. He, X. Zhang, S. Ren, J. Sun (2016), "Deep residual learning for image recognition"."""

from __future__ import annotations

from minigrad.nn import AdaptiveAvgPool2d, BatchNorm2d, Conv2d, Linear, MaxPool2d, Module, ReLU, Sequential, init
from minigrad.tensors.tensor import Tensor

__all__ = ["BasicBlock", "ResNet18"]


class BasicBlock(Module):
    """Residual block: two 3x3 convolutions whose result is added to the input, so that the gradient can bypass them."""

    def __init__(self, in_channels: int, channels: int, stride: int = 1):
        super().__init__()
        self.conv1 = Conv2d(in_channels, channels, 3, stride, padding=1, bias=False)
        self.bn1 = BatchNorm2d(channels)
        self.relu = ReLU(inplace=True)
        self.conv2 = Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = BatchNorm2d(channels)
        self.downsample: Sequential | None = None
        if stride != 1 or in_channels != channels:  # the input must get the shape of the result
            self.downsample = Sequential(Conv2d(in_channels, channels, 1, stride, bias=False), BatchNorm2d(channels))

    def forward(self, x: Tensor) -> Tensor:
        out = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        return self.relu(out + (x if self.downsample is None else self.downsample(x)))


class ResNet18(Module):
    """A convolution, eight residual blocks, and a linear layer, with torchvision's layers and state names.

    New in it, according to the book (8.2.4): shortcuts, by which a signal and its gradient pass a block unchanged, so that
    more layers no longer make a network harder to train.

    >>> import minigrad as mg
    >>> net = ResNet18(num_classes=10)
    >>> sum(p.numel() for p in net.parameters()), net.eval()(mg.zeros(1, 3, 32, 32)).shape
    (11181642, (1, 10))
    """

    def __init__(self, num_classes: int = 1000, input_channels: int = 3):
        super().__init__()
        self.conv1 = Conv2d(input_channels, 64, 7, stride=2, padding=3, bias=False)
        self.bn1 = BatchNorm2d(64)
        self.relu = ReLU(inplace=True)
        self.maxpool = MaxPool2d(3, stride=2, padding=1)
        self.layer1 = Sequential(BasicBlock(64, 64), BasicBlock(64, 64))
        self.layer2 = Sequential(BasicBlock(64, 128, 2), BasicBlock(128, 128))
        self.layer3 = Sequential(BasicBlock(128, 256, 2), BasicBlock(256, 256))
        self.layer4 = Sequential(BasicBlock(256, 512, 2), BasicBlock(512, 512))
        self.avgpool = AdaptiveAvgPool2d((1, 1))
        self.fc = Linear(512, num_classes)
        for module in self.modules():
            if isinstance(module, Conv2d):
                init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        """Return the scores before softmax, (N, num_classes), of images (N, input_channels, H, W)."""
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(self.avgpool(x).flatten(1))
