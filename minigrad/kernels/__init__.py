"""Array algorithms with no notion of gradients."""
