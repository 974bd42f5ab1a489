"""L-BFGS: steps from a limited memory of gradients, with a line search."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from minigrad.arrays import Array, array_of
from minigrad.engine.grad_mode import enable_grad
from minigrad.kernels.checks import check_at_least
from minigrad.kernels.errstate import errstate
from minigrad.optim.optimizer import Group, Optimizer
from minigrad.tensors.in_place import write_all
from minigrad.tensors.tensor import Tensor

__all__ = ["LBFGS"]

Point = tuple[float, float, Array, float]  # of a line: the step, the loss, its gradient, and the slope along the line
MEMORY = ("old_dirs", "old_stps")  # the changes of gradients, and of parameters
VECTORS = ("d", "prev_flat_grad")
COUNTS, NUMBERS = ("func_evals", "n_iter"), ("t", "H_diag", "prev_loss")


class LBFGS(Optimizer):
    """L-BFGS: Newton's method with the inverse Hessian estimated from the last `history_size` changes of the gradient.

    Nocedal and Wright, Numerical Optimization, algorithms 7.4, 3.5 and 3.6; equations and defaults are PyTorch's. `step`
    needs a closure that clears the gradients, computes the loss and calls `backward`; one step is up to `max_iter`
    iterations and `max_eval` calls of it (default: 1.25 * max_iter). It ends when no gradient is above `tolerance_grad`, or
    no parameter or the loss changes by more than `tolerance_change`. `line_search_fn` is None, for steps of `lr`, or
    "strong_wolfe".

    There is one group of parameters, and a parameter without a gradient has the gradient zero. If the closure raises, the
    parameters are what they were before the iteration.

    >>> import minigrad as mg
    >>> x = mg.tensor([-1.0, 2.0], requires_grad=True)
    >>> optimizer = mg.optim.LBFGS([x], line_search_fn="strong_wolfe")
    >>> def closure():
    ...     optimizer.zero_grad()
    ...     loss = (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2  # Rosenbrock's valley
    ...     loss.backward()
    ...     return loss
    >>> for _ in range(3):
    ...     loss = optimizer.step(closure)
    >>> mg.allclose(x, mg.ones(2), atol=1e-3)
    True
    """

    def __init__(
        self, params: Iterable[Any], lr: float = 1, max_iter: int = 20, max_eval: int | None = None,
        tolerance_grad: float = 1e-7, tolerance_change: float = 1e-9, history_size: int = 100,
        line_search_fn: str | None = None,
    ):  # fmt: skip
        options = {"lr": lr, "max_iter": max_iter, "max_eval": max_iter * 5 // 4 if max_eval is None else max_eval}
        options |= {"tolerance_grad": tolerance_grad, "tolerance_change": tolerance_change, "history_size": history_size}
        super().__init__(params, {**options, "line_search_fn": line_search_fn})

    def add_param_group(self, param_group: Mapping[str, Any]) -> None:
        """Refuse a second group: one memory serves all parameters."""
        if self.param_groups:
            raise ValueError("LBFGS: all parameters must be in one group, got a second one")
        super().add_param_group(param_group)

    def check(self, options: Mapping[str, Any]) -> None:
        for name in ("max_iter", "max_eval", "history_size"):
            check_at_least("LBFGS", name, operator.index(options[name]), 1)
        if options["line_search_fn"] not in (None, "strong_wolfe"):
            raise ValueError(f'LBFGS: line_search_fn must be None or "strong_wolfe", got {options["line_search_fn"]!r}')

    def advance(self, closure: Callable[[], Any] | None) -> Any:
        if closure is None:
            raise ValueError("LBFGS: step needs a closure that clears the gradients, computes the loss and calls backward")
        group, params = self.param_groups[0], self.param_groups[0]["params"]
        given, loss, g = _evaluated(closure, params)
        state = self.state.setdefault(params[0], {"func_evals": 0, "n_iter": 0})
        state["func_evals"] += 1
        if np.abs(g).max() <= group["tolerance_grad"]:
            return given
        new, evaluations = dict(state), 1

        def move(t: float) -> None:
            parts = np.split(t * new["d"], np.cumsum([a.size for a in start])[:-1])
            moved = [a + part.reshape(a.shape) for a, part in zip(start, parts, strict=True)]
            write_all(params, [m.astype(a.dtype, copy=False) for m, a in zip(moved, start, strict=True)])

        def at(t: float) -> Point:
            move(t)
            _, loss, g = _evaluated(closure, params)
            return t, loss, g, np.float64(g @ new["d"])

        for n in range(1, group["max_iter"] + 1):
            start, calls = [p.array for p in params], 0
            _remember(new, g, loss, group["history_size"])
            new["t"] = group["lr"] * (1 if new["n_iter"] > 1 else min(1.0, 1 / float(np.abs(g).sum())))
            size, slope = float(np.abs(new["d"]).max()), np.float64(g @ new["d"])
            if slope > -group["tolerance_change"]:
                break
            try:
                if group["line_search_fn"]:
                    most = group["max_eval"] - evaluations
                    (new["t"], loss, g, _), calls = _strong_wolfe(at, (0.0, loss, g, slope), new["t"], size, most)
                    move(new["t"])
                elif n < group["max_iter"]:
                    (_, loss, g, _), calls = at(new["t"]), 1
                else:  # in a stochastic setting there is no use in evaluating again
                    move(new["t"])
            except BaseException:
                write_all(params, start)
                raise
            evaluations += calls
            new["func_evals"] += calls
            least = group["tolerance_change"]
            small = size * new["t"] <= least or abs(loss - new["prev_loss"]) < least
            if small or evaluations >= group["max_eval"] or np.abs(g).max() <= group["tolerance_grad"]:
                break
        state.update(new)
        return given

    def _fitted(self, where: str, given: Any, p: Tensor, group: Group, problems: list[str]) -> dict[str, Any]:
        size, found = sum(q.array.size for q in group["params"]), dict[str, Any]()

        def vector(value: Any) -> Array:
            array = array_of(value)
            if array.shape != (size,) or array.dtype.kind != "f":
                raise ValueError(f"shape {array.shape} of {array.dtype}, there are {size} elements")
            return array.astype(_flat_dtype(group["params"]))

        try:
            found |= {name: int(array_of(given[name]).item()) for name in COUNTS}
            if found["n_iter"]:
                found |= {name: float(array_of(given[name]).item()) for name in NUMBERS}
                found |= {name: vector(given[name]) for name in VECTORS}
                found |= {name: [vector(value) for value in given[name]] for name in MEMORY}
                found["ro"] = [float(array_of(value).item()) for value in given["ro"]]
        except (KeyError, TypeError, ValueError) as error:
            problems.append(f"{where}: not the state of an LBFGS: {error!r}")
        if len({len(found.get(name, ())) for name in (*MEMORY, "ro")}) > 1:
            problems.append(f"{where}: old_dirs, old_stps and ro have different lengths")
        return found


def _evaluated(closure: Callable[[], Any], params: list[Tensor]) -> tuple[Any, float, Array]:
    """Call the closure; return its result, the loss as a number, and all gradients as one vector."""
    with enable_grad():
        given = closure()
    grads = [np.zeros_like(p.array) if p.grad is None else p.grad.array for p in params]
    flat = np.concatenate([g.ravel() for g in grads]).astype(_flat_dtype(params))
    return given, float(given.detach() if isinstance(given, Tensor) else given), flat


def _flat_dtype(params: list[Tensor]) -> np.dtype[Any]:
    return np.result_type(np.float32, *[p.dtype for p in params])


def _remember(state: dict[str, Any], g: Array, loss: float, most: int) -> None:
    """Note the change of the gradient over the last step, and find the next direction: algorithm 7.4."""
    state["n_iter"] += 1
    if state["n_iter"] == 1:
        state |= {"d": -g, "old_dirs": [], "old_stps": [], "ro": [], "H_diag": 1.0}
    else:
        y, s = g - state["prev_flat_grad"], state["d"] * state["t"]
        curvature = float(y @ s)
        if curvature > 1e-10:
            for name, value in (("old_dirs", y), ("old_stps", s), ("ro", 1 / curvature)):
                state[name] = [*state[name], value][-most:]
            state["H_diag"] = curvature / float(y @ y)
        q, pairs, shares = -g, list(zip(state["old_dirs"], state["old_stps"], state["ro"], strict=True)), []
        for y, s, ro in reversed(pairs):
            shares.append(float(s @ q) * ro)
            q = q - shares[-1] * y
        d = q * state["H_diag"]
        for (y, s, ro), share in zip(pairs, reversed(shares), strict=True):
            d = d + (share - float(y @ d) * ro) * s
        state["d"] = d
    state |= {"prev_flat_grad": g, "prev_loss": loss}


def _strong_wolfe(
    at: Callable[[float], Point], origin: Point, t: float, size: float, most: int, tolerance: float = 1e-9
) -> tuple[Point, int]:
    """Return a point that fulfills the strong Wolfe conditions, or the lowest found, and the number of calls of `at`.

    Algorithms 3.5 and 3.6: move outward until two points enclose such a point, then narrow the bracket. `size` is the
    largest element of the direction.
    """
    _, loss, _, slope = origin

    def too_high(point: Point) -> bool:
        return point[1] > loss + 1e-4 * point[0] * slope

    def flat_enough(point: Point) -> bool:
        return abs(point[3]) <= -0.9 * slope

    previous, new, n, bracket = origin, at(t), 0, [origin, origin]
    while n < most:
        if flat_enough(new) and not too_high(new) and not (n > 1 and new[1] >= previous[1]):
            return new, n + 1
        bracket = [previous, new]
        if too_high(new) or (n > 1 and new[1] >= previous[1]) or new[3] >= 0:
            break
        t = _cubic_minimum(previous, new, (new[0] + 0.01 * (new[0] - previous[0]), new[0] * 10))
        previous, new, n = new, at(t), n + 1
    else:
        bracket = [origin, new]
    stuck = False
    low = 0 if bracket[0][1] <= bracket[1][1] else 1
    while n < most and not abs(bracket[1][0] - bracket[0][0]) * size < tolerance:
        first, last = sorted(point[0] for point in bracket)
        t, margin = _cubic_minimum(bracket[0], bracket[1], (first, last)), 0.1 * (last - first)
        near = min(last - t, t - first) < margin
        if near and (stuck or not first < t < last):  # too little progress: away from the end of the bracket
            t, near = (last - margin if abs(t - last) < abs(t - first) else first + margin), False
        stuck = near
        new, n = at(t), n + 1
        if too_high(new) or new[1] >= bracket[low][1]:
            bracket[1 - low] = new
            low = 0 if bracket[0][1] <= bracket[1][1] else 1
            continue
        if flat_enough(new):
            return new, n + 1
        if new[3] * (bracket[1 - low][0] - bracket[low][0]) >= 0:
            bracket[1 - low] = bracket[low]
        bracket[low] = new
    return bracket[low], n + 1


def _cubic_minimum(a: Point, b: Point, bounds: tuple[float, float]) -> float:
    """Return the minimum within `bounds` of the cubic through two points with their slopes, or else the middle."""
    (x1, f1, _, g1), (x2, f2, _, g2) = sorted((a, b), key=lambda point: point[0])
    with errstate(all="ignore"):
        d1 = g1 + g2 - 3 * np.divide(f1 - f2, x1 - x2)
        square = d1**2 - g1 * g2
        if not square >= 0:
            return sum(bounds) / 2
        root = np.sqrt(square)
        position = float(x2 - (x2 - x1) * ((g2 + root - d1) / (g2 - g1 + 2 * root)))
    return min(max(position, bounds[0]), bounds[1])
