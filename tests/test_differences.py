"""Each row of the table of docs/howto/porting_from_pytorch.md is a call, with its outcome here and in PyTorch."""

import ast
import importlib
import math
import re
import warnings
from pathlib import Path

import numpy as np
import pytest

PAGE = Path(__file__).parents[1] / "docs" / "howto" / "porting_from_pytorch.md"
ROWS = re.findall(r"^\| `(.+?)` \| (.+?) \| (.+?) \| .+ \|$", PAGE.read_text(), re.MULTILINE)


def names_of(library):
    torch = importlib.import_module(library)
    return {"torch": torch, "nn": torch.nn, "F": torch.nn.functional, "np": np, "math": math}


def outcome(names, call, typos=(NameError, AttributeError)):
    """The value of the last expression of a call, as a table shows it; typing errors are no refusals, and raised."""
    *before, last = ast.parse(call).body
    assert isinstance(last, ast.Expr)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            exec(compile(ast.Module(before, []), "<call>", "exec"), names)
            value = eval(compile(ast.Expression(last.value), "<call>", "eval"), names)
    except typos:
        raise
    except Exception:
        return "refused"
    value = tuple(value) if isinstance(value, tuple) else value.tolist() if hasattr(value, "tolist") else value
    return f"`{rounded(value)}`"


def rounded(value):
    if isinstance(value, list):
        return [rounded(part) for part in value]
    return round(value, 4) if isinstance(value, float) else value


def test_the_table_is_found():
    assert len(ROWS) > 20 and len({call for call, _, _ in ROWS}) == len(ROWS)
    assert all(here != there for _, here, there in ROWS)


@pytest.mark.parametrize("call, here", [row[:2] for row in ROWS])
def test_here(call, here):
    assert outcome(names_of("minigrad"), call) == here


@pytest.mark.parametrize("call, there", [row[::2] for row in ROWS])
def test_in_pytorch(call, there):
    pytest.importorskip("torch")
    assert outcome(names_of("torch"), call) == there


def test_a_typing_error_is_no_refusal():
    assert outcome(names_of("minigrad"), "torch.ones(2, 3) @ torch.ones(2)") == "refused"
    with pytest.raises(AttributeError, match="one"):
        outcome(names_of("minigrad"), "torch.one(1)")
