"""Conventions: what operations mean at kinks, in the tails and at the edges of their domain."""

import numpy as np
import pytest

import minigrad as mg
import minigrad.nn.functional as F


def gradient(f, *arrays, g=None):
    xs = [mg.tensor(np.asarray(a, float), requires_grad=True) for a in arrays]
    out = f(*xs)
    out.backward(np.full(out.shape, 3.0) if g is None else g)
    found = [x.grad.tolist() for x in xs]
    return found[0] if len(found) == 1 else found


def test_kinks():
    assert gradient(F.relu, [-1, 0, 2]) == [0, 0, 3]
    assert gradient(np.abs, [-1, 0, 2]) == [-3, 0, 3]
    assert gradient(lambda x: F.leaky_relu(x, 0.5), [-1, 0, 2]) == [1.5, 1.5, 3]
    assert gradient(F.hardshrink, [-0.5, 0, 0.5, 1]) == gradient(F.softshrink, [-0.5, 0, 0.5, 1]) == [0, 0, 0, 3]
    assert F.hardshrink(mg.tensor([-0.5, 0.5])).tolist() == [0, 0]
    assert F.threshold(mg.tensor([1.0, 2.0]), 1.0, -3.0).tolist() == [-3, 2]
    assert gradient(lambda x: F.elu(x, 0.5), [0, 2]) == [1.5, 3]
    assert gradient(np.hypot, [0, 3], [0, 0]) == [[0, 3], [0, 0]]
    assert gradient(np.arctan2, [0, 1], [0, 0]) == [[0, 0], [0, -3]]
    assert F.softshrink(mg.tensor([-0.5, 0.5]), 0.0).tolist() == [-0.5, 0.5]
    assert gradient(F.prelu, [-1, 0, 2], [0.5]) == [[1.5, 1.5, 3], [-3]]
    assert gradient(np.sign, [-1, 0, 2]) == [0, 0, 0]
    assert gradient(lambda x: np.copysign(x, -1.0), [-1, 0, 2]) == [3, 0, -3]
    assert gradient(np.maximum, [1, 2, 5], [1, 3, 4]) == [[1.5, 0, 3], [1.5, 3, 0]]
    assert gradient(np.minimum, [1, 2, 5], [1, 3, 4]) == [[1.5, 3, 0], [1.5, 0, 3]]
    assert gradient(lambda x: x.clip(0, 1), [-1, 0, 0.5, 1, 2]) == [0, 3, 3, 3, 0]
    assert gradient(np.max, [2, 7, 7, 7]) == [0, 1, 1, 1]
    assert gradient(np.min, [2, 7, 2, 7]) == [1.5, 0, 1.5, 0]
    assert gradient(np.sqrt, [0, 4]) == [np.inf, 0.75]


def test_powers_at_zero():
    x, y = mg.tensor([0.0, 0.0, 2.0, 0.0], requires_grad=True), mg.tensor([0.0, 2.0, 0.0, 1.0], requires_grad=True)
    out = x**y
    assert out.tolist() == [1, 0, 1, 0]
    out.backward(np.full(4, 3.0, np.float32))
    assert x.grad.tolist() == [0, 0, 0, 3] and np.allclose(y.grad.tolist(), [0, 0, 3 * np.log(2), 0])
    z = mg.tensor([0.0, 2.0], requires_grad=True)
    (z**0 + z).sum().backward()
    assert z.grad.tolist() == [1, 1]


def test_where_keeps_the_dead_branch_out():
    x = mg.tensor([0.0, 4.0], requires_grad=True)
    mg.where(x > 0, np.sqrt(x), 0.0).backward(np.array([3.0, 3.0]))
    assert np.isnan(x.grad.tolist()[0]) or x.grad.tolist()[0] == 0  # 0 * inf is the square root's own doing
    a, b = gradient(lambda a, b: mg.where(np.array([True, False]), a, b), [np.inf, np.nan], [np.nan, np.inf])
    assert a == [3, 0] and b == [0, 3]


@pytest.mark.parametrize("f", [mg.sigmoid, mg.tanh, mg.relu, mg.softmax, mg.log_softmax])
def test_tails_are_finite_and_silent(f):
    x = mg.tensor([-1e4, -30.0, 0.0, 30.0, 1e4], requires_grad=True)
    out = f(x)
    out.backward(np.ones(5, np.float32))
    assert np.isfinite(out.tolist()).all() and np.isfinite(x.grad.tolist()).all()


def test_sigmoid_is_accurate_in_both_tails():
    x = mg.tensor(np.array([-40.0, -700.0, 20.0]))
    np.testing.assert_allclose(mg.sigmoid(x).numpy(), [np.exp(-40.0), np.exp(-700.0), 1 / (1 + np.exp(-20.0))], rtol=1e-14)


def test_softmax_of_huge_logits():
    x = mg.tensor(np.array([[1e308, -1e308, 1e308]]), requires_grad=True)
    assert x.softmax(1).tolist() == [[0.5, 0.0, 0.5]]
    loss = F.cross_entropy(x, np.array([0]))
    loss.backward()
    assert loss.item() == pytest.approx(np.log(2)) and x.grad.tolist() == [[-0.5, 0.0, 0.5]]


def test_softmax_gradients_sum_to_zero():
    rng = np.random.default_rng(0)
    x = mg.tensor(rng.standard_normal((4, 5)), requires_grad=True)
    x.softmax(1).backward(rng.standard_normal((4, 5)))
    np.testing.assert_allclose(x.grad.sum(1).tolist(), np.zeros(4), atol=1e-15)


def test_repeated_indices_accumulate():
    assert gradient(lambda x: x[[0, 0, 2, 0]], [1, 2, 3], g=np.array([1.0, 10.0, 100.0, 1000.0])) == [1011, 0, 100]


def test_im2col_has_the_books_shapes_and_order():
    assert mg.im2col(np.ones((1, 1, 3, 3)), 3, 3).shape == (1, 9)
    assert mg.im2col(np.ones((1, 3, 7, 7)), 5, 5).shape == (9, 75)
    assert mg.im2col(np.ones((10, 3, 7, 7)), 5, 5).shape == (90, 75)
    x = np.arange(2 * 3 * 4 * 5).reshape(2, 3, 4, 5)
    cols = mg.im2col(x, 2, 3)
    assert cols.dtype == x.dtype
    n, oh, ow = 1, 2, 1
    row = cols[(n * 3 + oh) * 3 + ow].reshape(3, 2, 3)
    assert (row == x[n, :, oh : oh + 2, ow : ow + 3]).all()


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "pad"),
    [((2, 3, 7, 11), (4, 3), (2, 3), (1, 2)), ((1, 1, 3, 3), (3, 3), (1, 1), (0, 0)), ((2, 2, 6, 6), (2, 2), (3, 3), (0, 0)),
     ((3, 2, 5, 4), (1, 1), (1, 2), (2, 1)), ((2, 5, 4, 4), (2, 2), (2, 2), (0, 0))],
)  # fmt: skip
def test_im2col_and_col2im_are_adjoint_exactly(size, kernel, stride, pad):
    """Each to the other; that each is to its own rule is in their specs."""
    rng = np.random.default_rng(0)
    x = rng.integers(-9, 10, size).astype(float)
    col = mg.im2col(x, *kernel, stride, pad)
    c = rng.integers(-9, 10, col.shape).astype(float)
    assert np.vdot(col, c) == np.vdot(x, mg.col2im(c, size, *kernel, stride, pad))


def test_convolution_keeps_the_batch_innermost():
    x = mg.tensor(np.ones((4, 2, 6, 6), np.float32))
    w = mg.tensor(np.ones((3, 2, 3, 3), np.float32), requires_grad=True)
    h = F.conv2d(x, w)
    pooled = F.max_pool2d(F.relu(h), 2)
    assert h.array.strides[0] == pooled.array.strides[0] == 4
    flat = pooled.flatten(1)
    assert np.shares_memory(flat.array, pooled.array)
    flat.retain_grad()
    pooled.retain_grad()
    F.linear(flat, mg.ones(5, 12)).backward(np.ones((4, 5)))
    assert pooled.grad.array.strides[0] == 4


def test_the_first_convolution_makes_no_gradient_for_its_image():
    w = mg.tensor(np.ones((1, 1, 2, 2)), requires_grad=True)
    node = F.conv2d(mg.tensor(np.ones((1, 1, 3, 3))), w).node
    assert [call.position for call in node.plan.calls] == [1] and ("arg", 1) not in node.plan.saves  # the image, not w


def test_the_sum_over_an_empty_batch_is_zero():
    assert F.cross_entropy(mg.zeros(0, 4), np.zeros(0, int), reduction="sum").item() == 0


def test_max_pooling_sends_a_tie_to_the_first_in_row_major_order():
    x = np.zeros((1, 1, 4, 6))
    x[0, 0, 1, 0] = x[0, 0, 0, 1] = 5  # in one window: (0, 1) comes first
    x[0, 0, 2:, 2:4] = 7
    g = np.arange(1.0, 7).reshape(1, 1, 2, 3)
    expected = np.zeros_like(x)
    expected[0, 0, 0, 1], expected[0, 0, 0, 2], expected[0, 0, 0, 4] = 1, 2, 3
    expected[0, 0, 2, 0], expected[0, 0, 2, 2], expected[0, 0, 2, 4] = 4, 5, 6
    assert gradient(lambda t: F.max_pool2d(t, 2), x, g=g) == expected.tolist()


def test_max_pooling_never_takes_its_padding():
    x = -np.ones((1, 1, 2, 2))
    assert F.max_pool2d(mg.tensor(x), 2, padding=1).tolist() == (-np.ones((1, 1, 2, 2))).tolist()


def test_overlapping_windows_of_max_pooling_add_up():
    x = np.array([[[[1.0, 9.0, 2.0]]]])
    assert gradient(lambda t: F.max_pool2d(t, (1, 2), 1), x, g=np.array([[[[3.0, 4.0]]]])) == [[[[0, 7, 0]]]]


def test_ceil_mode_as_pytorch_counts_it():
    x = mg.tensor(np.arange(25.0).reshape(1, 1, 5, 5))
    assert F.max_pool2d(x, 2, ceil_mode=True).tolist() == [[[[6, 8, 9], [16, 18, 19], [21, 23, 24]]]]
    assert F.max_pool2d(x, 2, 2, 1, ceil_mode=True).shape == (1, 1, 3, 3)


def test_dropout():
    mg.manual_seed(0)
    x = mg.ones(10_000, requires_grad=True)
    y = F.dropout(x, 0.25)
    assert set(np.unique(y.detach().numpy()).round(5)) == {0.0, np.float32(4 / 3).round(5)}
    assert 0.73 < float((y != 0).detach().array.mean()) < 0.77
    y.backward(np.full(10_000, 3.0, np.float32))
    assert (x.grad == 3 * y.detach()).all()
    assert F.dropout(x, 0.25, training=False) is x


def test_queries():
    x = np.array([[1.0, np.nan], [np.inf, -2.0]])
    t = mg.tensor(x)
    for f in (np.isnan, np.isinf, np.isfinite, np.floor, np.sign):
        np.testing.assert_array_equal(f(t).numpy(), f(x))
    y = mg.tensor([[3, 1], [2, 5]])
    assert y.argmax().item() == 3 and y.argmin(1).tolist() == [1, 0] and np.argmax(y, axis=0).tolist() == [0, 1]
    assert (y > 1).any().item() and not (y > 1).all().item() and (y > 1).all(0).tolist() == [True, False]
    assert np.shape(y) == (2, 2) and np.allclose(y, y.numpy())


def test_nearest_pixels_are_rounded_as_pytorch_rounds_them():
    """The place of pixel 23, 23 * (14 / 46), is 7 in float64, and less in float32."""
    for dtype, chosen in ((np.float32, 6), (np.float64, 7), (np.int64, 6)):
        assert F.interpolate(np.arange(14, dtype=dtype).reshape(1, 1, 14), 46)[0, 0, 23] == chosen


def test_any_number_of_smallest_elements():
    x = np.random.default_rng(0).permutation(600)
    for k in range(1, 600):
        assert (mg.topk(x, k, largest=False).values == np.arange(k)).all()
