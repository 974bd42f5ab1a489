"""`minigrad.data` under PyTorch's path: ``from minigrad.utils.data import DataLoader``."""

from minigrad.data import *  # noqa: F403
