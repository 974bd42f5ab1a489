"""Specs of NumPy's functions that tensors answer for in a way of their own: each against the function itself, on arrays."""

from __future__ import annotations

import numpy as np

from minigrad.errors import ShapeError
from minigrad.testing import OpSpec, Sample
from tests.ops.samples import choice, normal, refuse, spread
from tests.ops.specs.solving import of_full_rank


def of(function, draw, **more):
    name = f"{function.__module__}.{function.__name__}".replace("numpy", "np", 1)
    return OpSpec(name, function, function, draw, **more)


def calls(*templates):
    """One of several calls; a tuple among the arguments is the shape of an array."""

    def sample(rng):
        args, options = choice(rng, *templates)
        return Sample(tuple(normal(rng, a) if isinstance(a, tuple) else a for a in args), options)

    return sample


def call(*args, **options):
    return args, options


def along(rng):
    axis = choice(rng, None, 0, 1, -1, (0, 2))
    return Sample((spread(rng, (2, 3, 4)),), {"axis": axis, "keepdims": choice(rng, True, False)})


def with_ddof(rng):
    call = along(rng)
    return Sample(call.args, {**call.kwargs, "ddof": choice(rng, 0, 1, 0.5)})


def fractions(*values):
    def sample(rng):
        call = along(rng)
        method = choice(rng, "linear", "lower", "higher", "midpoint", "nearest")
        return Sample((*call.args, choice(rng, *values)), {**call.kwargs, "method": method})

    return sample


def padded(rng):
    mode = choice(rng, "constant", "edge", "reflect", "wrap")
    return Sample((normal(rng, (3, 4)), choice(rng, 1, (2, 1), ((1, 0), (0, 2)))), {"mode": mode})


def inserted(rng):
    x, row, column = normal(rng, (3, 4)), normal(rng, (4,)), normal(rng, (3,))
    return Sample(choice(rng, (x, 1, row, 0), (x, [0, 2, 2], row, 0), (x, -1, column, 1), (x, 2, normal(rng, ()))))


def conditions(rng):
    x = normal(rng, (2, 3))
    return Sample(([x > 1, x > 0], [x, normal(rng, (3,))], choice(rng, -1, 2.5)))


def chosen(rng):
    return Sample((rng.integers(0, 2, (2, 3)), [normal(rng, (2, 3)), normal(rng, (3,))]))


def filtered(rng):
    condition = rng.random(3) < 0.6
    return Sample((condition, normal(rng, (3, 4)), 0)) if rng.random() < 0.6 else Sample((condition, normal(rng, (3, 4))))


def branches(rng):
    return Sample((rng.random((2, 3)) < 0.5, normal(rng, (3,)), normal(rng, ())))


def extracted(rng):
    return Sample((rng.random((3, 4)) < 0.5, normal(rng, (3, 4))))


def deleted(rng):
    at = choice(rng, (1, 0), ([0, -1],), (slice(None, None, 2), 1), ([1, 1, 0], 1))
    return Sample((normal(rng, (3, 4)), *at))


def a_system(rng):
    return Sample((np.eye(6).reshape(2, 3, 6) + 0.1 * normal(rng, (2, 3, 6)), normal(rng, (2, 3))))


def an_inverse(rng):
    return Sample((np.eye(6).reshape(6, 2, 3) + 0.1 * normal(rng, (6, 2, 3)),), {"ind": 1})


def blocks(rng):
    return Sample(([[normal(rng, (2, 2)), normal(rng, (2, 3))], [normal(rng, (1, 5))]],))


def vectors_of_three(rng):
    a, b = choice(rng, ((4, 3), (3,)), ((2, 1, 3), (4, 3)))
    return Sample((normal(rng, a), normal(rng, b)))


def repeating(rng):
    return Sample((rng.integers(0, 4, (3, 4)) + 0.0,))


def with_gaps(rng, **options):
    """NaN here and there, but not everywhere along an axis; alone they are constants, so that every input has a slope."""
    call = along(rng)
    hidden = rng.random((2, 3, 4)) < 0.3
    hidden[0, :, :2] = hidden[1, :, 2:] = False
    hidden[0, 0] = hidden[1, 1] = False
    return Sample((*call.args, hidden), {**call.kwargs, **options})


def scanned_with_gaps(rng):
    x, hidden = with_gaps(rng).args
    return Sample((x, hidden), {"axis": choice(rng, None, 0, 1, -1)})


def around_nan(function):
    """The function of an array of which a mask says where it is NaN."""
    return lambda x, hidden, **options: function(np.where(hidden, np.nan, x), **options)


def gappy(name, draw=with_gaps, **more):
    f = around_nan(getattr(np, name))
    return OpSpec(f"np.{name}", f, f, draw, (f"np.{name}", name), **more)


def two_sequences(rng):
    a, v = choice(rng, (6, 3), (6, 4), (3, 5), (4, 4), (1, 3))
    return Sample((normal(rng, (a,)), normal(rng, (v,))), {"mode": choice(rng, "full", "same", "valid")})


def between_points(rng):
    """Places beyond the points, too, and far from each of them."""
    xp = np.arange(4.0) + rng.uniform(-0.2, 0.2, 4)
    x = rng.integers(-2, 5, choice(rng, (), (3,), (2, 3))) + rng.uniform(0.3, 0.7)
    return Sample((np.asarray(x), xp, normal(rng, (4,))), choice(rng, {}, {"left": -1.0}, {"right": 2.0, "left": 0.5}))


def one(draw):
    return lambda rng: Sample((draw(rng),))


ONES = np.ones(2)

SPECS = [
    of(np.where, branches, linear_in=(0, 1)),
    OpSpec("np.where of a condition", np.where, np.where, repeating, ("np.where",), order=0),
    of(np.matrix_transpose, calls(call((2, 3, 4)), call((3, 2))), linear_in=(0,)),
    of(np.linalg.matrix_transpose, calls(call((2, 3, 4)), call((3, 2))), linear_in=(0,)),
    of(np.broadcast_arrays, calls(call((2, 1), (3,), ()), call((2, 3), (3,))), linear_in=(0, 1, 2)),
    of(np.meshgrid, calls(call((2,), (3,)), call((4,), (2,), (3,), indexing="ij", sparse=True)), linear_in=(0, 1, 2)),
    of(np.pad, padded, linear_in=(0,)),
    of(np.append, calls(call((2, 3), (4,)), call((2, 3), (2, 1), axis=1)), linear_in=(0, 1)),
    of(np.hsplit, calls(call((2, 4), 2), call((4,), [1, 3])), linear_in=(0,)),
    of(np.vsplit, calls(call((4, 3), 2), call((4, 3), [1])), linear_in=(0,)),
    of(np.dsplit, calls(call((2, 3, 4), 2), call((2, 3, 4), [1, 3])), linear_in=(0,)),
    of(np.linalg.diagonal, calls(call((2, 3, 4)), call((3, 3), offset=1), call((2, 4, 3), offset=-1)), linear_in=(0,)),
    of(np.linalg.trace, calls(call((2, 3, 4)), call((3, 3), offset=1), call((2, 4, 3), offset=-1)), linear_in=(0,)),
    of(np.unique, repeating, order=0),
    of(np.searchsorted, lambda rng: Sample((np.sort(normal(rng, (6,))), normal(rng, (2, 3)))), order=0),
    of(np.digitize, lambda rng: Sample((normal(rng, (2, 3)), [-1.0, 0.0, 1.0])), order=0),
    of(np.isin, lambda rng: Sample((repeating(rng).args[0], [1, 3])), order=0),
    OpSpec("np.linalg.qr", lambda x: np.linalg.qr(x, "r"), lambda x: np.linalg.qr(x, "r"), one(of_full_rank)),
    OpSpec("np.linalg.svd", lambda x: np.linalg.svd(x, compute_uv=False), lambda x: np.linalg.svd(x)[1], one(of_full_rank)),
    of(np.linalg.pinv, one(of_full_rank)),
    of(np.linalg.tensorinv, an_inverse, covers=("np.linalg.tensorinv", "tensorinv")),
    of(np.linalg.tensorsolve, a_system, covers=("np.linalg.tensorsolve", "tensorsolve")),
    of(np.linalg.vector_norm, calls(call((2, 3)), call((2, 3), axis=1, keepdims=True), call((4,), ord=3))),
    of(np.linalg.matrix_norm, calls(call((2, 3)), call((2, 3, 4), keepdims=True), call((3, 2), ord="nuc"))),
    of(np.var, with_ddof),
    of(np.std, with_ddof, homogeneous_in=(0,)),
    of(np.median, along, homogeneous_in=(0,)),
    of(np.amax, along, homogeneous_in=(0,)),
    of(np.amin, along, homogeneous_in=(0,)),
    gappy("nanmax", homogeneous_in=(0,)),
    gappy("nanmin", homogeneous_in=(0,)),
    gappy("nanprod"),
    gappy("nanvar", lambda rng: with_gaps(rng, ddof=choice(rng, 0, 0.5))),
    gappy("nanstd", lambda rng: with_gaps(rng, ddof=0), homogeneous_in=(0,)),
    gappy("nancumsum", scanned_with_gaps, linear_in=(0,)),
    gappy("nancumprod", scanned_with_gaps),
    of(np.convolve, two_sequences, linear_in=(0,), covers=("np.convolve", "convolve"),
       errors=(refuse(ShapeError, r"convolve: a must be a vector of at least one element, got shape \(1, 2\)",
                      np.ones((1, 2)), np.ones(2)),
               refuse(ValueError, "convolve: mode must be 'full', 'same' or 'valid', got 'all'", ONES, ONES, "all"))),
    of(np.correlate, two_sequences, linear_in=(0,), covers=("np.correlate", "correlate"),
       errors=(refuse(ShapeError, r"correlate: v must be a vector", ONES, np.ones(0)),)),
    of(np.interp, between_points, covers=("np.interp", "interp"),
       errors=(refuse(ShapeError, "interp: xp and fp must be of one length, got 2 and 3", ONES, ONES, np.ones(3)),)),
    of(np.quantile, fractions(0.0, 0.3, [0.25, 0.9]), homogeneous_in=(0,)),
    of(np.percentile, fractions(0, 30.0, [25, 90]), homogeneous_in=(0,)),
    of(np.cross, vectors_of_three, linear_in=(0,)),
    of(np.linalg.cross, calls(call((4, 3), (3,)), call((3, 2), (3, 2), axis=0)), linear_in=(0,)),
    of(np.compress, filtered, linear_in=(0,)),
    of(np.extract, extracted, linear_in=(0,)),
    of(np.delete, deleted, linear_in=(0,)),
    of(np.insert, inserted, linear_in=(0, 1)),
    of(np.block, blocks, linear_in=(0, 1, 2),
       errors=(refuse(ValueError, "block: lists must be nested to one depth everywhere", [[ONES], ONES]),
               refuse(ValueError, "and none may be empty", [[], [ONES]]))),
    of(np.resize, lambda rng: Sample((normal(rng, (2, 3)), choice(rng, (2, 7), 4, (3, 2)))), linear_in=(0,)),
    of(np.select, conditions),
    of(np.choose, chosen, linear_in=(0, 1)),
]  # fmt: skip
if hasattr(np, "unstack"):  # NumPy 2.1
    SPECS += [of(np.unstack, calls(call((2, 3)), call((2, 3), axis=1)), linear_in=(0,))]
if hasattr(np, "matvec"):  # NumPy 2.2
    SPECS += [
        of(np.matvec, calls(call((2, 3), (3,)), call((2, 1, 3, 4), (3, 4))), linear_in=(0,)),
        of(np.vecmat, calls(call((3,), (3, 2)), call((2, 3), (2, 1, 3, 4))), linear_in=(0,)),
    ]
