"""Specs of joining and taking apart."""

import itertools

import numpy as np

import minigrad as mg
from minigrad.errors import ShapeError
from minigrad.testing import OpSpec, Sample
from tests.ops.samples import AxisError, a_shape, an_axis, choice, normal, refuse


def unequal(rng, least=1, axis=None):
    """Three arrays that differ along one axis alone."""
    size = list(a_shape(rng, least, least + 2))
    axis = an_axis(rng, len(size)) if axis is None else axis
    pieces = [normal(rng, (*size[:axis], int(n), *size[axis:][1:])) for n in rng.permutation(4)[:3]]
    return pieces, axis


def joined(rng):
    pieces, axis = unequal(rng)
    return Sample((pieces, axis - pieces[0].ndim if axis >= 0 and rng.random() < 0.5 else axis))


def of_one_shape(rng):
    size = a_shape(rng, 0, 3)
    return Sample(([normal(rng, size) for _ in range(3)], an_axis(rng, len(size) + 1)))


def side_by_side(rng):
    if rng.random() < 0.5:
        return Sample(([normal(rng, (int(n),)) for n in rng.permutation(4)[:3]],))
    return Sample((unequal(rng, 2, 1)[0],))


def one_above_the_other(rng):
    return Sample(([normal(rng, (3,)), normal(rng, (2, 3)), normal(rng, (1, 3))],))


def one_behind_the_other(rng):
    return Sample(([normal(rng, (3,)), normal(rng, (1, 3)), normal(rng, (1, 3, 2))],))


def as_columns(rng):
    return Sample(([normal(rng, (3,)), normal(rng, (3, 2)), normal(rng, (3,))],))


def sections(rng, n):
    return [int(rng.integers(1, 4)), sorted(int(cut) for cut in rng.integers(-n, n + 3, 2))][rng.integers(2)]


def apart(rng, size=(7, 5, 6)):
    axis = an_axis(rng, 3)
    return Sample((normal(rng, size), sections(rng, size[axis]), axis))


def torch_split(x, sizes, axis):
    """By NumPy's rule: cuts before indices."""
    n = x.shape[axis]
    cuts = np.cumsum(sizes)[:-1] if isinstance(sizes, list) else np.arange(sizes, n, sizes)
    return np.split(x, cuts, axis)


def by_sizes(rng):
    axis = an_axis(rng, 3)
    n = (7, 5, 6)[axis]
    first = int(rng.integers(0, n))
    return Sample((normal(rng, (7, 5, 6)), [int(rng.integers(1, n + 2)), [first, n - first, 0]][rng.integers(2)], axis))


def chunks(rng):
    return Sample((normal(rng, (int(rng.choice([7, 0])), 5)), int(rng.integers(1, 9)), an_axis(rng, 2)))


def chunk(x, count, axis):
    """As many as asked for only where the sizes allow it, or where there is nothing to share out."""
    if not x.shape[axis]:
        return [x] * count
    return torch_split(x, -(-x.shape[axis] // count), axis)


def equal_pieces(rng):
    return Sample((normal(rng, (4, 6, 2)), [2, [1, 1, 9]][rng.integers(2)]))


def equal_pieces_of_a_vector(rng):
    return Sample((normal(rng, (6,)), [2, [1, 1, 9]][rng.integers(2)]))


def sliced(rng):
    return Sample((normal(rng, tuple(rng.permutation(4) + 1)), an_axis(rng, 4)))


A, B = np.arange(6.0).reshape(2, 3), np.arange(8.0).reshape(2, 4)

NO_CONCATENATION = (
    refuse(ShapeError, r"array 2 has shape \(2, 4\), array 0 has \(2, 3\)\n.*except on axis 0", [A, A, B], 0),
    refuse(ShapeError, r"array 1 has shape \(3,\), array 0 has \(2, 3\)", [A, A[0]], 0),
    refuse(ShapeError, "0-d arrays have no axis to join along\n  hint: use stack", [A[0, 0], A[0, 1]]),
    refuse(ValueError, "needs at least one array, got none", []),
    refuse(AxisError, "concatenate: axis 2 does not exist: the array has 2 axes", [A, A], 2),
)
NO_STACK = (
    refuse(ShapeError, r"stack: array 1 has shape \(2, 4\), array 0 has \(2, 3\)", [A, B]),
    refuse(ValueError, "stack: needs at least one array, got none", []),
)


def blocks(rng):
    sizes = [choice(rng, (2, 3), (1, 4), (3,), (), (2, 0)) for _ in range(rng.integers(1, 4))]
    return Sample(tuple(normal(rng, size) for size in sizes))


def block_diag(*arrays):
    blocks = [np.atleast_2d(x) for x in arrays]
    out, row, column = np.zeros(np.sum([x.shape for x in blocks], 0)), 0, 0
    for x in blocks:
        out[row : row + x.shape[0], column : column + x.shape[1]] = x
        row, column = row + x.shape[0], column + x.shape[1]
    return out


def vectors(rng):
    return Sample(tuple(normal(rng, (int(n),)) for n in rng.integers(1, 4, rng.integers(2, 4))))


def to_choose(rng):
    return Sample((normal(rng, (int(rng.integers(0, 5)),)), int(rng.integers(0, 4)), bool(rng.integers(2))))


def combinations(x, r, repeated):
    rows = (itertools.combinations_with_replacement if repeated else itertools.combinations)(x, r)
    return np.array([*rows]).reshape(-1, r) if r else np.zeros(0)


SPECS = [
    OpSpec("block_diag", mg.block_diag, block_diag, blocks, linear_in=(0, 1, 2),
           errors=(refuse(ShapeError, r"1 has shape \(1, 1, 1\), .* not a matrix", np.eye(2), np.ones((1, 1, 1))),)),
    OpSpec("concatenate", mg.concatenate, np.concatenate, joined, ("concatenate", "concat", "cat"), linear_in=(0, 1, 2),
           errors=NO_CONCATENATION),
    OpSpec("stack", mg.stack, np.stack, of_one_shape, linear_in=(0, 1, 2), errors=NO_STACK),
    OpSpec("hstack", mg.hstack, np.hstack, side_by_side, linear_in=(0, 1, 2)),
    OpSpec("vstack", mg.vstack, np.vstack, one_above_the_other, linear_in=(0, 1, 2)),
    OpSpec("dstack", mg.dstack, np.dstack, one_behind_the_other, linear_in=(0, 1, 2)),
    OpSpec("column_stack", mg.column_stack, np.column_stack, as_columns, linear_in=(0, 1, 2)),
    OpSpec("split", mg.split, torch_split, by_sizes, linear_in=(0,),
           errors=(refuse(ShapeError, r"sizes \[1, 1\] must add up to 3, the size of axis 1", A, [1, 1], 1),
                   refuse(ValueError, "a piece must have a size of at least 1, got 0", A, 0))),
    OpSpec("split of nothing", mg.split, lambda x, size: [x],
           lambda rng: Sample((normal(rng, (0, 2)), int(rng.integers(0, 2)))), ("split",), linear_in=(0,)),
    OpSpec("chunk", mg.chunk, chunk, chunks, linear_in=(0,), errors=(refuse(ValueError, "at least 1, got 0", A, 0),)),
    OpSpec("array_split", mg.array_split, np.array_split, apart, ("array_split", "tensor_split"), linear_in=(0,),
           errors=(refuse(ValueError, "sections must be at least 1, got 0", A, 0),)),
    OpSpec("np.split", np.split, np.split, lambda rng: Sample((normal(rng, (4, 6)), [2, [1, 3, 9]][rng.integers(2)], 1)),
           linear_in=(0,), errors=(refuse(ValueError, "3, the size of axis 1, does not divide into 2", A, 2, 1),)),
    OpSpec("hsplit", mg.hsplit, np.hsplit, equal_pieces, linear_in=(0,),
           errors=(refuse(ShapeError, r"hsplit: needs at least 1 axes, got shape \(\)", A[0, 0], 1),)),
    OpSpec("hsplit of a vector", mg.hsplit, np.hsplit, equal_pieces_of_a_vector, ("hsplit",), linear_in=(0,)),
    OpSpec("vsplit", mg.vsplit, np.vsplit, equal_pieces, linear_in=(0,),
           errors=(refuse(ShapeError, r"vsplit: needs at least 2 axes, got shape \(3,\)", A[0], 1),)),
    OpSpec("dsplit", mg.dsplit, np.dsplit, equal_pieces, linear_in=(0,),
           errors=(refuse(ShapeError, r"needs at least 3 axes, got shape \(2, 3\)", A, 1),)),
    OpSpec("unbind", mg.unbind, lambda x, axis: [*np.moveaxis(x, axis, 0)], sliced, linear_in=(0,)),
    OpSpec("cartesian_prod", mg.cartesian_prod, lambda *v: np.array([*itertools.product(*v)]).reshape(-1, len(v)), vectors,
           linear_in=(0, 1, 2), errors=(refuse(ShapeError, r"argument 1 has shape \(2, 3\)", A[0], A),)),
    OpSpec("cartesian_prod of one", mg.cartesian_prod, np.positive, lambda rng: Sample((normal(rng, (3,)),)),
           ("cartesian_prod",), linear_in=(0,)),
    OpSpec("combinations", mg.combinations, combinations, to_choose, linear_in=(0,),
           errors=(refuse(ShapeError, r"needs a vector, got shape \(2, 3\)", A),)),
]  # fmt: skip
