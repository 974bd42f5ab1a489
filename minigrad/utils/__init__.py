"""Modules under PyTorch's paths: `utils.data` is `minigrad.data`, `utils.checkpoint` is `minigrad.autograd.checkpoint`."""

from minigrad.utils import _pytree, checkpoint, data
