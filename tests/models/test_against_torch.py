"""Every network beside one of PyTorch's layers, written down here: the same state names, scores, gradients and ten steps.

ResNet-18 is in test_deep_networks.py.
"""

import numpy as np
import pytest

import minigrad as mg
from minigrad import interop, models

torch = pytest.importorskip("torch")
of = torch.nn


def sequence(**layers):
    peer = of.Sequential()
    for name, layer in layers.items():
        peer.add_module(name, layer)
    return peer


def multi_layer_net(activation):
    hidden = [layer for n in (784, 100, 100, 100) for layer in (of.Linear(n, 100), activation())]
    return sequence(flatten=of.Flatten(), hidden=of.Sequential(*hidden), last=of.Linear(100, 10))


def simple_convnet():
    return sequence(
        conv1=of.Conv2d(1, 30, 5), relu1=of.ReLU(), pool1=of.MaxPool2d(2), flatten=of.Flatten(),
        fc1=of.Linear(30 * 12 * 12, 100), relu2=of.ReLU(), fc2=of.Linear(100, 10),
    )  # fmt: skip


def lenet(activation, subsampling):
    return sequence(
        conv1=of.Conv2d(1, 6, 5, padding=2), act1=activation(), pool1=subsampling(2),
        conv2=of.Conv2d(6, 16, 5), act2=activation(), pool2=subsampling(2), flatten=of.Flatten(),
        fc1=of.Linear(400, 120), act3=activation(), fc2=of.Linear(120, 84), act4=activation(), fc3=of.Linear(84, 10),
    )  # fmt: skip


def deep_convnet():
    layers = []
    for given, channels, pad in [(1, 16, 1), (16, 16, 1), (16, 32, 1), (32, 32, 2), (32, 64, 1), (64, 64, 1)]:
        layers += [of.Conv2d(given, channels, 3, padding=pad), of.ReLU()]
        if len(layers) % 5 == 4:
            layers.append(of.MaxPool2d(2))
    return sequence(
        features=of.Sequential(*layers), flatten=of.Flatten(),
        fc1=of.Linear(1024, 50), relu=of.ReLU(), drop1=of.Dropout(0.5),
        fc2=of.Linear(50, 10), drop2=of.Dropout(0.5),
    )  # fmt: skip


def normed():
    return of.LocalResponseNorm(5, 5e-4, 0.75, 2.0)


def small_alexnet():
    features = of.Sequential(
        of.Conv2d(1, 32, 5, padding=2), of.ReLU(), normed(), of.MaxPool2d(3, 2),
        of.Conv2d(32, 64, 5, padding=2), of.ReLU(), normed(), of.MaxPool2d(3, 2),
        of.Conv2d(64, 96, 3, padding=1), of.ReLU(), of.Conv2d(96, 64, 3, padding=1), of.ReLU(),
        of.Conv2d(64, 64, 3, padding=1), of.ReLU(), of.MaxPool2d(3, 2),
    )  # fmt: skip
    classifier = of.Sequential(
        of.Flatten(), of.Dropout(0.5), of.Linear(256, 256), of.ReLU(), of.Dropout(0.5), of.Linear(256, 256), of.ReLU(),
        of.Linear(256, 10),
    )  # fmt: skip
    return sequence(features=features, classifier=classifier)


NETWORKS = {
    "MultiLayerNet": (models.MultiLayerNet, lambda: multi_layer_net(of.ReLU)),
    "MultiLayerNet, sigmoid": (lambda: models.MultiLayerNet(activation="sigmoid"), lambda: multi_layer_net(of.Sigmoid)),
    "SimpleConvNet": (models.SimpleConvNet, simple_convnet),
    "LeNet5": (models.LeNet5, lambda: lenet(of.Tanh, of.AvgPool2d)),
    "LeNet5, sigmoid": (lambda: models.LeNet5(activation="sigmoid"), lambda: lenet(of.Sigmoid, of.AvgPool2d)),
    "LeNet5, modern": (
        lambda: models.LeNet5(activation="relu", subsampling="max"), lambda: lenet(of.ReLU, of.MaxPool2d),
    ),
    "DeepConvNet": (models.DeepConvNet, deep_convnet),
    "AlexNetSmall": (models.AlexNetSmall, small_alexnet),
}  # fmt: skip


def quiet(net):
    """Without dropout, in which nothing is drawn alike."""
    for module in net.modules():
        if type(module).__name__ == "Dropout":
            module.p = 0.0
    return net


@pytest.mark.parametrize("name", NETWORKS)
def test_ten_steps(name):
    mg.manual_seed(1)
    nets = [quiet(make().double()) for make in NETWORKS[name]]
    assert [(k, v.shape) for k, v in nets[0].state_dict().items()] == [
        (k, tuple(v.shape)) for k, v in nets[1].state_dict().items()
    ]
    nets[1].load_state_dict(interop.to_torch(nets[0].state_dict()))
    optimizers = [lib.optim.Adam(net.parameters()) for lib, net in zip((mg, torch), nets, strict=True)]
    rng = np.random.default_rng(0)
    for _ in range(10):
        x, t = rng.random((2, 1, 28, 28)), rng.integers(0, 10, 2)
        losses = []
        for lib, net, optimizer in zip((mg, torch), nets, optimizers, strict=True):
            losses.append(lib.nn.functional.cross_entropy(net(lib.tensor(x)), lib.tensor(t)))
            optimizer.zero_grad()
            losses[-1].backward()
        assert losses[0].item() == pytest.approx(losses[1].item(), rel=1e-10)
        for p, q in zip(nets[0].parameters(), nets[1].parameters(), strict=True):
            scale = np.abs(q.grad.numpy()).max()
            np.testing.assert_allclose(p.grad.numpy(), q.grad.numpy(), rtol=1e-9, atol=1e-10 * scale)
        for optimizer in optimizers:
            optimizer.step()
    back = NETWORKS[name][0]().double().eval()
    back.load_state_dict(interop.from_torch(nets[1].state_dict()))
    np.testing.assert_allclose(back(mg.tensor(x)).detach().numpy(), nets[1](torch.tensor(x)).detach().numpy(), rtol=1e-9)


def alexnet(local_response_norm):
    """As torchvision defines it, under its names; normalised as the paper has it, or not as torchvision has it."""
    layers = {}
    for place, given, channels, size, stride, pad in [
        (0, 3, 64, 11, 4, 2), (3, 64, 192, 5, 1, 2), (6, 192, 384, 3, 1, 1), (8, 384, 256, 3, 1, 1), (10, 256, 256, 3, 1, 1)
    ]:  # fmt: skip
        layers |= {f"{place}": of.Conv2d(given, channels, size, stride, pad), f"{place + 1}": of.ReLU()}
        if place in (0, 3):
            layers |= {f"{place}norm": normed()} if local_response_norm else {}
        if place in (0, 3, 10):
            layers[f"{place + 2}"] = of.MaxPool2d(3, 2)
    classifier = of.Sequential(
        of.Dropout(), of.Linear(9216, 4096), of.ReLU(), of.Dropout(), of.Linear(4096, 4096), of.ReLU(), of.Linear(4096, 1000)
    )
    return sequence(
        features=sequence(**layers), avgpool=of.AdaptiveAvgPool2d(6), flatten=of.Flatten(), classifier=classifier
    )


NAMES = [f"{part}.{i}.{kind}" for part, places in (("features", (0, 3, 6, 8, 10)), ("classifier", (1, 4, 6)))
         for i in places for kind in ("weight", "bias")]  # fmt: skip


def test_alexnet_has_torchvisions_names_and_its_scores(monkeypatch):
    """At full size, from the pixels to the 1,000 scores and back, with local response normalisation and without."""
    monkeypatch.setattr(mg.nn.init, "uniform_", lambda tensor, a, b: tensor)  # 61 million numbers, given below
    nets = {norm: models.AlexNet(local_response_norm=norm).eval().requires_grad_(False) for norm in (True, False)}
    rng, state = np.random.default_rng(0), {}
    numbers = rng.standard_normal(99_991, np.float32)  # a prime: no two rows are the same
    for key, p in nets[True].state_dict().items():
        fan_in = max(1, p.numel() // p.shape[0])
        state[key] = np.resize(numbers, p.shape) * np.float32((2 / fan_in) ** 0.5)
    assert list(state) == NAMES and sum(a.size for a in state.values()) == 61_100_840  # as torchvision says
    x = rng.standard_normal((1, 3, 224, 224)).astype(np.float32)
    found = {}
    for norm, net in nets.items():
        net.load_state_dict(state)
        with torch.device("meta"):
            peer = alexnet(norm).eval().requires_grad_(False)
        assert list(peer.state_dict()) == NAMES and [type(m).__name__ for m in net.features] == [
            type(m).__name__ for m in peer.features
        ]
        peer.load_state_dict({key: torch.from_numpy(a) for key, a in state.items()}, assign=True)
        results = []
        for lib, model in ((mg, net), (torch, peer)):
            pixels = lib.tensor(x, requires_grad=True)
            scores = model(pixels)
            (scores * scores).sum().backward()
            results.append((scores.detach().numpy(), pixels.grad.numpy()))
        (scores, gradient), (expected, slope) = results
        assert np.abs(scores - expected).max() < 1e-4 * np.abs(expected).max()
        # In float32 a maximum of two pixels that are nearly equal may be either one, and its gradient goes there.
        assert np.linalg.norm(gradient - slope) < 0.02 * np.linalg.norm(slope)
        found[norm] = scores
    assert np.abs(found[True] - found[False]).max() > 0.1
