"""What checkers of types are told is so at runtime, and they are told the same by code and stubs."""

import ast
import functools
import importlib.util
import inspect
import re
import runpy
import types
import typing

import numpy as np
import pytest

import minigrad as mg
from minigrad import ops
from minigrad.arrays import Array
from tests.typing import program
from tests.typing.checkers import CHECKERS, EXPRESSIONS, failures, marked
from tests.typing.stubs import BY_HAND, ROOT, stubs

STUBS = stubs()


@functools.cache
def parsed():
    """The stub of the operations."""
    return ast.parse(STUBS[ROOT / "ops" / "__init__.pyi"]())


@pytest.mark.parametrize("path", STUBS, ids=lambda path: "/".join(path.parts[-2:]))
def test_the_stubs_are_up_to_date(path):
    assert path.read_text() == STUBS[path](), "python -m tests.typing.stubs"


@pytest.mark.parametrize("name", [name for name in ops.__all__ if hasattr(getattr(ops, name), "known")])
def test_every_name_of_an_argument_is_one_at_runtime(name):
    op = getattr(ops, name)
    definitions = [
        d for d in parsed().body if isinstance(d, ast.FunctionDef) and d.name in (name, getattr(op, "__name__", name))
    ]
    shown = {a.arg for d in definitions for a in (*d.args.args, *d.args.kwonlyargs)}
    assert shown <= {*inspect.signature(op).parameters, *op.known}


def fits(value, type_):
    """Whether a value is of a type, as far as it says."""
    origin, args = typing.get_origin(type_), typing.get_args(type_)
    if type_ is typing.Any:
        return True
    if origin in (typing.Union, types.UnionType):
        return any(fits(value, arg) for arg in args)
    if origin is tuple:
        each = [args[0]] * len(value) if args[1:] == (...,) else args
        return isinstance(value, tuple) and len(each) == len(value) and all(map(fits, value, each))
    if origin is dict:
        return isinstance(value, dict) and all(fits(v, args[1]) for v in value.values())
    if type_ == Array:  # since NumPy 2.5 an alias (PEP 695), which isinstance refuses
        return isinstance(value, np.ndarray)
    return isinstance(value, origin or type_ or type(None)) and not (type_ is mg.Tensor and isinstance(value, np.ndarray))


def test_expressions_have_their_types_at_runtime(monkeypatch):
    seen = []

    def assert_type(value, type_):
        seen.append(value)
        assert fits(value, type_), (value, type_)

    monkeypatch.setattr(typing, "assert_type", assert_type)
    runpy.run_path(str(EXPRESSIONS))
    assert len(seen) > 100 and len(marked()) > 40


def test_the_program_runs(tmp_path, capsys):
    program.main(str(tmp_path / "weights.npz"))
    assert "True" in capsys.readouterr().out


@pytest.mark.parametrize("name", CHECKERS)
def test_checkers_agree(name):
    if importlib.util.find_spec(name) is None:
        pytest.skip(f"{name} is not installed")
    assert failures(name) == []


def kind(value):
    """A result in the words of the stubs."""
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return f"{type(value).__name__}[{kind(value[0])}]"
    if isinstance(value, tuple | list):
        return f"{type(value).__name__} of {', '.join({kind(part) for part in value})}"
    return "Tensor" if isinstance(value, mg.Tensor) else "Array" if isinstance(value, np.ndarray) else type(value).__name__


def declared(text):
    """The result of a stub in the same words."""
    several = re.fullmatch(r"(tuple|list)\[(\w+)[^]]*\]", text)
    return f"{several[1]} of {several[2]}" if several else text


@pytest.mark.filterwarnings("ignore")
def test_results_are_what_the_stubs_say():
    """Every operation that takes one of a few simple calls, with a tensor or an array first; at least 200 of them."""
    wrong, tried = [], set()
    for definition in parsed().body:
        if not isinstance(definition, ast.FunctionDef) or definition.name in BY_HAND:
            continue
        arguments = [*definition.args.posonlyargs, *definition.args.args]
        arguments = arguments[: len(arguments) - len(definition.args.defaults)]
        if not arguments:
            continue
        first, result = ast.unparse(arguments[0].annotation), ast.unparse(definition.returns)
        if first not in ("Tensor", "Array") or result == "Any" or "Literal[True]" in ast.unparse(definition.args):
            continue
        for shape in ((3,), (3, 3), (1, 2, 4, 4)):
            x = np.random.default_rng(0).random(shape) + 0.1
            for rest in (x, x.astype(int), 1, (0,)):
                try:
                    value = getattr(ops, definition.name)(
                        mg.tensor(x) if first == "Tensor" else x, *[rest] * (len(arguments) - 1)
                    )
                except Exception:
                    continue  # no such call
                tried.add(definition.name)
                if kind(value) != declared(result):
                    wrong.append((definition.name, first, result, kind(value)))
    assert not wrong and len(tried) > 200
