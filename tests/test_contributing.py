"""Every place in the code that a page names is there, and docs/contributing.md means what it says."""

import importlib.util
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "contributing.md").read_text()

spec = importlib.util.spec_from_file_location("references", ROOT / "docs" / "_extensions" / "references.py")
references = importlib.util.module_from_spec(spec)
spec.loader.exec_module(references)
FOUND = sorted(set(references.REFERENCE.findall(PAGE)))
ALL = sorted({pair for page in (ROOT / "docs").glob("**/*.md") for pair in references.REFERENCE.findall(page.read_text())})


@pytest.mark.parametrize("path, name", ALL, ids=[":".join(pair) for pair in ALL])
def test_the_line_shows_the_named_thing(path, name):
    line = (ROOT / path).read_text().splitlines()[references.line_of(path, name) - 1]
    assert name.rpartition(".")[2] in line


def test_every_file_exists():
    named = re.findall(r"(?:minigrad|tests|docs)/[\w/]+\.(?:py|md)", PAGE)
    assert len(set(named)) > 30 and [path for path in named if not (ROOT / path).is_file()] == []


def test_every_reference_of_the_page_is_checked():
    assert len(FOUND) > 40
    assert {":".join(pair) for pair in FOUND} == set(re.findall(r"`([\w/]+\.py:[\w.]+)`", PAGE))


def test_the_six_tasks_are_there():
    wanted = ["operation", "layer", "optimizer", "file format", "picture", "proof"]
    assert re.findall(r"^## A new (.+)$", PAGE, re.MULTILINE) == wanted


def test_lines_are_filled_in():
    path, name = "minigrad/pytree.py", "map_leaves"
    line = references.line_of(path, name)
    link = f'<a href="../{path}#L-{line}"><code>map&#95;leaves</code></a> ({path}:{line})'
    assert references.with_lines(f"see `{path}:{name}`.", lambda path: f"../{path}") == f"see {link}."
    with pytest.raises(LookupError, match=r"minigrad/pytree.py does not define map_trees"):
        references.line_of(path, "map_trees")
