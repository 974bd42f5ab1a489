"""Mutation testing of gradient checks: wrong gradient rules that the checks must reject.

A mutator turns a right rule into a wrong one. Every mutant of every rule must be killed by the checks; one that survives is
either harmless, for a reason to write down, or shows a gap in the checks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

import numpy as np

from minigrad.arrays import Array
from minigrad.engine.primitive import Primitive
from minigrad.tensors.tensor import Tensor, tensor
from minigrad.testing.calls import Call
from minigrad.testing.facets import allow_no_elements, check_spec
from minigrad.testing.gradcheck import gradcheck
from minigrad.testing.mutators import BUFFERS, OF_MEMORY, ON_RULES
from minigrad.testing.spec import OpSpec

__all__ = [
    "MUTATORS", "apply", "assert_all_killed", "mutators_of", "prove", "replaced", "rules_of", "survives", "unprotected",
]  # fmt: skip

Rule = Callable[..., Any]
MUTATORS = (*ON_RULES, "swap")  # "swap" exchanges the rules of an input and the next


@contextmanager
def apply(op: Primitive, name: str, input: str | None = None) -> Iterator[list[str]]:
    """Replace a gradient rule of `op` by a wrong one within a ``with`` block.

    `name` is one of `MUTATORS`, and `input` the input whose rule is wrong; default: the first. The block receives a
    list that grows each time the rule misbehaved. Rules that run on tensors, for second derivatives, stay right. Raises
    ValueError for an unknown mutator, or for one that does not fit.

    >>> import numpy as np
    >>> import minigrad as mg
    >>> from minigrad.testing import mutants
    >>> x = mg.tensor([0.0, 1.0], requires_grad=True)
    >>> with mutants.apply(mg.multiply, "negate", "y"):
    ...     (2.0 * x).sum().backward()
    >>> x.grad
    tensor([-2., -2.])
    """
    right = {n: rule for n, rule in op.rules.items() if rule is not None}
    inputs = list(right)
    at = input or inputs[0]
    if name not in MUTATORS:
        raise ValueError(f"no mutator {name!r}: there are {', '.join(MUTATORS)}")
    if at not in inputs or (name == "swap" and len(inputs) < 2):
        raise ValueError(f"{name!r} does not fit {op.__name__}, which has rules for {', '.join(inputs) or 'no input'}")
    hits: list[str] = []
    if name == "swap":
        other = inputs[(inputs.index(at) + 1) % len(inputs)]
        wrong = {at: right[other], other: right[at]}
    else:
        wrong = {at: _mutated(right[at], name, hits)}
    with replaced(op, wrong):
        yield hits
    BUFFERS.clear()


@contextmanager
def replaced(op: Primitive, rules: Mapping[str, Rule | None]) -> Iterator[None]:
    """Replace gradient rules of `op`, by the names of its inputs, within a ``with`` block; None means a zero gradient.

    >>> import minigrad as mg
    >>> from minigrad.testing import mutants
    >>> x = mg.tensor(3.0, requires_grad=True)
    >>> with mutants.replaced(mg.square, {"x": lambda g, x: g * x}):
    ...     mg.square(x).backward()
    >>> x.grad
    tensor(3.)
    """
    before, kernels = dict(op.rules), dict(op.kernels)
    try:
        for name, rule in rules.items():
            op.zero_gradient(name) if rule is None else op.gradient(name)(rule)
        yield
    finally:
        for name in rules:
            op.zero_gradient(name)  # discards the plans made for the wrong rule
        op.rules.update(before)
        op.kernels.update(kernels)


def _mutated(rule: Rule, name: str, hits: list[str]) -> Rule:
    """Return a wrong rule with the same parameters, whose names tell the engine which values to save."""
    names = rule.__code__.co_varnames[: rule.__code__.co_argcount]

    def body(g: Any, *saved: Any) -> Any:
        right = rule(g, *saved)
        if right is None or not isinstance(g, np.ndarray) or isinstance(right, Tensor) or not np.size(right):
            return right
        wrong = ON_RULES[name](lambda g: rule(g, *saved), g, list(saved))
        if wrong is NotImplemented:
            return right
        hits.append(name)
        return wrong

    return eval(f"lambda {', '.join(names)}: body({', '.join(names)})", {"body": body})


@contextmanager
def unprotected() -> Iterator[None]:
    """Let the result of a rule become ``.grad`` without the engine's copy, within a ``with`` block.

    The engine copies arrays that it does not own, so a rule may return a view, a read-only array, or g itself. This shows
    that the copy is needed, and by which rules.

    >>> import minigrad as mg
    >>> from minigrad.testing import mutants
    >>> x, g = mg.tensor([1.0, 2.0], requires_grad=True), mg.tensor([3.0, 4.0])
    >>> with mutants.unprotected():
    ...     (x + 1).backward(g)  # the rule of add returns g itself
    >>> x.grad.array is g.array
    True
    """
    right = Tensor.accumulate_grad

    def bare(self: Tensor, g: Any, fresh: bool) -> None:
        if self.stored_grad is not None or isinstance(g, Tensor):
            right(self, g, fresh)
        else:
            self.stored_grad = tensor(0.0)
            self.stored_grad.array = g

    Tensor.accumulate_grad = bare  # type: ignore[method-assign]
    try:
        yield
    finally:
        Tensor.accumulate_grad = right  # type: ignore[method-assign]


def assert_all_killed(
    spec: OpSpec,
    checker: Callable[[OpSpec, int], Any] | None = None,
    *,
    seeds: Iterable[int] = range(20),
    exempt: Mapping[str, str] | None = None,
) -> None:
    """Try every mutant of every rule that calls of `spec` run; the checker must fail on each, and pass without.

    `checker` takes the spec and the seed of one call; default: `prove`. `exempt` maps mutants that may survive, such as
    "add.x: alias g", to the reason. Raises AssertionError with the survivors, and with exempted mutants that were killed.

    >>> import numpy as np
    >>> import minigrad as mg
    >>> from minigrad.testing import OpSpec, Sample, mutants
    >>> def draw(rng):
    ...     return Sample((rng.standard_normal((3, 3)),))
    >>> mutants.assert_all_killed(OpSpec("tanh", mg.tanh, np.tanh, draw))
    """
    check = checker or prove
    cases = [(spec, seed) for seed in seeds]
    for _, seed in cases:
        check(spec, seed)
    reached: dict[tuple[Primitive, str], list[tuple[OpSpec, int]]] = {}
    for case in cases:
        for rule in rules_of(*case):
            reached.setdefault(rule, []).append(case)
    alive = sorted(
        f"{op.__name__}.{at}: {name}"
        for (op, at), reaching in reached.items()
        for name in mutators_of(op)
        if survives(op, name, at, reaching, check)
    )
    surprises = [f"{mutant} survives" for mutant in alive if mutant not in (exempt or {})]
    surprises += [f"{mutant} is exempt, but killed" for mutant in exempt or {} if mutant not in alive]
    if surprises:
        raise AssertionError(f"{spec.name}: " + "; ".join(surprises))


def prove(spec: OpSpec, seed: int) -> None:
    """Run the checks that kill mutants of first-order rules: exact identities, differences and side checks of one call.

    >>> import numpy as np
    >>> import minigrad as mg
    >>> from minigrad.testing import OpSpec, Sample, mutants
    >>> square = OpSpec("square", mg.square, np.square, lambda rng: Sample((rng.standard_normal(3),)))
    >>> mutants.prove(square, seed=0)
    """
    check_spec(spec, seeds=[seed], facets=["exact"])
    call = _call(spec, seed)[0]
    with allow_no_elements(call):
        gradcheck(spec.fn, call.args, kwargs=call.kwargs, mode="directional", directions=1, checks=())  # nearly all die here
    check_spec(spec, seeds=[seed], facets=["gradient"])


def mutators_of(op: Primitive) -> tuple[str, ...]:
    """Return the mutators that fit a primitive: "swap" needs two rules.

    >>> import minigrad as mg
    >>> from minigrad.testing import mutants
    >>> [name for name in mutants.MUTATORS if name not in mutants.mutators_of(mg.exp)]
    ['swap']
    """
    several = sum(rule is not None for rule in op.rules.values()) > 1
    return MUTATORS if several else tuple(ON_RULES)


def survives(
    op: Primitive,
    name: str,
    input: str,
    cases: Sequence[tuple[OpSpec, int]],
    checker: Callable[[OpSpec, int], Any] = prove,
) -> bool:
    """Return whether a mutant survives all cases, though it misbehaved in some of them.

    A mutant that changes values survives if its values are right in all cases: they are too weak. One that misuses memory
    needs an array to spoil; if the right rule returns a view, a read-only result is no mistake.

    >>> import numpy as np
    >>> import minigrad as mg
    >>> from minigrad.testing import OpSpec, Sample, mutants
    >>> square = OpSpec("square", mg.square, np.square, lambda rng: Sample((rng.standard_normal(3),)))
    >>> mutants.survives(mg.square, "negate", "x", [(square, 0)])
    False
    >>> mutants.survives(mg.square, "negate", "x", [(square, 0)], checker=lambda spec, seed: None)  # checks nothing
    True
    """
    occasions = 0
    for case in cases:
        with unprotected() if name == "read-only" else nullcontext():
            if name == "read-only" and _fails(checker, case):
                return False
            right = None if name in OF_MEMORY else _gradients(case)
            with apply(op, name, input) as hits:
                try:
                    found = _gradients(case)
                except Exception:  # the engine noticed
                    return False
                differs = hits if right is None else not all(map(np.array_equal, found, right))
                if differs and _fails(checker, case):
                    return False
        occasions += bool(hits)
    return name not in OF_MEMORY or occasions > 0


def rules_of(spec: OpSpec, seed: int) -> set[tuple[Primitive, str]]:
    """Return the primitives and inputs whose gradient rules a drawn call of a spec runs.

    >>> import numpy as np
    >>> import minigrad as mg
    >>> from minigrad.testing import OpSpec, Sample, mutants
    >>> square = OpSpec("square", mg.square, np.square, lambda rng: Sample((rng.standard_normal(3),)))
    >>> mutants.rules_of(square, seed=0)
    {(<primitive square>, 'x')}
    """
    call = _call(spec, seed)[0]
    stack = [y.node for y in call.results(call.tensors()) if y.node is not None]
    seen = set(stack)
    found: set[tuple[Primitive, str]] = set()
    while stack:
        node = stack.pop()
        found.update((node.primitive, node.primitive.input_name(rule.position)) for rule in node.plan.calls)
        fresh = [parent for parent in node.parents if parent is not None and parent not in seen]
        seen.update(fresh)
        stack += fresh
    return found


def _call(spec: OpSpec, seed: int) -> tuple[Call, np.random.Generator]:
    rng = np.random.default_rng(seed)
    sample = spec.sample(rng)
    return Call(spec.fn, sample.args, sample.kwargs), rng


def _gradients(case: tuple[OpSpec, int]) -> list[Array]:
    call, rng = _call(*case)
    tensors = call.tensors()
    outputs = call.outputs(tensors)
    gs = [rng.standard_normal(y.shape).astype(y.dtype) for y in outputs]
    return [g.copy() for g in call.dense(call.gradients(outputs, tensors, gs))]


def _fails(checker: Callable[[OpSpec, int], Any], case: tuple[OpSpec, int]) -> bool:
    try:
        checker(*case)
    except Exception:
        return True
    return False
