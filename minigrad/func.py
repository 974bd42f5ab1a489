"""Derivatives of functions under the names of `torch.func`."""

from minigrad.autograd.checkpoint import checkpoint
from minigrad.autograd.transforms import grad, hessian, hvp, jacfwd, jacobian, jacrev, jvp, value_and_grad, vjp
from minigrad.nn.functional_call import functional_call

__all__ = [
    "checkpoint", "functional_call", "grad", "hessian", "hvp", "jacfwd", "jacobian", "jacrev", "jvp", "value_and_grad",
    "vjp",
]  # fmt: skip
