"""Programs for JAX and HIPS autograd, in which a network is a function of its parameters: `xp` is the NumPy of either.

What NumPy does not have, convolution and erf, each library brings itself.
"""

from __future__ import annotations

import math

import numpy as np

from tests.benchmarks import programs


def make(workload, peer):
    """Return the program of a workload for one of the peers jax, jax-jit and autograd."""
    compiled, finished = lambda function: function, lambda values: values
    if peer == "autograd":
        import autograd.numpy as xp
        from autograd import value_and_grad
        from autograd.scipy.signal import convolve
        from autograd.scipy.special import erf

        def conv2d(x, w):  # convolve() turns the kernel around
            return convolve(x, w[:, :, ::-1, ::-1], axes=([2, 3], [2, 3]), dot_axes=([1], [1]), mode="valid")
    else:
        import jax
        import jax.numpy as xp
        from jax import value_and_grad
        from jax.scipy.special import erf

        finished = jax.block_until_ready  # calls return before their results are there
        if peer == "jax-jit":
            compiled = jax.jit

        def conv2d(x, w):
            return jax.lax.conv(x, w, (1, 1), "VALID")

    if workload == "step":
        return _step(xp, conv2d, value_and_grad, compiled, finished)
    if workload == "gpt":
        return _gpt(xp, erf, value_and_grad, compiled, finished)
    return _chain(xp, value_and_grad, compiled, finished)


def _chain(xp, value_and_grad, compiled, finished):
    arrays = [xp.array(a) for a in programs.chain_arrays()]
    differentiated = compiled(value_and_grad(lambda leaves: _six_operations(xp, *leaves)))

    def chain():
        return finished(differentiated(arrays))

    def checked():
        loss, grads = chain()
        return float(loss) + sum(float((g * g).sum()) for g in grads)

    chain.value = checked
    return chain


def _six_operations(xp, x, w, b):
    return xp.sum(xp.exp(xp.tanh(x @ w + b) * x))


def _step(xp, conv2d, value_and_grad, compiled, finished):
    x, t, params = programs.book_arrays()

    def loss(params):
        h = xp.maximum(conv2d(x, params["W1"]) + params["b1"].reshape(1, -1, 1, 1), 0)
        h = h.reshape(len(x), 30, 12, 2, 12, 2).max(axis=(3, 5)).reshape(len(x), -1)
        h = xp.maximum(h @ params["W2"] + params["b2"], 0)
        return _cross_entropy(xp, h @ params["W3"] + params["b3"], t)

    return _training(xp, value_and_grad(loss), params, compiled, finished)


def _gpt(xp, erf, value_and_grad, compiled, finished):
    import minigrad

    net, tokens, targets = programs.gpt(minigrad)
    params = {name: p.detach().numpy() for name, p in net.named_parameters()}
    batch, length = tokens.shape
    width, heads = params["token.weight"].shape[1], 4
    causal = np.tril(np.ones((length, length), bool))

    def linear(params, name, x):
        return x @ params[f"{name}.weight"].T + params[f"{name}.bias"]

    def layer_norm(params, name, x):
        x = x - x.mean(axis=-1, keepdims=True)
        x = x / xp.sqrt((x * x).mean(axis=-1, keepdims=True) + 1e-5)
        return x * params[f"{name}.weight"] + params[f"{name}.bias"]

    def attention(params, name, x):
        parts = linear(params, f"{name}.qkv", x).reshape(batch, length, 3, heads, width // heads)
        q, k, v = xp.transpose(parts, (2, 0, 3, 1, 4))
        scores = q @ xp.swapaxes(k, -1, -2) / math.sqrt(width // heads)
        seen = xp.exp(_log_softmax(xp, xp.where(causal, scores, -1e30))) @ v
        return linear(params, f"{name}.proj", xp.swapaxes(seen, 1, 2).reshape(batch, length, width))

    def loss(params):
        x = params["token.weight"][tokens] + params["place.weight"]
        for name in ("blocks.0", "blocks.1"):
            x = x + attention(params, name, layer_norm(params, f"{name}.ln1", x))
            h = linear(params, f"{name}.up", layer_norm(params, f"{name}.ln2", x))
            x = x + linear(params, f"{name}.down", 0.5 * h * (1 + erf(h / math.sqrt(2))))
        scores = layer_norm(params, "ln", x) @ params["out.weight"].T
        return _cross_entropy(xp, scores.reshape(batch * length, -1), targets)

    return _training(xp, value_and_grad(loss), params, compiled, finished, decay=0.01)


def _log_softmax(xp, x):
    x = x - x.max(axis=-1, keepdims=True)
    return x - xp.log(xp.exp(x).sum(axis=-1, keepdims=True))


def _cross_entropy(xp, scores, t):
    return -_log_softmax(xp, scores)[np.arange(len(t)), t].mean()


def _training(xp, differentiated, params, compiled, finished, decay=0.0, lr=0.001, beta1=0.9, beta2=0.999):
    """Return a step of Adam, or of AdamW, as one function from parameters and moments to new ones."""

    def updated(params, moments, steps):
        loss, grads = differentiated(params)
        rate, root = lr / (1 - beta1**steps), (1 - beta2**steps) ** 0.5
        moments = {
            k: (m + (1 - beta1) * (grads[k] - m), v + (1 - beta2) * (grads[k] ** 2 - v)) for k, (m, v) in moments.items()
        }
        params = {
            k: p * (1 - lr * decay) - rate * moments[k][0] / (xp.sqrt(moments[k][1]) / root + 1e-8)
            for k, p in params.items()
        }
        return loss, params, moments

    params = {name: xp.array(p) for name, p in params.items()}
    state = [params, {name: (xp.zeros_like(p), xp.zeros_like(p)) for name, p in params.items()}]
    updated, steps = compiled(updated), 0

    def step():
        nonlocal steps
        steps += 1
        loss, *state[:] = finished(updated(*state, steps))
        return float(loss)

    return step
