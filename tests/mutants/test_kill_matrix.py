"""Every gradient rule of every operation, made wrong in every generic way: each mutant dies, or there is a reason.

What is wrong with the values must be noticed by what proves the specs, and by their second order where a rule runs in that
alone. What is wrong with the memory of right values is tried on each primitive by itself, as the specs called it: behind
other operations it may do no harm.
"""

import functools
import importlib
import pkgutil

import numpy as np
import pytest

from minigrad import ops
from minigrad.engine.primitive import Primitive
from minigrad.engine.scope import watch
from minigrad.errors import GraphError
from minigrad.testing import OpSpec, Sample, gradcheck, mutants
from minigrad.testing.calls import Call
from minigrad.testing.facets import allow_no_elements
from minigrad.testing.finite_differences import signed_vector
from minigrad.testing.gradcheck import differentiable_vjp
from minigrad.testing.mutators import OF_MEMORY
from tests.ops.specs import SPECS

FEW, CASES = 10, 40  # drawn calls of each spec: nearly all mutants die on a few, and what is left is tried on the others
DIRECT = 12  # calls of each primitive by itself

# Mutants that may live, as they are the same function.
ZERO = ("sign.x", "floor.x", "ceil.x", "rint.x", "trunc.x", "round.x")
SAME = set(mutants.MUTATORS) - set(OF_MEMORY) - {"swap"}
REASONS = {
    "both rules are the same": {"add.x": {"swap"}, "add.y": {"swap"}},
    "the input has one axis": {"affine.bias": {"transpose"}, "convolution.bias": {"transpose"}},
    "the gradient is symmetric": {op: {"transpose"} for op in ("eigenvalues.x", "eigenvectors.x", "lower_factor.x")},
    "the gradient is zero": {op: SAME | {"one buffer"} for op in ZERO},
}
EXEMPT = {f"{at}: {name}" for about in REASONS.values() for at, names in about.items() for name in names}
REFUSING = {"without_gradient", "values_of_lstsq"}  # their rules raise: there is no gradient


def registered():
    """Every primitive of the library that has a gradient rule."""
    modules = [importlib.import_module(info.name) for info in pkgutil.iter_modules(ops.__path__, "minigrad.ops.")]
    found = {value: None for module in modules for value in vars(module).values() if isinstance(value, Primitive)}
    return [op for op in found if any(op.rules.values()) and op.__name__ not in REFUSING]


def twice(spec):
    """The map from inputs and incoming gradients to gradients, as a spec of its own."""

    def sample(rng):
        drawn = spec.sample(rng)
        call = Call(spec.fn, drawn.args, drawn.kwargs)
        gs = [signed_vector(rng, y.numel()).reshape(y.shape) for y in call.outputs(call.tensors())]
        return Sample((call, *call.arrays, *gs))

    def fn(call, *tensors):
        return differentiable_vjp(call, tensors[: len(call.arrays)], tensors[len(call.arrays) :])

    return OpSpec(f"{spec.name}, twice", fn, fn, sample)


@functools.cache
def cases():
    """For each rule, those of a few drawn calls of each spec that run it, the calls with the fewest rules first.

    A rule that no spec runs is looked for in the derivatives of specs.
    """
    reached = {}

    def reach(spec, seeds):
        """Add the cases of a spec; gives the rules they run."""
        found = set()
        for seed in seeds:
            if spec not in SPECS and _refuses(spec, seed):
                continue  # some derivatives do not exist everywhere
            rules = mutants.rules_of(spec, seed)
            found |= rules
            for rule in rules:
                reached.setdefault(rule, []).append((len(rules), spec, seed))
        return found

    known = {spec: reach(spec, range(FEW)) for spec in SPECS}
    missing = {(op, at) for op in registered() for at, rule in op.rules.items() if rule is not None} - set(reached)
    for _ in range(2):  # second derivatives, then third ones
        explored, derived = set(), {}
        for spec, rules in known.items():
            if missing and spec.order > 1 and not rules <= explored:
                explored |= rules
                again = twice(spec)
                if any(mutants.rules_of(again, seed) & missing for seed in range(4)):
                    derived[again] = reach(again, range(2 * FEW))
                    missing -= derived[again]
        known = derived
    return {rule: [case[1:] for case in sorted(found, key=lambda case: case[0])] for rule, found in reached.items()}


def others(op, at):
    """More drawn calls that run a rule, of the specs whose first ones did."""
    specs = dict.fromkeys(spec for spec, _ in cases()[op, at])
    drawn = [(spec, seed) for spec in specs for seed in (range(FEW, CASES) if spec in SPECS else range(2 * FEW, 2 * CASES))]
    return [case for case in drawn if (case[0] in SPECS or not _refuses(*case)) and (op, at) in mutants.rules_of(*case)]


def _refuses(spec, seed):
    args = spec.sample(np.random.default_rng(seed)).args
    call = Call(spec.fn, args)
    tensors = call.tensors()
    try:
        outputs = call.outputs(tensors)
        call.gradients(outputs, tensors, [np.ones(y.shape, y.dtype) for y in outputs])
    except GraphError:
        return True
    return False


def notices(spec, seed):
    if spec in SPECS:
        mutants.prove(spec, seed)
    else:  # a gradient is recorded under any circumstances, so not all side checks fit
        args = spec.sample(np.random.default_rng(seed)).args
        with allow_no_elements(Call(spec.fn, args)):
            gradcheck(spec.fn, args, mode="directional", checks=("linear",))


def direct(op, at, tried):
    """Calls of one primitive by itself, with what it was called with in some cases."""
    found = []

    def remember(called, args, out, node):
        if called is op and node is not None and out.size:
            plain = [getattr(arg, "array", arg) for arg in args]
            places = [n for n in range(len(args)) if op.input_name(n) in op.rules and np.asarray(plain[n]).dtype.kind == "f"]
            if not any(np.size(plain[n]) for n in places):
                return

            def fn(*inputs):
                given = dict(zip(places, inputs, strict=True))
                return op(*[given.get(n, arg) for n, arg in enumerate(plain)])

            found.append(OpSpec(op.__name__, fn, fn, lambda rng: Sample(tuple(np.asarray(plain[n]) for n in places))))

    for spec, seed in tried:
        drawn = spec.sample(np.random.default_rng(seed))
        call = Call(spec.fn, drawn.args, drawn.kwargs)
        with watch(remember):
            call.results(call.tensors())
        if len(found) >= DIRECT:
            break
    return [(spec, 0) for spec in found[:DIRECT] if (op, at) in mutants.rules_of(spec, 0)]


def side_checks(spec, seed):
    gradcheck(spec.fn, spec.sample(None).args, mode="directional", directions=0)


@pytest.mark.parametrize("op", registered(), ids=lambda op: op.__name__)
def test_every_mutant_of_every_rule_dies(op):
    alive = set()
    for at in (at for at, rule in op.rules.items() if rule is not None):
        assert (op, at) in cases(), f"no spec runs the rule of {op.__name__} for {at}"
        for case in cases()[op, at][:3]:
            notices(*case)  # as it is, it passes
        alone = direct(op, at, cases()[op, at])
        assert alone
        for case in alone:
            side_checks(*case)
        for name in mutants.mutators_of(op):
            mutant = f"{op.__name__}.{at}: {name}"
            few = (alone, side_checks) if name in OF_MEMORY else (cases()[op, at], notices)
            survives = mutants.survives(op, name, at, *few)
            if survives and mutant not in EXEMPT:
                more = [*cases()[op, at], *others(op, at)]
                many = (direct(op, at, more), side_checks) if name in OF_MEMORY else (more, notices)
                survives = mutants.survives(op, name, at, *many)
            if survives:
                alive.add(mutant)
    assert alive == {mutant for mutant in EXEMPT if mutant.startswith(f"{op.__name__}.")}
