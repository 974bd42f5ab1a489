"""Rosenbrock's valley: plain NumPy, minimized by Newton's method with exact gradients and Hessians.

    python examples/rosenbrock.py

The function below knows nothing of derivatives; `mg.grad` and `mg.func.hessian` call it with tensors.
"""

import numpy as np

import minigrad as mg


def rosenbrock(x):
    """Rosenbrock (1960), in any number of dimensions: a bent valley with its minimum, 0, at (1, ..., 1)."""
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def newton(f, x, steps=50, tolerance=1e-10):
    """The points that Newton's method visits, each step halved until the function does not grow."""
    gradient, hessian = mg.grad(f), mg.func.hessian(f)
    path = [x]
    for _ in range(steps):
        g = np.asarray(gradient(x))
        if np.max(np.abs(g)) < tolerance:
            break
        H = np.asarray(hessian(x))
        eigenvalues = np.linalg.eigvalsh(H)
        H = H + max(0.0, 1e-3 - eigenvalues[0]) * np.eye(len(x))  # downhill, also where the valley is not convex
        step = -np.linalg.solve(H, g)
        while f(x + step) > f(x) and np.max(np.abs(step)) > 1e-12:
            step = step / 2
        x = x + step
        path.append(x)
    return path


def main():
    path = newton(rosenbrock, np.array([-1.2, 1.0]))
    for i, x in enumerate(path):
        print(f"{i:3}  f = {rosenbrock(x):12.6e}  x = {np.array2string(x, precision=5)}")
    return path[-1]


if __name__ == "__main__":
    main()
