"""A Gaussian process: the log-likelihood in plain NumPy, its hyperparameters learned by gradients.

    python examples/gaussian_process.py

Rasmussen and Williams, Gaussian Processes for Machine Learning (2006), algorithm 2.1.
"""

import numpy as np

import minigrad as mg


def kernel(a, b, log_amplitude, log_length):
    """Squared exponential covariance of two sets of numbers, (N,) and (M,): an (N, M) matrix."""
    distance = (np.expand_dims(a, 1) - np.expand_dims(b, 0)) / np.exp(log_length)
    return np.exp(2 * log_amplitude) * np.exp(-0.5 * distance**2)


def log_likelihood(theta, x, y):
    """log p(y | x) under a process of the hyperparameters theta = log (amplitude, length scale, noise)."""
    noise = np.exp(2 * theta[2]) * np.eye(len(x))
    L = np.linalg.cholesky(kernel(x, x, theta[0], theta[1]) + noise)
    whitened = np.linalg.solve(L, y)
    return -0.5 * np.sum(whitened**2) - np.sum(np.log(np.diagonal(L))) - 0.5 * len(x) * np.log(2 * np.pi)


def predict(theta, x, y, new):
    """Mean and standard deviation of the process at new places, given what was observed."""
    K = kernel(x, x, theta[0], theta[1]) + np.exp(2 * theta[2]) * np.eye(len(x))
    across = kernel(new, x, theta[0], theta[1])
    mean = across @ np.linalg.solve(K, y)
    variance = np.exp(2 * theta[0]) - np.sum(across * np.linalg.solve(K, across.T).T, axis=1)
    return mean, np.sqrt(variance)


def fit(x, y, theta, steps=60, rate=0.05):
    """Gradient ascent on the log-likelihood, each coordinate scaled by its own history (RMSprop)."""
    value_and_gradient = mg.func.value_and_grad(log_likelihood)
    scale = np.ones_like(theta)
    history = []
    for _ in range(steps):
        value, g = value_and_gradient(theta, x, y)
        history.append(value.item())
        g = np.asarray(g)
        scale = 0.9 * scale + 0.1 * g**2
        theta = theta + rate * g / np.sqrt(scale)
    return theta, history


def observations(n=30, noise=0.1, seed=0):
    rng = np.random.default_rng(seed)
    x = np.sort(rng.uniform(-3, 3, n))
    return x, np.sin(2 * x) + noise * rng.standard_normal(n)


def main():
    x, y = observations()
    theta, history = fit(x, y, np.zeros(3))
    print(f"log-likelihood {history[0]:.2f} -> {history[-1]:.2f}")
    print("amplitude {:.2f}, length scale {:.2f}, noise {:.2f}".format(*np.exp(theta)))
    for place, mean, deviation in zip([-1.0, 0.0, 1.0], *predict(theta, x, y, np.array([-1.0, 0.0, 1.0])), strict=True):
        print(f"f({place:+.1f}) = {mean:+.3f} +- {deviation:.3f}   (sin: {np.sin(2 * place):+.3f})")
    return theta, history


if __name__ == "__main__":
    main()
