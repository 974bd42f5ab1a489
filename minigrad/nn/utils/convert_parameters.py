"""Convert parameters to one vector and back."""

from __future__ import annotations

from collections.abc import Iterable

from minigrad.errors import ShapeError
from minigrad.ops import concatenate, reshape
from minigrad.tensors.tensor import Tensor

__all__ = ["parameters_to_vector", "vector_to_parameters"]


def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """Return all parameters, flattened and concatenated, as one vector; gradients flow back to them.

    >>> import minigrad as mg
    >>> parameters_to_vector([mg.ones(2), mg.zeros(1, 2)])
    tensor([1., 1., 0., 0.])
    """
    return concatenate([reshape(p, (-1,)) for p in parameters])


def vector_to_parameters(vec: Tensor, parameters: Iterable[Tensor]) -> None:
    """Set the parameters to consecutive slices of a vector, in order.

    Raises ShapeError, with nothing changed, for a vector of another length.

    >>> import minigrad as mg
    >>> w, b = mg.zeros(2), mg.zeros(1)
    >>> vector_to_parameters(mg.tensor([1.0, 2.0, 3.0]), [w, b])
    >>> w, b
    (tensor([1., 2.]), tensor([3.]))
    """
    given = list(parameters)
    wanted = sum(p.numel() for p in given)
    if vec.shape != (wanted,):
        raise ShapeError(f"vector_to_parameters: needs a vector of {wanted} elements, got shape {vec.shape}")
    at = 0
    for p in given:
        p.data.copy_(vec[at : at + p.numel()].reshape(p.shape))
        at += p.numel()
