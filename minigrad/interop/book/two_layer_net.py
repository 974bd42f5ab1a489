"""The network of chapters 4 and 5: its file of this name."""

from __future__ import annotations

from minigrad.interop.book.common.layers import Relu
from minigrad.interop.book.network import Network, affine

__all__ = ["TwoLayerNet"]


class TwoLayerNet(Network):
    """Affine - ReLU - Affine - Softmax, as in chapter 5; `predict` returns the scores before softmax.

    Chapter 4, which has no layers yet, uses a sigmoid, and returns probabilities.

    >>> {name: array.shape for name, array in TwoLayerNet(784, 50, 10).params.items()}
    {'W1': (784, 50), 'b1': (50,), 'W2': (50, 10), 'b2': (10,)}
    """

    def __init__(self, input_size: int, hidden_size: int, output_size: int, weight_init_std: float | str = 0.01):
        name = type(self).__name__
        super().__init__({
            "Affine1": affine(input_size, hidden_size, weight_init_std, name),
            "Relu1": Relu(),
            "Affine2": affine(hidden_size, output_size, weight_init_std, name),
        })  # fmt: skip
