"""Foxes and hares: the parameters of a differential equation, found by differentiating through its solution.

    python examples/ode.py

The Runge-Kutta solver is plain NumPy and knows nothing of gradients.
"""

import numpy as np

import minigrad as mg


def lotka_volterra(state, p):
    """Hares multiply and are eaten; foxes starve and eat: d(hares, foxes)/dt with rates p."""
    hares, foxes = state[0], state[1]
    return np.stack([p[0] * hares - p[1] * hares * foxes, p[2] * hares * foxes - p[3] * foxes])


def step(f, state, p, h):
    """One step of the classical Runge-Kutta method, of order four."""
    k1 = f(state, p)
    k2 = f(state + h / 2 * k1, p)
    k3 = f(state + h / 2 * k2, p)
    k4 = f(state + h * k3, p)
    return state + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)


def solve(f, state, p, h, steps):
    """The states at the times 0, h, 2h, ...: (steps + 1, 2)."""
    states = [state]
    for _ in range(steps):
        states.append(step(f, states[-1], p, h))
    return np.stack(states)


def misfit(p, start, observed, h):
    """Mean squared difference of the solution from what was observed."""
    return np.mean((solve(lotka_volterra, start, p, h, len(observed) - 1) - observed) ** 2)


def fit(p, start, observed, h, steps=15):
    """Gauss-Newton: the Jacobian of the solution with respect to the parameters, and a damped linear problem each step."""

    def residual(p):
        return np.reshape(solve(lotka_volterra, start, p, h, len(observed) - 1) - observed, -1)

    damping = 0.1
    for _ in range(steps):
        r = residual(p)
        if np.max(np.abs(r)) < 1e-9:
            break
        J = np.asarray(jacobian_along_parameters(residual, p))
        move = np.linalg.solve(J.T @ J + damping * np.eye(len(p)), -J.T @ r)
        better = np.sum(residual(p + move) ** 2) < np.sum(r**2)
        p, damping = (p + move, damping / 5) if better else (p, damping * 5)
    return p


def jacobian_along_parameters(f, p):
    """The Jacobian column by column, in forward mode: there are few parameters and many residuals."""
    return np.stack([np.asarray(mg.func.jvp(f, (p,), (direction,))[1]) for direction in np.eye(len(p))], axis=1)


def main():
    truth, start, h = np.array([1.0, 0.5, 0.3, 0.8]), np.array([2.0, 1.0]), 0.3
    observed = solve(lotka_volterra, start, truth, h, 20)
    guess = np.array([0.8, 0.4, 0.4, 1.0])
    found = fit(guess, start, observed, h)
    print(f"misfit {misfit(guess, start, observed, h):.4f} -> {misfit(found, start, observed, h):.2e}")
    print("rates ", np.array2string(found, precision=4), "  truth", truth)
    return found, truth


if __name__ == "__main__":
    main()
