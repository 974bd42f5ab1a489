"""A recurrent network that learns to spell: every line of the model is plain NumPy.

    python examples/rnn.py

Characters in, probabilities of the next character out; trained by Adam on the gradient through time.
"""

import numpy as np

import minigrad as mg

TEXT = "the quick brown fox jumps over the lazy dog. "


def one_hot(indices, size):
    return np.eye(size)[indices]


def initial_parameters(rng, size, hidden):
    def draw(*shape):
        return rng.standard_normal(shape) / np.sqrt(shape[0])

    return {
        "input": draw(size, hidden),
        "state": draw(hidden, hidden),
        "bias": np.zeros(hidden),
        "output": draw(hidden, size),
    }


def log_softmax(x):
    return (
        x
        - np.max(x, axis=-1, keepdims=True)
        - np.log(np.sum(np.exp(x - np.max(x, axis=-1, keepdims=True)), -1, keepdims=True))
    )


def scores(p, inputs):
    """Log-probabilities of the next character after each of the inputs, (T, N, size) to (T, N, size)."""
    state = np.zeros((inputs.shape[1], len(p["bias"])))
    outputs = []
    for x in inputs:
        state = np.tanh(np.dot(x, p["input"]) + np.dot(state, p["state"]) + p["bias"])
        outputs.append(log_softmax(np.dot(state, p["output"])))
    return np.stack(outputs)


def loss(p, inputs, targets):
    """Mean negative log-probability of the right next characters."""
    return -np.mean(np.sum(scores(p, inputs) * targets, axis=-1))


def train(p, inputs, targets, steps=60, rate=0.03):
    value_and_gradient = mg.func.value_and_grad(loss)
    m = {name: np.zeros_like(a) for name, a in p.items()}
    v = {name: np.zeros_like(a) for name, a in p.items()}
    history = []
    for step in range(1, steps + 1):
        value, gradient = value_and_gradient(p, inputs, targets)
        history.append(value.item())
        for name in p:
            g = np.asarray(gradient[name])
            m[name] = 0.9 * m[name] + 0.1 * g
            v[name] = 0.99 * v[name] + 0.01 * g**2
            p[name] = p[name] - rate * (m[name] / (1 - 0.9**step)) / (np.sqrt(v[name] / (1 - 0.99**step)) + 1e-8)
    return p, history


def examples(text=TEXT, length=12):
    """All stretches of the text, as inputs and what follows them, one-hot and time first; and the alphabet."""
    alphabet = sorted(set(text))
    indices = np.array([alphabet.index(c) for c in text * 2])
    starts = range(0, len(text), 3)
    inputs = np.stack([indices[s : s + length] for s in starts], axis=1)
    targets = np.stack([indices[s + 1 : s + length + 1] for s in starts], axis=1)
    return one_hot(inputs, len(alphabet)), one_hot(targets, len(alphabet)), alphabet


def spell(p, alphabet, start, length):
    """What the network thinks comes after the start."""
    text = start
    for _ in range(length):
        inputs = one_hot([[alphabet.index(c)] for c in text], len(alphabet))
        text += alphabet[int(np.argmax(scores(p, inputs)[-1, 0]))]
    return text


def main(steps=60):
    inputs, targets, alphabet = examples()
    p = initial_parameters(np.random.default_rng(0), len(alphabet), 40)
    p, history = train(p, inputs, targets, steps)
    print(f"loss {history[0]:.3f} -> {history[-1]:.3f}")
    print(spell(p, alphabet, "the qui", 40))
    return history


if __name__ == "__main__":
    main()
