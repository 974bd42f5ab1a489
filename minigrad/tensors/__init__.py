"""Tensors: the Tensor class, its methods, creation, printing and NumPy's dispatch."""
