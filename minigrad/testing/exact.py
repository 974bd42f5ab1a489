"""Gradients checked without any differences: by adjointness where a function is linear, by Euler where it is homogeneous."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from minigrad.arrays import Array
from minigrad.testing.calls import Call, joined, plain
from minigrad.testing.report import Failure, GradcheckError, GradcheckReport, NonDifferentiableError, about, reproducer

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
    """Compare gradients on integers with ``==``: no rounding, so a single wrong entry or a wrong order shows.

    Where `func` is linear, jointly in the inputs numbered by `linear_in` (all of them unless told otherwise):
    ``<g, f(u)> == <J^T g, u>`` for an independent u. Where it is homogeneous of degree one, jointly in `homogeneous_in`,
    such as a maximum: Euler's identity, ``<g, f(x)> == <J^T g, x>``. Inputs that are not integers are replaced by
    integers in the same order and of the same signs, so that a kink between them stays where it is.

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
    recipe = reproducer(
        call, "check_vjp_exact", {"linear_in": [*linear_in], "homogeneous_in": [*homogeneous_in], "seed": seed}
    )
    arrays = [integral(a) for a in call.arrays]
    outputs = call.outputs(call.tensors(arrays))
    report = GradcheckReport(
        call.name, "exact", seed, [about(a) for a in arrays], [about(plain(y)) for y in outputs], recipe
    )
    for name, wrt in (("adjoint", linear_in), ("euler", homogeneous_in)):
        if not len(wrt):
            continue
        if why := call.only(*wrt).compares_nothing(outputs):
            raise NonDifferentiableError(f"{call.name}: {why}: nothing was checked")
        report.checks.append(name)
        report.compared += 1
        left, right, _ = adjoint(call, arrays, wrt, seed, name == "adjoint")
        if left != right:
            report.failures.append(Failure(name, f"{name}: <g, f> is {left!r}, <J^T g, x> is {right!r}"))
    if not report.compared:
        raise NonDifferentiableError(f"{call.name}: linear_in and homogeneous_in name no input: nothing was checked")
    if report.failures and raise_exception:
        raise GradcheckError(report)
    return report


def adjoint(
    call: Call, arrays: Sequence[Array], wrt: Sequence[int], seed: int, independent: bool
) -> tuple[float, float, float]:
    """<g, f(u)>, <J^T g, u> with the gradient at `arrays`, and the size of their terms; u is `arrays` or independent."""
    call = call.only(*wrt)
    rng = np.random.default_rng([seed, 4])
    outputs = call.outputs(call.tensors(arrays))
    gs = [_fingerprint(rng, plain(y)) for y in outputs]
    u = [_fingerprint(rng, a) if independent and i in wrt else a for i, a in enumerate(arrays)]
    value = call.value(u)
    gradients = call.vjp(gs, arrays)
    g, dx, x = joined(gs), joined(gradients), joined([u[i] for i in wrt])
    return float(g @ value), float(dx @ x), float(np.abs(g) @ np.abs(value) + np.abs(dx) @ np.abs(x))


def integral(x: Array) -> Array:
    """Integers in the order of the values of `x`, of the same signs; integers stay as they are.

    >>> import numpy as np
    >>> integral(np.array([0.3, -0.2, 0.0, 1.7]))
    array([ 2., -1.,  0.,  3.])
    """
    if np.array_equal(x, np.rint(x)):
        return x
    ranks = np.unique(np.abs(x), return_inverse=True)[1].reshape(x.shape) + (not np.any(x == 0))
    return np.asarray(np.sign(x) * ranks, x.dtype)


def _fingerprint(rng: np.random.Generator, x: Array) -> Array:
    """Signed integers in the shape of `x`, all of different size and none zero: any two that are swapped show."""
    return (rng.permutation(x.size) + 1.0).reshape(x.shape).astype(x.dtype) * rng.choice([-1, 1], x.shape).astype(x.dtype)
