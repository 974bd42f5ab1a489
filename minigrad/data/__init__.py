"""Real data: the bundled digits, MNIST, and batches of anything."""

from minigrad.data import datasets
from minigrad.data.datasets import TensorDataset
from minigrad.data.digits import load_digits
from minigrad.data.idx import read_idx
from minigrad.data.loader import DataLoader
from minigrad.data.mnist import load_mnist

__all__ = ["DataLoader", "TensorDataset", "datasets", "load_digits", "load_mnist", "read_idx"]
