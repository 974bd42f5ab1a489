"""Programs in the manner of HIPS autograd's examples: small data, fixed numbers, and gradients that are returned.

Each runs in both libraries: for HIPS autograd, only the name of the package in the import lines is another. The numbers that
HIPS autograd finds are in hips_numbers.json; `python -m tests.interop.hips_programs` writes them, where it is installed.
"""

# ruff: noqa: I001 (the lines of imports are HIPS autograd's)
import json
from pathlib import Path

import minigrad.interop.hips.numpy as np
import minigrad.interop.hips.numpy.random as npr
import minigrad.interop.hips.scipy.stats as stats
import minigrad.interop.hips.scipy.stats.norm as norm
from minigrad.interop.hips import (
    checkpoint, deriv, elementwise_grad, grad, grad_and_aux, grad_named, hessian, hessian_vector_product, jacobian,
    make_hvp, make_jvp, make_vjp, value_and_grad, vector_jacobian_product,
)  # fmt: skip
from minigrad.interop.hips.differential_operators import make_jvp_reversemode
from minigrad.interop.hips.extend import defvjp, primitive
from minigrad.interop.hips.misc import flatten
from minigrad.interop.hips.scipy.special import logsumexp

NUMBERS = Path(__file__).with_name("hips_numbers.json")


def tangents():
    """The hyperbolic tangent and its derivatives, of a number and of a list of them."""

    def tanh(x):
        return (1.0 - np.exp(-2.0 * x)) / (1.0 + np.exp(-2.0 * x))

    found, f = [], tanh
    for _ in range(5):
        f = grad(f)
        found.append(f(0.7))
    g = elementwise_grad(elementwise_grad(tanh))
    return {"at a number": np.array(found), "second": g(np.linspace(-2.0, 2.0, 7)), "forward": deriv(tanh)(0.7)}


def logistic_regression():
    """The weights of a logistic regression after 40 steps."""
    inputs = np.array([[0.52, 1.12, 0.77], [0.88, -1.08, 0.15], [0.52, 0.06, -1.30], [0.74, -2.49, 1.39]])
    targets = np.array([True, True, False, True])

    def predictions(weights, inputs):
        return 0.5 * (np.tanh(np.dot(inputs, weights) / 2.0) + 1)

    def loss(weights):
        preds = predictions(weights, inputs)
        return -np.sum(np.log(preds * targets + (1 - preds) * (1 - targets)))

    weights, gradient = np.array([0.0, 0.0, 0.0]), grad(loss)
    for _ in range(40):
        weights -= gradient(weights) * 0.05
    return {"weights": weights, "loss": loss(weights), "gradient": gradient(weights)}


def adam(gradient, x, steps, rate):
    m, v = np.zeros(len(x)), np.zeros(len(x))
    for i in range(steps):
        g = gradient(x, i)
        m, v = 0.1 * g + 0.9 * m, 0.001 * g**2 + 0.999 * v
        x = x - rate * (m / (1 - 0.9 ** (i + 1))) / (np.sqrt(v / (1 - 0.999 ** (i + 1))) + 1e-8)
    return x


def bayesian_neural_net():
    """Black-box variational inference of the weights of a network of one hidden layer."""
    rs = npr.RandomState(0)
    inputs = np.concatenate([np.linspace(0, 2, num=10), np.linspace(6, 8, num=10)])[:, np.newaxis] / 4.0 - 1.0
    targets = np.cos(4.0 * inputs) + rs.randn(20, 1) * 0.1
    sizes = [(1, 4), (4, 1)]
    total = sum((m + 1) * n for m, n in sizes)
    samples = [rs.randn(5, total) for _ in range(6)]

    def unpack(weights):
        count = len(weights)
        for m, n in sizes:
            yield weights[:, : m * n].reshape((count, m, n)), weights[:, m * n : m * n + n].reshape((count, 1, n))
            weights = weights[:, (m + 1) * n :]

    def outputs(weights):
        hidden = np.expand_dims(inputs, 0)
        for W, b in unpack(weights):
            out = np.einsum("mnd,mdo->mno", hidden, W) + b
            hidden = np.exp(-(out**2))
        return out

    def log_density(weights):
        prior = -np.sum(weights**2, axis=1) / 2
        return prior - np.sum((outputs(np.tile(weights, (1, 1))) - targets) ** 2, axis=1)[:, 0] / 0.01

    def objective(params, t):
        mean, log_std = params[:total], params[total:]
        weights = samples[t] * np.exp(log_std) + mean
        entropy = 0.5 * total * (1.0 + np.log(2 * np.pi)) + np.sum(log_std)
        return -(entropy + np.mean(log_density(weights)))

    start = np.concatenate([rs.randn(total), -5 * np.ones(total)])
    gradient = grad(objective)
    return {"gradient": gradient(start, 0), "after": adam(gradient, start, 6, 0.1), "value": objective(start, 1)}


def gaussian_process():
    """The likelihood of a Gaussian process, its gradient and Hessian, and the prediction."""
    rs = npr.RandomState(1)
    x = np.linspace(0.0, 3.0, 7)[:, None] + 0.1 * rs.randn(7, 1)
    y = (np.sin(2 * x) + 0.1 * rs.randn(7, 1))[:, 0]

    def covariance(params, a, b):
        scale, lengths = np.exp(params[0]), np.exp(params[1:])
        delta = np.expand_dims(a / lengths, 1) - np.expand_dims(b / lengths, 0)
        return scale * np.exp(-0.5 * np.sum(delta**2, axis=2))

    def log_likelihood(params):
        cov = covariance(params[2:], x, x) + np.exp(params[1]) * np.eye(len(y))
        return stats.multivariate_normal.logpdf(y, params[0] * np.ones(len(y)), cov)

    def predict(params, new):
        cross, cov = covariance(params[2:], x, new), covariance(params[2:], x, x) + np.exp(params[1]) * np.eye(len(y))
        mean = params[0] + np.dot(np.linalg.solve(cov, cross).T, y - params[0])
        return np.concatenate(
            [mean, np.diag(covariance(params[2:], new, new) - np.dot(cross.T, np.linalg.solve(cov, cross)))]
        )

    params = np.array([0.1, -2.0, 0.3, -0.2])
    value, gradient = value_and_grad(log_likelihood)(params)
    return {
        "value": value, "gradient": gradient, "hessian": hessian(log_likelihood)(params),
        "prediction": jacobian(predict)(params, np.array([[0.4], [1.7]])),
    }  # fmt: skip


def ode_fit():
    """A network as the right-hand side of a differential equation, fitted to a spiral by its parameters in lists."""
    A = np.array([[-0.1, 2.0], [-2.0, -0.1]])
    rs = npr.RandomState(2)
    params = [(0.3 * rs.randn(2, 4), 0.1 * rs.randn(4)), (0.3 * rs.randn(4, 2), 0.1 * rs.randn(2))]

    def solve(func, y, times, *args):
        found = [y]
        for t, step in zip(times[:-1], np.diff(times), strict=True):
            k1 = func(y, t, *args)
            k2 = func(y + step / 2 * k1, t + step / 2, *args)
            k3 = func(y + step / 2 * k2, t + step / 2, *args)
            y = y + step / 6 * (k1 + 2 * k2 + 2 * k3 + func(y + step * k3, t + step, *args))
            found.append(y)
        return np.array(found)

    def network(y, t, params):
        for W, b in params[:-1]:
            y = np.maximum(np.dot(y**3, W) + b, 0.0)
        return np.dot(y, params[-1][0]) + params[-1][1]

    times, start = np.linspace(0.0, 1.0, 6), np.array([2.0, 0.0])
    truth = solve(lambda y, t: np.dot(y**3, A), start, times)

    def loss(params, start):
        return np.mean(np.abs(solve(network, start, times, params) - truth))

    gradient, of_start = grad(loss, argnum=(0, 1))(params, start)
    return {"gradient": flatten(gradient)[0], "of start": of_start, "loss": loss(params, start)}


def fluid_simulation():
    """Smoke carried by a flow without divergence, and the gradient of where it arrives with respect to the flow."""
    rows = cols = 7
    grid_y, grid_x = np.meshgrid(np.arange(rows), np.arange(cols), indexing="ij")

    def project(vx, vy):
        p, h = np.zeros(vx.shape), 1.0 / rows
        div = (
            -0.5 * h * (np.roll(vx, -1, axis=0) - np.roll(vx, 1, axis=0) + np.roll(vy, -1, axis=1) - np.roll(vy, 1, axis=1))
        )
        for _ in range(5):
            p = (div + np.roll(p, 1, axis=0) + np.roll(p, -1, axis=0) + np.roll(p, 1, axis=1) + np.roll(p, -1, axis=1)) / 4.0
        vx = vx - 0.5 * (np.roll(p, -1, axis=0) - np.roll(p, 1, axis=0)) / h
        return vx, vy - 0.5 * (np.roll(p, -1, axis=1) - np.roll(p, 1, axis=1)) / h

    def advect(f, vx, vy):
        center_y, center_x = (grid_y - vy).ravel(), (grid_x - vx).ravel()
        left, top = np.floor(center_x).astype(int), np.floor(center_y).astype(int)
        rw, bw = center_x - left, center_y - top
        left, right = np.mod(left, rows), np.mod(left + 1, rows)
        top, bottom = np.mod(top, cols), np.mod(top + 1, cols)
        flat = (1 - rw) * ((1 - bw) * f[left, top] + bw * f[left, bottom]) + rw * (
            (1 - bw) * f[right, top] + bw * f[right, bottom]
        )
        return np.reshape(flat, (rows, cols))

    def simulate(vx, vy, smoke):
        for _ in range(3):
            vx, vy = project(advect(vx, vx, vy), advect(vy, vx, vy))
            smoke = advect(smoke, vx, vy)
        return smoke

    rs = npr.RandomState(3)
    smoke, target = rs.rand(rows, cols), rs.rand(rows, cols)

    def objective(params):
        vx, vy = np.reshape(params[: rows * cols], (rows, cols)), np.reshape(params[rows * cols :], (rows, cols))
        return np.mean((simulate(vx, vy, smoke) - target) ** 2)

    value, gradient = value_and_grad(objective)(0.7 * rs.randn(2 * rows * cols))
    return {"value": value, "gradient": gradient}


def recurrent_net():
    """A character network whose logits are normalized by logsumexp, with parameters in a dict."""
    rs = npr.RandomState(4)
    params = {"init": rs.randn(1, 4), "change": rs.randn(3 + 4 + 1, 4), "predict": rs.randn(4 + 1, 3)}
    data = np.eye(3)[rs.randint(3, size=(5, 2))]

    def concat_and_multiply(weights, *args):
        return np.dot(np.hstack(args + (np.ones((args[0].shape[0], 1)),)), weights)

    def log_likelihood(params, inputs):
        hiddens, total = np.repeat(params["init"], inputs.shape[1], axis=0), 0.0
        for t in range(len(inputs)):
            logits = concat_and_multiply(params["predict"], hiddens)
            total = total + np.sum((logits - logsumexp(logits, axis=1, keepdims=True)) * inputs[t])
            hiddens = np.tanh(concat_and_multiply(params["change"], inputs[t], hiddens))
        return total / inputs.size

    return grad(log_likelihood)(params, data) | {"of checkpoint": flatten(grad(checkpoint(log_likelihood))(params, data))[0]}


def mixture_of_gaussians():
    """The likelihood of a mixture, with the product of its Hessian."""
    rs = npr.RandomState(5)
    data = rs.randn(12, 2) + np.array([1.0, -1.0])
    params = {"log proportions": rs.randn(3) * 0.1, "means": rs.randn(3, 2), "lower": np.zeros((3, 2, 2)) + np.eye(2)}
    vector, unflatten = flatten(params)

    def log_likelihood(params):
        normalized = params["log proportions"] - logsumexp(params["log proportions"])
        terms = [
            log_p + stats.multivariate_normal.logpdf(data, mean, np.dot(lower, lower.T))
            for log_p, mean, lower in zip(normalized, params["means"], params["lower"], strict=True)
        ]
        return np.sum(logsumexp(np.vstack(terms), axis=0))

    def objective(vector):
        return -log_likelihood(unflatten(vector))

    direction = rs.randn(len(vector))
    product, gradient = make_hvp(objective)(vector)
    return {
        "gradient": gradient, "product": product(direction),
        "the same": hessian_vector_product(objective)(vector, direction),
    }  # fmt: skip


def survival():
    """The likelihood of censored Weibull durations, with a guarded exponential that has a rule of its own."""

    @primitive
    def safe_exp(x):
        return np.exp(np.clip(x, -np.inf, 600.0))

    defvjp(safe_exp, lambda ans, x: lambda g: g * ans)
    T, E = np.array([0.5, 1.5, 2.0, 3.5, 4.0]), np.array([True, True, False, True, False])

    def cumulative_hazard(params, times):
        return safe_exp(params[1] * (np.log(np.clip(times, 1e-25, np.inf)) - np.log(params[0])))

    def log_hazard(params, times):
        return np.log(np.clip(elementwise_grad(cumulative_hazard, argnum=1)(params, times), 1e-50, np.inf))

    def negative_log_likelihood(params):
        return -(np.sum(log_hazard(params, T[E])) - np.sum(cumulative_hazard(params, T))) / len(T)

    params = np.array([2.3, 1.4])
    value, gradient = value_and_grad(negative_log_likelihood)(params)
    return {
        "value": value, "gradient": gradient, "hessian": hessian(negative_log_likelihood)(params),
        "band": make_jvp_reversemode(lambda p: np.exp(-cumulative_hazard(p, T)))(params)(np.array([0.1, -0.2])),
    }  # fmt: skip


def error_propagation():
    """Errors of a fit, from the derivatives of its chi squared with respect to parameters and data together."""
    x, dy = np.arange(1.0, 6.0), np.full(5, 0.1)
    y = np.array([0.61, 0.36, 0.22, 0.14, 0.08])

    def model(p, x):
        return p[0] * np.exp(-p[1] * x) + p[2] / np.cosh(x)

    def chi_squared(d):
        return np.sum(((d[3:] - model(d[:3], x)) / dy) ** 2)

    H = hessian(chi_squared)(np.concatenate((np.array([1.0, 0.5, 0.1]), y)))
    derived = jacobian(lambda v: np.array([v[0] / v[1], np.sqrt(v[0] ** 2 + v[1] ** 2), np.arctan2(v[0], v[1])]))
    return {"hessian": H, "derivatives": -np.linalg.solve(H[:3, :3], H[:3, 3:]), "derived": derived(np.array([1.5, -0.3]))}


def operators():
    """Every operator on one function of two arguments, by position, in nested containers and by name."""

    def f(x, y):
        return np.array([np.sum(np.sin(x) * y), np.prod(x), x[0] * y[1]])

    def scalar(x, y):
        return np.sum(f(x, y) ** 2)

    x, y = np.array([0.3, -1.2]), np.array([2.0, 0.7])
    vjp, value = make_vjp(f)(x, y)
    both, _ = make_vjp(f, (0, 1))(x, y)
    tangent = make_jvp(f, 1)(x, y)(np.array([1.0, -1.0]))
    gradient, aux = grad_and_aux(lambda x: (np.sum(x**2), x * 2))(x)
    return {
        "vjp": vjp(np.array([1.0, 2.0, 3.0])), "value": value, "both": np.concatenate(both(np.array([1.0, 0.0, 2.0]))),
        "jvp": np.concatenate(tangent), "named": grad_named(scalar, "y")(x, y), "gradient": gradient, "aux": aux,
        "from the left": vector_jacobian_product(f)(x, y, np.array([1.0, -1.0, 0.5])), "second": hessian(scalar, 1)(x, y),
        "mixed": jacobian(grad(scalar, 0), 1)(x, y), "normal": elementwise_grad(norm.logcdf)(np.array([-2.0, 0.5])),
    }  # fmt: skip


PROGRAMS = {
    f.__name__: f
    for f in (
        tangents, logistic_regression, bayesian_neural_net, gaussian_process, ode_fit, fluid_simulation, recurrent_net,
        mixture_of_gaussians, survival, error_propagation, operators,
    )
}  # fmt: skip


def in_autograd():
    """Return the same programs, run by HIPS autograd."""
    source = Path(__file__).read_text("utf-8").replace("minigrad.interop.hips", "autograd")
    names = {"__name__": "programs_in_autograd", "__file__": __file__}
    exec(compile(source, __file__, "exec"), names)
    return names["PROGRAMS"]


if __name__ == "__main__":
    numbers = {name: {key: np.asarray(v).tolist() for key, v in f().items()} for name, f in in_autograd().items()}
    NUMBERS.write_text(json.dumps(numbers, indent=0).replace(",\n", ", ").replace("[\n", "[").replace("\n]", "]") + "\n")
