"""Matrix products and the linear layer's function."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad.arrays import Array, Shape, Traced, shape_of
from minigrad.engine.composite import composite
from minigrad.engine.primitive import primitive
from minigrad.engine.promotion import promoting
from minigrad.engine.registry import register
from minigrad.errors import DTypeError, ShapeError
from minigrad.kernels.checks import broadcast_shapes
from minigrad.ops.reduction import sum
from minigrad.ops.shape import reshape, unbroadcast

__all__ = ["linear", "matmul"]


@promoting("x", "y")
@primitive
def multiply_matrices(x: Array, y: Array, order: str = "C") -> Array:
    """Return (..., m, k) @ (..., k, n), stacks of matrices, in memory order "C" or "F" (columns adjacent).

    BLAS writes either order at no cost, so that a gradient can take the memory order of its input: the gradient of a
    flattened batch-innermost image is batch-innermost again.
    """
    if order == "F":
        return np.matmul(y.mT, x.mT).mT
    return np.matmul(x, y)


@multiply_matrices.gradient("x")
def _(g: Any, y: Any, shape: Shape, order: str) -> Any:
    return _summed(multiply_matrices(g, y.mT, order), shape)


@multiply_matrices.gradient("y")
def _(g: Any, x: Any, shape: Shape, order: str) -> Any:
    return _summed(multiply_matrices(x.mT, g, order), shape)


@register(np.matmul, np.linalg.matmul)
@composite
def matmul(x: Any, y: Any) -> Any:
    """Return the matrix product ``x @ y``; either may be a vector, and leading axes broadcast, as in NumPy.

    Raises ShapeError if the inner sizes differ, the leading axes do not broadcast, or an operand is 0-d.

    >>> import numpy as np
    >>> matmul(np.array([[1.0, 2.0]]), np.array([3.0, 4.0]))
    array([11.])
    """
    a, b = shape_of(x), shape_of(y)
    if len(a) > 1 and len(b) > 1 and a[-1] == b[-2]:
        if a[:-2] != b[:-2]:
            message = f"matmul: the leading axes {a[:-2]} and {b[:-2]} of shapes {a} and {b} do not broadcast"
            broadcast_shapes(message, a[:-2], b[:-2])
        return multiply_matrices(x, y, "C")
    if not a or not b:
        raise ShapeError(f"matmul: operands need at least one axis, got shapes {a} and {b}\n  hint: use * for a scalar")
    inner = b[-2] if len(b) > 1 else b[0]
    if a[-1] != inner:
        axis = -2 if len(b) > 1 else 0
        raise ShapeError(
            f"matmul: shapes {a} and {b} do not multiply: {a[-1]} != {inner}\n"
            f"  rule    the last axis of the first equals axis {axis} of the second"
        )
    rows = x if len(a) > 1 else reshape(x, (1, *a))
    columns = y if len(b) > 1 else reshape(y, (*b, 1))
    out = multiply_matrices(rows, columns, "C")
    shape = shape_of(out)
    return reshape(out, (*shape[:-2], *([shape[-2]] if len(a) > 1 else []), *([shape[-1]] if len(b) > 1 else [])))


@promoting("x", "weight", "bias")
@primitive
def affine(x: Array, weight: Array, bias: Array | None) -> Array:
    """Compute `linear` of vectors in rows: (N, in) to (N, out)."""
    out = np.matmul(x, weight.T)
    if bias is not None:
        out = np.add(out, bias, out=out if out.dtype == np.result_type(out, bias) else None)
    return out


@affine.gradient("x")
def _(g: Any, weight: Any, order: str) -> Any:
    return multiply_matrices(g, weight, order)


@affine.gradient("weight")
def _(g: Any, x: Any) -> Any:
    return multiply_matrices(g.mT, x)


@affine.gradient("bias")
def _(g: Any) -> Any:
    return sum(g, 0)


def _features_hint(given: Shape, wanted: Shape) -> str:
    """Return a hint for an input whose last axis is not `in_features`, as far as it is certain."""
    if not given:
        return ""
    if len(given) <= 2:
        return f"\n  hint: the input has {given[-1]} features; use Linear({given[-1]}, {wanted[0]})"
    flat = math.prod(given[1:])
    if flat == wanted[1]:
        return f"\n  hint: flattened, each item has {flat} features: put Flatten() before it, or use x.flatten(1)"
    return f"\n  hint: linear works along the last axis, of {given[-1]}; flattened, each item has {flat} features"


@composite
def linear(x: Any, weight: Any, bias: Any = None) -> Any:
    """Compute ``x @ weight.T + bias``: (..., in) to (..., out).

    `weight` is (out, in) and `bias` (out,), as in PyTorch. Raises ShapeError where they do not fit.

    >>> import numpy as np
    >>> linear(np.ones((2, 3)), np.ones((1, 3)), np.array([0.5]))
    array([[3.5],
           [3.5]])
    """
    if x is None or (isinstance(x, tuple | list) and any(isinstance(part, Traced) for part in x)):
        several = "\n  hint: the layer before it returned several values; pass on one of them" if x else ""
        raise DTypeError(f"linear: input must be a tensor or an array, got {type(x).__name__}{several}")
    given, wanted = shape_of(x), shape_of(weight)
    if len(wanted) != 2:
        raise ShapeError(f"linear: weight must be (out_features, in_features), got shape {wanted}")
    if not given or given[-1] != wanted[1]:
        raise ShapeError(
            "linear: input features do not match the weight\n"
            f"  input   {given}   = (..., in_features)\n"
            f"  weight  {wanted}  = (out_features, in_features)" + _features_hint(given, wanted)
        )
    if bias is not None and shape_of(bias) != wanted[:1]:
        raise ShapeError(f"linear: bias must be {wanted[:1]} = (out_features,), got shape {shape_of(bias)}")
    if len(given) == 2:
        return affine(x, weight, bias)
    return reshape(affine(reshape(x, (-1, given[-1])), weight, bias), (*given[:-1], wanted[0]))


def _summed(g: Any, shape: Shape) -> Any:
    """Sum over the leading axes along which an operand was broadcast."""
    return g if g.shape == shape else unbroadcast(g, shape)
