"""Cofactors of matrices and their derivative, without division: exact for singular matrices as for others."""

from __future__ import annotations

import numpy as np

from minigrad.arrays import Array
from minigrad.kernels.errstate import errstate

__all__ = ["cofactors", "cofactors_pullback"]


def cofactors(x: Array) -> Array:
    """Compute the gradient of the determinant: det(x) inv(x).T, or its limit for singular matrices.

    With x = U S V it is det(UV) U P V, where P is diagonal and holds, for each singular value, the product of the others.
    """
    try:
        with errstate(all="ignore"):
            det = np.linalg.det(x)[..., None, None]
            found = det * np.linalg.inv(x).mT  # both from one LU: their errors cancel
            useless = (np.abs(det) < np.finfo(x.dtype).tiny) | ~np.isfinite(found)  # singular, or under- or overflow
    except np.linalg.LinAlgError:
        found, useless = np.full_like(x, np.nan), np.ones_like(x, bool)
    again = useless.any((-2, -1)) & np.isfinite(x).all((-2, -1))
    if again.any():
        u, s, v = np.linalg.svd(x[again])
        found[again] = (_orientation(u, v) * u * _others(s)[..., None, :]) @ v
    return found


def cofactors_pullback(g: Array, x: Array) -> Array:
    """Compute the gradient of <g, cofactors(x)> with respect to x.

    For diagonal x it is a polynomial in the products P of all singular values but two. Any other x = U S V is rotated to
    diagonal form, and the result back.
    """
    u, s, v = np.linalg.svd(x)
    n = s.shape[-1]
    eye = np.eye(n, dtype=bool)
    products = np.where(eye, 0, _others(np.where(eye, 1, s[..., None, :])))  # P[i, j] leaves out s[i] and s[j]
    rotated = u.mT @ g @ v.mT
    diagonal = np.diagonal(rotated, axis1=-2, axis2=-1)
    inner = -rotated.mT * products.mT
    inner[..., range(n), range(n)] = (diagonal[..., None, :] @ products)[..., 0, :]
    return _orientation(u, v) * (u @ inner @ v)


def _others(s: Array) -> Array:
    """Return, for each element along the last axis, the product of the others."""
    one = np.ones_like(s[..., :1])
    with errstate(over="ignore", invalid="ignore"):
        before = np.cumprod(np.concatenate([one, s[..., :-1]], -1), -1)
        after = np.cumprod(np.concatenate([one, s[..., :0:-1]], -1), -1)[..., ::-1]
        return before * after


def _orientation(u: Array, v: Array) -> Array:
    """Return det(U) det(V), which is 1 or -1."""
    return np.rint(np.linalg.det(u) * np.linalg.det(v))[..., None, None]
