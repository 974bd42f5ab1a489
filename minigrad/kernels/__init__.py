"""Array algorithms that know nothing of gradients or tensors."""
