"""Gaussian elimination with row exchanges: NumPy's solvers do not return its factors."""

from __future__ import annotations

import math

import numpy as np

from minigrad.arrays import Array

__all__ = ["exchanged", "lu"]


def lu(x: Array, pivot: bool) -> tuple[Array, Array]:
    """Return L and U in one matrix, and for each column the row that was exchanged for it, counted from 1, as LAPACK does.

    L lies below the diagonal, where it has ones. With `pivot` the largest element of a column comes to the diagonal.

    >>> lu(np.array([[1.0, 2.0], [2.0, 0.0]]), True)
    (array([[2. , 0. ],
           [0.5, 2. ]]), array([2, 2], dtype=int32))
    """
    *lead, m, n = x.shape
    a = x.reshape(math.prod(lead), m, n).copy()
    every, pivots = np.arange(len(a)), np.zeros((len(a), min(m, n)), np.int32)
    for j in range(min(m, n)):
        at = j + (np.abs(a[:, j:, j]).argmax(1) if pivot else 0 * every)
        pivots[:, j] = at + 1
        a[every, at], a[:, j] = a[:, j].copy(), a[every, at]
        diagonal = a[:, j, j, None]
        a[:, j + 1 :, j] /= np.where(diagonal == 0, 1, diagonal)
        a[:, j + 1 :, j + 1 :] -= a[:, j + 1 :, j, None] * a[:, j, None, j + 1 :]
    return a.reshape(x.shape), pivots.reshape(*lead, min(m, n))


def exchanged(pivots: Array, m: int, dtype: np.dtype) -> Array:
    """Return the matrices E with the `m` rows of the unit matrix after the exchanges of `lu`: E @ x = L @ U.

    >>> exchanged(np.array([2, 2]), 2, np.dtype(float))
    array([[0., 1.],
           [1., 0.]])
    """
    flat = pivots.reshape(math.prod(pivots.shape[:-1]), pivots.shape[-1])
    rows, every = np.tile(np.arange(m), (len(flat), 1)), np.arange(len(flat))
    for j, at in enumerate(flat.T - 1):
        rows[every, at], rows[:, j] = rows[:, j].copy(), rows[every, at]
    return np.asarray(np.eye(m, dtype=dtype)[rows.reshape(*pivots.shape[:-1], m)])
