"""What is timed: each workload as a function that does it once and gives the loss, for each peer that can do it."""

from __future__ import annotations

import inspect
import textwrap

import numpy as np

PEERS = {
    "step": ("minigrad", "minigrad-without-scopes", "pytorch", "pytorch-channels-last", "book-style", "book-style-float64"),
    "chain": ("minigrad", "minigrad-without-scopes", "pytorch"),
}
TITLES = {
    "step": "SimpleConvNet, one training step: 28x28, batch 100, Adam, float32",
    "chain": "six operations on 4x4 float32, forward and backward: sum(exp(tanh(x @ w + b) * x))",
}
REPEATS = {"step": 10, "chain": 1000}  # how often one timing runs the function


def make(workload, peer):
    """The workload as a function of no arguments, in this process."""
    if peer == "minigrad-without-scopes":
        _forget_scopes()
        peer = "minigrad"
    return {"step": _step, "chain": _chain}[workload](peer)


def _forget_scopes():
    """Take out what records, for pictures, the module and the function in which each node is made (minigrad/scope.py)."""
    from minigrad import graph
    from minigrad.nn import module
    from minigrad.primitive import Composite, renamed

    for cls, method, home in ((graph.Node, "__init__", graph), (module.Module, "__call__", module)):
        source = textwrap.dedent(inspect.getsource(vars(cls)[method]))
        kept = [line for line in source.splitlines() if "here.scope" not in line and line.strip() != "finally:"]
        exec("\n".join(kept), vars(home), made := {})
        setattr(cls, method, made[method])
    Composite.__call__ = lambda op, *args, **options: op.__wrapped__(*args, **renamed(options, op.names))


def _data():
    rng = np.random.default_rng(0)
    x, t = rng.random((100, 1, 28, 28), np.float32), rng.integers(0, 10, 100)
    sizes = {"W1": (30, 1, 5, 5), "b1": (30,), "W2": (4320, 100), "b2": (100,), "W3": (100, 10), "b3": (10,)}
    params = {name: (0.01 * rng.standard_normal(size)).astype(np.float32) for name, size in sizes.items()}
    return x, t, params


def _step(peer):
    x, t, params = _data()
    if peer == "minigrad":
        import minigrad as mg

        mg.config.keep_memory()
        net = mg.models.SimpleConvNet()
        net.params.update(params)
        optimizer = mg.optim.Adam(net.parameters())

        def step():
            optimizer.zero_grad()
            loss = net.loss(x, t)
            loss.backward()
            optimizer.step()
            return loss.item()

        return step
    if peer.startswith("book-style"):
        from tests.benchmarks.book_style import Network

        dtype = np.float64 if peer.endswith("float64") else np.float32
        network, images = Network(params, dtype), x.astype(dtype)
        return lambda: network.step(images, t)
    import torch
    from torch import nn

    layers = [
        nn.Conv2d(1, 30, 5),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(4320, 100),
        nn.ReLU(),
        nn.Linear(100, 10),
    ]
    net = nn.Sequential(*layers)
    arrays = [params["W1"], params["b1"], params["W2"].T, params["b2"], params["W3"].T, params["b3"]]
    with torch.no_grad():
        for p, a in zip(net.parameters(), arrays, strict=True):
            p.copy_(torch.tensor(a))
    images, labels = torch.tensor(x), torch.tensor(t)
    if peer.endswith("channels-last"):
        net, images = net.to(memory_format=torch.channels_last), images.to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(net.parameters())

    def step():
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(net(images), labels)
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def _chain(peer):
    arrays = np.random.default_rng(0).standard_normal((3, 4, 4)).astype(np.float32)
    if peer == "minigrad":
        import minigrad as mg

        x, w, b = leaves = [mg.tensor(a, requires_grad=True) for a in arrays]
    else:
        import torch

        x, w, b = leaves = [torch.tensor(a, requires_grad=True) for a in arrays]

    def chain():
        for leaf in leaves:
            leaf.grad = None
        loss = ((x @ w + b).tanh() * x).exp().sum()
        loss.backward()
        return loss, [leaf.grad for leaf in leaves]

    def checked():
        loss, grads = chain()
        return loss.item() + sum((g * g).sum().item() for g in grads)

    chain.value = checked
    return chain
