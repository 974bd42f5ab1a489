"""Specs of the methods of a tensor that are more than an operation under another name."""

from __future__ import annotations

import operator

import numpy as np

import minigrad as mg
from minigrad.errors import ShapeError
from minigrad.testing import OpSpec, Sample
from tests.ops.samples import a_shape, choice, normal, refuse, two_shapes
from tests.ops.specs.indexing import a_mixed_index, a_value, an_index, as_pytorch, reading, write_one_by_one
from tests.ops.specs.products import sizes
from tests.ops.specs.special import off_poles, sum_of_powers


def of(name, reference, draw, **more):
    member = getattr(mg.Tensor, name)
    return OpSpec(f"Tensor.{name}", getattr(member, "fget", member), reference, draw, **more)


def shaped(*shapes):
    return lambda rng: Sample((normal(rng, choice(rng, *shapes)),))


def like(stretched):
    """An array, and another whose shape it takes."""

    def sample(rng):
        shape = a_shape(rng, 1, 3)
        part = tuple(1 if stretched and rng.random() < 0.5 else n for n in shape)
        return Sample((normal(rng, part), mg.zeros(shape if stretched else (1, *shape[::-1]))))

    return sample


def conditioned(rng):
    a, b = two_shapes(rng)
    return Sample((normal(rng, a), rng.random(np.broadcast_shapes(a, b)) < 0.5, normal(rng, b)))


def filled(rng):
    shape = (2, 3)
    return Sample((normal(rng, shape), normal(rng, choice(rng, (2, 3), (3,), (2, 1), ()))))


def written(x, index, value):
    x = x.clone()
    x[index] = value
    return x


def write_as_pytorch(x, index, value):
    return write_one_by_one(x, index, value, as_pytorch)


def writing(rng, draw=an_index):
    index = draw(rng)
    return Sample((normal(rng, (4, 5, 3)), index, a_value(rng, as_pytorch(np.empty((4, 5, 3)), index).shape)))


def mixed_reading(rng):
    return Sample((normal(rng, (4, 5, 3)), a_mixed_index(rng)))


def mixed_writing(rng):
    return writing(rng, a_mixed_index)


def changed(name):
    return lambda x, *args: getattr(x * 1, name)(*args)


def viewed(rng):
    x = normal(rng, (2, 6))
    return Sample((x, *choice(rng, (3, 4), ((4, -1),), (12,), ([2, 1, 6],))))


def windowed(rng):
    x = normal(rng, choice(rng, (7,), (3, 5), (4, 4, 4), ()))
    n, axis = (x.shape[0], 0) if x.ndim == 1 else (min(x.shape, default=1), int(rng.integers(-x.ndim, x.ndim or 1)))
    return Sample((x, axis, int(rng.integers(0, n + 1)), int(rng.integers(1, 4))))


def windows_of(x, axis, size, step):
    if not x.ndim:
        return np.full(size, x)
    starts = range(0, x.shape[axis] - size + 1, step)
    return np.stack([np.moveaxis(np.take(x, range(i, i + size), axis), axis, -1) for i in starts], axis % x.ndim)


def to_fill(rng):
    return Sample((normal(rng, choice(rng, (2, 3), (7, 2), (3, 3), (2, 2, 2))), 5.0, bool(rng.integers(2))))


def with_diagonal(x, value, wrap):
    out = x.copy()
    np.fill_diagonal(out, value, wrap)
    return out


MATRICES = sizes(((2, 3), (3, 4)), ((3,), (2, 3, 4)), ((5, 2, 3), (3, 1)), ((3,), (3,)))
SPECS = [
    of("T", np.transpose, shaped((2, 3), (2, 3, 4), (3,), ()), linear_in=(0,)),
    of("mT", lambda x: np.swapaxes(x, -1, -2), shaped((2, 3), (2, 3, 4), (3, 3)), linear_in=(0,)),
    of("view", lambda x, *shape: x.reshape(*shape), viewed, linear_in=(0,)),
    OpSpec("t", mg.t, np.transpose, shaped((2, 3), (3, 3), (3,), ()), ("t", "Tensor.t"), linear_in=(0,), errors=(
        refuse(ShapeError, r"t: needs at most 2 axes, got shape \(1, 2, 3\)", np.ones((1, 2, 3))),)),
    of("H", np.transpose, shaped((2, 3), (3, 3)), linear_in=(0,)),
    of("mH", lambda x: np.swapaxes(x, -1, -2), shaped((2, 3), (2, 3, 4)), linear_in=(0,)),
    of("real", np.positive, shaped((2, 3), ()), linear_in=(0,)),
    of("unfold", windows_of, windowed, linear_in=(0,), errors=(
        refuse(ValueError, "within 0 and 3, the size of axis 1, .* got size 4 and step 1", np.ones((2, 3)), 1, 4, 1),
        refuse(ValueError, "got size 2 and step 0", np.ones(3), 0, 2, 0))),
    OpSpec("Tensor.fill_diagonal_", changed("fill_diagonal_"), with_diagonal, to_fill, errors=(
        refuse(ShapeError, r"needs a matrix, or more axes of one size, got shape \(2, 2, 3\)", np.ones((2, 2, 3)), 1.0),)),
    of("view_as", lambda x, y: x.reshape(y.shape), like(False), linear_in=(0,)),
    of("reshape_as", lambda x, y: x.reshape(y.shape), like(False), linear_in=(0,)),
    of("expand_as", lambda x, y: np.broadcast_to(x, y.shape), like(True), linear_in=(0,)),
    of("where", lambda x, c, y: np.where(c, x, y), conditioned, linear_in=(0, 1)),
    OpSpec("Tensor.polygamma", lambda x: x.polygamma(1), lambda x: sum_of_powers(1, x),
           lambda rng: Sample((off_poles(rng, (2, 3)),))),
    of("__matmul__", np.matmul, MATRICES, linear_in=(0,)),
    OpSpec("Tensor.__rmatmul__", lambda x, y: y.__rmatmul__(x), np.matmul, MATRICES, linear_in=(0,)),
    of("__getitem__", as_pytorch, reading, linear_in=(0,)),
    OpSpec("Tensor.__setitem__", written, write_as_pytorch, writing, linear_in=(0, 1)),
    OpSpec("Tensor.__getitem__, mixed", operator.getitem, as_pytorch, mixed_reading, ("Tensor.__getitem__",),
           linear_in=(0,)),
    OpSpec("Tensor.__setitem__, mixed", written, write_as_pytorch, mixed_writing, ("Tensor.__setitem__",), linear_in=(0, 1)),
    OpSpec("Tensor.__iter__", tuple, tuple, shaped((2, 3), (3,), (2, 2, 1)), linear_in=(0,)),
    of("clone", np.positive, shaped((2, 3), ()), linear_in=(0,)),
    of("copy", np.positive, shaped((2, 3), ()), linear_in=(0,)),
    OpSpec("Tensor.astype", lambda x: x.astype(x.dtype), np.positive, shaped((2, 3), ()), linear_in=(0,)),
    OpSpec("Tensor.type", lambda x: x.type(x.dtype), np.positive, shaped((2, 3), ()), linear_in=(0,)),
    OpSpec("Tensor.type_as", lambda x: x.type_as(x), np.positive, shaped((2, 3), ()), linear_in=(0,)),
    OpSpec("Tensor.to", lambda x: x.to(x.dtype, device="cpu"), np.positive, shaped((2, 3), ()), linear_in=(0,)),
    OpSpec("Tensor.copy_", changed("copy_"), lambda x, y: np.broadcast_to(y, x.shape), filled, linear_in=(0, 1)),
    OpSpec("Tensor.fill_", changed("fill_"), lambda x, y: np.full(x.shape, y),
           lambda rng: Sample((normal(rng, (2, 3)), normal(rng, ()))), linear_in=(0, 1)),
]  # fmt: skip
