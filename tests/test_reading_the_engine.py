"""Chapter 11 of the tutorial is true: its references are in the order in which a step runs, and its lines are counted."""

import contextlib
import io
import re
from pathlib import Path

import pytest

from tests.test_contributing import references
from tests.test_documents import blocks, run

ROOT = Path(__file__).parents[1]
PATH = ROOT / "docs" / "tutorial" / "11_reading_the_engine.md"
PAGE = PATH.read_text()
FOUND = references.REFERENCE.findall(PAGE)


@pytest.fixture(scope="module")
def names():
    """The names that the code of the page defines."""
    defined = {}
    with contextlib.redirect_stdout(io.StringIO()):
        for code, _ in blocks(PATH):
            run(code, defined)
    return defined


def test_every_reference_of_the_page_is_checked():
    assert len(FOUND) > 25
    assert [":".join(pair) for pair in FOUND] == re.findall(r"`([\w/]+\.py:[\w.]+)`", PAGE)


def test_the_walk_is_in_the_order_in_which_a_step_runs(names):
    """The functions named before the last sections are called in the order of the page: a subsequence of all calls."""
    walk = references.REFERENCE.findall(PAGE.partition("## What this walk passed by")[0])
    ran = names["calls"](names["step"], 0.5)
    called = iter([(f"minigrad/{file}", name.removesuffix(".__init__")) for file, name in ran])
    for reference in walk:
        assert reference in called, f"{':'.join(reference)} is not called after those named before it"


def test_the_numbers_of_lines(names):
    """What pages say of the length of the engine is within 50 of what a count says; README is such a page."""
    files = ("engine/primitive.py", "engine/tape.py", "engine/walk.py", "tensors/tensor.py")
    assert names["ENGINE"] == files
    counts = [sum(numbers) for numbers in zip(*[names["count"](ROOT / "minigrad" / file) for file in files], strict=True)]
    for page in (PATH, ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        said = re.findall(r"about\s+([\d,]+) lines, about\s+([\d,]+) of them code", page.read_text())
        assert said or page not in (PATH, ROOT / "README.md")
        for pair in said:
            assert [int(number.replace(",", "")) for number in pair] == pytest.approx(counts, abs=50), page
