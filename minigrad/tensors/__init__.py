"""Tensors: arrays that remember how they were made, and all that can be called on them."""
