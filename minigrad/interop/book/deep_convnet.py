"""The network of chapter 8: its file of this name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from minigrad.arrays import Array
from minigrad.interop.book.common.layers import Dropout, Layer, Pooling, Relu
from minigrad.interop.book.common.util import conv_output_size
from minigrad.interop.book.network import Network, affine, convolution

__all__ = ["DeepConvNet"]


class DeepConvNet(Network):
    """Conv - ReLU - Conv - ReLU - Pool three times, then Affine - ReLU - Dropout - Affine - Dropout - Softmax.

    For square images `input_dim` (C, H, H); weights are initialized with standard deviation sqrt(2/fan_in). As in the book,
    `loss` is in training mode by default, and dropout scales outside training. `models.DeepConvNet` is the same network as a
    Module, in float32, with dropout that scales in training.

    >>> {name: array.shape for name, array in DeepConvNet().params.items() if name in ("W1", "W6", "W7")}
    {'W1': (16, 1, 3, 3), 'W6': (64, 64, 3, 3), 'W7': (1024, 50)}
    """

    def __init__(
        self,
        input_dim: tuple[int, int, int] = (1, 28, 28),
        conv_param_1: Mapping[str, int] = {"filter_num": 16, "filter_size": 3, "pad": 1, "stride": 1},
        conv_param_2: Mapping[str, int] = {"filter_num": 16, "filter_size": 3, "pad": 1, "stride": 1},
        conv_param_3: Mapping[str, int] = {"filter_num": 32, "filter_size": 3, "pad": 1, "stride": 1},
        conv_param_4: Mapping[str, int] = {"filter_num": 32, "filter_size": 3, "pad": 2, "stride": 1},
        conv_param_5: Mapping[str, int] = {"filter_num": 64, "filter_size": 3, "pad": 1, "stride": 1},
        conv_param_6: Mapping[str, int] = {"filter_num": 64, "filter_size": 3, "pad": 1, "stride": 1},
        hidden_size: int = 50,
        output_size: int = 10,
    ):
        name = type(self).__name__
        layers: dict[str, Layer] = {}
        channels, size, _ = input_dim
        convolutions = (conv_param_1, conv_param_2, conv_param_3, conv_param_4, conv_param_5, conv_param_6)
        for i, conv in enumerate(convolutions, 1):
            layers[f"Conv{i}"] = convolution(conv, channels, "he", name)
            layers[f"Relu{i}"] = Relu()
            channels, size = (
                conv["filter_num"],
                conv_output_size(size, conv["filter_size"], conv.get("stride", 1), conv.get("pad", 0)),
            )
            if i % 2 == 0:
                layers[f"Pool{i // 2}"] = Pooling(2, 2, stride=2)
                size = conv_output_size(size, 2, 2)
        layers |= {
            "Affine1": affine(channels * size**2, hidden_size, "he", name),
            "Relu7": Relu(),
            "Dropout1": Dropout(0.5),
            "Affine2": affine(hidden_size, output_size, "he", name),
            "Dropout2": Dropout(0.5),
        }
        super().__init__(layers)

    def loss(self, x: Array, t: Any, train_flg: bool = True) -> float:
        """Return the mean cross-entropy, with dropout by default."""
        return super().loss(x, t, train_flg)
