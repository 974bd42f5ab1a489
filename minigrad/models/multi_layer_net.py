"""The fully connected network that chapter 7 of "Deep Learning from Scratch" starts from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minigrad.models.book_network import BookNetwork, initialize
from minigrad.nn import Linear, ReLU, Sequential, Sigmoid
from minigrad.tensors.tensor import Tensor

__all__ = ["MultiLayerNet"]

ACTIVATIONS = {"relu": ReLU, "sigmoid": Sigmoid}


class MultiLayerNet(BookNetwork):
    """Affine - activation for each hidden size, then Affine - Softmax: five affine layers by default.

    Every neuron is connected to all neurons of the previous layer, so an image is a row of numbers to it: it ignores that
    pixels are neighbors and that channels belong together. Convolutional networks keep the shape.

    * `input_size`, `hidden_size_list`, `output_size`: the widths of the layers.
    * `activation`: "relu" or "sigmoid".
    * `weight_init_std`: a standard deviation, or "relu"/"he" for sqrt(2/fan_in), or "sigmoid"/"xavier" for sqrt(1/fan_in);
      None: the one that suits the activation.
    * `weight_decay_lambda`: the loss is increased by half of it times the sum of squared weights.

    >>> import numpy as np
    >>> net = MultiLayerNet(784, [100, 100, 100, 100], 10)
    >>> net.predict(np.zeros((2, 1, 28, 28), np.float32)).shape, len(net.params)
    ((2, 10), 10)
    """

    def __init__(
        self,
        input_size: int = 784,
        hidden_size_list: Sequence[int] = (100, 100, 100, 100),
        output_size: int = 10,
        activation: str = "relu",
        weight_init_std: float | str | None = None,
        weight_decay_lambda: float = 0.0,
    ):
        super().__init__()
        if activation not in ACTIVATIONS:
            raise ValueError(f"MultiLayerNet: activation must be one of {', '.join(ACTIVATIONS)}, got {activation!r}")
        sizes = [input_size, *hidden_size_list]
        self.weight_decay_lambda = weight_decay_lambda
        self.hidden = Sequential()
        for given, wanted in zip(sizes, hidden_size_list, strict=False):
            self.hidden.append(Linear(given, wanted)).append(ACTIVATIONS[activation]())
        self.last = Linear(sizes[-1], output_size)
        initialize(self, activation if weight_init_std is None else weight_init_std)

    def forward(self, x: Any) -> Tensor:
        """Return the scores before softmax, (N, output_size), of rows (N, input_size), or of images of as many numbers."""
        return self.last(self.hidden(self._as_input(x).flatten(1)))

    def loss(self, x: Any, t: Any) -> Tensor:
        """Return the mean cross-entropy of a batch plus the weight decay."""
        loss = super().loss(x, t)
        if not self.weight_decay_lambda:
            return loss
        weights = [module.weight for module in self.modules() if isinstance(module, Linear)]
        return loss + 0.5 * self.weight_decay_lambda * sum((w * w).sum() for w in weights)
