"""Proofs of gradients, for our operations and for those that users write."""

from minigrad.testing.spec import OpSpec, Sample

__all__ = ["OpSpec", "Sample"]
