"""`torch.autograd.gradcheck` and `gradgradcheck`: the proofs of `minigrad.testing` under PyTorch's names and options."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minigrad import testing

__all__ = ["gradcheck", "gradgradcheck"]


def gradcheck(
    func: Callable[..., Any],
    inputs: Any,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_batched_forward_grad: bool = False,
    check_forward_ad: bool = False,
    check_backward_ad: bool = True,
    fast_mode: bool = False,
    masked: bool | None = None,
) -> bool:
    """Return whether the gradients of `func` agree with differences of its values; raise GradcheckError if they do not.

    This is `minigrad.testing.gradcheck` without its side checks, and with its own step, which keeps more digits than
    PyTorch's `eps`: its tolerances are smaller than `atol` and `rtol`. Of the other options only `raise_exception` and
    `fast_mode` (random directions instead of every entry) change what it does. Raises ValueError for
    ``check_backward_ad=False``, which leaves nothing to check.

    >>> import minigrad as mg
    >>> mg.autograd.gradcheck(mg.tanh, mg.tensor([0.5, -1.0], dtype=mg.float64, requires_grad=True))
    True
    """
    if not check_backward_ad:
        raise ValueError("gradcheck: check_backward_ad=False leaves nothing to check: minigrad derives forward mode from it")
    mode = "directional" if fast_mode else "auto"
    return bool(testing.gradcheck(func, inputs, mode=mode, checks=(), raise_exception=raise_exception))


def gradgradcheck(
    func: Callable[..., Any],
    inputs: Any,
    grad_outputs: Any = None,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    gen_non_contig_grad_outputs: bool = False,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_fwd_over_rev: bool = False,
    check_rev_over_rev: bool = True,
    fast_mode: bool = False,
    masked: bool = False,
) -> bool:
    """Return whether the second derivatives of `func` agree with differences of its gradients; options as in `gradcheck`.

    >>> import minigrad as mg
    >>> mg.autograd.gradgradcheck(mg.tanh, mg.tensor([0.5, -1.0], dtype=mg.float64, requires_grad=True))
    True
    """
    mode = "directional" if fast_mode else "auto"
    return bool(testing.gradgradcheck(func, inputs, mode=mode, grad_output=grad_outputs, raise_exception=raise_exception))
