"""Numbers that PyTorch gave once, kept in a small file: values, gradients, and steps of optimizers."""
