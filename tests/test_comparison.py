"""Each row of the tables of docs/comparison.md that is a line of code is run, if its library is installed."""

import importlib.util
import os
import re
from pathlib import Path

import numpy as np
import pytest

from tests.test_differences import outcome

PAGE = (Path(__file__).parents[1] / "docs" / "comparison.md").read_text()
LIBRARIES = re.findall(r"^\| (\w+)(?: \(HIPS\))? \| ([\d.]+) \| `(.+)` \|$", PAGE, re.MULTILINE)
IMPORTS = {library: lines for library, _, lines in LIBRARIES}
ROWS = re.findall(r"^\| (\w+) \| `(.+)` \| (`.+`|an error) \|$", PAGE, re.MULTILINE)


def test_the_tables_are_found():
    assert len(LIBRARIES) == 8 and len(ROWS) > 35
    assert {library for library, _, _ in ROWS} == set(IMPORTS)


@pytest.mark.parametrize("library, line, result", ROWS)
def test_row(library, line, result, monkeypatch):
    module = re.search(r"(?:import|from) (\w+)", IMPORTS[library])[1]
    if importlib.util.find_spec(module) is None:
        pytest.skip(f"{module} is not installed")
    monkeypatch.setitem(os.environ, "DEV", "PYTHON")  # tinygrad, without a compiler
    monkeypatch.setattr(np, "int", int, raising=False)  # as the line that imports DeZero does
    names = {"np": np}
    exec(IMPORTS[library], names)
    found = outcome(names, line, typos=(NameError,))  # an attribute that is not there is a result: `x.grad.backward`
    assert ("an error" if found == "refused" else found) == result


def test_the_versions_are_those_that_are_installed():
    for library, version, lines in LIBRARIES:
        module = re.search(r"import (\w+)", lines)[1]
        if library in ("minigrad", "PyTorch") and importlib.util.find_spec(module):
            assert importlib.import_module(module).__version__.startswith(version), library
