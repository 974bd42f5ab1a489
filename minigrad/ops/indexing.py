"""Reading and writing elements by index. Reading and adding up at an index are adjoint to each other."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad.arrays import Array, Shape, Traced, shape_of
from minigrad.engine.composite import composite
from minigrad.engine.primitive import primitive
from minigrad.engine.registry import register
from minigrad.errors import DTypeError, ShapeError
from minigrad.kernels import scatter as kernel
from minigrad.kernels.axes import one_axis
from minigrad.kernels.checks import broadcast_shapes, check_choice, whole
from minigrad.kernels.conversion import check_numbers, check_range
from minigrad.ops.elementwise import astype, where
from minigrad.ops.shape import broadcast_to, reshape, unbroadcast

__all__ = [
    "add_at", "gather", "getitem", "index_add", "index_copy", "index_fill", "index_select", "masked_fill",
    "masked_scatter", "masked_select", "narrow", "put_along_axis", "scatter", "scatter_add", "select", "setitem",
    "take", "take_along_axis", "take_along_dim", "unravel_index",
]  # fmt: skip


@primitive
def getitem(x: Array, index: Any) -> Array:
    """Return ``x[index]`` with NumPy's basic, advanced and boolean indexing; adjoint of `add_at`.

    An element whose index occurs several times is read as often, and its gradients accumulate. Raises IndexError for an
    index out of bounds, for too many, and for any that are not integers, slices, None, ... or booleans.
    """
    try:
        out = x[index]
    except IndexError as error:
        raise _explained("getitem", error, index, x.shape) from None
    if type(out) is np.ndarray or not isinstance(x, np.ndarray):
        return out
    return x[(*index, ...) if isinstance(index, tuple) else (index, ...)]  # one element as a view, not as a copy


getitem.is_view = True


@primitive
def add_at(g: Array, index: Any, size: Shape) -> Array:
    """Return zeros of shape `size` with `g` added at `index`, where repeated indices accumulate; adjoint of `getitem`.

    >>> import numpy as np
    >>> add_at(np.array([1, 2, 3]), np.array([0, 2, 0]), (4,))
    array([4, 0, 2, 0])
    """
    return kernel.add_at(g, index, size)


@getitem.gradient("x")
def _(g: Any, index: Any, shape: Shape) -> Any:
    return add_at(g, index, shape)


@add_at.gradient("g")
def _(g: Any, index: Any) -> Any:
    return getitem(g, index)


@primitive
def setitem(x: Array, index: Any, value: Any) -> Array:
    """Return a copy of `x` with ``x[index] = value``; replaced elements get no gradient, `value` gets all of it.

    `value` is cast to the dtype of `x` and broadcast to ``x[index]``. Of several values for one element the last one stays,
    as in NumPy, and it alone gets the gradient. Raises IndexError as `getitem`, ShapeError for a value that does not
    broadcast, DTypeError for one that would be truncated to an integer.

    >>> import numpy as np
    >>> setitem(np.zeros(3), np.array([0, 2, 0]), np.array([1.0, 2.0, 3.0]))
    array([3., 0., 2.])
    """
    return assign(x.copy("K"), index, value)


def assign(out: Array, index: Any, value: Any) -> Array:
    """Write `value` into an array as `setitem` does; return the array. It is unchanged after an error."""
    check_cast("setitem", value, out.dtype)
    if out.dtype.kind == "u" and type(value) is int:
        value = np.array(value).astype(out.dtype)  # NumPy refuses negative ones
    try:
        chosen = out[index].shape
    except IndexError as error:
        raise _explained("setitem", error, index, out.shape) from None
    try:
        surplus = _surplus(np.shape(value), chosen)
        if surplus and set(np.shape(value)[:surplus]) == {1}:  # NumPy drops them itself, but not beside a mask
            value = np.reshape(value, np.shape(value)[surplus:])
        if not kernel.touches_once(index):
            value = np.array(np.broadcast_to(value, chosen), order="C")  # written in the order that last_writes counts in
        out[index] = value
    except (ValueError, TypeError):  # a TypeError beside a mask
        raise ShapeError(
            f"setitem: a value of shape {np.shape(value)} does not broadcast to x[index] of shape {chosen}"
        ) from None
    return out


@setitem.gradient("x")
def _(g: Any, index: Any) -> Any:
    return setitem(g, index, 0)


@setitem.gradient("value")
def _(g: Any, index: Any, shape: Shape) -> Any:
    read = getitem(g, index)
    stays = kernel.last_writes(index, g.shape)
    if stays is not None:
        read = where(stays, read, 0)
    return reshape(unbroadcast(read, shape[_surplus(shape, read.shape) :]), shape)


@register(np.take)
@composite
def take(x: Any, index: Any, axis: int | None = None, mode: str = "raise") -> Any:
    """Return the elements of `x` at `index` along `axis`; without `axis`, of the flattened `x`, as ``torch.take`` does.

    The axes of the index, of any number, replace the axis. Negative indices count from the end; `mode` says whether an
    index out of bounds is wrapped around ("wrap"), limited to the bounds ("clip") or refused ("raise").

    >>> import numpy as np
    >>> take(np.array([[1, 2], [3, 4]]), np.array([3, 0]))
    array([4, 1])
    """
    if axis is None:
        return take(reshape(x, (-1,)), index, 0, mode)
    axis = one_axis("take", axis, len(shape_of(x)))
    n, at = shape_of(x)[axis], frozen_index(index)
    check_choice("take", "mode", mode, "raise", "wrap", "clip")
    if mode != "raise":
        at = np.mod(at, n) if mode == "wrap" else np.clip(at, 0, n - 1)
    return index_axis(x, axis, at)


@composite
def index_select(x: Any, dim: int, index: Any) -> Any:
    """Return the slices of `x` along `dim` at the positions in `index`, a vector of integers.

    >>> import numpy as np
    >>> index_select(np.array([[1, 2, 3], [4, 5, 6]]), 1, np.array([2, 0]))
    array([[3, 1],
           [6, 4]])
    """
    row = as_row(x)
    out = getitem(row, _slices("index_select", row, dim, index))
    if row is not x and shape_of(out) != (1,):
        raise IndexError(f"index_select: of a 0-d array there is one slice, got an index of shape {shape_of(index)}")
    return shaped(out, shape_of(x)) if row is not x else out


@composite
def select(x: Any, dim: int, index: int) -> Any:
    """Return ``x[:, ..., index]``: one slice along `dim`, without that axis."""
    return index_axis(x, one_axis("select", dim, len(shape_of(x))), index)


@composite
def narrow(x: Any, dim: int, start: int, length: int) -> Any:
    """Return ``x[:, ..., start : start + length]`` along `dim`; a negative start counts from the end.

    Raises IndexError where the range does not lie inside the axis, TypeError unless both are ints.

    >>> import numpy as np
    >>> narrow(np.arange(5), 0, -3, 2)
    array([2, 3])
    """
    dim = one_axis("narrow", dim, len(shape_of(x)))
    n = shape_of(x)[dim]
    if whole(start) is None or whole(length) is None:
        raise TypeError(f"narrow: start and length must be ints, got {start!r} and {length!r}")
    first = start + n if start < 0 else start
    if not (first >= 0 and length >= 0 and first + length <= n):
        raise IndexError(f"narrow: start {start} and length {length} leave axis {dim} of size {n}")
    return index_axis(x, dim, slice(first, first + length))


def index_axis(x: Any, axis: int, index: Any) -> Any:
    """Return `x` with an index for one axis, and all of the others; the axis is counted from the front.

    >>> import numpy as np
    >>> index_axis(np.array([[1, 2, 3]]), 1, slice(1, None))
    array([[2, 3]])
    """
    return getitem(x, (slice(None),) * axis + (index,))


@register(np.take_along_axis)
@composite
def take_along_axis(x: Any, indices: Any, axis: int | None = -1) -> Any:
    """Return the elements of `x` at `indices` along one axis; on the others they broadcast.

    It applies the result of argsort or argmax: ``take_along_axis(x, argsort(x, 1), 1)`` is `x` sorted along axis 1. Without
    `axis`, of the flattened `x`. Raises ShapeError for another number of axes, IndexError for an index out of bounds.

    >>> import numpy as np
    >>> take_along_axis(np.array([[5, 6], [7, 8]]), np.array([[1], [0]]), 1)
    array([[6],
           [7]])
    """
    if axis is None:
        return take_along_axis(reshape(x, (-1,)), np.reshape(frozen_index(indices), -1), 0)
    return getitem(x, _along("take_along_axis", shape_of(x), frozen_index(indices), axis, whole=True))


@composite
def take_along_dim(x: Any, indices: Any, dim: int | None = None) -> Any:
    """Apply `take_along_axis` under PyTorch's name; without `dim`, to the flattened `x`.

    >>> import numpy as np
    >>> take_along_dim(np.array([[5, 6], [7, 8]]), np.array([3, 0]))
    array([8, 5])
    """
    return take_along_axis(x, indices, dim)


@composite
def put_along_axis(x: Any, indices: Any, values: Any, axis: int) -> Any:
    """Return `x` with `values` at `indices` along one axis: ``np.put_along_axis``, but not in place.

    >>> import numpy as np
    >>> put_along_axis(np.array([[5, 6], [7, 8]]), np.array([[1], [0]]), 0, 1)
    array([[5, 0],
           [0, 8]])
    """
    return setitem(x, _along("put_along_axis", shape_of(x), frozen_index(indices), axis, whole=True), values)


@composite
def gather(x: Any, dim: int, index: Any) -> Any:
    """Return ``out[i, j] = x[index[i, j], j]`` for dim 0, ``x[i, index[i, j]]`` for dim 1; has the shape of `index`.

    PyTorch's rules: `index` has as many axes as `x` and is not longer on the other ones (the rest of `x` is not read), and
    indices are not negative. Raises ShapeError or IndexError otherwise.

    >>> import numpy as np
    >>> gather(np.array([[1, 2], [3, 4]]), 1, np.array([[0, 0], [1, 0]]))
    array([[1, 1],
           [4, 3]])
    """
    if not np.size(frozen_index(index)):  # may have any number of axes
        return getitem(reshape(x, (-1,)), np.zeros(shape_of(index), np.intp))
    return shaped(getitem(as_row(x), gathered_index("gather", x, dim, index)), shape_of(index))


@composite
def scatter(x: Any, dim: int, index: Any, src: Any = None, reduce: str | None = None, *, value: Any = None) -> Any:
    """Return `x` with the elements of `src`, or one `value`, written where `gather` would read them.

    Of several for one element the last stays; with `reduce` "add" or "multiply" all are added to the element of `x`, or
    multiplied with it. Raises ShapeError, IndexError as `gather`, ValueError for another `reduce`.

    >>> import numpy as np
    >>> scatter(np.zeros((2, 3)), 1, np.array([[2], [0]]), 1.0)
    array([[0., 0., 1.],
           [1., 0., 0.]])
    >>> scatter(np.ones(3), 0, np.array([1, 1]), value=2.0, reduce="add")
    array([1., 5., 1.])
    """
    if (src is None) == (value is None):
        raise TypeError("scatter: needs src or value, and one of them only")
    src = value if src is None else src
    check_choice("scatter", "reduce", reduce, None, "add", "multiply")
    at, row = gathered_index("scatter", x, dim, index), as_row(x)
    if reduce is not None:
        check_cast("scatter", src, x.dtype)
    if shape_of(src):
        src = covering_part("scatter", src, index)
        src = src if reduce is None or src.dtype == x.dtype else astype(src, x.dtype)
    elif reduce is not None:
        src = broadcast_to(astype(src, x.dtype) if hasattr(src, "dtype") else np.asarray(src, x.dtype), at[-1].shape)
    if reduce == "add":
        out = row + add_at(src, at, shape_of(row))
    elif reduce == "multiply":
        out = multiply_at(row, at, src)
    else:
        out = setitem(row, at, src)
    return shaped(out, shape_of(x))


@primitive
def multiply_at(x: Array, index: Any, src: Array) -> Array:
    """Return a copy of `x` whose elements at `index` are multiplied by `src`, once for each time they occur."""
    out = x.copy("K")
    np.multiply.at(out, index, src)
    return out


@multiply_at.gradient("x")
def _(g: Any, index: Any, src: Any) -> Any:
    return multiply_at(g, index, src)


@composite
def scatter_add(x: Any, dim: int, index: Any, src: Any) -> Any:
    """Return `x` with the elements of `src` added where `gather` would read them; several for one element add up.

    >>> import numpy as np
    >>> scatter_add(np.zeros((1, 3)), 1, np.array([[2, 0, 2]]), np.array([[1.0, 2.0, 3.0]]))
    array([[2., 0., 4.]])
    """
    at, row = gathered_index("scatter_add", x, dim, index), as_row(x)
    return shaped(row + add_at(covering_part("scatter_add", src, index), at, shape_of(row)), shape_of(x))


@composite
def index_add(x: Any, dim: int, index: Any, source: Any, alpha: float = 1) -> Any:
    """Return `x` with `alpha` times the slices of `source` added along `dim` at the positions in `index`, a vector.

    >>> import numpy as np
    >>> index_add(np.zeros(3), 0, np.array([0, 2, 0]), np.array([1.0, 2.0, 3.0]))
    array([4., 0., 2.])
    """
    at, row = source_slices("index_add", x, dim, index, source), as_row(x)
    if isinstance(alpha, float) and x.dtype.kind != "f":
        raise DTypeError(f"index_add: alpha must be an integer for x of dtype {x.dtype}, got {alpha}")
    if isinstance(alpha, Traced):
        source = alpha * source
    elif alpha != 1:
        # In the dtype of x, so that unsigned integers wrap as they do in the addition.
        source = source * np.asarray(alpha).astype(source.dtype if isinstance(alpha, int) else x.dtype)
    return shaped(row + add_at(as_row(source), at, shape_of(row)), shape_of(x))


@composite
def index_copy(x: Any, dim: int, index: Any, source: Any) -> Any:
    """Return `x` with the slices of `source` written along `dim` at the positions in `index`, a vector."""
    return shaped(setitem(as_row(x), source_slices("index_copy", x, dim, index, source), as_row(source)), shape_of(x))


@composite
def index_fill(x: Any, dim: int, index: Any, value: Any) -> Any:
    """Return `x` with one value written along `dim` at the positions in `index`, a vector."""
    if shape_of(value):
        raise ShapeError(f"index_fill: value must be one number, got shape {shape_of(value)}\n  hint: use index_copy")
    row = as_row(x)
    at = (slice(None),) * one_axis("index_fill", dim, len(shape_of(row))) + (frozen_index(index),)
    return shaped(setitem(row, at, value), shape_of(x))


@composite
def masked_fill(x: Any, mask: Any, value: Any) -> Any:
    """Return `x` with one value where the boolean mask is True; the two broadcast. The dtype of `x` stays.

    >>> import numpy as np
    >>> masked_fill(np.array([1.0, 2.0]), np.array([True, False]), -np.inf)
    array([-inf,   2.])
    """
    mask, _ = _mask("masked_fill", mask, x)
    if shape_of(value):
        raise ShapeError(f"masked_fill: value must be one number, got shape {shape_of(value)}\n  hint: use where")
    check_cast("masked_fill", value, x.dtype)
    if hasattr(value, "dtype"):
        value = astype(value, x.dtype)
    return where(mask, bool(value) if x.dtype.kind == "b" and isinstance(value, int) else value, x)


@composite
def masked_select(x: Any, mask: Any) -> Any:
    """Return a vector of the elements of `x` where the boolean mask is True; the two broadcast.

    >>> import numpy as np
    >>> masked_select(np.array([1.0, 2.0, 3.0]), np.array([True, False, True]))
    array([1., 3.])
    """
    mask, shape = _mask("masked_select", mask, x)
    return getitem(broadcast_to(x, shape), np.broadcast_to(mask, shape))


@composite
def masked_scatter(x: Any, mask: Any, source: Any) -> Any:
    """Return `x` with the elements of `source`, in order, where the boolean mask is True; the mask broadcasts to `x`.

    Raises ShapeError if `source` has fewer elements than the mask selects.

    >>> import numpy as np
    >>> masked_scatter(np.zeros(3), np.array([True, False, True]), np.array([1.0, 2.0, 3.0]))
    array([1., 0., 2.])
    """
    mask, shape = _mask("masked_scatter", mask, x)
    mask = np.broadcast_to(mask, shape)
    count, given = int(np.count_nonzero(mask)), math.prod(shape_of(source))
    if given < count:
        raise ShapeError(f"masked_scatter: the mask selects {count} elements, but source has {given} elements")
    return setitem(broadcast_to(x, shape), mask, getitem(reshape(source, (-1,)), slice(count)))


@register(np.unravel_index)
@composite
def unravel_index(x: Any, shape: Shape) -> tuple[Any, ...]:
    """Return the indices along each axis of elements that are given by their index in the flattened array.

    Raises IndexError for an index that is negative or too large.

    >>> import numpy as np
    >>> unravel_index(np.array([3, 5]), (2, 3))
    (array([1, 1]), array([0, 2]))
    """
    sizes = (shape,) if isinstance(shape, int) else tuple(shape)
    at = _positions("unravel_index", x, 0, math.prod(sizes))
    found = [np.asarray(part, np.int64) for part in np.unravel_index(at, sizes)]
    return tuple([x.from_array(part) for part in found] if isinstance(x, Traced) else found)


def frozen_index(index: Any) -> Any:
    """Return an index with arrays for tensors and lists, and copies of arrays that the caller may still write into."""
    if isinstance(index, tuple):
        return tuple(frozen_index(part) for part in index)
    if isinstance(index, Traced):
        return index.array
    if isinstance(index, list):
        return np.array(index, None if index else np.intp)  # NumPy would make an array of floats of an empty list
    return index.copy() if isinstance(index, np.ndarray) else index


def moved_block(index: Any, ndim: int) -> tuple[int, int, int] | None:
    """Return where PyTorch puts the axes of index arrays that NumPy puts first, or None where the two agree.

    The result is (the number of these axes, the position of the first in PyTorch, the number of all axes of the result).
    For NumPy an integer or ``...`` between two arrays separates them; in PyTorch an integer only selects, and ``...`` only
    separates if it stands for an axis. So NumPy puts the axis of the list in ``x[0, :, [1, 0]]`` first, PyTorch last.
    """
    if type(index) is not tuple or len(index) < 3:
        return None
    kinds = [_kind(part) for part in index]
    if "array" not in kinds:
        return None
    arrays = [np.asarray(part) for part, kind in zip(index, kinds, strict=True) if kind == "array"]
    taken = kinds.count("int") + kinds.count("slice") + sum([a.ndim if a.dtype.kind == "b" else 1 for a in arrays])
    widths = {"slice": 1, "new": 1, "...": ndim - taken, "int": 0, "array": 0}
    first, last = kinds.index("array"), len(kinds) - kinds[::-1].index("array")
    place = sum([widths[kind] for kind in kinds[:first]])
    picks = [at for at, kind in enumerate(kinds) if kind in ("array", "int")]
    if not place or any(widths[kind] for kind in kinds[first:last]) or picks[-1] - picks[0] == len(picks) - 1:
        return None  # first in PyTorch, too, or adjacent for NumPy, too
    count = max([1 if a.dtype.kind == "b" else a.ndim for a in arrays])
    rest = 0 if "..." in kinds else ndim - taken
    return count, place, count + sum([widths[kind] for kind in kinds]) + rest


def _kind(part: Any) -> str:
    """Return the kind of a part of an index: "int", "slice", "array", "new" (None) or "..."."""
    if isinstance(part, slice):
        return "slice"
    if part is None or part is Ellipsis:
        return "new" if part is None else "..."
    if isinstance(part, np.ndarray):
        return "array" if part.ndim or part.dtype.kind == "b" else "int"
    return "array" if isinstance(part, bool | np.bool_) else "int"


def as_row(x: Any) -> Any:
    """Return a 0-d array as a vector of one element, anything else as it is."""
    return x if shape_of(x) else reshape(x, (1,))


def shaped(x: Any, shape: Shape) -> Any:
    return x if shape_of(x) == shape else reshape(x, shape)


def _surplus(value: Shape, chosen: Shape) -> int:
    """Return the number of leading axes of a value, of size 1, that an assignment drops."""
    return max(len(value) - len(chosen), 0)


def _explained(name: str, error: IndexError, index: Any, shape: Shape) -> IndexError:
    """Return NumPy's error about an index with the operation, the shape, and the part that is not an index."""
    for part in index if isinstance(index, tuple) else (index,):
        if not isinstance(part, int | slice | np.integer | None) and part is not Ellipsis:
            dtype = np.asarray(part).dtype
            if dtype.kind not in "iub":
                given = f"{type(part).__name__} of dtype {dtype}"
                return IndexError(f"{name}: an index must be integers, booleans, slices, None or ..., got {given}")
    return IndexError(f"{name}: {error}\n  shape   {shape}")


def check_cast(name: str, value: Any, dtype: np.dtype[Any]) -> None:
    """Raise DTypeError for a value that is no number, would be truncated to an integer, or is a number beyond the dtype."""
    value = frozen_index(value)
    check_numbers(name, "the value", value)
    given = np.asarray(value).dtype
    if not hasattr(value, "dtype"):
        check_range(name, value, dtype)
    if given.kind == "f" and dtype.kind != "f":
        raise DTypeError(f"{name}: a value of dtype {given} would be truncated to {dtype}\n  hint: cast it with .astype")


def _positions(name: str, index: Any, axis: int, size: int) -> Array:
    """Return an index as an array of integers within an axis; negative ones are refused, as PyTorch does here."""
    at = np.asarray(frozen_index(index))
    if at.dtype.kind not in "iu":
        raise IndexError(f"{name}: index must be of integers, got dtype {at.dtype}")
    bad = (at < 0) | (at >= size)
    if bad.any():
        raise IndexError(f"{name}: index {at[bad][0]} is out of bounds for axis {axis} with size {size}")
    return at


def _slices(name: str, x: Any, dim: int, index: Any) -> tuple[Any, ...]:
    """Return the index of the slices along `dim` at a vector of positions."""
    shape = shape_of(x) or (1,)
    axis = one_axis(name, dim, len(shape))
    at = _positions(name, index, axis, shape[axis])
    if at.ndim > 1:
        raise IndexError(f"{name}: index must be a vector, got shape {at.shape}")
    return (slice(None),) * axis + (np.reshape(at, -1),)


def source_slices(name: str, x: Any, dim: int, index: Any, source: Any) -> tuple[Any, ...]:
    """Return `_slices`, after a check that there is one slice of `source` for each position."""
    at = _slices(name, x, dim, index)
    wanted = list(shape_of(x))
    if wanted:
        wanted[len(at) - 1] = len(at[-1])
    if shape_of(source) != tuple(wanted):
        raise ShapeError(f"{name}: source must be {tuple(wanted)}, a slice for each index, got shape {shape_of(source)}")
    return at


def gathered_index(name: str, x: Any, dim: int, index: Any) -> tuple[Any, ...]:
    """Return the index that `gather` reads."""
    shape = shape_of(x) or (1,)
    axis = one_axis(name, dim, len(shape))
    at = np.atleast_1d(_positions(name, index, axis, shape[axis]))
    indices = _along(name, shape, at, axis, whole=False)
    if any(i != axis and a > n for i, (a, n) in enumerate(zip(at.shape, shape, strict=True))):
        raise ShapeError(f"{name}: index of shape {at.shape} reaches beyond x of shape {shape} on an axis other than {axis}")
    return indices


def _along(name: str, shape: Shape, at: Array, axis: int, whole: bool) -> tuple[Any, ...]:
    """Return the index ``(i, ..., at, ..., k)``, with i and k counting along the whole other axes, or as far as `at`."""
    axis = one_axis(name, axis, len(shape))
    if at.ndim != len(shape):
        raise ShapeError(f"{name}: indices must have {len(shape)} axes like x of shape {shape}, got shape {at.shape}")
    grid = list(np.ogrid[tuple(slice(n) for n in (shape if whole else at.shape))])
    grid[axis] = at
    return tuple(grid)


def covering_part(name: str, src: Any, index: Any) -> Any:
    """Return the part of `src` that an index of `scatter` reads."""
    src, wanted = as_row(src), shape_of(index) or (1,)
    shape = shape_of(src)
    if len(shape) != len(wanted) or any(n < a for n, a in zip(shape, wanted, strict=True)):
        raise ShapeError(f"{name}: src of shape {shape} does not cover the index of shape {wanted}")
    return src if shape == wanted else getitem(src, tuple(slice(n) for n in wanted))


def _mask(name: str, mask: Any, x: Any) -> tuple[Array, Shape]:
    """Return a mask as an array, and the shape to which it broadcasts with `x`; raise for anything but booleans."""
    mask, shape = np.asarray(frozen_index(mask)), shape_of(x)
    if mask.dtype != bool:
        raise DTypeError(f"{name}: the mask must be of booleans, got dtype {mask.dtype}\n  hint: compare, e.g. mask != 0")
    refusal = f"{name}: a mask of shape {mask.shape} does not broadcast with x of shape {shape}"
    return mask, broadcast_shapes(refusal, shape, mask.shape)
