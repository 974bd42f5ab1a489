"""Fully connected networks with weight decay: the book's file of this name."""

from __future__ import annotations

from collections.abc import Sequence

from minigrad.interop.book.common.multi_layer_net_extend import MultiLayerNetExtend

__all__ = ["MultiLayerNet"]


class MultiLayerNet(MultiLayerNetExtend):
    """Affine - activation for each hidden size, then Affine - Softmax; see `MultiLayerNetExtend` for the arguments.

    >>> list(MultiLayerNet(784, [100], 10).layers)
    ['Affine1', 'Activation_function1', 'Affine2']
    """

    def __init__(
        self,
        input_size: int,
        hidden_size_list: Sequence[int],
        output_size: int,
        activation: str = "relu",
        weight_init_std: float | str = "relu",
        weight_decay_lambda: float = 0,
    ):
        super().__init__(input_size, hidden_size_list, output_size, activation, weight_init_std, weight_decay_lambda)
