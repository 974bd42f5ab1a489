"""Specs of sizes and axes."""

import numpy as np

import minigrad as mg
from minigrad.errors import ShapeError
from minigrad.testing import OpSpec, Sample
from tests.ops.samples import AxisError, a_shape, an_axis, normal, refuse


def an_array(rng):
    return Sample((normal(rng, a_shape(rng)),))


def three_arrays(rng):
    return Sample(tuple(normal(rng, a_shape(rng, 0, 2)) for _ in range(3)))


def three_vectors(rng):
    return Sample(tuple(normal(rng, (int(n),)) for n in rng.permutation(4)[: rng.choice([1, 3])] + 1))


def listed_vectors(rng):
    return Sample((list(three_vectors(rng).args),))


def reshaped(rng):
    size = [int(n) for n in rng.permutation(4) + 1]
    order = str(rng.choice(["C", "F"]))
    return Sample((normal(rng, (2, 3, 4)), [(4, -1), 24, (3, 2, 2, 2), size][rng.integers(4)]), {"order": order})


def viewed(rng):
    """Sizes one by one, or together; one may be left open."""
    x = normal(rng, (2, 3, 4))
    return Sample((x, *[(4, 6), (-1, 2), ((3, -1, 2),), (24,)][rng.integers(4)]))


def permuted(rng):
    x = normal(rng, a_shape(rng, 0, 4))
    axes = tuple(int(a) - (x.ndim if rng.random() < 0.5 else 0) for a in rng.permutation(x.ndim))
    return Sample((x, None if rng.random() < 0.2 else axes))


def reordered(rng):
    """Every axis by name, some of them from the end."""
    x = normal(rng, a_shape(rng, 1, 4))
    return Sample((x, *[int(a) - x.ndim * int(rng.integers(2)) for a in rng.permutation(x.ndim)]))


def transposed(rng):
    """Two axes to swap, or all of them in some order, one by one or together."""
    x = normal(rng, a_shape(rng, 2, 4))
    order = [int(a) - x.ndim * int(rng.integers(2)) for a in rng.permutation(x.ndim)]
    return Sample((x, *[order[:2], order, [tuple(order)], [], [None]][rng.integers(5)]))


def transpose(x, *axes):
    if len(axes) == 2:
        return np.swapaxes(x, *axes)
    return x.transpose(*axes)


def squeezed(rng):
    return Sample((normal(rng, (1, 3, 1, 2, 1)), [None, 0, -1, (2, 0), (-1, 0)][rng.integers(5)]))


def squeezed_as_pytorch(rng):
    return Sample((normal(rng, (1, 3, 1, 2)), [None, 0, 1, -2, (0, 1), (-2, -1)][rng.integers(6)]))


def squeeze(x, axis):
    """A named axis that is longer stays."""
    named = range(x.ndim) if axis is None else [a % x.ndim for a in np.atleast_1d(axis)]
    return x.squeeze(tuple(a for a in named if x.shape[a] == 1))


def one_new_axis(rng):
    x = normal(rng, a_shape(rng))
    return Sample((x, an_axis(rng, x.ndim + 1)))


def stretched(rng):
    x = normal(rng, tuple(1 if rng.random() < 0.5 else n for n in a_shape(rng, 0, 3)))
    return Sample((x, (*a_shape(rng, 0, 1), *(int(rng.integers(0, 4)) if n == 1 else n for n in x.shape))))


def expanded(rng):
    """As `stretched`, but -1 for sizes that stay; one by one, or together."""
    x, target = stretched(rng).args
    lead = len(target) - x.ndim
    sizes = [-1 if i >= lead and n == x.shape[i - lead] and rng.random() < 0.5 else n for i, n in enumerate(target)]
    return Sample((x, *sizes) if rng.random() < 0.5 and sizes else (x, tuple(sizes)))


def expand(x, *sizes):
    sizes = sizes[0] if isinstance(sizes[0], tuple) else sizes
    lead = len(sizes) - x.ndim
    return x * np.ones([x.shape[i - lead] if n == -1 else n for i, n in enumerate(sizes)])


def summed(rng):
    x, target = stretched(rng).args
    return Sample((normal(rng, target), x.shape))


def add_up(g, shape):
    """Element by element into the place that each was read from."""
    out = np.zeros(shape)
    where = np.broadcast_to(np.arange(out.size).reshape(shape), g.shape)
    np.add.at(out.reshape(-1), where, g)
    return out


def merged(rng):
    x = normal(rng, tuple(int(n) for n in rng.integers(1, 4, 4)))
    start, end = sorted(int(a) for a in rng.integers(0, 4, 2))
    if rng.random() < 0.1:
        return Sample((normal(rng, ()),))
    return Sample((x, start, end))


def flatten(x, start=0, end=-1):
    return x.reshape(*x.shape[:start], -1, *x.shape[end:][1:])


def two_axes(rng):
    x = normal(rng, a_shape(rng, 1, 4))
    return Sample((x, an_axis(rng, x.ndim), an_axis(rng, x.ndim)))


def moved_axes(rng):
    x = normal(rng, a_shape(rng, 2, 4))
    count = int(rng.integers(1, x.ndim + 1))
    source, destination = (tuple(int(a) for a in rng.permutation(x.ndim)[:count]) for _ in range(2))
    return Sample((x, source, tuple(a - x.ndim if rng.random() < 0.5 else a for a in destination)))


def rolled_axes(rng):
    x = normal(rng, a_shape(rng, 1, 4))
    return Sample((x, an_axis(rng, x.ndim), int(rng.integers(-x.ndim, x.ndim + 1))))


def several_axes(rng):
    x = normal(rng, a_shape(rng, 0, 2))
    return Sample((x, tuple(int(a) for a in rng.permutation(x.ndim + 2)[:2] - rng.choice([0, x.ndim + 2]))))


def unflattened(rng):
    sizes = [int(n) for n in rng.permutation(3) + 1]
    open_ = int(rng.integers(0, 4))
    return Sample(
        (
            normal(rng, (int(rng.integers(0, 3)), int(np.prod(sizes)), 3)),
            1,
            [-1 if i == open_ else n for i, n in enumerate(sizes)],
        )
    )


def unflatten(x, dim, sizes):
    known = int(np.prod([n for n in sizes if n != -1]))
    return x.reshape(*x.shape[:dim], *[x.shape[dim] // known if n == -1 else n for n in sizes], *x.shape[dim + 1 :])


def broadcast_together(rng):
    full = a_shape(rng, 1)
    return Sample(tuple(normal(rng, tuple(1 if rng.random() < 0.5 else n for n in full[i:])) for i in range(2)))


X = np.arange(24.0).reshape(2, 3, 4)

NO_PERMUTATION = tuple(
    refuse(ValueError, r"is not a permutation of the 3 axes of shape \(2, 3, 4\)", X, axes)
    for axes in [(0, 1), (0, 1, 1), (0, 1, 3), (0, 1, 2, 3)]
)
NO_RESHAPE = (
    refuse(ShapeError, r"24 elements of shape \(2, 3, 4\) do not fit shape \(5, -1\)", X, (5, -1)),
    refuse(ShapeError, r"24 elements .* do not fit shape \(25,\)", X, 25),
    refuse(ValueError, r"only one size can be -1, got \(-1, 2, -1\)", X, (-1, 2, -1)),
    refuse(ShapeError, r"24 elements .* do not fit shape \(-2, 12\)", X, (-2, 12)),
    refuse(ShapeError, r"24 elements .* do not fit shape \(-2,\)", X, -2),
    refuse(ValueError, "-1 could be any size beside a size of 0", X[:0], (0, -1)),
)
NO_SQUEEZE = (
    refuse(ShapeError, r"axis 1 of shape \(2, 3, 4\) has size 3, not 1", X, 1),
    refuse(AxisError, "squeeze: axis 3 does not exist: the array has 3 axes", X, 3),
)
NO_BROADCAST = (refuse(ShapeError, r"broadcast_to: shape \(2, 3, 4\) does not broadcast to \(2, 3\)", X, (2, 3)),)

SPECS = [
    OpSpec("np.reshape", np.reshape, np.reshape, reshaped, ("reshape",), linear_in=(0,), errors=NO_RESHAPE),
    OpSpec("reshape", mg.Tensor.reshape, np.ndarray.reshape, viewed, linear_in=(0,)),
    OpSpec("np.transpose", np.transpose, np.transpose, permuted, ("permute",), linear_in=(0,), errors=NO_PERMUTATION),
    OpSpec("permute", mg.Tensor.permute, lambda x, *axes: x.transpose(axes), reordered, linear_in=(0,)),
    OpSpec("transpose", mg.transpose, transpose, transposed, linear_in=(0,),
           errors=(refuse(ValueError, r"\(1,\) is not a permutation of the 3 axes", X, 1),)),
    OpSpec("squeeze", mg.squeeze, squeeze, squeezed_as_pytorch, linear_in=(0,)),
    OpSpec("unsqueeze", mg.unsqueeze, np.expand_dims, one_new_axis, linear_in=(0,)),
    OpSpec("np.squeeze", np.squeeze, np.squeeze, squeezed, ("squeeze",), linear_in=(0,), errors=NO_SQUEEZE),
    OpSpec("np.broadcast_to", np.broadcast_to, np.broadcast_to, stretched, ("broadcast_to",), linear_in=(0,),
           errors=NO_BROADCAST),
    OpSpec("expand", mg.expand, expand, expanded, linear_in=(0,),
           errors=(refuse(ShapeError, r"expand: shape \(2, 3, 4\) does not expand to \(3, 4\)", X, 3, 4),
                   refuse(ShapeError, r"does not expand to \(-1, 2, 3, 4\)", X, -1, 2, 3, 4))),
    OpSpec("unbroadcast", mg.unbroadcast, add_up, summed, linear_in=(0,)),
    OpSpec("sum_to_size", mg.Tensor.sum_to_size, add_up, summed, covers=("Tensor.sum_to_size",), linear_in=(0,),
           errors=(refuse(ShapeError, r"sum_to_size: shape \(2, 4\) does not broadcast to \(2, 3, 4\)", X, 2, 4),
                   refuse(ShapeError, r"does not broadcast to \(2, 3, 4\)", X, 1, 2, 3, 4))),
    OpSpec("np.swapaxes", np.swapaxes, np.swapaxes, two_axes, linear_in=(0,)),
    OpSpec("swapaxes", mg.swapaxes, np.swapaxes, two_axes, covers=("swapaxes", "swapdims"), linear_in=(0,),
           errors=(refuse(AxisError, "swapaxes: axis -4 does not exist: the array has 3 axes", X, 0, -4),
                   refuse(AxisError, "swapaxes: an axis is an int, got 1.5", X, 0, 1.5))),
    OpSpec("moveaxis", mg.moveaxis, np.moveaxis, moved_axes, covers=("moveaxis", "movedim"), linear_in=(0,),
           errors=(refuse(ValueError, "2 axes .* cannot move to 1 position", X, (0, 1), 2),
                   refuse(AxisError, "an axis is named twice", X, (0, -3), (1, 2)))),
    OpSpec("rollaxis", mg.rollaxis, np.rollaxis, rolled_axes, linear_in=(0,),
           errors=(refuse(AxisError, "rollaxis: axis 4 does not exist", X, 0, 4),
                   refuse(AxisError, "rollaxis: axis -4 does not exist", X, 0, -4))),
    OpSpec("adjoint", mg.adjoint, lambda x: np.swapaxes(x, -1, -2), lambda rng: Sample((normal(rng, (2, 3, 4)),)),
           linear_in=(0,), errors=(refuse(AxisError, "matrix_transpose: axis -2 does not exist", X[0, 0]),)),
    OpSpec("ravel", mg.ravel, np.ravel, an_array, linear_in=(0,)),
    OpSpec("flatten", mg.flatten, flatten, merged, linear_in=(0,),
           errors=(refuse(ValueError, "start_dim 2 comes after end_dim 0", X, 2, 0),)),
    OpSpec("flatten of a number", mg.flatten, np.ravel, lambda rng: Sample((normal(rng, ()),)), ("flatten",),
           linear_in=(0,)),
    OpSpec("expand_dims", mg.expand_dims, np.expand_dims, several_axes, linear_in=(0,)),
    OpSpec("unflatten", mg.unflatten, unflatten, unflattened, linear_in=(0,),
           errors=(refuse(ShapeError, r"sizes \(2, 2\) do not multiply to 3, the size of axis 1", X, 1, (2, 2)),
                   refuse(ShapeError, r"sizes \(2, -1\) do not multiply to 3", X, 1, (2, -1)),
                   refuse(ShapeError, r"sizes \(-1, -1, 3\) do not multiply to 3", X, 1, (-1, -1, 3)))),
    OpSpec("atleast_1d", mg.atleast_1d, np.atleast_1d, three_arrays, linear_in=(0, 1, 2)),
    OpSpec("atleast_2d", mg.atleast_2d, np.atleast_2d, three_arrays, linear_in=(0, 1, 2)),
    OpSpec("atleast_2d of a tuple", mg.atleast_2d, lambda arrays: np.atleast_2d(*arrays),
           lambda rng: Sample((three_arrays(rng).args,)), ("atleast_2d",), linear_in=(0, 1, 2)),
    OpSpec("atleast_3d", mg.atleast_3d, np.atleast_3d, three_arrays, linear_in=(0, 1, 2)),
    OpSpec("broadcast_tensors", mg.broadcast_tensors, np.broadcast_arrays, broadcast_together, linear_in=(0, 1),
           errors=(refuse(ShapeError, r"shapes \(2, 3, 4\), \(3,\) do not broadcast", X, X[0, :, 0]),)),
    OpSpec("meshgrid of a list", mg.meshgrid, lambda v: np.meshgrid(*v, indexing="ij"), listed_vectors, ("meshgrid",),
           linear_in=(0, 1, 2)),
    OpSpec("meshgrid", mg.meshgrid, lambda *v: np.meshgrid(*v, indexing="ij"), three_vectors, linear_in=(0, 1, 2),
           errors=(refuse(ShapeError, r"needs vectors, argument 1 has shape \(3, 4\)", X[0, 0], X[0]),
                   refuse(ValueError, "indexing must be 'ij' or 'xy', got 'yx'", X[0, 0], indexing="yx"))),
]  # fmt: skip
