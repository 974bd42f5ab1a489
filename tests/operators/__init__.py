"""PyTorch's own samples of its operators, run here and there."""
