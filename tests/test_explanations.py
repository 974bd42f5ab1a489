"""The pages that explain refer to code and tests that exist, and every convention has its test."""

import re
from pathlib import Path

import pytest

from tests.test_contributing import ROOT, references

DOCS = ROOT / "docs"
PAGES = {name: (DOCS / f"{name}.md").read_text() for name in ("conventions", "performance", "comparison")}
FOUND = sorted({(page, *pair) for page, text in PAGES.items() for pair in references.REFERENCE.findall(text)})


@pytest.mark.parametrize("page, path, name", FOUND, ids=[":".join(found) for found in FOUND])
def test_the_line_shows_the_named_thing(page, path, name):
    line = (ROOT / path).read_text().splitlines()[references.line_of(path, name) - 1]
    assert name.rpartition(".")[2] in line


def test_every_reference_is_checked():
    written = {(page, *pair) for page, text in PAGES.items() for pair in re.findall(r"`([\w/]+\.py):([\w.]+)`", text)}
    assert written == set(FOUND) and len(written) > 50


def test_every_convention_has_a_test():
    rows = [line for line in PAGES["conventions"].splitlines() if re.match(r"\| (?!case|-)", line)]
    assert len(rows) > 40
    assert [row for row in rows if not re.search(r"\| `tests/[\w/]+\.py:test_\w+` \|$", row)] == []


def test_the_readme_has_the_same_measurements():
    measured = r"\| ([\d.]+ [mu]s) \| (?:PyTorch, )?([\d.]+ [mu]s)"
    found = re.findall(measured, PAGES["performance"].split("### More programs")[0])
    overview = re.search("benchmarks: overview -->(.*)<!-- end of overview", (ROOT / "README.md").read_text(), re.DOTALL)
    shown = re.findall(measured, overview[1])
    assert len(shown) == 4 and shown == found[:4]


def test_every_file_exists():
    files = r"(?<![\w/])(?:minigrad|tests|docs|examples)/[\w/]+\.\w+"
    named = {path for text in PAGES.values() for path in re.findall(files, text)}
    assert len(named) > 20 and [path for path in sorted(named) if not Path(ROOT, path).is_file()] == []
