"""Calls written once, and run by PyTorch to make the numbers and by minigrad to be compared with them.

A call gets `F`, either library's `nn.functional`, and tensors; an optimizer is a name and its options.
"""

import numpy as np

__all__ = ["CALLS", "OPTIMIZERS", "draw", "loss"]


def normal(*shape):
    return lambda rng: rng.standard_normal(shape)


def uniform(low, high, *shape):
    return lambda rng: rng.uniform(low, high, shape)


def labels(classes, *shape):
    return lambda rng: rng.integers(0, classes, shape)


def probabilities(*shape):
    return lambda rng: rng.dirichlet(np.ones(shape[-1]), shape[:-1])


CALLS = {
    "conv2d": (lambda F, x, w, b: F.conv2d(x, w, b, stride=(2, 1), padding=(1, 2), dilation=(1, 2)),
               normal(2, 3, 7, 8), normal(4, 3, 3, 2), normal(4)),
    "conv2d in groups": (lambda F, x, w: F.conv2d(x, w, groups=2), normal(2, 4, 5, 5), normal(6, 2, 3, 3)),
    "conv_transpose2d": (lambda F, x, w: F.conv_transpose2d(x, w, stride=(2, 3), padding=1, output_padding=(1, 0)),
                         normal(2, 3, 4, 3), normal(3, 2, 3, 3)),
    "max_pool2d": (lambda F, x: F.max_pool2d(x, (3, 2), stride=(2, 1), padding=(1, 0)), normal(2, 2, 7, 6)),
    "max_pool2d, ceil": (lambda F, x: F.max_pool2d(x, 3, ceil_mode=True), normal(1, 2, 7, 8)),
    "avg_pool2d": (lambda F, x: F.avg_pool2d(x, 3, stride=2, padding=1, count_include_pad=False), normal(2, 2, 7, 6)),
    "batch_norm": (lambda F, x, w, b: F.batch_norm(x, None, None, w, b, training=True),
                   normal(4, 3, 2, 2), normal(3), normal(3)),
    "layer_norm": (lambda F, x, w, b: F.layer_norm(x, (3, 4), w, b), normal(2, 3, 4), normal(3, 4), normal(3, 4)),
    "linear": (lambda F, x, w, b: F.linear(x, w, b), normal(2, 3, 4), normal(5, 4), normal(5)),
    "softmax": (lambda F, x: F.softmax(x, dim=1), normal(3, 4, 2)),
    "log_softmax": (lambda F, x: F.log_softmax(x, dim=-1), normal(3, 4)),
    "cross_entropy": (lambda F, x, t, w: F.cross_entropy(x, t, w, ignore_index=1, label_smoothing=0.1),
                      normal(6, 4), labels(4, 6), uniform(0.5, 2, 4)),
    "cross_entropy of maps": (lambda F, x, t: F.cross_entropy(x, t, reduction="sum"), normal(2, 4, 3), labels(4, 2, 3)),
    "cross_entropy of probabilities": (lambda F, x, t: F.cross_entropy(x, t), normal(5, 4), probabilities(5, 4)),
    "mse_loss": (lambda F, x, t: F.mse_loss(x, t), normal(3, 4), normal(3, 4)),
    "relu": (lambda F, x: F.relu(x), normal(3, 4)),
    "sigmoid and tanh": (lambda F, x: x.sigmoid() * x.tanh(), normal(3, 4)),
    "matmul": (lambda F, x, y: x @ y, normal(2, 1, 3, 4), normal(5, 4, 2)),
    "max along an axis": (lambda F, x: x.max(1)[0], normal(3, 5)),
    "variance": (lambda F, x: x.var(dim=(0, 2)), normal(3, 4, 5)),
    "powers": (lambda F, x, y: x**y + 2**y + x**2.5, uniform(0.5, 2, 3, 4), normal(4)),
    "where it came from": (lambda F, x: x.permute(2, 0, 1).reshape(4, 6)[:, [0, 0, 5]], normal(2, 3, 4)),
}  # fmt: skip
# Those whose gradients are not all of inputs: labels, class weights, probabilities.
CONSTANT = {"cross_entropy": (1, 2), "cross_entropy of maps": (1,), "cross_entropy of probabilities": (1,)}

OPTIMIZERS = {
    "SGD": ("SGD", {"lr": 0.1}),
    "SGD with momentum": ("SGD", {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.01}),
    "SGD, Nesterov": ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
    "SGD, dampened": ("SGD", {"lr": 0.1, "momentum": 0.9, "dampening": 0.3}),
    "Adam": ("Adam", {"lr": 0.02}),
    "Adam, amsgrad": ("Adam", {"lr": 0.02, "amsgrad": True, "weight_decay": 0.1, "betas": (0.8, 0.95)}),
    "AdamW": ("AdamW", {"lr": 0.02, "weight_decay": 0.1}),
    "RMSprop": ("RMSprop", {"lr": 0.02}),
    "RMSprop, centered": ("RMSprop", {"lr": 0.02, "alpha": 0.9, "momentum": 0.5, "centered": True}),
    "Adagrad": ("Adagrad", {"lr": 0.1, "lr_decay": 0.1, "weight_decay": 0.01}),
}
STEPS = 5


def draw(name):
    """The arguments of a call, and its index in the file; the generator is seeded by the place in the table."""
    at = list(CALLS).index(name)
    return [make(np.random.default_rng([at, n])) for n, make in enumerate(CALLS[name][1:])]


def network():
    """The weights of a perceptron, and a batch for it."""
    rng = np.random.default_rng(0)
    weights = [0.5 * rng.standard_normal(shape) for shape in ((5, 4), (5,), (3, 5), (3,))]
    return weights, rng.standard_normal((6, 4)), rng.integers(0, 3, 6)


def loss(F, weights, x, t):
    W1, b1, W2, b2 = weights
    return F.cross_entropy(F.linear(F.relu(F.linear(x, W1, b1)), W2, b2), t)
