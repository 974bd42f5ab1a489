"""Exact gradient checks on integers: adjointness of linear functions, Euler's identity of homogeneous ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from minigrad.arrays import Array, array_of
from minigrad.testing.calls import Call, concatenated
from minigrad.testing.gradcheck_report import GradcheckReport, NonDifferentiableError, reproducer

__all__ = ["adjoint", "check_vjp_exact", "integral"]


def check_vjp_exact(
    func: Callable[..., Any],
    inputs: Any,
    *,
    linear_in: Sequence[int] | None = None,
    homogeneous_in: Sequence[int] = (),
    kwargs: Mapping[str, Any] | None = None,
    seed: int = 0,
    raise_exception: bool = True,
) -> GradcheckReport:
    """Compare gradients on integers with ``==``: without rounding, a single wrong entry or a wrong order shows.

    * `linear_in`: the numbers of the inputs in which `func` is jointly linear; default: all, unless `homogeneous_in` is
      given. Checks ``<g, f(u)> == <J^T g, u>`` for an independent u, and for -u: a maximum that
      picks at u what it picked at `inputs` picks another entry there.
    * `homogeneous_in`: the numbers of the inputs in which `func` is jointly homogeneous of degree one, such as a maximum.
      Checks Euler's identity, ``<g, f(x)> == <J^T g, x>``.

    Inputs that are not integers are replaced by integers in the same order and of the same signs, so that a kink between
    them stays where it is. Raises the errors of `gradcheck`.

    >>> import numpy as np
    >>> import minigrad as mg
    >>> from minigrad.testing import check_vjp_exact
    >>> bool(check_vjp_exact(mg.permute, [np.arange(24.0).reshape(2, 3, 4), (1, 2, 0)]))
    True
    >>> bool(check_vjp_exact(mg.amax, [np.array([3.0, 1.0, 2.0])], homogeneous_in=[0]))
    True
    """
    call = Call.of_floats("check_vjp_exact", func, inputs, kwargs)
    if linear_in is None:
        linear_in = () if homogeneous_in else range(len(call.arrays))
    options = {"linear_in": [*linear_in], "homogeneous_in": [*homogeneous_in], "seed": seed}
    arrays = [integral(a) for a in call.arrays]
    outputs = call.outputs(call.tensors(arrays))
    recipe = reproducer(call, "check_vjp_exact", options)
    report = GradcheckReport.of(call, arrays, outputs, "exact", seed, recipe)
    for name, wrt in (("adjoint", linear_in), ("euler", homogeneous_in)):
        if not len(wrt):
            continue
        if why := call.only(*wrt).compares_nothing(outputs):
            raise NonDifferentiableError(f"{call.name}: {why}: nothing was checked")
        report.checks.append(name)
        report.compared += 1
        left, right, _ = adjoint(call, arrays, wrt, seed, name == "adjoint")
        if left != right:
            report.fail(name, f"{name}: <g, f> is {left!r}, <J^T g, x> is {right!r}")
    if not report.compared:
        raise NonDifferentiableError(f"{call.name}: linear_in and homogeneous_in name no input: nothing was checked")
    return report.finish(raise_exception)


def adjoint(
    call: Call, arrays: Sequence[Array], wrt: Sequence[int], seed: int, independent: bool
) -> tuple[float, float, float]:
    """Return <g, f(u)>, <J^T g, u> with the gradient at `arrays`, and the size of their terms.

    u is `arrays`, or `independent` of them; then of u and -u the one whose products differ more.
    """
    call = call.only(*wrt)
    rng = np.random.default_rng([seed, 4])
    outputs = call.outputs(call.tensors(arrays))
    gs = [_distinct_integers(rng, array_of(y)) for y in outputs]
    u = [_distinct_integers(rng, a) if independent and i in wrt else a for i, a in enumerate(arrays)]
    g, dx = concatenated(gs), concatenated(call.vjp(gs, arrays))

    def products(u: Sequence[Array]) -> tuple[float, float, float]:
        value, x = call.value(u), concatenated([u[i] for i in wrt])
        return float(g @ value), float(dx @ x), float(np.abs(g) @ np.abs(value) + np.abs(dx) @ np.abs(x))

    points = [u, [-a if i in wrt else a for i, a in enumerate(u)]] if independent else [u]
    return max(map(products, points), key=lambda found: np.nan_to_num(abs(found[0] - found[1]), nan=np.inf))


def integral(x: Array) -> Array:
    """Replace the values of `x` by integers in the same order and of the same signs; integers stay the same.

    >>> import numpy as np
    >>> integral(np.array([0.3, -0.2, 0.0, 1.7]))
    array([ 2., -1.,  0.,  3.])
    """
    if np.array_equal(x, np.rint(x)):
        return x
    ranks = np.unique(np.abs(x), return_inverse=True)[1].reshape(x.shape) + (not np.any(x == 0))
    return np.asarray(np.sign(x) * ranks, x.dtype)


def _distinct_integers(rng: np.random.Generator, x: Array) -> Array:
    """Return signed integers in the shape of `x`, of different sizes and none zero, so that any two swapped show."""
    return (rng.permutation(x.size) + 1.0).reshape(x.shape).astype(x.dtype) * rng.choice([-1, 1], x.shape).astype(x.dtype)
