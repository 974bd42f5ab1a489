"""check_against: compare values and gradients with those of a naive reference, by the complex-step method."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from minigrad.arrays import Array, array_of
from minigrad.pytree import leaves
from minigrad.tensors.tensor import Tensor
from minigrad.testing.calls import Call, concatenated, with_floats
from minigrad.testing.finite_differences import random_direction, signed_vector, slopes
from minigrad.testing.gradcheck_report import Comparison, GradcheckReport, NonDifferentiableError, reproducer
from minigrad.testing.input_check import index_text

__all__ = ["check_against", "mismatch"]


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

    * `reference`: a function that takes arrays where `func` takes tensors, and returns an array or several. Outputs of
      integers and booleans are compared in their values alone.
    * `complex_step`: the derivative of the reference along u is Im f(x + 1e-20 i u) / 1e-20, which has practically no
      rounding error (Squire and Trapp, 1998), if the reference is made of analytic functions. Otherwise pass False, to
      compute it from differences.
    * `rtol`: default 1e-10 for float64, 1e-4 for float32.
    * `directions`: how many directions of each input are tried.

    The other arguments, and the report, are those of `gradcheck`.

    >>> import numpy as np
    >>> import minigrad as mg
    >>> from minigrad.testing import check_against
    >>> bool(check_against(mg.sigmoid, lambda x: 1 / (1 + np.exp(-x)), np.array([0.5, -3.0])))
    True
    """
    call = Call.of_floats("check_against", func, inputs, kwargs)
    options = {"complex_step": complex_step, "kwargs": call.kwargs, "rtol": rtol, "seed": seed}
    recipe = reproducer(call, "check_against", {"reference": "...", **options})
    tensors = call.tensors()
    results = call.results(tensors)
    report = GradcheckReport.of(call, call.arrays, results, "against a reference", seed, recipe, ["forward"])

    def reference_at(arrays: list[Array]) -> list[Array]:
        return [np.asarray(part) for part in leaves(reference(*with_floats(call.args, arrays), **call.kwargs))]

    tolerance = rtol or {"d": 1e-10, "f": 1e-4}.get(call.dtype.char, 1e-2)
    _compare_values(report, results, reference_at([np.asarray(a, np.float64) for a in call.arrays]), tolerance)
    outputs = [y for y in results if y.dtype.kind == "f"]
    if report.passed and outputs:

        def reference_floats(arrays: list[Array]) -> Array:
            return np.concatenate([np.ravel(y) for y in reference_at(arrays) if y.dtype.kind in "fc"])

        _compare_gradients(report, call, tensors, outputs, reference_floats, complex_step, tolerance, directions)
    return report.finish(raise_exception)


def _compare_values(report: GradcheckReport, results: list[Tensor], expected: list[Array], tolerance: float) -> None:
    if len(expected) != len(results):
        raise ValueError(f"{report.function}: returns {len(results)} tensors, its reference {len(expected)} arrays")
    for k, (y, wanted) in enumerate(zip(results, expected, strict=True)):
        report.compared += int(y.numel() > 0)
        if message := mismatch(array_of(y), wanted, tolerance):
            report.fail("forward", f"output {k} {message}")
    if not report.compared:
        raise NonDifferentiableError(f"{report.function}: the results have no elements: nothing was checked")


def _compare_gradients(
    report: GradcheckReport,
    call: Call,
    tensors: list[Tensor],
    outputs: list[Tensor],
    reference: Callable[[list[Array]], Array],
    complex_step: bool,
    tolerance: float,
    directions: int,
) -> None:
    """Compare <u, gradient> with <v, J u> of the reference along directions u, under random incoming gradients v."""
    rngs = (np.random.default_rng([report.seed, 0, k]) for k in range(len(outputs)))
    gs = [signed_vector(rng, y.numel()).reshape(y.shape).astype(y.dtype) for rng, y in zip(rngs, outputs, strict=True)]
    v = concatenated(gs)
    arrays = [np.asarray(a, np.float64) for a in call.arrays]
    found = call.dense(call.gradients(outputs, tensors, gs))
    sizes = [float(np.vdot(np.abs(arrays[i]), np.abs(gradient))) for i, gradient in zip(call.wrt, found, strict=True)]
    size = float(np.abs(v) @ np.abs(concatenated(outputs))) + sum(sizes)
    for i, gradient in zip(call.wrt, found, strict=True):
        for d in range(directions if arrays[i].size else 0):
            u = random_direction(np.random.default_rng([report.seed, 1, i, d]), arrays[i])
            slope = _slope(reference, arrays, i, u, complex_step)
            numeric, analytic = float(v @ slope), float(np.vdot(u, gradient))
            terms = float(np.abs(v) @ np.abs(slope) + np.vdot(np.abs(u), np.abs(gradient)))
            allowed = (tolerance if complex_step else max(tolerance, 1e-7)) * terms
            allowed += 8 * float(np.finfo(call.dtype).eps) * size
            allowed += 0 if complex_step else 1e-9 * float(np.abs(v) @ np.abs(reference(arrays)))
            comparison = Comparison(f"input {i} along direction {d}", numeric, analytic, allowed, numeric, numeric)
            if not report.add(comparison):
                report.fail("gradient", f"the gradient of input {i} is wrong", comparison)


def _slope(f: Callable[[list[Array]], Array], arrays: list[Array], i: int, u: Array, complex_step: bool) -> Array:
    """Return the derivative of `f` along u in input i."""

    def moved(step: Array) -> list[Array]:
        return [a + step if j == i else a for j, a in enumerate(arrays)]

    if complex_step:
        return np.imag(f(moved(1e-20j * u))) / 1e-20
    return slopes(lambda t: f(moved(t * u)), f(arrays), 1e-3).central


def mismatch(found: Array, wanted: Array, tolerance: float) -> str | None:
    """Return where an output and its reference disagree, or None; NaN equals NaN, and the largest value sets the scale."""
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
    j = int(np.argmax(np.where(wrong, np.nan_to_num(error, nan=np.inf), -1)))
    return f"at {index_text(found.shape, j)} is {found.flat[j]:.12g}, the reference {wanted.flat[j]:.12g}"
