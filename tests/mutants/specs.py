"""What the naive operations are proved by: a reference and samples for each, chosen as for the library's own."""

import numpy as np

import minigrad as mg
from minigrad.testing import OpSpec, Sample
from tests.mutants import naive
from tests.ops.specs.convolution import naive_conv
from tests.ops.specs.pooling import naive_max_pool


def sizes(rng, count):
    """Sizes that are all different, or all equal."""
    return (
        (int(rng.integers(2, 5)),) * count
        if rng.random() < 0.4
        else tuple(int(n) for n in rng.permutation([1, 2, 3, 4, 5])[:count])
    )


def normal(rng, *shape):
    return np.asarray(rng.standard_normal(shape))


def positive(rng, *shape):
    return np.asarray(rng.uniform(0.5, 3, shape))


def spread(rng, *shape):
    count = int(np.prod(shape))
    return ((rng.permutation(count) - count) * 0.1 + rng.uniform(0, 0.02, count)).reshape(shape)  # all negative


def one(draw):
    return lambda rng: Sample((draw(rng, *sizes(rng, 2)),))


def two(draw):
    def sample(rng):
        a = sizes(rng, 2)
        b = [a, (a[0], 1), (1, a[1]), (a[1],), ()][rng.integers(5)]
        return Sample((draw(rng, *a), draw(rng, *b)) if rng.random() < 0.5 else (draw(rng, *b), draw(rng, *a)))

    return sample


def alike(draw):
    def sample(rng):
        a = sizes(rng, 2)
        return Sample((draw(rng, *a), draw(rng, *a)))

    return sample


def along(draw):
    def sample(rng):
        a = sizes(rng, 3)
        return Sample((draw(rng, *a), int(rng.integers(3))))

    return sample


def products(rng):
    m, k, n = sizes(rng, 3)
    batch = [((), ()), ((2,), ()), ((2,), (2,)), ((2,), (1,))][rng.integers(4)]
    return Sample((normal(rng, *batch[0], m, k), normal(rng, *batch[1], k, n)))


def labelled(rng):
    N, C = sizes(rng, 2)
    return Sample((normal(rng, N, C), rng.integers(0, C, N)))


def affine(rng):
    N, i, o = sizes(rng, 3)
    return Sample((normal(rng, N, i), normal(rng, o, i), normal(rng, o)))


def convolved(rng):
    if rng.random() < 0.3:  # everything equal: three of everything
        return Sample((normal(rng, 3, 3, 5, 5), normal(rng, 3, 3, 3, 3), normal(rng, 3), (1, 1), (0, 0)))
    stride, pad = tuple(int(n) for n in rng.integers(1, 4, 2)), tuple(int(n) for n in rng.integers(0, 3, 2))
    KH, KW, N, C, F = (int(n) for n in rng.integers(1, 4, 5))
    H, W = KH + int(rng.integers(0, 5)), KW + int(rng.integers(0, 4))
    return Sample((normal(rng, N, C, H, W), normal(rng, F, C, KH, KW), normal(rng, F), stride, pad))


def pooled(rng):
    size, stride = (tuple(int(n) for n in rng.integers(1, 4, 2)) for _ in range(2))
    pad = tuple(int(rng.integers(0, k // 2 + 1)) for k in size)
    return Sample(
        (spread(rng, 2, 2, size[0] + int(rng.integers(0, 4)), size[1] + int(rng.integers(0, 5))), size, stride, pad)
    )


def reordered(rng):
    return Sample((normal(rng, *sizes(rng, 3)), tuple(int(n) for n in rng.permutation(3))))


def reshaped(rng):
    a, b, c = sizes(rng, 3)
    return Sample((normal(rng, a, b, c), [(a * b, c), (c, b, a), (-1,)][rng.integers(3)]))


def indexed(rng):
    return Sample((normal(rng, 4, 3), rng.integers(-4, 4, 5)))


def joined(rng):
    return Sample(tuple(normal(rng, int(n), 2) for n in rng.integers(1, 4, 3)))


def softmax(x):
    return np.exp(x) / np.exp(x).sum(1, keepdims=True)


def of(name, reference, sample, **options):
    return OpSpec(name, getattr(naive, name), reference, sample, order=1, **options)


SPECS = {
    spec.name: spec
    for spec in (
        of("add", np.add, two(normal), linear_in=(0, 1)),
        of("subtract", np.subtract, alike(normal), linear_in=(0, 1)),
        of("multiply", np.multiply, alike(normal)),
        of("divide", np.divide, alike(positive)),
        of("power", np.power, lambda rng: Sample((positive(rng, *sizes(rng, 2)), float(rng.integers(-2, 4))))),
        of("exp", np.exp, one(normal)),
        of("log", np.log, one(positive)),
        of("sqrt", np.sqrt, one(positive)),
        of("tanh", np.tanh, one(normal)),
        of("sigmoid", lambda x: 1 / (1 + np.exp(-x)), one(normal)),
        of("matmul", np.matmul, products),
        of("sum_along", np.sum, along(normal), linear_in=(0,)),
        of("mean_along", np.mean, along(normal), linear_in=(0,)),
        of("max_along", np.max, along(spread), homogeneous_in=(0,),
           kinks=(Sample((np.array([[1.0, 5.0, 5.0], [2.0, 2.0, 2.0]]), 1)),), tie_rule="even"),
        of("relu", lambda x: x * (x > 0), one(normal), homogeneous_in=(0,),
           kinks=(Sample((np.array([0.0, 1.0, -1.0]),)),), tie_rule="zero"),
        of("softmax", softmax, one(normal)),
        of("log_softmax", lambda x: np.log(softmax(x)), one(normal)),
        of("cross_entropy", lambda x, t: -np.log(softmax(x)[np.arange(len(x)), t]).mean(), labelled),
        of("linear", lambda x, w, b: x @ w.T + b, affine, linear_in=(0, 2)),
        of("conv2d", lambda x, w, b, stride, pad: naive_conv(x, w, b, stride, pad), convolved, linear_in=(0, 2)),
        of("max_pool2d", naive_max_pool, pooled, homogeneous_in=(0,)),
        of("permute", np.transpose, reordered, linear_in=(0,)),
        of("reshape", np.reshape, reshaped, linear_in=(0,)),
        of("getitem", lambda x, index: x[index], indexed, linear_in=(0,)),
        of("concatenate", lambda *arrays: np.concatenate(arrays), joined, linear_in=(0, 1, 2)),
    )
}  # fmt: skip


def check_tails(op):
    """Softmax of large logits: what every sample of ordinary size leaves out."""
    assert np.isfinite(op(mg.tensor(np.array([[1e4, 0.0, -1e4]]))).tolist()).all()
