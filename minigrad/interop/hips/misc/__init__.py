"""Trees of arrays as vectors, and optimizers of functions of them: HIPS autograd's `misc`."""

from minigrad.interop.hips.misc.flatten import flatten, flatten_func

__all__ = ["flatten", "flatten_func"]
