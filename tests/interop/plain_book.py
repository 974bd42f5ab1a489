"""The book's layers and optimizers in plain NumPy, written anew from its equations: the references of the tests."""

import numpy as np


def im2col(x, height, width, stride, pad):
    x = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    N, _, H, W = x.shape
    OH, OW = (H - height) // stride + 1, (W - width) // stride + 1
    rows = [
        x[n, :, stride * i : stride * i + height, stride * j : stride * j + width].ravel()
        for n in range(N)
        for i in range(OH)
        for j in range(OW)
    ]
    return np.array(rows), (N, OH, OW)


def col2im(col, shape, height, width, stride, pad):
    N, C, H, W = shape
    image = np.zeros((N, C, H + 2 * pad, W + 2 * pad))
    OH, OW = (H + 2 * pad - height) // stride + 1, (W + 2 * pad - width) // stride + 1
    windows = iter(col.reshape(-1, C, height, width))
    for n in range(N):
        for i in range(OH):
            for j in range(OW):
                image[n, :, stride * i : stride * i + height, stride * j : stride * j + width] += next(windows)
    return image[:, :, pad : pad + H, pad : pad + W]


class Relu:
    def forward(self, x):
        self.on = x > 0
        return np.where(self.on, x, 0.0)

    def backward(self, dout):
        return np.where(self.on, dout, 0.0)


class Sigmoid:
    def forward(self, x):
        self.out = 1 / (1 + np.exp(-x))
        return self.out

    def backward(self, dout):
        return dout * self.out * (1 - self.out)


class Affine:
    def __init__(self, W, b):
        self.W, self.b = W, b

    def forward(self, x):
        self.shape, self.x = x.shape, x.reshape(len(x), -1)
        return self.x @ self.W + self.b

    def backward(self, dout):
        self.dW, self.db = self.x.T @ dout, dout.sum(0)
        return (dout @ self.W.T).reshape(self.shape)


class Convolution:
    def __init__(self, W, b, stride=1, pad=0):
        self.W, self.b, self.options = W, b, (*W.shape[2:], stride, pad)

    def forward(self, x):
        self.shape = x.shape
        self.col, (N, OH, OW) = im2col(x, *self.options)
        out = self.col @ self.W.reshape(len(self.W), -1).T + self.b
        return out.reshape(N, OH, OW, -1).transpose(0, 3, 1, 2)

    def backward(self, dout):
        g = dout.transpose(0, 2, 3, 1).reshape(-1, len(self.W))
        self.db, self.dW = g.sum(0), (self.col.T @ g).T.reshape(self.W.shape)
        return col2im(g @ self.W.reshape(len(self.W), -1), self.shape, *self.options)


class Pooling:
    def __init__(self, height, width, stride=1, pad=0):
        self.options = height, width, stride, pad

    def forward(self, x):
        self.shape = x.shape
        col, (N, OH, OW) = im2col(x, *self.options)
        self.windows = col.reshape(-1, self.options[0] * self.options[1])
        return self.windows.max(1).reshape(N, OH, OW, -1).transpose(0, 3, 1, 2)

    def backward(self, dout):
        g = np.zeros_like(self.windows)
        g[np.arange(len(g)), self.windows.argmax(1)] = dout.transpose(0, 2, 3, 1).ravel()
        return col2im(g, self.shape, *self.options)


class SoftmaxWithLoss:
    def forward(self, x, t):
        e = np.exp(x - x.max(1, keepdims=True))
        self.y = e / e.sum(1, keepdims=True)
        self.t = t if t.ndim == 2 else np.eye(x.shape[1])[t]
        return -np.log((self.y * self.t).sum(1) + 1e-7).mean()

    def backward(self, dout=1):
        return (self.y - self.t) / len(self.t)


class Dropout:
    """With the mask given from outside."""

    def __init__(self, ratio):
        self.ratio = ratio

    def forward(self, x, train_flg=True):
        return x * self.mask if train_flg else x * (1 - self.ratio)

    def backward(self, dout):
        return dout * self.mask


class BatchNormalization:
    def __init__(self, gamma, beta, momentum=0.9):
        self.gamma, self.beta, self.momentum = gamma, beta, momentum
        self.running_mean, self.running_var = 0.0, 0.0

    def forward(self, x, train_flg=True):
        rows = x.reshape(len(x), -1)
        mean, var = (rows.mean(0), rows.var(0)) if train_flg else (self.running_mean, self.running_var)
        if train_flg:
            self.running_mean = self.momentum * self.running_mean + (1 - self.momentum) * mean
            self.running_var = self.momentum * self.running_var + (1 - self.momentum) * var
        self.std = np.sqrt(var + 1e-6)
        self.xn = (rows - mean) / self.std
        return (self.gamma * self.xn + self.beta).reshape(x.shape)

    def backward(self, dout):
        g = dout.reshape(len(dout), -1)
        self.dgamma, self.dbeta = (g * self.xn).sum(0), g.sum(0)
        g = g * self.gamma
        return ((g - g.mean(0) - self.xn * (g * self.xn).mean(0)) / self.std).reshape(dout.shape)


class Optimizer:
    """Keeps arrays of zeros for each parameter; `step` is the equation of one."""

    def __init__(self, lr, **options):
        self.lr, self.t, self.state = lr, 0, {}
        self.__dict__.update(options)

    def update(self, params, grads):
        self.t += 1
        for name, p in params.items():
            state = self.state.setdefault(name, [np.zeros_like(p), np.zeros_like(p)])
            p += self.step(grads[name], state)


class SGD(Optimizer):
    def step(self, g, state):
        return -self.lr * g


class Momentum(Optimizer):
    def step(self, g, state):
        state[0] = self.momentum * state[0] - self.lr * g
        return state[0]


class Nesterov(Optimizer):
    def step(self, g, state):
        move = self.momentum**2 * state[0] - (1 + self.momentum) * self.lr * g
        state[0] = self.momentum * state[0] - self.lr * g
        return move


class AdaGrad(Optimizer):
    def step(self, g, state):
        state[0] = state[0] + g * g
        return -self.lr * g / (np.sqrt(state[0]) + 1e-7)


class RMSprop(Optimizer):
    def step(self, g, state):
        state[0] = self.decay_rate * state[0] + (1 - self.decay_rate) * g * g
        return -self.lr * g / (np.sqrt(state[0]) + 1e-7)


class Adam(Optimizer):
    def step(self, g, state):
        state[0] = state[0] + (1 - self.beta1) * (g - state[0])
        state[1] = state[1] + (1 - self.beta2) * (g * g - state[1])
        rate = self.lr * np.sqrt(1 - self.beta2**self.t) / (1 - self.beta1**self.t)
        return -rate * state[0] / (np.sqrt(state[1]) + 1e-7)
