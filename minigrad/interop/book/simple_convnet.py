"""The network of chapter 7: its file of this name."""

from __future__ import annotations

from collections.abc import Mapping

from minigrad.interop.book.common.layers import Pooling, Relu
from minigrad.interop.book.common.util import conv_output_size
from minigrad.interop.book.network import Network, affine, convolution

__all__ = ["SimpleConvNet"]

CONV_PARAM = {"filter_num": 30, "filter_size": 5, "pad": 0, "stride": 1}


class SimpleConvNet(Network):
    """Conv - ReLU - Pool - Affine - ReLU - Affine - Softmax, for square images `input_dim` (C, H, H).

    `models.SimpleConvNet` is the same network as a Module, in float32.

    >>> list(SimpleConvNet().layers)
    ['Conv1', 'Relu1', 'Pool1', 'Affine1', 'Relu2', 'Affine2']
    """

    def __init__(
        self,
        input_dim: tuple[int, int, int] = (1, 28, 28),
        conv_param: Mapping[str, int] = CONV_PARAM,
        hidden_size: int = 100,
        output_size: int = 10,
        weight_init_std: float | str = 0.01,
    ):
        name = type(self).__name__
        conv = {**CONV_PARAM, **conv_param}
        convolved = conv_output_size(input_dim[1], conv["filter_size"], conv["stride"], conv["pad"])
        features = conv["filter_num"] * conv_output_size(convolved, 2, 2) ** 2
        super().__init__({
            "Conv1": convolution(conv, input_dim[0], weight_init_std, name),
            "Relu1": Relu(),
            "Pool1": Pooling(2, 2, stride=2),
            "Affine1": affine(features, hidden_size, weight_init_std, name),
            "Relu2": Relu(),
            "Affine2": affine(hidden_size, output_size, weight_init_std, name),
        })  # fmt: skip
