"""Networks for image classification, from fully connected to residual."""

from minigrad.models.alexnet import AlexNet, AlexNetSmall
from minigrad.models.deep_convnet import DeepConvNet
from minigrad.models.lenet import LeNet5
from minigrad.models.multi_layer_net import MultiLayerNet
from minigrad.models.resnet import ResNet18
from minigrad.models.simple_convnet import SimpleConvNet

__all__ = ["AlexNet", "AlexNetSmall", "DeepConvNet", "LeNet5", "MultiLayerNet", "ResNet18", "SimpleConvNet"]
