"""Specs of the products of vectors, matrices and stacks of them."""

import itertools

import numpy as np

import minigrad as mg
from minigrad.errors import ShapeError
from minigrad.ops import products
from minigrad.testing import OpSpec, Sample
from tests.ops.samples import a_shape, normal, refuse


def sizes(*options):
    """Two arrays of one of some pairs of shapes."""

    def draw(rng):
        a, b = options[rng.integers(len(options))]
        return Sample((normal(rng, a), normal(rng, b)))

    return draw


def broadcast(rng):
    a, b = rng.permutation([1, 3])
    return Sample((normal(rng, (2, a)), normal(rng, (4, b)), (1, 1)))


def contracted(rng):
    choices = [
        ((2, 3, 4), (3, 4, 5), 2), ((2, 3), (4,), 0), ((2, 3, 4), (4, 2), ([0, -1], [1, 0])), ((2, 3), (2, 3), 1 + 1),
        ((2, 3, 4), (5, 3), (1, 1)), ((3,), (3,), 1), ((2, 0), (0, 3), 1),
    ]  # fmt: skip
    a, b, axes = choices[rng.integers(len(choices))]
    return Sample((normal(rng, a), normal(rng, b), axes))


def along(rng):
    x, y = normal(rng, (2, 3, 4)), normal(rng, [(2, 3, 4), (3, 4), (1, 3, 1)][rng.integers(2)])
    return Sample((x, y, [-1, -2][rng.integers(2)]))


def vectors(rng):
    axis = int(rng.integers(-2, 2))
    size = [2, 4]
    size.insert(axis % 2, 3)
    size.pop(axis % 2 + 1)
    other = [1 if n != 3 and rng.random() < 0.5 else n for n in size]
    return Sample((normal(rng, tuple(size)), normal(rng, tuple(other)), axis))


def cross(x, y, axis):
    """Component by component."""
    (a, b, c), (d, e, f) = np.moveaxis(x, axis, 0), np.moveaxis(y, axis, 0)
    return np.stack([b * f - c * e, c * d - a * f, a * e - b * d], axis)


def any_two(rng):
    return Sample((normal(rng, a_shape(rng, 0, 2)), normal(rng, a_shape(rng, 0, 2))))


def added(*shapes):
    def draw(rng):
        input = normal(rng, shapes[rng.integers(len(shapes) - 2)])
        options = {"beta": float(rng.choice([0.0, 1.0, 2.0])), "alpha": float(rng.choice([1.0, 2.0]))}
        return Sample((input, normal(rng, shapes[-2]), normal(rng, shapes[-1])), options)

    return draw


def plus_product(input, x, y, beta, alpha):
    return beta * input + alpha * (x @ y)


def chain(rng):
    sizes = [int(n) for n in rng.permutation(5)[: rng.integers(3, 5)] + 1]
    arrays = [normal(rng, pair) for pair in itertools.pairwise(sizes)]
    if rng.random() < 0.5:
        arrays[0] = normal(rng, sizes[1:2])
    if rng.random() < 0.5:
        arrays[-1] = normal(rng, sizes[-2:-1])
    return Sample((arrays,))


def multiplied(arrays):
    out = arrays[0]
    for array in arrays[1:]:
        out = out @ array
    return out


A, B, V = np.ones((2, 3)), np.ones((4, 5)), np.ones(3)
NUMBERS = ((), ()), ((), (2, 3)), ((2, 3), ())

SPECS = [
    OpSpec("tensordot, broadcast", mg.tensordot, lambda x, y, axes: np.outer(x.sum(1), y.sum(1)), broadcast, ("tensordot",),
           linear_in=(0,)),
    OpSpec("tensordot", mg.tensordot, np.tensordot, contracted, linear_in=(0,),
           errors=(refuse(ShapeError, r"axis 1 of shape \(2, 3\) has size 3, axis 0 of shape \(4, 5\) has size 4", A, B, 1),
                   refuse(ValueError, "2 axes of the first, 1 of the second", A, A, ([0, 1], [0])),
                   refuse(ValueError, "axes must be within 0 and 2", A, A, 3))),
    OpSpec("dot", mg.dot, np.dot,
           sizes(*NUMBERS, ((3,), (3,)), ((2, 3), (3,)), ((3,), (3, 2)), ((2, 3), (3, 4)), ((5, 2, 3), (3,)),
                 ((2, 3), (5, 3, 4))), linear_in=(0,),
           errors=(refuse(ShapeError, r"dot: shapes \(2, 3\) and \(4, 5\) do not multiply: 3 != 4", A, B),)),
    OpSpec("inner", mg.inner, np.inner, sizes(*NUMBERS, ((3,), (3,)), ((2, 3), (3,)), ((2, 3), (4, 5, 3))), linear_in=(0,),
           errors=(refuse(ShapeError, "inner: shapes .* 3 != 5\n  rule    axis -1 of the first equals axis -1", A, B),)),
    OpSpec("vdot", mg.vdot, np.vdot, sizes(((6,), (2, 3)), ((), ()), ((2, 2), (2, 2))), linear_in=(0,),
           errors=(refuse(ShapeError, "6 != 20", A, B),)),
    OpSpec("vecdot", mg.vecdot, lambda x, y, axis: (x * y).sum(axis), along, linear_in=(0,),
           errors=(refuse(ShapeError, "vecdot: shapes .* 3 != 5", A, B),
                   refuse(ShapeError, r"vecdot: operands need at least one axis, got shapes \(.*\) and \(\)", A, A[0, 0]))),
    OpSpec("matvec", products.matvec, lambda x, y: (x @ y[..., None])[..., 0], sizes(((2, 3), (3,)), ((5, 2, 3), (5, 3)),
           ((2, 3), (4, 3)), ((3, 3), (3, 3))), linear_in=(0,)),
    OpSpec("vecmat", products.vecmat, lambda x, y: (x[..., None, :] @ y)[..., 0, :], sizes(((2,), (2, 3)),
           ((5, 2), (5, 2, 3)), ((4, 2), (2, 3)), ((3, 3), (3, 3))), linear_in=(0,)),
    OpSpec("outer", mg.outer, np.outer, sizes(((3,), (4,)), ((2, 3), (2,)), ((), (3,))), linear_in=(0,)),
    OpSpec("kron", mg.kron, np.kron, any_two, linear_in=(0,)),
    OpSpec("cross", mg.cross, cross, vectors, linear_in=(0,),
           errors=(refuse(ShapeError, r"cross: axis -1 must have size 3, the second operand has shape \(4, 5\)", A, B),)),
    OpSpec("mm", mg.mm, np.matmul, sizes(((2, 3), (3, 4)), ((3, 3), (3, 3))), linear_in=(0,),
           errors=(refuse(ShapeError, r"mm: the second operand must be a matrix, got shape \(3,\)\n  hint:", A, V),)),
    OpSpec("mv", mg.mv, np.matmul, sizes(((2, 3), (3,))), linear_in=(0,),
           errors=(refuse(ShapeError, "second operand must be a vector", A, A),)),
    OpSpec("bmm", mg.bmm, np.matmul, sizes(((5, 2, 3), (5, 3, 4)), ((3, 3, 3), (3, 3, 3))), linear_in=(0,),
           errors=(refuse(ShapeError, "bmm: stacks of 3 and 1 matrices", np.ones((3, 2, 2)), np.ones((1, 2, 2))),
                   refuse(ShapeError, "first operand must be a stack of matrices", A, A))),
    OpSpec("addmm", mg.addmm, plus_product, added((2, 4), (4,), (2, 1), (2, 3), (3, 4)), linear_in=(0, 1),
           errors=(refuse(ShapeError, r"addmm: an input of shape \(4, 5\) does not broadcast to the product of \(2, 2\)",
                          B, A, A.T),)),
    OpSpec("addmv", mg.addmv, plus_product, added((2,), (1,), (), (2, 3), (3,)), linear_in=(0, 1)),
    OpSpec("baddbmm", mg.baddbmm, plus_product, added((5, 2, 4), (2, 1), (5, 2, 3), (5, 3, 4)), linear_in=(0, 1)),
    OpSpec("multi_dot", mg.multi_dot, multiplied, chain, linear_in=(0,),
           errors=(refuse(ValueError, "at least two arrays, got 1", [A]),
                   refuse(ShapeError, r"multi_dot \(arrays 0 and 1\): .* 3 != 2", [A, A, V]),
                   refuse(ShapeError, r"multi_dot \(arrays 1 and 2\): .* 2 != 3", [A, A.T, V]),
                   refuse(ShapeError, "array 1 must have 2 axes", [A, V, A]))),
    OpSpec("addbmm", mg.addbmm, lambda input, x, y, beta, alpha: beta * input + alpha * (x @ y).sum(0),
           added((2, 4), (2, 1), (4,), (5, 2, 3), (5, 3, 4)), linear_in=(0, 1)),
    OpSpec("addr", mg.addr, lambda input, x, y, beta, alpha: beta * input + alpha * x[:, None] * y,
           added((2, 4), (2, 1), (4,), (2,), (4,)), linear_in=(0, 1),
           errors=(refuse(ShapeError, "addr: the second operand must be a vector", A, V, A),)),
    OpSpec("vander", mg.vander, np.vander, lambda rng: Sample((normal(rng, (3,)), *[[], [2], [5]][rng.integers(3)]))),
    OpSpec("vander of a number", mg.vander, lambda x, N: np.vander([x], N), lambda rng: Sample((normal(rng, ()), 2)),
           ("vander",)),
    OpSpec("linalg.vander", mg.linalg.vander, lambda x, N=3: np.stack([x**k for k in range(N)], -1),
           lambda rng: Sample((normal(rng, (2, 3)),), [{}, {"N": 2}, {"N": 5}][rng.integers(3)])),
]  # fmt: skip
