"""Operations as people write them: from the book, fused, each with rules of its own. Right as they stand.

`semantic.py` has what goes wrong in them: each mutant is a line of this file written otherwise.
"""

import numpy as np

from minigrad.engine.primitive import primitive


def unbroadcast(g, shape):
    g = g.sum(tuple(range(g.ndim - len(shape))))
    return g.sum(tuple(i for i, n in enumerate(shape) if n == 1), keepdims=True)


@primitive
def add(x, y):
    return x + y


@add.gradient("x", "y")
def _(g, shape):
    return unbroadcast(g, shape)


@primitive
def subtract(x, y):
    return x - y


subtract.gradient("x")(lambda g: g)
subtract.gradient("y")(lambda g: -g)


@primitive
def multiply(x, y):
    return x * y


multiply.gradient("x")(lambda g, y: g * y)
multiply.gradient("y")(lambda g, x: g * x)


@primitive
def divide(x, y):
    return x / y


divide.gradient("x")(lambda g, y: g / y)
divide.gradient("y")(lambda g, x, y: -g * x / y**2)


@primitive
def power(x, n):
    return x**n


power.gradient("x")(lambda g, x, n: g * n * x ** (n - 1))


@primitive
def exp(x):
    return np.exp(x)


exp.gradient("x")(lambda g, out: g * out)


@primitive
def log(x):
    return np.log(x)


log.gradient("x")(lambda g, x: g / x)


@primitive
def sqrt(x):
    return np.sqrt(x)


sqrt.gradient("x")(lambda g, out: g / (2 * out))


@primitive
def tanh(x):
    return np.tanh(x)


tanh.gradient("x")(lambda g, out: g * (1 - out**2))


@primitive
def sigmoid(x):
    return 1 / (1 + np.exp(-x))


sigmoid.gradient("x")(lambda g, out: g * out * (1 - out))


@primitive
def matmul(x, y):
    return x @ y


@matmul.gradient("x")
def _(g, y, shape):
    dx = g @ y.mT
    return unbroadcast(dx, shape)


@matmul.gradient("y")
def _(g, x, shape):
    dy = x.mT @ g
    return unbroadcast(dy, shape)


@primitive
def sum_along(x, axis):
    return x.sum(axis)


sum_along.gradient("x")(lambda g, shape, axis: np.broadcast_to(np.expand_dims(g, axis), shape))


@primitive
def mean_along(x, axis):
    return x.mean(axis)


mean_along.gradient("x")(lambda g, x, axis: np.broadcast_to(np.expand_dims(g, axis), x.shape) / x.shape[axis])


@primitive
def max_along(x, axis):
    return x.max(axis)


@max_along.gradient("x")
def _(g, x, out, axis):
    ties = x == np.expand_dims(out, axis)
    return ties * np.expand_dims(g, axis) / ties.sum(axis, keepdims=True)


@primitive
def relu(x):
    return np.maximum(x, 0)


relu.gradient("x")(lambda g, x: g * (x > 0))


@primitive
def softmax(x):
    e = np.exp(x - x.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


softmax.gradient("x")(lambda g, out: out * (g - (g * out).sum(1, keepdims=True)))


@primitive
def log_softmax(x):
    z = x - x.max(1, keepdims=True)
    return z - np.log(np.exp(z).sum(1, keepdims=True))


log_softmax.gradient("x")(lambda g, out: g - np.exp(out) * g.sum(1, keepdims=True))


@primitive
def cross_entropy(x, labels):
    p = softmax(x)
    return -np.log(p[np.arange(len(x)), labels]).mean()


@cross_entropy.gradient("x")
def _(g, x, labels):
    N = len(x)
    dx = softmax(x)
    dx[np.arange(N), labels] -= 1
    return g * dx / N


@primitive
def linear(x, weight, bias):
    return x @ weight.T + bias


linear.gradient("x")(lambda g, weight: g @ weight)
linear.gradient("weight")(lambda g, x: g.T @ x)
linear.gradient("bias")(lambda g: g.sum(0))


def im2col(x, KH, KW, stride, pad):
    (SH, SW), (PH, PW) = stride, pad
    x = np.pad(x, [(0, 0), (0, 0), (PH, PH), (PW, PW)])
    N, C, H, W = x.shape
    OH, OW = (H - KH) // SH + 1, (W - KW) // SW + 1
    col = np.empty((N, C, KH, KW, OH, OW), x.dtype)
    for i in range(KH):
        for j in range(KW):
            col[:, :, i, j] = x[:, :, i : i + SH * OH : SH, j : j + SW * OW : SW]
    return col.transpose(0, 4, 5, 1, 2, 3).reshape(N * OH * OW, C * KH * KW)


def col2im(col, shape, KH, KW, stride, pad):
    (N, C, H, W), (SH, SW), (PH, PW) = shape, stride, pad
    OH, OW = (H + 2 * PH - KH) // SH + 1, (W + 2 * PW - KW) // SW + 1
    col = col.reshape(N, OH, OW, C, KH, KW).transpose(0, 3, 4, 5, 1, 2)
    dx = np.zeros((N, C, H + 2 * PH, W + 2 * PW), col.dtype)
    for i in range(KH):
        for j in range(KW):
            dx[:, :, i : i + SH * OH : SH, j : j + SW * OW : SW] += col[:, :, i, j]
    return dx[:, :, PH : PH + H, PW : PW + W]


@primitive
def conv2d(x, weight, bias, stride, pad):
    F, _, KH, KW = weight.shape
    N, _, H, W = x.shape
    OH, OW = (H + 2 * pad[0] - KH) // stride[0] + 1, (W + 2 * pad[1] - KW) // stride[1] + 1
    out = im2col(x, KH, KW, stride, pad) @ weight.reshape(F, -1).T + bias
    return out.reshape(N, OH, OW, F).transpose(0, 3, 1, 2)


@conv2d.gradient("x")
def _(g, weight, shape, stride, pad):
    F, _, KH, KW = weight.shape
    rows = g.transpose(0, 2, 3, 1).reshape(-1, F)
    return col2im(rows @ weight.reshape(F, -1), shape, KH, KW, stride, pad)


@conv2d.gradient("weight")
def _(g, x, shape, stride, pad):
    F, _, KH, KW = shape
    rows = g.transpose(0, 2, 3, 1).reshape(-1, F)
    return (rows.T @ im2col(x, KH, KW, stride, pad)).reshape(shape)


@conv2d.gradient("bias")
def _(g):
    return g.sum((0, 2, 3))


def window_maxima(x, KH, KW, stride, pad):
    """Where in each window (N, C, OH, OW) the maximum is first, counted row by row."""
    (SH, SW), (PH, PW) = stride, pad
    x = np.pad(x, [(0, 0), (0, 0), (PH, PH), (PW, PW)], constant_values=-np.inf)
    N, C, H, W = x.shape
    OH, OW = (H - KH) // SH + 1, (W - KW) // SW + 1
    arg = np.empty((N, C, OH, OW), int)
    for i in range(OH):
        for j in range(OW):
            window = x[:, :, i * SH : i * SH + KH, j * SW : j * SW + KW]
            arg[:, :, i, j] = window.reshape(N, C, -1).argmax(2)
    return arg


def places(arg, KH, KW, stride):
    """The indices of those maxima in the padded images."""
    N, C, OH, OW = arg.shape
    n, c, i, j = np.ogrid[:N, :C, :OH, :OW]
    row, column = np.unravel_index(arg, (KH, KW))
    return n, c, row + i * stride[0], column + j * stride[1]


@primitive
def pick(x, arg, size, stride, pad):
    padded = np.pad(x, [(0, 0), (0, 0), (pad[0], pad[0]), (pad[1], pad[1])], constant_values=-np.inf)
    return padded[places(arg, *size, stride)]


@pick.gradient("x")
def _(g, shape, arg, size, stride, pad):
    (N, C, H, W), (PH, PW) = shape, pad
    dx = np.zeros((N, C, H + 2 * PH, W + 2 * PW), g.dtype)
    index = places(arg, *size, stride)
    np.add.at(dx, index, g)
    return dx[:, :, PH : PH + H, PW : PW + W]


def max_pool2d(x, size, stride, pad):
    return pick(x, window_maxima(getattr(x, "array", x), *size, stride, pad), size, stride, pad)


@primitive
def permute(x, axes):
    return np.transpose(x, axes)


permute.gradient("x")(lambda g, axes: np.transpose(g, np.argsort(axes)))


@primitive
def reshape(x, shape):
    return np.reshape(x, shape)


@reshape.gradient("x")
def _(g, x):
    return g.reshape(x.shape)


@primitive
def getitem(x, index):
    return x[index]


@getitem.gradient("x")
def _(g, index, shape):
    dx = np.zeros(shape, g.dtype)
    np.add.at(dx, index, g)
    return dx


@primitive
def concatenate(*arrays):
    return np.concatenate(arrays)


@concatenate.gradient("arrays")
def _(g, position, shapes):
    start = sum(shape[0] for shape in shapes[:position])
    return g[start : start + shapes[position][0]]
