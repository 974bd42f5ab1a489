"""`minigrad.autograd.checkpoint` under PyTorch's path: ``from minigrad.utils.checkpoint import checkpoint``."""

from minigrad.autograd.checkpoint import *  # noqa: F403
