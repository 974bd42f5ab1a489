"""Networks worth knowing, from the fully connected one to residual ones."""

from minigrad.models.deep_convnet import DeepConvNet
from minigrad.models.lenet import LeNet5
from minigrad.models.multi_layer_net import MultiLayerNet
from minigrad.models.simple_convnet import SimpleConvNet

__all__ = ["DeepConvNet", "LeNet5", "MultiLayerNet", "SimpleConvNet"]
