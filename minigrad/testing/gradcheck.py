"""gradcheck: gradients compared with differences of values, and side checks that cost a few backward passes each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from minigrad.arrays import Array, array_of
from minigrad.errors import GraphError
from minigrad.tensors.tensor import Tensor, tensor
from minigrad.testing.calls import Call
from minigrad.testing.finite_differences import norm, signed_vector
from minigrad.testing.gradcheck_report import GradcheckReport, NonDifferentiableError, reproducer
from minigrad.testing.input_check import InputCheck, Settings, index_text, one_of, split
from minigrad.testing.side_checks import SIDE_CHECKS, Subject

__all__ = ["CHECKS", "differentiable_vjp", "gradcheck", "gradgradcheck"]

CHECKS = tuple(SIDE_CHECKS)
SMALL = 100  # inputs and outputs together, up to which mode "auto" compares every entry of the Jacobian


def gradcheck(
    func: Callable[..., Any],
    inputs: Any,
    *,
    mode: str = "auto",
    wrt: int | Sequence[int] | None = None,
    grad_output: Any = None,
    kwargs: Mapping[str, Any] | None = None,
    eps: float | None = None,
    atol: float | None = None,
    rtol: float | None = None,
    directions: int = 2,
    seed: int = 0,
    linear_in: Sequence[int] = (),
    kinks: str = "raise",
    checks: Sequence[str] = CHECKS,
    raise_exception: bool = True,
) -> GradcheckReport:
    """Compare the gradients of ``func(*inputs, **kwargs)`` with differences of its values; return a report.

    `func` returns a tensor, or several, and must be deterministic: a function, or a module. The tensors that require a
    gradient and that it uses beside its arguments, such as the parameters of a module, are inputs, too: they are numbered
    after the others, and reported by name. Each call draws the same random numbers; the default generator and the buffers
    of modules stay as they were.

    * `inputs`: the arguments: float tensors or arrays, also nested in lists and tuples, and anything else `func` takes.
    * `wrt`: the number or numbers of the float inputs to differentiate. Default: those that require a gradient, or all
      arguments if none of them does, and what `func` closes over.
    * `grad_output`: the incoming gradient, one array or a list with one for each output. Default: random and signed; never
      ones, which hide wrong axes.
    * `mode`: "directional" compares <u, J^T v> with <v, J u> along `directions` random directions u of each input; "full"
      compares every entry of the Jacobian, too; "auto" does so for small inputs and outputs.
    * `eps`: the step is `eps` times max(1, |x|). Default: 1e-3, or one in proportion to |x| where that is more precise, or
      a smaller one beside a kink.
    * `linear_in`: the numbers of the inputs in which `func` is linear; their step is 1, and their tolerances are smaller.
    * `rtol`, `atol`: what is allowed beside the error of the differences, which is measured: `rtol` times the terms that
      were summed, plus `atol` times the outputs. Defaults: by the least precise dtype among the inputs. float32 gradients
      are compared with differences of a float64 copy.
    * `kinks`: at a kink there is no derivative to compare with: "raise", "skip" the comparison, or accept any gradient
      between the one-sided slopes ("bracket").
    * `checks`: the side checks to run. Default: all of `CHECKS`.
    * `raise_exception`: with False, a report of failures is returned rather than raised.

    Raises GradcheckError, which holds the report, if a check fails; NonDifferentiableError if the inputs sit on a kink, or
    if nothing was compared for another reason; DTypeError for complex inputs, and if no array is of floats.

    >>> import numpy as np
    >>> import minigrad as mg
    >>> from minigrad.testing import gradcheck
    >>> bool(gradcheck(mg.tanh, np.array([[0.5, -1.0, 2.0]])))
    True

    A wrong rule:

    >>> wrong = mg.primitive(lambda x: x**3)
    >>> _ = wrong.gradient("x")(lambda g, x: g * 2 * x**2)
    >>> report = gradcheck(wrong, np.array([[0.5, -1.0]]), raise_exception=False)
    >>> print(report.failures[0])
    the gradient of input 0 is wrong: every entry is 0.6667 times the numeric one
      d output 0 [0, 1] / d input 0 [0, 1]
      numeric   3
      analytic  2
      error     1 absolute, 0.333 relative; allowed ...
      slopes    3 from the left, 3 from the right
    """
    for check in checks:
        one_of("checks", check, CHECKS)
    call = Call.of_floats("gradcheck", func, inputs, kwargs, wrt, closure=True)
    settings = Settings(mode, eps, atol, rtol, directions, seed, tuple(linear_in), kinks, tuple(checks))
    recipe = reproducer(call, "gradcheck", _given(call, grad_output) | settings.changed(checks=CHECKS))
    return _run(call, grad_output, settings, recipe, raise_exception)


def gradgradcheck(
    func: Callable[..., Any],
    inputs: Any,
    *,
    mode: str = "auto",
    wrt: int | Sequence[int] | None = None,
    grad_output: Any = None,
    kwargs: Mapping[str, Any] | None = None,
    eps: float | None = None,
    atol: float | None = None,
    rtol: float | None = None,
    directions: int = 2,
    seed: int = 0,
    kinks: str = "raise",
    raise_exception: bool = True,
) -> GradcheckReport:
    """Check second derivatives: `gradcheck` of the map from inputs and incoming gradients to gradients.

    The arguments are those of `gradcheck`. The incoming gradients are numbered after the inputs; the map is linear in them.
    There is one side check, `recorded`: a gradient is the same with and without create_graph, where other code may compute
    it (kernels of rules and composites).

    >>> import numpy as np
    >>> import minigrad as mg
    >>> from minigrad.testing import gradgradcheck
    >>> bool(gradgradcheck(mg.tanh, np.array([0.5, -1.0, 2.0])))
    True
    """
    call = Call.of_floats("gradgradcheck", func, inputs, kwargs, wrt, closure=True)
    gs = _incoming(call, call.outputs(call.tensors()), grad_output, seed)
    count = len(call.arrays)

    def gradients(*args: Tensor) -> tuple[Tensor, ...]:
        return differentiable_vjp(call, args[:count], args[count:])

    gradients.__name__ = f"the gradient of {call.name}"
    incoming = tuple(range(count, count + len(gs)))
    twice = Call(gradients, [*call.arrays, *gs], wrt=(*call.wrt, *incoming))
    twice.labels[: len(call.labels)] = call.labels
    settings = Settings(mode, eps, atol, rtol, directions, seed, incoming, kinks)
    recipe = reproducer(call, "gradgradcheck", _given(call, grad_output) | settings.changed(linear_in=incoming))
    return _run(twice, None, settings, recipe, raise_exception, _recorded(call, gs))


def _recorded(call: Call, gs: list[Array]) -> str | None:
    """Return where gradients that are recorded disagree with those that are not, or None."""
    found = call.dense(differentiable_vjp(call, call.tensors(), [tensor(g) for g in gs]))
    plain = call.vjp(gs)
    if not all(np.isfinite(g).all() for g in plain):  # which is reported as such
        return None
    return Subject(call, gs, plain, gs, plain).differs(found, plain)


def differentiable_vjp(call: Call, inputs: Sequence[Tensor], gs: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """Return the gradients for the inputs of `call.wrt`, recorded as a function of inputs and incoming gradients."""
    xs = [x if x.requires_grad or i not in call.wrt else x.detach().requires_grad_() for i, x in enumerate(inputs)]
    found = call.gradients(call.outputs(xs), xs, gs, create_graph=True)
    return tuple(xs[i].detach() * 0.0 if g is None else g for i, g in zip(call.wrt, found, strict=True))


def _given(call: Call, grad_output: Any) -> dict[str, Any]:
    """Return the arguments of a reproducer that are not settings, if they differ from their defaults."""
    wrt = {} if call.wrt == [*range(len(call.arrays))] else {"wrt": call.wrt}
    return wrt if grad_output is None else {**wrt, "grad_output": grad_output}


@np.errstate(all="ignore")  # values that are not finite are reported, without a warning
def _run(
    call: Call,
    grad_output: Any,
    settings: Settings,
    recipe: str,
    raise_exception: bool,
    recorded: str | None = None,
) -> GradcheckReport:
    tensors = call.tensors()
    outputs = call.outputs(tensors)
    sizes = sum(call.arrays[i].size for i in call.wrt), sum(y.numel() for y in outputs)
    full = settings.mode == "full" or (settings.mode == "auto" and sum(sizes) <= SMALL)
    mode = "full" if full else "directional"
    report = GradcheckReport.of(call, call.arrays, outputs, mode, settings.seed, recipe, settings.checks)
    gs = _incoming(call, outputs, grad_output, settings.seed)
    gradients = call.dense(call.gradients(outputs, tensors, gs, retain_graph=full))
    _check_finite(report, call, outputs, gradients)
    here, again = call.value(call.arrays), call.value(call.arrays)
    if not np.array_equal(here, again, equal_nan=True):
        report.fail("repeat", "a second call returns other values: is the function random?")
    if recorded:
        report.fail("recorded", f"with create_graph=True {recorded}")
    if report.passed:
        size = sum(norm(np.asarray(call.arrays[i], np.float64) * g) for i, g in zip(call.wrt, gradients, strict=True))
        rows = call.jacobians(outputs, tensors, gs) if full else [None] * len(call.wrt)
        changes, row_changes = _uncertainty(call, gs, full)
        for i, gradient, change, *jacobian in zip(call.wrt, gradients, changes, rows, row_changes, strict=True):
            InputCheck(call, settings, report, gs, here, i, gradient, change, size).compare(*jacobian)
        _check_sides(report, call, settings, gs, gradients)
    if report.passed and not report.compared:
        why = call.compares_nothing(outputs) or ("every comparison sat on a kink" if report.skipped else "")
        if why or not settings.checks:  # with directions=0 and some checks, these alone are wanted
            raise NonDifferentiableError(f"{call.name}: {why or 'no directions and no checks'}: nothing was checked")
    return report.finish(raise_exception)


def _uncertainty(call: Call, gs: list[Array], full: bool) -> tuple[list[Array], Sequence[Any]]:
    """Return the changes of the gradients, and of the Jacobians if they are compared, when inputs change by rounding alone.

    They show how exact the rules can be: a gradient whose terms cancel is a rounding error of these. The inputs change by
    one factor, so that ties stay ties, and not at the point itself, where a wrong rule may have a jump.
    """
    found: list[list[Array]] = []
    try:
        for n in (3, 6):
            tensors = call.tensors([(a * (1 - n * np.finfo(a.dtype).eps)).astype(a.dtype) for a in call.arrays])
            outputs = call.outputs(tensors)
            near = call.dense(call.gradients(outputs, tensors, gs, retain_graph=full))
            found.append([*near, *(call.jacobians(outputs, tensors, gs) if full else ())])
        changes = [np.asarray(a, np.float64) - b for a, b in zip(*found, strict=True)]
    except (ValueError, ArithmeticError, GraphError):  # the function does not take these values
        changes = []
    count = len(call.wrt)
    if not changes or not all(np.isfinite(change).all() for change in changes):
        changes = [np.zeros(call.arrays[i].shape) for i in call.wrt] + [np.zeros(())] * count
    return changes[:count], changes[count:] or [None] * count


def _check_sides(report: GradcheckReport, call: Call, settings: Settings, gs: list[Array], gradients: list[Array]) -> None:
    if not settings.checks:
        return
    others = split(signed_vector(np.random.default_rng([settings.seed, 3]), sum(g.size for g in gs)), gs)
    subject = Subject(call, gs, gradients, others, call.vjp(others))
    for check in settings.checks:
        if complaint := SIDE_CHECKS[check](subject):
            report.fail(check, f"{check}: {complaint}")


def _incoming(call: Call, outputs: list[Tensor], grad_output: Any, seed: int) -> list[Array]:
    """Return the incoming gradients: one array for each output, in its dtype."""
    if not outputs:
        raise NonDifferentiableError(f"{call.name}: no result is of floats: nothing was checked")
    if grad_output is None:
        v = signed_vector(np.random.default_rng([seed, 0]), sum(y.numel() for y in outputs))
        return split(v, [array_of(y) for y in outputs])
    given = [array_of(g) for g in (grad_output if isinstance(grad_output, list | tuple) else [grad_output])]
    if [g.shape for g in given] != [y.shape for y in outputs]:
        shapes = f"{[g.shape for g in given]}, the outputs {[y.shape for y in outputs]}"
        raise ValueError(f"{call.name}: grad_output has shapes {shapes}")
    return [np.array(g, y.dtype) for g, y in zip(given, outputs, strict=True)]


def _check_finite(report: GradcheckReport, call: Call, outputs: list[Tensor], gradients: list[Array]) -> None:
    named = [(f"output {k}", array_of(y)) for k, y in enumerate(outputs)]
    named += [(f"the gradient of {call.labels[i]}", g) for i, g in zip(call.wrt, gradients, strict=True)]
    for name, values in named:
        bad = ~np.isfinite(values)
        if bad.any():
            j = int(np.argmax(bad))
            report.fail("finite", f"{name} is {values.ravel()[j]} at {index_text(values.shape, j)}")
