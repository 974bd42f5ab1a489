"""What a call leaves out means what PyTorch and NumPy mean by leaving it out."""

import inspect
import json
from operator import attrgetter
from pathlib import Path

import numpy as np
import pytest

import minigrad as mg
from minigrad import ops
from minigrad.engine.arguments import ALIASES
from minigrad.engine.registry import FUNCTIONS

PYTORCH = json.loads((Path(__file__).parent / "golden" / "defaults.json").read_text())


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
OTHERWISE = {  # ours, and why
    ("cross", "axis"): "the last axis, as torch.linalg.cross and NumPy; PyTorch: the first of size 3",
    ("Tensor.cross", "axis"): "as cross",
    ("topk", "axis"): "-1, what None means in PyTorch",
    ("Tensor.topk", "axis"): "-1, what None means in PyTorch",
    ("kthvalue", "axis"): "-1, what None means in PyTorch",
    ("Tensor.kthvalue", "axis"): "-1, what None means in PyTorch",
    ("nn.functional.softmax", "axis"): "the last axis; PyTorch guesses one, and warns that it will not any longer",
    ("nn.functional.log_softmax", "axis"): "as softmax",
    ("nn.functional.softmin", "axis"): "as softmax",
    ("meshgrid", "indexing"): '"ij", what None means in PyTorch',
    ("trapezoid", "dx"): "1, what None means in PyTorch",
    ("cumulative_trapezoid", "dx"): "as trapezoid",
    ("Tensor.mode", "axis"): "-1, what None means in PyTorch",
    ("tril_indices", "device"): "None, which is the CPU",
    ("triu_indices", "device"): "None, which is the CPU",
    ("pinverse", "rtol"): "as linalg.pinv, by the rounding error of the dtype; PyTorch: 1e-15, 0 for float32",
    ("Tensor.pinverse", "rtol"): "as pinverse",
    ("nn.ModuleList", "modules"): "(), what None means in PyTorch",
    ("nn.ModuleDict", "modules"): "(), what None means in PyTorch",
    ("nn.ParameterList", "values"): "(), what None means in PyTorch",
    ("einsum", "optimize"): "the order that a larger product needs; the same values",
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


@pytest.mark.parametrize("name", PYTORCH)
def test_as_pytorch(name):
    function = attrgetter(name)(mg)
    for parameter, own, theirs in shared(function, PYTORCH[name]):
        assert own == theirs or (name, parameter) in OTHERWISE, parameter


@pytest.mark.parametrize("name", NUMPY)
def test_as_numpy(name):
    function = attrgetter(name)(mg)
    of_pytorch = {parameter for parameter, *_ in shared(function, PYTORCH.get(name, {}))}
    for parameter, own, theirs in shared(function, defaults(NUMPY[name])):
        given = theirs is not np._NoValue and parameter not in of_pytorch
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
    compared = [(name, *rest) for name in PYTORCH for rest in shared(attrgetter(name)(mg), PYTORCH[name])]
    assert len(compared) > 900
    differ = {(name, parameter) for name, parameter, own, theirs in compared if own != theirs}
    assert differ == {key for key in OTHERWISE if key[0] in PYTORCH}  # an exemption that is needed no longer goes
