"""The network of chapter 7 in plain NumPy layers, the way a reader of the book would write it: the peer to beat.

Images are (N, C, H, W) in memory, windows are gathered position by position, pooling keeps an argmax, and each parameter is
updated by whole-array arithmetic.
"""

from __future__ import annotations

import numpy as np


def im2col(images, height, width):
    N, C, H, W = images.shape
    OH, OW = H - height + 1, W - width + 1
    col = np.zeros((N, C, height, width, OH, OW), images.dtype)
    for y in range(height):
        for x in range(width):
            col[:, :, y, x] = images[:, :, y : y + OH, x : x + OW]
    return col.transpose(0, 4, 5, 1, 2, 3).reshape(N * OH * OW, -1)


class Convolution:
    def __init__(self, W, b):
        self.params = [W, b]

    def forward(self, x):
        W, b = self.params
        F, _, KH, KW = W.shape
        N, _, H, width = x.shape
        self.col = im2col(x, KH, KW)
        out = np.dot(self.col, W.reshape(F, -1).T) + b
        return out.reshape(N, H - KH + 1, width - KW + 1, F).transpose(0, 3, 1, 2)

    def backward(self, dout):
        W, _ = self.params
        F, C, KH, KW = W.shape
        N, _, OH, OW = dout.shape
        dout = dout.transpose(0, 2, 3, 1).reshape(-1, F)
        self.grads = [np.dot(self.col.T, dout).T.reshape(W.shape), dout.sum(axis=0)]
        col = np.dot(dout, W.reshape(F, -1)).reshape(N, OH, OW, C, KH, KW).transpose(0, 3, 4, 5, 1, 2)
        image = np.zeros((N, C, OH + KH - 1, OW + KW - 1), dout.dtype)
        for y in range(KH):
            for x in range(KW):
                image[:, :, y : y + OH, x : x + OW] += col[:, :, y, x]
        return image


class Pooling:
    params = ()

    def forward(self, x):
        N, C, H, W = x.shape
        self.shape = x.shape
        col = x.reshape(N, C, H // 2, 2, W // 2, 2).transpose(0, 2, 4, 1, 3, 5).reshape(-1, 4)
        self.argmax = np.argmax(col, axis=1)
        return np.max(col, axis=1).reshape(N, H // 2, W // 2, C).transpose(0, 3, 1, 2)

    def backward(self, dout):
        N, C, H, W = self.shape
        dcol = np.zeros((dout.size, 4), dout.dtype)
        dcol[np.arange(dout.size), self.argmax] = dout.transpose(0, 2, 3, 1).flatten()
        return dcol.reshape(N, H // 2, W // 2, C, 2, 2).transpose(0, 3, 1, 4, 2, 5).reshape(N, C, H, W)


class Relu:
    params = ()

    def forward(self, x):
        self.mask = x <= 0
        out = x.copy()
        out[self.mask] = 0
        return out

    def backward(self, dout):
        dout = dout.copy()
        dout[self.mask] = 0
        return dout


class Affine:
    def __init__(self, W, b):
        self.params = [W, b]

    def forward(self, x):
        self.shape = x.shape
        self.x = x.reshape(len(x), -1)
        return np.dot(self.x, self.params[0]) + self.params[1]

    def backward(self, dout):
        self.grads = [np.dot(self.x.T, dout), dout.sum(axis=0)]
        return np.dot(dout, self.params[0].T).reshape(self.shape)


class SoftmaxWithLoss:
    def forward(self, x, t):
        e = np.exp(x - x.max(axis=1, keepdims=True))
        self.y, self.t = e / e.sum(axis=1, keepdims=True), t
        return -np.log(self.y[np.arange(len(t)), t]).sum() / len(t)

    def backward(self):
        dx = self.y.copy()
        dx[np.arange(len(self.t)), self.t] -= 1
        return dx / len(self.t)


class Adam:
    """Adam on arrays, which it changes in place."""

    def __init__(self, params, lr=0.001, beta1=0.9, beta2=0.999):
        self.params, self.lr, self.beta1, self.beta2, self.steps = params, lr, beta1, beta2, 0
        self.moments = [[np.zeros_like(p), np.zeros_like(p)] for p in params]

    def step(self, grads):
        self.steps += 1
        rate = self.lr / (1 - self.beta1**self.steps)
        root = (1 - self.beta2**self.steps) ** 0.5
        for p, g, (m, v) in zip(self.params, grads, self.moments, strict=True):
            m += (1 - self.beta1) * (g - m)
            v += (1 - self.beta2) * (g**2 - v)
            p -= rate * m / (np.sqrt(v) / root + 1e-8)


class Network:
    """Conv - ReLU - Pool - Affine - ReLU - Affine - Softmax, and Adam, on parameters in the book's layouts."""

    def __init__(self, params, dtype=np.float32):
        W1, b1, W2, b2, W3, b3 = (np.array(params[name], dtype) for name in ("W1", "b1", "W2", "b2", "W3", "b3"))
        self.layers = [Convolution(W1, b1), Relu(), Pooling(), Affine(W2, b2), Relu(), Affine(W3, b3)]
        self.last = SoftmaxWithLoss()
        self.optimizer = Adam([p for layer in self.layers for p in layer.params])

    def step(self, x, t):
        for layer in self.layers:
            x = layer.forward(x)
        loss = self.last.forward(x, t)
        dout = self.last.backward()
        for layer in reversed(self.layers):
            dout = layer.backward(dout)
        self.optimizer.step([g for layer in self.layers if layer.params for g in layer.grads])
        return float(loss)
