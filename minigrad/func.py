"""Derivatives of functions under the names of `torch.func`.

Arguments and results are tensors, arrays or floats, or nested dicts, lists, tuples and named tuples of them. Transforms
nest to any order.
"""

from minigrad.autograd.checkpoint import checkpoint
from minigrad.autograd.transforms import grad, hessian, hvp, jacfwd, jacobian, jacrev, jvp, value_and_grad, vjp
from minigrad.nn.functional_call import functional_call

__all__ = [
    "checkpoint", "functional_call", "grad", "hessian", "hvp", "jacfwd", "jacobian", "jacrev", "jvp", "value_and_grad",
    "vjp",
]  # fmt: skip
