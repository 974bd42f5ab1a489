"""docs/coming_from_the_book.md names everything of `interop.book`, and what it names exists."""

import re
from importlib import import_module
from pathlib import Path

import numpy as np

import minigrad as mg
from minigrad import nn
from minigrad.interop import book
from minigrad.nn import functional as F

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "coming_from_the_book.md").read_text("utf-8")
TABLE = re.findall(r"^\| `(\w+)` \| `([\w.]+)` \|(.*)\|$", PAGE, re.M)


def test_the_table_has_every_name():
    assert sorted(name for name, _, _ in TABLE) == sorted(book.__all__)


def test_what_the_table_names_exists():
    known = {"mg": mg, "nn": nn, "F": F, "np": np}
    for _, ours, remarks in TABLE:
        for name in (ours, *re.findall(r"`((?:mg|nn|F)\.[\w.]+)`", remarks)):
            value = known[name.partition(".")[0]]
            for part in name.split(".")[1:]:
                value = getattr(value, part)
            assert callable(value), name


def test_the_import_lines_are_right():
    lines = re.findall(r"^\| `from ([\w.]+) import [\w*]+` \| `from ([\w.]+) import ([\w*]+)` \|$", PAGE, re.M)
    assert len(lines) == 5
    for theirs, here, name in lines:
        module = import_module(here)
        assert here == f"minigrad.interop.book.{theirs}" and (name == "*" or hasattr(module, name))


def test_every_experiment_is_listed():
    programs = {path.name for path in (ROOT / "examples" / "book").glob("*.py")}
    assert set(re.findall(r"^\| `(\w+\.py)` \|", PAGE, re.M)) == programs
