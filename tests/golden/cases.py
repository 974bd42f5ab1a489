"""Calls written once, and run by PyTorch to make the numbers and by minigrad to be compared with them.

A call gets `F`, either library's `nn.functional`, and tensors; an optimizer or a schedule is a name and its options; a layer
is a class with its arguments and the shapes of what it is called with.
"""

import numpy as np

__all__ = ["CALLS", "LAYERS", "OPTIMIZERS", "SCHEDULES", "draw", "loss"]


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

LAYERS = {
    "BatchNorm2d": ("BatchNorm2d", (3,), {"momentum": 0.3}, [(4, 3, 2, 5)]),
    "BatchNorm1d, averaged over all": ("BatchNorm1d", (4,), {"momentum": None}, [(5, 4)]),
    "InstanceNorm1d with statistics": ("InstanceNorm1d", (3,), {"affine": True, "track_running_stats": True}, [(2, 3, 7)]),
    "Conv2d, mirrored at the border": ("Conv2d", (2, 3, 3), {"padding": "same", "padding_mode": "reflect"}, [(2, 2, 5, 6)]),
    "LSTM of two layers, both ways": ("LSTM", (3, 2), {"num_layers": 2, "bidirectional": True}, [(4, 2, 3)]),
    "GRU": ("GRU", (3, 4), {"batch_first": True}, [(2, 5, 3)]),
    "RNN": ("RNN", (3, 4), {"nonlinearity": "relu"}, [(5, 3)]),
    "MultiheadAttention": ("MultiheadAttention", (4, 2), {"kdim": 3, "vdim": 5}, [(3, 2, 4), (4, 2, 3), (4, 2, 5)]),
    "TransformerEncoderLayer": ("TransformerEncoderLayer", (4, 2, 6, 0.0), {"norm_first": True}, [(3, 2, 4)]),
}  # fmt: skip
FORWARDS = 3  # in training, before one in evaluation

SCHEDULES = {
    "StepLR": {"step_size": 7, "gamma": 0.3},
    "MultiStepLR": {"milestones": [3, 10, 10, 15], "gamma": 0.5},
    "ConstantLR": {"factor": 0.25, "total_iters": 9},
    "LinearLR": {"start_factor": 0.1, "end_factor": 0.7, "total_iters": 13},
    "ExponentialLR": {"gamma": 0.93},
    "CosineAnnealingLR": {"T_max": 9, "eta_min": 1e-3},
    "CosineAnnealingWarmRestarts": {"T_0": 3, "T_mult": 2, "eta_min": 0.01},
    "OneCycleLR": {"max_lr": [0.5, 0.2], "total_steps": 20, "three_phase": True},
    "LambdaLR": {"lr_lambda": [lambda t: 0.95**t, lambda t: 1 / (1 + t)]},
    "ReduceLROnPlateau": {"factor": 0.5, "patience": 1, "cooldown": 1, "threshold": 0.05},
    "SequentialLR": {"milestones": [4, 11]},
    "ChainedScheduler": {},
    "CyclicLR": {"base_lr": 0.01, "max_lr": 0.3, "step_size_up": 4, "step_size_down": 7, "mode": "triangular2"},
    "MultiplicativeLR": {"lr_lambda": [lambda t: 1 - t / 100, lambda t: 0.9]},
    "PolynomialLR": {"total_iters": 15, "power": 2.5},
}
RATES = 20  # steps of a schedule


def draw(name):
    """The arguments of a call, and its index in the file; the generator is seeded by the place in the table."""
    at = list(CALLS).index(name)
    return [make(np.random.default_rng([at, n])) for n, make in enumerate(CALLS[name][1:])]


def parts(out):
    """The tensors of a result, however they are put together."""
    return [t for part in out for t in parts(part)] if isinstance(out, tuple) else [out]


def seen(name, tensor, layer):
    """What a layer gives, call by call: outputs, gradients of inputs and parameters, and its state at the end.

    The layer has its state already; `tensor` makes a tensor of its library, a leaf where asked.
    """
    rng, found = np.random.default_rng(1 + list(LAYERS).index(name)), {}
    for call in range(FORWARDS + 1):
        if call == FORWARDS:
            layer.eval()
        xs = [tensor(rng.standard_normal(shape), True) for shape in LAYERS[name][3]]
        layer.zero_grad()
        outs = parts(layer(*xs))
        sum((y * tensor(rng.standard_normal(tuple(y.shape)), False)).sum() for y in outs).backward()
        found |= {f"call {call}, output {n}": y for n, y in enumerate(outs)}
        found |= {f"call {call}, gradient {n}": x.grad for n, x in enumerate(xs)}
    found |= {f"gradient of {key}": p.grad for key, p in layer.named_parameters()}
    return {key: t.detach().numpy() for key, t in (found | {f"state {k}": v for k, v in layer.state_dict().items()}).items()}


def first_state(shapes):
    """Values for a state dict of these shapes; variances are above zero, counts are zero."""
    rng = np.random.default_rng(0)
    draws = {key: rng.uniform(0.2, 1.0, shape) for key, shape in shapes.items()}
    return {key: np.zeros((), np.int64) if "batches" in key else value for key, value in draws.items()}


def rates(name, optim, parameters):
    """The rates of two groups under a schedule, step by step."""
    s, options = optim.lr_scheduler, SCHEDULES[name]
    optimizer = optim.SGD([{"params": parameters[:1]}, {"params": parameters[1:], "lr": 0.02}], lr=0.1, momentum=0.9)
    if name in ("SequentialLR", "ChainedScheduler"):
        stages = [s.LinearLR(optimizer, 0.1, 1.0, 4), s.StepLR(optimizer, 3, 0.5), s.ExponentialLR(optimizer, 0.9)]
        options = options | {"schedulers": stages}
    scheduler, found = getattr(s, name)(optimizer=optimizer, **options), []
    for t in range(RATES):
        found.append([(group["lr"], group["momentum"]) for group in optimizer.param_groups])
        optimizer.step()
        scheduler.step(*([1 / (1 + t) + (t > 8) * 0.1 * t] if name == "ReduceLROnPlateau" else []))
    return np.array(found)


def network():
    """The weights of a perceptron, and a batch for it."""
    rng = np.random.default_rng(0)
    weights = [0.5 * rng.standard_normal(shape) for shape in ((5, 4), (5,), (3, 5), (3,))]
    return weights, rng.standard_normal((6, 4)), rng.integers(0, 3, 6)


def loss(F, weights, x, t):
    W1, b1, W2, b2 = weights
    return F.cross_entropy(F.linear(F.relu(F.linear(x, W1, b1)), W2, b2), t)
