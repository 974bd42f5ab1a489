"""Derivatives of functions under the names of `torch.func`."""

from minigrad.autograd.checkpoint import checkpoint as checkpoint
from minigrad.autograd.transforms import (
    grad as grad,
)  # fmt: skip
from minigrad.autograd.transforms import (
    hessian as hessian,
)
from minigrad.autograd.transforms import (
    hvp as hvp,
)
from minigrad.autograd.transforms import (
    jacfwd as jacfwd,
)
from minigrad.autograd.transforms import (
    jacobian as jacobian,
)
from minigrad.autograd.transforms import (
    jacrev as jacrev,
)
from minigrad.autograd.transforms import (
    jvp as jvp,
)
from minigrad.autograd.transforms import (
    value_and_grad as value_and_grad,
)
from minigrad.autograd.transforms import (
    vjp as vjp,
)
from minigrad.nn.functional_call import functional_call as functional_call

__all__ = [
    "checkpoint", "functional_call", "grad", "hessian", "hvp", "jacfwd", "jacobian", "jacrev", "jvp", "value_and_grad",
    "vjp",
]  # fmt: skip
