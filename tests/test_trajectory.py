"""A training run of a few steps, weight by weight, against loops in plain Python: network, gradients and optimizers at once.

The network is y = tanh(x W) W^T + b with W used twice, as one parameter known under two names: its gradient is the sum of
two, it is updated once, and forgotten once.
"""

import math

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn, optim

STEPS = 5


class Tied(nn.Module):
    def __init__(self, weight, bias):
        super().__init__()
        self.encode = nn.Parameter(mg.tensor(weight))
        self.decode = self.encode
        self.bias = nn.Parameter(mg.tensor(bias))

    def forward(self, x):
        return mg.tanh(x @ self.encode) @ self.decode.T + self.bias


def loops(x, t, W, b):
    """The gradients of the mean squared error, by the chain rule, element by element."""
    N, D, H = len(x), len(b), len(W[0])
    dW, db = [[0.0] * H for _ in range(D)], [0.0] * D
    for n in range(N):
        h = [math.tanh(sum(x[n][d] * W[d][k] for d in range(D))) for k in range(H)]
        dy = []
        for d in range(D):
            y = sum(h[k] * W[d][k] for k in range(H)) + b[d]
            dy.append(2 * (y - t[n][d]) / (N * D))
            db[d] += dy[d]
            for k in range(H):
                dW[d][k] += dy[d] * h[k]
        for k in range(H):
            dh = sum(dy[d] * W[d][k] for d in range(D)) * (1 - h[k] ** 2)
            for d in range(D):
                dW[d][k] += dh * x[n][d]
    return dW, db


def sgd(p, g, s, step, lr, momentum=0.0, weight_decay=0.0, nesterov=False, dampening=0.0):
    g += weight_decay * p
    if momentum:
        s["b"] = g if step == 1 else momentum * s["b"] + (1 - dampening) * g
        g = g + momentum * s["b"] if nesterov else s["b"]
    return p - lr * g


def adam(p, g, s, step, lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0, decoupled=False):
    if decoupled:
        p *= 1 - lr * weight_decay
    else:
        g += weight_decay * p
    s["m"] = betas[0] * s.get("m", 0.0) + (1 - betas[0]) * g
    s["v"] = betas[1] * s.get("v", 0.0) + (1 - betas[1]) * g * g
    return p - lr * (s["m"] / (1 - betas[0] ** step)) / (math.sqrt(s["v"] / (1 - betas[1] ** step)) + eps)


def adamw(p, g, s, step, lr, weight_decay=0.01):
    return adam(p, g, s, step, lr, weight_decay=weight_decay, decoupled=True)


def rmsprop(p, g, s, step, lr, alpha=0.99, eps=1e-8, weight_decay=0.0, momentum=0.0):
    g += weight_decay * p
    s["v"] = alpha * s.get("v", 0.0) + (1 - alpha) * g * g
    change = g / (math.sqrt(s["v"]) + eps)
    if momentum:
        s["b"] = change = momentum * s.get("b", 0.0) + change
    return p - lr * change


def adagrad(p, g, s, step, lr, lr_decay=0.0, weight_decay=0.0, eps=1e-10):
    g += weight_decay * p
    s["s"] = s.get("s", 0.0) + g * g
    return p - lr / (1 + (step - 1) * lr_decay) * g / (math.sqrt(s["s"]) + eps)


OPTIMIZERS = [
    (optim.SGD, sgd, {"lr": 0.3}),
    (optim.SGD, sgd, {"lr": 0.3, "weight_decay": 0.1}),
    (optim.SGD, sgd, {"lr": 0.3, "momentum": 0.9}),
    (optim.SGD, sgd, {"lr": 0.3, "momentum": 0.9, "nesterov": True, "weight_decay": 0.1}),
    (optim.SGD, sgd, {"lr": 0.3, "momentum": 0.9, "dampening": 0.5}),
    (optim.Adam, adam, {"lr": 0.1}),
    (optim.Adam, adam, {"lr": 0.1, "betas": (0.5, 0.6), "eps": 1e-3, "weight_decay": 0.1}),
    (optim.AdamW, adamw, {"lr": 0.1, "weight_decay": 0.2}),
    (optim.RMSprop, rmsprop, {"lr": 0.1}),
    (optim.RMSprop, rmsprop, {"lr": 0.1, "alpha": 0.5, "momentum": 0.9, "weight_decay": 0.1}),
    (optim.Adagrad, adagrad, {"lr": 0.1}),
    (optim.Adagrad, adagrad, {"lr": 0.1, "lr_decay": 0.1, "weight_decay": 0.1}),
]  # fmt: skip


def check_trajectory(optimizer, rule, options, zero_grad="module"):
    rng = np.random.default_rng(0)
    W, b = rng.standard_normal((3, 2)), rng.standard_normal(3)
    batches = [(rng.standard_normal((4, 3)), rng.standard_normal((4, 3))) for _ in range(STEPS)]
    net = Tied(W, b)
    opt = optimizer(net.parameters(), **options)
    expected = [W.tolist(), [b.tolist()]]
    states = [[[{} for _ in row] for row in rows] for rows in expected]
    for step, (x, t) in enumerate(batches, 1):
        (net if zero_grad == "module" else opt).zero_grad()
        loss = ((net(mg.tensor(x)) - mg.tensor(t)) ** 2).mean()
        loss.backward()
        opt.step()

        dW, db = loops(x.tolist(), t.tolist(), expected[0], expected[1][0])
        np.testing.assert_allclose(net.encode.grad.numpy(), dW, rtol=1e-10)
        for rows, gradients, known in zip(expected, (dW, [db]), states, strict=True):
            for row, grads, row_states in zip(rows, gradients, known, strict=True):
                row[:] = [rule(p, g, s, step, **options) for p, g, s in zip(row, grads, row_states, strict=True)]
        np.testing.assert_allclose(net.encode.detach().numpy(), expected[0], rtol=1e-10)
        np.testing.assert_allclose(net.bias.detach().numpy(), expected[1][0], rtol=1e-10)


@pytest.mark.parametrize("zero_grad", ["module", "optimizer"])
@pytest.mark.parametrize("optimizer, rule, options", OPTIMIZERS)
def test_every_step_is_that_of_the_loops(optimizer, rule, options, zero_grad):
    check_trajectory(optimizer, rule, options, zero_grad)


def test_a_parameter_under_two_names_is_one_parameter():
    net = Tied(np.ones((3, 2)), np.zeros(3))
    assert [name for name, _ in net.named_parameters()] == ["encode", "bias"]
