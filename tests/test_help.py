"""`help` of a public function shows its signature and a docstring of ours, and as text only what a reader can use."""

import inspect
import pydoc
import re

import numpy as np
import pytest

import minigrad as mg
import minigrad.nn.functional as F
from minigrad import ops

SPACES = {"ops": ops, "linalg": mg.linalg, "special": mg.special, "functional": F}
FUNCTIONS = {f"{where}.{name}": getattr(space, name) for where, space in SPACES.items() for name in space.__all__
             if not isinstance(getattr(space, name), type)}  # fmt: skip


def shown(thing):
    return pydoc.plain(pydoc.render_doc(thing))


def on_one_line(text):
    """A help text without line breaks: since Python 3.13 pydoc breaks long signatures."""
    return re.sub(r"\s+", " ", text).replace("( ", "(").replace(" )", ")")


def test_the_functions_that_are_looked_up_first():
    conv = shown(F.conv2d)
    options = "stride: Size = 1, padding: Size | str = 0, dilation: Size = 1, groups: int = 1, *, rounding: str = 'floor'"
    assert f"conv2d(x, weight, bias=None, {options})" in on_one_line(conv)
    assert "cross-correlation" in conv
    assert "exp(x, /)\n    e**x. Derivative: e**x." in shown(mg.exp)
    assert "matmul(x, y)\n" in shown(mg.matmul) and "matrix product" in shown(mg.matmul)
    assert "relu(x, inplace=False)\n" in shown(F.relu) and "max(x, 0)" in shown(F.relu)
    assert "add_(x, y, /, *, alpha=1)\n" in shown(mg.Tensor.add_)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_has_a_signature_and_a_docstring_of_ours(name):
    function = FUNCTIONS[name]
    text = shown(function)
    assert f"{function.__name__}(" in text.splitlines()[2], text
    if not inspect.isfunction(function) or hasattr(function, "__signature__"):
        assert not {"'Any'", "'Array'", "'Value'"} & set(re.findall(r"'\w+'", str(inspect.signature(function))))
    assert function.__doc__ and not {"casting", "array_like"} & set(function.__doc__.split()), function.__doc__
    assert function.__doc__ != getattr(getattr(np, function.__name__, None), "__doc__", None)
