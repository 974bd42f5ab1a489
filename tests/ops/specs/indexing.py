"""Specs of reading and writing by index."""

import operator

import numpy as np

import minigrad as mg
from minigrad.errors import DTypeError, ShapeError
from minigrad.testing import OpSpec, Sample
from tests.ops.samples import AxisError, choice, normal, refuse


def an_index(rng):
    """An index into an array of shape (4, 5, 3): basic, advanced, boolean and mixed; often with repetitions."""
    rows, columns = rng.integers(-4, 4, (2, 3)), rng.integers(-5, 5, (2, 3))
    mask = rng.random((4, 5)) < 0.5
    choices = [
        2, -1, True, slice(None, None, -2), (slice(1, 3), None, 2), (..., 0), (None, ..., 1), (),
        rows, (rows, columns), (rows, slice(None), 1), (slice(None), columns), (..., rng.integers(0, 3, 4)),
        (rows, columns, np.array(2)), (slice(None), columns, rng.integers(-3, 3, (3,))), (slice(1, None), rows % 3),
        mask, mask[:, 0], (mask, 0), (slice(None), mask[0]), (mask[:, 0], 1), (slice(None), mask[0], rng.integers(0, 3)),
        (rows, None, columns), np.zeros(0, int), rows.T.copy().T, rng.random((4, 5, 3)) < 0.5,
        (slice(None), rng.integers(-5, 5, 4), ..., rng.integers(0, 3, 4)),  # ... of no axis parts them all the same
    ]  # fmt: skip
    return choices[rng.integers(len(choices))]


def a_value(rng, chosen):
    """An array that broadcasts to the elements chosen."""
    size = tuple(1 if rng.random() < 0.3 else n for n in chosen)
    return normal(rng, (1, 1, *size) if rng.random() < 0.1 else size[rng.integers(0, len(size) + 1) :])


def reading(rng):
    return Sample((normal(rng, (4, 5, 3)), an_index(rng)))


def adding(rng):
    index = an_index(rng)
    return Sample((normal(rng, np.empty((4, 5, 3))[index].shape), index, (4, 5, 3)))


def add_one_by_one(g, index, size):
    flat = np.arange(np.prod(size)).reshape(size)[index]
    out = np.zeros(np.prod(size))
    for at, value in zip(flat.ravel(), g.ravel(), strict=True):
        out[at] += value
    return out.reshape(size)


def writing(rng):
    index = an_index(rng)
    return Sample((normal(rng, (4, 5, 3)), index, a_value(rng, np.empty((4, 5, 3))[index].shape)))


def write_one_by_one(x, index, value, read=operator.getitem):
    flat = read(np.arange(x.size).reshape(x.shape), index)
    while value.ndim > flat.ndim:
        value = value[0]
    out = x.copy()
    for at, v in zip(flat.ravel(), np.broadcast_to(value, flat.shape).ravel(), strict=True):
        out.flat[at] = v
    return out


def a_mixed_index(rng):
    """Integers, slices, new axes, ... and arrays in any order, into an array of shape (4, 5, 3)."""
    if rng.random() < 0.5:  # where NumPy would put the axes of the arrays in front
        rows, columns, here = rng.integers(0, 4, 2), rng.integers(0, 3, (3, 1)), int(rng.integers(4))
        return choice(rng, (here, slice(1, None), columns), (slice(None), rows, ..., columns), (here, ..., columns),
                      (None, np.array(here), None, columns), (slice(2), columns, ..., 1),
                      (here, slice(None), rng.random(3) < 0.5))  # fmt: skip
    parts, at = [], 0
    while at < 3:
        n = (4, 5, 3)[at]
        part = choice(rng, int(rng.integers(-n, n)), np.array(rng.integers(n)), slice(int(rng.integers(n)), None),
                      slice(None), None, rng.integers(-n, n, 2), rng.integers(-n, n, (2, 1)),
                      rng.random(n) < 0.5, ...)  # fmt: skip
        masks = [i for i, p in enumerate(parts) if isinstance(p, np.ndarray) and p.ndim]
        if part is ... and not any(p is ... for p in parts):
            at += int(rng.integers(0, 4 - at))
        elif part is ... or (isinstance(part, np.ndarray) and part.ndim and part.dtype == bool and masks):
            continue
        elif isinstance(part, np.ndarray) and part.ndim and any(parts[i].dtype == bool for i in masks):
            continue  # whose sizes need not agree
        else:
            at += part is not None
        parts.append(part)
        if rng.random() < 0.1:
            break
    return tuple(parts)


def as_pytorch(x, index):
    """What the brackets of a tensor mean: integers select first, ... stands for axes, then arrays are read."""
    parts = list(index) if isinstance(index, tuple) else [index]
    sizes = [np.ndim(p) if np.asarray(p).dtype == bool else p is not None and p is not ... for p in parts]
    dots = next((i for i, p in enumerate(parts) if p is ...), None)
    if dots is not None:
        parts[dots : dots + 1] = [slice(None)] * (x.ndim - sum(sizes))
    first, then = [], []
    for part in parts:
        if isinstance(part, bool):
            first.append(None)
            then.append(np.array([part]))
        elif isinstance(part, np.ndarray) and part.ndim:
            first += [slice(None)] * (part.ndim if part.dtype == bool else 1)
            then.append(part)
        else:
            first.append(part if part is None or isinstance(part, slice) else int(part))
            then += [slice(None)] * (not isinstance(first[-1], int))
    return x[tuple(first)][tuple(then)]


def any_axis(rng):
    x = normal(rng, [(4, 3, 5), (3, 3)][rng.integers(2)])
    axis = int(rng.integers(-x.ndim, x.ndim))
    return x, axis, x.shape[axis]


def taken(rng):
    x, axis, n = any_axis(rng)
    axis, n = (None, x.size) if rng.random() < 0.3 else (axis, n)
    mode = str(rng.choice(["raise", "wrap", "clip"]))
    far = 0 if mode == "raise" else 5
    return Sample((x, rng.integers(-n - far, n + far, tuple(rng.integers(0, 4, rng.integers(0, 3)))), axis, mode))


def places(rng):
    """A vector of places along an axis, with repetitions."""
    x, axis, n = any_axis(rng)
    return x, axis, rng.integers(0, n, rng.integers(0, 7))


def sources(rng):
    """A slice of its own for each place; none twice, so that the order of writing says nothing."""
    x, axis, n = any_axis(rng)
    at = rng.permutation(n)[: rng.integers(0, n + 1)]
    return Sample((x, axis, at, normal(rng, np.take(x, at, axis).shape)))


def added_sources(rng):
    x, axis, at = places(rng)
    return Sample((x, axis, at, normal(rng, np.take(x, at, axis).shape)), {"alpha": float(rng.choice([1.0, 2.0]))})


def index_add(x, axis, at, source, alpha):
    out = np.moveaxis(x.copy(), axis, 0)
    for i, piece in zip(at, np.moveaxis(source, axis, 0), strict=True):
        out[i] += alpha * piece
    return np.moveaxis(out, 0, axis)


def index_copy(x, axis, at, source):
    out = np.moveaxis(x.copy(), axis, 0)
    out[at] = np.moveaxis(np.broadcast_to(source, np.take(x, at, axis).shape), axis, 0)
    return np.moveaxis(out, 0, axis)


def one_place(rng):
    x, axis, n = any_axis(rng)
    return Sample((x, axis, int(rng.integers(-n, n))))


def a_stretch(rng):
    x, axis, n = any_axis(rng)
    start = int(rng.integers(0, n) * rng.integers(2))
    return Sample((x, axis, start - n if rng.random() < 0.5 else start, int(rng.integers(0, n - start + 1))))


def narrow(x, axis, start, length):
    return np.take(x, np.arange(start % x.shape[axis], start % x.shape[axis] + length), axis)


def along(rng):
    x, axis, n = any_axis(rng)
    if rng.random() < 0.2:
        return Sample((x, rng.integers(0, x.size, 7), None))
    size = [1 if rng.random() < 0.3 else m for m in x.shape]
    size[axis] = int(rng.integers(0, 7))
    return Sample((x, rng.integers(-n, n, size), axis))


def along_some(rng):
    x, at, axis = along(rng).args
    return Sample((x, at) if axis is None else (x, at, axis))


def put_along(rng):
    x, axis, _ = any_axis(rng)
    size = [1 if i != axis % x.ndim and rng.random() < 0.3 else n for i, n in enumerate(x.shape)]
    at = np.argsort(normal(rng, size), axis)
    return Sample((x, at, [normal(rng, ()), normal(rng, x.shape)][rng.integers(2)], axis))


def put_along_axis(x, at, values, axis):
    out = x.copy()
    np.put_along_axis(out, at, values, axis)
    return out


def gathered(rng):
    x, axis, n = any_axis(rng)
    size = [int(rng.integers(1, m + 1)) for m in x.shape]
    size[axis] = int(rng.integers(0, 7))
    return x, axis, rng.integers(0, n, size)


def gather(x, axis, at):
    out = np.empty(at.shape)
    for place in np.ndindex(at.shape):
        source = list(place)
        source[axis] = at[place]
        out[place] = x[tuple(source)]
    return out


def scattered(rng):
    x, axis, at = gathered(rng)
    return Sample((x, axis, at, normal(rng, tuple(n + int(rng.integers(0, 2)) for n in at.shape))))


def scatter(x, axis, at, src, add=False):
    out = x.copy()
    for place in np.ndindex(at.shape):
        target = list(place)
        target[axis] = at[place]
        out[tuple(target)] = src[place] + (out[tuple(target)] if add else 0)
    return out


def scattered_number(rng):
    return Sample(gathered(rng), {"value": float(rng.choice([-2.0, 0.5, 3.0])), "reduce": "multiply"})


def multiplied(x, axis, at, value, reduce):
    counts = scatter(np.zeros(x.shape), axis, at, np.ones(at.shape), add=True)
    return x * value**counts


def masked(rng, filled):
    full = (3, 4, 2)
    x = normal(rng, tuple(1 if rng.random() < 0.2 else n for n in full))
    mask = rng.random(full[rng.integers(0, 3) :]) < 0.5
    count = np.broadcast_to(mask, np.broadcast_shapes(mask.shape, x.shape)).sum()
    more = {"number": (normal(rng, ()),), "source": (normal(rng, (int(count), 2)),), "nothing": ()}
    return Sample((x, mask, *more[filled]))


def masked_scatter(x, mask, source):
    x = np.broadcast_to(x, np.broadcast_shapes(mask.shape, x.shape)).copy()
    mask = np.broadcast_to(mask, x.shape)
    x[mask] = source.ravel()[: mask.sum()]
    return x


def masked_select(x, mask):
    shape = np.broadcast_shapes(mask.shape, x.shape)
    return np.broadcast_to(x, shape)[np.broadcast_to(mask, shape)]


A = np.arange(6.0).reshape(2, 3)

NO_INDEX = (
    refuse(IndexError, r"getitem: index 5 is out of bounds for axis 0 with size 2\n  shape   \(2, 3\)", A, 5),
    refuse(IndexError, "getitem: index -4 is out of bounds for axis 1 with size 3", A, (slice(None), np.array([0, -4]))),
    refuse(IndexError, "too many indices", A, (0, 0, 0)),
    refuse(IndexError, "an index must be integers, booleans, .* got float of dtype float64", A, 1.0),
    refuse(IndexError, "got ndarray of dtype float32", A, np.float32([0, 1])),
    refuse(IndexError, "got str of dtype", A, "a"),
    refuse(IndexError, "boolean index did not match", A, np.array([True, False, True])),
    refuse(IndexError, "getitem: shape mismatch: indexing arrays could not be broadcast", A, (np.arange(2), np.arange(3))),
)
NO_WRITE = (
    refuse(IndexError, "setitem: index 2 is out of bounds for axis 0 with size 2", A, 2, 0.0),
    refuse(IndexError, "setitem: an index must be integers", A, 0.5, 0.0),
    refuse(ShapeError, r"setitem: a value of shape \(2,\) does not broadcast to x\[index\] of shape \(3,\)", A, 0, A[:, 0]),
    refuse(DTypeError, "a value of dtype float64 would be truncated to int64\n  hint", np.arange(3), 0, 1.5),
    refuse(ShapeError, r"a value of shape \(2,\) .* shape \(4, 3\)", A, np.array([0, 1, 0, 0]), A[:, 0]),
)
NO_GATHER = (
    refuse(IndexError, "gather: index -1 is out of bounds for axis 1 with size 3", A, 1, np.array([[-1]])),
    refuse(IndexError, "gather: index 3 is out of bounds for axis 1 with size 3", A, 1, np.array([[0, 3]])),
    refuse(IndexError, "index must be of integers, got dtype float64", A, 1, [[0.0]]),
    refuse(ShapeError, r"indices must have 2 axes like x of shape \(2, 3\), got shape \(1,\)", A, 1, np.array([0])),
    refuse(ShapeError, r"index of shape \(3, 1\) reaches beyond x of shape \(2, 3\)", A, 1, np.zeros((3, 1), int)),
    refuse(AxisError, "gather: axis 2 does not exist", A, 2, np.array([[0]])),
)
NO_MASK = (
    refuse(DTypeError, "the mask must be of booleans, got dtype int64\n  hint", A, np.array([1, 0, 1]), 0.0),
    refuse(
        ShapeError, r"a mask of shape \(2,\) does not broadcast with x of shape \(2, 3\)", A, np.array([True, False]), 0.0
    ),
    refuse(ShapeError, r"value must be one number, got shape \(3,\)", A, np.array([True, False, True]), A[0]),
)


def writing_a_row(rng):
    return Sample((normal(rng, (3, 3)), int(rng.integers(-3, 3)), normal(rng, (3,))))


def flat_places(rng):
    shape = choice(rng, (2, 3, 4), (24,), 24)
    return Sample((mg.tensor(rng.integers(0, 24, choice(rng, (2, 3), (), (0,)))), shape))


SPECS = [
    OpSpec("getitem", mg.getitem, lambda x, index: x[index], reading, linear_in=(0,), errors=NO_INDEX),
    OpSpec("getitem by tensors", lambda x, rows, columns: x[mg.tensor(rows), :, mg.tensor(columns)],
           lambda x, rows, columns: x[rows, :, columns],
           lambda rng: Sample((normal(rng, (4, 5, 3)), rng.integers(-4, 4, (2, 3)), rng.integers(0, 3, 3))), ("getitem",),
           linear_in=(0,)),
    OpSpec("add_at", mg.add_at, add_one_by_one, adding, linear_in=(0,)),
    OpSpec("setitem", mg.setitem, write_one_by_one, writing, linear_in=(0, 1), errors=NO_WRITE),
    OpSpec("setitem of a square", mg.setitem, write_one_by_one, writing_a_row, ("setitem",), linear_in=(0, 1)),
    OpSpec("take", mg.take, lambda x, at, axis, mode: np.take(x, at, axis, mode=mode), taken, linear_in=(0,),
           errors=(refuse(IndexError, "index 6 is out of bounds for axis 0 with size 6", A, 6),
                   refuse(ValueError, "mode must be 'raise', 'wrap' or 'clip', got 'near'", A, 0, 0, "near"))),
    OpSpec("select", mg.select, lambda x, axis, i: np.take(x, i, axis), one_place, linear_in=(0,)),
    OpSpec("narrow", mg.narrow, narrow, a_stretch, linear_in=(0,),
           errors=(refuse(IndexError, "start 2 and length 2 leave axis 1 of size 3", A, 1, 2, 2),
                   refuse(TypeError, "narrow: start and length must be ints, got True and 1", A, 1, True, 1))),
    OpSpec("index_select", mg.index_select, lambda x, axis, at: np.take(x, at, axis), lambda rng: Sample(places(rng)),
           linear_in=(0,),
           errors=(refuse(IndexError, "index -1 is out of bounds for axis 0 with size 2", A, 0, np.array([-1])),
                   refuse(IndexError, r"index must be a vector, got shape \(1, 1\)", A, 0, np.array([[1]])))),
    OpSpec("index_add", mg.index_add, index_add, added_sources, linear_in=(0, 1),
           errors=(refuse(ShapeError, r"source must be \(2, 2\), a slice for each index, got shape \(2, 3\)",
                          A, 1, np.array([0, 0]), A),)),
    OpSpec("index_copy", mg.index_copy, index_copy, sources, linear_in=(0, 1)),
    OpSpec("index_fill", mg.index_fill, index_copy, lambda rng: Sample((*places(rng), normal(rng, ()))), linear_in=(0, 1)),
    OpSpec("take_along_axis", mg.take_along_axis, np.take_along_axis, along, linear_in=(0,),
           errors=(refuse(ShapeError, r"indices must have 2 axes like x of shape \(2, 3\), got shape \(1,\)", A,
                          np.array([0]), 0),)),
    OpSpec("take_along_dim", mg.take_along_dim, lambda x, at, dim=None: np.take_along_axis(x, at, dim), along_some,
           linear_in=(0,)),
    OpSpec("put_along_axis", mg.put_along_axis, put_along_axis, put_along, linear_in=(0, 1)),
    OpSpec("gather", mg.gather, gather, lambda rng: Sample(gathered(rng)), linear_in=(0,), errors=NO_GATHER),
    OpSpec("scatter", mg.scatter, scatter, scattered, linear_in=(0, 1),
           errors=(refuse(ShapeError, r"src of shape \(1, 1\) does not cover the index of shape \(1, 2\)",
                          A, 1, np.array([[0, 1]]), A[:1, :1]),)),
    OpSpec("scatter that adds", lambda *args: mg.scatter(*args, reduce="add"), lambda *args: scatter(*args, add=True),
           scattered, ("scatter",), linear_in=(0, 1)),
    OpSpec("scatter that multiplies", mg.scatter, multiplied, scattered_number, ("scatter",), linear_in=(0,), errors=(
        refuse(ValueError, "reduce must be None, 'add' or 'multiply', got 'mean'", A, 1, np.array([[0]]), 1.0, "mean"),
        refuse(TypeError, "needs src or value, and one of them only", A, 1, np.array([[0]])))),
    OpSpec("scatter_add", mg.scatter_add, lambda *args: scatter(*args, add=True), scattered, linear_in=(0, 1)),
    OpSpec("masked_fill", mg.masked_fill, lambda x, mask, v: np.where(mask, v, x), lambda rng: masked(rng, "number"),
           linear_in=(0, 1), errors=NO_MASK),
    OpSpec("masked_select", mg.masked_select, masked_select, lambda rng: masked(rng, "nothing"), linear_in=(0,)),
    OpSpec("masked_scatter", mg.masked_scatter, masked_scatter, lambda rng: masked(rng, "source"), linear_in=(0, 1),
           errors=(refuse(ShapeError, "the mask selects 6 elements, but source has 3 elements", A, np.array(True), A[0]),)),
    OpSpec("unravel_index", mg.unravel_index, lambda at, shape: np.unravel_index(at.numpy(), shape), flat_places, order=0,
           errors=(refuse(IndexError, "index 6 is out of bounds for axis 0 with size 6", mg.tensor([6]), (2, 3)),
                   refuse(IndexError, "index -1 is out of bounds", mg.tensor([-1]), (2, 3)))),
]  # fmt: skip
