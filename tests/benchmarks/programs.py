"""Training steps and functions written once for minigrad and PyTorch: `lib` is either of them.

Each program returns a function that does the work once and returns a number, which the two must agree on.
"""

from __future__ import annotations

import math

import numpy as np

TITLES = {
    "lenet": "LeNet, one training step: batch 100, Adam",
    "cnn": "two of conv-BN-ReLU-pool and two linear layers, one training step: 28x28, batch 64, Adam",
    "resnet": "a residual network with batch normalization, one training step: 32x32, batch 64, SGD",
    "depthwise": "depthwise separable convolutions, one training step: 32x32, batch 64, SGD",
    "dcgan": "DCGAN, a step of both networks: 32x32, batch 64, Adam",
    "narrow": "30 layers of Linear(16, 16) and Tanh, one training step: batch 32, Adam",
    "vae": "variational autoencoder 784-400-20, one training step: batch 128, Adam",
    "lstm": "LSTM, 2 layers of 128, 64 steps, one training step: batch 32, SGD",
    "gru": "GRU 28 to 64, 28 steps, one training step: batch 100, Adam",
    "gpt": "GPT, 2 blocks of 128, 4 heads, 64 tokens, one training step: batch 16, AdamW",
    "activations": "gelu + silu * sigmoid + tanh + softplus of 512x1024, forward and backward",
    "normalizations": "softmax(layer_norm(x)) * x of 512x1024, forward and backward",
    "predict-1": "SimpleConvNet, prediction of one image",
    "predict-1000": "SimpleConvNet, prediction of 1,000 images",
    "hessian": "the Hessian of a function of 24 numbers",
    "indexing": "rows of a table of 10,000 x 64 at 4,096 places, forward and backward",
    "stack": "10,000 tensors of 4 numbers stacked, forward and backward",
}
REPEATS = {"narrow": 20, "predict-1": 200, "hessian": 5, "indexing": 50}


def make(workload, lib):
    """Return the program of a workload."""
    return globals()["_" + workload.replace("-", "_")](lib)


FUNCTIONS = {
    name: (lambda F, x, name=name: getattr(F, name)(x))
    for name in (
        "relu", "leaky_relu", "elu", "selu", "gelu", "silu", "mish", "softplus", "logsigmoid", "sigmoid", "tanh",
        "hardswish", "hardsigmoid", "hardtanh", "softsign", "tanhshrink",
    )
} | {
    "softmax": lambda F, x: F.softmax(x, -1),
    "log_softmax": lambda F, x: F.log_softmax(x, -1),
    "layer_norm": lambda F, x: F.layer_norm(x, (x.shape[-1],)),
    "batch_norm": lambda F, x: F.batch_norm(x, None, None, training=True),
    "normalize": lambda F, x: F.normalize(x),
    "exp": lambda F, x: x.exp(),
    "sin": lambda F, x: x.sin(),
    "x ** 2": lambda F, x: x**2,
    "x ** 3": lambda F, x: x**3,
    "x * x + 1": lambda F, x: x * x + 1,
    "sum": lambda F, x: x.sum(-1),
    "max": lambda F, x: x.amax(-1),
    "cumsum": lambda F, x: x.cumsum(-1),
    "transpose": lambda F, x: x.T.contiguous(),
}  # fmt: skip


def function(name, lib):
    """Return a program that computes one function of 512x1024 numbers and its gradient."""
    return _applied(lib, FUNCTIONS[name])


def _applied(lib, function):
    a, b = np.random.default_rng(0).standard_normal((2, 512, 1024), np.float32)
    x, g = lib.tensor(a, requires_grad=True), lib.tensor(b)

    def step():
        x.grad = None
        out = function(lib.nn.functional, x)
        out.backward(g if out.shape == g.shape else g.T if out.shape == g.T.shape else g[:, 0])
        return x.grad

    def value():
        return (step() * g).sum().item() / 1000

    step.value = value
    return step


def _activations(lib):
    return _applied(lib, lambda F, x: F.gelu(x) + F.silu(x) * F.sigmoid(x) + F.tanh(x) + F.softplus(x))


def _normalizations(lib):
    return _applied(lib, lambda F, x: F.softmax(F.layer_norm(x, (1024,)), -1) * x)


def _started(net, lib):
    """Give a network the same initial values in both libraries."""
    rng = np.random.default_rng(0)
    with lib.no_grad():
        for p in net.parameters():
            if p.ndim > 1:
                p.copy_(
                    lib.tensor((rng.standard_normal(tuple(p.shape)) / math.sqrt(math.prod(p.shape[1:]))).astype(np.float32))
                )
        for name, p in net.named_parameters():
            if p.ndim == 1:
                p.fill_(0.0 if "bias" in name else 1.0)
    return net


def _training(lib, net, x, t, optimizer, loss=None):
    net = _started(net, lib)
    x, t = lib.tensor(x), lib.tensor(t)
    optimizer = optimizer(net.parameters())
    loss = loss or lib.nn.functional.cross_entropy

    def step():
        optimizer.zero_grad()
        error = loss(net(x), t)
        error.backward()
        optimizer.step()
        return error.item()

    return step


def _images(batch, channels, size):
    rng = np.random.default_rng(1)
    return rng.standard_normal((batch, channels, size, size), np.float32), rng.integers(0, 10, batch)


def _lenet(lib):
    nn = lib.nn
    first = [nn.Conv2d(1, 6, 5, padding=2), nn.Tanh(), nn.AvgPool2d(2), nn.Conv2d(6, 16, 5), nn.Tanh(), nn.AvgPool2d(2)]
    last = [nn.Flatten(), nn.Linear(400, 120), nn.Tanh(), nn.Linear(120, 84), nn.Tanh(), nn.Linear(84, 10)]
    return _training(lib, nn.Sequential(*first, *last), *_images(100, 1, 28), lib.optim.Adam)


def _cnn(lib):
    nn = lib.nn
    layers = []
    for i, o in ((1, 32), (32, 64)):
        layers += [nn.Conv2d(i, o, 3), nn.BatchNorm2d(o), nn.ReLU(), nn.MaxPool2d(2)]
    layers += [nn.Flatten(), nn.Linear(1600, 128), nn.ReLU(), nn.Linear(128, 10)]
    return _training(lib, nn.Sequential(*layers), *_images(64, 1, 28), lib.optim.Adam)


def _resnet(lib):
    nn = lib.nn

    class Block(nn.Module):
        def __init__(self, i, o, stride):
            super().__init__()
            self.conv1, self.bn1 = nn.Conv2d(i, o, 3, stride, 1, bias=False), nn.BatchNorm2d(o)
            self.conv2, self.bn2 = nn.Conv2d(o, o, 3, 1, 1, bias=False), nn.BatchNorm2d(o)
            shortcut = nn.Sequential(nn.Conv2d(i, o, 1, stride, bias=False), nn.BatchNorm2d(o))
            self.shortcut = nn.Identity() if i == o else shortcut

        def forward(self, x):
            out = nn.functional.relu(self.bn1(self.conv1(x)))
            return nn.functional.relu(self.bn2(self.conv2(out)) + self.shortcut(x))

    blocks = [Block(16, 16, 1), Block(16, 32, 2), Block(32, 64, 2)]
    stem = [nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU()]
    net = nn.Sequential(*stem, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))
    return _training(lib, net, *_images(64, 3, 32), lambda p: lib.optim.SGD(p, lr=0.1, momentum=0.9))


def _depthwise(lib):
    nn = lib.nn
    layers = [nn.Conv2d(3, 32, 3, 1, 1, bias=False), nn.BatchNorm2d(32), nn.ReLU()]
    for i, o, stride in ((32, 64, 1), (64, 128, 2), (128, 128, 1)):
        layers += [nn.Conv2d(i, i, 3, stride, 1, groups=i, bias=False), nn.BatchNorm2d(i), nn.ReLU()]
        layers += [nn.Conv2d(i, o, 1, bias=False), nn.BatchNorm2d(o), nn.ReLU()]
    layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(128, 10)]
    return _training(lib, nn.Sequential(*layers), *_images(64, 3, 32), lambda p: lib.optim.SGD(p, lr=0.1, momentum=0.9))


def _dcgan(lib):
    nn, F = lib.nn, lib.nn.functional
    generator, discriminator = [], []
    for i, o, kernel, stride, padding in ((64, 128, 4, 1, 0), (128, 64, 4, 2, 1), (64, 32, 4, 2, 1)):
        generator += [nn.ConvTranspose2d(i, o, kernel, stride, padding, bias=False), nn.BatchNorm2d(o), nn.ReLU()]
    generator += [nn.ConvTranspose2d(32, 3, 4, 2, 1), nn.Tanh()]
    for i, o in ((3, 32), (32, 64), (64, 128)):
        discriminator += [nn.Conv2d(i, o, 4, 2, 1), nn.LeakyReLU(0.2)]
    discriminator += [nn.Conv2d(128, 1, 4), nn.Flatten()]
    G, D = _started(nn.Sequential(*generator), lib), _started(nn.Sequential(*discriminator), lib)
    of_g, of_d = (lib.optim.Adam(net.parameters(), lr=2e-4, betas=(0.5, 0.999)) for net in (G, D))
    real = lib.tensor(_images(64, 3, 32)[0])
    z = lib.tensor(np.random.default_rng(2).standard_normal((64, 64, 1, 1), np.float32))
    ones, zeros = lib.ones(64, 1), lib.zeros(64, 1)

    def step():
        fake = G(z)
        of_d.zero_grad()
        error = F.binary_cross_entropy_with_logits(D(real), ones)
        error = error + F.binary_cross_entropy_with_logits(D(fake.detach()), zeros)
        error.backward()
        of_d.step()
        of_g.zero_grad()
        fooled = F.binary_cross_entropy_with_logits(D(fake), ones)
        fooled.backward()
        of_g.step()
        return error.item() + fooled.item()

    return step


def grown(kind, size, lib):
    """Return the training step of a network of which one measure is `size`."""
    return _narrow(lib, depth=size) if kind == "depth" else _perceptron(lib, **{kind: size})


def _perceptron(lib, width=512, batch=128):
    nn, rng = lib.nn, np.random.default_rng(1)
    layers = [nn.Linear(784, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 10)]
    x, t = rng.random((batch, 784), np.float32), rng.integers(0, 10, batch)
    return _training(lib, nn.Sequential(*layers), x, t, lib.optim.Adam)


def _narrow(lib, depth=30):
    nn, rng = lib.nn, np.random.default_rng(1)
    layers = [layer for _ in range(depth) for layer in (nn.Linear(16, 16), nn.Tanh())]
    x, t = rng.standard_normal((32, 16), np.float32), rng.integers(0, 16, 32)
    return _training(lib, nn.Sequential(*layers), x, t, lib.optim.Adam)


def _vae(lib):
    nn, F, rng = lib.nn, lib.nn.functional, np.random.default_rng(1)
    noise = lib.tensor(rng.standard_normal((128, 20), np.float32))

    class Autoencoder(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc1, self.mean, self.log_variance = nn.Linear(784, 400), nn.Linear(400, 20), nn.Linear(400, 20)
            self.fc3, self.fc4 = nn.Linear(20, 400), nn.Linear(400, 784)

        def forward(self, x):
            h = F.relu(self.fc1(x))
            mean, log_variance = self.mean(h), self.log_variance(h)
            z = mean + noise * (0.5 * log_variance).exp()
            return self.fc4(F.relu(self.fc3(z))).sigmoid(), mean, log_variance

    def loss(found, x):
        out, mean, log_variance = found
        divergence = -0.5 * (1 + log_variance - mean**2 - log_variance.exp()).sum()
        return F.binary_cross_entropy(out, x, reduction="sum") + divergence

    x = rng.random((128, 784), np.float32)
    return _training(lib, Autoencoder(), x, x, lib.optim.Adam, loss)


def _lstm(lib):
    rng = np.random.default_rng(1)
    net = lib.nn.LSTM(128, 128, num_layers=2)
    x, t = rng.standard_normal((2, 64, 32, 128), np.float32)
    return _training(lib, net, x, t, lambda p: lib.optim.SGD(p, lr=0.1), lambda out, t: ((out[0] - t) ** 2).mean())


def _gru(lib):
    nn, rng = lib.nn, np.random.default_rng(1)

    class Reader(nn.Module):
        def __init__(self):
            super().__init__()
            self.gru, self.out = nn.GRU(28, 64, batch_first=True), nn.Linear(64, 10)

        def forward(self, x):
            return self.out(self.gru(x)[0][:, -1])

    return _training(lib, Reader(), rng.standard_normal((100, 28, 28), np.float32), rng.integers(0, 10, 100), lib.optim.Adam)


def gpt(lib):
    """Return a GPT with its initial values, tokens, and the tokens that follow them."""
    nn, F, rng = lib.nn, lib.nn.functional, np.random.default_rng(1)
    vocabulary, width, heads, length, batch = 65, 128, 4, 64, 16

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.ln1, self.ln2 = nn.LayerNorm(width), nn.LayerNorm(width)
            self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
            self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

        def forward(self, x):
            parts = self.qkv(self.ln1(x)).reshape(batch, length, 3, heads, width // heads)
            q, k, v = parts.permute(2, 0, 3, 1, 4)
            seen = F.scaled_dot_product_attention(q, k, v, is_causal=True)
            x = x + self.proj(seen.transpose(1, 2).reshape(batch, length, width))
            return x + self.down(F.gelu(self.up(self.ln2(x))))

    class GPT(nn.Module):
        def __init__(self):
            super().__init__()
            self.token, self.place = nn.Embedding(vocabulary, width), nn.Embedding(length, width)
            self.blocks = nn.Sequential(Block(), Block())
            self.ln, self.out = nn.LayerNorm(width), nn.Linear(width, vocabulary, bias=False)
            self.places = lib.arange(length)

        def forward(self, tokens):
            x = self.token(tokens) + self.place(self.places)
            return self.out(self.ln(self.blocks(x))).reshape(-1, vocabulary)

    tokens = rng.integers(0, vocabulary, (batch, length + 1))
    return _started(GPT(), lib), tokens[:, :-1].copy(), tokens[:, 1:].reshape(-1).copy()


def _gpt(lib):
    return _training(lib, *gpt(lib), lib.optim.AdamW)


def book_arrays():
    """Return images, labels, and initial values of the book's network by name, in its layouts."""
    rng = np.random.default_rng(0)
    x, t = rng.random((100, 1, 28, 28), np.float32), rng.integers(0, 10, 100)
    sizes = {"W1": (30, 1, 5, 5), "b1": (30,), "W2": (4320, 100), "b2": (100,), "W3": (100, 10), "b3": (10,)}
    params = {name: (0.01 * rng.standard_normal(size)).astype(np.float32) for name, size in sizes.items()}
    return x, t, params


def transposed(params):
    """Return the values of `book_arrays` as layers have them in which a linear weight has its outputs first."""
    return [params["W1"], params["b1"], params["W2"].T, params["b2"], params["W3"].T, params["b3"]]


def chain_arrays():
    """Return the three matrices of the chain of six operations."""
    return np.random.default_rng(0).standard_normal((3, 4, 4)).astype(np.float32)


def simple_convnet(nn):
    """Return the book's network, its layers from either library."""
    first = [nn.Conv2d(1, 30, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()]
    return nn.Sequential(*first, nn.Linear(4320, 100), nn.ReLU(), nn.Linear(100, 10))


def _predicting(lib, count):
    net = _started(simple_convnet(lib.nn), lib).eval()
    x = lib.tensor(_images(count, 1, 28)[0])

    def predict():
        with lib.no_grad():
            return net(x)

    predict.value = lambda: predict()[0].sum().item()
    return predict


def _predict_1(lib):
    return _predicting(lib, 1)


def _predict_1000(lib):
    return _predicting(lib, 1000)


def _hessian(lib):
    rng = np.random.default_rng(1)
    x, w = lib.tensor(rng.standard_normal(24)), lib.tensor(rng.standard_normal((24, 24)))

    def hessian():
        return lib.autograd.functional.hessian(lambda x: ((w @ x).tanh() * x).sum().exp(), x)

    hessian.value = lambda: hessian().sum().item()
    return hessian


def _indexing(lib):
    rng = np.random.default_rng(1)
    table = lib.tensor(rng.standard_normal((10_000, 64), np.float32), requires_grad=True)
    places, g = lib.tensor(rng.integers(0, 10_000, 4096)), lib.tensor(rng.standard_normal((4096, 64), np.float32))

    def step():
        table.grad = None
        table[places].backward(g)
        return table.grad

    step.value = lambda: (step() ** 2).sum().item()
    return step


def _stack(lib):
    rows = np.random.default_rng(1).standard_normal((10_000, 4), np.float32)
    tensors = [lib.tensor(row, requires_grad=True) for row in rows]

    def step():
        (lib.stack(tensors) ** 2).sum().backward()
        return sum(t.grad[0].item() for t in tensors[:3])

    def value():
        for t in tensors:
            t.grad = None
        return step()

    step.value = value
    return step
