"""A function against a naive reference on arrays: its values, and its gradients by a step into the complex plane."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from minigrad.arrays import Array
from minigrad.testing.calls import Call, filled, flat, joined, plain
from minigrad.testing.differences import directed, signed, slopes
from minigrad.testing.report import (
    Comparison,
    Failure,
    GradcheckError,
    GradcheckReport,
    NonDifferentiableError,
    about,
    reproducer,
)  # fmt: skip

__all__ = ["check_against", "differs"]


def check_against(
    func: Callable[..., Any],
    reference: Callable[..., Any],
    inputs: Any,
    *,
    complex_step: bool = True,
    kwargs: Mapping[str, Any] | None = None,
    rtol: float | None = None,
    directions: int = 2,
    seed: int = 0,
    raise_exception: bool = True,
) -> GradcheckReport:
    """Compare the outputs of `func` and its gradients with those of an independent `reference` on arrays.

    The reference takes arrays where `func` takes tensors and gives an array, or several. Of integers and booleans that
    `func` gives the values are compared alone. Its derivative along u is
    Im f(x + 1e-20 i u) / 1e-20, which has no rounding to speak of (Squire and Trapp, 1998), if it is made of analytic
    functions; otherwise pass ``complex_step=False`` and it comes from differences. `rtol` is 1e-10 unless given, 1e-4 for
    float32.

    >>> import numpy as np
    >>> import minigrad as mg
    >>> from minigrad.testing import check_against
    >>> bool(check_against(mg.sigmoid, lambda x: 1 / (1 + np.exp(-x)), np.array([0.5, -3.0])))
    True
    """
    call = Call.of_floats("check_against", func, inputs, kwargs)
    options = {"complex_step": complex_step, "kwargs": call.kwargs, "rtol": rtol, "seed": seed}
    tensors = call.tensors()
    results = call.results(tensors)
    outputs = [y for y in results if y.dtype.kind == "f"]
    report = GradcheckReport(
        call.name, "against a reference", seed, [about(a) for a in call.arrays], [about(plain(y)) for y in results],
        reproducer(call, "check_against", {"reference": "...", **options}), ["forward"],
    )  # fmt: skip

    def reference_at(arrays: list[Array]) -> list[Array]:
        return [np.asarray(part) for part in flat(reference(*filled(call.args, arrays), **call.kwargs))]

    tolerance = rtol or {"d": 1e-10, "f": 1e-4}.get(call.dtype.char, 1e-2)
    arrays = [np.asarray(a, np.float64) for a in call.arrays]
    expected = reference_at(arrays)
    if len(expected) != len(results):
        raise ValueError(f"{call.name}: gives {len(results)} tensors, its reference {len(expected)} arrays")
    for k, (y, wanted) in enumerate(zip(results, expected, strict=True)):
        report.compared += int(y.numel() > 0)
        if message := differs(plain(y), wanted, tolerance):
            report.failures.append(Failure("forward", f"output {k} {message}"))
    if not report.compared:
        raise NonDifferentiableError(f"{call.name}: the results have no elements: nothing was checked")
    if report.passed and outputs:
        gs = [signed(np.random.default_rng([seed, 0, k]), y.numel()).reshape(y.shape) for k, y in enumerate(outputs)]
        gs = [g.astype(y.dtype) for g, y in zip(gs, outputs, strict=True)]
        v = joined(gs)
        gradients = call.dense(call.gradients(outputs, tensors, gs))

        def float_outputs(moved: list[Array]) -> Array:
            return np.concatenate([np.ravel(y) for y in reference_at(moved) if y.dtype.kind in "fc"])

        for i, gradient in zip(call.wrt, gradients, strict=True):
            for d in range(directions if arrays[i].size else 0):
                u = directed(np.random.default_rng([seed, 1, i, d]), arrays[i])
                slope = _slope(float_outputs, arrays, i, u, complex_step)
                numeric, analytic = float(v @ slope), float(np.vdot(u, gradient))
                terms = float(np.abs(v) @ np.abs(slope) + np.vdot(np.abs(u), np.abs(gradient)))
                rounding = 8 * float(np.finfo(call.dtype).eps) * float(np.abs(v).sum())
                allowed = (tolerance if complex_step else max(tolerance, 1e-7)) * terms + rounding
                allowed += 0 if complex_step else 1e-9 * float(np.abs(v) @ np.abs(float_outputs(arrays)))
                what = f"input {i} along direction {d}"
                comparison = Comparison(what, numeric, analytic, allowed, numeric, numeric)
                if not report.add(comparison):
                    report.failures.append(Failure("gradient", f"the gradient of input {i} is wrong", comparison))
    if report.failures and raise_exception:
        raise GradcheckError(report)
    return report


def _slope(f: Callable[[list[Array]], Array], arrays: list[Array], i: int, u: Array, complex_step: bool) -> Array:
    """The derivative of `f` along u in input i."""
    if complex_step:
        moved = list(arrays)
        moved[i] = arrays[i] + 1e-20j * u
        return np.imag(f(moved)) / 1e-20
    return slopes(lambda t: f([a + t * u if j == i else a for j, a in enumerate(arrays)]), f(arrays), 1e-3).central


def differs(found: Array, wanted: Array, tolerance: float) -> str | None:
    """Where an output and what the reference gives disagree, NaN being equal to NaN; the largest value sets the scale."""
    if found.shape != wanted.shape:
        return f"has shape {found.shape}, the reference {wanted.shape}"
    if not found.size:
        return None
    rounding = 32 * float(np.finfo(found.dtype).eps) if found.dtype.kind == "f" else 0.0
    found, wanted = np.asarray(found, np.float64), np.asarray(wanted, np.float64)
    same = (found == wanted) | (np.isnan(found) & np.isnan(wanted))
    with np.errstate(invalid="ignore"):
        error = np.where(same, 0, np.abs(found - wanted))
    finite = np.abs(np.where(np.isfinite(wanted), wanted, 0))
    wrong = ~(error <= tolerance * (finite + finite.max()) + rounding)
    if not wrong.any():
        return None
    at = np.unravel_index(int(np.argmax(np.where(wrong, np.nan_to_num(error, nan=np.inf), -1))), found.shape)
    return f"at {[int(n) for n in at]} is {found[at]:.12g}, the reference {wanted[at]:.12g}"
