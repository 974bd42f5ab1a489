"""Specs of products of matrices, and of the affine map of a layer."""

import numpy as np

import minigrad as mg
from minigrad.errors import ShapeError
from minigrad.testing import OpSpec, Sample
from tests.ops.samples import a_shape, normal, refuse, two_shapes


def factors(rng):
    """Matrices and vectors on either side, and stacks whose leading axes broadcast."""
    m, k, n = (3, 3, 3) if rng.random() < 0.2 else (int(size) for size in rng.permutation(5)[:3] + 1)
    a, b = two_shapes(rng)
    choices = [((m, k), (k, n)), ((k,), (k,)), ((k,), (*b, k, n)), ((*a, m, k), (k,)), ((*a, m, k), (*b, k, n))]
    x, y = choices[rng.integers(5)]
    return Sample((normal(rng, x), normal(rng, y)))


def layers(rng):
    """With and without a bias; none, one or more axes before the features."""
    i, o = (4, 4) if rng.random() < 0.2 else (int(n) for n in rng.permutation(5)[:2] + 1)
    bias = () if rng.random() < 0.3 else (normal(rng, (o,)),)
    return Sample((normal(rng, (*a_shape(rng, 0, 2), i)), normal(rng, (o, i)), *bias))


def linear(x, weight, bias=0.0):
    return x @ weight.T + bias


A, B = np.ones((2, 3)), np.ones((4, 5))

NO_MATMUL = (
    refuse(ShapeError, r"shapes \(2, 3\) and \(4, 5\) do not multiply: 3 != 4\n  rule    the last axis .* axis -2", A, B),
    refuse(ShapeError, r"shapes \(3,\) and \(4, 5\) do not multiply: 3 != 4", A[0], B),
    refuse(ShapeError, r"shapes \(2, 3\) and \(2,\) do not multiply: 3 != 2\n.*equals axis 0 of the second", A, A[:, 0]),
    refuse(ShapeError, r"needs? at least one axis, got shapes \(\) and \(2, 3\)\n  hint: use \*", A[0, 0], A),
    refuse(ShapeError, r"leading axes \(2, 3\) and \(2,\) of shapes", np.ones((2, 3, 1, 3)), np.ones((2, 3, 1))),
    refuse(ShapeError, r"leading axes \(2,\) and \(2, 3\) of shapes", np.ones((2, 3, 1)), np.ones((2, 3, 1, 1))),
    refuse(
        ShapeError, r"leading axes \(2,\) and \(3,\) of shapes .* do not broadcast", np.ones((2, 1, 3)), np.ones((3, 3, 1))
    ),
)
NO_LINEAR = (
    refuse(ShapeError, r"linear: input features .*\n  input   \(2, 3\).*\n  weight  \(4, 5\).*\n.*Linear\(3, 4\)", A, B),
    refuse(ShapeError, r"linear: input features do not match the weight\n  input   \(\)", A[0, 0], B),
    refuse(ShapeError, r"weight must be \(out_features, in_features\), got shape \(3,\)", A, A[0]),
    refuse(ShapeError, r"bias must be \(2,\) = \(out_features,\), got shape \(3,\)", A, A, A[0]),
)

SPECS = [
    OpSpec("matmul", mg.matmul, np.matmul, factors, linear_in=(0,), errors=NO_MATMUL),
    OpSpec("np.matmul", np.matmul, np.matmul, factors, ("matmul",), linear_in=(1,), errors=NO_MATMUL),
    OpSpec("linear", mg.linear, linear, layers, linear_in=(0, 2), errors=NO_LINEAR),
    OpSpec("linear in its weight", mg.linear, linear, layers, ("linear",), linear_in=(1, 2)),
]
