"""The normal distribution of vectors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minigrad import linalg, ops
from minigrad.distributions import constraints
from minigrad.distributions.distribution import HALF_LOG_TAU, Distribution, Source, broadcast_all, derived
from minigrad.errors import ShapeError
from minigrad.tensors.creation import eye, randn
from minigrad.tensors.tensor import Tensor

__all__ = ["MultivariateNormal"]


class MultivariateNormal(Distribution):
    """The normal distribution of vectors with mean `loc` (..., K) and a matrix (..., K, K); leading axes broadcast.

    The matrix is one of `covariance_matrix`, its inverse `precision_matrix`, and `scale_tril`, the lower triangular factor
    of the covariance, which is computed from the others. See `Distribution` for shapes, errors and gradients.

    >>> import minigrad as mg
    >>> d = MultivariateNormal(mg.zeros(2), mg.tensor([[2.0, 1.0], [1.0, 2.0]]))
    >>> d.log_prob(mg.tensor([1.0, 1.0]))
    tensor(-2.7205)
    >>> d.sample((5,)).shape
    (5, 2)
    """

    has_rsample = True
    arg_constraints = {
        "loc": constraints.real_vector,
        "covariance_matrix": constraints.positive_definite,
        "precision_matrix": constraints.positive_definite,
        "scale_tril": constraints.lower_cholesky,
    }
    support = constraints.real_vector
    mean = mode = property(lambda self: self.loc)
    variance = property(lambda self: ops.sum(self.scale_tril**2, axis=-1))

    def __init__(
        self,
        loc: Any,
        covariance_matrix: Any = None,
        precision_matrix: Any = None,
        scale_tril: Any = None,
        validate_args: bool | None = None,
    ):
        options = {"covariance_matrix": covariance_matrix, "precision_matrix": precision_matrix, "scale_tril": scale_tril}
        given = [name for name, matrix in options.items() if matrix is not None]
        if len(given) != 1:
            raise ValueError(f"MultivariateNormal: needs one of {', '.join(options)}, got {len(given)}")
        (loc,), (matrix,) = broadcast_all(loc), broadcast_all(options[given[0]])
        if loc.ndim < 1 or matrix.ndim < 2 or matrix.shape[-2:] != (loc.shape[-1],) * 2:
            raise ShapeError(
                f"MultivariateNormal: needs loc (..., K) and {given[0]} (..., K, K), got {loc.shape} and {matrix.shape}"
            )
        batch = np.broadcast_shapes(loc.shape[:-1], matrix.shape[:-2])
        self.loc = ops.broadcast_to(loc, (*batch, loc.shape[-1]))
        vars(self)[given[0]] = ops.broadcast_to(matrix, (*batch, *matrix.shape[-2:]))
        super().__init__(batch, loc.shape[-1:], validate_args)

    @derived
    def scale_tril(self) -> Tensor:
        """The lower triangular factor of the covariance: C = L L'."""
        if "covariance_matrix" in vars(self):
            return linalg.cholesky(self.covariance_matrix)
        # With the order of the elements reversed, P = U U' for an upper triangular U; so C = inv(U)' inv(U).
        upper = ops.flip(linalg.cholesky(ops.flip(self.precision_matrix, (-2, -1))), (-2, -1))
        return self._inverse(ops.swapaxes(upper, -1, -2))

    @derived
    def covariance_matrix(self) -> Tensor:
        """The covariances of the elements."""
        return self.scale_tril @ ops.swapaxes(self.scale_tril, -1, -2)

    @derived
    def precision_matrix(self) -> Tensor:
        """The inverse of the covariance."""
        inverse = self._inverse(self.scale_tril)
        return ops.swapaxes(inverse, -1, -2) @ inverse

    def rsample(self, sample_shape: Sequence[int] = (), generator: Source = None) -> Tensor:
        noise = randn(self._extended_shape(sample_shape), generator=generator, dtype=self.loc.dtype)
        return self.loc + ops.squeeze(self.scale_tril @ ops.expand_dims(noise, -1), -1)

    def log_prob(self, value: Any) -> Tensor:
        distance = ops.expand_dims(self._checked(value) - self.loc, -1)
        whitened = linalg.solve_triangular(self.scale_tril, distance, upper=False)
        return ops.sum(whitened**2, axis=(-2, -1)) / -2 - self._log_volume()

    def entropy(self) -> Tensor:
        return self._event_shape[0] / 2 + self._log_volume()

    def _log_volume(self) -> Tensor:
        diagonal = ops.diagonal(self.scale_tril, 0, -2, -1)
        return ops.sum(ops.log(diagonal), axis=-1) + self._event_shape[0] * HALF_LOG_TAU

    def _inverse(self, lower: Tensor) -> Tensor:
        return linalg.solve_triangular(lower, eye(self._event_shape[0], dtype=self.loc.dtype), upper=False)
