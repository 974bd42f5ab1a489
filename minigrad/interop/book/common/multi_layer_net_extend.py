"""Fully connected networks with weight decay, dropout and batch normalization: the book's file of this name."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from minigrad.interop.book.common.layers import BatchNormalization, Dropout, Layer, Relu, Sigmoid
from minigrad.interop.book.network import Network, affine

__all__ = ["MultiLayerNetExtend"]

ACTIVATIONS: dict[str, type[Layer]] = {"relu": Relu, "sigmoid": Sigmoid}


class MultiLayerNetExtend(Network):
    """Affine (- BatchNorm) - activation (- Dropout) for each hidden size, then Affine - Softmax.

    * `input_size`, `hidden_size_list`, `output_size`: the widths of the layers.
    * `activation`: "relu" or "sigmoid".
    * `weight_init_std`: a standard deviation, or "relu"/"he" for sqrt(2/fan_in), or "sigmoid"/"xavier" for sqrt(1/fan_in).
    * `weight_decay_lambda`: the loss is increased by half of it times the sum of squared weights.
    * `use_dropout`, `dropout_ration`: whether elements are dropped after each activation, and which part of them.
    * `use_batchnorm`: whether batch normalization precedes each activation.

    >>> net = MultiLayerNetExtend(784, [100, 100], 10, use_dropout=True, use_batchnorm=True)
    >>> list(net.layers)[:5]
    ['Affine1', 'BatchNorm1', 'Activation_function1', 'Dropout1', 'Affine2']
    >>> list(net.params)
    ['W1', 'b1', 'gamma1', 'beta1', 'W2', 'b2', 'gamma2', 'beta2', 'W3', 'b3']
    """

    def __init__(
        self,
        input_size: int,
        hidden_size_list: Sequence[int],
        output_size: int,
        activation: str = "relu",
        weight_init_std: float | str = "relu",
        weight_decay_lambda: float = 0,
        use_dropout: bool = False,
        dropout_ration: float = 0.5,
        use_batchnorm: bool = False,
    ):
        name = type(self).__name__
        if activation not in ACTIVATIONS:
            raise ValueError(f"{name}: activation must be one of {', '.join(ACTIVATIONS)}, got {activation!r}")
        layers: dict[str, Layer] = {}
        for i, (given, wanted) in enumerate(pairwise([input_size, *hidden_size_list]), 1):
            layers[f"Affine{i}"] = affine(given, wanted, weight_init_std, name)
            if use_batchnorm:
                layers[f"BatchNorm{i}"] = BatchNormalization(np.ones(wanted), np.zeros(wanted))
            layers[f"Activation_function{i}"] = ACTIVATIONS[activation]()
            if use_dropout:
                layers[f"Dropout{i}"] = Dropout(dropout_ration)
        last = [input_size, *hidden_size_list][-1]
        layers[f"Affine{len(hidden_size_list) + 1}"] = affine(last, output_size, weight_init_std, name)
        super().__init__(layers, weight_decay_lambda)
