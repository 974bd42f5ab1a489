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


def outcome(library, call):
    """The value of the last expression of a call, as the table shows it."""
    torch = importlib.import_module(library)
    names = {"torch": torch, "nn": torch.nn, "F": torch.nn.functional, "np": np, "math": math}
    *before, last = ast.parse(call).body
    assert isinstance(last, ast.Expr)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            exec(compile(ast.Module(before, []), "<call>", "exec"), names)
            value = eval(compile(ast.Expression(last.value), "<call>", "eval"), names)
    except (NameError, AttributeError):
        raise  # an error of typing is no refusal
    except Exception:
        return "refused"
    return f"`{rounded(value.tolist()) if hasattr(value, 'tolist') else value}`"


def rounded(value):
    if isinstance(value, list):
        return [rounded(part) for part in value]
    return round(value, 4) if isinstance(value, float) else value


def test_the_table_is_found():
    assert len(ROWS) > 20 and len({call for call, _, _ in ROWS}) == len(ROWS)
    assert all(here != there for _, here, there in ROWS)


@pytest.mark.parametrize("call, here", [row[:2] for row in ROWS])
def test_here(call, here):
    assert outcome("minigrad", call) == here


@pytest.mark.parametrize("call, there", [row[::2] for row in ROWS])
def test_in_pytorch(call, there):
    pytest.importorskip("torch")
    assert outcome("torch", call) == there


def test_a_typing_error_is_no_refusal():
    assert outcome("minigrad", "torch.ones(2, 3) @ torch.ones(2)") == "refused"
    with pytest.raises(AttributeError, match="one"):
        outcome("minigrad", "torch.one(1)")
