"""Reading and writing elements by index; reading and adding up are each other's adjoint."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad.arrays import Array, Traced, shape_of
from minigrad.engine.composite import composite
from minigrad.engine.primitive import primitive
from minigrad.engine.registry import register
from minigrad.errors import DTypeError, ShapeError
from minigrad.kernels import scatter as kernel
from minigrad.kernels.axes import one_axis
from minigrad.kernels.conversion import check_numbers
from minigrad.ops.elementwise import astype, where
from minigrad.ops.shape import broadcast_to, reshape, unbroadcast

__all__ = [
    "add_at", "gather", "getitem", "index_add", "index_copy", "index_fill", "index_select", "masked_fill", "masked_scatter",
    "masked_select", "narrow", "put_along_axis", "scatter", "scatter_add", "select", "setitem", "take", "take_along_axis",
    "take_along_dim",
]  # fmt: skip

Shape = tuple[int, ...]


@primitive
def getitem(x: Array, index: Any) -> Array:
    """``x[index]`` with NumPy's basic, advanced and boolean indexing; adjoint of `add_at`.

    Repeated indices are read once for each time they occur, and their gradients accumulate. Raises IndexError for an index
    out of bounds, for too many, and for any that are not integers, slices, None, ... or booleans.
    """
    try:
        return x[index]
    except IndexError as error:
        raise _explained("getitem", error, index, x.shape) from None


@primitive
def add_at(g: Array, index: Any, size: Shape) -> Array:
    """Zeros of shape `size` with `g` added at `index`, where repeated indices accumulate; adjoint of `getitem`.

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
    """A copy of `x` in which ``x[index] = value``; the old elements get no gradient, the new ones all of it.

    `value` is cast to the dtype of `x` and broadcast to ``x[index]``. Of several values for one element the last one stays,
    as in NumPy, and it alone gets the gradient. Raises IndexError as `getitem`, ShapeError for a value that does not
    broadcast, DTypeError for one that would be cut to an integer.

    >>> import numpy as np
    >>> setitem(np.zeros(3), np.array([0, 2, 0]), np.array([1.0, 2.0, 3.0]))
    array([3., 0., 2.])
    """
    _check_cast("setitem", value, x.dtype)
    out = x.copy("K")
    try:
        chosen = out[index].shape
    except IndexError as error:
        raise _explained("setitem", error, index, x.shape) from None
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
    """The elements of `x` at `index` along `axis`; without `axis`, of the flattened `x`, as ``torch.take`` too.

    The index, of any shape, takes the place of the axis. It may count from the end; `mode` "wrap" or "clip" brings one out
    of bounds back in, "raise" refuses it.

    >>> import numpy as np
    >>> take(np.array([[1, 2], [3, 4]]), np.array([3, 0]))
    array([4, 1])
    """
    if axis is None:
        return take(reshape(x, (-1,)), index, 0, mode)
    axis = one_axis("take", axis, len(shape_of(x)))
    n, at = shape_of(x)[axis], plain_index(index)
    if mode not in ("raise", "wrap", "clip"):
        raise ValueError(f"take: mode must be 'raise', 'wrap' or 'clip', got {mode!r}")
    if mode != "raise":
        at = np.mod(at, n) if mode == "wrap" else np.clip(at, 0, n - 1)
    return getitem(x, (slice(None),) * axis + (at,))


@composite
def index_select(x: Any, dim: int, index: Any) -> Any:
    """The slices of `x` along `dim` at the places in `index`, a vector of integers.

    >>> import numpy as np
    >>> index_select(np.array([[1, 2, 3], [4, 5, 6]]), 1, np.array([2, 0]))
    array([[3, 1],
           [6, 4]])
    """
    row = _row(x)
    out = getitem(row, _slices("index_select", row, dim, index))
    if row is not x and shape_of(out) != (1,):
        raise IndexError(f"index_select: of a 0-d array there is one slice, got an index of shape {shape_of(index)}")
    return _shaped(out, shape_of(x)) if row is not x else out


@composite
def select(x: Any, dim: int, index: int) -> Any:
    """``x[:, ..., index]``: one slice along `dim`, which goes away."""
    return getitem(x, (slice(None),) * one_axis("select", dim, len(shape_of(x))) + (index,))


@composite
def narrow(x: Any, dim: int, start: int, length: int) -> Any:
    """``x[:, ..., start : start + length]``: a stretch along `dim`; raises IndexError where it does not lie inside.

    >>> import numpy as np
    >>> narrow(np.arange(5), 0, -3, 2)
    array([2, 3])
    """
    dim = one_axis("narrow", dim, len(shape_of(x)))
    n = shape_of(x)[dim]
    first = start + n if start < 0 else start
    if not (first >= 0 and length >= 0 and first + length <= n):
        raise IndexError(f"narrow: start {start} and length {length} leave axis {dim} of size {n}")
    return getitem(x, (slice(None),) * dim + (slice(first, first + length),))


@register(np.take_along_axis)
@composite
def take_along_axis(x: Any, indices: Any, axis: int | None = -1) -> Any:
    """The elements of `x` at `indices` along one axis; on the others they broadcast.

    It undoes a sort, or follows an argmax: ``take_along_axis(x, argsort(x, 1), 1) == sort(x, 1)``. Without `axis`, of the
    flattened `x`. Raises ShapeError for another number of axes, IndexError out of bounds.

    >>> import numpy as np
    >>> take_along_axis(np.array([[5, 6], [7, 8]]), np.array([[1], [0]]), 1)
    array([[6],
           [7]])
    """
    if axis is None:
        return take_along_axis(reshape(x, (-1,)), np.reshape(plain_index(indices), -1), 0)
    return getitem(x, _along("take_along_axis", shape_of(x), plain_index(indices), axis, whole=True))


@composite
def take_along_dim(x: Any, indices: Any, dim: int | None = None) -> Any:
    """PyTorch's name for `take_along_axis`; without `dim`, of the flattened `x`.

    >>> import numpy as np
    >>> take_along_dim(np.array([[5, 6], [7, 8]]), np.array([3, 0]))
    array([8, 5])
    """
    return take_along_axis(x, indices, dim)


@composite
def put_along_axis(x: Any, indices: Any, values: Any, axis: int) -> Any:
    """`x` with `values` at `indices` along one axis: what ``np.put_along_axis`` does in place, as a value.

    >>> import numpy as np
    >>> put_along_axis(np.array([[5, 6], [7, 8]]), np.array([[1], [0]]), 0, 1)
    array([[5, 0],
           [0, 8]])
    """
    return setitem(x, _along("put_along_axis", shape_of(x), plain_index(indices), axis, whole=True), values)


@composite
def gather(x: Any, dim: int, index: Any) -> Any:
    """``out[i, j] = x[index[i, j], j]`` for dim 0, ``x[i, index[i, j]]`` for dim 1; has the shape of `index`.

    PyTorch's rules: as many axes as `x`, no longer on the others (the rest of `x` is not read), and no counting from the
    end. Raises ShapeError or IndexError where they are broken.

    >>> import numpy as np
    >>> gather(np.array([[1, 2], [3, 4]]), 1, np.array([[0, 0], [1, 0]]))
    array([[1, 1],
           [4, 3]])
    """
    if not np.size(plain_index(index)):  # may have any number of axes
        return getitem(reshape(x, (-1,)), np.zeros(shape_of(index), np.intp))
    return _shaped(getitem(_row(x), _gathered("gather", x, dim, index)), shape_of(index))


@composite
def scatter(x: Any, dim: int, index: Any, src: Any = None, reduce: str | None = None, *, value: Any = None) -> Any:
    """`x` with the elements of `src`, or one `value`, written where `gather` would read them.

    Of several for one place the last stays; with `reduce` "add" or "multiply" they are added to what is there, or multiplied
    with it. Raises ShapeError, IndexError as `gather`, ValueError for another `reduce`.

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
    if reduce not in (None, "add", "multiply"):
        raise ValueError(f"scatter: reduce must be 'add' or 'multiply', got {reduce!r}")
    at, row = _gathered("scatter", x, dim, index), _row(x)
    if reduce is not None:
        _check_cast("scatter", src, x.dtype)
    if shape_of(src):
        src = _cut("scatter", src, index)
        src = src if reduce is None or src.dtype == x.dtype else astype(src, x.dtype)
    elif reduce is not None:
        src = broadcast_to(astype(src, x.dtype) if hasattr(src, "dtype") else np.asarray(src, x.dtype), at[-1].shape)
    if reduce == "add":
        out = row + add_at(src, at, shape_of(row))
    elif reduce == "multiply":
        out = multiply_at(row, at, src)
    else:
        out = setitem(row, at, src)
    return _shaped(out, shape_of(x))


@primitive
def multiply_at(x: Array, index: Any, src: Array) -> Array:
    """A copy of `x` whose elements at `index` are multiplied by `src`, each as often as it is named."""
    out = x.copy("K")
    np.multiply.at(out, index, src)
    return out


@multiply_at.gradient("x")
def _(g: Any, index: Any, src: Any) -> Any:
    return multiply_at(g, index, src)


@composite
def scatter_add(x: Any, dim: int, index: Any, src: Any) -> Any:
    """`x` with the elements of `src` added where `gather` would read them; several for one place add up.

    >>> import numpy as np
    >>> scatter_add(np.zeros((1, 3)), 1, np.array([[2, 0, 2]]), np.array([[1.0, 2.0, 3.0]]))
    array([[2., 0., 4.]])
    """
    at, row = _gathered("scatter_add", x, dim, index), _row(x)
    return _shaped(row + add_at(_cut("scatter_add", src, index), at, shape_of(row)), shape_of(x))


@composite
def index_add(x: Any, dim: int, index: Any, source: Any, alpha: float = 1) -> Any:
    """`x` with `alpha` times the slices of `source` added along `dim` at the places in `index`, a vector.

    >>> import numpy as np
    >>> index_add(np.zeros(3), 0, np.array([0, 2, 0]), np.array([1.0, 2.0, 3.0]))
    array([4., 0., 2.])
    """
    at, row = _sources("index_add", x, dim, index, source), _row(x)
    if isinstance(alpha, float) and x.dtype.kind != "f":
        raise DTypeError(f"index_add: alpha must be an integer for x of dtype {x.dtype}, got {alpha}")
    if isinstance(alpha, Traced):
        source = alpha * source
    elif alpha != 1:
        # In the dtype of x, so that unsigned integers wrap as they do where they are added.
        source = source * np.asarray(alpha).astype(source.dtype if isinstance(alpha, int) else x.dtype)
    return _shaped(row + add_at(_row(source), at, shape_of(row)), shape_of(x))


@composite
def index_copy(x: Any, dim: int, index: Any, source: Any) -> Any:
    """`x` with the slices of `source` written along `dim` at the places in `index`, a vector."""
    return _shaped(setitem(_row(x), _sources("index_copy", x, dim, index, source), _row(source)), shape_of(x))


@composite
def index_fill(x: Any, dim: int, index: Any, value: Any) -> Any:
    """`x` with one value written along `dim` at the places in `index`, a vector."""
    if shape_of(value):
        raise ShapeError(f"index_fill: value must be one number, got shape {shape_of(value)}\n  hint: use index_copy")
    row = _row(x)
    at = (slice(None),) * one_axis("index_fill", dim, len(shape_of(row))) + (plain_index(index),)
    return _shaped(setitem(row, at, value), shape_of(x))


@composite
def masked_fill(x: Any, mask: Any, value: Any) -> Any:
    """`x` with one value wherever the mask, of booleans, holds; the two broadcast. The dtype of `x` stays.

    >>> import numpy as np
    >>> masked_fill(np.array([1.0, 2.0]), np.array([True, False]), -np.inf)
    array([-inf,   2.])
    """
    mask = _mask("masked_fill", mask)
    if shape_of(value):
        raise ShapeError(f"masked_fill: value must be one number, got shape {shape_of(value)}\n  hint: use where")
    _common("masked_fill", x, mask)
    _check_cast("masked_fill", value, x.dtype)
    if hasattr(value, "dtype"):
        value = astype(value, x.dtype)
    return where(mask, bool(value) if x.dtype.kind == "b" and isinstance(value, int) else value, x)


@composite
def masked_select(x: Any, mask: Any) -> Any:
    """The elements of `x` where the mask, of booleans, holds, in one row; the two broadcast.

    >>> import numpy as np
    >>> masked_select(np.array([1.0, 2.0, 3.0]), np.array([True, False, True]))
    array([1., 3.])
    """
    mask = _mask("masked_select", mask)
    shape = _common("masked_select", x, mask)
    return getitem(broadcast_to(x, shape), np.broadcast_to(mask, shape))


@composite
def masked_scatter(x: Any, mask: Any, source: Any) -> Any:
    """`x` with the elements of `source`, in order, wherever the mask, of booleans, holds; it broadcasts to `x`.

    >>> import numpy as np
    >>> masked_scatter(np.zeros(3), np.array([True, False, True]), np.array([1.0, 2.0, 3.0]))
    array([1., 0., 2.])
    """
    mask = _mask("masked_scatter", mask)
    shape = _common("masked_scatter", x, mask)
    mask = np.broadcast_to(mask, shape)
    count, given = int(np.count_nonzero(mask)), math.prod(shape_of(source))
    if given < count:
        raise ShapeError(f"masked_scatter: the mask holds {count} times, but source has {given} elements")
    return setitem(broadcast_to(x, shape), mask, getitem(reshape(source, (-1,)), slice(count)))


def plain_index(index: Any) -> Any:
    """An index without tensors, and without arrays that the caller could write into before backward."""
    if isinstance(index, tuple):
        return tuple(plain_index(part) for part in index)
    if isinstance(index, Traced):
        return index.array
    if isinstance(index, list):
        return np.array(index, None if index else np.intp)  # an empty list means no elements, not floats
    return index.copy() if isinstance(index, np.ndarray) else index


def moved_block(index: Any, ndim: int) -> tuple[int, int, int] | None:
    """Where PyTorch puts the axes of index arrays, if NumPy puts them in front: (their number, their place, axes of all).

    NumPy counts an integer, and ``...``, among what stands between arrays; in PyTorch an integer only selects, and ``...``
    stands for axes, or for none. So of ``x[0, :, [1, 0]]`` NumPy puts the axis of the list first, PyTorch last.
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
        return None  # in front for PyTorch, too, or side by side for NumPy, too
    count = max([1 if a.dtype.kind == "b" else a.ndim for a in arrays])
    rest = 0 if "..." in kinds else ndim - taken
    return count, place, count + sum([widths[kind] for kind in kinds]) + rest


def _kind(part: Any) -> str:
    """What a part of an index does: picks one place, a stretch, or many places, makes an axis, or stands for those left."""
    if isinstance(part, slice):
        return "slice"
    if part is None or part is Ellipsis:
        return "new" if part is None else "..."
    if isinstance(part, np.ndarray):
        return "array" if part.ndim or part.dtype.kind == "b" else "int"
    return "array" if isinstance(part, bool | np.bool_) else "int"


def _row(x: Any) -> Any:
    """A 0-d array as a vector of one element, as which it has one axis."""
    return x if shape_of(x) else reshape(x, (1,))


def _shaped(x: Any, shape: Shape) -> Any:
    return x if shape_of(x) == shape else reshape(x, shape)


def _surplus(value: Shape, chosen: Shape) -> int:
    """How many leading axes of a value, of size 1, an assignment drops."""
    return max(len(value) - len(chosen), 0)


def _explained(name: str, error: IndexError, index: Any, shape: Shape) -> IndexError:
    """NumPy's refusal of an index, with the operation, the shape, and what was not an integer."""
    for part in index if isinstance(index, tuple) else (index,):
        if not isinstance(part, int | slice | np.integer | None) and part is not Ellipsis:
            dtype = np.asarray(part).dtype
            if dtype.kind not in "iub":
                given = f"{type(part).__name__} of dtype {dtype}"
                return IndexError(f"{name}: an index is integers, booleans, slices, None or ..., got {given}")
    return IndexError(f"{name}: {error}\n  shape   {shape}")


def _check_cast(name: str, value: Any, dtype: np.dtype[Any]) -> None:
    value = plain_index(value)
    check_numbers(name, "the value", value)
    given = np.asarray(value).dtype
    if given.kind == "f" and dtype.kind != "f":
        raise DTypeError(f"{name}: a value of dtype {given} would be cut to {dtype}\n  hint: cast it with .astype")


def _integers(name: str, index: Any) -> Array:
    at = np.asarray(plain_index(index))
    if at.dtype.kind not in "iu":
        raise IndexError(f"{name}: index must be of integers, got dtype {at.dtype}")
    return at


def _within(name: str, at: Array, axis: int, size: int) -> None:
    """Refuse places outside an axis, and, as PyTorch does here, counting from its end."""
    bad = (at < 0) | (at >= size)
    if bad.any():
        raise IndexError(f"{name}: index {at[bad][0]} is out of bounds for axis {axis} with size {size}")


def _slices(name: str, x: Any, dim: int, index: Any) -> tuple[Any, ...]:
    """The index that reads the slices along `dim` at a vector of places."""
    x = _row(x)
    axis, at = one_axis(name, dim, len(shape_of(x))), _integers(name, index)
    if at.ndim > 1:
        raise IndexError(f"{name}: index must be a vector, got shape {at.shape}")
    _within(name, at, axis, shape_of(x)[axis])
    return (slice(None),) * axis + (np.reshape(at, -1),)


def _sources(name: str, x: Any, dim: int, index: Any, source: Any) -> tuple[Any, ...]:
    """`_slices`, where there is one slice of `source` for each place."""
    at = _slices(name, x, dim, index)
    wanted = list(shape_of(x))
    if wanted:
        wanted[len(at) - 1] = len(at[-1])
    if shape_of(source) != tuple(wanted):
        raise ShapeError(f"{name}: source must be {tuple(wanted)}, a slice for each index, got shape {shape_of(source)}")
    return at


def _gathered(name: str, x: Any, dim: int, index: Any) -> tuple[Any, ...]:
    """The index that `gather` reads."""
    shape, at = shape_of(x) or (1,), _integers(name, index)
    axis, at = one_axis(name, dim, len(shape)), np.atleast_1d(at)
    if at.ndim != len(shape):
        raise ShapeError(f"{name}: index must have {len(shape)} axes like x of shape {shape}, got shape {at.shape}")
    if any(i != axis and a > n for i, (a, n) in enumerate(zip(at.shape, shape, strict=True))):
        raise ShapeError(f"{name}: index of shape {at.shape} reaches beyond x of shape {shape} on an axis other than {axis}")
    _within(name, at, axis, shape[axis])
    return _along(name, shape, at, axis, whole=False)


def _along(name: str, shape: Shape, at: Array, axis: int, whole: bool) -> tuple[Any, ...]:
    """The index ``(i, ..., at, ..., k)`` with i, k counting along the other axes: the whole of them, or as far as `at`."""
    axis = one_axis(name, axis, len(shape))
    if at.ndim != len(shape):
        raise ShapeError(f"{name}: indices must have {len(shape)} axes like x of shape {shape}, got shape {at.shape}")
    grid = list(np.ogrid[tuple(slice(n) for n in (shape if whole else at.shape))])
    grid[axis] = at
    return tuple(grid)


def _cut(name: str, src: Any, index: Any) -> Any:
    """The part of `src` that an index of `scatter` uses."""
    src, wanted = _row(src), shape_of(index) or (1,)
    shape = shape_of(src)
    if len(shape) != len(wanted) or any(n < a for n, a in zip(shape, wanted, strict=True)):
        raise ShapeError(f"{name}: src of shape {shape} does not cover the index of shape {wanted}")
    return src if shape == wanted else getitem(src, tuple(slice(n) for n in wanted))


def _mask(name: str, mask: Any) -> Array:
    mask = np.asarray(plain_index(mask))
    if mask.dtype != bool:
        raise DTypeError(f"{name}: the mask must be of booleans, got dtype {mask.dtype}\n  hint: compare, e.g. mask != 0")
    return mask


def _common(name: str, x: Any, mask: Array) -> Shape:
    try:
        return np.broadcast_shapes(shape_of(x), mask.shape)
    except ValueError:
        raise ShapeError(f"{name}: a mask of shape {mask.shape} does not broadcast with x of shape {shape_of(x)}") from None
