"""check_spec: check an operation by its spec, facet by facet."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np

from minigrad.arrays import array_of
from minigrad.engine.grad_mode import is_grad_enabled
from minigrad.pytree import leaves
from minigrad.testing.calls import Call, with_floats
from minigrad.testing.exact import adjoint, integral
from minigrad.testing.gradcheck import gradcheck, gradgradcheck
from minigrad.testing.gradcheck_report import NonDifferentiableError
from minigrad.testing.input_check import one_of
from minigrad.testing.reference import check_against, mismatch
from minigrad.testing.spec import OpSpec, Sample
from minigrad.testing.ties import check_tie

__all__ = ["FACETS", "allow_no_elements", "check_spec"]


def check_spec(spec: OpSpec, *, seeds: Iterable[int] = range(5), facets: Sequence[str] | None = None) -> None:
    """Check an operation by its spec: the `facets` named, by default all of `FACETS`, on a call drawn with each seed.

    Raises AssertionError (GradcheckError with its report if a gradient is wrong), with spec, facet and seed in its notes.

    >>> import numpy as np
    >>> import minigrad as mg
    >>> from minigrad.testing import OpSpec, Sample, check_spec
    >>> wrong = OpSpec("tanh", mg.tanh, np.sinh, lambda rng: Sample((rng.uniform(1, 2, 3),)))
    >>> check_spec(wrong, seeds=[0], facets=["forward"])
    Traceback (most recent call last):
    AssertionError: ...
    """
    chosen = FACETS if facets is None else facets
    for name in chosen:
        one_of("facets", name, FACETS)
    if "kinks" in chosen:
        for sample in spec.kinks:
            check_tie(Call(spec.fn, sample.args, sample.kwargs), spec.tie_rule)
    if "errors" in chosen:
        _check_errors(spec)
    drawn = [(seed, spec.sample(np.random.default_rng(seed))) for seed in seeds]
    if spec.order and drawn and not any(Call(spec.fn, sample.args).arrays for _, sample in drawn):
        raise AssertionError(
            f"spec {spec.name!r}: no sample has an array of floats among its arguments, so no gradient is checked"
        )
    for seed, sample in drawn:
        for name in (name for name in DRAWN if name in chosen):
            try:
                DRAWN[name](spec, sample, seed)
            except Exception as error:
                error.add_note(f"spec {spec.name!r}, facet {name!r}, seed {seed}")
                raise


@contextmanager
def allow_no_elements(call: Call) -> Iterator[None]:
    """Suppress NonDifferentiableError for a call without elements: there is no derivative, and all other checks ran."""
    try:
        yield
    except NonDifferentiableError:
        if not call.compares_nothing(call.outputs(call.tensors())):
            raise


def forward(spec: OpSpec, sample: Sample, seed: int) -> None:
    """Check the values against the reference, in float64."""
    call = Call(spec.fn, sample.args, sample.kwargs)
    found = call.results(call.tensors())
    wanted = [np.asarray(y) for y in leaves(spec.reference(*sample.args, **sample.kwargs))]
    _require(len(found) == len(wanted), f"{spec.name} returns {len(found)} results, its reference {len(wanted)}")
    for k, (y, expected) in enumerate(zip(found, wanted, strict=True)):
        complaint = mismatch(array_of(y), expected, 1e-10)
        _require(not complaint, f"{spec.name}: output {k} {complaint}")


def exact(spec: OpSpec, sample: Sample, seed: int) -> None:
    """Check adjointness in the linear inputs and Euler's identity in the homogeneous ones; exactly, on integers."""
    call = Call(spec.fn, sample.args, sample.kwargs)
    for wrt, independent in ((spec.linear_in, True), (spec.homogeneous_in, False)):
        inputs = [i for i in wrt if i < len(call.arrays)]
        if not inputs:
            continue
        arrays = [integral(a) if i in inputs else a for i, a in enumerate(call.arrays)]
        left, right, size = adjoint(call, arrays, inputs, seed, independent)
        allowed = 0.0 if left == np.rint(left) and right == np.rint(right) else 1e-12 * size
        identity = "<g, f(u)> == <J^T g, u>" if independent else "<g, f(x)> == <J^T g, x>"
        _require(abs(left - right) <= allowed, f"{spec.name}: {identity}: {left!r} is not {right!r}")


def gradient(spec: OpSpec, sample: Sample, seed: int) -> None:
    """Compare the gradients with finite differences and run all side checks; for order 0, check that nothing is recorded."""
    call = Call(spec.fn, sample.args, sample.kwargs)
    if spec.order == 0 or not call.arrays:
        tracked = any(y.requires_grad for y in call.results(call.tensors()))
        _require(not tracked, f"{spec.name}: a result requires a gradient")
        return
    inputs = range(len(call.arrays))
    linear = tuple(i for i in spec.linear_in if i in inputs)
    with allow_no_elements(call):
        gradcheck(spec.fn, sample.args, kwargs=sample.kwargs, mode="directional", linear_in=linear, seed=seed)
        if spec.analytic:
            check_against(spec.fn, spec.reference, sample.args, kwargs=sample.kwargs, seed=seed)


def second(spec: OpSpec, sample: Sample, seed: int) -> None:
    """Check the second derivatives; for order 1, check that differentiating twice raises."""
    call = Call(spec.fn, sample.args, sample.kwargs)
    if not call.arrays or not spec.order:
        return
    if spec.order > 1:
        with allow_no_elements(call):
            gradgradcheck(spec.fn, sample.args, kwargs=sample.kwargs, mode="directional", directions=1, seed=seed)
        return
    tensors = call.tensors()
    outputs = call.outputs(tensors)
    try:
        call.gradients(outputs, tensors, [np.ones(y.shape) for y in outputs], create_graph=True)
    except Exception:
        return
    raise AssertionError(f"{spec.name}: order 1, but it was differentiated twice")


def float32(spec: OpSpec, sample: Sample, seed: int) -> None:
    """Check that float32 stays float32 and that its gradients match float64's within rounding."""
    whole = Call(spec.fn, sample.args, sample.kwargs)
    args = with_floats(sample.args, [a.astype(np.float32) for a in whole.arrays])
    call = Call(spec.fn, args, sample.kwargs)
    for k, y in enumerate(call.results(call.tensors())):
        kept = y.dtype != np.float64 or spec.promotes
        _require(kept, f"{spec.name}: output {k} is float64, though the inputs are float32")
    if spec.order and call.arrays:
        with allow_no_elements(call):
            gradcheck(spec.fn, args, kwargs=sample.kwargs, mode="directional", directions=1, checks=("form",), seed=seed)


DRAWN = {check.__name__: check for check in (forward, exact, gradient, second, float32)}  # by a drawn call
FACETS = (*DRAWN, "kinks", "errors")


def _check_errors(spec: OpSpec) -> None:
    """Check that the calls in `spec.errors` raise their errors and change nothing."""
    for refusal in spec.errors:
        call = Call(spec.fn, refusal.sample.args, refusal.sample.kwargs)
        tensors, mode = call.tensors(), is_grad_enabled()
        try:
            spec.fn(*with_floats(call.args, tensors), **call.kwargs)
        except refusal.error as error:
            said = str(error)
        else:
            raise AssertionError(f"{spec.name}: {refusal.sample} was not refused with {refusal.error.__name__}")
        _require(bool(re.search(refusal.match, said)), f"{spec.name}: refused, but {refusal.match!r} is not in: {said}")
        same = all(np.array_equal(array_of(t), a) and t.grad is None for t, a in zip(tensors, call.arrays, strict=True))
        _require(same and is_grad_enabled() == mode, f"{spec.name}: a refused call left something changed")


def _require(holds: bool, complaint: str) -> None:
    """Raise AssertionError unless it holds; `python -O` would remove an assert statement."""
    if not holds:
        raise AssertionError(complaint)
