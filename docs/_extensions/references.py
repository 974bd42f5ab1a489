"""References to code, written `path:name` in a page, as file, line and link.

`minigrad/ops/activation.py:softsign` is where the file defines softsign: a function, a class, a method (`Class.method`) or a
variable. The page names no line, so that it stays right when lines move; the line is looked up when the page is built, and
tests/test_contributing.py checks that each reference leads to a definition.
"""

from __future__ import annotations

import ast
import re
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


def with_lines(text: str) -> str:
    """Return a page with each reference as `name` followed by file and line."""
    return REFERENCE.sub(lambda found: f"`{found[2]}` ({found[1]}:{line_of(found[1], found[2])})", text)


def setup(app):
    def read(app, page, source):
        source[0] = with_lines(source[0])

    app.connect("source-read", read)
