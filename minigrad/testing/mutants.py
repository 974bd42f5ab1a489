"""Wrong gradient rules on purpose: proof that a check can fail.

A mutator makes a wrong rule of a right one. Every mutant of every rule must be killed by the checks; one that survives is
either harmless, and then there is a reason to write down, or shows what the checks do not see.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

import numpy as np

from minigrad.arrays import Array
from minigrad.engine.primitive import Primitive
from minigrad.tensors.tensor import Tensor
from minigrad.testing.calls import Call
from minigrad.testing.gradcheck import gradcheck
from minigrad.testing.mutators import BUFFERS, OF_MEMORY, ON_RULES
from minigrad.testing.proof import allow_no_elements, check_spec
from minigrad.testing.spec import OpSpec

__all__ = [
    "MUTATORS", "apply", "assert_all_killed", "mutators_of", "prove", "replaced", "rules_of", "survives", "unprotected",
]  # fmt: skip

Rule = Callable[..., Any]


MUTATORS = (*ON_RULES, "swap")  # "swap" exchanges the rules of an input and the next


@contextmanager
def apply(op: Primitive, name: str, input: str | None = None) -> Iterator[list[str]]:
    """Within the block, `op` has a wrong gradient rule for one input, the first unless named; then the right one again.

    Gives a list that grows whenever the rule did what it should not. Second-order rules run on tensors and stay right:
    what is wrong is the gradient itself. Raises ValueError for an unknown mutator, or for one that does not fit.

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
    bites: list[str] = []
    if name == "swap":
        other = inputs[(inputs.index(at) + 1) % len(inputs)]
        wrong = {at: right[other], other: right[at]}
    else:
        wrong = {at: _mutated(right[at], name, bites)}
    with replaced(op, wrong):
        yield bites
    BUFFERS.clear()


@contextmanager
def replaced(op: Primitive, rules: Mapping[str, Rule | None]) -> Iterator[None]:
    """Within the block, `op` has other gradient rules for the inputs named; None declares their gradient zero.

    >>> import minigrad as mg
    >>> from minigrad.testing import mutants
    >>> x = mg.tensor(3.0, requires_grad=True)
    >>> with mutants.replaced(mg.square, {"x": lambda g, x: g * x}):
    ...     mg.square(x).backward()
    >>> x.grad
    tensor(3.)
    """
    before = dict(op.rules)
    try:
        for name, rule in rules.items():
            op.zero_gradient(name) if rule is None else op.gradient(name)(rule)
        yield
    finally:
        for name in rules:
            op.zero_gradient(name)  # forgets the plans made for the wrong rule
        op.rules.update(before)


def _mutated(rule: Rule, name: str, bites: list[str]) -> Rule:
    """A rule of the same parameters, which are what the engine saves for it."""
    names = rule.__code__.co_varnames[: rule.__code__.co_argcount]

    def body(g: Any, *saved: Any) -> Any:
        right = rule(g, *saved)
        if right is None or not isinstance(g, np.ndarray) or isinstance(right, Tensor) or not np.size(right):
            return right
        wrong = ON_RULES[name](lambda g: rule(g, *saved), g, list(saved))
        if wrong is NotImplemented:
            return right
        bites.append(name)
        return wrong

    return eval(f"lambda {', '.join(names)}: body({', '.join(names)})", {"body": body})


@contextmanager
def unprotected() -> Iterator[None]:
    """Within the block, what a rule returns becomes ``.grad`` as it is: the engine's copy is taken away.

    The engine never hands out what it does not own, so a rule may return a view, something read-only, or g itself. With
    this, one sees that it matters, and which rules do.

    >>> import minigrad as mg
    >>> from minigrad.testing import mutants
    >>> x, g = mg.tensor([1.0, 2.0], requires_grad=True), mg.tensor([3.0, 4.0])
    >>> with mutants.unprotected():
    ...     (x + 1).backward(g)  # add hands on what it is given
    >>> x.grad.array is g.array
    True
    """
    right = Tensor.accumulate_grad

    def bare(self: Tensor, g: Any, fresh: bool) -> None:
        if self.stored_grad is not None or isinstance(g, Tensor):
            right(self, g, fresh)
        else:
            self.stored_grad = Tensor(0.0)
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
    """Make every rule that calls of `spec` run wrong in every way; the checker must fail each time, and pass without.

    The checker takes the spec and the seed of one call, and is `prove` unless given. `exempt` maps mutants that may live,
    such as "add.x: alias g", to the reason. Raises AssertionError with the survivors, or the exempted that were killed.

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
    """What kills mutants of first-order rules: the exact identities, differences and side checks of one call.

    >>> import numpy as np
    >>> import minigrad as mg
    >>> from minigrad.testing import OpSpec, Sample, mutants
    >>> square = OpSpec("square", mg.square, np.square, lambda rng: Sample((rng.standard_normal(3),)))
    >>> mutants.prove(square, seed=0)  # is silent, or raises
    """
    check_spec(spec, seeds=[seed], facets=["exact"])
    call = _call(spec, seed)[0]
    with allow_no_elements(call):
        gradcheck(spec.fn, call.args, kwargs=call.kwargs, mode="directional", directions=1, checks=())  # nearly all die here
    check_spec(spec, seeds=[seed], facets=["gradient"])


def mutators_of(op: Primitive) -> tuple[str, ...]:
    """The mutators that fit a primitive: "swap" needs two rules.

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
    """Whether no case kills a mutant, though it had the occasion to do what it should not.

    A mutant of the values is the same function where it does not differ: on such cases alone it survives, as they are too
    weak. One of the memory needs an array to spoil; where the right rule hands on a view, being read-only is nothing new.

    >>> import numpy as np
    >>> import minigrad as mg
    >>> from minigrad.testing import OpSpec, Sample, mutants
    >>> square = OpSpec("square", mg.square, np.square, lambda rng: Sample((rng.standard_normal(3),)))
    >>> mutants.survives(mg.square, "negate", "x", [(square, 0)])
    False
    >>> mutants.survives(mg.square, "negate", "x", [(square, 0)], checker=lambda spec, seed: None)  # looks at nothing
    True
    """
    occasions = 0
    for case in cases:
        with unprotected() if name == "read-only" else nullcontext():
            if name == "read-only" and _fails(checker, case):
                return False
            right = None if name in OF_MEMORY else _gradients(case)
            with apply(op, name, input) as bites:
                try:
                    found = _gradients(case)
                except Exception:  # the engine saw it
                    return False
                differs = bites if right is None else not all(map(np.array_equal, found, right))
                if differs and _fails(checker, case):
                    return False
        occasions += bool(bites)
    return name not in OF_MEMORY or occasions > 0


def rules_of(spec: OpSpec, seed: int) -> set[tuple[Primitive, str]]:
    """The primitives and their inputs whose gradient rules a drawn call of a spec runs.

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
