"""What a call leaves out means what NumPy means by leaving it out; for PyTorch see test_pytorch_names.py."""

import inspect
from operator import attrgetter

import numpy as np
import pytest

import minigrad as mg
from minigrad import ops
from minigrad.engine.arguments import ALIASES
from minigrad.engine.registry import FUNCTIONS
from tests.parity import names


def has_signature(function):
    """Whether it is a function whose signature `inspect` finds: NumPy's in C have none before NumPy 2.4."""
    try:
        return inspect.isroutine(function) and bool(inspect.signature(function))
    except ValueError:
        return False


NUMPY = {
    (f"linalg.{name}" if room is np.linalg else name): getattr(room, name)
    for room in (np, np.linalg)
    for name in ops.__all__
    if hasattr(mg if room is np else mg.linalg, name) and has_signature(getattr(room, name, None))
}
OTHERWISE = {
    ("einsum", "optimize"): "the order that a larger product needs; the same values",
    ("sort", "stable"): "False, as PyTorch documents it",
    ("argsort", "stable"): "as sort",
}


def defaults(function):
    return {n: p.default for n, p in inspect.signature(function).parameters.items() if p.default is not p.empty}


def shared(function, theirs):
    """Our name of a parameter, our default and theirs, where both have one."""
    own = defaults(function)
    for name, default in theirs.items():
        for alias in (name, *ALIASES.get(name, ())):
            if alias in own:
                yield alias, own[alias], tuple(default) if isinstance(default, list) else default
                break


def of_pytorch(name):
    """The defaults of PyTorch's function, which have precedence."""
    found = [p for text in names.PYTORCH.get(f"torch.{name}", ()) for p in names.signature(text)]
    return {p.name: p.default[0] for p in found if p.default}


@pytest.mark.parametrize("name", NUMPY)
def test_as_numpy(name):
    function = attrgetter(name)(mg)
    given_by_pytorch = {parameter for parameter, *_ in shared(function, of_pytorch(name))}
    for parameter, own, theirs in shared(function, defaults(NUMPY[name])):
        given = theirs is not np._NoValue and parameter not in given_by_pytorch
        assert not given or own == theirs or (name, parameter) in OTHERWISE, parameter


ANSWERS = [(f, op) for f, op in FUNCTIONS.items() if has_signature(f) and not inspect.isbuiltin(f)]


@pytest.mark.parametrize("theirs, own", ANSWERS, ids=lambda f: getattr(f, "__name__", None))
def test_as_the_function_of_numpy_that_it_answers_for(theirs, own):
    for parameter, ours, default in shared(own, defaults(theirs)):
        same = default is np._NoValue or ours == default
        assert same or (own.__name__, parameter) in OTHERWISE, parameter


def test_arguments_have_names():
    """But those of ufuncs, which have none in NumPy either."""
    offered = [getattr(room, name) for room in (ops, mg.linalg) for name in room.__all__]
    functions = [f for f in offered if not getattr(f, "elementwise", False) and not isinstance(f, type)]
    nameless = [f for f in functions if "/" in str(inspect.signature(f))]
    assert len(functions) > 200 and not nameless


def test_the_comparison_is_no_empty_one():
    compared = [(name, *rest) for name in NUMPY for rest in shared(attrgetter(name)(mg), defaults(NUMPY[name]))]
    assert len(compared) > 100
    differ = {(name, parameter) for name, parameter, own, theirs in compared if theirs is not np._NoValue and own != theirs}
    assert {key for key in OTHERWISE if hasattr(np, key[0])} <= differ  # an exemption that is needed no longer goes
