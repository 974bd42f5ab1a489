"""Products of arrays: dot, outer, cross, tensor and batched matrix products, each one contraction or a few operations."""

from __future__ import annotations

from collections.abc import Sequence
from string import ascii_letters
from typing import Any

import numpy as np

from minigrad.arrays import Shape, Traced, shape_of
from minigrad.engine.composite import composite
from minigrad.engine.promotion import promoting
from minigrad.engine.registry import register
from minigrad.errors import ShapeError
from minigrad.kernels.axes import every_axis, one_axis
from minigrad.ops.contraction import contract, einsum
from minigrad.ops.elementwise import multiply, power
from minigrad.ops.linalg import matmul
from minigrad.ops.rearrange import roll
from minigrad.ops.reduction import sum
from minigrad.ops.shape import expand_dims, moveaxis, reshape

__all__ = [
    "addbmm", "addmm", "addmv", "addr", "baddbmm", "bmm", "cross", "dot", "ger", "inner", "kron", "mm", "multi_dot",
    "mv", "outer", "tensordot", "vander", "vdot", "vecdot",
]  # fmt: skip


@register(np.tensordot, np.linalg.tensordot)
@composite
def tensordot(x: Any, y: Any, axes: Any = 2) -> Any:
    """Sum products over pairs of axes: the last `axes` of `x` with the first of `y`, or those in two lists, pair by pair.

    The other axes of `x` come first in the result, then those of `y`. An axis of size 1 broadcasts to its partner, as in
    PyTorch. Raises ShapeError where two other sizes differ.

    >>> import numpy as np
    >>> tensordot(np.ones((2, 3, 4)), np.ones((4, 3, 5)), ([1, 2], [1, 0])).shape
    (2, 5)
    """
    a, b = shape_of(x), shape_of(y)
    if isinstance(axes, int | np.integer):
        count = int(axes)
        if not 0 <= count <= min(len(a), len(b)):
            raise ValueError(
                f"tensordot: axes must be within 0 and {min(len(a), len(b))} for shapes {a} and {b}, got {axes}"
            )
        x_axes, y_axes = tuple(range(len(a) - count, len(a))), tuple(range(count))
    else:
        lists = [tuple(given) if isinstance(given, tuple | list) else (given,) for given in axes]
        x_axes, y_axes = every_axis("tensordot", lists[0], len(a)), every_axis("tensordot", lists[1], len(b))
    if len(x_axes) != len(y_axes):
        raise ValueError(f"tensordot: {len(x_axes)} axes of the first, {len(y_axes)} of the second: they must be pairs")
    x_labels, y_labels = list(ascii_letters[: len(a)]), list(ascii_letters[len(a) : len(a) + len(b)])
    for i, j in zip(x_axes, y_axes, strict=True):
        if b[j] == 1 != a[i]:  # it broadcasts
            x = sum(x, i, True, dtype=x.dtype)
        elif a[i] == 1 != b[j]:
            y = sum(y, j, True, dtype=y.dtype)
        elif a[i] != b[j]:
            raise ShapeError(f"tensordot: axis {i} of shape {a} has size {a[i]}, axis {j} of shape {b} has size {b[j]}")
        y_labels[j] = x_labels[i]
    out = [label for label in x_labels + y_labels if (label in x_labels) != (label in y_labels)]
    return contract(x, y, f"{''.join(x_labels)},{''.join(y_labels)}->{''.join(out)}")


@register(np.dot)
@composite
def dot(x: Any, y: Any) -> Any:
    """Return NumPy's dot: the product of numbers, vectors or matrices; else the sum over the last and second-to-last axes.

    >>> import numpy as np
    >>> dot(np.array([[1, 2], [3, 4]]), np.array([10, 1]))
    array([12, 34])
    """
    a, b = shape_of(x), shape_of(y)
    if not a or not b:
        return multiply(x, y)
    _agree("dot", a, b, -1, -1 if len(b) == 1 else -2)
    return matmul(x, y) if len(a) <= 2 and len(b) <= 2 else tensordot(x, y, ([-1], [-1 if len(b) == 1 else -2]))


@register(np.inner)
@composite
def inner(x: Any, y: Any) -> Any:
    """Return the sum of products over the last axis of both; of numbers, their product.

    >>> import numpy as np
    >>> inner(np.array([[1, 2], [3, 4]]), np.array([10, 1]))
    array([12, 34])
    """
    a, b = shape_of(x), shape_of(y)
    if not a or not b:
        return multiply(x, y)
    _agree("inner", a, b, -1, -1)
    return tensordot(x, y, ([-1], [-1]))


@register(np.vdot)
@composite
def vdot(x: Any, y: Any) -> Any:
    """Return the scalar product of two arrays with equally many elements, flattened, as NumPy's vdot."""
    return dot(reshape(x, (-1,)), reshape(y, (-1,)))


@register(np.vecdot, np.linalg.vecdot)
@composite
def vecdot(x: Any, y: Any, axis: int = -1) -> Any:
    """Return the scalar products along one axis; the others broadcast.

    >>> import numpy as np
    >>> vecdot(np.array([[1, 2], [3, 4]]), np.array([10, 1]))
    array([12, 34])
    """
    if not shape_of(x) or not shape_of(y):
        raise ShapeError(f"vecdot: operands need at least one axis, got shapes {shape_of(x)} and {shape_of(y)}")
    x, y = moveaxis(x, axis, -1), moveaxis(y, axis, -1)
    _agree("vecdot", shape_of(x), shape_of(y), -1, -1)
    return einsum("...i,...i->...", x, y)


@register(np.outer, np.linalg.outer)
@composite
def outer(x: Any, y: Any) -> Any:
    """Return the matrix of all products of an element of `x` and one of `y`, both flattened.

    >>> import numpy as np
    >>> outer(np.array([1, 2]), np.array([3, 4]))
    array([[3, 4],
           [6, 8]])
    """
    return contract(reshape(x, (-1,)), reshape(y, (-1,)), "i,j->ij")


@register(np.kron)
@composite
def kron(x: Any, y: Any) -> Any:
    """Return the Kronecker product: `x` with every element replaced by itself times `y`.

    >>> import numpy as np
    >>> kron(np.array([1, 10]), np.array([[1, 2]]))
    array([[ 1,  2, 10, 20]])
    """
    a, b = shape_of(x), shape_of(y)
    ndim = max(len(a), len(b))
    a, b = (1,) * (ndim - len(a)) + a, (1,) * (ndim - len(b)) + b
    # (a0, 1, a1, 1) * (1, b0, 1, b1) -> (a0, b0, a1, b1) -> (a0 b0, a1 b1)
    spread = reshape(x, tuple(size for n in a for size in (n, 1))) * reshape(y, tuple(size for n in b for size in (1, n)))
    return reshape(spread, tuple(m * n for m, n in zip(a, b, strict=True)))


@composite
def cross(x: Any, y: Any, axis: int = -1) -> Any:
    """Return the cross product of vectors of three elements along an axis; the other axes broadcast.

    >>> import numpy as np
    >>> cross(np.array([1, 0, 0]), np.array([0, 1, 0]))
    array([0, 0, 1])
    """
    for name, shape in (("first", shape_of(x)), ("second", shape_of(y))):
        if shape[one_axis("cross", axis, len(shape))] != 3:
            raise ShapeError(f"cross: axis {axis} must have size 3, the {name} operand has shape {shape}")
    return roll(x, -1, axis) * roll(y, -2, axis) - roll(x, -2, axis) * roll(y, -1, axis)


@register(np.cross)
def numpy_cross(a: Any, b: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None) -> Any:
    """Apply `cross` with NumPy's three axes: of the operands, and of the result."""
    axisa, axisb, axisc = (axisa, axisb, axisc) if axis is None else (axis, axis, axis)
    return moveaxis(cross(moveaxis(a, axisa, -1), moveaxis(b, axisb, -1)), -1, axisc)


@composite
def mm(x: Any, y: Any) -> Any:
    """Return the product of two matrices; raises ShapeError for vectors and stacks, which `matmul` accepts."""
    return matmul(_of_ndim("mm", "first", x, 2), _of_ndim("mm", "second", y, 2))


@composite
def mv(x: Any, y: Any) -> Any:
    """Return the product of a matrix and a vector."""
    return matmul(_of_ndim("mv", "first", x, 2), _of_ndim("mv", "second", y, 1))


@composite
def bmm(x: Any, y: Any) -> Any:
    """Return the products of two stacks of equally many matrices; raises ShapeError for what `matmul` would broadcast."""
    x, y = _of_ndim("bmm", "first", x, 3), _of_ndim("bmm", "second", y, 3)
    if shape_of(x)[0] != shape_of(y)[0]:
        raise ShapeError(
            f"bmm: stacks of {shape_of(x)[0]} and {shape_of(y)[0]} matrices, shapes {shape_of(x)}, {shape_of(y)}"
        )
    return matmul(x, y)


@promoting("input", "mat1", "mat2")
@composite
def addmm(input: Any, mat1: Any, mat2: Any, *, beta: float = 1, alpha: float = 1) -> Any:
    """Compute ``beta * input + alpha * (mat1 @ mat2)`` of matrices; `input` broadcasts, and with beta 0 is not read."""
    return _added("addmm", input, mm(mat1, mat2), beta, alpha)


@promoting("input", "mat", "vec")
@composite
def addmv(input: Any, mat: Any, vec: Any, *, beta: float = 1, alpha: float = 1) -> Any:
    """Compute ``beta * input + alpha * (mat @ vec)`` of a matrix and a vector; see `addmm`."""
    return _added("addmv", input, mv(mat, vec), beta, alpha)


@promoting("input", "batch1", "batch2")
@composite
def baddbmm(input: Any, batch1: Any, batch2: Any, *, beta: float = 1, alpha: float = 1) -> Any:
    """Compute ``beta * input + alpha * (batch1 @ batch2)`` of stacks of matrices; see `addmm`."""
    return _added("baddbmm", input, bmm(batch1, batch2), beta, alpha)


@promoting("input", "batch1", "batch2")
@composite
def addbmm(input: Any, batch1: Any, batch2: Any, *, beta: float = 1, alpha: float = 1) -> Any:
    """Compute ``beta * input + alpha * sum(batch1 @ batch2)``, the sum over the matrices of a stack; see `addmm`."""
    products = bmm(batch1, batch2)
    return _added("addbmm", input, sum(products, 0, dtype=products.dtype), beta, alpha)


@promoting("input", "vec1", "vec2")
@composite
def addr(input: Any, vec1: Any, vec2: Any, *, beta: float = 1, alpha: float = 1) -> Any:
    """Compute ``beta * input + alpha * outer(vec1, vec2)`` of vectors; see `addmm`."""
    product = outer(_of_ndim("addr", "first", vec1, 1), _of_ndim("addr", "second", vec2, 1))
    return _added("addr", input, product, beta, alpha)


@register(np.linalg.multi_dot)
@composite
def multi_dot(arrays: Sequence[Any]) -> Any:
    """Return the product of several matrices, multiplied in the cheapest order; the first and the last may be vectors.

    >>> import numpy as np
    >>> multi_dot([np.ones((2, 3)), np.ones((3, 100)), np.ones(100)])
    array([300., 300.])
    """
    shapes = [shape_of(array) for array in arrays]
    last = len(shapes) - 1
    if last < 1:
        raise ValueError(f"multi_dot: needs at least two arrays, got {len(shapes)}")
    for i, shape in enumerate(shapes):
        allowed = (1, 2) if i in (0, last) else (2,)
        if len(shape) not in allowed:
            raise ShapeError(f"multi_dot: array {i} must have {' or '.join(map(str, allowed))} axes, got {shape}")
    for i in range(last):
        _agree(f"multi_dot (arrays {i} and {i + 1})", shapes[i], shapes[i + 1], -1, 0)
    terms = [ascii_letters[i : i + 2] for i in range(len(shapes))]
    terms[0], terms[-1] = terms[0][-len(shapes[0]) :], terms[-1][: len(shapes[-1])]
    out = terms[0][:-1] + terms[-1][1:]
    return einsum(f"{','.join(terms)}->{out}", *arrays, optimize="optimal" if last < 5 else "greedy")


@composite
def vander(x: Any, N: int | None = None, increasing: bool = False) -> Any:
    """Return the powers of the elements of `x` (..., n), from N - 1 down to 0, or if `increasing` up: (..., n, N).

    N is n by default. A number counts as one element. PyTorch's ``linalg.vander`` is increasing.

    >>> import numpy as np
    >>> vander(np.array([2, 3]), 3)
    array([[4, 2, 1],
           [9, 3, 1]])
    """
    x = x if shape_of(x) else expand_dims(x, 0)
    powers = np.arange(shape_of(x)[-1] if N is None else N)
    return power(expand_dims(x, -1), powers if increasing else powers[::-1])


@composite
def increasing_vander(x: Any, N: int | None = None) -> Any:
    """Apply `vander`, increasing: PyTorch's ``linalg.vander``."""
    return vander(x, N, True)


def matvec(x: Any, y: Any) -> Any:
    """Return the products of stacks of matrices and vectors: ``(..., m, n)`` and ``(..., n)`` to ``(..., m)``."""
    return einsum("...ij,...j->...i", x, y)


def vecmat(x: Any, y: Any) -> Any:
    """Return the products of stacks of vectors and matrices: ``(..., m)`` and ``(..., m, n)`` to ``(..., n)``."""
    return einsum("...i,...ij->...j", x, y)


ger = outer
register(np.linalg.cross)(cross)
if hasattr(np, "matvec"):  # NumPy 2.2
    register(np.matvec)(matvec)
    register(np.vecmat)(vecmat)


def _agree(name: str, a: Shape, b: Shape, i: int, j: int) -> None:
    """Raise ShapeError for shapes whose axes i and j, which are summed together, differ."""
    if a[i] != b[j]:
        raise ShapeError(
            f"{name}: shapes {a} and {b} do not multiply: {a[i]} != {b[j]}\n"
            f"  rule    axis {i} of the first equals axis {j} of the second"
        )


def _of_ndim(name: str, which: str, x: Any, ndim: int) -> Any:
    """Return an operand; raise ShapeError for another number of axes."""
    if len(shape_of(x)) != ndim:
        kind = {1: "a vector", 2: "a matrix", 3: "a stack of matrices"}[ndim]
        raise ShapeError(f"{name}: the {which} operand must be {kind}, got shape {shape_of(x)}\n  hint: use matmul")
    return x


def _added(name: str, input: Any, product: Any, beta: float, alpha: float) -> Any:
    """Compute ``beta * input + alpha * product``."""
    if isinstance(alpha, Traced) or alpha != 1:  # a tensor may require a gradient even if it is 1
        product = alpha * product
    if not isinstance(beta, Traced) and beta == 0:
        return product
    a, b = shape_of(input), shape_of(product)
    if len(a) > len(b) or any(n not in (1, m) for n, m in zip(a[::-1], b[::-1], strict=False)):
        raise ShapeError(f"{name}: an input of shape {a} does not broadcast to the product of {b}")
    if isinstance(beta, Traced) or beta != 1:
        input = beta * input
    return input + product
