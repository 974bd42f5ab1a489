"""References to code, written `path:name` in a page, as links to lines.

`minigrad/ops/activation.py:softsign` is where the file defines softsign: a function, a class, a method (`Class.method`) or a
variable. The page names no line, so that it stays right when lines move; the line is looked up when the page is built, and
tests/test_contributing.py checks that each reference leads to a definition. The link leads to a page with the file's source,
which is part of the site.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
REFERENCE = re.compile(r"`((?:minigrad|tests|docs)/[\w/]+\.py):([\w.]+)`")


def line_of(path: str, name: str) -> int:
    """Return the line on which a file defines a name; raise LookupError if it does not."""
    body = ast.parse((ROOT / path).read_text()).body
    found: ast.stmt | None = None
    for part in name.split("."):
        found = next((statement for statement in body if part in _defined(statement)), None)
        if found is None:
            raise LookupError(f"{path} does not define {name}")
        body = getattr(found, "body", [])
    assert found is not None
    return found.lineno


def _defined(statement: ast.stmt) -> set[str]:
    match statement:
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
            return {name}
        case ast.Assign(targets=targets):
            return {target.id for target in targets if isinstance(target, ast.Name)}
        case ast.AnnAssign(target=ast.Name(id=name)):
            return {name}
    return set()


def with_lines(text: str, page_of: Callable[[str], str]) -> str:
    """Return a page with each reference as a link to its line; `page_of` returns the page of a file's source."""

    def link(found: re.Match[str]) -> str:
        path, name = found.groups()
        line = line_of(path, name)
        shown, at = (text.replace("_", "&#95;") for text in (name, path))  # __call__ would be bold
        return f'<a href="{page_of(path)}#L-{line}"><code>{shown}</code></a> ({at}:{line})'

    return REFERENCE.sub(link, text)


def referenced() -> list[str]:
    """Return the paths of all files that pages refer to, the table of calculus among them."""
    pages = (ROOT / "docs").glob("**/*.md")
    operations = {path.relative_to(ROOT).as_posix() for path in (ROOT / "minigrad" / "ops").glob("[a-z]*.py")}
    return sorted(operations | {path for page in pages for path, _ in REFERENCE.findall(page.read_text())})


def source_pages(app) -> Iterator[tuple[str, dict[str, str], str]]:
    """Yield a page for each of these files, with its source and numbered lines."""
    for path in referenced():
        code = app.builder.highlighter.highlight_block(
            (ROOT / path).read_text(), "python", lineanchors="L", linenos="inline"
        )
        yield f"source/{path}", {"title": path, "body": f"<h1>{path}</h1>{code}"}, "page.html"


def setup(app):
    def read(app, page, source):
        source[0] = with_lines(source[0], lambda path: app.builder.get_relative_uri(page, f"source/{path}"))

    app.connect("source-read", read)
    app.connect("html-collect-pages", source_pages)
