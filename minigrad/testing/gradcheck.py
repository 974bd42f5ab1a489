"""gradcheck: the gradients of a function against differences of its values, and side checks that cost one backward each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from minigrad.arrays import Array
from minigrad.tensors.tensor import Tensor
from minigrad.testing.calls import Call, plain
from minigrad.testing.comparison import InputCheck, Settings, one_of, place, split
from minigrad.testing.differences import signed
from minigrad.testing.report import Failure, GradcheckError, GradcheckReport, NonDifferentiableError, about, reproducer
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
    """Compare the gradients of ``func(*inputs, **kwargs)`` with differences of its values.

    `inputs` are float tensors or arrays, also nested in lists and tuples, and whatever else `func` takes; `wrt` numbers
    those to differentiate among the float ones. `func` returns a tensor, or several; it must be deterministic. What flows
    in is random and signed, unless `grad_output` (one array, or a list of them) says otherwise; never ones, which hide
    wrong axes.

    Mode "directional" compares <u, J^T v> with <v, J u> along `directions` random directions u of each input; "full"
    compares every entry of the Jacobian, too; "auto" does so where it is small. A step is `eps` (1e-3) times
    max(1, |x|), 1 in the inputs numbered by `linear_in`. An error is allowed up to `rtol` times the terms that were
    summed, plus `atol` times the outputs. float32 gradients are compared with differences of a float64 copy.

    At a kink there is no derivative to compare with: `kinks` says whether to raise, "skip" the comparison, or accept any
    gradient between the one-sided slopes ("bracket"). `checks` are the side checks to run, all of `CHECKS` unless given.

    Raises GradcheckError with the report, unless told to return it; NonDifferentiableError where the inputs sit on a kink,
    or where nothing was compared for another reason; DTypeError for complex inputs, and where no array is of floats.

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
      error     1 absolute, 0.333 relative; allowed 5.01e-07
      slopes    3 from the left, 3 from the right
    """
    call = Call.of_floats("gradcheck", func, inputs, kwargs, wrt)
    options = _changed(
        mode=(mode, "auto"), wrt=(_chosen(call), None), grad_output=(grad_output, None), eps=(eps, None), atol=(atol, None),
        rtol=(rtol, None), directions=(directions, 2), seed=(seed, 0), linear_in=(tuple(linear_in), ()),
        kinks=(kinks, "raise"), checks=(tuple(checks), CHECKS),
    )  # fmt: skip
    for check in checks:
        one_of("checks", check, CHECKS)
    settings = Settings(mode, eps, atol, rtol, directions, seed, tuple(linear_in), kinks, tuple(checks))
    return _run(call, grad_output, settings, reproducer(call, "gradcheck", options), raise_exception)


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
    """`gradcheck` of the gradient: of the map from the inputs and the incoming gradients to the gradients.

    The incoming gradients are numbered after the inputs; the map is linear in them. There are no side checks.

    >>> import numpy as np
    >>> import minigrad as mg
    >>> from minigrad.testing import gradgradcheck
    >>> bool(gradgradcheck(mg.tanh, np.array([0.5, -1.0, 2.0])))
    True
    """
    call = Call.of_floats("gradgradcheck", func, inputs, kwargs, wrt)
    options = _changed(
        mode=(mode, "auto"), wrt=(_chosen(call), None), grad_output=(grad_output, None), eps=(eps, None), atol=(atol, None),
        rtol=(rtol, None), directions=(directions, 2), seed=(seed, 0), kinks=(kinks, "raise"),
    )  # fmt: skip
    gs = _incoming(call, call.outputs(call.tensors()), grad_output, seed)
    count = len(call.arrays)

    def gradients(*args: Tensor) -> tuple[Tensor, ...]:
        return differentiable_vjp(call, args[:count], args[count:])

    gradients.__name__ = f"the gradient of {call.name}"
    incoming = tuple(range(count, count + len(gs)))
    twice = Call(gradients, [*call.arrays, *gs], wrt=(*call.wrt, *incoming))
    settings = Settings(mode, eps, atol, rtol, directions, seed, incoming, kinks)
    return _run(twice, None, settings, reproducer(call, "gradgradcheck", options), raise_exception)


def differentiable_vjp(call: Call, inputs: Sequence[Tensor], gs: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """The gradients for the inputs of `call.wrt`, as a function of inputs and incoming gradients; zeros for None."""
    xs = [x if x.requires_grad or i not in call.wrt else x.detach().requires_grad_() for i, x in enumerate(inputs)]
    found = call.gradients(call.outputs(xs), xs, gs, create_graph=True)
    return tuple(xs[i].detach() * 0.0 if g is None else g for i, g in zip(call.wrt, found, strict=True))


@np.errstate(all="ignore")  # what is not finite is reported, not warned of
def _run(call: Call, grad_output: Any, settings: Settings, recipe: str, raise_exception: bool) -> GradcheckReport:
    tensors = call.tensors()
    outputs = call.outputs(tensors)
    sizes = sum(call.arrays[i].size for i in call.wrt), sum(y.numel() for y in outputs)
    full = settings.mode == "full" or (settings.mode == "auto" and sum(sizes) <= SMALL)
    report = GradcheckReport(
        call.name, "full" if full else "directional", settings.seed, [about(a) for a in call.arrays],
        [about(plain(y)) for y in outputs], recipe, list(settings.checks),
    )  # fmt: skip
    gs = _incoming(call, outputs, grad_output, settings.seed)
    gradients = call.dense(call.gradients(outputs, tensors, gs, retain_graph=full))
    report.failures += _not_finite(call, outputs, gradients)
    here, again = call.value(call.arrays), call.value(call.arrays)
    if not np.array_equal(here, again, equal_nan=True):
        report.failures.append(Failure("repeat", "a second call gives other values: is the function random?"))
    if report.passed:
        rows = _rows(call, outputs, tensors, gs) if full else None
        for at, i in enumerate(call.wrt):
            InputCheck(call, settings, report, gs, here, i, gradients[at]).compare(None if rows is None else rows[at])
        report.failures += _side_checks(call, settings, gs, gradients)
    if report.passed and not report.compared:
        why = call.compares_nothing(outputs) or ("every comparison sat on a kink" if report.skipped else "")
        if why or not settings.checks:  # with no directions, side checks alone may be what is asked for
            raise NonDifferentiableError(f"{call.name}: {why or 'no directions and no checks'}: nothing was checked")
    if report.failures and raise_exception:
        raise GradcheckError(report)
    return report


def _side_checks(call: Call, settings: Settings, gs: list[Array], gradients: list[Array]) -> Iterator[Failure]:
    if not settings.checks:
        return
    others = split(signed(np.random.default_rng([settings.seed, 3]), sum(g.size for g in gs)), gs)
    subject = Subject(call, gs, gradients, others, call.vjp(others))
    for check in settings.checks:
        if complaint := SIDE_CHECKS[check](subject):
            yield Failure(check, f"{check}: {complaint}")


def _rows(call: Call, outputs: list[Tensor], tensors: list[Tensor], gs: list[Array]) -> list[Array]:
    """The Jacobian of each input, (outputs, inputs), each row multiplied by its incoming gradient, all by backward."""
    blocks: list[list[Array]] = [[] for _ in call.wrt]
    for n, g in enumerate(gs):
        for k in range(g.size):
            one = [np.zeros_like(part) for part in gs]
            one[n].reshape(-1)[k] = g.reshape(-1)[k]
            for block, row in zip(blocks, call.dense(call.gradients(outputs, tensors, one, retain_graph=True)), strict=True):
                block.append(np.asarray(row, np.float64).ravel())
    return [np.reshape(block, (len(block), call.arrays[i].size)) for i, block in zip(call.wrt, blocks, strict=True)]


def _incoming(call: Call, outputs: list[Tensor], grad_output: Any, seed: int) -> list[Array]:
    """What flows in: one array for each output, in its dtype."""
    if not outputs:
        raise NonDifferentiableError(f"{call.name}: no result is of floats: nothing was checked")
    if grad_output is None:
        v = signed(np.random.default_rng([seed, 0]), sum(y.numel() for y in outputs))
        return split(v, [plain(y) for y in outputs])
    given = [plain(g) for g in (grad_output if isinstance(grad_output, list | tuple) else [grad_output])]
    if [g.shape for g in given] != [y.shape for y in outputs]:
        shapes = f"{[g.shape for g in given]}, the outputs {[y.shape for y in outputs]}"
        raise ValueError(f"{call.name}: grad_output has shapes {shapes}")
    return [np.array(g, y.dtype) for g, y in zip(given, outputs, strict=True)]


def _not_finite(call: Call, outputs: list[Tensor], gradients: list[Array]) -> list[Failure]:
    named = [(f"output {k}", plain(y)) for k, y in enumerate(outputs)]
    named += [(f"the gradient of input {i}", g) for i, g in zip(call.wrt, gradients, strict=True)]
    found = []
    for name, values in named:
        bad = ~np.isfinite(values)
        if bad.any():
            j = int(np.argmax(bad))
            found.append(Failure("finite", f"{name} is {values.ravel()[j]} at {place(values.shape, j)}"))
    return found


def _chosen(call: Call) -> list[int] | None:
    return None if call.wrt == [*range(len(call.arrays))] else call.wrt


def _changed(**options: tuple[Any, Any]) -> dict[str, Any]:
    """The options that differ from their defaults."""
    return {k: value for k, (value, default) in options.items() if value is not default and repr(value) != repr(default)}
