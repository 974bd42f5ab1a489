"""Every Python block of README and docs runs, and every value that a comment promises is the value."""

import ast
import contextlib
import io
import re
import tokenize
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CODE = r"^```(?:python|{code-cell})\n(?::[^\n]*\n)*"  # with the options of a cell, as in ":tags: [hide-input]"
PAGES = [
    page
    for page in (ROOT / "README.md", *sorted((ROOT / "docs").glob("**/*.md")))
    if page.parent.name != "ko"  # their blocks are those of the English pages: test_korean_pages.py
    and re.search(CODE, page.read_text("utf-8"), re.MULTILINE)
]


def blocks(page):
    """Each block of code, and the block of text right after it, which it prints."""
    block = CODE + r"(.*?)^```\n(?:\n^```text\n(.*?)^```)?"
    return re.findall(block, page.read_text(), re.MULTILINE | re.DOTALL)


def comments(code):
    """What stands behind the `#` on each line."""
    tokens = tokenize.generate_tokens(io.StringIO(code).readline)
    return {t.start[0]: t.string.lstrip("# ") for t in tokens if t.type == tokenize.COMMENT}


def run(code, names):
    promised = comments(code)
    for statement in ast.parse(code).body:
        if (
            isinstance(statement, ast.Expr)
            and statement.end_lineno in promised
            and not isinstance(statement.value, ast.Constant)
        ):
            value = eval(compile(ast.Expression(statement.value), "<block>", "eval"), names)
            if value is not None:
                assert repr(value) == promised[statement.end_lineno], ast.unparse(statement)
        else:
            exec(compile(ast.Module([statement], []), "<block>", "exec"), names)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_blocks_run_in_order(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {}
    for code, printed in blocks(page):
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            run(code, names)
        if printed:
            assert out.getvalue() == printed, code


def test_a_wrong_promise_is_noticed():
    run("1 + 1  # 2", {})
    with pytest.raises(AssertionError, match=r"1 \+ 1"):
        run("1 + 1  # 3", {})


def test_no_page_names_a_path_of_somebodys_machine():
    tracked = [p for pattern in ("*.md", "docs/**/*.*", "minigrad/**/*.py", "examples/**/*.*") for p in ROOT.glob(pattern)]
    for page in tracked:
        if page.suffix in {".md", ".py", ".svg", ".html", ".json", ".txt", ".mmd", ".dot"} and "_build" not in page.parts:
            assert not re.search(r"(?<![\w.])/(home|root|work|tmp|Users)/\w", page.read_text()), page


def test_the_table_of_calculus_has_every_room_of_ops():
    rooms = {path.stem for path in (ROOT / "minigrad" / "ops").glob("*.py")} - {"__init__"}
    listed = re.findall(r"{calculus} (\w+)", (ROOT / "docs" / "operations.md").read_text())
    assert sorted(listed) == sorted(rooms)
