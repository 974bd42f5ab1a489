"""Programs for MyGrad, which has layers and no optimizers: Adam is that of the book's style."""

from __future__ import annotations

from tests.benchmarks import programs
from tests.benchmarks.book_style import Adam


def make(workload):
    """Return the program of a workload. MyGrad has no erf, and so no GPT of the same numbers."""
    return {"step": _step, "chain": _chain}[workload]()


def _step():
    import mygrad as mg
    from mygrad import nnet

    x, t, arrays = programs.book_arrays()
    params = W1, b1, W2, b2, W3, b3 = [mg.tensor(a) for a in arrays.values()]
    optimizer = Adam([p.data for p in params])

    def step():
        h = nnet.activations.relu(nnet.layers.conv_nd(x, W1, stride=1) + b1.reshape(1, -1, 1, 1))
        h = nnet.layers.max_pool(h, (2, 2), 2).reshape(len(x), -1)
        h = nnet.activations.relu(h @ W2 + b2)
        loss = nnet.losses.softmax_crossentropy(h @ W3 + b3, t)
        loss.backward()
        optimizer.step([p.grad for p in params])
        return loss.item()

    return step


def _chain():
    import mygrad as mg

    x, w, b = leaves = [mg.tensor(a) for a in programs.chain_arrays()]

    def chain():
        loss = mg.sum(mg.exp(mg.tanh(x @ w + b) * x))
        loss.backward()
        return loss, [leaf.grad for leaf in leaves]

    def checked():
        loss, grads = chain()
        return loss.item() + sum((g * g).sum() for g in grads)

    chain.value = checked
    return chain
