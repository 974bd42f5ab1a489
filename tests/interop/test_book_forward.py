"""Layers for arrays, without a backward, as the book writes them: given tensors, NumPy's dispatch differentiates them."""

import numpy as np
import pytest

import minigrad as mg
import minigrad.nn.functional as F


def im2col(input_data, filter_h, filter_w, stride=1, pad=0):
    N, C, H, W = input_data.shape
    out_h = (H + 2 * pad - filter_h) // stride + 1
    out_w = (W + 2 * pad - filter_w) // stride + 1
    img = np.pad(input_data, [(0, 0), (0, 0), (pad, pad), (pad, pad)], "constant")
    col = np.zeros_like(img, shape=(N, C, filter_h, filter_w, out_h, out_w))  # the one line: np.zeros would be an array
    for y in range(filter_h):
        y_max = y + stride * out_h
        for x in range(filter_w):
            x_max = x + stride * out_w
            col[:, :, y, x, :, :] = img[:, :, y:y_max:stride, x:x_max:stride]
    return col.transpose(0, 4, 5, 1, 2, 3).reshape(N * out_h * out_w, -1)


class Convolution:
    def __init__(self, W, b, stride=1, pad=0):
        self.W, self.b, self.stride, self.pad = W, b, stride, pad

    def forward(self, x):
        FN, _, FH, FW = self.W.shape
        N, _, H, W = x.shape
        out_h = 1 + int((H + 2 * self.pad - FH) / self.stride)
        out_w = 1 + int((W + 2 * self.pad - FW) / self.stride)
        self.col = im2col(x, FH, FW, self.stride, self.pad)
        self.col_W = self.W.reshape(FN, -1).T
        out = np.dot(self.col, self.col_W) + self.b
        return out.reshape(N, out_h, out_w, -1).transpose(0, 3, 1, 2)


class Pooling:
    def __init__(self, pool_h, pool_w, stride=1, pad=0):
        self.pool_h, self.pool_w, self.stride, self.pad = pool_h, pool_w, stride, pad

    def forward(self, x):
        N, C, H, W = x.shape
        out_h = int(1 + (H - self.pool_h) / self.stride)
        out_w = int(1 + (W - self.pool_w) / self.stride)
        col = im2col(x, self.pool_h, self.pool_w, self.stride, self.pad)
        col = col.reshape(-1, self.pool_h * self.pool_w)
        self.arg_max = np.argmax(col, axis=1)
        out = np.max(col, axis=1)
        return out.reshape(N, out_h, out_w, C).transpose(0, 3, 1, 2)


@pytest.mark.parametrize(
    "shape, size, stride, pad", [((1, 3, 7, 7), 5, 1, 0), ((4, 2, 8, 9), 3, 1, 1), ((2, 3, 9, 8), 4, 2, 3)]
)
def test_as_the_librarys_own_to_second_order(shape, size, stride, pad, rng):
    x, w, b = (rng.standard_normal(s) for s in (shape, (5, shape[1], size, size), 5))
    x, w, b = (mg.tensor(a, requires_grad=True) for a in (x, w, b))
    book = Pooling(2, 2, stride=2).forward(np.maximum(Convolution(w, b, stride, pad).forward(x), 0))
    own = F.max_pool2d(F.relu(F.conv2d(x, w, b, stride, pad)), 2)
    assert book.shape == own.shape
    found = []
    for out in (book, own):
        first = mg.autograd.grad((out**3).sum(), [x, w, b], create_graph=True)
        second = mg.autograd.grad(sum((g**2).sum() for g in first), [x, w, b])
        found.append([out, *first, *second])
    for mine, theirs in zip(*found, strict=True):
        np.testing.assert_allclose(mine.detach(), theirs.detach(), rtol=1e-10, atol=1e-8)
    x, w, b = (t.detach().numpy() for t in (x, w, b))
    plain = Pooling(2, 2, stride=2).forward(np.maximum(Convolution(w, b, stride, pad).forward(x), 0))
    assert type(plain) is np.ndarray
    np.testing.assert_allclose(plain, own.detach(), rtol=1e-10, atol=1e-10)
