"""Convolution: what it must equal in special cases, what it keeps, what it refuses to do."""

import numpy as np
import pytest

import minigrad as mg
import minigrad.nn.functional as F


def integers(seed, *shape):
    return np.random.default_rng(seed).integers(-9, 10, shape).astype(float)


X, W = integers(0, 3, 4, 9, 11), integers(1, 6, 4, 3, 2)


def test_a_strided_convolution_is_one_that_skips():
    whole = F.conv2d(X, W, padding=(2, 1), dilation=(1, 3))
    np.testing.assert_array_equal(F.conv2d(X, W, stride=(2, 3), padding=(2, 1), dilation=(1, 3)), whole[:, :, ::2, ::3])


def test_padding_is_a_border_of_zeros():
    bordered = np.pad(X, [(0, 0), (0, 0), (2, 2), (1, 1)])
    np.testing.assert_array_equal(F.conv2d(X, W, padding=(2, 1)), F.conv2d(bordered, W))


def test_dilation_is_a_kernel_with_holes():
    holes = np.zeros((6, 4, 5, 4))
    holes[:, :, ::2, ::3] = W
    np.testing.assert_array_equal(F.conv2d(X, W, dilation=(2, 3)), F.conv2d(X, holes))


def test_a_pointwise_convolution_is_a_linear_layer():
    w, b = integers(2, 5, 4), integers(3, 5)
    expected = F.linear(X.transpose(0, 2, 3, 1), w, b).transpose(0, 3, 1, 2)
    np.testing.assert_array_equal(F.conv2d(X, w[:, :, None, None], b), expected)


def test_a_kernel_as_large_as_the_image_is_a_linear_layer():
    w = integers(2, 5, 4, 9, 11)
    np.testing.assert_array_equal(F.conv2d(X, w)[:, :, 0, 0], F.linear(X.reshape(3, -1), w.reshape(5, -1)))


@pytest.mark.parametrize("groups", [2, 4])
def test_groups_are_convolutions_side_by_side(groups):
    w = integers(2, 8, 4 // groups, 3, 2)
    parts = [F.conv2d(x, v) for x, v in zip(np.split(X, groups, 1), np.split(w, groups), strict=True)]
    np.testing.assert_array_equal(F.conv2d(X, w, groups=groups), np.concatenate(parts, 1))
    parts = [F.conv_transpose2d(x, v) for x, v in zip(np.split(X, groups, 1), np.split(W[:4], groups), strict=True)]
    np.testing.assert_array_equal(F.conv_transpose2d(X, W[:4], groups=groups), np.concatenate(parts, 1))


def test_a_depthwise_convolution_is_one_product():
    """No loop over channels: the tape has one node, and one call of the kernel."""
    x, w = mg.tensor(X, requires_grad=True), mg.tensor(W[:4, :1], requires_grad=True)
    out = F.conv2d(x, w, groups=4)
    assert out.grad_fn.operation == "convolution" and all(p.primitive is None for p in out.grad_fn.parents if p)


def test_more_axes_are_more_loops():
    volumes = F.conv3d(X[:, :, None], W[:, :, None])
    np.testing.assert_array_equal(volumes[:, :, 0], F.conv2d(X, W))
    np.testing.assert_array_equal(F.conv1d(X[:, :, 0], W[:, :, 0])[:, :, None], F.conv2d(X[:, :, :1], W[:, :, :1]))


def test_images_of_a_batch_do_not_see_each_other():
    np.testing.assert_array_equal(F.conv2d(X, W)[1:2], F.conv2d(X[1:2], W))


@pytest.mark.parametrize("stride", [1, 2, (3, 1)])
@pytest.mark.parametrize("dilation", [1, (1, 2)])
def test_transposed_convolution_is_the_adjoint(stride, dilation):
    y = F.conv2d(X, W, None, stride, (2, 1), dilation)
    g = integers(5, *y.shape)
    (SH, SW), (DH, DW) = np.broadcast_to(stride, 2).tolist(), np.broadcast_to(dilation, 2).tolist()
    lost = (X.shape[2] + 4 - DH * 2 - 1) % SH, (X.shape[3] + 2 - DW - 1) % SW  # what the stride rounded away
    x = F.conv_transpose2d(g, W, None, stride, (2, 1), lost, 1, dilation)
    assert x.shape == X.shape and np.vdot(x, X) == np.vdot(g, y)


def test_same_keeps_the_size_and_puts_the_odd_one_behind():
    x = np.zeros((1, 1, 1, 4))
    x[..., 2] = 1
    assert F.conv2d(x, np.array([[[[1.0, 2.0]]]]), padding="same").tolist() == [[[[0, 2, 1, 0]]]]
    assert F.conv2d(X, W, padding="same", dilation=2).shape == (3, 6, 9, 11)
    np.testing.assert_array_equal(F.conv2d(X, W, padding="valid"), F.conv2d(X, W))


def test_exact_rounding_takes_what_comes_out_even():
    assert F.conv2d(X, W, stride=(2, 3), rounding="exact").shape == (3, 6, 4, 4)


def test_dtypes_mix_and_each_gradient_keeps_its_own():
    x, w = mg.tensor(X, mg.float32, requires_grad=True), mg.tensor(W, requires_grad=True)
    b = mg.zeros(6, requires_grad=True)
    out = F.conv2d(x, w, b)
    out.backward(mg.ones(*out.shape))
    assert (out.dtype, x.grad.dtype, w.grad.dtype, b.grad.dtype) == (mg.float64, mg.float32, mg.float64, mg.float32)


@pytest.mark.parametrize("call", [
    lambda x: F.conv2d(x, W), lambda x: F.conv_transpose2d(x, W[:4]), lambda x: F.conv2d(x, W[:4, :1], groups=4, padding=1),
    lambda x: F.max_pool2d(x, 2, 1), lambda x: F.avg_pool2d(x, 3, 2, 1), lambda x: F.adaptive_avg_pool2d(x, (4, 3)),
])  # fmt: skip
def test_the_batch_stays_innermost(call):
    x = mg.tensor(np.ascontiguousarray(X.transpose(1, 2, 3, 0)).transpose(3, 0, 1, 2), requires_grad=True)
    x.retain_grad()
    out = call(x)
    assert out.array.strides[0] == 8
    out.backward(np.ones(out.shape))
    assert x.grad.array.strides[0] == 8


@pytest.mark.parametrize("call", [
    lambda x: F.conv2d(x, W, padding=1), lambda x: F.conv_transpose2d(x, W[:4], stride=2), lambda x: F.max_pool2d(x, 2),
    lambda x: F.avg_pool2d(x, 2), lambda x: F.adaptive_max_pool2d(x, 3), lambda x: F.unfold(x, 2),
])  # fmt: skip
def test_an_empty_batch(call):
    x = mg.zeros(0, 4, 9, 11, requires_grad=True)
    out = call(x)
    assert out.shape[0] == 0 and out.shape[1:] == call(np.zeros((1, 4, 9, 11))).shape[1:]
    out.backward(np.zeros(out.shape))
    assert x.grad.shape == x.shape


def test_the_book_s_matrix():
    x = np.arange(2 * 3 * 5 * 6.0).reshape(2, 3, 5, 6)
    matrix = mg.im2col(x, 2, 3, stride=1, pad=1)
    assert matrix.shape == (2 * 6 * 6, 3 * 2 * 3)
    bordered = np.pad(x, [(0, 0), (0, 0), (1, 1), (1, 1)])
    np.testing.assert_array_equal(matrix[36 + 6 * 4 + 2], bordered[1, :, 4:6, 2:5].ravel())
    w = integers(4, 7, 3, 2, 3)
    out = (matrix @ w.reshape(7, -1).T).reshape(2, 6, 6, 7).transpose(0, 3, 1, 2)
    np.testing.assert_array_equal(out, F.conv2d(x, w, padding=1))


@pytest.mark.parametrize("n, expected", [(1, "a tuple of one"), (2, "a pair of ints"), (3, "a triple of ints")])
def test_a_stride_has_a_number_for_each_axis(n, expected):
    function, x = getattr(F, f"conv{n}d"), mg.ones(1, 1, *[3] * n)
    with pytest.raises(TypeError, match=f"stride must be an int or {expected}, got 1.5"):
        function(x, x, stride=1.5)
