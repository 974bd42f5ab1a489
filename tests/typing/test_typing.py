"""What checkers of types are told is so at runtime, and they are told the same by code and stubs."""

import ast
import importlib.util
import inspect
import runpy
import types
import typing

import numpy as np
import pytest

import minigrad as mg
from minigrad import ops
from tests.typing import program
from tests.typing.checkers import CHECKERS, EXPRESSIONS, failures, marked
from tests.typing.stubs import ROOT, stubs

STUBS = stubs()
PARSED = ast.parse(STUBS[ROOT / "ops" / "__init__.pyi"])


@pytest.mark.parametrize("path", STUBS, ids=lambda path: "/".join(path.parts[-2:]))
def test_the_stubs_are_up_to_date(path):
    assert path.read_text() == STUBS[path], "python -m tests.typing.stubs"


@pytest.mark.parametrize("name", [name for name in ops.__all__ if hasattr(getattr(ops, name), "known")])
def test_every_name_of_an_argument_is_one_at_runtime(name):
    op = getattr(ops, name)
    definitions = [
        d for d in PARSED.body if isinstance(d, ast.FunctionDef) and d.name in (name, getattr(op, "__name__", name))
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
