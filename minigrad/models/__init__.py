"""Networks worth knowing."""

from minigrad.models.simple_convnet import SimpleConvNet

__all__ = ["SimpleConvNet"]
