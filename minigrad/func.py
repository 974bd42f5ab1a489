"""Derivatives of functions under the names of `torch.func`.

Arguments and results are tensors, arrays or floats, or nested dicts, lists, tuples and named tuples of them. Transforms
nest to any order.
"""

from minigrad.autograd.batching import vmap
from minigrad.autograd.checkpoint import checkpoint
from minigrad.autograd.transforms import (
    grad,
    grad_and_value,
    hessian,
    hvp,
    jacfwd,
    jacobian,
    jacrev,
    jvp,
    linearize,
    value_and_grad,
    vjp,
)
from minigrad.nn.functional_call import functional_call, replace_all_batch_norm_modules_, stack_module_state

__all__ = [
    "checkpoint", "functional_call", "grad", "grad_and_value", "hessian", "hvp", "jacfwd", "jacobian", "jacrev", "jvp",
    "linearize", "replace_all_batch_norm_modules_", "stack_module_state", "value_and_grad", "vjp", "vmap",
]  # fmt: skip
