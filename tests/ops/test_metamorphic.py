"""Two ways to say the same thing give the same values and the same gradients."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minigrad as mg
import minigrad.nn.functional as F

seeds = st.integers(0, 2**32 - 1)


def same(one, other, *arrays, rtol=1e-10):
    """Values and gradients of two functions of the same arrays agree."""
    results = []
    for f in (one, other):
        xs = [mg.tensor(a, requires_grad=True) for a in arrays]
        y = f(*xs)
        g = np.random.default_rng(0).standard_normal(y.shape)
        y.backward(g)
        results.append([y.detach().numpy(), *(np.zeros_like(a) if x.grad is None else x.grad.numpy()
                                              for x, a in zip(xs, arrays, strict=True))])  # fmt: skip
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a, b, rtol=rtol, atol=1e-11)


def images(rng, n=2, c=3, h=7, w=8):
    return rng.standard_normal((n, c, h, w))


@given(seed=seeds, sh=st.integers(1, 3), sw=st.integers(1, 3))
def test_a_strided_convolution_is_a_convolution_subsampled(seed, sh, sw):
    rng = np.random.default_rng(seed)
    same(lambda x, w: F.conv2d(x, w, stride=(sh, sw)), lambda x, w: F.conv2d(x, w)[:, :, ::sh, ::sw],
         images(rng), rng.standard_normal((4, 3, 3, 2)))  # fmt: skip


@given(seed=seeds, ph=st.integers(0, 3), pw=st.integers(0, 3))
def test_a_padded_convolution_is_a_convolution_of_the_padded(seed, ph, pw):
    rng = np.random.default_rng(seed)
    widths = [(0, 0), (0, 0), (ph, ph), (pw, pw)]
    same(lambda x, w: F.conv2d(x, w, padding=(ph, pw)), lambda x, w: F.conv2d(np.pad(x, widths), w),
         images(rng), rng.standard_normal((4, 3, 3, 2)))  # fmt: skip


@given(seed=seeds)
def test_a_dilated_kernel_is_a_kernel_with_holes(seed):
    rng = np.random.default_rng(seed)

    def spread(w):
        holes = np.zeros((4, 3, 5, 4))
        return mg.setitem(mg.tensor(holes), (slice(None), slice(None), slice(None, None, 2), slice(None, None, 3)), w)

    same(lambda x, w: F.conv2d(x, w, dilation=(2, 3)), lambda x, w: F.conv2d(x, spread(w)),
         images(rng), rng.standard_normal((4, 3, 3, 2)))  # fmt: skip


@given(seed=seeds)
def test_a_pointwise_convolution_is_a_linear_layer(seed):
    rng = np.random.default_rng(seed)
    same(lambda x, w, b: F.conv2d(x, w, b),
         lambda x, w, b: F.linear(x.permute(0, 2, 3, 1), w[:, :, 0, 0], b).permute(0, 3, 1, 2),
         images(rng), rng.standard_normal((4, 3, 1, 1)), rng.standard_normal(4))  # fmt: skip


@given(seed=seeds)
def test_a_convolution_of_the_whole_image_is_a_linear_layer(seed):
    rng = np.random.default_rng(seed)
    same(lambda x, w: F.conv2d(x, w).flatten(1), lambda x, w: F.linear(x.flatten(1), w.flatten(1)),
         images(rng), rng.standard_normal((4, 3, 7, 8)))  # fmt: skip


@given(seed=seeds)
def test_groups_are_convolutions_side_by_side(seed):
    rng = np.random.default_rng(seed)
    same(lambda x, w: F.conv2d(x, w, groups=2),
         lambda x, w: mg.concatenate([F.conv2d(x[:, :2], w[:3]), F.conv2d(x[:, 2:], w[3:])], 1),
         images(rng, c=4), rng.standard_normal((6, 2, 3, 3)))  # fmt: skip


@given(seed=seeds)
def test_a_convolution_commutes_with_a_flip_of_both(seed):
    rng = np.random.default_rng(seed)
    same(lambda x, w: F.conv2d(x, w), lambda x, w: F.conv2d(x[:, :, ::-1, ::-1], w[:, :, ::-1, ::-1])[:, :, ::-1, ::-1],
         images(rng), rng.standard_normal((4, 3, 3, 2)))  # fmt: skip


@pytest.mark.parametrize("f", [
    lambda x: F.conv2d(x, mg.ones(2, 3, 2, 2, dtype=np.float64), stride=2, padding=1), lambda x: F.max_pool2d(x, 3, 2, 1),
    lambda x: F.avg_pool2d(x, 2), lambda x: F.relu(x), lambda x: x.flatten(1).softmax(1), lambda x: x.mean((1, 2)),
])  # fmt: skip
@given(seed=seeds)
def test_samples_of_a_batch_do_not_know_each_other(f, seed):
    rng = np.random.default_rng(seed)
    same(f, lambda x: mg.concatenate([f(x[n : n + 1]) for n in range(3)]), images(rng, 3))


@given(seed=seeds)
def test_max_pooling_is_two_poolings_by_axis_and_commutes_with_monotone_functions(seed):
    rng = np.random.default_rng(seed)
    x = images(rng)
    same(lambda x: F.max_pool2d(x, (3, 2), 1), lambda x: F.max_pool2d(F.max_pool2d(x, (3, 1), 1), (1, 2), 1), x)
    same(lambda x: F.max_pool2d(np.tanh(x), 2), lambda x: np.tanh(F.max_pool2d(x, 2)), x)


@given(seed=seeds)
def test_average_pooling_is_a_convolution_with_a_constant_kernel(seed):
    rng = np.random.default_rng(seed)
    sixth = mg.full((1, 1, 3, 2), 1 / 6, np.float64)
    same(lambda x: F.avg_pool2d(x, (3, 2), (2, 1)), lambda x: F.conv2d(x, sixth, stride=(2, 1)), images(rng, c=1))


@given(seed=seeds, shift=st.floats(-100, 100))
def test_cross_entropy_does_not_see_a_shift_of_the_logits(seed, shift):
    rng = np.random.default_rng(seed)
    t = rng.integers(0, 4, 5)
    same(lambda x: F.cross_entropy(x, t), lambda x: F.cross_entropy(x + shift, t), rng.standard_normal((5, 4)), rtol=1e-8)


@given(seed=seeds)
def test_cross_entropy_is_what_it_is_made_of(seed):
    rng = np.random.default_rng(seed)
    x, t = rng.standard_normal((5, 4)), rng.integers(0, 4, 5)
    same(lambda x: F.cross_entropy(x, t), lambda x: F.nll_loss(F.log_softmax(x, 1), t), x)
    same(lambda x: F.cross_entropy(x, t), lambda x: F.cross_entropy(x, np.eye(4)[t]), x)
    same(lambda x: F.cross_entropy(x, t), lambda x: -np.log(F.softmax(x, 1))[np.arange(5), t].mean(), x)


@given(seed=seeds)
def test_a_permutation_of_rows_permutes_what_is_made_row_by_row(seed):
    rng = np.random.default_rng(seed)
    order = rng.permutation(5)
    back = np.argsort(order)
    for f in (lambda x: F.softmax(x, 1), lambda x: x.sum(1), lambda x: x.max(1)[0], lambda x: x @ np.ones((4, 2))):
        same(f, lambda x, f=f: f(x[order])[back], rng.standard_normal((5, 4)))


@given(seed=seeds)
def test_products_are_associative_and_transpose(seed):
    rng = np.random.default_rng(seed)
    a, b, c = rng.standard_normal((2, 3, 4)), rng.standard_normal((4, 5)), rng.standard_normal((2, 5, 3))
    same(lambda a, b, c: (a @ b) @ c, lambda a, b, c: a @ (b @ c), a, b, c)
    same(lambda a, b: a @ b, lambda a, b: (b.T @ a.mT).mT, a, b)


@given(seed=seeds)
def test_reductions_agree_with_each_other(seed):
    x = np.random.default_rng(seed).standard_normal((3, 4, 5))
    same(lambda x: x.mean(1), lambda x: x.sum(1) / 4, x)
    same(lambda x: x.sum((0, 2)), lambda x: x.sum(2).sum(0), x)
    same(lambda x: x.var(1, correction=0), lambda x: (x * x).mean(1) - x.mean(1) ** 2, x)
    same(lambda x: np.max(x, axis=1), lambda x: -np.min(-x, axis=1), x)
    same(lambda x: x.sum(), lambda x: x.reshape(-1) @ np.ones(60), x)


@given(seed=seeds)
def test_elementary_functions_agree_with_each_other(seed):
    x = np.random.default_rng(seed).uniform(0.2, 2, (3, 4))
    same(np.tanh, lambda x: 2 * F.sigmoid(2 * x) - 1, x)
    same(lambda x: x**3, lambda x: x * x * x, x)
    same(np.sqrt, lambda x: np.exp(0.5 * np.log(x)), x)
    same(np.abs, lambda x: np.maximum(x, -x), x - 1.1)
    same(F.relu, lambda x: mg.where(x > 0, x, 0.0), x - 1.1)
    same(lambda x: np.sin(x) ** 2, lambda x: 1 - np.cos(x) ** 2, x)
