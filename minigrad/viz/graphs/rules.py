"""The source of a gradient rule, as a reader would quote it: ``g * (1 - out * out)``."""

from __future__ import annotations

import ast
import functools
import linecache
from types import CodeType
from typing import Any

__all__ = ["rule_text"]


def rule_text(rule: Any) -> str:
    """Return the expression that a rule returns, or its statements; empty where its source cannot be found.

    The text never holds a path or a line number.
    """
    return _text(rule.__code__) if hasattr(rule, "__code__") else ""


@functools.lru_cache(maxsize=4096)
def _text(code: CodeType) -> str:
    lines = linecache.getlines(code.co_filename)
    function = _find(code, _functions("".join(lines)))
    if isinstance(function, ast.Lambda):
        return _source(lines, function.body, function.body)
    if function is None:
        return ""
    body = function.body
    if isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant) and len(body) > 1:
        body = body[1:]  # the docstring
    if len(body) == 1 and isinstance(body[0], ast.Return) and body[0].value is not None:
        return _source(lines, body[0].value, body[0].value)
    return _source(lines, body[0], body[-1])


@functools.lru_cache(maxsize=64)
def _functions(source: str) -> tuple[ast.Lambda | ast.FunctionDef, ...]:
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return ()
    return tuple(node for node in ast.walk(tree) if isinstance(node, ast.Lambda | ast.FunctionDef))


def _find(code: CodeType, functions: tuple[ast.Lambda | ast.FunctionDef, ...]) -> ast.Lambda | ast.FunctionDef | None:
    """Find the function with the arguments and the place of the code; several lambdas may be on one line."""
    names = code.co_varnames[: code.co_argcount]
    places = [(line, column) for line, _, column, _ in code.co_positions() if line and column]
    for function in functions:
        if tuple(a.arg for a in function.args.args) != names:
            continue
        first = function.body if isinstance(function, ast.Lambda) else function.body[0]
        last = function.body if isinstance(function, ast.Lambda) else function.body[-1]
        start, end = (first.lineno, first.col_offset), (last.end_lineno or 0, last.end_col_offset or 0)
        if places and start <= max(places) <= end and any(start <= place <= end for place in places):
            return function
    return None


def _source(lines: list[str], first: ast.AST, last: ast.AST) -> str:
    """Return the source from one node to another, without the indentation of the first line."""
    start, end = first.lineno - 1, last.end_lineno  # type: ignore[attr-defined]
    text = lines[start:end]
    text[-1] = text[-1].encode()[: last.end_col_offset].decode()  # type: ignore[attr-defined]
    text[0] = text[0].encode()[first.col_offset :].decode()  # type: ignore[attr-defined]
    indent = first.col_offset  # type: ignore[attr-defined]
    rest = [line[min(indent, len(line) - len(line.lstrip())) :] for line in text[1:]]
    return "".join([text[0], *rest]).rstrip()
