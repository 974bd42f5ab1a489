"""What is timed: each workload as a function that does it once and gives the loss, for each peer that can do it."""

from __future__ import annotations

import importlib.util
import inspect
import itertools
import os
import shutil
import textwrap

import numpy as np

from tests.benchmarks import functional_peers, growth, mygrad_peer, programs, tinygrad_peer

BOTH = ("minigrad", "pytorch")
PEERS = {
    "step": (
        "minigrad", "minigrad-without-scopes", "pytorch", "pytorch-channels-last", "book-style", "book-style-float64",
        "jax", "jax-jit", "tinygrad-jit", "autograd", "mygrad",
    ),
    "chain": ("minigrad", "minigrad-without-scopes", "pytorch", "jax", "jax-jit", "tinygrad-jit", "autograd", "mygrad"),
    "mlp": BOTH,
    "conv": (*BOTH, "pytorch-channels-last"),
    **dict.fromkeys(programs.TITLES, BOTH),
    "gpt": (*BOTH, "jax", "jax-jit", "tinygrad-jit", "autograd"),
}  # fmt: skip
# What a peer is called in a table; the part of its name before the first hyphen is its library.
LABELS = {
    "minigrad": "minigrad",
    "minigrad-without-scopes": "minigrad without what it records for pictures",
    "pytorch": "PyTorch",
    "pytorch-channels-last": "PyTorch in `channels_last`",
    "book-style": "the book's way, plain NumPy layers in float32",
    "book-style-float64": "the same in float64",
    "jax": "JAX",
    "jax-jit": "JAX with `jit`",
    "tinygrad": "tinygrad",
    "tinygrad-jit": "tinygrad with `TinyJit`",
    "autograd": "HIPS autograd",
    "mygrad": "MyGrad",
}
PACKAGES = {"pytorch": "torch", "jax": "jax", "tinygrad": "tinygrad", "autograd": "autograd", "mygrad": "mygrad"}
TITLES = {
    "step": "SimpleConvNet, one training step: 28x28, batch 100, Adam, float32",
    "chain": "six operations on 4x4 float32, forward and backward: sum(exp(tanh(x @ w + b) * x))",
    "mlp": "784-512-512-10 with relu, one training step: batch 128, Adam, float32",
    "conv": "convolution 64 -> 64, 3x3, of 32x32, batch 32, float32, forward and backward, each in its own memory order",
}
REPEATS = {"step": 10, "chain": 1000, "mlp": 10, "conv": 3}  # how often one timing runs the function
TITLES |= programs.TITLES
FUNCTIONS = {f"function: {name}": name for name in programs.FUNCTIONS}  # workloads that are rows of one table


def make(workload, peer):
    """The workload as a function of no arguments, in this process."""
    if peer == "minigrad-without-scopes":
        _forget_scopes()
        peer = "minigrad"
    if library(peer) in {"jax", "autograd"}:
        return functional_peers.make(workload, peer)
    if library(peer) in {"tinygrad", "mygrad"}:
        return {"tinygrad": tinygrad_peer, "mygrad": mygrad_peer}[library(peer)].make(workload)
    if workload in programs.TITLES:
        return programs.make(workload, _library(peer))
    if workload in FUNCTIONS:
        return programs.function(FUNCTIONS[workload], _library(peer))
    if workload in growth.WORKLOADS:
        return programs.grown(*growth.WORKLOADS[workload], _library(peer))
    return {"step": _step, "chain": _chain, "mlp": _mlp, "conv": _conv}[workload](peer)


def library(peer):
    """The library of a peer: `pytorch` of `pytorch-channels-last`."""
    return peer.partition("-")[0]


def installed(peer):
    """Whether a peer can be timed here, with what it needs besides: a compiler (clang, or what CC names), or SciPy."""
    name = library(peer)
    if name == "tinygrad" and not shutil.which(os.environ.get("CC", "clang")):
        return False
    needed = [PACKAGES[name]] if name in PACKAGES else []
    return all(map(importlib.util.find_spec, [*needed, *["scipy"] * (name == "autograd")]))


def repeats(workload):
    """How often one timing runs the function of a workload, if that takes less than a second."""
    return {**REPEATS, **programs.REPEATS}.get(workload, 10 if workload in FUNCTIONS else 3)


def _library(peer):
    """The module of minigrad or PyTorch, with what it would import at its first use: peaks of memory are without imports."""
    if peer == "minigrad":
        import minigrad as mg
        import minigrad.autograd
        import minigrad.nn

        mg.config.keep_memory()
        return mg
    import torch

    torch.ones(1, requires_grad=True).backward(torch.ones(1))  # 483 modules of 20 MB, for a gradient given as a tensor
    return torch


def _forget_scopes():
    """Take out what records, for pictures, the module and the function in which each node is made (engine/scope.py)."""
    from minigrad.engine import tape
    from minigrad.engine.arguments import renamed
    from minigrad.engine.composite import Composite
    from minigrad.nn import module

    for cls, method, home in ((tape.Node, "__init__", tape), (module.Module, "__call__", module)):
        source = textwrap.dedent(inspect.getsource(vars(cls)[method]))
        kept = [line for line in source.splitlines() if "here.scope" not in line and line.strip() != "finally:"]
        exec("\n".join(kept), vars(home), made := {})
        setattr(cls, method, made[method])
    Composite.__call__ = lambda op, *args, **options: op.__wrapped__(*args, **renamed(options, op.known))


def _step(peer):
    x, t, params = programs.book_arrays()
    if peer == "minigrad":
        import minigrad as mg

        net = mg.models.SimpleConvNet()
        net.params.update(params)
        return _minigrad_training(net, x, t)
    if peer.startswith("book-style"):
        from tests.benchmarks.book_style import Network

        dtype = np.float64 if peer.endswith("float64") else np.float32
        network, images = Network(params, dtype), x.astype(dtype)
        return lambda: network.step(images, t)
    import torch

    memory_format = torch.channels_last if peer.endswith("channels-last") else torch.contiguous_format
    return _pytorch_training(programs.simple_convnet(torch.nn), programs.transposed(params), x, t, memory_format)


def _mlp(peer):
    rng = np.random.default_rng(0)
    x, t, sizes = rng.random((128, 784), np.float32), rng.integers(0, 10, 128), (784, 512, 512, 10)
    arrays = []
    for i, o in itertools.pairwise(sizes):
        arrays += [(i**-0.5 * rng.standard_normal((o, i))).astype(np.float32), np.zeros(o, np.float32)]
    if peer == "minigrad":
        import minigrad as mg
        from minigrad import nn
    else:
        from torch import nn
    net = nn.Sequential(nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 10))
    if peer == "pytorch":
        return _pytorch_training(net, arrays, x, t)
    with mg.no_grad():
        for p, a in zip(net.parameters(), arrays, strict=True):
            p.copy_(a)
    return _minigrad_training(net, mg.tensor(x), t)


def _minigrad_training(net, x, t):
    import minigrad as mg

    mg.config.keep_memory()
    optimizer = mg.optim.Adam(net.parameters())

    def step():
        optimizer.zero_grad()
        loss = mg.nn.functional.cross_entropy(net(x), t)
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def _pytorch_training(net, arrays, x, t, memory_format=None):
    import torch

    with torch.no_grad():
        for p, a in zip(net.parameters(), arrays, strict=True):
            p.copy_(torch.tensor(a))
    x, t = torch.tensor(x), torch.tensor(t)
    if memory_format:
        net, x = net.to(memory_format=memory_format), x.to(memory_format=memory_format)
    optimizer = torch.optim.Adam(net.parameters())

    def step():
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(net(x), t)
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def _conv(peer):
    rng = np.random.default_rng(0)
    x, g = rng.standard_normal((2, 32, 64, 32, 32), np.float32)
    w, b = 0.04 * rng.standard_normal((64, 64, 3, 3), np.float32), rng.standard_normal(64, np.float32)
    if peer == "minigrad":
        mg = _library(peer)
        x, g = (np.moveaxis(np.ascontiguousarray(np.moveaxis(a, 0, -1)), -1, 0) for a in (x, g))
        leaves = x, w, b = [mg.tensor(a, requires_grad=True) for a in (x, w, b)]
        g, conv2d = mg.tensor(g), mg.nn.functional.conv2d
    else:
        torch = _library(peer)
        leaves = x, w, b = [torch.tensor(a, requires_grad=True) for a in (x, w, b)]
        g, conv2d = torch.tensor(g), torch.nn.functional.conv2d
        if peer.endswith("channels-last"):
            x, w, g = (a.detach().to(memory_format=torch.channels_last) for a in (x, w, g))
            leaves = [a.requires_grad_() for a in (x, w, b)]

    def conv():
        for leaf in leaves:
            leaf.grad = None
        out = conv2d(x, w, b, padding=1)
        out.backward(g)
        return out

    def checked():
        out = conv()
        return (out * g).sum().item() + sum((leaf.grad * leaf.grad).sum().item() for leaf in leaves)

    conv.value = checked
    return conv


def _chain(peer):
    arrays = programs.chain_arrays()
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
