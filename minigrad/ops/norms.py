"""Norms of vectors and matrices. At the origin, where a norm has a corner, its gradient is 0 by convention.

Functions of a norm that are smooth there, such as the square of a 2-norm, have the right second derivative.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad.arrays import Array, Axis, DType, shape_of
from minigrad.engine.composite import composite
from minigrad.engine.primitive import primitive
from minigrad.engine.promotion import floating
from minigrad.engine.registry import register
from minigrad.errors import ShapeError
from minigrad.kernels import norms as kernel
from minigrad.kernels.axes import every_axis, one_axis
from minigrad.kernels.checks import check_choice, check_matrices
from minigrad.ops.decomposition import svdvals
from minigrad.ops.elementwise import absolute, astype, norm_gradient, sign, where
from minigrad.ops.indexing import getitem
from minigrad.ops.reduction import amax, amin, sum
from minigrad.ops.shape import expand_dims, moveaxis, squeeze
from minigrad.ops.solving import inv

__all__ = ["cdist", "cond", "dist", "matrix_norm", "norm", "p_norm", "pdist", "renorm", "vector_norm"]

COMPUTE_MODES = ("use_mm_for_euclid_dist_if_necessary", "use_mm_for_euclid_dist", "donot_use_mm_for_euclid_dist")


@floating("x")
@primitive
def power_norm(x: Array, ord: float, axis: Axis, keepdims: bool) -> Array:
    """Compute ``sum(|x|**ord) ** (1/ord)``; the gradient is 0 where an element is 0, and where the whole norm is 0."""
    return kernel.power_norm(x, ord, axis, keepdims)


@power_norm.gradient("x")
def _(g: Any, x: Any, out: Any, ord: float, axis: Axis, keepdims: bool) -> Any:
    axes = () if axis is None or keepdims else every_axis("norm", axis, x.ndim)
    if ord == 2:
        return norm_gradient(g, x, out, axes)
    g, out = expand_dims(g, axes), expand_dims(out, axes)
    zero = out == 0
    # (|x| / out)**(ord - 1): the quotient neither overflows nor vanishes before its power is taken
    corner = (x == 0) | zero
    share = where(corner, 1, absolute(x)) / where(zero, 1, out)
    return where(corner, 0, g * sign(x) * share ** (ord - 1))


@floating("x")
@composite
def vector_norm(x: Any, ord: float = 2, axis: Axis = None, keepdims: bool = False, dtype: DType = None) -> Any:
    """Compute ``sum(|x|**ord) ** (1/ord)`` over some axes, or over all elements.

    An `ord` of inf or -inf means the largest or the smallest absolute value (equal ones share the gradient), 0 the number of
    elements that are not 0. With `dtype`, the elements are converted first.

    >>> import numpy as np
    >>> vector_norm(np.array([3.0, -4.0])), vector_norm(np.array([3.0, -4.0]), 1)
    (array(5.), np.float64(7.0))
    """
    if not isinstance(ord, int | float | np.number):
        raise ValueError(f"vector_norm: ord must be a number, got {ord!r}")
    x = x if dtype is None else astype(x, dtype)
    axes = every_axis("vector_norm", axis, len(shape_of(x)))
    axis = None if axis is None else axes or None  # no axes mean all of them, as in PyTorch
    if ord < 0 and 0 in [shape_of(x)[a] for a in axes]:
        raise ValueError(f"vector_norm: ord {ord} of no elements: shape {shape_of(x)}, axis {axis}")
    if ord in (math.inf, -math.inf):
        return (amax if ord > 0 else amin)(absolute(x), axis, keepdims)
    if ord == 0:
        return sum(absolute(sign(x)), axis, keepdims)
    return sum(absolute(x), axis, keepdims) if ord == 1 else power_norm(x, ord, axis, keepdims)


@floating("x")
@composite
def matrix_norm(
    x: Any, ord: Any = "fro", axis: tuple[int, int] = (-2, -1), keepdims: bool = False, dtype: DType = None
) -> Any:
    """Return a norm of the matrices in two axes.

    `ord` is "fro": the root of the sum of squares; "nuc": the sum of the singular values; 2 or -2: the largest or the
    smallest of them; 1 or -1: the largest or the smallest sum of absolute values in a column; inf or -inf: in a row.

    >>> import numpy as np
    >>> matrix_norm(np.array([[3.0, 0.0], [0.0, 4.0]]), "nuc")
    np.float64(7.0)
    """
    check_matrices("matrix_norm", x)
    x = x if dtype is None else astype(x, dtype)
    rows, columns = axes = every_axis("matrix_norm", axis, len(shape_of(x)))
    if ord == "fro":
        return power_norm(x, 2, axes, keepdims)
    if ord in ("nuc", 2, -2):
        # Singular values are not negative: the absolute value only affects the gradient at 0.
        values = absolute(svdvals(moveaxis(x, axes, (-2, -1))))
        out = sum(values, -1) if ord == "nuc" else _extreme(values, ord, -1)
        return expand_dims(out, axes) if keepdims else out
    check_choice("matrix_norm", "ord", ord, "fro", "nuc", 2, -2, 1, -1, math.inf, -math.inf)
    summed, chosen = (rows, columns) if abs(ord) == 1 else (columns, rows)
    out = _extreme(sum(absolute(x), summed, True), ord, chosen, True)
    return out if keepdims else squeeze(out, axes)


@register(np.linalg.norm)
@floating("x")
@composite
def norm(x: Any, ord: Any = None, axis: Axis = None, keepdims: bool = False, dtype: DType = None) -> Any:
    """Return a norm as ``np.linalg.norm`` does.

    It is `vector_norm` over one axis or of a vector, `matrix_norm` over two axes or of a matrix, and without `ord` the root
    of the sum of squares over any number of axes. Raises ValueError for an `ord` without `axis` of an array that is neither
    a vector nor a matrix.

    >>> import numpy as np
    >>> norm(np.array([[3.0, 4.0], [6.0, 8.0]]), axis=1)
    array([ 5., 10.])
    """
    x, ndim = x if dtype is None else astype(x, dtype), len(shape_of(x))
    if ord is None:
        return vector_norm(x, 2, axis, keepdims)
    if axis is None and ndim not in (1, 2):
        raise ValueError(f"norm: ord {ord!r} needs a vector, a matrix or an axis, got shape {shape_of(x)}")
    axes = every_axis("norm", axis, ndim or 1)
    if len(axes) == 1:
        return vector_norm(x, ord, axes, keepdims)
    if len(axes) == 2:
        return matrix_norm(x, ord, axes, keepdims)
    raise ValueError(f"norm: ord {ord!r} needs one axis or two, got {axis}")


@floating("x")
@composite
def p_norm(x: Any, p: Any = "fro", axis: Axis = None, keepdims: bool = False, dtype: DType = None) -> Any:
    """Return a norm as ``torch.norm`` does, of all elements or over axes.

    `p` is as `ord` of `vector_norm`; "fro" means 2, and "nuc" the nuclear norm of matrices.

    >>> import numpy as np
    >>> p_norm(np.array([[3.0, 0.0], [0.0, -4.0]]), 1)
    np.float64(7.0)
    """
    if p == "nuc":
        return matrix_norm(x, p, (-2, -1) if axis is None else axis, keepdims, dtype)
    return vector_norm(x, 2 if p in ("fro", None) else p, axis, keepdims, dtype)


@floating("x", "y")
@composite
def dist(x: Any, y: Any, p: float = 2) -> Any:
    """Return the `vector_norm` of all elements of x - y.

    >>> import numpy as np
    >>> float(dist(np.array([3.0, 0.0]), np.array([0.0, 4.0])))
    5.0
    """
    return vector_norm(x - y, p)


@floating("x1", "x2")
@composite
def cdist(x1: Any, x2: Any, p: float = 2, compute_mode: str = COMPUTE_MODES[0]) -> Any:
    """Return the distances of all rows of `x1` (..., M, D) from all rows of `x2` (..., N, D): (..., M, N).

    The gradient of the distance of equal rows is 0. In PyTorch `compute_mode` says whether to use a matrix product, which
    loses digits: here it is never used.

    >>> import numpy as np
    >>> cdist(np.array([[0.0, 0.0], [3.0, 4.0]]), np.array([[0.0, 0.0]]))
    array([[0.],
           [5.]])
    """
    check_choice("cdist", "compute_mode", compute_mode, *COMPUTE_MODES)
    first, second = shape_of(x1), shape_of(x2)
    if len(first) < 2 or len(second) < 2 or first[-1] != second[-1]:
        raise ShapeError(f"cdist: needs (..., M, D) and (..., N, D), got shapes {first} and {second}")
    return vector_norm(expand_dims(x1, -2) - expand_dims(x2, -3), p, -1)


@floating("x")
@composite
def pdist(x: Any, p: float = 2) -> Any:
    """Return the distances of all pairs of rows of `x` (N, D), (0, 1), (0, 2), ...: the upper triangle of `cdist`.

    The gradient of the distance of equal rows is 0. Raises ShapeError for anything but a matrix.

    >>> import numpy as np
    >>> pdist(np.array([[0.0, 0.0], [3.0, 4.0], [0.0, 1.0]])).round(4)
    array([5.    , 1.    , 4.2426])
    """
    if len(shape_of(x)) != 2:
        raise ShapeError(f"pdist: needs a matrix (N, D), got shape {shape_of(x)}")
    rows, columns = np.triu_indices(shape_of(x)[0], 1)
    return vector_norm(getitem(x, rows) - getitem(x, columns), p, -1)


@register(np.linalg.cond)
@floating("x")
@composite
def cond(x: Any, p: Any = None) -> Any:
    """Return the condition number of matrices: the factor by which solving x z = y can increase relative errors of y.

    Without `p`, or for 2 and -2, it is the ratio of the extreme singular values; else the product of the norms of x and of
    its inverse.

    >>> import numpy as np
    >>> cond(np.array([[4.0, 0.0], [0.0, 2.0]]))
    np.float64(2.0)
    """
    check_matrices("cond", x)
    if p in (None, 2, -2):
        values = svdvals(x)
        largest, smallest = values[..., 0], values[..., -1]
        return smallest / largest if p == -2 else largest / smallest
    return matrix_norm(x, p) * matrix_norm(inv(x), p)


@floating("x")
@composite
def renorm(x: Any, p: float, dim: int, maxnorm: float) -> Any:
    """Return `x` with the slices along `dim` whose `vector_norm` of order `p` exceeds `maxnorm` scaled down to it.

    >>> import numpy as np
    >>> renorm(np.array([[3.0, 4.0], [0.0, 1.0]]), 2, 0, 1.0).round(6)
    array([[0.6, 0.8],
           [0. , 1. ]])
    """
    shape = shape_of(x)
    if len(shape) < 2 or p <= 0 or maxnorm < 0:
        raise ValueError(f"renorm: needs two axes or more, p > 0 and maxnorm >= 0, got shape {shape}, p {p}, {maxnorm}")
    dim = one_axis("renorm", dim, len(shape))
    sizes = vector_norm(x, p, tuple([i for i in range(len(shape)) if i != dim]), True)
    return x * where(sizes > maxnorm, maxnorm / (sizes + 1e-7), 1)  # PyTorch's 1e-7


register(np.linalg.vector_norm)(lambda x, /, *, axis=None, keepdims=False, ord=2: vector_norm(x, ord, axis, keepdims))
register(np.linalg.matrix_norm)(lambda x, /, *, keepdims=False, ord="fro": matrix_norm(x, ord, keepdims=keepdims))


def _extreme(sizes: Any, ord: float, axis: int, keepdims: bool = False) -> Any:
    """Return the largest value, or for a negative `ord` the smallest; the largest of none is 0."""
    none = shape_of(sizes)[axis] == 0
    return (amin if ord < 0 else sum if none else amax)(sizes, axis, keepdims)
