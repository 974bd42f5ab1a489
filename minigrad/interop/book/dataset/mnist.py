"""MNIST, as the book's `dataset/mnist.py` loads it."""

from minigrad.data import load_mnist

__all__ = ["load_mnist"]
