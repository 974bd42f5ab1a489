"""Numerical gradients: the book's `common/gradient.py`."""

from minigrad.models.book_network import numerical_gradient

__all__ = ["numerical_gradient"]
