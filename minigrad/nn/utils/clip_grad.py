"""Gradient clipping."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from minigrad.arrays import Array
from minigrad.errors import GraphError
from minigrad.kernels.errstate import errstate
from minigrad.kernels.norms import power_norm
from minigrad.tensors.tensor import Tensor, tensor

__all__ = ["clip_grad_norm_", "clip_grad_value_", "clip_grads_with_norm_", "get_total_norm"]


def clip_grad_norm_(
    parameters: Tensor | Iterable[Tensor],
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """Scale all gradients by one factor such that their total norm is at most `max_norm`; return the norm before.

    `parameters` is a tensor or an iterable of tensors; those without a gradient are left out. `norm_type` is the p of the
    p-norm, also ``math.inf``. With `error_if_nonfinite`, an infinite or NaN gradient raises GraphError that names the
    parameter, and nothing changes. `foreach` has no effect on the result. Pascanu et al. (2013).

    >>> import minigrad as mg
    >>> x = mg.tensor([3.0, 4.0], requires_grad=True)
    >>> (x * x / 2).sum().backward()
    >>> clip_grad_norm_(x, 1.0), x.grad
    (tensor(5.), tensor([0.6000, 0.8000]))
    """
    given = _with_gradients(parameters)
    total = _total("clip_grad_norm_", [g for _, g in given], float(norm_type), error_if_nonfinite)
    _scale(given, max_norm / (total + 1e-6))
    return _as_tensor(total, [g for _, g in given])


def get_total_norm(
    tensors: Tensor | Iterable[Tensor], norm_type: float = 2.0, error_if_nonfinite: bool = False, foreach: bool | None = None
) -> Tensor:
    """Return the p-norm of all elements of one or several tensors; see `clip_grad_norm_`.

    >>> import minigrad as mg
    >>> get_total_norm([mg.tensor([3.0]), mg.tensor([4.0])])
    tensor(5.)
    """
    arrays = [x.array for x in ([tensors] if isinstance(tensors, Tensor) else tensors)]
    return _as_tensor(_total("get_total_norm", arrays, float(norm_type), error_if_nonfinite), arrays)


def clip_grads_with_norm_(
    parameters: Tensor | Iterable[Tensor], max_norm: float, total_norm: Tensor, foreach: bool | None = None
) -> None:
    """Scale all gradients, whose norm is `total_norm`, as `clip_grad_norm_` does.

    >>> import minigrad as mg
    >>> x = mg.tensor([3.0, 4.0], requires_grad=True)
    >>> (x * x / 2).sum().backward()
    >>> clip_grads_with_norm_(x, 1.0, get_total_norm(x.grad))
    >>> x.grad
    tensor([0.6000, 0.8000])
    """
    _scale(_with_gradients(parameters), max_norm / (float(total_norm) + 1e-6))


def clip_grad_value_(parameters: Tensor | Iterable[Tensor], clip_value: float, foreach: bool | None = None) -> None:
    """Clip every element of the gradients to [-clip_value, clip_value]. `foreach` has no effect on the result.

    >>> import minigrad as mg
    >>> x = mg.tensor([3.0, -0.5], requires_grad=True)
    >>> (x * x / 2).sum().backward()
    >>> clip_grad_value_(x, 1.0)
    >>> x.grad
    tensor([ 1.0000, -0.5000])
    """
    _replace((x, np.clip(g, -clip_value, clip_value)) for x, g in _with_gradients(parameters))


def _total(op: str, arrays: list[Array], p: float, error_if_nonfinite: bool) -> float:
    """Return the p-norm of all elements of several arrays."""
    norms = [_norm(g, p) for g in arrays]
    total = float(power_norm(np.array(norms), p))
    if error_if_nonfinite and not math.isfinite(total):
        i = next(i for i, norm in enumerate(norms) if not math.isfinite(norm))
        raise GraphError(f"{op}: the gradients have norm {total}: parameter {i}, of shape {arrays[i].shape}, {norms[i]}")
    return total


def _as_tensor(total: float, arrays: list[Array]) -> Tensor:
    with errstate(over="ignore"):  # finite gradients may have a norm too large for their dtype
        return tensor(np.asarray(total, np.result_type(*arrays) if arrays else None))


def _scale(given: list[tuple[Tensor, Array]], factor: float) -> None:
    if not factor >= 1:  # also for NaN, which spreads as in PyTorch
        with errstate(invalid="ignore", under="ignore"):
            _replace((x, np.asarray(g * factor)) for x, g in given)


def _norm(g: Array, p: float) -> float:
    """Return the p-norm of all elements, computed in float64 if it is too large for the dtype."""
    norm = float(power_norm(g.ravel(), p))
    return norm if math.isfinite(norm) else float(power_norm(g.ravel().astype(np.float64), p))


def _with_gradients(parameters: Any) -> list[tuple[Tensor, Array]]:
    """Return (parameter, gradient) for each parameter that has a gradient."""
    given = [parameters] if isinstance(parameters, Tensor) else parameters
    return [(x, x.stored_grad.array) for x in given if x.stored_grad is not None]


def _replace(gradients: Iterable[tuple[Tensor, Array]]) -> None:
    for x, g in gradients:
        x.stored_grad = Tensor.from_array(np.asarray(g, x.dtype))
